"""Training runs as curves, and where hallucination rises."""

from __future__ import annotations

from pathlib import Path

import pytest
from support_leaderboards import write_diagnostics, write_run, write_world

from leaderboards.board import Point
from leaderboards.curves import draw_curves, rise_of_hallucination
from leaderboards.grouping import group_runs
from leaderboards.runs import load_runs


def points(*values: float | tuple[float, float | None, float | None]) -> list[Point]:
    made = []
    for place, value in enumerate(values):
        middle, low, high = value if isinstance(value, tuple) else (value, value - 0.02, value + 0.02)
        made.append(Point(step=100 * (place + 1), label=str(place), value=middle, low=low, high=high))
    return made


@pytest.mark.parametrize(
    ("values", "rise"),
    [
        ((0.80, 0.85, 0.90), None),
        ((0.90, 0.85, 0.80), (100, 200)),
        ((0.80, 0.90, 0.88, 0.80, 0.79), (200, 400)),
        ((0.90, 0.80, 0.90 - 0.01, 0.80), (100, 400)),
        ((0.90, 0.80, 0.90), None),
        ((0.90, 0.865), None),
        ((0.90, 0.859), (100, 200)),
        ((0.90, 0.90, 0.70), (100, 300)),
        (((0.90, None, None), 0.5), None),
        ((0.90, (0.5, None, None), 0.5), (100, 300)),
        ((0.90,), None),
    ],
)
def test_the_rise_of_hallucination(values: tuple[float, ...], rise: tuple[int, int] | None) -> None:
    assert rise_of_hallucination(points(*values)) == rise


def test_curves_of_a_training_run(tmp_path: Path) -> None:
    (group,) = group_runs(load_runs([write_world(tmp_path, counts=240)])[0])
    curves = {(curve.run, curve.figure): curve for curve in draw_curves(group)}
    assert {run for run, _ in curves} == {"outputs/grpo", "outputs/method"}
    objects = "objects mentioned that are invented (CHAIR-i)"
    assert {figure for _, figure in curves} == {
        *("POPE", "VideoHallucer", "MMBench", "MMVU"),
        *("captions that imply the right answer", objects),
    }
    plain = curves["outputs/grpo", "VideoHallucer"]
    assert [point.step for point in plain.points] == [100, 200, 300, 400]
    assert plain.rises_from == 100
    assert plain.rises_by is not None
    assert curves["outputs/method", "VideoHallucer"].rises_from is None
    assert curves["outputs/grpo", "MMVU"].rises_from is None
    assert curves["outputs/grpo", "captions that imply the right answer"].rises_from is None


def test_a_rate_of_hallucination_rises_upwards(tmp_path: Path) -> None:
    for step, rate in ((1, 0.10), (2, 0.05), (3, 0.12), (4, 0.13)):
        folder = write_run(tmp_path / str(step), model=f"t/step_{step}", counts=20)
        write_diagnostics(folder, perception=rate)
    (group,) = group_runs(load_runs([tmp_path])[0])
    curve = next(curve for curve in draw_curves(group) if "CHAIR" in curve.figure)
    assert [point.value for point in curve.points] == [0.10, 0.05, 0.12, 0.13]
    assert (curve.rises_from, curve.rises_by) == (2, 3)


def test_a_single_checkpoint_is_no_curve(tmp_path: Path) -> None:
    write_run(tmp_path / "a", model="t/checkpoint-1", counts=12)
    (group,) = group_runs(load_runs([tmp_path])[0])
    assert draw_curves(group) == []


def test_a_step_that_was_trained_twice_counts_once(tmp_path: Path) -> None:
    for name, weights, day in (("a", "sha256:a1", 1), ("b", "sha256:b2", 2)):
        write_run(
            tmp_path / name, model="t/checkpoint-1", weights=weights, counts=12, started=f"2026-01-0{day}T00:00:00Z"
        )
    write_run(tmp_path / "c", model="t/checkpoint-2", counts=12)
    (group,) = group_runs(load_runs([tmp_path])[0])
    curve = draw_curves(group)[0]
    assert [point.step for point in curve.points] == [1, 2]
    assert curve.points[0].label == "t/checkpoint-1 #b2"
