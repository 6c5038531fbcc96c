"""Files of rows: Parquet, Arrow, JSON, JSON lines and CSV. Text is read at once, encoded media stay in the file.

A medium in a table is named by a reference, `FILE[ROW].COLUMN`, and read when its sample is asked for, so that nine
thousand images cost no memory and a broken one costs its own sample.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any, Final

from harness.core.errors import DataError
from harness.core.jsonlines import parse_row
from harness.core.reading import check_regular, parse_json, read_text

SUFFIXES: Final = (".parquet", ".arrow", ".jsonl", ".json", ".csv", ".tsv")
_CELL: Final = re.compile(r"(?P<file>.+\.(?i:parquet|arrow))\[(?P<row>\d+)\]\.(?P<column>.+)")
_SEPARATOR: Final = re.compile(r"sep=(.)\r?\n", re.IGNORECASE)
_BATCH_ROWS: Final = 32
_OPEN_TABLES: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows of one file.

    Attributes:
        rows: the cells of text, numbers and structures.
        media_columns: columns of encoded media, which are left in the file.
    """

    rows: Sequence[Mapping[str, Any]]
    media_columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """Where one encoded medium lies."""

    path: Path
    row: int
    column: str


def cell_reference(file: str, row: int, column: str) -> str:
    """How a cell is written down."""
    return f"{file}[{row}].{column}"


def parse_reference(reference: str, folder: Path) -> Cell | Path:
    """The inverse of `cell_reference`; whatever is no cell is a file in `folder`."""
    match = _CELL.fullmatch(reference)
    if match is None:
        return folder / reference
    return Cell(path=folder / match["file"], row=int(match["row"]), column=match["column"])


def read_table(path: Path) -> Table:
    """Read the rows of a file.

    Raises:
        DataError: unreadable, or not in the format that its name says.
    """
    try:
        check_regular(path)
        if path.suffix.lower() == ".parquet":
            return _read_parquet(path)
        if path.suffix.lower() == ".arrow":
            return _read_arrow(path)
        return Table(rows=_read_csv(path) if path.suffix.lower() in (".csv", ".tsv") else _read_json(path))
    except Exception as error:  # What reads damaged tables raises anything.
        raise DataError(f"{path} cannot be read: {_first_line(error)}. Mend it, or fetch it again.") from error


def row_name(file: str, index: int) -> str:
    """How an error names a row: of a spreadsheet, the header being row 1, and of JSON lines as people count them."""
    first = {".csv": 2, ".tsv": 2, ".jsonl": 1}.get(PurePosixPath(file).suffix.lower())
    return f"{file}[{index}]" if first is None else f"{file}, row {index + first}"


def read_cell(cell: Cell) -> bytes | Mapping[str, Any] | None:
    """The encoded medium in a cell: its bytes, or an object with `bytes` and `path`; `None` when the cell is empty.

    Raises:
        OSError, ValueError: the file is damaged there.
    """
    value: bytes | Mapping[str, Any] | None
    if cell.path.suffix.lower() == ".arrow":
        value = _open_arrow(cell.path).column(cell.column)[cell.row].as_py()
    else:
        value = _parquet_column(cell.path, cell.column).read(cell.row)
    return value


def cell_contents(path: Path, column: str) -> Sequence[tuple[int | None, str | None]]:
    """Encoded bytes of each medium of a column, and a digest of them; `None` where there are none.

    Raises:
        OSError, ValueError: the file is damaged.
    """
    return _cell_contents(path, column, path.stat().st_mtime_ns)


@lru_cache(maxsize=_OPEN_TABLES)
def _cell_contents(path: Path, column: str, changed_ns: int) -> tuple[tuple[int | None, str | None], ...]:
    import pyarrow as pa
    import pyarrow.compute as pc

    if path.suffix.lower() == ".arrow":
        chunks: Iterator[Any] = iter(_open_arrow(path).column(column).chunks)
    else:
        chunks = (batch.column(0) for batch in _open_parquet(path).iter_batches(_BATCH_ROWS, columns=[column]))
    contents: list[tuple[int | None, str | None]] = []
    for chunk in chunks:
        binary = pc.struct_field(chunk, "bytes") if pa.types.is_struct(chunk.type) else chunk
        digests = (hashlib.sha256(cell.as_buffer()).hexdigest() if cell.is_valid else None for cell in binary)
        try:
            contents += zip(pc.binary_length(binary).to_pylist(), digests, strict=True)
        except NotImplementedError as error:
            raise ValueError(f"column {column} holds no bytes: {error}") from error
    return tuple(contents)


