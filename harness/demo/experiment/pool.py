"""The experiment's training questions, of which it is known beforehand how hard they are and which oppose each other.

Two labels are decided by how a question is made, before any model sees it, and stand in its row:

- `difficulty`. *easy*: the object that is asked about is painted clearly, or it is absent and so is its partner.
  *medium*: it takes a close look: the object is faint, or it is absent and its partner, with which it often appears,
  is there. *hard*: an open question about an object that is there, but painted so thinly that nobody can see
  it, and nothing else points to it: a guess is next to never right.
- `conflict`. The picture shows one object of a pair clearly. `name:P`: the other one of pair P is there too, faintly,
  and the answer is yes. `withhold:P`: it is not there, and the answer is no. The pictures look alike and the question
  is the same, so what makes one answer likelier makes the other one less likely, unless the model looks closer.

Imported lazily only: numpy is imported at the top.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np

from harness.demo.asking import ask_located, ask_value, negatives, pick
from harness.demo.questions import Family, Query
from harness.demo.rendering import CLEAR_OPACITY, Style, draw_style
from harness.demo.rows import write_rows
from harness.demo.videos import render_image
from harness.demo.world import (
    GRID,
    PAIR,
    PARTNER,
    POPULAR,
    Entry,
    Scene,
    absent_partners,
    at_start,
    draw_scene,
    shown_objects,
)

Difficulty = Literal["easy", "medium", "hard"]
Look = Literal["clear", "faint", "hidden", "absent"]
Company = Literal["alone", "with_partner"]

FAINT: Final = (0.02, 0.06)
HIDDEN: Final = (0.001, 0.004)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """How a question is made.

    Attributes:
        difficulty: see the module.
        family: what is asked.
        look: how the object that is asked about is painted; `absent`: it is not there.
        company: whether its partner is there.
        options: options of a question for a value; 0 asks openly.
    """

    difficulty: Difficulty
    family: Family
    look: Look
    company: Company = "alone"
    options: int = 0


_EASY: Final = (
    Kind(difficulty="easy", family="object", look="clear"),
    Kind(difficulty="easy", family="object", look="absent"),
    Kind(difficulty="easy", family="where", look="clear", options=4),
    Kind(difficulty="easy", family="object", look="clear", company="with_partner"),
    Kind(difficulty="easy", family="color", look="clear", options=3),
    Kind(difficulty="easy", family="object", look="absent"),
    Kind(difficulty="easy", family="located", look="clear"),
    Kind(difficulty="easy", family="identity", look="clear"),
    Kind(difficulty="easy", family="object", look="clear"),
)
_WITHHOLD: Final = Kind(difficulty="medium", family="object", look="absent", company="with_partner")
_NAME: Final = Kind(difficulty="medium", family="object", look="faint", company="with_partner")
_FAMILIES: Final[tuple[Family, ...]] = ("where", "identity", "color")


def kinds(share: tuple[int, int] = (2, 5)) -> tuple[Kind, ...]:
    """Kinds of question, in turn: of 20, 9 are easy, 8 medium (of which 7 are in conflict) and 3 hard.

    Args:
        share: of the seven, the `name` and the `withhold` ones: those that an answer at a glance gets wrong, and right.
    """
    named = [((number + 1) * share[0] + 4) // 7 > (number * share[0] + 4) // 7 for number in range(sum(share))]
    return (
        *_EASY,
        *(_NAME if is_named else _WITHHOLD for is_named in named),
        Kind(difficulty="medium", family="where", look="faint", options=4),
        *(Kind(difficulty="hard", family=family, look="hidden") for family in _FAMILIES),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One question with its picture's content.

    Attributes:
        kind: how it was made.
        query: the question.
        scene: what is there.
        styles: how each entry is painted.
    """

    kind: Kind
    query: Query
    scene: Scene
    styles: list[Style]

    @property
    def conflict(self) -> str | None:
        """The side that the question is on, with its pair: `name:P`, `withhold:P`, or `None`."""
        if self.kind not in (_WITHHOLD, _NAME) or self.query.obj is None:
            return None
        return f"{'withhold' if self.kind.look == 'absent' else 'name'}:{PAIR[self.query.obj]}"

    @property
    def labels(self) -> Mapping[str, str | None]:
        """What stands in the row beside what the trainer reads."""
        kind = self.kind
        made = f"{kind.family} {kind.look}" + (" with its partner" if kind.company == "with_partner" else "")
        return {"difficulty": kind.difficulty, "conflict": self.conflict, "made": made}


