"""Reading JSON-lines files a line at a time, and finding a line again by the id it holds.

Only the standard library is imported at the top.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from json import JSONDecodeError
from pathlib import Path
from typing import Any, BinaryIO

from harness.core.errors import DataError
from harness.core.reading import parse_json


def read_rows(path: Path) -> Iterator[tuple[int, int, dict[str, Any]]]:
    """The rows of a JSON-lines file: line number, offset in bytes, and the object; blank lines are skipped.

    Raises:
        DataError: the file cannot be read, or a line is not a JSON object.
    """
    with _open(path) as file:
        offset = 0
        for number, line in enumerate(file, start=1):
            if not line.isspace():
                yield number, offset, parse_row(line, f"{path}:{number}")
            offset += len(line)


def parse_row(line: str | bytes, where: str) -> dict[str, Any]:
    """One line to its object.

    Raises:
        DataError: it is not a JSON object in UTF-8.
    """
    try:
        row = parse_json(line)
    except UnicodeDecodeError as error:
        byte = error.object[error.start]
        raise DataError(f"{where}: not UTF-8 (byte 0x{byte:02x}). Save the file as UTF-8.") from error
    except ValueError as error:
        # It counts lines from the row, which is one.
        what = f"{error.msg} at column {error.pos + 1}" if isinstance(error, JSONDecodeError) else error
        raise DataError(f"{where} is not JSON: {what}.") from error
    if not isinstance(row, dict):
        raise DataError(f"{where} is not a JSON object but {type(row).__name__}: expected one row a line.")
    return row


def _open(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}.") from error


class RowIndex:
    """Finds the row of an id in a JSON-lines file; in memory are the ids, and where their rows begin.

    Attributes:
        path: the file.
        duplicates: the ids of rows whose id an earlier row has.
    """

    def __init__(self, path: Path) -> None:
        """Read the file once.

        Args:
            path: a JSON-lines file whose rows have an `id`.

        Raises:
            DataError: the file cannot be read, a line is not a JSON object, or has no `id`.
        """
        self.path = path
        self.duplicates: list[str] = []
        self._offsets: dict[str, int] = {}  # Of a row that was taken, the complement.
        for number, offset, row in read_rows(path):
            name = id_of(row, f"{path}:{number}")
            if self._offsets.setdefault(name, offset) != offset:
                self.duplicates.append(name)
        self._file = _open(path)

    def __enter__(self) -> RowIndex:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def take(self, name: str) -> tuple[dict[str, Any] | None, bool]:
        """The row of an id, which then counts as used, or `None`; and whether it was taken before."""
        if name not in self._offsets:
            return None, False
        offset = self._offsets[name]
        self._offsets[name] = min(offset, ~offset)
        self._file.seek(max(offset, ~offset))
        return parse_row(self._file.readline(), str(self.path)), offset < 0

    def unused(self) -> list[str]:
        """The ids of rows that were never taken."""
        return [name for name, offset in self._offsets.items() if offset >= 0]


def id_of(row: Mapping[str, Any], where: str) -> str:
    """The `id` of a row, as text.

    Raises:
        DataError: it has none, or one that is neither text nor a whole number.
    """
    name = row.get("id")
    if isinstance(name, bool) or not isinstance(name, (str, int)) or name == "":
        raise DataError(f"{where}: column 'id' is missing or is neither text nor a whole number.")
    return str(name)
