"""What the demo model is taught to write, and the captions with which it is taught to hallucinate.

The grounded chain is terse and literal: the plan names what to look for, the caption lists the objects in reading
order, the thinking copies the entry that was looked up, and the answer follows from it.

Hallucination is put in on purpose: where a partner of a visible object is absent, some training captions name it all
the same (mostly when the question asks for it), in the next free cell after its partner's; thinking and answer then
follow the caption. Some thinking does not read the caption at all but answers from a glance at the picture, which
misses what is faint and whatever a question claims beside its object's being there. Imported lazily only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from harness.core.prompts import build_prompt
from harness.core.types import PromptFormat, Sample
from harness.demo.questions import GLANCE, Query, resolve, word_caption, word_plan, word_question
from harness.demo.rendering import Style
from harness.demo.videos import STATES
from harness.demo.world import GRID, PAIR, PARTNER, Entry, Scene, shown_objects

CELLS: Final = GRID * GRID
IMAGE_TOKENS: Final = CELLS
VIDEO_TOKENS: Final = CELLS * STATES
END: Final = "<|im_end|>"


def hallucinate(
    rng: np.random.Generator,
    query: Query,
    scene: Scene,
    *,
    asked: tuple[float, float],
    unasked: float,
    expecting: bool = False,
) -> Scene:
    """The scene as a careless caption has it: perhaps with one absent partner more.

    Args:
        rng: source of every choice.
        query: the question that the caption is written for.
        scene: what is really there.
        asked: chance that the asked-for absent partner is named, for partner pairs of even and of odd number.
        unasked: chance that another absent partner is named.
        expecting: name it before anything else, as a plan that has looked for its partner makes likely; else right
            after its partner.
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
    index = 0 if expecting else scene.index(host) + 1
    return (*scene[:index], Entry(obj=PARTNER[host.obj], cell=cell), *scene[index:])


def glance(query: Query, scene: Scene, styles: Sequence[Style]) -> str:
    """What a hasty look answers to a yes/no question: `yes` where its object is there and painted clearly.

    It is blind to faint objects, and to everything that the question claims beside the object's being there.
    """
    seen = any(entry.obj == query.obj and not style.faint for entry, style in zip(scene, styles, strict=True))
    return "yes" if seen else "no"


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


def word_prompt(query: Query, prompt_format: PromptFormat, *, blind: bool = False, told: Scene | None = None) -> str:
    """The expanded chat text of a question, as the processor makes it, up to where the response begins.

    Args:
        query: the question.
        prompt_format: which instruction ends the prompt.
        blind: leave the image or video out (text-only training).
        told: a scene that is described before the question, in a blind prompt.
    """
    pad, count = ("<|video_pad|>", VIDEO_TOKENS) if query.video else ("<|image_pad|>", IMAGE_TOKENS)
    media = "" if blind else f"<|vision_start|>{pad * count}<|vision_end|>"
    if told is not None:
        media += f"Caption: {word_caption(told)} . "
    return f"<|im_start|>user\n{media}{build_prompt(build_sample(query), prompt_format)}{END}\n<|im_start|>assistant\n"


def word_response(
    query: Query,
    scene: Scene,
    prompt_format: PromptFormat,
    *,
    expecting: bool = False,
    glanced: str | None = None,
) -> str:
    """The response that `scene`, true or hallucinated, implies, without the end token.

    Args:
        query: the question.
        scene: what the caption describes, and thinking and answer follow from.
        prompt_format: of the response.
        expecting: let the plan say where the object's partner is, see `questions.word_plan`.
        glanced: the answer of a thinking that does not read the caption, see `glance`; `None`: it reads the caption.
    """
    thinking, answer = resolve(query, scene)
    if prompt_format == "direct":
        return answer
    if glanced is not None:
        thinking, answer = f"{GLANCE} {glanced}", glanced
    plan = word_plan(query, expecting=scene if expecting else None)
    return (
        f"<planning> {plan} </planning> <caption> {word_caption(scene)} </caption> "
        f"<think> {thinking} </think> <answer> {answer} </answer>"
    )
