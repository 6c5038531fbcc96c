"""A board as one self-contained HTML page: it fetches nothing, and opens from a disk as from a server."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final
from xml.etree.ElementTree import Element

from harness.reports.differences import SIGNS, change, tone, verdict
from harness.reports.html import render, script_json
from harness.reports.text import number
from harness.statistics.differences import Difference
from leaderboards.answers import answer
from leaderboards.board import Board, Column, Curve, Group
from leaderboards.markdown import reported_likeness, unsettled_note
from leaderboards.page_data import Link, page_data
from leaderboards.plots import MAX_LINES, MAX_ROWS, plot_attribution, plot_curves, plot_differences, plot_scores
from leaderboards.provenance import conditions
from leaderboards.reference import ReportedRow, told_of
from leaderboards.terms import cause_tone

MOST_BYTES: Final = 2_900_000
"""Size that a page should not exceed, to open at once on a phone too."""
_PLOTTED_GROUPS: Final = 4
"""Groups with plots: those below hold few rows, and each plot takes bytes from their details."""

Captioned = tuple[str, str, Element]
"""A plot with its caption and a note."""


def render_page(board: Board, link: Link, files: Sequence[str] = ()) -> str:
    """The page.

    Args:
        board: the board.
        link: addresses of the runs' reports.
        files: names of files beside the page that it offers for download.
    """
    values: dict[str, Any] = {
        "title": board.title,
        "groups": [
            _group(group, board.curves[place] if place < len(board.curves) else (), is_plotted=place < _PLOTTED_GROUPS)
            for place, group in enumerate(board.groups)
        ],
        "files": files,
        "max_rows": MAX_ROWS,
        "max_lines": MAX_LINES,
        "reported": list(_reported(board)),
        "reported_titles": board.reported_titles.values(),
        "notes": board.notes,
    }
    used = len(render("board.html", room="leaderboards", data="", **values).encode())
    data = page_data(board, link, MOST_BYTES - used)
    return render("board.html", room="leaderboards", data=script_json(data), **values)


def _reported(board: Board) -> Iterator[tuple[ReportedRow, list[str], str, str]]:
    """Each reported row with its figures, how they were had, and where ours differ."""
    titles = board.reported_titles
    for row, differs in zip(board.reported, reported_likeness(board), strict=True):
        yield row, [number(row.values.get(task)) for task in titles], told_of(row, titles), differs


def _group(group: Group, curves: Sequence[Curve], *, is_plotted: bool) -> dict[str, Any]:
    said = answer(group)
    return {
        "title": group.title,
        "reason": group.reason,
        "said": said,
        "why_of": group.reasons and group.reasons.row,
        "looked_at": group.reasons and group.reasons.family,
        "baseline": group.baseline,
        "tests": group.tests,
        "deltas": list(_deltas(group)),
        "views": ["Scores", *(["Diagnostics"] if group.diagnostics else []), "Provenance"],
        "rows": len(group.rows),
        "ordered_by": group.order_title,
        "unsettled": unsettled_note(group),
        "causes": [(cause, cause_tone(cause)) for cause in group.causes],
        "conditions": list(conditions(group)),
        "plots": list(_plots(group)) if is_plotted else [],
        "curve_plots": list(_curve_plots(group, curves)) if is_plotted else [],
        "rising": [curve for curve in curves if curve.rises_from is not None],
        "trainings": len({curve.run for curve in curves}),
    }


def _deltas(group: Group) -> Iterator[dict[str, Any]]:
    """The leader against the baseline."""
    for column in group.columns:
        cell = group.rows[0].cells.get(column.task)
        if cell is not None and cell.delta is not None and cell.delta.value is not None:
            yield {"title": column.title, **_delta(cell.delta, column)}


def _delta(delta: Difference, column: Column) -> dict[str, Any]:
    return {
        "change": change(delta, column.scale),
        "tone": f"{tone(delta)} real" if delta.is_shown else "muted",
        "sign": SIGNS[delta.verdict],
        "verdict": verdict(delta, column.scale),
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


def _curve_plots(group: Group, curves: Sequence[Curve]) -> Iterator[Captioned]:
    columns = {column.title: column for column in group.columns}
    base = group.base
    for figure in dict.fromkeys(curve.figure for curve in curves):
        column = columns.get(figure)
        cell = base.cells.get(column.task) if base is not None and column is not None else None
        members = [curve for curve in curves if curve.figure == figure]
        note = members[0].measure + (", %" if members[0].scale == 100 else "")
        yield figure, note, plot_curves(members, None if cell is None else cell.metric.value)
