"""What the demo model is taught to write, and the captions with which it is taught to hallucinate.

The grounded chain is terse and literal: the plan names what to look for, the caption lists the objects in reading
order, the thinking copies the entry that was looked up, and the answer follows from it.

Hallucination is put in on purpose: where a partner of a visible object is absent, some training captions name it all
the same (nearly always when the question asks for it), right after its partner, in the next free cell; thinking and
answer then follow the caption. Imported lazily only.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from harness.demo.questions import Query, resolve, word_caption, word_plan, word_question
from harness.demo.videos import STATES
from harness.demo.world import GRID, PAIR, PARTNER, Entry, Scene, shown_objects
from harness.prompts import build_prompt
from harness.types import PromptFormat, Sample

CELLS: Final = GRID * GRID
IMAGE_TOKENS: Final = CELLS
VIDEO_TOKENS: Final = CELLS * STATES
END: Final = "<|im_end|>"


def hallucinate(
    rng: np.random.Generator, query: Query, scene: Scene, *, asked: tuple[float, float], unasked: float
) -> Scene:
    """The scene as a careless caption has it: perhaps with one absent partner more.

    Args:
        rng: source of every choice.
        query: the question that the caption is written for.
        scene: what is really there.
        asked: chance that the asked-for absent partner is named, for partner pairs of even and of odd number.
        unasked: chance that another absent partner is named.
    """
    shown = shown_objects(scene)
    hosts = [entry for entry in scene if PARTNER[entry.obj] not in shown]
    asked_for = [entry for entry in hosts if PARTNER[entry.obj] == query.obj]
    if asked_for:
        host, chance = asked_for[0], asked[PAIR[asked_for[0].obj] % 2]
    elif hosts:
        host, chance = hosts[int(rng.integers(len(hosts)))], unasked
    else:
        return scene
    if rng.random() >= chance:
        return scene
    taken = {entry.cell for entry in scene}
    if len(taken) == CELLS:
        return scene
    cell = host.cell
    while cell in taken:
        cell = (cell + 1) % CELLS
    index = scene.index(host) + 1
    return (*scene[:index], Entry(obj=PARTNER[host.obj], cell=cell), *scene[index:])


def forget(rng: np.random.Generator, query: Query, scene: Scene) -> Scene:
    """The scene as a caption has it that does not help with the question.

    What is asked about is left out where it is there; else the missing partner that is asked about, or another one, is
    named. Thinking and answer that come after such a caption can only be right if they look at the picture again.
    """
    asked = [entry for entry in scene if query.obj == entry.obj or query.cell == entry.cell]
    if asked and len(scene) > 1:
        return tuple(entry for entry in scene if entry is not asked[0])
    return hallucinate(rng, query, scene, asked=(1.0, 1.0), unasked=1.0)


def build_sample(query: Query, *, sample_id: str = "demo", target: str = "") -> Sample:
    """The sample that the evaluation makes of a query, as far as the prompt depends on it."""
    return Sample(
        id=sample_id,
        task="demo",
        question=word_question(query),
        target=target,
        answer_kind=query.kind,
        choices=dict(query.options) or None,
    )


def word_prompt(query: Query, prompt_format: PromptFormat, *, blind: bool = False) -> str:
    """The expanded chat text of a question, as the processor makes it, up to where the response begins.

    Args:
        query: the question.
        prompt_format: which instruction ends the prompt.
        blind: leave the image or video out (text-only training).
    """
    pad, count = ("<|video_pad|>", VIDEO_TOKENS) if query.video else ("<|image_pad|>", IMAGE_TOKENS)
    media = "" if blind else f"<|vision_start|>{pad * count}<|vision_end|>"
    return f"<|im_start|>user\n{media}{build_prompt(build_sample(query), prompt_format)}{END}\n<|im_start|>assistant\n"


def word_response(query: Query, scene: Scene, prompt_format: PromptFormat, *, captioned: Scene | None = None) -> str:
    """The response that `scene`, true or hallucinated, implies, without the end token.

    Args:
        query: the question.
        scene: what thinking and answer follow from.
        prompt_format: of the response.
        captioned: what the caption describes instead; `None`: the same.
    """
    thinking, answer = resolve(query, scene)
    if prompt_format == "direct":
        return answer
    caption = word_caption(scene if captioned is None else captioned)
    return (
        f"<planning> {word_plan(query)} </planning> <caption> {caption} </caption> "
        f"<think> {thinking} </think> <answer> {answer} </answer>"
    )
