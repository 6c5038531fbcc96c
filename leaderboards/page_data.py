"""What the script of a board's page needs, small enough that a page of thousands of runs stays under its limit."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Callable, Sequence
from typing import Any, Final

from harness.core.types import Metric
from harness.reports.differences import SIGNS, change, in_words, tone, verdict
from harness.reports.html import script_json
from harness.reports.text import one_line, scale_of
from harness.runs.checks import COUNTS
from harness.statistics.differences import Difference
from leaderboards.board import Board, Column, Group, Row, judged_again
from leaderboards.provenance import provenance
from leaderboards.runs import StoredRun
from leaderboards.terms import figure_title

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

    What would make the page's JSON longer than `most_bytes` is left out: first further metrics of the last rows, which
    are shown when a row is opened (the page then points to the JSON file), then the outcomes of the last rows.

    Args:
        board: the board.
        link: addresses of reports.
        most_bytes: length that the JSON should not exceed.
    """
    texts = _Texts()
    groups = [_group(group, link, texts) for group in board.groups]
    size = len(script_json(groups).encode()) + sum(len(text.encode()) + 3 for text in texts.places)
    for group, data in zip(board.groups, groups, strict=True):
        data["pairs"] = pack_outcomes(group, link, most_bytes - size)
        size += len(data["pairs"] or "")
    for group, data in zip(board.groups, groups, strict=True):
        for row, shown in zip(group.rows, data["rows"], strict=True):
            details = _details(row, group.columns, texts)
            size += len(script_json(details).encode())
            if size > most_bytes:
                break
            shown["more"] = details
    return {"groups": groups, "texts": list(texts.places)}


def _group(group: Group, link: Link, texts: _Texts) -> dict[str, Any]:
    again = judged_again(group.columns, set(group.titles))
    tasks = list(group.titles)
    base = group.base
    return {
        "tasks": tasks,
        "columns": [
            {
                "title": one_line(column.title),
                "scale": column.scale,
                "again": tasks.index(again[column.task]) if column.task in again else None,
            }
            for column in group.columns
        ],
        "baseline": None if base is None else group.rows.index(base),
        "tests": group.tests,
        "causes": group.causes,
        "diagnostics": [figure_heads(name, group)[::2] for name in group.diagnostics],
        "provenance": [name for name, _ in provenance(group.rows[0], None)],
        "rows": [_row(row, group, base, link, texts) for row in group.rows],
    }


def figure_heads(name: str, group: Group) -> tuple[str, str, float, int]:
    """Title, definition, factor for showing, and which direction is better."""
    spec = next(found[name].spec for row in group.rows if name in (found := row.diagnostics))
    title = one_line(figure_title(name, spec.title, group.titles))
    return title, one_line(spec.definition), spec.factor, spec.better


def _row(row: Row, group: Group, base: Row | None, link: Link, texts: _Texts) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "name": one_line(row.label),
        "cells": [
            _interval(row.cells[column.task].metric) if column.task in row.cells else None for column in group.columns
        ],
        "from": [texts.place(value) for _, value in provenance(row, base)],
    }
    shares = row.attribution(group.attributed)
    if shares:
        shown["causes"] = [_round(shares.get(cause, 0.0)) for cause in group.causes]
    found = row.diagnostics
    if found and group.diagnostics:
        shown["diagnostics"] = [_interval(found[name].metric) if name in found else None for name in group.diagnostics]
    links = [[run.record.id, address] for run in row.runs if (address := link(run)) is not None]
    if links:
        shown["links"] = links
    return shown


def pack_outcomes(group: Group, link: Link, most_bytes: int) -> str | None:
    """Outcomes of all rows that fit, in packed JSON; questions are left out before rows are. `None`: nothing fits."""
    places = {row.key: place for place, row in enumerate(group.rows)}
    known = {key for outcomes in group.outcomes.values() for key in outcomes.rows}
    keys = sorted(known, key=lambda key: (not group.rows[places[key]].is_baseline, places[key]))
    for questions, count in ((True, len(keys)), *((False, len(keys) >> halves) for halves in range(8))):
        if count < 2:
            return None
        kept = {key: places[key] for key in keys[:count]}
        data = {
            "tasks": [
                group.outcomes[task].to_json(kept, questions=questions) if task in group.outcomes else None
                for task in group.titles
            ],
            "reports": {place: _reports(group.rows[place], group, link) for place in kept.values()},
        }
        packed = pack(data)
        if len(packed) <= most_bytes:
            return packed
    return None


def _reports(row: Row, group: Group, link: Link) -> list[list[Any]]:
    """For each task, training seed and report of each run."""
    return [
        [[seed, link(run)] for seed, run in row.cells[task].runs.items()] if task in row.cells else []
        for task in group.titles
    ]


def pack(data: Any) -> str:
    """JSON, deflated, in base 64: what a page's script unpacks."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return base64.b64encode(squeeze.compress(text.encode("utf-8", "replace")) + squeeze.flush()).decode()


def shown(delta: Difference, scale: float) -> dict[str, Any]:
    """What a page shows of a difference, which its script says in the same words of those that its reader picks."""
    return {
        "value": delta.value,
        "low": delta.low,
        "high": delta.high,
        "change": change(delta, scale),
        "words": verdict(delta, scale),
        "verdict": delta.verdict,
        "sign": SIGNS[delta.verdict],
        "stars": delta.stars,
        "tone": tone(delta) if delta.is_shown else "muted",
        "doubt": delta.could_turn,
    }


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
            [texts.place(name), *_interval(metric, ratio), _round(result.official.get(name), ratio), metric.n]
            + [_round(end, ratio) for end in metric.range or ()]
            for name, metric in result.metrics.items()
            for ratio in [scale_of(metric) / column.scale]  # The page shows all of them by the column's.
        ]
        details.append([counts, words, metrics])
    return details


def _interval(metric: Metric, ratio: float = 1.0) -> list[float | None]:
    return [_round(end, ratio) for end in (metric.value, metric.low, metric.high)]


def _round(value: float | None, ratio: float = 1.0) -> float | None:
    return None if value is None else round(ratio * value, _DIGITS)


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
