"""A benchmark's rows as samples, and the media behind them, opened one sample at a time."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from harness.benchmarks.columns import is_blank
from harness.benchmarks.digests import are_published, of_own_data
from harness.benchmarks.fetch import FOLDER, locate, read_row_files
from harness.benchmarks.labels import read_labels
from harness.benchmarks.record import Benchmark, questions_of
from harness.benchmarks.tables import (
    Cell,
    Table,
    cell_contents,
    cell_reference,
    parse_reference,
    read_cell,
    read_table,
    row_name,
)
from harness.core.errors import DataError, MediaError
from harness.core.types import Media, Sample
from harness.media.bounds import OutsideError, within

if TYPE_CHECKING:
    from PIL.Image import Image

    from harness.media.videos import Video

_LONGEST_NAME: Final = 1024
"""Characters; what is longer and names no file is no name of one."""
_SHOWN: Final = 40
"""Characters of a cell that an error quotes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkData:
    """The samples of one benchmark and where their media are.

    Attributes:
        benchmark: whose they are, with what only its rows tell.
        samples: without prompts; media sources are relative to `folder`.
        folder: the data set's files.
        source: how records name the data set.
        labels: how they name files of labels that stand apart from the rows; empty: there are none.
        roots: where they may be, see `harness.media.bounds.within`.
    """

    benchmark: Benchmark
    samples: Sequence[Sample]
    folder: Path
    source: str
    labels: str
    roots: Sequence[Path]


def load_data(benchmark: Benchmark, data: str, outside: Sequence[Path] = ()) -> BenchmarkData:
    """Read all rows of a benchmark; no image or video is opened.

    Args:
        benchmark: whose rows they are.
        data: see `harness.benchmarks.fetch.locate`.
        outside: folders that the user allows its files to be in besides.

    Raises:
        DataError: no data, an unreadable file, a column that is missing, a row without question or target, an id that
            occurs twice or is no Unicode text, a file that lies out of the data folder, no rows at all, or labels that
            stand apart and are not there.
    """
    folder, source, roots = locate(benchmark, data, outside)
    samples: dict[str, Sample] = {}
    places: dict[str, str] = {}
    files = read_row_files(folder, benchmark, roots)
    if benchmark.with_rows is not None:
        (file,) = files
        benchmark = benchmark.with_rows(benchmark, read_table(folder / file).rows, partial(_where, benchmark, file))
    mistakes: list[DataError] = []
    for where, row, refer in _rows(folder, files, benchmark, roots):
        try:
            sample = benchmark.read_row(row, where)
        except DataError as error:
            mistakes.append(error)
            if benchmark.source.table is None:
                break
            if row.get(benchmark.media):
                mistakes += _missing(folder, files[0], benchmark, row, where, refer)
            continue
        first = places.setdefault(sample.id, where)
        if sample.id in samples:
            advice = f"Are two copies of the data in {folder}?" if files[1:] else "Give every row an id of its own."
            raise DataError(f"{where}: sample id {sample.id!r} occurs twice, first in {first}. {advice}")
        if sample.id.encode(errors="ignore").decode() != sample.id:
            raise DataError(f"{where}: sample id {sample.id!r} holds half a character. Write the file again.")
        if benchmark.shows(sample):
            reference = refer()
            medium = Media(kind=benchmark.media, source=reference, size_bytes=_size_bytes(folder, reference))
            sample = replace(sample, media=(medium,))
            if benchmark.source.table is not None:
                mistakes += _missing(folder, files[0], benchmark, row, where, refer)
        samples[sample.id] = sample
    if mistakes:
        raise _first_of(mistakes)
    if not samples:
        raise DataError(f"{benchmark.name}: the data set in {folder} is empty ({', '.join(files)}). Fetch it again.")
    labels = read_labels(benchmark, folder, source, roots)
    asked = tuple(labels.apply(samples.values()))
    if source.startswith(FOLDER) and not are_published(benchmark.source, samples.values()):
        benchmark = of_own_data(benchmark, source)
    return BenchmarkData(
        benchmark=benchmark, samples=asked, folder=folder, source=source, labels=labels.source, roots=roots
    )


