"""What the page's script needs of a board, small enough that a page of thousands of runs stays under its limit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from harness.core.types import Metric
from harness.reports.differences import SIGNS, change, in_words, tone
from harness.reports.html import script_json
from harness.reports.text import one_line
from harness.runs.checks import COUNTS
from leaderboards.board import Board, Cell, Column, Group, Row
from leaderboards.provenance import provenance, unlike_baseline
from leaderboards.runs import StoredRun
from leaderboards.terms import cause_tone, figure_title

Link = Callable[[StoredRun], str | None]
"""A run to the address of its report as seen from the page; `None` where there is none."""

_DIGITS: Final = 6
"""Of a share: a sample in a million. The JSON file has all."""


class _Texts:
    """Texts that many rows share, each stored once and named by its place."""

    def __init__(self) -> None:
        self.places: dict[str, int] = {}

    def place(self, text: str) -> int:
        return self.places.setdefault(one_line(text), len(self.places))


def page_data(board: Board, link: Link, most_bytes: int) -> dict[str, Any]:
    """The board as the page's script takes it.

    Further metrics of a row, shown when it is opened, are left out from the row on that would make the page's JSON
    longer than `most_bytes`; the page then points to the JSON file.

    Args:
        board: the board.
        link: addresses of reports.
        most_bytes: length that the JSON should not exceed.
    """
    texts = _Texts()
    groups = [_group(group, link, texts) for group in board.groups]
    size = len(script_json(groups).encode()) + sum(len(text.encode()) + 3 for text in texts.places)
    for group, data in zip(board.groups, groups, strict=True):
        for row, shown in zip(group.rows, data["rows"], strict=True):
            details = _details(row, group.columns, texts)
            size += len(script_json(details).encode())
            if size > most_bytes:
                break
            shown["more"] = details
    return {"groups": groups, "texts": list(texts.places)}


def _group(group: Group, link: Link, texts: _Texts) -> dict[str, Any]:
    causes = group.causes
    return {
        "columns": [_column(column, group) for column in group.columns],
        "causes": [[cause, cause_tone(cause)] for cause in causes],
        "unsettled": group.has_unsettled,
        "diagnostics": [_diagnostic(name, group) for name in group.diagnostics],
        "provenance": [name for name, _ in provenance(group.rows[0], None)],
        "rows": [_row(row, group, causes, link, texts) for row in group.rows],
    }


def _column(column: Column, group: Group) -> dict[str, Any]:
    metrics = [row.cells[column.task].metric for row in group.rows if column.task in row.cells]
    ends = [end for metric in metrics for end in (metric.value, metric.low, metric.high) if end is not None]
    base = None if group.base is None else group.base.cells.get(column.task)
    return {
        "title": one_line(column.title),
        "measure": one_line(column.measure),
        "scale": column.scale,
        "from": _round(min(ends, default=0.0)),
        "to": _round(max(ends, default=1.0)),
        "base": None if base is None else _round(base.metric.value),
    }


def _diagnostic(name: str, group: Group) -> list[Any]:
    """Title, definition, factor for showing, and which direction is better."""
    figure = next(found[name] for row in group.rows if name in (found := row.diagnostics))
    return [
        one_line(figure_title(name, figure.title, group.titles)),
        one_line(figure.definition),
        100 if figure.is_share else 1,
        figure.better,
    ]


def _row(row: Row, group: Group, causes: Sequence[str], link: Link, texts: _Texts) -> dict[str, Any]:
    tasks = [column.task for column in group.columns]
    base = group.base
    shown: dict[str, Any] = {
        "name": one_line(row.label),
        "cells": [_cell(row.cells.get(column.task), column.scale) for column in group.columns],
        "unanswered": _round(row.share("unanswered", tasks)),
        "errors": _round(row.share("errors", tasks)),
        "from": [texts.place(value) for _, value in provenance(row, base)],
    }
    if group.has_unsettled:
        cells = [row.cells.get(task) for task in tasks]
        shown["unsettled"] = _round(row.share("unsettled", tasks))
        shown["ranges"] = [_range(cell.metric) if cell else [] for cell in cells]
        shown["doubt"] = [bool(cell and cell.delta and cell.delta.could_turn) for cell in cells]
    unlike = unlike_baseline(row, base)
    if unlike:
        shown["unlike"] = texts.place("; ".join(unlike))
    if row.is_baseline:
        shown["base"] = True
    if row.seeds:
        shown["seeds"] = len(row.seeds)
        shown["spreads"] = [_round(cell.spread) if (cell := row.cells.get(task)) else None for task in tasks]
    shares = row.attribution(group.attributed)
    if shares:
        shown["causes"] = [_round(shares.get(cause, 0.0)) for cause in causes]
    found = row.diagnostics
    if found and group.diagnostics:
        shown["diagnostics"] = [_interval(found[name].metric) if name in found else None for name in group.diagnostics]
    if len(row.members) > 1:
        shown["members"] = [_member(member, columns=group.columns, link=link) for member in row.members]
    links = [[run.record.id, address] for run in row.runs if (address := link(run)) is not None]
    if links:
        shown["links"] = links
    return shown


def _member(row: Row, columns: Sequence[Column], link: Link) -> list[Any]:
    """One checkpoint of a row: name, training seed, step, address of its report, and its headlines."""
    training = row.latest.training or {}
    step = training.get("step", row.step.step if row.step else None)
    address = next((found for run in row.runs if (found := link(run)) is not None), None)
    values = [_round(row.cells[column.task].metric.value) if column.task in row.cells else None for column in columns]
    return [one_line(row.label), training.get("seed"), step, address, values]


def _cell(cell: Cell | None, scale: float) -> list[Any] | None:
    """Value, low, high; then, with a delta, its value, tone, sign, stars, and itself with its interval in words."""
    if cell is None:
        return None
    shown: list[Any] = _interval(cell.metric)
    delta = cell.delta
    if delta is not None and delta.value is not None:
        tones = tone(delta) if delta.is_shown else "muted"
        return [*shown, _round(delta.value), tones, SIGNS[delta.verdict], delta.stars, change(delta, scale)]
    return shown


def _details(row: Row, columns: Sequence[Column], texts: _Texts) -> list[Any]:
    """For each task: its counts, its delta in words, and all its metrics."""
    details: list[Any] = []
    for column in columns:
        cell = row.cells.get(column.task)
        if cell is None:
            details.append(None)
            continue
        result = cell.result
        counts = [getattr(result, name) for name in COUNTS]
        words = in_words(cell.delta, column.scale) if cell.delta is not None else ""
        metrics = [
            [texts.place(name), *_interval(metric), _round(result.official.get(name)), metric.n, *_range(metric)]
            for name, metric in result.metrics.items()
        ]
        details.append([counts, words, metrics])
    return details


def _interval(metric: Metric) -> list[float | None]:
    return [_round(metric.value), _round(metric.low), _round(metric.high)]


def _range(metric: Metric) -> list[float | None]:
    return [_round(end) for end in metric.range or ()]


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, _DIGITS)


def report_link(base: str) -> Link:
    """Addresses of reports in their run folders, relative to the folder of the page.

    Args:
        base: folder of the page.
    """
    import os
    from urllib.parse import quote

    def link(run: StoredRun) -> str | None:
        if run.report is None:
            return None
        try:
            path = os.path.relpath(run.folder / run.report, base)
        except ValueError:  # Another drive.
            return None
        return quote(path.replace(os.sep, "/"))

    return link


def copied_link(places: Mapping[str, str]) -> Link:
    """Addresses of reports that were copied beside the page.

    Args:
        places: run folder to address.
    """
    return lambda run: places.get(str(run.folder))
