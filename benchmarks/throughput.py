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
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from harness.prompts import instruction

WARM_UP = 8
NUM_FRAMES = 8
SIZES = {"images": (640, 480), "photos": (1920, 1440), "videos": (320, 240)}
CPU_ENVIRONMENT = {
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "VLLM_LOGGING_LEVEL": "ERROR",
    "VLLM_NO_USAGE_STATS": "1",
    "TOKENIZERS_PARALLELISM": "false",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What a worker is asked to do."""

    side: str
    kind: str
    model: str
    folder: Path
    samples: int
    max_new_tokens: int

    def paths(self) -> list[Path]:
        """The files of the samples, those of the warm-up first."""
        return sorted(self.folder.glob(f"{self.kind}-*"))[: WARM_UP + self.samples]

    def question(self, number: int) -> str:
        colours, shapes = ("red", "blue", "green", "yellow", "purple", "orange"), ("circle", "square", "triangle")
        question = f"Is there a {colours[number % 6]} {shapes[number % 3]} in the {self.kind[:-1]}?"
        return f"{question}\n{instruction('grounded', 'yes_no')}"


Texts = list[str]
Phase = Callable[[Sequence[int]], Texts]
"""Generates for the samples of these numbers."""


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


def engine_phase(name: str, job: Job) -> tuple[Phase, Callable[[], None]]:
    """One of the harness's engines."""
    from harness.checkpoints import resolve_checkpoint
    from harness.engines import Decoding, Request
    from harness.engines.hf import HfEngine
    from harness.media import open_image, open_video
    from harness.types import Media

    checkpoint = resolve_checkpoint(job.model)
    if name == "hf":
        engine: Any = HfEngine(checkpoint)
    else:
        from harness.engines.vllm import VllmEngine

        engine = VllmEngine(checkpoint)
    engine.load()
    paths = job.paths()
    decoding = Decoding(max_new_tokens=job.max_new_tokens)

    def open_media(number: int) -> list[Any]:
        if job.kind == "videos":
            return [open_video(paths[number], NUM_FRAMES)]
        return [open_image(paths[number].read_bytes())]

    def phase(numbers: Sequence[int]) -> Texts:
        requests = [
            Request(
                task="benchmark",
                sample_id=str(number),
                prompt=job.question(number),
                media=(Media(kind="video" if job.kind == "videos" else "image", source=paths[number].name),),
                open_media=partial(open_media, number),
            )
            for number in numbers
        ]
        texts = {}
        for request, response in engine.generate(requests, decoding):
            assert response.error is None, response.error
            texts[int(request.sample_id)] = response.text
        return [texts[number] for number in numbers]

    return phase, engine.close


def raw_phase(job: Job) -> tuple[Phase, Callable[[], None]]:
    """`LLM.generate` with everything prepared."""
    from transformers import AutoProcessor
    from vllm import LLM, SamplingParams

    from harness.checkpoints import resolve_checkpoint
    from harness.engines.preparation import video_metadata
    from harness.media import open_image, open_video

    folder = str(resolve_checkpoint(job.model).folder)
    llm = LLM(folder, dtype="float32", enforce_eager=True, disable_log_stats=True)
    processor = AutoProcessor.from_pretrained(folder)
    prompts = []
    for number, path in enumerate(job.paths()):
        content = [
            {"type": "video" if job.kind == "videos" else "image"},
            {"type": "text", "text": job.question(number)},
        ]
        text = processor.apply_chat_template(
            [{"role": "user", "content": content}], tokenize=False, add_generation_prompt=True
        )
        if job.kind == "videos":
            video = open_video(path, NUM_FRAMES)
            media = {"video": [(video.frames, video_metadata(video) | {"do_sample_frames": False})]}
        else:
            media = {"image": [open_image(path.read_bytes())]}
        prompts.append({"prompt": text, "multi_modal_data": media})
    parameters = SamplingParams(temperature=0, max_tokens=job.max_new_tokens)

    def phase(numbers: Sequence[int]) -> Texts:
        outputs = llm.generate([prompts[number] for number in numbers], parameters, use_tqdm=False)
        return [output.outputs[0].text.strip() for output in outputs]

    return phase, lambda: None


def lmms_phase(backend: str, batch_size: int, job: Job) -> tuple[Phase, Callable[[], None]]:
    """A chat model of lmms-eval, fed as its evaluator feeds it: images as the data set decodes them."""
    import io

    from lmms_eval.api.instance import Instance
    from PIL import Image

    from harness.checkpoints import resolve_checkpoint

    folder = str(resolve_checkpoint(job.model).folder)
    if backend == "vllm":
        from lmms_eval.models.chat.vllm import VLLM

        model = VLLM(
            folder,
            batch_size=batch_size,
            nframes=NUM_FRAMES,
            dtype="float32",
            enforce_eager=True,
            disable_log_stats=True,
            max_new_tokens=1,  # It takes the larger of its own and the task's.
        )
    else:
        from lmms_eval.models.chat.qwen2_5_vl import Qwen2_5_VL
        from transformers import AutoProcessor

        # Its own default would make small pictures larger than the checkpoint does.
        size = dict(AutoProcessor.from_pretrained(folder).image_processor.size)
        model = Qwen2_5_VL(
            folder,
            device="cpu",
            device_map="cpu",
            batch_size=batch_size,
            max_num_frames=NUM_FRAMES,
            min_pixels=size["shortest_edge"],
            max_pixels=size["longest_edge"],
        )
    paths = job.paths()
    documents = [path if job.kind == "videos" else path.read_bytes() for path in paths]

    class Documents:
        """A data set, which opens an image anew whenever its row is asked for."""

        def __getitem__(self, number: int) -> dict[str, Any]:
            return {"number": number, "media": documents[number]}

    def to_messages(document: Mapping[str, Any]) -> list[dict[str, Any]]:
        medium = (
            {"type": "video", "url": str(document["media"])}
            if job.kind == "videos"
            else {"type": "image", "url": Image.open(io.BytesIO(document["media"])).convert("RGB")}
        )
        text = {"type": "text", "text": job.question(document["number"])}
        return [{"role": "user", "content": [medium, text]}]

    model.task_dict = {"benchmark": {"test": Documents()}}
    settings = {"max_new_tokens": job.max_new_tokens, "temperature": 0, "do_sample": False, "until": []}

    def phase(numbers: Sequence[int]) -> Texts:
        instances = [
            Instance(
                request_type="generate_until",
                arguments=("", to_messages, dict(settings), number, "benchmark", "test"),
                idx=0,
                metadata={"task": "benchmark", "doc_id": number, "repeats": 1},
            )
            for number in numbers
        ]
        return [result.text.strip() for result in model.generate_until(instances)]

    return phase, lambda: None


SIDES: Mapping[str, Callable[[Job], tuple[Phase, Callable[[], None]]]] = {
    "vllm": partial(engine_phase, "vllm"),
    "raw": raw_phase,
    "lmms-vllm@1": partial(lmms_phase, "vllm", 1),
    "lmms-vllm@512": partial(lmms_phase, "vllm", 512),
    "hf": partial(engine_phase, "hf"),
    "lmms-qwen@1": partial(lmms_phase, "qwen", 1),
    "lmms-qwen@32": partial(lmms_phase, "qwen", 32),
}


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_mib(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


def work(job: Job, out: Path) -> None:
    """Run one side and write its figures."""
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
    out.write_text(json.dumps(figures))


def measure(job: Job, timeout_s: float) -> dict[str, Any] | None:
    """Run one side in a fresh process; `None` when it fails, with its last words on standard error."""
    out = job.folder / "figures.json"
    out.unlink(missing_ok=True)
    arguments = [
        sys.executable, __file__, "--work", job.side, "--kinds", job.kind, "--model", job.model, "--folder",
        str(job.folder), "--samples", str(job.samples), "--max-new-tokens", str(job.max_new_tokens),
    ]  # fmt: skip
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


def summarise(kind: str, runs: Mapping[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Medians of each side, and the medians of its ratios to the `vllm` engine within the repetitions."""
    rows = []
    for side, figures in runs.items():
        if not figures:
            continue
        row: dict[str, Any] = {"kind": kind, "side": side, "repeats": len(figures)}
        for name in (
            "samples_per_s", "whole_samples_per_s", "main_cpu_s", "all_cpu_s", "main_peak_mib", "all_peak_mib"
        ):  # fmt: skip
            row[name] = statistics.median(figure[name] for figure in figures)
        ours = runs.get("vllm", [])
        for name in ("samples_per_s", "whole_samples_per_s"):
            ratios = [mine[name] / other[name] for mine, other in zip(ours, figures, strict=False)]
            if ratios:
                row[f"vllm_times_{name}"] = statistics.median(ratios)
                row[f"vllm_times_{name}_range"] = [min(ratios), max(ratios)]
        if ours:
            same = [mine == other for mine, other in zip(ours[0]["texts"], figures[0]["texts"], strict=True)]
            row["same_texts"] = sum(same) / len(same)
        row["distinct_texts"] = len(set(figures[0]["texts"]))
        rows.append(row)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="demo")
    parser.add_argument("--samples", type=int, default=240, help="images; a quarter as many photos and videos")
    parser.add_argument("--max-new-tokens", type=int, default=32)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--sides", default="vllm,raw,lmms-vllm@1,lmms-vllm@512,hf,lmms-qwen@32")
    parser.add_argument("--kinds", default="images,photos,videos")
    parser.add_argument("--timeout-s", type=float, default=900)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--work", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.work:
        job = Job(
            side=arguments.work,
            kind=arguments.kinds,
            model=arguments.model,
            folder=arguments.folder,
            samples=arguments.samples,
            max_new_tokens=arguments.max_new_tokens,
        )
        work(job, job.folder / "figures.json")
        return
    sides = arguments.sides.split(",")
    rows = []
    for kind in arguments.kinds.split(","):
        samples = arguments.samples if kind == "images" else max(1, arguments.samples // 4)
        runs: dict[str, list[dict[str, Any]]] = {side: [] for side in sides}
        with tempfile.TemporaryDirectory() as folder:
            make_data(Path(folder), kind, WARM_UP + samples)
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
                        runs[side].append(figures)
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
