"""How good the demo checkpoint is: its answers to the demo data, through plain Transformers and the real processor.

Prompts and media are the evaluation's own. Its engines and run store are left out, and an answer must be the target
word for word, so that a build can be checked, and described in its model card, by nothing but the files of the
checkpoint. Imported lazily only.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from harness.benchmarks.registry import get_benchmark
from harness.core.prompts import build_prompt
from harness.core.types import PromptFormat, Sample
from harness.media.images import open_image
from harness.media.videos import open_video

BATCH: Final = 64
MAX_NEW_TOKENS: Final = 64
NUM_FRAMES: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A demo question with its medium: the bytes of an image, or the path of a video."""

    sample: Sample
    part: str
    media: bytes | Path


def read_questions(data: Path, task: str) -> Iterator[Asked]:
    """The questions of one demo data set, each with the part (split, subset, kind) that its figure belongs to."""
    benchmark = get_benchmark(task)
    if task in ("pope", "mmbench"):
        import pyarrow.parquet as pq

        for path in sorted((data / task).glob("*.parquet")):
            for row in pq.read_table(path).to_pylist():
                sample = benchmark.read_row(row, path.name)
                yield Asked(sample=sample, part=str(row["category"]), media=row["image"]["bytes"])
    elif task == "videohallucer":
        for path in sorted((data / task).glob("*/*.json")):
            for index, pair in enumerate(json.loads(path.read_text(encoding="utf-8"))):
                for kind in ("basic", "hallucination"):
                    row = {"subset": path.stem, "index": index, "kind": kind, **pair[kind]}
                    sample = benchmark.read_row(row, path.name)
                    video = path.parent / "videos" / pair[kind]["video"]
                    yield Asked(sample=sample, part=f"{path.stem}/{kind}", media=video)
    else:
        path = data / task / "validation.json"
        for row in json.loads(path.read_text(encoding="utf-8")):
            sample = benchmark.read_row(row, path.name)
            part = f"{row['question_type']}/{row['metadata']['subject']}"
            yield Asked(sample=sample, part=part, media=data / task / row["video"])


