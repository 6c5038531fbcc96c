"""Files of sample records: `samples.jsonl` of a run folder and, while several processes share a run, their shards."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final, TextIO

from harness.core.errors import StoreError
from harness.core.files import replacement, write_errors
from harness.core.types import Media, Response, Sample, SampleRecord, Verdict

SAMPLES: Final = "samples.jsonl"
SHARDS: Final = "samples.rank-*.jsonl"
LONE_SURROGATES: Final = "backslashreplace"
"""Half a character, which a server's JSON can hold, cannot be written as UTF-8; this writes it as JSON's own escape."""

SampleKey = tuple[str, str]
"""Task name and sample id."""


def encode_record(record: SampleRecord) -> str:
    """One line of `samples.jsonl`, without its newline."""
    data = asdict(record)
    if not record.verdict.scores:  # Of most tasks, and of millions of samples.
        del data["verdict"]["scores"]
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))


def decode_record(line: str) -> SampleRecord:
    """The inverse of `encode_record`.

    Raises:
        ValueError, TypeError, KeyError: the line is not a record.
    """
    data = json.loads(line)
    sample = dict(data["sample"])
    sample["media"] = tuple(Media(**media) for media in sample["media"])
    response = dict(data["response"])
    if response.get("answer_logprobs") is not None:
        response["answer_logprobs"] = tuple(response["answer_logprobs"])
    return SampleRecord(sample=Sample(**sample), response=Response(**response), verdict=Verdict(**data["verdict"]))


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
            with file_path.open("rb") as file:
                for number, line in enumerate(file, start=1):
                    try:
                        record = decode_record(line.decode("utf-8"))
                    except (ValueError, TypeError, KeyError) as error:
                        raise StoreError(
                            f"{file_path}:{number} is not a sample record: {error}. "
                            "Delete that line, or run 'harness eval' again with --fresh."
                        ) from error
                    yield record
    except OSError as error:
        raise StoreError(
            f"{error.filename or path} cannot be read: {error.strerror or error}. "
            "Give a folder that 'harness eval' wrote."
        ) from error


def append_record(file: TextIO, path: Path, record: SampleRecord) -> None:
    """Write one record so that killing the process does not lose it.

    Raises:
        StoreError: the disk is full or the folder has gone.
    """
    with write_errors(path):
        file.write(encode_record(record) + "\n")
        file.flush()


def close_records(file: TextIO, path: Path) -> None:
    """Close a file of records.

    Raises:
        StoreError: what was written last does not fit on the disk.
    """
    # A second flush of a line that did not fit on the disk fails again; its first failure was reported.
    try:
        file.close()
    except OSError as error:
        raise StoreError(f"cannot close {path}: {error.strerror or error}.") from error


def shards(path: Path) -> list[Path]:
    """The files of a run folder to which processes other than the first append."""
    return sorted(path.glob(SHARDS))


def latest(path: Path, size_bytes: int | None = None) -> tuple[dict[SampleKey, tuple[int | None, ...]], set[SampleKey]]:
    """Samples whose last record is a verdict, with the encoded lengths of their media, and those where it is an error.

    Args:
        path: of the records.
        size_bytes: where to stop reading; `None`: at the end.
    """
    finished: dict[SampleKey, tuple[int | None, ...]] = {}
    failed: set[SampleKey] = set()
    read_bytes = 0
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            read_bytes += len(line)
            if size_bytes is not None and read_bytes > size_bytes:
                break
            try:
                data = json.loads(line)
                key = (data["sample"]["task"], data["sample"]["id"])
                sizes = tuple(medium["size_bytes"] for medium in data["sample"]["media"])
                is_error = data["verdict"]["status"] == "error"
            except (ValueError, TypeError, KeyError) as error:
                raise StoreError(
                    f"{path}:{number} is not a sample record: {error}. Delete that line, or start over with --fresh."
                ) from error
            if is_error:
                failed.add(key)
                finished.pop(key, None)
            else:
                finished[key] = sizes
                failed.discard(key)
    return finished, failed


def sort_records(path: Path, order: Sequence[SampleKey]) -> None:
    """Bring a file of records into an order, one record each, of each sample the last.

    Raises:
        StoreError: a sample has no record, or the file cannot be written.
    """
    offsets: dict[SampleKey, tuple[int, int]] = {}
    start = 0
    with path.open("rb") as file:
        for line in file:
            data = json.loads(line)
            offsets[data["sample"]["task"], data["sample"]["id"]] = (start, len(line))
            start += len(line)
    missing = [key for key in order if key not in offsets]
    if missing:
        raise StoreError(f"{path}: {len(missing)} samples have no record, e.g. {missing[0]}.")
    with replacement(path) as sorted_file, write_errors(path), path.open("rb") as source:
        for key in order:
            offset, length = offsets[key]
            source.seek(offset)
            sorted_file.buffer.write(source.read(length))
