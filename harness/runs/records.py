"""Files of sample records: `samples.jsonl` of a run folder and, while several processes share a run, their shards."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final

from harness.core.errors import StoreError
from harness.core.files import drop_torn_tail, replacement, write_errors
from harness.core.reading import check_regular, decode_json
from harness.core.types import Response, SampleRecord, Verdict

RUN: Final = "run.json"
"""There once the run is finished."""
SAMPLES: Final = "samples.jsonl"
SHARDS: Final = "samples.rank-*.jsonl"
_ROUNDING: Final = 1e-6
"""A log-probability may be above 0 by so much."""
_MOST: Final = 1 << 63

SampleKey = tuple[str, str]
"""Task name and sample id."""


def encode_record(record: SampleRecord) -> str:
    """One line of `samples.jsonl`, without its newline."""
    return _ENCODER.encode(record)


def _fields(value: Any) -> dict[str, Any]:
    """The fields of a part of a record by name; `dataclasses.asdict` would copy all that they hold."""
    named = {part.name: getattr(value, part.name) for part in fields(value)}
    if isinstance(value, Verdict) and not value.scores:  # Of most tasks, and of millions of samples.
        del named["scores"]
    if isinstance(value, Response) and value.model is None:
        del named["model"]
    return named


_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=_fields)


def decode_record(line: bytes) -> SampleRecord:
    """The inverse of `encode_record`.

    Raises:
        ValueError: the line is not a record.
    """
    record = decode_json(SampleRecord, line)
    if record.sample.answer_kind == "choice" and record.sample.choices is None:
        raise ValueError("sample.choices is missing")
    if any(logprob > _ROUNDING for logprob in record.response.answer_logprobs or ()):
        raise ValueError("response.answer_logprobs holds a number above 0")
    counts = (record.response.prompt_tokens, record.response.completion_tokens, record.response.batch_size)
    if any(not 0 <= (count or 0) < _MOST for count in (*counts, *(media.size_bytes for media in record.sample.media))):
        raise ValueError("a count or a size is below 0 or beyond 64 bits")
    return record


def read_records(path: Path) -> Iterator[SampleRecord]:
    """The records of a run folder, one at a time, in the order of the file; of an unfinished run possibly repeated.

    Raises:
        StoreError: no such file, one that cannot be read, or a line that is not a record.
    """
    path = Path(path)
    try:
        if not (path / SAMPLES).exists():
            raise StoreError(
                f"{path} is not a run folder: it has no {SAMPLES}. Give a folder that 'harness eval' wrote."
            )
        for file_path in (path / SAMPLES, *shards(path)):
            for record, _ in _records(file_path):
                yield record
    except OSError as error:
        raise StoreError(
            f"{error.filename or path} cannot be read: {error.strerror or error}. "
            "Give a folder that 'harness eval' wrote."
        ) from error


def read_judged(path: Path, known: dict[bytes, Any]) -> Iterator[SampleRecord]:
    """The records of a finished run with empty responses, in a tenth of the time where many runs share their questions.

    A sample and a verdict that stand there in the same words as in a line that was read whole are not read again.

    Args:
        path: the run folder.
        known: samples and verdicts by their words; is added to.

    Raises:
        StoreError: no such file, one that cannot be read, or a line that is not a record.
    """
    try:
        check_regular(path / SAMPLES)
        with (path / SAMPLES).open("rb") as file:
            for number, line in enumerate(file, start=1):
                middle, end = line.find(b',"response":{'), line.rfind(b',"verdict":{')
                words = (line[:middle], line[end:])
                if not 0 < middle < end or words[0] not in known or words[1] not in known:
                    record = _decode(path / SAMPLES, number, line)
                    known[words[0]], known[words[1]] = record.sample, record.verdict
                sample = known[words[0]]
                yield SampleRecord(
                    sample=sample, response=Response(sample_id=sample.id, text=""), verdict=known[words[1]]
                )
    except OSError as error:
        raise StoreError(f"{path / SAMPLES} cannot be read: {error.strerror or error}.") from error


def _decode(path: Path, number: int, line: bytes) -> SampleRecord:
    try:
        return decode_record(line)
    except ValueError as error:
        raise StoreError(
            f"{path}:{number} is not a sample record: {error}. "
            "Delete that line, or run 'harness eval' again with --fresh."
        ) from error


def _records(path: Path, size_bytes: int | None = None) -> Iterator[tuple[SampleRecord, int]]:
    """The records of a file, up to a number of bytes, each with the length of its line.

    The last line of a run that is not finished may be cut off: its process was killed, or is writing it now.

    Raises:
        StoreError: a line is not a record.
        OSError: the file cannot be read.
    """
    read_bytes = 0
    check_regular(path)
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            read_bytes += len(line)
            if size_bytes is not None and read_bytes > size_bytes:
                break
            if not line.endswith(b"\n") and not (path.parent / RUN).exists():
                break
            yield _decode(path, number, line), len(line)


class RecordFile:
    """A file of records that nobody else may touch while it is open.

    Attributes:
        path: where it is.
        size_bytes: its length, as far as this process knows.
    """

    def __init__(self, path: Path) -> None:
        """Open the file, or make it; what a killed process left of a last line is cut off.

        Raises:
            StoreError: it cannot be written.
        """
        self.path = path
        with ExitStack() as opened, write_errors(path):
            self._file = opened.enter_context(path.open("ab"))
            drop_torn_tail(path)
            self.size_bytes = path.stat().st_size
            self._reopened = self._failed = False
            opened.pop_all()

    def append(self, record: SampleRecord) -> None:
        """Write one record so that killing the process does not lose it; a finished run is none any more.

        Raises:
            StoreError: the disk is full, or see `check`.
        """
        self.check()
        line = (encode_record(record) + "\n").encode(errors="replace")  # Half a character is no UTF-8.
        with self._writing():
            self._reopen()
            self._file.write(line)
            self._file.flush()
        self.size_bytes += len(line)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        self._failed = True
        with write_errors(self.path):
            yield
        self._failed = False

    def take(self, path: Path) -> None:
        """Append all of another file, down to the disk.

        Raises:
            StoreError: see `append`.
        """
        self.check()
        with self._writing(), path.open("rb") as source:
            if path.stat().st_size:
                self._reopen()
            shutil.copyfileobj(source, self._file)
            self._file.flush()
            os.fsync(self._file.fileno())
            self.size_bytes += source.tell()

    def _reopen(self) -> None:
        if not self._reopened:
            (self.path.parent / RUN).unlink(missing_ok=True)
            self._reopened = True

    def check(self) -> None:
        """See that the file is still there, and as this process has written it.

        Raises:
            StoreError: it was deleted, replaced, shortened or written into.
        """
        ours = os.fstat(self._file.fileno())
        try:
            there = self.path.stat()
        except OSError as error:
            is_gone = isinstance(error, FileNotFoundError)
            what = "is gone" if is_gone else f"cannot be seen any more ({error.strerror or error})"
        else:
            if not os.path.samestat(ours, there):
                what = "is not the file that this run has opened"
            elif ours.st_size != self.size_bytes:
                what = f"holds {ours.st_size} bytes, and this run has written {self.size_bytes}"
            else:
                return
        raise StoreError(
            f"{self.path} {what}: someone else has deleted, moved or changed it. Nothing more is asked. Bring it back, "
            "or keep others from writing there, and run the same command again; it goes on with what is stored."
        )

    def close(self) -> None:
        """Close the file.

        Raises:
            StoreError: what was written last does not fit on the disk, and that was not told yet.
        """
        # A second flush of a line that did not fit on the disk fails again.
        with suppress(OSError) if self._failed else write_errors(self.path):
            self._file.close()


def shards(path: Path) -> list[Path]:
    """The files of a run folder to which processes other than the first append."""
    return sorted(path.glob(SHARDS))


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What a file of records holds.

    Attributes:
        finished: samples whose last record is a verdict, with the encoded lengths of their media.
        failed: samples whose last record is an error.
        models: that have answered, as servers name them.
    """

    finished: dict[SampleKey, tuple[int | None, ...]] = field(default_factory=dict)
    failed: set[SampleKey] = field(default_factory=set)
    models: set[str] = field(default_factory=set)