def _missing(
    folder: Path, table: str, benchmark: Benchmark, row: Mapping[str, Any], where: str, refer: Callable[[], str]
) -> Iterator[DataError]:
    """That the file which a row of a table names is not there, if so."""
    if _size_bytes(folder, refer()) is None:
        cell = row[benchmark.media]
        place = folder if folder.parts else folder.absolute()  # The current folder has no name.
        holds = "is empty" if is_blank(cell) else f"holds {_shown(cell)}, and there is no such file in {place}"
        yield DataError(f"{where}: column {benchmark.media!r} {holds}. Name files relative to {table}.")


def _first_of(mistakes: Sequence[DataError]) -> DataError:
    """The first two mistakes of a table, and how many there are besides."""
    if len(mistakes) == 1:
        return mistakes[0]
    told = " ".join(map(str, mistakes[:2]))
    return DataError(f"{told} And {len(mistakes) - 2} more." if mistakes[2:] else told)


def _rows(
    folder: Path, files: Sequence[str], benchmark: Benchmark, roots: Sequence[Path]
) -> Iterator[tuple[str, Mapping[str, Any], Callable[[], str]]]:
    """Each question's place for error messages, its row with the hub's field names, and what refers to its medium."""
    for file in files:
        table = read_table(folder / file)
        for index, row in enumerate(table.rows):
            where = _where(benchmark, file, index)
            # The scoring names the columns that it found: those that stay in the file are among them.
            full = {**row, **{column: {} for column in table.media_columns}}
            for place, question in questions_of(benchmark, full, PurePosixPath(file).stem, index, where):
                yield (
                    place,
                    question,
                    partial(_reference, folder, roots, file, index, table, question, benchmark, where),
                )


def _where(benchmark: Benchmark, file: str, index: int) -> str:
    """How an error names a row of a benchmark."""
    row = row_name(file, index)
    return row if file == benchmark.name else f"{benchmark.name}: {row}"


def _reference(
    folder: Path,
    roots: Sequence[Path],
    file: str,
    index: int,
    table: Table,
    row: Mapping[str, Any],
    benchmark: Benchmark,
    where: str,
) -> str:
    """Where a row's medium is: a cell of its table, or a file named by the row, which is within the data's folders."""
    for column in benchmark.source.columns:
        if column in table.media_columns:
            return cell_reference(file, index, column)
        if column in row:
            value = row[column]
            name = value.get("path") if isinstance(value, Mapping) else value
            if isinstance(name, str) and name:
                reference = _file_reference(folder, file, name, row, f"{where}: column {column!r}")
                try:
                    within(folder / reference, roots)
                except OutsideError as error:
                    raise OutsideError(f"{where}: {error}") from error
                return reference
            return cell_reference(file, index, column)  # An empty cell: its sample has no medium, the others have.
    found = ", ".join(dict.fromkeys([*row, *table.media_columns])) or "none"
    raise DataError(f"{where}: no column {benchmark.source.columns[0]!r}. Columns found: {found}.")


def _file_reference(folder: Path, file: str, name: str, row: Mapping[str, Any], where: str) -> str:
    """Find the file that a row names: by its hub address, or relative to the table, the subset or the data set."""
    held = name
    if "://" in name:
        # https://huggingface.co/datasets/ORG/NAME/resolve/REVISION/videos/Art/0.mp4
        tail = name.split("/resolve/", 1)[-1]
        name = tail.split("/", 1)[-1] if tail != name else name.rsplit("/", 1)[-1]
    base = PurePosixPath(file).parent
    subset = str(row.get("subset", base.name))
    own = base if base.name == subset else base / subset
    # The likeliest place first: it is what an error names when the file is nowhere.
    places = [own / "videos", base, base / "videos", base / "images", PurePosixPath()]
    places += [PurePosixPath(name) for name in ("videos", "images", "image")]
    if PurePosixPath(name).parent != PurePosixPath():
        places.insert(0, base)
    problem: str | None = None
    found: PurePosixPath | None = None
    try:
        found = next((place for place in places if (folder / place / name).is_file()), None)
    except OSError as error:
        problem = error.strerror or str(error)
    if problem is None and found is None and len(name) > _LONGEST_NAME:  # Encoded data with slashes looks like a path.
        problem = "File name too long"
    if problem is not None:
        raise DataError(
            f"{where} holds {_shown(held)} ({len(held)} characters), where no file can be looked up: {problem}. "
            "Give the path of a file in the data set's folder; encoded images belong into a binary column of a "
            "Parquet file."
        )
    reference = (found or places[0]) / name
    if reference.is_absolute() and reference.is_relative_to(folder.resolve().as_posix()):
        reference = reference.relative_to(folder.resolve().as_posix())
    if isinstance(parse_reference(reference.as_posix(), folder), Cell):
        raise DataError(
            f"{where} holds {_shown(held)}, which names a cell of a table. Give the path of a file in the data set's "
            "folder."
        )
    return reference.as_posix()


