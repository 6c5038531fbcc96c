"""The run folder: `config.json` first, `samples.jsonl` appended as samples finish, `run.json` last.

A run that is killed at any point loses what was in flight; opening the folder with the same settings goes on from
there, and with other settings is refused. Where a sample has several records (a failure that was tried again), the
last one counts.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from harness.errors import StoreError
from harness.files import drop_torn_tail, lock, write_atomically, write_errors
from harness.types import (
    SCHEMA_VERSION,
    Media,
    Metric,
    Response,
    RunRecord,
    Sample,
    SampleRecord,
    TaskResult,
    Verdict,
)

CONFIG: Final = "config.json"
SAMPLES: Final = "samples.jsonl"
RUN: Final = "run.json"

_LONE_SURROGATES: Final = "backslashreplace"
"""Half a character, which a server's JSON can hold, cannot be written as UTF-8; this writes it as JSON's own escape."""

SampleKey = tuple[str, str]
"""Task name and sample id."""


def encode_record(record: SampleRecord) -> str:
    """One line of `samples.jsonl`, without its newline."""
    return json.dumps(asdict(record), ensure_ascii=False, separators=(",", ":"))


def decode_record(line: str) -> SampleRecord:
    """The inverse of `encode_record`.

    Raises:
        ValueError, TypeError, KeyError: the line is not a record.
    """
    data = json.loads(line)
    sample = dict(data["sample"])
    sample["media"] = tuple(Media(**media) for media in sample["media"])
    return SampleRecord(
        sample=Sample(**sample), response=Response(**data["response"]), verdict=Verdict(**data["verdict"])
    )


class RunFolder:
    """A run being written.

    Attributes:
        path: the folder.
        finished: samples that have been scored, each with the encoded lengths of its media.
        failed: samples whose last record is an error; they are tried again.
        seconds_before: wall time of earlier sessions of this run.
        started: start of the first session, ISO 8601, UTC.
    """

    def __init__(self, path: Path, settings: Mapping[str, Any], *, fresh: bool = False) -> None:
        """Create the folder, or open it again to go on.

        Args:
            path: the run folder.
            settings: JSON-able settings that must be equal for two sessions to be one run.
            fresh: throw away what an earlier run left in the folder.

        Raises:
            StoreError: the folder holds something else, a run of other settings, or cannot be written.
        """
        self.path = path
        self.finished: dict[SampleKey, tuple[int | None, ...]] = {}
        self.failed: set[SampleKey] = set()
        settings = json.loads(json.dumps(settings))
        is_run = (path / CONFIG).exists()
        if not is_run and path.is_dir() and any(path.iterdir()):
            raise StoreError(f"{path} is not empty and is not a run folder. Choose another folder with --out.")
        if is_run and not fresh:
            _refuse_other_settings(path, _read_json(path / CONFIG).get("settings"), settings)
        if not is_run:
            _write_config(path, settings, [])
        with write_errors(path / SAMPLES):
            self._file = (path / SAMPLES).open("a", encoding="utf-8", errors=_LONE_SURROGATES)
        lock(self._file, path)
        if fresh:
            with write_errors(path):
                self._file.truncate(0)
                _clear(path, keep=SAMPLES)
        sessions = [] if fresh or not is_run else _closed_sessions(path, _read_json(path / CONFIG).get("sessions", []))
        now = datetime.now(UTC).isoformat(timespec="seconds")
        self.seconds_before: float = sum(session["seconds"] for session in sessions)
        self.started: str = sessions[0]["started"] if sessions else now
        self._clock = time.monotonic()
        self._read_finished()
        _write_config(path, settings, [*sessions, {"started": now, "seconds": None}])

    @property
    def seconds(self) -> float:
        """Wall time of the run so far, all its sessions added up."""
        return self.seconds_before + time.monotonic() - self._clock

    def _read_finished(self) -> None:
        path = self.path / SAMPLES
        with write_errors(path):
            drop_torn_tail(path)
        for key, sizes, failed in _read_keys(path):
            if failed:
                self.failed.add(key)
                self.finished.pop(key, None)
            else:
                self.finished[key] = sizes
                self.failed.discard(key)

    def append(self, record: SampleRecord) -> None:
        """Store one finished sample: after this returns, killing the process does not lose it.

        Raises:
            StoreError: the disk is full or the folder has gone.
        """
        with write_errors(self.path / SAMPLES):
            self._file.write(encode_record(record) + "\n")
            self._file.flush()

    def close(self) -> None:
        """Close the sample file; the run can be continued."""
        # A second flush of a line that did not fit on the disk fails again; its first failure was reported.
        try:
            self._file.close()
        except OSError as error:
            raise StoreError(f"cannot close {self.path / SAMPLES}: {error.strerror or error}.") from error

    def reopen(self) -> None:
        """Declare a finished run unfinished, before samples are added to it."""
        with write_errors(self.path / RUN):
            (self.path / RUN).unlink(missing_ok=True)

    def sort(self, order: Sequence[SampleKey]) -> None:
        """Bring `samples.jsonl` into the order of the samples, one record each; nothing can be appended after it.

        Raises:
            StoreError: the folder cannot be written, or a sample has no record.
        """
        self.close()
        _sort_records(self.path / SAMPLES, order)

    def rewrite(self, records: Iterable[SampleRecord]) -> None:
        """Replace the sorted `samples.jsonl`, as a whole, by the same samples with other verdicts.

        Args:
            records: may be read lazily from the file that is replaced.

        Raises:
            StoreError: the folder cannot be written; the old file is kept.
        """
        path = self.path / SAMPLES
        temporary = path.with_name(f".{path.name}.rewritten")
        with write_errors(path):
            with temporary.open("w", encoding="utf-8", errors=_LONE_SURROGATES) as file:
                for record in records:
                    file.write(encode_record(record) + "\n")
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)

    def complete(self, run: RunRecord) -> None:
        """Write `run.json`: the run is finished.

        Raises:
            StoreError: the folder cannot be written.
        """
        write_atomically(self.path / RUN, json.dumps(asdict(run), indent=2, ensure_ascii=False) + "\n")


def read_records(path: Path) -> Iterator[SampleRecord]:
    """The records of a run folder, one at a time, in the order of the file; of an unfinished run possibly repeated.

    Raises:
        StoreError: no such file, or a line that is not a record.
    """
    file_path = Path(path) / SAMPLES
    try:
        with file_path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):
                try:
                    yield decode_record(line)
                except (ValueError, TypeError, KeyError) as error:
                    raise StoreError(f"{file_path}:{number} is not a sample record: {error}.") from error
    except FileNotFoundError as error:
        raise StoreError(
            f"{path} is not a run folder: it has no {SAMPLES}. Give a folder that 'harness eval' wrote."
        ) from error


def read_run(path: Path) -> RunRecord:
    """The record of a finished run.

    Raises:
        StoreError: the folder holds no finished run, or one of another schema.
    """
    file_path = Path(path) / RUN
    if not file_path.exists():
        unfinished = (Path(path) / CONFIG).exists()
        what = (
            "the run is not finished: run the same 'harness eval' command again" if unfinished else "not a run folder"
        )
        raise StoreError(f"{path}: {what}.")
    data = _read_json(file_path)
    if data.get("schema_version") != SCHEMA_VERSION:
        raise StoreError(
            f"{file_path} has schema version {data.get('schema_version')!r}, this harness reads {SCHEMA_VERSION}."
        )
    try:
        tasks = {
            name: TaskResult(**{**task, "metrics": {key: Metric(**metric) for key, metric in task["metrics"].items()}})
            for name, task in data["tasks"].items()
        }
        return RunRecord(**{**data, "tasks": tasks})
    except (TypeError, KeyError, AttributeError) as error:
        raise StoreError(f"{file_path} is not a run record: {error}.") from error


def _read_json(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StoreError(f"{path} cannot be read: {error}.") from error
    if not isinstance(data, dict):
        raise StoreError(f"{path} is not a JSON object.")
    return data


def _write_config(path: Path, settings: Mapping[str, Any], sessions: Sequence[Mapping[str, Any]]) -> None:
    config = {"schema_version": SCHEMA_VERSION, "settings": settings, "sessions": sessions}
    write_atomically(path / CONFIG, json.dumps(config, indent=2, ensure_ascii=False) + "\n")


def _clear(path: Path, *, keep: str) -> None:
    for child in path.iterdir():
        if child.name == keep:
            continue
        if child.is_dir() and not child.is_symlink():
            shutil.rmtree(child)
        else:
            child.unlink()


def _flatten(settings: Any, prefix: str = "") -> dict[str, Any]:
    if not isinstance(settings, Mapping):
        return {prefix: settings}
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        flat.update(_flatten(value, f"{prefix}.{key}" if prefix else str(key)))
    return flat


def _refuse_other_settings(path: Path, stored: Any, wanted: Mapping[str, Any]) -> None:
    before, now = _flatten(stored), _flatten(wanted)
    different = [key for key in sorted({*before, *now}) if before.get(key) != now.get(key)]
    if different:
        shown = "; ".join(f"{key}: stored {before.get(key)!r}, asked {now.get(key)!r}" for key in different[:4])
        more = f"; and {len(different) - 4} more" if len(different) > 4 else ""
        raise StoreError(
            f"{path} holds a run of other settings ({shown}{more}). "
            "Choose another folder with --out, or start over with --fresh."
        )


def _closed_sessions(path: Path, sessions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give a session that was cut off the time until its last stored sample."""
    closed = []
    for session in sessions:
        seconds = session.get("seconds")
        if seconds is None:
            last = max(
                ((path / name).stat().st_mtime for name in (SAMPLES, RUN) if (path / name).exists()),
                default=0.0,
            )
            seconds = max(0.0, last - datetime.fromisoformat(session["started"]).timestamp())
        closed.append({"started": session["started"], "seconds": round(seconds, 1)})
    return closed


def _read_keys(path: Path) -> Iterator[tuple[SampleKey, tuple[int | None, ...], bool]]:
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            try:
                data = json.loads(line)
                key = (data["sample"]["task"], data["sample"]["id"])
                sizes = tuple(medium["size_bytes"] for medium in data["sample"]["media"])
                failed = data["verdict"]["status"] == "error"
            except (ValueError, TypeError, KeyError) as error:
                raise StoreError(
                    f"{path}:{number} is not a sample record: {error}. Delete that line, or start over with --fresh."
                ) from error
            yield key, sizes, failed


def _sort_records(path: Path, order: Sequence[SampleKey]) -> None:
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
    temporary = path.with_name(f".{path.name}.sorted")
    with write_errors(path), path.open("rb") as source, temporary.open("wb") as sorted_file:
        for key in order:
            offset, length = offsets[key]
            source.seek(offset)
            sorted_file.write(source.read(length))
        sorted_file.flush()
        os.fsync(sorted_file.fileno())
    os.replace(temporary, path)
