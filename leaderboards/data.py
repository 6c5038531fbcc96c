"""A board as data: JSON with everything, CSV with a line per checkpoint and task."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from typing import Any, Final

from harness.core.types import Metric, RunRecord
from harness.reports.text import one_line, public_path
from harness.runs.checks import COUNTS
from harness.statistics.differences import derived
from leaderboards.board import Board, Cell, Column, Curve, Group, Reasons, Row

FORMAT: Final = "harness-leaderboard"
FORMAT_VERSION: Final = 4
_RANGE: Final = ("if_wrong", "if_right")
_UNSETTLED: Final = {*_RANGE, "could_turn", "not_understood", "undecided"}
"""Columns of a table in which a row has answers that no rule reads or settles."""
_SEEDS: Final = {"seeds", "spread"}
"""Columns of a table in which a row is the mean over training seeds."""


def render_json(board: Board) -> str:
    """The whole board, a line per row; shares are not multiplied, what is not known is null."""
    groups = ",\n".join(map(_group, board.groups))
    head = _dumps({"format": FORMAT, "version": FORMAT_VERSION, "title": board.title, "notes": list(board.notes)})
    reported = _dumps([asdict(row) for row in board.reported])
    return f'{head[:-1]},"reported":{reported},"groups":[\n{groups}\n]}}\n'


def _dumps(value: Any) -> str:
    # No indentation: with it, Python's slow encoder takes over.
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _group(group: Group) -> str:
    head = _dumps(
        {
            "title": group.title,
            "kept_apart_because": group.reason,
            "ordered_by": list(group.ordered_by),
            "baseline": group.baseline,
            "tests": group.tests,
            "why": None if group.reasons is None else _reasons(group.reasons),
            "wrong_because_of_tasks": list(group.attributed),
            "columns": {column.task: asdict(column.protocol) for column in group.columns},
            "curves": [_curve(curve) for curve in group.curves],
        }
    )
    rows = ",\n".join(_dumps(_row(row, group.attributed)) for row in group.rows)
    return f'{head[:-1]},"rows":[\n{rows}\n]}}'


def _reasons(reasons: Reasons) -> dict[str, Any]:
    found = [
        {"what": of.what, **asdict(of.difference), **derived(of.difference), "example": of.example}
        for of in reasons.found
    ]
    return {"checkpoint": reasons.row, "looked_at": reasons.family, "found": found}


def _row(row: Row, attributed: Sequence[str]) -> dict[str, Any]:
    return {
        "checkpoint": row.label,
        "other_names": list(row.other_names),
        "weights": None if row.seeds else row.latest.weights,
        "is_baseline": row.is_baseline,
        "seeds": row.seeds,
        "members": [member.label for member in row.members],
        "training_step": row.step.step if row.step else None,
        "cells": {task: _cell(cell) for task, cell in row.cells.items()},
        "diagnostics": {name: _metric(figure.metric) for name, figure in row.diagnostics.items()},
        "wrong_because": row.attribution(attributed),
        "wrong_answers": row.attributed,
    }


def _cell(cell: Cell) -> dict[str, Any]:
    result = cell.result
    return {
        **_metric(cell.metric),
        "headline": result.headline,
        "official": cell.official,
        "delta": None if cell.delta is None else asdict(cell.delta) | derived(cell.delta),
        **{name: getattr(result, name) for name in COUNTS},
        "metrics": {name: _metric(metric) for name, metric in result.metrics.items()},
        "spread": cell.spread,
        "seeds": [
            {
                "seed": seed,
                "value": run.record.tasks[result.task].metrics[result.headline].value,
                "weights": run.record.weights,
                "run": _run(run.record, result.task),
            }
            for seed, run in cell.seeds.items()
        ],
        "run": None if cell.seeds else _run(cell.run.record, result.task),
    }


def _run(record: RunRecord, task: str) -> dict[str, Any]:
    return {
        **{name: getattr(record, name) for name in ("id", "engine", "decoding", "seed", "judge")},
        "data": {**record.data[task], "source": public_path(str(record.data[task].get("source")))},
        **{name: getattr(record, name) for name in ("started", "git_commit", "versions")},
    }


def _metric(metric: Metric) -> dict[str, Any]:
    names = ("value", "stderr", "low", "high", "n", *(_RANGE if metric.range else ()))
    return {name: getattr(metric, name) for name in names}


def _curve(curve: Curve) -> dict[str, Any]:
    return {
        "training_run": curve.run,
        "figure": curve.figure,
        "measure": curve.measure,
        "points": [{name: getattr(point, name) for name in ("step", "value", "low", "high")} for point in curve.points],
        "hallucination_rises_after_step": curve.rises_from,
        "beyond_chance_from_step": curve.rises_by,
    }


def render_csv(board: Board) -> str:
    """A line per group, checkpoint and task; shares are not multiplied, what is not known is empty."""
    buffer = io.StringIO()
    # No empty columns for what there is none of.
    left_out = set() if any(group.has_unsettled for group in board.groups) else _UNSETTLED
    left_out = left_out if any(row.seeds for group in board.groups for row in group.rows) else left_out | _SEEDS
    lines = [{name: value for name, value in line.items() if name not in left_out} for line in _lines(board)]
    writer = csv.DictWriter(buffer, fieldnames=list(lines[0]), lineterminator="\n")
    writer.writeheader()
    for line in lines:
        writer.writerow({name: csv_text(value) if isinstance(value, str) else value for name, value in line.items()})
    return buffer.getvalue()


def _lines(board: Board) -> Iterator[dict[str, Any]]:
    for group in board.groups:
        for row in group.rows:
            for column in group.columns:
                if column.task in row.cells:
                    yield _line(group, row, column, row.cells[column.task])
    for reported in board.reported:
        for task, value in reported.values.items():
            known = {"group": "reported", "checkpoint": reported.name, "kind": "reported", "task": task, "value": value}
            yield {**known, "date": reported.date, "source": reported.source}


def _line(group: Group, row: Row, column: Column, cell: Cell) -> dict[str, Any]:
    result, metric, delta = cell.result, cell.metric, cell.delta
    return {
        "group": group.title,
        "checkpoint": row.label,
        "kind": "baseline" if row.is_baseline else "measured",
        "task": column.task,
        "metric": result.headline,
        **{name: getattr(metric, name) for name in ("value", "low", "high", "n")},
        "seeds": len(cell.seeds) or None,
        "spread": cell.spread,
        "official": cell.official,
        **{name: getattr(metric, name) for name in _RANGE},
        "delta": delta and delta.value,
        "delta_low": delta and delta.low,
        "delta_high": delta and delta.high,
        "p": delta and delta.p,
        "verdict": delta and delta.verdict,
        "could_turn": delta and delta.could_turn,
        **{name: getattr(result, name) for name in COUNTS if name != "disagreements"},
        "weights": _each(cell, lambda record: record.weights),
        "engine": _each(cell, lambda record: record.engine),
        "prompt": _each(cell, lambda record: record.prompt_format),
        "decoding": _each(cell, lambda record: json.dumps(dict(record.decoding), sort_keys=True)),
        "seed": _each(cell, lambda record: record.seed),
        "judge": _each(cell, lambda record: record.judge),
        "data_count": column.protocol.count,
        "data_digest": column.protocol.digest,
        "task_version": column.protocol.version,
        "date": _each(cell, lambda record: record.started),
        "commit": _each(cell, lambda record: record.git_commit),
        "run": _each(cell, lambda record: record.id),
        "source": _each(cell, lambda record: public_path(str(record.data[column.task].get("source")))),
    }


def _each(cell: Cell, read: Callable[[RunRecord], str | int | None]) -> str | int | None:
    """Something of a cell's run; where those of several seeds differ in it, of each."""
    found = list(dict.fromkeys(read(run.record) for run in cell.runs.values()))
    return found[0] if len(found) == 1 else "; ".join(str("" if value is None else value) for value in found)


def csv_text(text: str) -> str:
    """A foreign text that a spreadsheet does not take for a formula."""
    line = one_line(text)
    return f"'{line}" if line[:1] in ("=", "+", "-", "@", "\t", "\r") else line
