"""Where the figures of a board come from, as pairs of a name and a text that the caller must escape."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from harness.core.types import RunRecord
from harness.reports.text import public_path
from harness.runs.asked import how_asked
from leaderboards.board import Cell, Column, Group, Row
from leaderboards.naming import short_digest
from leaderboards.protocols import capped_at, shown_as

_PLAIN_ORDER: Final = ("temperature", "top_p", "max_new_tokens", "repetition_penalty")


def conditions(group: Group) -> Iterator[tuple[str, str]]:
    """What all cells of a column have in common, a line per task."""
    for column in group.columns:
        yield column.title, ", ".join(_conditions(column, group))


def _conditions(column: Column, group: Group) -> Iterator[str]:
    protocol = column.protocol
    yield f"headline {protocol.headline}"
    yield f"{protocol.count} questions"
    sources = sorted(
        {public_path(str(source)) for row in group.rows if (source := _source(row, column.task)) is not None}
    )
    if sources:
        yield f"from {' or '.join(sources)}"
    if protocol.digest is not None:
        yield f"digest {short_digest(protocol.digest)}"
    if protocol.version is not None:
        yield f"task version {protocol.version}"
    yield f"{protocol.prompt} prompt"
    if protocol.num_frames is not None:
        yield f"{protocol.num_frames} frames per video"
    if protocol.video_as is not None:
        yield f"videos shown {shown_as(protocol.video_as)}"
    if protocol.judge is not None:
        yield f"judge {protocol.judge}"
    if protocol.blind is not None:
        yield f"images and videos {protocol.blind}"


def _source(row: Row, task: str) -> Any:
    return row.cells[task].run.record.data[task].get("source") if task in row.cells else None


def provenance(row: Row, baseline: Row | None) -> list[tuple[str, str]]:
    """What a row rests on; where its runs differ, all that they have.

    Args:
        row: the row.
        baseline: of its group, or `None`.
    """
    return [
        ("weights", _each(row, lambda record: short_digest(record.weights) if record.weights else "none")),
        ("engine", _each(row, lambda record: record.engine)),
        ("decoding", _each(row, lambda record: decoding(record.decoding))),
        ("seed", _each(row, lambda record: str(record.seed))),
        ("training seed", _each(row, lambda record: str(record.training["seed"]) if record.training else "")),
        ("judge", _each(row, lambda record: record.judge or "none")),
        ("date", _each(row, lambda record: record.started[:10])),
        ("commit", _each(row, lambda record: _commit(record.git_commit))),
        ("runs", _each(row, _run_name)),
        ("unlike the baseline", "; ".join(unlike_baseline(row, baseline))),
        ("other names", ", ".join(row.other_names)),
    ]


def unlike_baseline(row: Row, baseline: Row | None) -> list[str]:
    """In what a row was asked otherwise than the baseline, though on the same questions, as far as both tell."""
    if baseline is None or baseline is row:
        return []
    found = []
    for task, cell in row.cells.items():
        if task in baseline.cells:
            mine, its = (_asked(of, task) for of in (cell, baseline.cells[task]))
            found += [
                f"{name} {_listed(mine[name])}, not {_listed(its[name])}"
                for name in mine
                if name in its
                and any(value not in mine[name] or value not in its[name] for value in mine[name] + its[name])
            ]
    return list(dict.fromkeys(found))


def _asked(cell: Cell, task: str) -> dict[str, list[Any]]:
    """How a task was asked, in all runs of a cell, as far as that does not keep results out of one table."""
    found: dict[str, list[Any]] = {}
    for run in cell.runs.values():
        for name, value in _settings(run.record, task).items():
            values = found.setdefault(name, [])
            values += [] if value in values else [value]
    return found


def _listed(values: Sequence[Any]) -> str:
    return " and ".join(map(str, values))


def _settings(record: RunRecord, task: str) -> dict[str, Any]:
    asked = how_asked(record.settings, task, None)
    size = {"max_pixels": capped_at(asked["max_pixels"])} if "max_pixels" in asked else {}
    return {"engine": record.engine, **size, **dict(sorted(asked.get("decoding", {}).items()))}


def _each(row: Row, read: Callable[[RunRecord], str]) -> str:
    return ", ".join(dict.fromkeys(read(run.record) for run in row.runs))


def _run_name(record: RunRecord) -> str:
    """A run's id, and whose responses it judged again."""
    rescored = record.settings.get("rescored")
    return f"{record.id} (responses of {rescored.get('run')})" if isinstance(rescored, Mapping) else record.id


def _commit(commit: str | None) -> str:
    """The first digits, and the `+` that says that files were changed."""
    return "unknown" if commit is None else commit[:10] + "+" * commit.endswith("+")


def decoding(settings: Mapping[str, Any]) -> str:
    """Decoding settings on one line."""
    names = [name for name in _PLAIN_ORDER if name in settings] + sorted(set(settings) - set(_PLAIN_ORDER))
    return ", ".join(f"{name} {settings[name]}" for name in names)