def latest(path: Path, size_bytes: int | None = None) -> Stored:
    """What a file of records holds, of each sample the last record.

    Args:
        path: of the records.
        size_bytes: where to stop reading; `None`: at the end.
    """
    stored = Stored()
    for record, _ in _records(path, size_bytes):
        key = record.sample.task, record.sample.id
        if record.verdict.status == "error":
            stored.failed.add(key)
            stored.finished.pop(key, None)
        else:
            stored.finished[key] = tuple(medium.size_bytes for medium in record.sample.media)
            stored.failed.discard(key)
        if record.response.model is not None:
            stored.models.add(record.response.model)
    return stored


def sort_records(path: Path, order: Sequence[SampleKey]) -> None:
    """Bring a file of records into an order, one record each, of each sample the last.

    Raises:
        StoreError: a sample has no record, or the file cannot be written.
    """
    offsets: dict[SampleKey, tuple[int, int]] = {}
    start = 0
    for record, length in _records(path):
        offsets[record.sample.task, record.sample.id] = (start, length)
        start += length
    missing = [key for key in order if key not in offsets]
    if missing:
        raise StoreError(f"{path}: {len(missing)} samples have no record, e.g. {missing[0]}.")
    with replacement(path) as sorted_file, write_errors(path), path.open("rb") as source:
        for key in order:
            offset, length = offsets[key]
            source.seek(offset)
            sorted_file.buffer.write(source.read(length))