def draw_question(rng: np.random.Generator, kind: Kind) -> Question:
    """A question of a kind about a layout that the demo's benchmarks never show."""
    while True:
        scene = draw_scene(rng, low=2, held_out=False)
        query = _ask(rng, scene, kind)
        if query is None:
            continue
        asked = None if kind.look == "absent" else _asked(query, scene)
        styles = [draw_style(rng) for _ in scene]
        for place, entry in enumerate(scene):
            if entry is asked:
                styles[place] = _paint(rng, styles[place], kind.look)
            elif query.obj is not None and entry.obj == PARTNER[query.obj]:
                styles[place] = _paint(rng, styles[place], "clear")
        return Question(kind=kind, query=query, scene=scene, styles=styles)


def _ask(rng: np.random.Generator, scene: Scene, kind: Kind) -> Query | None:
    """A query of the kind, or `None` where the scene has nothing of it."""
    if kind.family == "object":
        together = kind.company == "with_partner"
        objects = [entry.obj for entry in scene if (PARTNER[entry.obj] in shown_objects(scene)) == together]
        if kind.look == "absent":
            objects = absent_partners(scene) if together else negatives(scene, "random")
        return Query(family="object", video=False, obj=pick(rng, objects)) if objects else None
    if kind.family == "located":
        return ask_located(rng, scene, video=False, true=True)
    query = ask_value(rng, scene, kind.family, video=False, option_count=kind.options)
    if query is not None and kind.look == "hidden" and PARTNER[_asked(query, scene).obj] in shown_objects(scene):
        return None
    return query


def _asked(query: Query, scene: Scene) -> Entry:
    return next(entry for entry in at_start(scene) if query.obj == entry.obj or query.cell == entry.cell)


def _paint(rng: np.random.Generator, style: Style, look: Look) -> Style:
    opacities = {"clear": CLEAR_OPACITY, "faint": FAINT, "hidden": HIDDEN}[look]
    return replace(style, faint=look != "clear", opacity=float(rng.uniform(*opacities)))


def draw_twins(rng: np.random.Generator, obj: int) -> tuple[Question, Question]:
    """The same question about two pictures that differ in nothing but a faint object: it is there, or it is not."""
    while True:
        scene = draw_scene(rng, low=2, held_out=False)
        if len(scene) < 4 and obj in absent_partners(scene):
            break
    styles = [draw_style(rng, faint_rate=0.0) for _ in scene]
    query = Query(family="object", video=False, obj=obj)
    free = [cell for cell in range(GRID * GRID) if cell not in {entry.cell for entry in scene}]
    more = [*zip(scene, styles, strict=True), (Entry(obj=obj, cell=pick(rng, free)), _paint(rng, styles[0], "faint"))]
    more.sort(key=lambda item: item[0].cell)
    return (
        Question(kind=_NAME, query=query, scene=tuple(entry for entry, _ in more), styles=[style for _, style in more]),
        Question(kind=_WITHHOLD, query=query, scene=scene, styles=styles),
    )


def write_pool(folder: Path, rows: int, seed: int, share: tuple[int, int] = (2, 5)) -> Path:
    """Write `train.jsonl` and its images, unless they are there already.

    Args:
        folder: made where it does not exist.
        rows: questions, each about an image of its own.
        seed: of everything that is drawn.
        share: see `kinds`.

    Returns:
        The file; its rows hold a true, grounded response each, and the labels of the module.
    """
    turn = kinds(share)
    told = [] if share == (2, 5) else list(share)
    return _write(folder, [seed, 13, *told], lambda rng: [draw_question(rng, turn[i % len(turn)]) for i in range(rows)])


def write_map(folder: Path, twins: int, others: int, seed: int) -> Path:
    """Write the questions of the similarity map: twins about four objects, in turn, and easy questions."""

    def draw(rng: np.random.Generator) -> list[Question]:
        asked = [PARTNER[obj] for obj in POPULAR if PARTNER[obj] not in POPULAR][:4]
        pairs = [draw_twins(rng, asked[number % len(asked)]) for number in range(twins)]
        easy = [draw_question(rng, _EASY[number % len(_EASY)]) for number in range(others)]
        return [*(question for pair in pairs for question in pair), *easy]

    return _write(folder, [seed, 17, twins, others], draw)


def _write(folder: Path, seed: Sequence[int], draw: Callable[[np.random.Generator], Sequence[Question]]) -> Path:
    rng = np.random.default_rng(list(seed))
    questions = draw(rng)
    pictures = (render_image(question.scene, rng, styles=question.styles)[0] for question in questions)
    rows = ((one.query, one.scene, pixels, one.labels) for one, pixels in zip(questions, pictures, strict=True))
    return write_rows(folder, {"rows": len(questions), "seed": list(seed)}, rows)


def read_labels(file: Path) -> dict[str, Mapping[str, Any]]:
    """The labels of a pool by the ids of its rows."""
    rows = (json.loads(line) for line in file.read_text(encoding="utf-8").splitlines())
    return {row["id"]: {name: row[name] for name in ("difficulty", "conflict", "made")} for row in rows}
