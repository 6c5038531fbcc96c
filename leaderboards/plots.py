"""The plots of a board, as SVG text; matplotlib is imported when the first is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from typing import TYPE_CHECKING, Final

from harness.reports.text import one_line, signed
from leaderboards.board import Column, Curve, Group, Row
from leaderboards.svg import (
    BETTER,
    INK,
    MAX_LINES,
    MUTED,
    PAPER,
    PLAIN,
    SERIES,
    WORSE,
    draw_figure,
    dress,
    style,
    to_svg,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MAX_ROWS: Final = 24
"""Rows that a plot shows: more cannot be read."""
_NAME_CHARACTERS: Final = 26
_KEY: Final = "dashed: baseline   blue: better, orange: worse than it beyond chance   grey: within chance"


def plot_scores(group: Group, column: Column) -> str | None:
    """Headlines with their 95 % intervals; `None` where no row has one."""
    rows = _shown(group, column)
    if not rows:
        return None

    def draw(axes: Axes) -> None:
        _baseline_line(axes, group, column)
        for y, row in enumerate(rows):
            metric = row.cells[column.task].metric
            color = _color(row, column)
            value = column.scale * (metric.value or 0.0)
            if metric.low is not None and metric.high is not None:
                axes.plot([column.scale * metric.low, column.scale * metric.high], [y, y], color=color, linewidth=2)
            axes.plot([value], [y], "o", color=color, markersize=5, markeredgecolor=PAPER, markeredgewidth=0.6)
        _name_rows(axes, rows)

    return draw_figure(draw, rows=len(rows), name=f"scores-{column.task}")


def plot_arrows(group: Group, column: Column) -> str | None:
    """An arrow from the baseline's headline to each other row's; `None` without a baseline."""
    base = _baseline_value(group, column)
    rows = [row for row in _shown(group, column) if not row.is_baseline]
    if base is None or not rows:
        return None

    def draw(axes: Axes) -> None:
        values = [column.scale * (row.cells[column.task].metric.value or 0.0) for row in rows]
        axes.axvline(base, color=MUTED, linewidth=1, linestyle=(0, (3, 3)))
        for y, (row, value) in enumerate(zip(rows, values, strict=True)):
            color = _color(row, column)
            delta = row.cells[column.task].delta
            style = {"arrowstyle": "-|>", "color": color, "linewidth": 1.8, "shrinkA": 0, "shrinkB": 0}
            axes.annotate("", xy=(value, y), xytext=(base, y), arrowprops=style)
            shown = signed(None if delta is None else delta.value, column.scale)
            axes.annotate(
                shown,
                xy=(value, y),
                xytext=(5 if value >= base else -5, 0),
                textcoords="offset points",
                ha="left" if value >= base else "right",
                va="center",
                fontsize=8,
                color=color,
            )
        ends = [base, *values]
        room = 0.24 * (max(ends) - min(ends)) or 1.0
        axes.set_xlim(min(ends) - room, max(ends) + room)
        _name_rows(axes, rows)

    return draw_figure(draw, rows=len(rows), name=f"arrows-{column.task}")


def plot_attribution(group: Group) -> str | None:
    """Where wrong answers went wrong, as stacks; `None` where no row says."""
    rows = _cut([row for row in group.rows if row.attribution(group.attributed)])
    if not rows:
        return None
    causes = group.causes

    def draw(axes: Axes) -> None:
        for y, row in enumerate(rows):
            left = 0.0
            shares = row.attribution(group.attributed)
            for cause, color in zip(causes, cycle(SERIES), strict=False):
                share = 100 * shares.get(cause, 0.0)
                axes.barh(y, share, left=left, height=0.68, color=color, linewidth=0)
                left += share
        _name_rows(axes, rows)
        axes.set_xlim(left=0)

    legend = list(zip(causes, cycle(SERIES), strict=False))
    return draw_figure(draw, rows=len(rows), name="attribution", legend=legend)


def plot_curves(curves: Sequence[Curve], baseline: float | None = None) -> str | None:
    """One figure over the steps of several training runs, with 95 % bands; the dotted line is where a rise starts.

    Args:
        curves: of one figure.
        baseline: value of the baseline, as a share.
    """
    if not curves:
        return None
    shown = curves[:MAX_LINES]

    def draw(axes: Axes) -> None:
        scale = shown[0].scale
        if baseline is not None:
            axes.axhline(scale * baseline, color=MUTED, linewidth=1, linestyle=(0, (3, 3)))
        for curve, color in zip(shown, SERIES, strict=False):
            known = [point for point in curve.points if point.low is not None and point.high is not None]
            axes.fill_between(
                [point.step for point in known],
                [scale * (point.low or 0.0) for point in known],
                [scale * (point.high or 0.0) for point in known],
                color=color,
                alpha=0.16,
                linewidth=0,
            )
            axes.plot(
                [point.step for point in curve.points],
                [scale * point.value for point in curve.points],
                "o-",
                color=color,
                linewidth=1.8,
                markersize=4,
            )
            if curve.rises_by is not None:
                axes.axvline(curve.rises_by, color=color, linewidth=1, linestyle=":")
        axes.set_xlabel("step", color=MUTED, fontsize=8)

    legend = [(_shorten(curve.run), color) for curve, color in zip(shown, SERIES, strict=False)]
    return draw_figure(draw, rows=9, name="curve", legend=legend, grid="both")


def plot_overview(group: Group, *, rows: int = 12) -> str | None:
    """All benchmarks of a group side by side, with names at the left: the picture for a README."""
    names = _cut(list(group.rows), rows)
    columns = list(group.columns)[:4]
    if not names or not columns:
        return None
    from matplotlib.figure import Figure

    with style("overview"):
        figure = Figure(figsize=(2.0 + 2.1 * len(columns), 0.95 + 0.3 * len(names)), layout="constrained")
        panels = figure.subplots(1, len(columns), sharey=True, squeeze=False)[0]
        for axes, column in zip(panels, columns, strict=True):
            _baseline_line(axes, group, column)
            for y, row in enumerate(names):
                if column.task not in row.cells:
                    continue
                metric, color = row.cells[column.task].metric, _color(row, column)
                if metric.value is None:
                    continue
                if metric.low is not None and metric.high is not None:
                    ends = [column.scale * metric.low, column.scale * metric.high]
                    axes.plot(ends, [y, y], color=color, linewidth=2)
                axes.plot([column.scale * metric.value], [y], "o", color=color, markersize=5)
            if axes is panels[0]:
                _name_rows(axes, names)
            dress(axes, "x")
            axes.set_title(f"{one_line(column.title)}\n{column.measure}", fontsize=9, color=INK, parse_math=False)
        if group.baseline is not None:
            figure.supxlabel(_KEY, fontsize=8, color=MUTED)
        return to_svg(figure)


def _shown(group: Group, column: Column) -> list[Row]:
    rows = [row for row in group.rows if column.task in row.cells and row.cells[column.task].metric.value is not None]
    return _cut(rows)


def _cut(rows: list[Row], most: int = MAX_ROWS) -> list[Row]:
    """The first rows, and always the baseline."""
    if len(rows) <= most:
        return rows
    kept = rows[:most]
    baseline = [row for row in rows if row.is_baseline]
    return kept if not baseline or baseline[0] in kept else [*kept[:-1], *baseline]


def _color(row: Row, column: Column) -> str:
    delta = row.cells[column.task].delta
    if row.is_baseline:
        return INK
    if delta is None or not delta.is_real or delta.value is None:
        return PLAIN
    return BETTER if delta.value > 0 else WORSE


def _baseline_value(group: Group, column: Column) -> float | None:
    row = next((row for row in group.rows if row.is_baseline and column.task in row.cells), None)
    value = row.cells[column.task].metric.value if row else None
    return None if value is None else column.scale * value


def _baseline_line(axes: Axes, group: Group, column: Column) -> None:
    value = _baseline_value(group, column)
    if value is not None:
        axes.axvline(value, color=MUTED, linewidth=1, linestyle=(0, (3, 3)))


def _shorten(name: str) -> str:
    line = one_line(name)
    return line if len(line) <= _NAME_CHARACTERS else f"…{line[1 - _NAME_CHARACTERS :]}"


def _name_rows(axes: Axes, rows: Sequence[Row]) -> None:
    axes.set_yticks(range(len(rows)), [_shorten(row.label) for row in rows])
    for label, row in zip(axes.get_yticklabels(), rows, strict=True):
        label.set_parse_math(False)
        label.set_fontweight("bold" if row.is_baseline else "normal")
    axes.set_ylim(len(rows) - 0.4, -0.6)
