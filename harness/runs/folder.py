"""The run folder: `config.json` first, `samples.jsonl` appended as samples finish, `run.json` last.

A run that is killed at any point loses what was in flight; opening the folder with the same settings goes on from
there, and with other settings is refused. One process at a time writes a folder, from opening it to closing it. Where a
sample has several records (a failure that was tried again), the last one counts. Where several processes share a run,
all but the first append to a shard of their own, `samples.rank-N.jsonl`; the first takes the shards up when all are
done, and so does whoever goes on with a run that was killed.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness.core.errors import StoreError
from harness.core.files import drop_torn_tail, hold_lock, replacement, write_atomically, write_errors
from harness.core.reading import decode
from harness.core.types import SCHEMA_VERSION, RunRecord, SampleRecord
from harness.runs.checks import defect_of
from harness.runs.config import CONFIG, LOCK, earlier_sessions, is_run_folder, read_json, write_config
from harness.runs.records import (
    RUN,
    SAMPLES,
    SHARDS,
    RecordFile,
    SampleKey,
    encode_record,
    latest,
    shards,
    sort_records,
)
from harness.runs.removal import lock_of, refuse_live_shards, start_over
from harness.runs.seals import seal


class RunFolder:
    """A run being written.

    Attributes:
        path: the folder.
        finished: samples that have been scored, each with the encoded lengths of its media.
        failed: samples whose last record is an error; they are tried again.
        models: that have answered so far, as servers name them.
        seconds_before: wall time of earlier sessions of this run.
        started: start of the first session, ISO 8601, UTC.
    """

    def __init__(
        self,
        path: Path,
        settings: Mapping[str, Any],
        *,
        fresh: bool = False,
        ready: Callable[[], None] = lambda: None,
    ) -> None:
        """Create the folder, or open it again to go on.

        Args:
            path: the run folder.
            settings: JSON-able settings that must be equal for two sessions to be one run.
            fresh: throw away what an earlier run wrote into the folder, see `harness.runs.removal.written`.
            ready: called before anything is thrown away; what it raises keeps all of it.

        Raises:
            StoreError: the folder holds something else, a run of other settings, or cannot be written.
        """
        self.path = path
        settings = json.loads(json.dumps(settings))
        if not is_run_folder(path) and path.is_dir() and any(path.iterdir()):
            raise StoreError(f"{path} is not empty and is not a run folder. Choose another folder with --out.")
        with ExitStack() as opened:
            self._lock = opened.enter_context(hold_lock(path / LOCK))
            refuse_live_shards(path)
            if fresh:
                start_over(path, settings, ready)
            sessions = earlier_sessions(path, settings)
            now = datetime.now(UTC).isoformat(timespec="seconds")
            self.seconds_before: float = sum(session["seconds"] for session in sessions)
            self.started: str = sessions[0]["started"] if sessions else now
            self._clock = time.monotonic()
            write_config(path, settings, [*sessions, {"started": now, "seconds": None}])
            self._records = RecordFile(path / SAMPLES)
            opened.callback(self._records.close)
            self.take_up_shards()
            stored = latest(path / SAMPLES)
            self.finished, self.failed, self.models = stored.finished, stored.failed, stored.models
            opened.pop_all()

    @property
    def seconds(self) -> float:
        """Wall time of the run so far, all its sessions added up."""
        return self.seconds_before + time.monotonic() - self._clock

    @property
    def size_bytes(self) -> int:
        """Length of `samples.jsonl`."""
        return self._records.size_bytes

    def take_up_shards(self) -> None:
        """Move what other processes have stored into `samples.jsonl`.

        Raises:
            StoreError: the folder cannot be written, or others have changed it.
        """
        self._records.check()
        for shard in shards(self.path):
            with write_errors(self.path / SAMPLES):
                drop_torn_tail(shard)
                self._records.take(shard)
                lock_of(shard).unlink(missing_ok=True)
                shard.unlink()  # Where this is not reached, the records are there twice, and one of them counts.

    def append(self, record: SampleRecord) -> None:
        """Store one finished sample: after this returns, killing the process does not lose it.

        Raises:
            StoreError: the disk is full, or others have deleted, moved or changed the file.
        """
        self._records.append(record)

    def close(self) -> None:
        """Close the folder; the run can be continued."""
        with self._lock:
            self._records.close()

    def sort(self, order: Sequence[SampleKey]) -> None:
        """Bring `samples.jsonl` into the order of the samples, one record each; nothing can be appended after it.

        Raises:
            StoreError: the folder cannot be written or was changed by others, or a sample has no record.
        """
        self._records.check()
        self._records.close()
        sort_records(self.path / SAMPLES, order)

    def rewrite(self, records: Iterable[SampleRecord]) -> None:
        """Replace the sorted `samples.jsonl`, as a whole, by the same samples with other verdicts.

        Args:
            records: may be read lazily from the file that is replaced.

        Raises:
            StoreError: the folder cannot be written; the old file is kept.
        """
        path = self.path / SAMPLES
        with replacement(path) as file, write_errors(path):
            for record in records:  # Each may have cost a request to a judge.
                if not path.exists():
                    raise StoreError(f"{path} is gone. Nothing more is asked. Run the same command again.")
                file.write(encode_record(record) + "\n")

    def complete(self, run: RunRecord) -> RunRecord:
        """Write `run.json`: the run is finished; gives its record as it was written, sealed.

        Raises:
            StoreError: the folder cannot be written.
        """
        sealed = replace(run, seal=seal(asdict(run), self.path / SAMPLES))
        write_atomically(self.path / RUN, json.dumps(asdict(sealed), indent=2, ensure_ascii=False) + "\n")
        return sealed


class Shard:
    """What one of several processes adds to a run that another one, rank 0, has opened.

    Attributes:
        path: the run folder.
        finished, failed, models: when the run was opened, as in `RunFolder`.
    """

    def __init__(self, path: Path, rank: int, size_bytes: int) -> None:
        """Open the shard.

        Args:
            path: the run folder.
            rank: of this process, at least 1.
            size_bytes: length that `samples.jsonl` had when the run was opened; what is behind it is being written.

        Raises:
            StoreError: the folder is not the one that rank 0 opened, or cannot be written.
        """
        self.path = path
        samples = path / SAMPLES
        try:
            whole = samples.stat().st_size >= size_bytes
        except OSError:
            whole = False
        if not whole:
            raise StoreError(
                f"rank {rank} does not see the run that rank 0 opened in {path}. Choose a folder that all machines "
                "share with --out."
            )
        stored = latest(samples, size_bytes)
        self.finished, self.failed, self.models = stored.finished, stored.failed, stored.models
        self._path = path / SHARDS.replace("*", str(rank))
        self._lock = hold_lock(lock_of(self._path))
        self._records = RecordFile(self._path)

    def append(self, record: SampleRecord) -> None:
        """Store one finished sample, as `RunFolder.append` does."""
        self._records.append(record)

    def close(self) -> None:
        """Close the shard; it can be taken up."""
        with self._lock:
            self._records.close()


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
    try:
        data = read_json(file_path)
    except StoreError as error:
        raise StoreError(f"{error} {_again(path)}") from error
    if data.get("schema_version") != SCHEMA_VERSION:
        raise StoreError(
            f"{file_path} has schema version {data.get('schema_version')!r}, this harness reads {SCHEMA_VERSION}. "
            f"Make a new run of its responses: harness eval ... --engine replay --responses {path}."
        )
    try:
        record = decode(RunRecord, data)
        if defect := defect_of(record):
            raise ValueError(defect)
    except ValueError as error:
        raise StoreError(f"{file_path} is not a run record: {error}. {_again(path)}") from error
    return record


def read_sealed(path: Path) -> RunRecord:
    """The record of a finished run whose samples are those that it was counted from.

    Raises:
        StoreError: see `read_run`; or `run.json` or `samples.jsonl` was changed after the run had ended.
    """
    record = read_run(path)
    if record.seal not in (None, seal(read_json(Path(path) / RUN), Path(path) / SAMPLES)):
        raise StoreError(f"{path}: its {RUN} or {SAMPLES} was changed after the run had ended. {_again(path)}")
    return record


def unfinished(path: Path, settings: Mapping[str, Any], samples: int) -> str | None:
    """How far a run has come, `7 of 24 samples`; `None`: it is finished, or does not tell how many it is to have.

    Args:
        path: the run folder.
        settings: of the run.
        samples: how many it has.
    """
    tasks = settings.get("tasks")
    if (path / RUN).exists() or not isinstance(tasks, Mapping):
        return None
    counts = [of.get("count") if isinstance(of, Mapping) else None for of in tasks.values()]
    whole = [count for count in counts if type(count) is int]
    return f"{samples} of {sum(whole)} samples" if len(whole) == len(counts) else None


def _again(path: Path) -> str:
    file = Path(path) / RUN
    return f"Copy the run again, or delete {file} and run the same command again: it counts the samples that are there."
