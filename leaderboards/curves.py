"""Checkpoints of one training run as curves, and the step from which hallucination rises."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from harness.core.types import Metric
from leaderboards.board import Curve, Group, Point, Row
from leaderboards.naming import short_names
from leaderboards.terms import figure_title


def draw_curves(group: Group) -> list[Curve]:
    """A curve for each training run and each task or headline diagnostic that two of its checkpoints have.

    Where a step was trained twice under one path, its latest checkpoint counts.
    """
    trainings: dict[str, dict[int, Row]] = defaultdict(dict)
    for row in sorted(group.rows, key=lambda row: row.runs[0].age):
        if row.step is not None:
            trainings[row.step.run][row.step.step] = row
    names = short_names(sorted(trainings))
    curves: list[Curve] = []
    for training in sorted(trainings, key=lambda training: (names[training], training)):
        rows = sorted(trainings[training].items())
        for column in group.columns:
            metrics = [(step, row, row.cells[column.task].metric) for step, row in rows if column.task in row.cells]
            of_hallucination = int(column.facts.hallucination)
            curves += _curve(names[training], column.title, column.measure, column.scale, metrics, of_hallucination)
        diagnosed = [(step, row, row.diagnostics) for step, row in rows]
        for name in group.diagnostics:
            found = [(step, row, figures[name]) for step, row, figures in diagnosed if name in figures]
            if found and found[0][2].spec.headline:
                spec = found[0][2].spec
                metrics = [(step, row, of.metric) for step, row, of in found]
                title = figure_title(name, spec.title, group.titles)
                of_hallucination = -1 if spec.hallucination else 0
                curves += _curve(names[training], title, "diagnostic", spec.factor, metrics, of_hallucination)
    return curves


def _curve(
    run: str,
    figure: str,
    measure: str,
    scale: float,
    metrics: Iterable[tuple[int, Row, Metric]],
    of_hallucination: int,
) -> list[Curve]:
    """The curve, where there is one; `of_hallucination`: whether it is a score (1), a rate (-1), or neither (0)."""
    points = [
        Point(step=step, label=row.label, value=metric.value, low=metric.low, high=metric.high)
        for step, row, metric in metrics
        if metric.value is not None
    ]
    if len(points) < 2:
        return []
    rise = None
    if of_hallucination:
        rise = rise_of_hallucination(points if of_hallucination > 0 else [_turn(point) for point in points])
    return [
        Curve(
            run=run,
            figure=figure,
            measure=measure,
            scale=scale,
            points=points,
            rises_from=rise and rise[0],
            rises_by=rise and rise[1],
        )
    ]


def _turn(point: Point) -> Point:
    """A rate of hallucination as a score."""
    low, high = (None if end is None else 1 - end for end in (point.high, point.low))
    return replace(point, value=1 - point.value, low=low, high=high)


def rise_of_hallucination(points: Sequence[Point]) -> tuple[int, int] | None:
    """From which step hallucination rises, and by which step that is more than chance.

    The best step is the one with the highest score, the earliest of several. Hallucination rises from there when from
    some later step on every checkpoint's 95 % interval lies wholly below the best step's: the first such step is the
    one by which the rise is beyond chance. Two intervals that do not overlap are a stricter demand than a test of the
    difference at 5 %, which makes up for the best step being chosen after the fact.

    Args:
        points: scores, higher is better, in the order of their steps.

    Returns:
        Best step and first step of the lasting fall; `None` where there is none, or an interval is not known.
    """
    best = max(points, key=lambda point: (point.value, -point.step))
    by: int | None = None
    for point in reversed([point for point in points if point.step > best.step]):
        if best.low is None or point.high is None or point.high >= best.low:
            break
        by = point.step
    return None if by is None else (best.step, by)
