"""Reported numbers: figures from papers, kept apart from what was measured and never tested against it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any, Final

from harness.core.errors import DataError
from harness.core.reading import parse_yaml, read_text

FOLDER: Final = Path(__file__).parent / "reference"

ASPECTS: Final[Mapping[str, str]] = {
    "prompt": "sections asked for",
    "instruction": "instruction",
    "answer_as": "answer asked for as",
    "media": "images and videos",
    "max_pixels": "pixels of a picture",
    "num_frames": "frames of a video",
    "video_as": "videos are shown",
    "engine": "engine",
    "dtype": "precision",
    "temperature": "temperature",
    "top_p": "top-p",
    "top_k": "top-k",
    "repetition_penalty": "repetition penalty",
    "contrast": "contrastive decoding",
    "max_new_tokens": "tokens of a response",
    "max_model_len": "tokens in all",
    "data": "data",
    "questions": "questions",
    "reading": "reading",
    "judge": "judge",
    "figure": "figure",
}
"""What a source can say of how a figure was had, in words; see docs/leaderboards.md."""
_SHOWN: Final = ("prompt", "answer_as", "num_frames", "max_pixels", "judge")
"""What moves a figure most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a source says of one aspect of a protocol.

    Attributes:
        value: what it says.
        source: where: a section of a paper, a file of a public repository with its commit.
    """

    value: str | int | float
    source: str


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
        protocol: aspect (see `ASPECTS`) to what is said of it, by task; under the empty name what is said of all
            tasks. An aspect that is missing is not said.
    """

    name: str
    values: Mapping[str, float]
    source: str
    date: str
    url: str | None = None
    note: str | None = None
    titles: Mapping[str, str] = field(default_factory=dict)
    protocol: Mapping[str, Mapping[str, Said]] = field(default_factory=dict)

    def said(self, aspect: str, task: str) -> Said | None:
        """What the source says of an aspect of a task; `None`: nothing."""
        by_task = self.protocol.get(aspect, {})
        return by_task.get(task, by_task.get(""))


def told_of(row: ReportedRow, titles: Mapping[str, str]) -> str:
    """How a row's figures were had, in words, as far as the source says.

    Args:
        row: the row.
        titles: tasks, each as its authors write it.
    """
    told = []
    for aspect in _SHOWN:
        words: dict[str, list[str]] = {}
        for task in row.values:
            said = row.said(aspect, task)
            words.setdefault("not said" if said is None else str(said.value), []).append(titles.get(task, task))
        if aspect == "answer_as" and len(words) > 1:
            words.pop("not said", None)
        parts = [value if len(of) == len(row.values) else f"{value} ({', '.join(of)})" for value, of in words.items()]
        told.append(f"{ASPECTS[aspect]}: {', '.join(parts)}")
    return "; ".join(told)


def reference_files() -> list[Path]:
    """The files of reported numbers that come with the harness."""
    return sorted(FOLDER.glob("*.yaml"))


def read_reported(paths: Sequence[Path]) -> list[ReportedRow]:
    """Rows of reported numbers, in the order of the files.

    A file names its `source` and `date` (ISO 8601), optionally a `url`, `titles` (task to its name in words) and
    `protocol`, and `rows`, each with a `name`, `values` (task to percent), and optionally a `note` and a `protocol` in
    place of the file's. A protocol has aspects (see `ASPECTS`), each with a `value` and its `source`, or such by task.

    Raises:
        DataError: a file is missing or malformed; says where.
    """
    return [row for path in paths for row in _read_file(path)]


def _read_file(path: Path) -> list[ReportedRow]:
    try:
        data = parse_yaml(read_text(path))
    except (OSError, ValueError) as error:
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
    protocol = _protocol(data.get("protocol", {}), str(path))
    rows = []
    for number, row in enumerate(data["rows"], start=1):
        where = f"{path}, row {number}"
        read = replace(_row(row, source, dated, url, where), titles=titles)
        rows.append(replace(read, protocol=_protocol(row["protocol"], where) if "protocol" in row else protocol))
    return rows


def _protocol(data: Any, where: str) -> dict[str, dict[str, Said]]:
    if not isinstance(data, Mapping):
        raise DataError(f"reported numbers: {where}: protocol is no table of aspects.")
    protocol = {}
    for aspect, entry in data.items():
        here = f"{where}: protocol, {aspect}"
        if aspect not in ASPECTS:
            raise DataError(f"reported numbers: {here} is no aspect. Choose from: {', '.join(ASPECTS)}.")
        by_task = {"": entry} if isinstance(entry, Mapping) and "value" in entry else entry
        if not isinstance(by_task, Mapping):
            raise DataError(f"reported numbers: {here} has no 'value'.")
        protocol[aspect] = {str(task): _said(said, f"{here} {task}".rstrip()) for task, said in by_task.items()}
    return protocol


def _said(data: Any, where: str) -> Said:
    value = data.get("value") if isinstance(data, Mapping) else None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise DataError(f"reported numbers: {where} has no 'value' that is a text or a number.")
    return Said(value=value, source=_text(data, "source", where))


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
