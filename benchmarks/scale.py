"""Time and memory of a run over recorded samples: linear time, flat memory.

    python benchmarks/scale.py                            1,000, 10,000 and 100,000 samples
    python benchmarks/scale.py --sizes 1000,10000 --json FILE

Each size is one `harness eval --engine replay` of POPE questions in a process of its own, from reading the questions to
the finished report: with the diagnostics and without. `again` is the same command on the finished run, `resumed` on a
run that lost its second half.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from PIL import Image
from tabulate import tabulate

CATEGORIES = ("random", "popular", "adversarial")


def make_data(folder: Path, samples: int) -> tuple[Path, Path]:
    """Questions in POPE's schema, 18 of an image, and a response to each, most of them right.

    Returns:
        The data folder and the recording.
    """
    data, recording = folder / "data", folder / "responses.jsonl"
    (data / "pope").mkdir(parents=True)
    Image.new("RGB", (8, 8)).save(data / "pope" / "picture.png")
    with (data / "pope" / "rows.jsonl").open("w") as rows, recording.open("w") as responses:
        for number in range(samples):
            category, question = CATEGORIES[number % 3], number // 3
            row = {
                "id": str(number),
                "question_id": str(question),
                "question": f"Is there an object of kind {question} in the image?",
                "answer": "yes" if question % 2 else "no",
                "image_source": f"image-{number // 18}",
                "image": "picture.png",
                "category": category,
            }
            right = number % 7 != 0
            text = "Yes, there is." if (question % 2 == 1) == right else "No, there is no such object."
            rows.write(json.dumps(row) + "\n")
            responses.write(json.dumps({"id": f"{category}/{question}", "response": text}) + "\n")
    return data, recording


def run(data: Path, recording: Path, out: Path, *options: str) -> dict[str, float]:
    """Wall and CPU seconds and peak MiB of one evaluation."""
    command = [
        sys.executable, "-m", "harness", "eval", "--model", "recorded", "--engine", "replay", "--tasks", "pope",
        "--responses", str(recording), "--data", str(data), "--out", str(out), *options,
    ]  # fmt: skip
    start = time.perf_counter()
    with open(os.devnull, "w") as nothing:
        pid = os.posix_spawn(
            command[0],
            command,
            os.environ,
            file_actions=[(os.POSIX_SPAWN_DUP2, nothing.fileno(), 1), (os.POSIX_SPAWN_DUP2, nothing.fileno(), 2)],
        )
        _, status, usage = os.wait4(pid, 0)
    if status:
        raise SystemExit(f"harness eval exited with {os.waitstatus_to_exitcode(status)}: {' '.join(command)}")
    return {
        "seconds": time.perf_counter() - start,
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "peak_mib": usage.ru_maxrss / 1024,
    }


def measure(samples: int) -> list[dict[str, Any]]:
    rows = []

    def add(what: str, figures: dict[str, float]) -> None:
        rows.append({"samples": samples, "what": what, **figures})

    with tempfile.TemporaryDirectory() as folder:
        data, recording = make_data(Path(folder), samples)
        out = Path(folder) / "run"
        add("run", run(data, recording, out))
        add("again", run(data, recording, out))
        plain = Path(folder) / "plain"
        add("run, no diagnostics", run(data, recording, plain, "--no-diagnose"))
        (plain / "run.json").unlink()
        records = plain / "samples.jsonl"
        records.write_bytes(b"".join(records.open("rb").readlines()[: samples // 2]))
        add("resumed, no diagnostics", run(data, recording, plain, "--no-diagnose"))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="1000,10000,100000")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    rows = [row for size in arguments.sizes.split(",") for row in measure(int(size))]
    by_what: dict[str, dict[str, Any]] = {}
    for row in rows:
        smaller = by_what.get(row["what"])
        if smaller is not None:
            more = row["samples"] - smaller["samples"]
            row["us_a_sample"] = 1e6 * (row["cpu_seconds"] - smaller["cpu_seconds"]) / more
            row["kib_a_sample"] = 1024 * (row["peak_mib"] - smaller["peak_mib"]) / more
        by_what[row["what"]] = row
    titles = ("samples", "what", "seconds", "cpu_seconds", "peak_mib", "us_a_sample", "kib_a_sample")
    print(tabulate([[row.get(title) for title in titles] for row in rows], titles, floatfmt=".2f"))
    print("us_a_sample, kib_a_sample: what each sample adds to the size before, in CPU time and in memory.")
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