def _shown(cell: Any) -> str:
    text = str(cell)
    return repr(f"{text[:_SHOWN]}..." if len(text) > _SHOWN else text)


def by_content(folder: Path, medium: Media) -> Media:
    """A medium in a cell under a name that its copies in other cells have too; one in a file as it is.

    Args:
        folder: the data set's files.
        medium: a reference of one of its samples.
    """
    place = parse_reference(medium.source, folder)
    try:
        digest = None if isinstance(place, Path) else cell_contents(place.path, place.column)[place.row][1]
    except (OSError, ValueError, LookupError):  # Opening it says so.
        return medium
    return medium if digest is None else replace(medium, source=digest)


def open_medium(folder: Path, medium: Media, num_frames: int, roots: Sequence[Path] = ()) -> Image | Video:
    """Decode one medium.

    Args:
        folder: the data set's files.
        medium: a reference of one of its samples.
        num_frames: frames kept of a video.
        roots: where its file may be, see `harness.media.bounds.within`; empty: in the folder.

    Raises:
        MediaError: missing, out of the data folder, or not whole.
    """
    from harness.media.images import open_image
    from harness.media.videos import open_video

    roots = roots or (folder,)
    place = parse_reference(medium.source, folder)
    content: bytes | Path = _inside(place if isinstance(place, Path) else place.path, roots, medium)
    if isinstance(place, Cell):
        content = _cell(place, medium, roots)
    if medium.kind == "image":
        return open_image(content, name=medium.source)
    if isinstance(content, Path):
        return open_video(content, num_frames, name=medium.source)
    with tempfile.NamedTemporaryFile(suffix=".video") as file:
        file.write(content)
        file.flush()
        return open_video(file.name, num_frames, name=medium.source)


def _inside(path: Path, roots: Sequence[Path], medium: Media) -> Path:
    try:
        return within(path, roots)
    except OutsideError as error:
        raise MediaError(f"{medium.kind} {medium.source}: {error}") from error


def _cell(cell: Cell, medium: Media, roots: Sequence[Path]) -> bytes | Path:
    """What a cell holds, or the file that it names."""
    try:
        value = read_cell(cell)
        if isinstance(value, Mapping):
            content, path = value.get("bytes"), value.get("path")
            if content is None and path:
                return _inside(cell.path.parent / path, roots, medium)
            value = content
    except (OSError, ValueError, LookupError, StopIteration) as error:
        raise MediaError(f"{medium.kind} {medium.source} cannot be read: {error}.") from error
    if value is None:
        raise MediaError(f"{medium.kind} missing: {medium.source} is empty.")
    if not isinstance(value, bytes):  # A text would be opened as a path, wherever it leads.
        raise MediaError(f"{medium.kind} {medium.source} cannot be read: it holds {type(value).__name__}, not bytes.")
    return value


def _size_bytes(folder: Path, reference: str) -> int | None:
    place = parse_reference(reference, folder)
    try:
        if isinstance(place, Path):
            return place.stat().st_size
        return cell_contents(place.path, place.column)[place.row][0]
    except (OSError, ValueError, LookupError):
        return None
