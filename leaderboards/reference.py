"""Reported numbers: figures from papers, kept apart from what was measured and never tested against it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any, Final

from harness.core.errors import DataError

FOLDER: Final = Path(__file__).parent / "reference"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedRow:
    """Figures that a paper reports.

    Attributes:
        name: the model.
        values: task to figure, as a share.
        source: where it is reported.
        date: of the source, ISO 8601.
        url: of the source.
        note: how it was had, in a few words.
        titles: tasks as their authors write them.
    """

    name: str
    values: Mapping[str, float]
    source: str
    date: str
    url: str | None = None
    note: str | None = None
    titles: Mapping[str, str] = field(default_factory=dict)


def reference_files() -> list[Path]:
    """The files of reported numbers that come with the harness."""
    return sorted(FOLDER.glob("*.yaml"))


def read_reported(paths: Sequence[Path]) -> list[ReportedRow]:
    """Rows of reported numbers, in the order of the files.

    A file names its `source` and `date` (ISO 8601), optionally a `url` and `titles` (task to its name in words), and
    `rows`, each with a `name`, `values` (task to percent), and optionally a `note`.

    Raises:
        DataError: a file is missing or malformed; says where.
    """
    return [row for path in paths for row in _read_file(path)]


def _read_file(path: Path) -> list[ReportedRow]:
    import yaml

    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise DataError(f"reported numbers: {path} cannot be read: {' '.join(str(error).split())}.") from error
    if not isinstance(data, Mapping) or not isinstance(data.get("rows"), list):
        raise DataError(f"reported numbers: {path} has no list 'rows'.")
    source, dated, url = _text(data, "source", path), _text(data, "date", path), data.get("url")
    try:
        date.fromisoformat(dated)
    except ValueError as error:
        raise DataError(f"reported numbers: {path}: date {dated!r} is not of the form 2026-01-31.") from error
    if url is not None and not str(url).startswith(("https://", "http://")):
        raise DataError(f"reported numbers: {path}: url {url!r} is not a web address.")
    titles = data.get("titles") or {}
    if not isinstance(titles, Mapping):
        raise DataError(f"reported numbers: {path}: titles are no table of tasks and names.")
    return [
        replace(_row(row, source, dated, url, f"{path}, row {number}"), titles=titles)
        for number, row in enumerate(data["rows"], start=1)
    ]


def _row(row: Any, source: str, dated: str, url: str | None, where: str) -> ReportedRow:
    if not isinstance(row, Mapping) or not isinstance(row.get("values"), Mapping):
        raise DataError(f"reported numbers: {where} has no 'values'.")
    values: dict[str, float] = {}
    for task, value in row["values"].items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 100:
            raise DataError(f"reported numbers: {where}: {task} is {value!r}, expected a percentage.")
        values[str(task)] = value / 100
    note = row.get("note")
    return ReportedRow(
        name=_text(row, "name", where),
        values=values,
        source=source,
        date=dated,
        url=url,
        note=None if note is None else str(note),
    )


def _text(data: Mapping[str, Any], key: str, where: Path | str) -> str:
    value = data.get(key)
    if value is None or isinstance(value, Mapping | list) or not str(value).strip():
        raise DataError(f"reported numbers: {where} has no {key!r}.")
    return str(value)
