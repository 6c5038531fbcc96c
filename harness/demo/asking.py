"""Choosing what to ask about a scene: one function for each kind of question, for training and for the data sets.

Negatives come in POPE's three kinds: any absent object, a popular one, or one that usually appears together with what
is there. Imported lazily only: numpy is imported at the top.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, Literal, TypeVar

import numpy as np

from harness.demo.questions import Family, Query, resolve
from harness.demo.world import (
    COLOR_NAMES,
    DIRECTIONS,
    GRID,
    OBJECTS,
    PARTNER,
    POPULAR,
    POSITIONS,
    SHAPES,
    VERBS,
    Scene,
    absent_partners,
    at_start,
    shown_objects,
)

Negative = Literal["random", "popular", "adversarial"]
NEGATIVES: Final[tuple[Negative, ...]] = ("random", "popular", "adversarial")
LETTERS: Final = "ABCDE"
_Item = TypeVar("_Item")


def pick(rng: np.random.Generator, items: Sequence[_Item]) -> _Item:
    """One of `items`, all equally likely."""
    return items[int(rng.integers(len(items)))]


def negatives(scene: Scene, kind: Negative) -> list[int]:
    """The absent objects of a kind; an adversarial scene without absent partners has all its absent objects."""
    shown = shown_objects(scene)
    if kind == "adversarial" and (partners := absent_partners(scene)):
        return partners
    if kind == "popular":
        return [obj for obj in POPULAR if obj not in shown]
    absent = [obj for obj in range(len(OBJECTS)) if obj not in shown]
    return [obj for obj in absent if kind != "random" or PARTNER[obj] not in shown]


def ask_object(
    rng: np.random.Generator, scene: Scene, *, video: bool, negative: Negative, present: bool | None = None
) -> Query:
    """Is there X? Half of the questions are about something present unless `present` decides."""
    if present is None:
        present = bool(rng.random() < 0.5)
    obj = pick(rng, scene).obj if present else pick(rng, negatives(scene, negative))
    return Query(family="object", video=video, obj=obj)


def ask_located(rng: np.random.Generator, scene: Scene, *, video: bool, true: bool | None = None) -> Query:
    """Is X at P? A false one names an absent partner of what is at P, or another cell."""
    if true is None:
        true = bool(rng.random() < 0.5)
    entry = pick(rng, at_start(scene))
    obj, cell = entry.obj, entry.cell
    if not true:
        partner = PARTNER[obj]
        if partner not in shown_objects(scene) and rng.random() < 0.5:
            obj = partner
        else:
            cell = pick(rng, [other for other in range(GRID * GRID) if other != cell])
    return Query(family="located", video=video, obj=obj, cell=cell)


def ask_event(
    rng: np.random.Generator,
    scene: Scene,
    *,
    true: bool | None = None,
    distractor: Literal["detail", "partner", "unrelated"] | None = None,
) -> Query:
    """Does that happen to X? A false one changes a detail, or tells it of a partner or of an unrelated object."""
    if true is None:
        true = bool(rng.random() < 0.5)
    entry = pick(rng, [entry for entry in scene if entry.event])
    assert entry.event is not None
    obj, verb, argument = entry.obj, entry.event.verb, entry.event.argument
    if not true:
        shown = shown_objects(scene)
        distractor = distractor or pick(rng, ("detail", "partner", "unrelated"))
        if distractor == "partner" and PARTNER[obj] not in shown:
            obj = PARTNER[obj]
        elif distractor != "detail":
            obj = pick(rng, negatives(scene, "random"))
        elif verb == "moves":
            argument = pick(rng, [name for name in DIRECTIONS if name != argument])
        elif verb == "turns":
            argument = pick(
                rng, [name for name in COLOR_NAMES if name not in (argument, COLOR_NAMES[entry.obj // len(SHAPES)])]
            )
        else:
            verb = "appears" if verb == "disappears" else "disappears"
    return Query(family="event", video=True, obj=obj, verb=verb, argument=argument)


def ask_order(
    rng: np.random.Generator, scene: Scene, *, true: bool | None = None, relative: bool | None = None
) -> Query:
    """Does X change first (last), or before (after) Y?"""
    if true is None:
        true = bool(rng.random() < 0.5)
    if relative is None:
        relative = bool(rng.random() < 0.5)
    changing = [entry for entry in scene if entry.event]
    index = int(rng.integers(2))
    event = changing[index].event
    assert event is not None
    when = event.when if true else ("last" if event.when == "first" else "first")
    rival = changing[1 - index].obj if relative else None
    return Query(family="order", video=True, obj=changing[index].obj, when=when, rival=rival)


def _distractors(rng: np.random.Generator, query: Query, scene: Scene, value: str) -> list[str]:
    """Wrong values for a query, the most tempting first."""
    alphabet: Sequence[str] = {
        "where": POSITIONS,
        "color": COLOR_NAMES,
        "count": ("1", "2", "3", "4"),
        "becomes": COLOR_NAMES,
        "direction": tuple(DIRECTIONS),
        "what_happens": (*VERBS, "stays"),
    }.get(query.family, OBJECTS)
    others = [alphabet[i] for i in rng.permutation(len(alphabet)) if alphabet[i] != value]
    if alphabet is not OBJECTS:
        return others
    present = [OBJECTS[entry.obj] for entry in scene if OBJECTS[entry.obj] != value]
    partner = OBJECTS[PARTNER[OBJECTS.index(value)]]
    tempting = [partner, *present[:1]] if query.family == "identity" else [*present[:2], partner]
    return list(dict.fromkeys([*tempting, *others]))


def ask_value(
    rng: np.random.Generator, scene: Scene, family: Family, *, video: bool, option_count: int
) -> Query | None:
    """A question for a value, as a choice of `option_count` or open (0); `who` does it where one object alone does.

    Args:
        rng: source of every choice.
        scene: what is to be asked about.
        family: one of the families that ask for a value.
        video: about a video, not an image.
        option_count: options to offer; the wrong ones are tempting where the family has tempting ones.

    Returns:
        The query, or `None` where the scene has nothing of the kind to ask about.
    """
    changing = [entry for entry in scene if entry.event]
    verbs = [entry.event.verb for entry in changing if entry.event]
    if family in ("becomes", "direction"):
        changing = [e for e in changing if e.event and e.event.verb == ("turns" if family == "becomes" else "moves")]
    elif family == "who":
        changing = [entry for entry in changing if entry.event and verbs.count(entry.event.verb) == 1]
    elif family in ("color", "identity", "where"):
        changing = at_start(scene)
    elif family in ("what_happens", "count"):
        changing = list(scene)
    if not changing:
        return None
    entry = pick(rng, changing)
    event = entry.event
    query = Query(
        family=family,
        video=video,
        obj=entry.obj if family in ("where", "becomes", "direction", "what_happens") else None,
        cell=entry.cell if family in ("color", "identity") else None,
        verb=event.verb if family == "who" and event else None,
        when=event.when if family == "who_when" and event else None,
    )
    value = resolve(query, scene)[1]
    if not option_count:
        return query
    wrong = _distractors(rng, query, scene, value)[: option_count - 1]
    texts = [value, *wrong]
    order = rng.permutation(len(texts))
    return replace(query, options={LETTERS[i]: texts[j] for i, j in enumerate(order)})