class _ParquetColumn:
    """Reads the cells of one column in about ascending order, holding a few batches of rows.

    Parquet cannot jump into a row group, so the reader goes on from where it is and starts the row group again only
    when it has to go back further than the batches it holds.
    """

    def __init__(self, path: Path, column: str) -> None:
        self._file = _open_parquet(path)
        self._column = column
        self._lock = threading.Lock()
        self._held: list[tuple[int, Any]] = []
        self._batches: Iterator[Any] = iter(())
        self._next = 0
        self._group_end = 0
        groups = [self._file.metadata.row_group(index).num_rows for index in range(self._file.num_row_groups)]
        self._starts = [sum(groups[:index]) for index in range(len(groups) + 1)]

    def read(self, row: int) -> Any:
        """The cell of one row; safe to call from several threads."""
        with self._lock:
            for start, batch in self._held:
                if start <= row < start + len(batch):
                    return batch[row - start].as_py()
            if not self._next <= row < self._group_end:
                self._enter_group(row)
            while True:
                batch = next(self._batches).column(0)
                self._held = [*self._held[-3:], (self._next, batch)]
                self._next += len(batch)
                if row < self._next:
                    return batch[row - self._next + len(batch)].as_py()

    def _enter_group(self, row: int) -> None:
        group = next(index for index, start in enumerate(self._starts[1:]) if row < start)
        self._next, self._group_end = self._starts[group], self._starts[group + 1]
        self._batches = self._file.iter_batches(_BATCH_ROWS, row_groups=[group], columns=[self._column])


def _parquet_column(path: Path, column: str) -> _ParquetColumn:
    return _cached_column(path, column, path.stat().st_mtime_ns)


@lru_cache(maxsize=_OPEN_TABLES)
def _cached_column(path: Path, column: str, changed_ns: int) -> _ParquetColumn:
    return _ParquetColumn(path, column)


def _open_parquet(path: Path) -> Any:
    import pyarrow.parquet as pq

    return pq.ParquetFile(path, memory_map=True)


def _open_arrow(path: Path) -> Any:
    return _cached_arrow(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=_OPEN_TABLES)
def _cached_arrow(path: Path, changed_ns: int) -> Any:
    import pyarrow as pa

    source = pa.memory_map(str(path))
    try:
        return pa.ipc.open_stream(source).read_all()
    except pa.ArrowInvalid:
        return pa.ipc.open_file(source).read_all()


def _holds_media(kind: Any) -> bool:
    import pyarrow as pa

    if pa.types.is_struct(kind):
        return any(kind.field(index).name == "bytes" for index in range(kind.num_fields))
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return _holds_media(kind.value_type)
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _columns(schema: Any) -> tuple[list[str], tuple[str, ...]]:
    media = tuple(field.name for field in schema if _holds_media(field.type))
    return [field.name for field in schema if field.name not in media], media


def _read_parquet(path: Path) -> Table:
    file = _open_parquet(path)
    text, media = _columns(file.schema_arrow)
    rows = file.read(columns=text).to_pylist() if text else [{} for _ in range(file.metadata.num_rows)]
    return Table(rows=rows, media_columns=media)


def _read_arrow(path: Path) -> Table:
    table = _open_arrow(path)
    text, media = _columns(table.schema)
    return Table(rows=table.select(text).to_pylist() if text else [{}] * len(table), media_columns=media)


def _read_csv(path: Path) -> list[Mapping[str, Any]]:
    """Rows by the names of the header; cells are separated as there: by commas, semicolons or tabs.

    Rows are counted as a spreadsheet does, the header being row 1. A line above it, `sep=;`, says what separates them.
    """
    text = _decoded(path, "in a spreadsheet save it as CSV UTF-8")
    told = _SEPARATOR.match(text)
    text = text[told.end() :] if told else text
    header = text.partition("\n")[0]
    separator = told[1] if told else "\t" if path.suffix.lower() == ".tsv" else max(",;\t", key=header.count)
    csv.field_size_limit(max(csv.field_size_limit(), len(text)))  # A cell may be as long as it likes.
    rows: list[list[str]] = []
    try:
        for cells in csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True):
            rows.append(cells)
    except csv.Error as error:
        raise ValueError(
            f"row {len(rows) + 1}: a quote opens there and is not closed, or one inside it is not doubled ({error})"
        ) from error
    while rows and not any(cell.strip() for cell in rows[-1]):
        rows.pop()
    names = [name.strip() for name in rows[0]] if rows else []
    if repeated := [name for name in dict.fromkeys(names) if name and names.count(name) > 1]:
        raise ValueError(f"the header names column {repeated[0]!r} twice")
    found: list[Mapping[str, Any]] = []
    for number, cells in enumerate(rows[1:], start=2):
        if len(cells) > len(names) and any(cell.strip() for cell in cells[len(names) :]):
            raise ValueError(
                f"row {number} has {len(cells)} cells, and the header {len(names)}: put a text that holds "
                f"{separator!r} into double quotes"
            )
        found.append({name: cell for name, cell in zip(names, cells, strict=False) if name})
    return found


def _decoded(path: Path, advice: str) -> str:
    try:
        return read_text(path, encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"it is not UTF-8 (byte {error.start}): {advice}") from error


def _read_json(path: Path) -> list[Mapping[str, Any]]:
    """A list of objects, one object a line, or an object with such a list under `data`."""
    text = _decoded(path, "write it again as UTF-8")
    if path.suffix.lower() == ".jsonl":
        return _json_lines(text)
    try:
        found = parse_json(text)
    except ValueError as error:
        try:  # There are files of JSON lines that are named .json.
            return _json_lines(text)
        except DataError:
            raise error from None
    if isinstance(found, dict):
        found = found.get("data", [found])
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise ValueError("expected a list of objects")
    return found


def _json_lines(text: str) -> list[Mapping[str, Any]]:
    # Not splitlines(), which also splits at separators that may stand inside a JSON string.
    lines = enumerate(text.split("\n"), start=1)
    return [parse_row(line, f"line {number}") for number, line in lines if line.strip()]


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
