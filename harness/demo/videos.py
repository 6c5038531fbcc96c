"""Short videos of the demo world: four states, two events, as real video files.

A video shows its objects in four states of 1.25 seconds each. Between two of them something happens, twice in all: an
object moves by one cell, turns another colour, appears or disappears; each event has its own object. Files hold 20
frames at 4 frames a second, so that eight frames sampled evenly give each state twice, which the model sees as one
temporal patch per state; 1.25 seconds, rounded down, put the states at the rotary positions 0, 1, 2 and 3 with room for
rounding errors in a time stamp.

Imported lazily only: numpy is imported at the top, PyAV where a file is written.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Final

import numpy as np

from harness.demo.rendering import FAINT_RATE, Pixels, Style, draw_brightness, draw_style, paint
from harness.demo.world import (
    COLOR_NAMES,
    DIRECTIONS,
    GRID,
    PARTNER,
    PARTNER_RATE,
    VERBS,
    Entry,
    Event,
    Scene,
    When,
    draw_object,
    draw_objects,
    is_held_out,
    shown_objects,
    turned_object,
)

STATES: Final = 4
FPS: Final = 4
FRAMES_PER_STATE: Final = 5
CODEC: Final = "mpeg4"
MOST_OBJECTS: Final = 4
EVENT_FAINT_RATE: Final = 0.1
"""Objects to which something happens are seldom faint: an event that nobody can see is no question."""

_VERB_CUMULATIVE: Final = (0.36, 0.58, 0.83)


def _neighbour(cell: int, direction: str) -> int | None:
    rows, columns = DIRECTIONS[direction]
    row, column = cell // GRID + rows, cell % GRID + columns
    return row * GRID + column if 0 <= row < GRID and 0 <= column < GRID else None


def _draw_event(rng: np.random.Generator, scene: list[Entry], when: When) -> bool:
    """Let one event happen in `scene`, in place. Returns whether it fitted."""
    verb = VERBS[int(np.searchsorted(_VERB_CUMULATIVE, rng.random()))]
    if verb == "appears":
        partners = [PARTNER[entry.obj] for entry in scene if PARTNER[entry.obj] not in shown_objects(tuple(scene))]
        obj = partners[0] if partners and rng.random() < PARTNER_RATE else draw_object(rng)
        scene.append(Entry(obj=obj, cell=int(rng.integers(GRID * GRID)), event=Event(verb=verb, when=when)))
        return fits(tuple(scene))
    still = [i for i, entry in enumerate(scene) if entry.event is None]
    if not still:
        return False
    index = still[int(rng.integers(len(still)))]
    argument = None
    if verb == "moves":
        argument = list(DIRECTIONS)[int(rng.integers(len(DIRECTIONS)))]
    elif verb == "turns":
        argument = COLOR_NAMES[int(rng.integers(len(COLOR_NAMES)))]
    scene[index] = replace(scene[index], event=Event(verb=verb, argument=argument, when=when))
    return fits(tuple(scene))


def fits(scene: Scene) -> bool:
    """Whether no event leads off the grid, into a cell that is in use, or to an object that is shown already."""
    cells = [entry.cell for entry in scene]
    objects = [entry.obj for entry in scene]
    for entry in scene:
        if entry.event is not None and entry.event.verb == "moves":
            target = _neighbour(entry.cell, str(entry.event.argument))
            if target is None:
                return False
            cells.append(target)
        if (turned := turned_object(entry)) is not None:
            objects.append(turned)
    return len(set(cells)) == len(cells) and len(set(objects)) == len(objects)


def draw_video_scene(rng: np.random.Generator, *, uniform: bool = False, held_out: bool | None = False) -> Scene:
    """A video's scene: two or three objects at the start, a first and a last event.

    Args:
        rng: source of every choice.
        uniform: ignore popularity and partners.
        held_out: draw only reserved layouts (`True`), none of them (`False`), or any (`None`).
    """
    while True:
        count = 2 + int(rng.random() < 0.4)
        objects = draw_objects(rng, count, uniform=uniform)
        cells = [int(cell) for cell in rng.permutation(GRID * GRID)[:count]]
        scene = [Entry(obj=obj, cell=cell) for obj, cell in zip(objects, cells, strict=True)]
        order: tuple[When, When] = ("first", "last") if rng.random() < 0.5 else ("last", "first")
        if not all(_draw_event(rng, scene, when) for when in order):
            continue
        if len(scene) > MOST_OBJECTS:
            continue
        ordered = tuple(sorted(scene, key=lambda entry: entry.cell))
        if held_out is None or is_held_out(ordered) == held_out:
            return ordered


def draw_moments(rng: np.random.Generator) -> tuple[int, int]:
    """The states (1 to 3) at which the first and the last event have happened."""
    return ((1, 2), (1, 3), (2, 3))[int(rng.integers(3))]


def visible(entry: Entry, state: int, moments: tuple[int, int]) -> tuple[int, int] | None:
    """The (cell, object) that an entry shows in one state, or `None` while it is not there."""
    event = entry.event
    happened = event is not None and state >= moments[0 if event.when == "first" else 1]
    if event is None or happened == (event.verb == "appears"):
        return entry.cell, entry.obj
    if event.verb in ("appears", "disappears"):
        return None
    if event.verb == "moves":
        target = _neighbour(entry.cell, str(event.argument))
        assert target is not None, "an event leads off the grid"
        return target, entry.obj
    turned = turned_object(entry)
    assert turned is not None
    return entry.cell, turned


def render_states(
    scene: Scene, rng: np.random.Generator, *, moments: tuple[int, int] | None = None, styles: list[Style] | None = None
) -> tuple[Pixels, list[Style]]:
    """One frame per state, uint8 [STATES, H, W, 3], and the styles of the entries.

    Args:
        scene: entries with exactly one `first` and one `last` event.
        rng: source of styles, background and noise; each state has its own noise.
        moments: when the events happen; drawn when not given.
        styles: the entries' styles; drawn when not given.
    """
    moments = moments or draw_moments(rng)
    if styles is None:
        styles = [draw_style(rng, faint_rate=EVENT_FAINT_RATE if entry.event else FAINT_RATE) for entry in scene]
    brightness = draw_brightness(rng)
    frames = []
    for state in range(STATES):
        objects = []
        for entry, style in zip(scene, styles, strict=True):
            shown = visible(entry, state, moments)
            if shown is not None:
                objects.append((*shown, style))
        frames.append(paint(objects, brightness, rng))
    return np.stack(frames), styles


def render_image(
    scene: Scene, rng: np.random.Generator, *, styles: list[Style] | None = None
) -> tuple[Pixels, list[Style]]:
    """The picture of an image's scene, uint8 [H, W, 3], and the styles of its entries, drawn when not given."""
    styles = [draw_style(rng) for _ in scene] if styles is None else styles
    objects = [(entry.cell, entry.obj, style) for entry, style in zip(scene, styles, strict=True)]
    return paint(objects, draw_brightness(rng), rng), styles


def write_video(path: Path, states: Pixels) -> None:
    """Write states [STATES, H, W, 3] as a video file of `FRAMES_PER_STATE` equal frames each.

    MPEG-4 part 2 is part of every FFmpeg build; one thread and a fixed quantiser make the bytes repeatable.
    """
    import av

    with av.open(str(path), "w", format="mp4", options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream(CODEC, rate=FPS)
        stream.height, stream.width = states.shape[1:3]
        stream.pix_fmt = "yuv420p"
        stream.codec_context.thread_count = 1
        stream.codec_context.time_base = Fraction(1, FPS)
        stream.codec_context.options = {"qmin": "2", "qmax": "2", "flags": "+bitexact"}
        for state in states:
            for _ in range(FRAMES_PER_STATE):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(state), format="rgb24")))
        container.mux(stream.encode())
