"""How long until something happens: help, imports, and the first response of an evaluation.

    python benchmarks/startup.py                                 table on standard output
    python benchmarks/startup.py --engines hf --repeats 3 --json FILE

The first response of `harness eval` is the first line of `samples.jsonl`; that of lmms-eval, on the same questions of
the demo world and the same checkpoint, is the first step of its progress bar. Medians over repetitions, which take
turns. lmms-eval's `vllm` is started twice: with the settings of the `vllm` engine on CPU (float32, not compiled), and
with its own. A side that cannot run here (lmms-eval's `qwen2_5_vl` needs decord) is named and left out.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from tabulate import tabulate

ROOT = Path(__file__).parents[1]
QUESTIONS = 8
ENVIRONMENT = {
    "HARNESS_DATA": "demo",
    "HF_HUB_OFFLINE": "1",
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "PYTHONUNBUFFERED": "1",
}


class NoResponseError(Exception):
    """A side that ended without a response, and its last words."""


def last_line(text: str) -> str:
    return (text.strip().splitlines() or ["no message"])[-1]


def finish(*command: str) -> float:
    """Seconds that a command takes."""
    start = time.perf_counter()
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return time.perf_counter() - start


@contextmanager
def running(*arguments: str) -> Iterator[tuple[subprocess.Popen[bytes], IO[bytes]]]:
    """A Python process and its standard error; it is stopped at the end, with all that it has started."""
    process = subprocess.Popen(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=ENVIRONMENT | os.environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stderr is not None
    try:
        yield process, process.stderr
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stderr.close()


def first_response(engine: str) -> float:
    """Seconds until `harness eval` has stored a response."""
    with tempfile.TemporaryDirectory() as folder:
        records = Path(folder) / "run" / "samples.jsonl"
        command = [
            "-m", "harness", "eval", "--model", "demo", "--engine", engine, "--tasks", "pope", "--limit",
            str(QUESTIONS), "--out", str(records.parent), "--no-diagnose",
        ]  # fmt: skip
        start = time.perf_counter()
        with running(*command) as (process, said):
            while not records.exists() or not records.stat().st_size:
                if process.poll() is not None:
                    raise NoResponseError(f"harness eval: {last_line(said.read().decode(errors='replace'))}")
                time.sleep(0.01)
            return time.perf_counter() - start


def lmms_first_response(model: str, arguments: str) -> float:
    """Seconds until lmms-eval's progress bar has left zero."""
    with tempfile.TemporaryDirectory() as folder:
        command = [
            "-m", "lmms_eval", "--model", model, "--model_args", arguments, "--tasks", "harness_pope",
            "--include_path", str(ROOT / "tasks"), "--limit", str(QUESTIONS), "--output_path", folder,
            "--batch_size", "1",
        ]  # fmt: skip
        start = time.perf_counter()
        seen = b""
        with running(*command) as (_, said):
            while piece := os.read(said.fileno(), 4096):
                seen += piece
                bar = seen.rfind(b"Model Responding:")
                if bar >= 0 and b"%" in seen[bar:] and b"  0%" not in seen[bar : bar + 30]:
                    return time.perf_counter() - start
        raise NoResponseError(f"lmms-eval {model}: {last_line(seen.decode(errors='replace'))}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engines", default="hf,vllm")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    python = sys.executable
    checkpoint = str(ROOT / "harness" / "demo" / "checkpoints" / "demo")
    sides: dict[str, Callable[[], float]] = {
        "python, nothing": lambda: finish(python, "-c", "pass"),
        "harness --help": lambda: finish(python, "-m", "harness", "--help"),
        "harness tasks": lambda: finish(python, "-m", "harness", "tasks"),
        "import torch": lambda: finish(python, "-c", "import torch"),
        "import lmms_eval.evaluator": lambda: finish(python, "-c", "import lmms_eval.evaluator"),
    }
    engines = arguments.engines.split(",")
    if "hf" in engines:
        sides["first response, harness hf"] = lambda: first_response("hf")
        sides["first response, lmms-eval qwen2_5_vl"] = lambda: lmms_first_response(
            "qwen2_5_vl", f"pretrained={checkpoint},device=cpu,device_map=cpu"
        )
    if "vllm" in engines:
        sides["first response, harness vllm"] = lambda: first_response("vllm")
        sides["first response, lmms-eval vllm"] = lambda: lmms_first_response(
            "vllm", f"model={checkpoint},dtype=float32,enforce_eager=True"
        )
        sides["first response, lmms-eval vllm by default"] = lambda: lmms_first_response("vllm", f"model={checkpoint}")
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    broken: dict[str, str] = {}
    for _ in range(arguments.repeats):
        for name, side in sides.items():
            if name in broken:
                continue
            try:
                seconds[name].append(side())
                print(f"{name}: {seconds[name][-1]:.2f} s", file=sys.stderr)
            except NoResponseError as error:
                broken[name] = str(error)
                print(f"{name}: left out: {error}", file=sys.stderr)
    rows: list[dict[str, Any]] = [
        {
            "what": name,
            "seconds": statistics.median(values) if values else None,
            "all": values,
            "left_out": broken.get(name),
        }
        for name, values in seconds.items()
    ]
    for engine, other in (("hf", "qwen2_5_vl"), ("vllm", "vllm"), ("vllm", "vllm by default")):
        ours, theirs = (
            seconds.get(f"first response, harness {engine}"),
            seconds.get(f"first response, lmms-eval {other}"),
        )
        if ours and theirs:
            ratio = statistics.median(mine / its for mine, its in zip(ours, theirs, strict=False))
            rows.append({"what": f"{engine} to lmms-eval {other}", "seconds": ratio, "all": [], "left_out": None})
    print(tabulate([[row["what"], row["seconds"]] for row in rows], ["what", "seconds"], floatfmt=".2f"))
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
