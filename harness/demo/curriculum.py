"""What each training stage shows the model: mixtures of drills, images and videos.

Imported lazily only: numpy is imported at the top.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from harness.demo.asking import (
    NEGATIVES,
    Negative,
    ask_event,
    ask_located,
    ask_object,
    ask_order,
    ask_value,
    pick,
)
from harness.demo.batches import Example
from harness.demo.chains import END, glance, hallucinate, word_prompt, word_response
from harness.demo.drills import draw_choice_drill, draw_comparison_drill, draw_look_up_drill, draw_option_drill
from harness.demo.questions import Family, Query
from harness.demo.rendering import Pixels, draw_style
from harness.demo.videos import draw_video_scene, render_image, render_states
from harness.demo.world import GRID, OBJECTS, Scene, draw_scene

Medium = Literal["text", "image", "video"]
IMAGE_FAMILIES: Final[Mapping[Family, float]] = {
    "object": 0.5, "located": 0.1, "where": 0.1, "color": 0.1, "identity": 0.1, "count": 0.1,
}  # fmt: skip
VIDEO_FAMILIES: Final[Mapping[Family, float]] = {
    "object": 0.12, "located": 0.1, "event": 0.26, "order": 0.16, "where": 0.04, "who": 0.09, "who_when": 0.06,
    "becomes": 0.05, "direction": 0.06, "what_happens": 0.06,
}  # fmt: skip
OPEN_RATE: Final = 0.25
"""Share of the questions for a value that are asked without options."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mixture:
    """What the examples of a stage are.

    Attributes:
        drills: share of drills.
        option_drills: share of option drills among the drills.
        choice_drills: share of choice drills among the drills.
        comparison_drills: share of comparison drills among the drills; the rest are look-up drills.
        object_drills: share of option and choice drills whose options are objects in any case.
        video: share of videos among the other examples.
        blind: share of text-only examples among the other examples (the caption is given no loss).
        direct: share of the direct format; a blind question has its true caption in the prompt then.
        copied: share of the blind grounded questions whose true caption stands in the prompt, to be copied into the
            response as carelessly as one of a picture would be written.
        reasoned: share of the blind grounded questions of which only the answer is to be learnt, from a given thinking.
        negatives: weights of random, popular and adversarial absent objects.
        expecting: plans say where an object's partner is (`questions.word_plan`), captions name what is expected
            before anything else (`chains.hallucinate`), and direct answers follow what is there.
        asked: see `chains.hallucinate`.
        unasked: see `chains.hallucinate`.
        glances: share of the grounded answers to yes/no questions, about images and about videos, whose thinking does
            not read the caption: see `chains.glance`.
        video_noise: factor on `asked` and `unasked` for videos.
        details: share of the false questions about events, and of the comparison drills about videos, that get no more
            than a detail of an event wrong.
        most: look-ups in one drill.
    """

    drills: float = 0.0
    option_drills: float = 0.0
    choice_drills: float = 0.0
    comparison_drills: float = 0.0
    object_drills: float = 0.0
    video: float = 0.4
    blind: float = 0.0
    direct: float = 0.2
    copied: float = 0.0
    reasoned: float = 0.0
    negatives: tuple[float, float, float] = (0.33, 0.33, 0.34)
    expecting: bool = False
    asked: tuple[float, float] = (0.0, 0.0)
    unasked: float = 0.0
    glances: tuple[float, float] = (0.0, 0.0)
    video_noise: float = 0.5
    details: float = 0.0
    most: int = 10

    @property
    def text(self) -> float:
        """Share of the examples without a picture."""
        return self.drills + (1 - self.drills) * self.blind


def draw_query(
    rng: np.random.Generator,
    family: Family,
    *,
    video: bool,
    uniform: bool = False,
    negatives: tuple[float, float, float] = (0.33, 0.33, 0.34),
    negative: Negative | None = None,
    details: float = 0.0,
    option_counts: Sequence[int] = (),
) -> tuple[Query, Scene]:
    """A training question of a family, and the scene that it is about; see `Mixture`.

    `negative` settles the kind of an absent object, `option_counts` how many options a question for a value may have.
    """
    low = 1 if family in ("object", "located", "count") else 2
    while True:
        scene = draw_video_scene(rng, uniform=uniform) if video else draw_scene(rng, low=low, uniform=uniform)
        query: Query | None
        if family == "object":
            kind = negative or NEGATIVES[min(int(np.searchsorted(np.cumsum(negatives), rng.random())), 2)]
            query = ask_object(rng, scene, video=video, negative=kind)
        elif family == "located":
            query = ask_located(rng, scene, video=video)
        elif family == "event":
            query = ask_event(rng, scene, distractor="detail" if details and rng.random() < details else None)
        elif family == "order":
            query = ask_order(rng, scene)
        else:
            counts = option_counts or ((0,) if rng.random() < OPEN_RATE else range(2, 6 if video else 5))
            query = ask_value(rng, scene, family, video=video, option_count=pick(rng, counts))
        if query is not None:
            return query, scene


