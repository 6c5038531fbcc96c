"""The plots of a board."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from xml.etree.ElementTree import Element

from harness.reports.differences import tone
from harness.reports.plots import SERIES, Line, Mark, intervals, lines, stacks
from harness.reports.svg import span
from harness.statistics.differences import Difference
from leaderboards.board import Column, Curve, Group, Row
from leaderboards.terms import cause_tone

MAX_ROWS: Final = 24
"""Rows that a plot shows: with more it is higher than a screen."""
MAX_LINES: Final = len(SERIES)
"""Training runs that a plot shows."""
_OVERVIEW_ROWS: Final = 6
"""Rows of a picture that is taken in at one look, on a phone too."""


def plot_scores(group: Group, column: Column) -> Element | None:
    """Headlines with their 95 % intervals; `None` where no row has one."""
    marks = [_score(row, column) for row in _cut([row for row in group.rows if column.task in row.cells])]
    known = [mark for mark in marks if mark.value is not None]
    return intervals(known, title=_title(column), base=_baseline(group, column), scale=column.scale) if known else None


def plot_differences(group: Group, column: Column) -> Element | None:
    """Differences to the baseline with their 95 % intervals, of all columns on one axis; `None` without any."""
    marks = [
        Mark(row.label, delta.value, delta.low, delta.high, tone(delta))
        for row in _cut(group.rows)
        if (delta := _delta(row, column)) is not None
    ]
    if not marks:
        return None
    shown = [
        delta
        for row in _cut(group.rows)
        for other in group.columns
        if other.scale == column.scale and (delta := _delta(row, other)) is not None
    ]
    ends = span([0.0, *(end for delta in shown for end in (delta.value, delta.low, delta.high))])
    title = f"{column.title}: from the baseline"
    return intervals(marks, title=title, ends=ends, base=0.0, scale=column.scale, signs=True)


def _delta(row: Row, column: Column) -> Difference | None:
    delta = row.cells[column.task].delta if column.task in row.cells else None
    return None if delta is None or delta.value is None else delta


def plot_attribution(group: Group) -> Element | None:
    """Where wrong answers went wrong, as stacks; `None` where no row says."""
    shares = [(row, found) for row in group.rows if (found := row.attribution(group.attributed))]
    if not shares:
        return None
    kept = set(map(id, _cut([row for row, _ in shares])))
    causes = group.causes
    rows = [
        (Mark(row.label, None, bold=row.is_baseline), [found.get(cause, 0.0) for cause in causes])
        for row, found in shares
        if id(row) in kept
    ]
    return stacks(rows, [(cause, cause_tone(cause)) for cause in causes], title="where wrong answers went wrong")


def plot_curves(curves: Sequence[Curve], baseline: float | None = None) -> Element:
    """One figure over the steps of several training runs, with 95 % bands; the dotted line is where a rise starts.

    Args:
        curves: of one figure, one at least.
        baseline: value of the baseline, as a share.
    """
    series = [
        Line(
            curve.run,
            tone,
            [(point.step, point.value) for point in curve.points],
            [
                (point.step, point.low, point.high)
                for point in curve.points
                if not (point.low is None or point.high is None)
            ],
            marked=curve.rises_by,
            dots=True,
        )
        for curve, tone in zip(curves, SERIES, strict=False)
    ]
    return lines(series, title=f"{curves[0].figure}: by step", base=baseline, scale=curves[0].scale)


def plot_overview(group: Group) -> list[Element]:
    """The main benchmarks of a group, to stand below each other: side by side they were too small for a phone."""
    rows = _cut(group.rows, _OVERVIEW_ROWS)
    return [
        intervals(
            [_score(row, column) for row in rows],
            title=_title(column),
            base=_baseline(group, column),
            scale=column.scale,
        )
        for column in group.main_columns
    ]


def _cut(rows: Sequence[Row], most: int = MAX_ROWS) -> Sequence[Row]:
    """The first rows, and always the baseline."""
    kept = rows[:most]
    baseline = [row for row in rows[most:] if row.is_baseline]
    return [*kept[:-1], *baseline] if baseline else kept


def _title(column: Column) -> str:
    return f"{column.title}: {column.measure}"


def _score(row: Row, column: Column) -> Mark:
    if column.task not in row.cells:
        return Mark(row.label, None, bold=row.is_baseline)
    metric = row.cells[column.task].metric
    return Mark(row.label, metric.value, metric.low, metric.high, _tone(row, column), row.is_baseline)


def _tone(row: Row, column: Column) -> str:
    delta = row.cells[column.task].delta
    return "ink" if row.is_baseline else "plain" if delta is None else tone(delta)


def _baseline(group: Group, column: Column) -> float | None:
    cell = None if group.base is None else group.base.cells.get(column.task)
    return None if cell is None else cell.metric.value
