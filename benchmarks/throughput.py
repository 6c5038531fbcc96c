"""Samples a second of the engines, of raw vLLM and of lmms-eval's own backends, on the same samples and checkpoint.

    python benchmarks/throughput.py                                       table on standard output
    python benchmarks/throughput.py --rounds 9 --json FILE                medians over rounds, and the figures as JSON
    python benchmarks/throughput.py --sides vllm,raw --kinds "photos*6"   six questions about each photo

Every side runs in a process of its own with empty caches. All are started (some 2 GiB each), and take turns with
rounds of generation, each on files of its own and beginning with another side, so that a machine that gets slower or
faster does not favour one: ratios are medians over the rounds of ratios within one. `raw` is `LLM.generate` on images
and frames that are decoded and prompts that are written beforehand: what vLLM can do at most when nothing has to be
prepared. Texts are compared between the sides, and how many of them differ from sample to sample is printed: a
checkpoint that always says the same would prove nothing. Where others use the machine, seconds of processor time say
more than those of a clock; that a core prepares while another generates shows in the latter alone.

`vllm` tells no log-probabilities, as the other sides do not; `vllm+logprobs` is what `harness eval` does.

Kinds: `images` of 640x480, `photos` of 1920x1440, and `videos`; `*N`: so many questions about each of them.

lmms-eval's `qwen2_5_vl` backend needs `decord`, computes in bfloat16 and writes a system prompt: its texts may differ.
Both of its backends sample the frames of a video themselves, and `vllm` sends them as images.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from throughput_sides import SIDES, WARM_UP, Job

from harness.engines.vllm_platform import set_environment

SIZES = {"images": (640, 480), "photos": (1920, 1440), "videos": (320, 240)}
FIGURES = "figures: "


def make_data(folder: Path, kind: str, count: int) -> None:
    """Photo-like JPEG files (smooth noise over coloured blocks), or short H.264 videos of such pictures."""
    import av
    import numpy as np
    from PIL import Image, ImageFilter

    width, height = SIZES[kind]
    rng = np.random.default_rng(len(kind))

    def picture() -> Image.Image:
        blocks = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)
        smooth = np.asarray(Image.fromarray(blocks).resize((width, height), Image.Resampling.BICUBIC)).astype(
            np.float32
        )
        grain = rng.normal(0, 12, (height, width, 3))
        noisy = Image.fromarray((smooth + grain).clip(0, 255).astype(np.uint8))
        return noisy.filter(ImageFilter.GaussianBlur(1))

    for number in range(count):
        if kind != "videos":
            picture().save(folder / f"{kind}-{number:05}.jpg", quality=90)
            continue
        with av.open(str(folder / f"{kind}-{number:05}.mp4"), "w") as container:
            stream = container.add_stream("libx264", rate=8)
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            still = np.asarray(picture())
            for step in range(32):
                frame = av.VideoFrame.from_ndarray(np.roll(still, 6 * step, axis=1), format="rgb24")
                container.mux(stream.encode(frame))
            container.mux(stream.encode())


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_mib(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


def work(job: Job) -> None:
    """Run one side: a round for each line of standard input, its figures as a line of standard output."""
    set_environment()  # As the `vllm` engine does; the other sides gain as much by it.
    phase, close = SIDES[job.side](job)
    phase(job.numbers(-1))
    pids = [os.getpid(), *(child.pid for child in multiprocessing.active_children() if child.pid)]
    print(FIGURES, flush=True)
    for line in sys.stdin:
        numbers = job.numbers(int(line))
        before = [cpu_seconds(pid) for pid in pids]
        start = time.perf_counter()
        texts = phase(numbers)
        seconds = time.perf_counter() - start
        used = [cpu_seconds(pid) - earlier for pid, earlier in zip(pids, before, strict=True)]
        figures = {
            "samples_per_s": len(texts) / seconds,
            "main_cpu_s": used[0],
            "all_cpu_s": sum(used),
            "all_peak_mib": sum(peak_mib(pid) for pid in pids),
            "texts": texts,
        }
        print(FIGURES + json.dumps(figures), flush=True)
    close()


class Side:
    """One side in a fresh process."""

    def __init__(self, job: Job, timeout_s: float) -> None:
        self.job, self.timeout_s = job, timeout_s
        self.cache = tempfile.TemporaryDirectory()
        self.process = subprocess.Popen(
            [sys.executable, __file__, "--work", json.dumps(asdict(job), default=str)],
            env={"TOKENIZERS_PARALLELISM": "false"} | os.environ | {"VLLM_CACHE_ROOT": self.cache.name},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def answer(self) -> str | None:
        """What it says next; `None` when it fails, with its last words on standard error."""
        assert self.process.stdout is not None
        timer = threading.Timer(self.timeout_s, self.process.kill)
        timer.start()
        said = []
        for line in self.process.stdout:
            if line.startswith(FIGURES):
                timer.cancel()
                return line.removeprefix(FIGURES)
            said.append(line)
        timer.cancel()
        print(f"{self.job.side} on {self.job.kind} failed: {''.join(said).strip()[-500:]}", file=sys.stderr)
        return None

    def run(self, round_: int) -> dict[str, Any] | None:
        """The figures of a round; `None` when it fails."""
        assert self.process.stdin is not None
        try:
            print(round_, file=self.process.stdin, flush=True)
        except BrokenPipeError:
            return None
        line = self.answer()
        return None if line is None else dict(json.loads(line))

    def end(self) -> None:
        """Have it end."""
        self.process.communicate()
        self.cache.cleanup()


def summarise(kind: str, runs: Mapping[str, Mapping[int, dict[str, Any]]]) -> list[dict[str, Any]]:
    """Medians of each side over the rounds, and the medians of the `vllm` engine's ratios to it within them."""
    rows = []
    ours = runs.get("vllm", {})
    for side, figures in runs.items():
        if not figures:
            continue
        row: dict[str, Any] = {"kind": kind, "side": side, "rounds": len(figures)}
        for name in ("samples_per_s", "main_cpu_s", "all_cpu_s", "all_peak_mib"):
            row[name] = statistics.median(figure[name] for figure in figures.values())
        both = sorted(ours.keys() & figures.keys())
        if both:
            for name in ("samples_per_s", "all_cpu_s"):
                ratios = [ours[round_][name] / figures[round_][name] for round_ in both]
                row[f"vllm_times_{name}"] = statistics.median(ratios)
                row[f"vllm_times_{name}_range"] = [min(ratios), max(ratios)]
            texts, others = ours[both[0]]["texts"], figures[both[0]]["texts"]
            row["same_texts"] = sum(mine == other for mine, other in zip(texts, others, strict=True)) / len(texts)
        row["distinct_texts"] = len(set(next(iter(figures.values()))["texts"]))
        rows.append(row)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="demo")
    parser.add_argument("--samples", type=int, default=48, help="a round; a quarter as many about photos and videos")
    parser.add_argument("--max-new-tokens", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sides", default="vllm,vllm+logprobs,raw,lmms-vllm@1,lmms-vllm@512,hf,lmms-qwen@32")
    parser.add_argument("--kinds", default="images,images*6,photos,photos*6,videos,videos*6")
    parser.add_argument("--timeout-s", type=float, default=900, help="of a start, and of a round")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--work", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.work:
        asked = json.loads(arguments.work)
        work(Job(**{**asked, "folder": Path(asked["folder"])}))
        return
    rows = []
    for kind in arguments.kinds.split(","):
        base, _, times = kind.partition("*")
        questions = int(times or 1)
        samples = arguments.samples if base == "images" or questions > 1 else arguments.samples // 4
        files = max(1, samples // questions)
        with tempfile.TemporaryDirectory() as folder:
            make_data(Path(folder), base, WARM_UP + arguments.rounds * files)
            sides = []
            for name in arguments.sides.split(","):
                job = Job(
                    side=name,
                    kind=base,
                    questions=questions,
                    model=arguments.model,
                    folder=Path(folder),
                    files=files,
                    rounds=arguments.rounds,
                    max_new_tokens=arguments.max_new_tokens,
                )
                side = Side(job, arguments.timeout_s)
                if side.answer() is not None:
                    sides.append(side)
            runs: dict[str, dict[int, dict[str, Any]]] = {side.job.side: {} for side in sides}
            for round_ in range(arguments.rounds):
                for side in sides[round_ % len(sides) :] + sides[: round_ % len(sides)]:
                    figures = side.run(round_)
                    if figures is not None:
                        runs[side.job.side][round_] = figures
                        print(f"{kind} {side.job.side}: {figures['samples_per_s']:.1f}/s", file=sys.stderr)
            for side in sides:
                side.end()
        rows += summarise(kind, runs)
    from tabulate import tabulate

    shown = (
        ("kind", "kind"), ("side", "side"), ("samples_per_s", "samples/s"), ("vllm_times_samples_per_s", "vllm is x"),
        ("main_cpu_s", "main CPU s"), ("all_cpu_s", "CPU s"), ("vllm_times_all_cpu_s", "vllm takes x"),
        ("all_peak_mib", "peak MiB"),
        ("same_texts", "same texts"), ("distinct_texts", "distinct"),
    )  # fmt: skip
    print(tabulate([[row.get(key) for key, _ in shown] for row in rows], [title for _, title in shown], floatfmt=".2f"))
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
