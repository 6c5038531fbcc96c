"""Samples a second of the engines, of raw vLLM and of lmms-eval's own backends, on the same samples and checkpoint.

    python benchmarks/throughput.py                              table on standard output
    python benchmarks/throughput.py --repeats 3 --json FILE      medians over repetitions, and the figures as JSON
    python benchmarks/throughput.py --sides vllm,raw --kinds images

Every side runs in a process of its own with empty caches, one after the other; repetitions start with another side
each, so that a machine that gets slower or faster does not favour one. A side's generation phase is timed after eight
samples that warm it up; `whole` is the process from start to end. `raw` is `LLM.generate` on images and frames that are
decoded and prompts that are written beforehand: what vLLM can do at most when nothing has to be prepared. Texts are
compared between the sides, and how many of them differ from sample to sample is printed: a checkpoint that always says
the same would prove nothing.

`vllm` tells no log-probabilities, as the other sides do not; `vllm+logprobs` is what `harness eval` does.

Kinds: `images` of 640x480, `pope` with six questions about each of them, `photos` of 1920x1440, and `videos`.

lmms-eval's `qwen2_5_vl` backend needs `decord`, computes in bfloat16 and writes a system prompt: its texts may differ.
Both of its backends sample the frames of a video themselves, and `vllm` sends them as images.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from throughput_sides import QUESTIONS, SIDES, WARM_UP, Job

SIZES = {"images": (640, 480), "pope": (640, 480), "photos": (1920, 1440), "videos": (320, 240)}
FIGURES = "figures.json"
CPU_ENVIRONMENT = {
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "VLLM_LOGGING_LEVEL": "ERROR",
    "VLLM_NO_USAGE_STATS": "1",
    "TOKENIZERS_PARALLELISM": "false",
    # What the `vllm` engine sets by itself; the other sides gain as much by it.
    "OMP_NUM_THREADS": str(max(1, len(os.sched_getaffinity(0)) - 1)),
}


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


def work(job: Job) -> dict[str, Any]:
    """Run one side and give its figures."""
    phase, close = SIDES[job.side](job)
    numbers = range(len(job.paths()))
    phase(numbers[:WARM_UP])
    pids = [os.getpid(), *(child.pid for child in multiprocessing.active_children() if child.pid)]
    before = [cpu_seconds(pid) for pid in pids]
    start = time.perf_counter()
    texts = phase(numbers[WARM_UP:])
    seconds = time.perf_counter() - start
    used = [cpu_seconds(pid) - earlier for pid, earlier in zip(pids, before, strict=True)]
    figures = {
        "samples_per_s": len(texts) / seconds,
        "main_cpu_s": used[0],
        "all_cpu_s": sum(used),
        "main_peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "all_peak_mib": sum(peak_mib(pid) for pid in pids),
        "texts": texts,
    }
    close()
    return figures


def measure(job: Job, timeout_s: float) -> dict[str, Any] | None:
    """Run one side in a fresh process; `None` when it fails, with its last words on standard error."""
    out = job.folder / FIGURES
    out.unlink(missing_ok=True)
    arguments = [sys.executable, __file__, "--work", json.dumps(asdict(job), default=str)]
    with tempfile.TemporaryDirectory() as cache:
        environment = CPU_ENVIRONMENT | os.environ | {"VLLM_CACHE_ROOT": cache}
        start = time.perf_counter()
        try:
            done = subprocess.run(
                arguments, env=environment, capture_output=True, text=True, timeout=timeout_s, check=False
            )
        except subprocess.TimeoutExpired:
            print(f"{job.side} on {job.kind}: no result within {timeout_s:g} s", file=sys.stderr)
            return None
        seconds = time.perf_counter() - start
    if not out.exists():
        print(f"{job.side} on {job.kind} failed: {done.stderr.strip()[-500:]}", file=sys.stderr)
        return None
    figures: dict[str, Any] = json.loads(out.read_text())
    return figures | {"whole_samples_per_s": job.samples / seconds}


def summarise(kind: str, runs: Mapping[str, Mapping[int, dict[str, Any]]]) -> list[dict[str, Any]]:
    """Medians of each side over the repetitions, and the medians of the `vllm` engine's ratios to it within them."""
    rows = []
    ours = runs.get("vllm", {})
    for side, figures in runs.items():
        if not figures:
            continue
        row: dict[str, Any] = {"kind": kind, "side": side, "repeats": len(figures)}
        for name in (
            "samples_per_s", "whole_samples_per_s", "main_cpu_s", "all_cpu_s", "main_peak_mib", "all_peak_mib"
        ):  # fmt: skip
            row[name] = statistics.median(figure[name] for figure in figures.values())
        both = sorted(ours.keys() & figures.keys())
        if both:
            for name in ("samples_per_s", "whole_samples_per_s"):
                ratios = [ours[repeat][name] / figures[repeat][name] for repeat in both]
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
    parser.add_argument("--samples", type=int, default=240, help="images; a quarter as many photos and videos")
    parser.add_argument("--max-new-tokens", type=int, default=32)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--sides", default="vllm,vllm+logprobs,raw,lmms-vllm@1,lmms-vllm@512,hf,lmms-qwen@32")
    parser.add_argument("--kinds", default="images,pope,photos,videos")
    parser.add_argument("--timeout-s", type=float, default=900)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--work", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.work:
        asked = json.loads(arguments.work)
        job = Job(**{**asked, "folder": Path(asked["folder"])})
        (job.folder / FIGURES).write_text(json.dumps(work(job)))
        return
    sides = arguments.sides.split(",")
    rows = []
    for kind in arguments.kinds.split(","):
        samples = arguments.samples if kind in ("images", "pope") else max(1, arguments.samples // 4)
        runs: dict[str, dict[int, dict[str, Any]]] = {side: {} for side in sides}
        with tempfile.TemporaryDirectory() as folder:
            make_data(Path(folder), kind, -(-(WARM_UP + samples) // QUESTIONS.get(kind, 1)))
            for repeat in range(arguments.repeats):
                for side in sides[repeat % len(sides) :] + sides[: repeat % len(sides)]:
                    job = Job(
                        side=side,
                        kind=kind,
                        model=arguments.model,
                        folder=Path(folder),
                        samples=samples,
                        max_new_tokens=arguments.max_new_tokens,
                    )
                    figures = measure(job, arguments.timeout_s)
                    if figures is not None:
                        runs[side][repeat] = figures
                        print(f"{kind} {side}: {figures['samples_per_s']:.1f}/s", file=sys.stderr)
        rows += summarise(kind, runs)
    from tabulate import tabulate

    shown = (
        ("kind", "kind"), ("side", "side"), ("samples_per_s", "samples/s"), ("vllm_times_samples_per_s", "vllm is x"),
        ("whole_samples_per_s", "whole/s"), ("vllm_times_whole_samples_per_s", "vllm is x"),
        ("main_cpu_s", "main CPU s"), ("all_cpu_s", "CPU s"), ("all_peak_mib", "peak MiB"),
        ("same_texts", "same texts"), ("distinct_texts", "distinct"),
    )  # fmt: skip
    print(tabulate([[row.get(key) for key, _ in shown] for row in rows], [title for _, title in shown], floatfmt=".2f"))
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