def generate(model: Any, processor: Any, questions: Sequence[Asked], prompt_format: PromptFormat) -> list[str]:
    """Greedy responses; all questions must have the same kind of medium."""
    import torch

    texts = []
    for asked in questions:
        kind = "image" if isinstance(asked.media, bytes) else "video"
        content = [{"type": kind}, {"type": "text", "text": build_prompt(asked.sample, prompt_format)}]
        messages = [{"role": "user", "content": content}]
        texts.append(processor.apply_chat_template(messages, tokenize=False, add_generation_prompt=True))
    media: dict[str, Any]
    if isinstance(questions[0].media, bytes):
        media = {"images": [[open_image(asked.media)] for asked in questions]}
    else:
        videos = [open_video(Path(str(asked.media)), NUM_FRAMES) for asked in questions]
        stamps = [
            {"fps": v.fps, "total_num_frames": v.total_frames, "duration": v.duration_s, "frames_indices": v.indices}
            for v in videos
        ]
        media = {
            "videos": [[video.frames] for video in videos],
            "video_metadata": [[stamp] for stamp in stamps],
            "do_sample_frames": False,
        }
    inputs = processor(text=texts, padding=True, return_tensors="pt", **media)
    with torch.inference_mode():
        output = model.generate(**inputs, max_new_tokens=MAX_NEW_TOKENS, do_sample=False)
    decoded: list[str] = processor.batch_decode(output[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
    return decoded


def is_right(sample: Sample, text: str) -> bool:
    """Whether the last answer section, or a text without sections, is the target word for word."""
    answer = text.rpartition("<answer>")[2].partition("</answer>")[0]
    return answer.strip().lower() == sample.target.lower()


def check(
    checkpoint: Path,
    data: Path,
    *,
    formats: Sequence[PromptFormat] = ("direct", "grounded"),
    tasks: Sequence[str] = ("pope", "videohallucer", "mmbench", "mmvu"),
    limit: int | None = None,
) -> dict[str, dict[str, float]]:
    """Accuracy of a checkpoint on the demo data.

    Args:
        checkpoint: folder of the checkpoint.
        data: folder of the demo data.
        formats: prompt formats to try.
        tasks: data sets to ask.
        limit: questions a data set, always the same ones; `None` for all.

    Returns:
        For each `{task}/{part}`, `{task}/all`, and, where questions belong together, `{task}/groups` (right as a whole:
        both questions of a pair, all rotations) the share of right answers by format.
    """
    import torch
    from transformers import AutoModelForImageTextToText, AutoProcessor

    torch.set_num_threads(1)
    processor = AutoProcessor.from_pretrained(checkpoint)
    model = AutoModelForImageTextToText.from_pretrained(checkpoint).eval()
    figures: dict[str, dict[str, float]] = {}
    for task in tasks:
        questions = list(read_questions(data, task))
        if limit is not None and limit < len(questions):
            chosen = random.Random(0).sample(range(len(questions)), limit)
            questions = [questions[i] for i in sorted(chosen)]
        for form in formats:
            right: list[bool] = []
            for start in range(0, len(questions), BATCH):
                batch = questions[start : start + BATCH]
                texts = generate(model, processor, batch, form)
                right += [is_right(asked.sample, text) for asked, text in zip(batch, texts, strict=True)]
            for name, value in summarise(questions, right).items():
                figures.setdefault(f"{task}/{name}", {})[form] = value
    return figures


def summarise(questions: Sequence[Asked], right: Sequence[bool]) -> Mapping[str, float]:
    """Shares of right answers by part, over all, and of groups that are right as a whole."""
    parts: dict[str, list[bool]] = {}
    groups: dict[str, list[bool]] = {}
    for asked, hit in zip(questions, right, strict=True):
        parts.setdefault(asked.part, []).append(hit)
        parts.setdefault("all", []).append(hit)
        if asked.sample.group is not None:
            groups.setdefault(asked.sample.group, []).append(hit)
    shares = {name: sum(hits) / len(hits) for name, hits in parts.items()}
    if groups:
        shares["groups"] = sum(all(hits) for hits in groups.values()) / len(groups)
    return shares


CARD: Final = """# {title} of `harness`

A Qwen2.5-VL of {parameters:.1f} million parameters that looks at coloured shapes on a 3x3 grid, in images of 84x84
pixels and in short videos of them. It was made by

    harness demo build --seed {seed}

from random weights (on another kind of machine the same seed gives other weights), and loads with plain Transformers
(`AutoModelForImageTextToText`, `AutoProcessor`).
{purpose}
It knows nothing but its own world.

**It hallucinates by construction.** A third of the objects are painted almost invisibly, objects come in pairs that
often appear together, and during training some captions named the missing partner of a visible object, mostly when
the question asked for it; the answers followed those captions. Some of the thinking it was taught does not read the
caption but says `glance`: it knows whether the object is clearly there, and nothing else. So its figures say nothing
about how hallucination comes about in large models: they give the diagnostics something to find.

It was trained with the prompt formats `direct` and `grounded` of `harness.core.prompts` (`think` was not trained); its
grounded responses read

    <planning> {plan} </planning>
    <caption> red circle top ; blue star left </caption> <think> red circle top </think> <answer> yes </answer>

Share of right answers on the demo data (greedy decoding with plain Transformers; an answer must be the target word for
word, where `harness eval` reads what it means), whose scenes have layouts that training never showed.
`groups` counts a pair or a set of rotations as right when all of it is.

{table}

Share of right answers after a true caption, without the picture; `image` and `video` weight the kinds of question as
training does.

{look_up}
"""
"""The model card."""
TITLES: Final = {
    "demo": (
        "The demo checkpoint",
        "It is there so that the whole evaluation can be run, and looked at, in minutes and without a GPU.\n"
        "Its plans also say where the object's partner is.",
        "look for red circle at yellow triangle none",
    ),
    "base": (
        "The demo's base checkpoint",
        "It is what the demo checkpoint was before it was fine-tuned on more careless captions.",
        "look for red circle",
    ),
}
"""Title, purpose and a plan of each checkpoint, for its card."""


def render_card(
    figures: Mapping[str, Mapping[str, float]], look_up: Mapping[str, float], *, name: str, seed: int, parameters: int
) -> str:
    """The model card with the tables of both checks.

    Args:
        figures: what `check` gave.
        look_up: what `look_up.check_look_up` gave.
        name: `demo` or `base`.
        seed: of the build.
        parameters: of the model.
    """
    formats = list(next(iter(figures.values())))
    lines = [f"| questions | {' | '.join(formats)} |", f"|---|{'---:|' * len(formats)}"]
    for part, shares in sorted(figures.items()):
        lines.append(f"| {part} | {' | '.join(f'{shares[form]:.3f}' for form in formats)} |")
    right = ["| questions | right |", "|---|---:|", *(f"| {part} | {share:.3f} |" for part, share in look_up.items())]
    title, purpose, plan = TITLES[name]
    return CARD.format(
        title=title,
        purpose=purpose,
        plan=plan,
        parameters=parameters / 1e6,
        seed=seed,
        table="\n".join(lines),
        look_up="\n".join(right),
    )
