"""The demo world: coloured shapes on a 3x3 grid, and objects that like to appear together.

A scene is a set of *entries*: an object in a cell and, in a video, what happens to it. Objects are drawn with two
regularities that a lazy model can lean on instead of looking: some objects are common (`POPULARITY`), and each object
has a *partner* that is often in the same scene (`PARTNER`). Both are fixed; they belong to the world, not to a seed.

There is more than one world: `HARNESS_DEMO_WORLD=2` in the environment gives a process another one, with other shapes,
partners and common objects. The shipped checkpoints know the first one.

Every random choice comes from a `numpy` generator that the caller passes in. One layout in `HOLDOUT` (chosen by a
checksum of objects and cells) is reserved for evaluation: training never draws one, the demo data draw nothing else.

Imported lazily only: numpy is imported at the top.
"""

from __future__ import annotations

import os
import zlib
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

Verb = Literal["moves", "turns", "appears", "disappears"]
When = Literal["first", "last"]

COLORS: Final[dict[str, tuple[int, int, int]]] = {
    "red": (220, 40, 40),
    "orange": (240, 140, 20),
    "yellow": (235, 220, 40),
    "green": (40, 165, 60),
    "blue": (45, 85, 220),
    "purple": (150, 50, 180),
}
COLOR_NAMES: Final = tuple(COLORS)
WORLD: Final = "HARNESS_DEMO_WORLD"
"""The variable that says which world it is."""
NUMBER: Final = int(os.environ.get(WORLD) or 1)
"""Which world it is."""
_SHAPES: Final = (("circle", "square", "triangle", "star"), ("ring", "diamond", "cross", "heart"))
SHAPES: Final = _SHAPES[(NUMBER - 1) % len(_SHAPES)]
OBJECTS: Final = tuple(f"{color} {shape}" for color in COLORS for shape in SHAPES)
POSITIONS: Final = (
    "top-left", "top", "top-right", "left", "center", "right", "bottom-left", "bottom", "bottom-right",
)  # fmt: skip
DIRECTIONS: Final[dict[str, tuple[int, int]]] = {"up": (-1, 0), "down": (1, 0), "left": (0, -1), "right": (0, 1)}
VERBS: Final[tuple[Verb, ...]] = ("moves", "turns", "appears", "disappears")
GRID: Final = 3
HOLDOUT: Final = 8
PARTNER_RATE: Final = 0.55
"""Chance that the next object drawn into a scene is the partner of the last one."""

_world = np.random.default_rng(6 + NUMBER)
_order = _world.permutation(len(OBJECTS))
PARTNER: Final[dict[int, int]] = {int(_order[i]): int(_order[i ^ 1]) for i in range(len(OBJECTS))}
PAIR: Final[dict[int, int]] = {int(_order[i]): i // 2 for i in range(len(OBJECTS))}
_popularity = np.empty(len(OBJECTS))
_popularity[_world.permutation(len(OBJECTS))] = 1 / (np.arange(len(OBJECTS)) + 6.0)
_popularity /= _popularity.sum()
POPULAR: Final[tuple[int, ...]] = tuple(int(i) for i in np.argsort(-_popularity)[:8])
_cumulative = np.cumsum(_popularity)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What happens to an object in a video.

    Attributes:
        verb: the kind of event.
        argument: direction of a move, new colour of a turn; `None` otherwise.
        when: whether it is the first or the last of the video's two events.
    """

    verb: Verb
    argument: str | None = None
    when: When


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One object of a scene.

    Attributes:
        obj: index into `OBJECTS`; before its event if that changes the colour.
        cell: 0 to 8 in reading order; where the object is when it is first seen.
        event: what happens to it, `None` in an image or for an object that stays as it is.
    """

    obj: int
    cell: int
    event: Event | None = None


Scene = tuple[Entry, ...]
"""The entries of an image or video, in reading order of their cells."""


def draw_object(rng: np.random.Generator) -> int:
    """An object by popularity."""
    return int(np.searchsorted(_cumulative, rng.random()))


def draw_objects(rng: np.random.Generator, count: int, *, uniform: bool = False) -> list[int]:
    """`count` different objects; `uniform` ignores popularity and partners."""
    if uniform:
        return [int(i) for i in rng.permutation(len(OBJECTS))[:count]]
    objects = [draw_object(rng)]
    while len(objects) < count:
        partner = PARTNER[objects[-1]]
        take_partner = partner not in objects and rng.random() < PARTNER_RATE
        candidate = partner if take_partner else draw_object(rng)
        if candidate not in objects:
            objects.append(candidate)
    return objects


def is_held_out(scene: Scene) -> bool:
    """Whether a layout is reserved for evaluation (one in `HOLDOUT`), whatever happens in it."""
    layout = bytes(value for entry in sorted(scene, key=lambda e: e.cell) for value in (entry.cell, entry.obj))
    return zlib.crc32(layout) % HOLDOUT == 0


def draw_scene(
    rng: np.random.Generator, *, low: int = 1, uniform: bool = False, held_out: bool | None = False
) -> Scene:
    """An image's scene of `low` to 4 objects.

    Args:
        rng: source of every choice.
        low: fewest objects.
        uniform: ignore popularity and partners.
        held_out: draw only reserved layouts (`True`), none of them (`False`), or any (`None`).
    """
    while True:
        count = max(low, 1 + int(np.searchsorted((0.1, 0.4, 0.75), rng.random())))
        objects = draw_objects(rng, count, uniform=uniform)
        cells = rng.permutation(GRID * GRID)[:count]
        scene = tuple(Entry(obj=obj, cell=cell) for cell, obj in sorted(zip(cells.tolist(), objects, strict=True)))
        if held_out is None or is_held_out(scene) == held_out:
            return scene


def absent_partners(scene: Scene) -> list[int]:
    """Partners of the scene's objects that are not in it themselves: what a lazy model expects to see."""
    present = shown_objects(scene)
    return [PARTNER[entry.obj] for entry in scene if PARTNER[entry.obj] not in present]


def turned_object(entry: Entry) -> int | None:
    """The object that an entry becomes when it changes its colour, else `None`."""
    if entry.event is None or entry.event.verb != "turns" or entry.event.argument is None:
        return None
    return COLOR_NAMES.index(entry.event.argument) * len(SHAPES) + entry.obj % len(SHAPES)


def at_start(scene: Scene) -> list[Entry]:
    """The entries that are there from the start."""
    return [entry for entry in scene if entry.event is None or entry.event.verb != "appears"]


def shown_objects(scene: Scene) -> set[int]:
    """Every object that can be seen at some time, results of colour changes included."""
    turned = {obj for entry in scene if (obj := turned_object(entry)) is not None}
    return {entry.obj for entry in scene} | turned
