"""The demo world: scenes, events, pixels and video files."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image, ImageDraw

from harness.demo.data import generator_digest
from harness.demo.rendering import CELL, SIDE, _draw
from harness.demo.videos import (
    FRAMES_PER_STATE,
    STATES,
    draw_video_scene,
    fits,
    render_image,
    render_states,
    visible,
    write_video,
)
from harness.demo.world import (
    OBJECTS,
    PARTNER,
    POPULAR,
    POSITIONS,
    SHAPES,
    WORLD,
    Entry,
    Event,
    absent_partners,
    draw_scene,
    is_held_out,
    shown_objects,
)


def obj(name):
    return OBJECTS.index(name)


def cell(name):
    return POSITIONS.index(name)


def test_partners_are_mutual_and_cover_every_object():
    assert sorted(PARTNER) == list(range(len(OBJECTS)))
    assert all(PARTNER[PARTNER[i]] == i != PARTNER[i] for i in PARTNER)


def test_a_seed_decides_scenes_and_pixels():
    first, second = (np.random.default_rng(5) for _ in range(2))
    scenes = [draw_scene(first), draw_video_scene(first)]
    assert scenes == [draw_scene(second), draw_video_scene(second)]
    assert np.array_equal(render_image(scenes[0], first)[0], render_image(scenes[0], second)[0])
    assert np.array_equal(render_states(scenes[1], first)[0], render_states(scenes[1], second)[0])
    assert draw_scene(np.random.default_rng(6)) != scenes[0]


def test_training_and_evaluation_layouts_are_disjoint():
    rng = np.random.default_rng(0)
    kept = [draw(rng, held_out=True) for draw in (draw_scene, draw_video_scene) for _ in range(20)]
    trained = [draw(rng) for draw in (draw_scene, draw_video_scene) for _ in range(100)]
    assert all(is_held_out(scene) for scene in kept)
    assert not any(is_held_out(scene) for scene in trained)


def test_a_held_out_layout_stays_held_out_whatever_happens_in_it():
    layout = (Entry(obj=3, cell=1), Entry(obj=7, cell=4))
    moved = (Entry(obj=3, cell=1, event=Event(verb="disappears", when="first")), Entry(obj=7, cell=4))
    assert is_held_out(layout) == is_held_out(moved) == is_held_out(layout[::-1])


def test_partners_appear_together_more_often_than_chance():
    rng = np.random.default_rng(1)
    scenes = [scene for _ in range(400) if len(scene := draw_scene(rng, low=2)) >= 2]
    together = np.mean([any(PARTNER[e.obj] in shown_objects(scene) for e in scene) for scene in scenes])
    uniform = [draw_scene(rng, low=2, uniform=True) for _ in range(400)]
    by_chance = np.mean([any(PARTNER[e.obj] in shown_objects(scene) for e in scene) for scene in uniform])
    assert together > 0.5
    assert by_chance < 0.3


def test_absent_partners_leave_out_what_is_shown():
    first = obj("red circle")
    alone = (Entry(obj=first, cell=0),)
    assert absent_partners(alone) == [PARTNER[first]]
    assert absent_partners((*alone, Entry(obj=PARTNER[first], cell=1))) == []


@pytest.mark.parametrize(
    ("event", "states"),
    [
        (Event(verb="moves", argument="right", when="first"), ["center", "right", "right", "right"]),
        (Event(verb="moves", argument="up", when="last"), ["center", "center", "center", "top"]),
        (Event(verb="disappears", when="first"), ["center", None, None, None]),
        (Event(verb="appears", when="last"), [None, None, None, "center"]),
    ],
)
def test_what_an_event_does_to_the_four_states(event, states):
    entry = Entry(obj=obj("blue star"), cell=cell("center"), event=event)
    seen = [visible(entry, state, (1, 3)) for state in range(STATES)]
    assert [None if s is None else POSITIONS[s[0]] for s in seen] == states
    assert {s[1] for s in seen if s is not None} == {obj("blue star")}


def test_a_turn_changes_the_colour_only():
    entry = Entry(obj=obj("blue star"), cell=2, event=Event(verb="turns", argument="green", when="first"))
    assert [visible(entry, state, (2, 3)) for state in range(STATES)] == [
        (2, obj("blue star")),
        (2, obj("blue star")),
        (2, obj("green star")),
        (2, obj("green star")),
    ]
    assert shown_objects((entry,)) == {obj("blue star"), obj("green star")}


def test_events_must_fit_the_grid_and_the_other_objects():
    def moving(direction, where):
        return Entry(obj=0, cell=cell(where), event=Event(verb="moves", argument=direction, when="first"))

    assert fits((moving("left", "center"),))
    assert not fits((moving("left", "left"),))
    assert not fits((moving("left", "center"), Entry(obj=1, cell=cell("left"))))
    turning = Entry(obj=obj("red star"), cell=0, event=Event(verb="turns", argument="blue", when="last"))
    assert not fits((turning, Entry(obj=obj("blue star"), cell=1)))


def test_every_video_has_one_first_and_one_last_event():
    rng = np.random.default_rng(2)
    for _ in range(200):
        scene = draw_video_scene(rng)
        assert sorted(e.event.when for e in scene if e.event) == ["first", "last"]
        assert fits(scene)
        assert list(scene) == sorted(scene, key=lambda e: e.cell)


def test_only_the_cells_of_an_event_change_between_states():
    rng = np.random.default_rng(3)
    scene = (
        Entry(obj=obj("red square"), cell=0, event=Event(verb="disappears", when="first")),
        Entry(obj=obj("blue circle"), cell=4),
        Entry(obj=obj("green star"), cell=8, event=Event(verb="turns", argument="red", when="last")),
    )
    frames, styles = render_states(scene, rng, moments=(1, 2))
    assert frames.shape == (STATES, SIDE, SIDE, 3)
    assert len(styles) == 3

    def difference(a, b):
        blurred = (frames[a].astype(float) - frames[b]).reshape(3, 28, 3, 28, 3).mean((1, 3))
        return np.abs(blurred).max(-1).flatten()

    if not styles[0].faint:
        assert difference(0, 1).argmax() == 0
        assert difference(0, 1)[4] < 3
    assert difference(1, 2).argmax() == 8 or styles[2].faint
    assert difference(2, 3).max() < 3


def test_a_video_file_decodes_to_its_states(tmp_path):
    from harness.media.videos import open_video

    rng = np.random.default_rng(4)
    states, _ = render_states(draw_video_scene(rng), rng)
    write_video(tmp_path / "a.mp4", states)
    write_video(tmp_path / "b.mp4", states)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()
    video = open_video(tmp_path / "a.mp4", 8)
    assert video.total_frames == STATES * FRAMES_PER_STATE
    assert [index // FRAMES_PER_STATE for index in video.indices] == [0, 0, 1, 1, 2, 2, 3, 3]
    assert video.duration_s == pytest.approx(5.0)
    luma = np.array([0.299, 0.587, 0.114])
    for frame, state in zip(video.frames, np.repeat(states, 2, axis=0), strict=True):
        assert np.abs(frame @ luma - state @ luma).mean() < 3.0


def test_another_world_has_other_shapes_partners_and_common_objects():
    """In a process of its own, since a process has one world."""
    told = (
        "import json; from harness.demo import world, data, judge_wording\n"
        "print(json.dumps([world.SHAPES, sorted(world.PARTNER.items()), world.POPULAR, data.generator_digest(), "
        "judge_wording.plan_for('Is there a red ring in the image?')]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", told], env={**os.environ, WORLD: "2"}, capture_output=True, text=True, check=True
    )
    shapes, partners, popular, digest, plan = json.loads(done.stdout)
    assert not {*shapes} & {*SHAPES}
    assert sum(dict(map(tuple, partners))[obj] == PARTNER[obj] for obj in PARTNER) < len(OBJECTS) / 4
    assert popular != list(POPULAR)
    assert digest != generator_digest()
    assert plan == "look for red ring"


def test_every_shape_of_every_world_is_filled_and_differs_from_the_others():
    masks = {}
    for shape in ("circle", "square", "triangle", "star", "ring", "diamond", "cross", "heart"):
        image = Image.new("L", (CELL * 4, CELL * 4), 0)
        _draw(shape, ImageDraw.Draw(image), CELL * 2, 11 * 4)
        masks[shape] = np.asarray(image) > 0
        assert 0.15 < masks[shape].mean() < 0.6, shape
    pairs = [(a, b) for a in masks for b in masks if a < b]
    assert all((masks[a] ^ masks[b]).mean() > 0.05 for a, b in pairs)
