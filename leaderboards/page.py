"""A board as one self-contained HTML page: it opens from a disk as from a server, a plain table without its script.

It fetches nothing but, when a reader opens a sample of two rows, the reports of their runs, which have the responses.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final
from xml.etree.ElementTree import Element

from harness.core.types import Metric
from harness.reports.html import render, script_json
from harness.reports.text import UNKNOWN, count_tested, interval, number, span
from leaderboards.answers import answer
from leaderboards.board import Board, Cell, Column, Group, Row
from leaderboards.markdown import THIN_NOTE, rate, reported_likeness, unsettled_note
from leaderboards.page_data import Link, figure_heads, page_data, shown
from leaderboards.plots import MAX_LINES, MAX_ROWS, plot_attribution, plot_curves, plot_differences, plot_scores
from leaderboards.provenance import conditions, unlike_baseline
from leaderboards.reference import ReportedRow, told_of
from leaderboards.terms import cause_tone

MOST_BYTES: Final = 2_900_000
"""Size that a page should not exceed, to open at once on a phone too."""
MOST_DIAGNOSED: Final = 300
"""Rows of a table with diagnostics beside its scores, and words under its differences; of more, the JSON has both."""
_PLOTTED_GROUPS: Final = 4
"""Groups with plots: those below hold few rows, and each plot takes bytes from their details."""
_DATA: Final = "the data of the page"
_BETTER: Final = ("", "higher is better", "lower is better")

Captioned = tuple[str, str, Element]
"""A plot with its caption and a note."""


def render_page(board: Board, link: Link, files: Sequence[str] = ()) -> str:
    """The page.

    Args:
        board: the board.
        link: addresses of the runs' reports.
        files: names of files beside the page that it offers for download.
    """
    page = render(
        "board.html",
        room="leaderboards",
        title=board.title,
        groups=[_group(group, link, is_plotted=place < _PLOTTED_GROUPS) for place, group in enumerate(board.groups)],
        files=files,
        max_rows=MAX_ROWS,
        max_lines=MAX_LINES,
        reported=list(_reported(board)),
        reported_titles=board.reported_titles.values(),
        notes=board.notes,
        data=_DATA,
    )
    before, _, after = page.rpartition(_DATA)
    return f"{before}{script_json(page_data(board, link, MOST_BYTES - len(page.encode())))}{after}"


def _reported(board: Board) -> Iterator[tuple[ReportedRow, list[str], str, str]]:
    """Each reported row with its figures, how they were had, and where ours differ."""
    titles = board.reported_titles
    for row, differs in zip(board.reported, reported_likeness(board), strict=True):
        yield row, [number(row.values.get(task)) for task in titles], told_of(row, titles), differs


def _group(group: Group, link: Link, *, is_plotted: bool) -> dict[str, Any]:
    has_diagnostics = bool(group.diagnostics) and len(group.rows) <= MOST_DIAGNOSED
    figures = [figure_heads(name, group) for name in group.diagnostics] if has_diagnostics else []
    most_wrong = max((sum(row.attribution(group.attributed).values()) for row in group.rows), default=0.0) or 1.0
    paired = {key for outcomes in group.outcomes.values() for key in outcomes.rows}
    is_unsettled = group.has_unsettled
    bounds = [_bounds(column, group) for column in group.columns]
    return {
        "title": group.title,
        "reason": group.reason,
        "said": answer(group),
        "why_of": group.reasons and group.reasons.row,
        "looked_at": group.reasons and count_tested(group.reasons.family, "change"),
        "baseline": group.baseline,
        "tests": group.tests,
        "tested": count_tested(group.tests),
        "deltas": list(_deltas(group)),
        "columns": group.columns,
        "figures": [(title, definition, _BETTER[better]) for title, definition, _, better in figures],
        "rows": [
            {
                **_row(row, group, bounds, figures, most_wrong, is_unsettled),
                "members": [_member(member, group, link) for member in row.members] if len(row.members) > 1 else [],
            }
            for row in group.rows
        ],
        "paired": len(paired),
        "is_large": len(group.rows) > MOST_DIAGNOSED,
        "ordered_by": group.order_title,
        "unsettled": unsettled_note(group),
        "thin": THIN_NOTE if group.has_thin else "",
        "causes": [(cause, cause_tone(cause)) for cause in group.causes],
        "conditions": list(conditions(group)),
        "plots": list(_plots(group)) if is_plotted else [],
        "curve_plots": list(_curve_plots(group)) if is_plotted else [],
        "rising": [curve for curve in group.curves if curve.rises_from is not None],
        "trainings": len({curve.run for curve in group.curves}),
    }


def _deltas(group: Group) -> Iterator[tuple[str, dict[str, Any]]]:
    """The leader against the baseline."""
    for column in group.columns:
        cell = group.rows[0].cells.get(column.task)
        if cell is not None and cell.delta is not None and cell.delta.value is not None:
            yield column.title, shown(cell.delta, column.scale)


def _bounds(column: Column, group: Group) -> tuple[float, float, float | None]:
    """Ends of the axis on which the scores of a column are drawn, and the baseline's."""
    metrics = [row.cells[column.task].metric for row in group.rows if column.task in row.cells]
    ends = [end for metric in metrics for end in (metric.value, metric.low, metric.high) if end is not None]
    base = None if group.base is None else group.base.cells.get(column.task)
    return min(ends, default=0.0), max(ends, default=1.0), None if base is None else base.metric.value


