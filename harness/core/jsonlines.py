"""Reading JSON-lines files a line at a time, and finding a line again by the id it holds.

Only the standard library is imported at the top.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from harness.core.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_BOM = b"\xef\xbb\xbf"


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


def parse_row(line: bytes, where: str) -> dict[str, Any]:
    """One line to its object.

    Raises:
        DataError: it is not a JSON object in UTF-8.
    """
    try:
        row = json.loads(line.removeprefix(_BOM).decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where} is not JSON: {error}.") from error
    if not isinstance(row, dict):
        raise DataError(f"{where} is not a JSON object but {type(row).__name__}: expected one row a line.")
    return row


def _open(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}.") from error


class RowIndex:
    """Finds the row of an id in a JSON-lines file, in 25 bytes of memory a row.

    A row is found by a hash of its id, and taken only if its id is the one asked for. Files whose rows come in the
    order in which they are asked for are read straight through.

    Attributes:
        path: the file.
        count: number of its rows.
        duplicates: number of rows whose id an earlier row has.
        first_duplicates: the first few such ids.
    """

    def __init__(self, path: Path, *, shown: int = 5) -> None:
        """Read the file once.

        Args:
            path: a JSON-lines file whose rows have an `id`.
            shown: how many ids the lists of examples hold.

        Raises:
            DataError: the file cannot be read, a line is not a JSON object, or has no `id`.
        """
        import numpy as np

        hashes, offsets = array("q"), array("q")
        for number, offset, row in read_rows(path):
            hashes.append(hash(id_of(row, f"{path}:{number}")))
            offsets.append(offset)
        self.path = path
        self.count = len(hashes)
        self._shown = shown
        self._hashes = np.frombuffer(hashes, dtype=np.int64) if hashes else np.zeros(0, dtype=np.int64)
        self._offsets = offsets
        # Rows in the order of their hashes; of equal ones in the order of the file.
        self._order: NDArray[np.int64] = np.argsort(self._hashes, kind="stable")
        self._used = bytearray(self.count)
        self._next = 0
        self._file = _open(path)
        self.duplicates, self.first_duplicates = self._find_duplicates()

    def __enter__(self) -> RowIndex:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def _row(self, place: int) -> dict[str, Any]:
        self._file.seek(self._offsets[place])
        return parse_row(self._file.readline(), str(self.path))

    def _candidates(self, key: int) -> Iterator[int]:
        import numpy as np

        if self._next < self.count and self._hashes[self._next] == key:
            yield self._next
        rank = int(np.searchsorted(self._hashes, key, side="left", sorter=self._order))
        while rank < self.count and self._hashes[self._order[rank]] == key:
            yield int(self._order[rank])
            rank += 1

    def _find_duplicates(self) -> tuple[int, list[str]]:
        import numpy as np

        ordered = self._hashes[self._order]
        alike = np.flatnonzero(np.r_[False, ordered[1:] == ordered[:-1]])
        found, shown = 0, dict[str, None]()
        names: set[str] = set()
        for rank in alike.tolist():
            if rank - 1 == 0 or ordered[rank - 1] != ordered[rank - 2]:
                names = {str(self._row(int(self._order[rank - 1]))["id"])}
            name = str(self._row(int(self._order[rank]))["id"])
            found += name in names
            if name in names and len(shown) < self._shown:
                shown[name] = None
            names.add(name)
        return found, list(shown)

    def take(self, name: str) -> tuple[dict[str, Any] | None, bool]:
        """The row of an id, which then counts as used, or `None`; and whether it was taken before."""
        for place in self._candidates(hash(name)):
            row = self._row(place)
            if str(row["id"]) == name:
                again = bool(self._used[place])
                self._used[place] = 1
                self._next = place + 1
                return row, again
        return None, False

    def unused(self) -> tuple[int, list[str]]:
        """How many rows were never taken, and the ids of the first few."""
        count = self._used.count(0)
        places: list[int] = []
        place = self._used.find(0)
        while place >= 0 and len(places) < self._shown:
            places.append(place)
            place = self._used.find(0, place + 1)
        return count, [str(self._row(place)["id"]) for place in places]


def id_of(row: Mapping[str, Any], where: str) -> str:
    """The `id` of a row, as text.

    Raises:
        DataError: it has none, or one that is neither text nor a whole number.
    """
    name = row.get("id")
    if isinstance(name, bool) or not isinstance(name, (str, int)) or name == "":
        raise DataError(f"{where}: column 'id' is missing or is neither text nor a whole number.")
    return str(name)