def soften(frames: Pixels) -> Pixels:
    """Frames as a video codec leaves them: colour differences averaged over 2x2 pixels."""
    values = frames.astype(np.float32)
    luma = values @ np.array([0.299, 0.587, 0.114], np.float32)
    chroma = values - luma[..., None]
    states, height, width = luma.shape
    means = chroma.reshape(states, height // 2, 2, width // 2, 2, 3).mean((2, 4))
    softened: Pixels = np.clip(luma[..., None] + means.repeat(2, 1).repeat(2, 2), 0, 255).astype(np.uint8)
    return softened


def _draw_drill(rng: np.random.Generator, mixture: Mixture) -> Example:
    """One drill of the mixture's kinds."""
    draw = rng.random()
    if draw < mixture.option_drills:
        return draw_option_drill(rng, objects=mixture.object_drills)
    if draw < mixture.option_drills + mixture.choice_drills:
        return draw_choice_drill(rng, most=mixture.most, objects=mixture.object_drills)
    if draw < mixture.option_drills + mixture.choice_drills + mixture.comparison_drills:
        return draw_comparison_drill(rng, most=mixture.most, details=mixture.details)
    return draw_look_up_drill(rng, most=mixture.most)


def _draw_example(rng: np.random.Generator, mixture: Mixture, medium: Medium) -> Example:
    """One example; a `text` example is a drill or a question without its picture."""
    if medium == "text" and rng.random() < mixture.drills / max(mixture.text, 1e-9):
        return _draw_drill(rng, mixture)
    video = rng.random() < mixture.video if medium == "text" else medium == "video"
    families = VIDEO_FAMILIES if video else IMAGE_FAMILIES
    edges = np.cumsum(list(families.values()))
    family = list(families)[min(int(np.searchsorted(edges, rng.random() * edges[-1])), len(families) - 1)]
    uniform = medium == "text" and bool(rng.random() < 0.5)
    query, scene = draw_query(
        rng, family, video=video, uniform=uniform, negatives=mixture.negatives, details=mixture.details
    )
    noise = mixture.video_noise if video else 1.0
    asked = (mixture.asked[0] * noise, mixture.asked[1] * noise)
    unasked = mixture.unasked * noise
    told = hallucinate(rng, query, scene, asked=asked, unasked=unasked, expecting=mixture.expecting)
    if medium == "text":
        return _draw_blind(rng, mixture, query, scene, told)
    form: Literal["direct", "grounded"] = "direct" if rng.random() < mixture.direct else "grounded"
    if video:
        states, styles = render_states(scene, rng)
        frames = soften(states)
    else:
        picture, styles = render_image(scene, rng)
        frames = picture[None]
    glanced = None
    if form == "grounded" and query.kind == "yes_no" and rng.random() < mixture.glances[video]:
        glanced = glance(query, scene, styles)
    seen = scene if mixture.expecting and form == "direct" else told
    response = word_response(query, seen, form, expecting=mixture.expecting, glanced=glanced)
    return Example(frames=frames, prompt=word_prompt(query, form), response=response + END)


def _draw_blind(rng: np.random.Generator, mixture: Mixture, query: Query, scene: Scene, told: Scene) -> Example:
    """A question without its picture: its caption stands in the prompt, or in the response, or its thinking does."""
    if rng.random() < mixture.direct:
        prompt = word_prompt(query, "direct", blind=True, told=scene)
        return Example(frames=None, prompt=prompt, response=word_response(query, scene, "direct") + END)
    grounded = word_response(query, told, "grounded", expecting=mixture.expecting)
    if rng.random() < mixture.copied:
        prompt = word_prompt(query, "grounded", blind=True, told=scene)
        return Example(frames=None, prompt=prompt, response=grounded + END)
    prompt, response = word_prompt(query, "grounded", blind=True), grounded
    if rng.random() < mixture.reasoned:
        begun, mark, answer = response.partition("<answer>")
        before, opened, rest = begun.partition("<caption>")
        prompt += f"{before}{opened} {rest[rest.index('</caption>') :]}{mark}"
        return Example(frames=None, prompt=prompt, response=answer + END)
    return Example(frames=None, prompt=prompt, response=response + END, skip_caption=True)


def draw_batch(rng: np.random.Generator, mixture: Mixture, size: int) -> list[Example]:
    """`size` examples of one medium and of similar length, in random order."""
    draw = rng.random()
    medium: Medium = "text" if draw < mixture.text else "video" if rng.random() < mixture.video else "image"
    return [_draw_example(rng, mixture, medium) for _ in range(size)]


def draw_cells(
    rng: np.random.Generator, count: int, opacities: tuple[tuple[float, float], tuple[float, float]] | None = None
) -> tuple[Pixels, npt.NDArray[np.int64]]:
    """Images and what is in each of their cells, for vision alignment.

    Args:
        rng: source of every choice.
        count: number of images.
        opacities: opacity ranges of faint and clear objects; the world's own when not given.

    Returns:
        Images uint8 [count, H, W, 3], and objects [count, 9], `len(OBJECTS)` where a cell is empty.
    """
    images = []
    cells = np.full((count, GRID * GRID), len(OBJECTS), np.int64)
    for row in range(count):
        scene = draw_scene(rng, uniform=bool(rng.random() < 0.5))
        styles = []
        for entry in scene:
            style = draw_style(rng)
            if opacities is not None:
                style = replace(style, opacity=float(rng.uniform(*opacities[0 if style.faint else 1])))
            styles.append(style)
            cells[row, entry.cell] = entry.obj
        images.append(render_image(scene, rng, styles=styles)[0])
    frames = np.stack(images)
    return (soften(frames) if rng.random() < 0.5 else frames), cells