def _row(
    row: Row,
    group: Group,
    bounds: Sequence[tuple[float, float, float | None]],
    figures: Sequence[tuple[str, str, float, int]],
    most_wrong: float,
    is_unsettled: bool,
) -> dict[str, Any]:
    tasks = list(group.titles)
    shares = row.attribution(group.attributed)
    counted = ("unanswered", *(["unsettled"] if is_unsettled else []), "errors")
    of_samples = [row.share(name, tasks) for name in counted]
    found = row.diagnostics if figures else {}
    return {
        "label": row.label,
        "is_baseline": row.is_baseline,
        "seeds": len(row.seeds),
        "unlike": "; ".join(unlike_baseline(row, group.base)),
        "cells": [
            _cell(row.cells[column.task], column, of, group) if column.task in row.cells else None
            for column, of in zip(group.columns, bounds, strict=True)
        ],
        "wrong": sum(shares.values()) if shares else None,
        "wrong_text": number(sum(shares.values())) if shares else UNKNOWN,
        "causes": [
            (cause, cause_tone(cause), f"{100 * share / most_wrong:.1f}", number(share))
            for cause, share in shares.items()
            if share
        ],
        "rates": [(share, rate(share)) for share in of_samples],
        "figures": [
            _figure(found[name].metric if name in found else None, scale)
            for name, (_, _, scale, _) in zip(group.diagnostics, figures, strict=bool(figures))
        ],
    }


def _figure(metric: Metric | None, scale: float) -> tuple[float | None, str, str]:
    """Value, and value and interval as they are shown."""
    if metric is None:
        return None, UNKNOWN, ""
    return metric.value, number(metric.value, scale), interval(metric.low, metric.high, scale)


def _cell(cell: Cell, column: Column, bounds: tuple[float, float, float | None], group: Group) -> dict[str, Any]:
    metric, delta, scale = cell.metric, cell.delta, column.scale
    low, high, base = bounds

    def at(value: float | None) -> str:
        return "" if value is None else f"{100 * (value - low) / (high - low or 1):.1f}"

    return {
        "value": metric.value,
        "text": number(metric.value, scale) + (f" ± {number(cell.spread, scale)}" if cell.spread is not None else ""),
        "ends": interval(metric.low, metric.high, scale),
        "range": span(metric.range, scale),
        "strip": None if metric.value is None else [at(of) for of in (metric.value, metric.low, metric.high, base)],
        "delta": shown(delta, scale) if delta is not None and delta.value is not None else None,
        "is_compared": group.baseline is not None,
    }


def _member(row: Row, group: Group, link: Link) -> dict[str, Any]:
    """One checkpoint of a row: name, address of its report, training seed, step, and its headlines."""
    training = row.latest.training or {}
    step = training.get("step", row.step.step if row.step else None)
    seed = training.get("seed")
    told = [f"{name} {value}" for name, value in (("seed", seed), ("step", step)) if value is not None]
    cells = [row.cells.get(column.task) for column in group.columns]
    return {
        "label": row.label,
        "address": next((found for run in row.runs if (found := link(run)) is not None), None),
        "told": ", ".join(told),
        "cells": [
            (number(cell.metric.value, column.scale), interval(cell.metric.low, cell.metric.high, column.scale))
            if cell is not None
            else (UNKNOWN, "")
            for column, cell in zip(group.columns, cells, strict=True)
        ],
    }


def _plots(group: Group) -> Iterator[Captioned]:
    for column in group.columns:
        scores = plot_scores(group, column)
        if scores is not None:
            yield column.title, f"{column.measure}, 95 % intervals", scores
    for column in group.columns:
        differences = plot_differences(group, column)
        if differences is not None:
            note = "difference, simultaneous 95 % intervals; grey: no difference shown"
            yield f"{column.title}: from the baseline", note, differences
    stacks = plot_attribution(group)
    if stacks is not None:
        yield "Where wrong answers went wrong", "% of all answers", stacks


def _curve_plots(group: Group) -> Iterator[Captioned]:
    columns = {column.title: column for column in group.columns}
    base = group.base
    for figure in dict.fromkeys(curve.figure for curve in group.curves):
        column = columns.get(figure)
        cell = base.cells.get(column.task) if base is not None and column is not None else None
        members = [curve for curve in group.curves if curve.figure == figure]
        note = members[0].measure + (", %" if members[0].scale == 100 else "")
        yield figure, note, plot_curves(members, None if cell is None else cell.metric.value)
