"""The sides of `throughput.py`: this project's engines, raw vLLM, and lmms-eval's backends, on one interface."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from harness.core.prompts import instruction

WARM_UP = 2
"""Files."""
NUM_FRAMES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What a worker is asked to do.

    Attributes:
        kind: of the files.
        questions: about each file.
        files: a round, beside those of the warm-up.
        rounds: how many there are.
    """

    side: str
    kind: str
    questions: int
    model: str
    folder: Path
    files: int
    rounds: int
    max_new_tokens: int

    def paths(self) -> list[Path]:
        """The file of each sample, those of the warm-up first."""
        return [path for path in sorted(self.folder.glob("*-*")) for _ in range(self.questions)]

    def numbers(self, round_: int) -> range:
        """The samples of a round; -1 is the warm-up. No two of them have a file in common."""
        size = self.files * self.questions
        start = WARM_UP * self.questions + round_ * size
        return range(start, start + size) if round_ >= 0 else range(WARM_UP * self.questions)

    def question(self, number: int) -> str:
        colours, shapes = ("red", "blue", "green", "yellow", "purple", "orange"), ("circle", "square", "triangle")
        question = f"Is there a {colours[number % 6]} {shapes[number % 3]} in the picture?"
        return f"{question}\n{instruction('grounded', 'yes_no')}"


Texts = list[str]
Phase = Callable[[Sequence[int]], Texts]
"""Generates for the samples of these numbers."""


def engine_phase(name: str, job: Job) -> tuple[Phase, Callable[[], None]]:
    """One of the harness's engines."""
    from harness.core.types import Media
    from harness.engines import Decoding, Request
    from harness.engines.checkpoints import resolve_checkpoint
    from harness.engines.hf import HfEngine
    from harness.media.images import open_image
    from harness.media.videos import open_video

    checkpoint = resolve_checkpoint(job.model)
    if name == "hf":
        engine: Any = HfEngine(checkpoint)
    else:
        from harness.engines.vllm import VllmEngine

        engine = VllmEngine(checkpoint)
    engine.load()
    paths = job.paths()
    decoding = Decoding(max_new_tokens=job.max_new_tokens, logprobs=name.endswith("+logprobs"))

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

    from harness.engines.checkpoints import resolve_checkpoint
    from harness.engines.inputs import video_metadata
    from harness.media.images import open_image
    from harness.media.videos import open_video

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

    from harness.engines.checkpoints import resolve_checkpoint

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
    "vllm+logprobs": partial(engine_phase, "vllm+logprobs"),
    "raw": raw_phase,
    "lmms-vllm@1": partial(lmms_phase, "vllm", 1),
    "lmms-vllm@512": partial(lmms_phase, "vllm", 512),
    "hf": partial(engine_phase, "hf"),
    "lmms-qwen@1": partial(lmms_phase, "qwen", 1),
    "lmms-qwen@32": partial(lmms_phase, "qwen", 32),
}
