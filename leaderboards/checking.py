"""Whether a stored run is what it says: its seal, and counts and headlines anew from its samples.

Counting reads every sample, so that a run whose count agreed is remembered by its seal in the harness's cache folder.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from itertools import groupby
from math import isclose
from pathlib import Path
from typing import Any, Final

from harness.benchmarks.plain import scored_task
from harness.benchmarks.record import Benchmark
from harness.core.errors import StoreError
from harness.core.files import cache_folder
from harness.core.types import RunRecord, SampleRecord, TaskResult
from harness.runs.asked import said_of
from harness.runs.records import RUN, SAMPLES, read_judged, read_records
from harness.runs.seals import seal
from harness.statistics import summarise
from harness.statistics.specs import Scored

_CHECKED: Final = "checked-runs.txt"
_ROUNDING: Final = 1e-9
"""Sums depend on the order of their terms."""


class Checks:
    """Checks runs, each once in its life."""

    def __init__(self, tasks_dir: Path | None = None) -> None:
        """Read what was checked before.

        Args:
            tasks_dir: folder of tasks beside the harness's own; `None`: there is none.
        """
        self._tasks_dir = tasks_dir
        self._file = cache_folder() / _CHECKED
        self._tasks: dict[str, Scored] = {}
        self._words: dict[bytes, Any] = {}
        self._known: set[str] = set()
        with suppress(OSError):
            self._known.update(self._file.read_text(encoding="utf-8").split())
        self._new: list[str] = []

    def check(self, folder: Path, record: RunRecord, stored: Mapping[str, Any]) -> None:
        """Check a finished run.

        Args:
            folder: of the run.
            record: its record.
            stored: the same, as its `run.json` holds it.

        Raises:
            StoreError: samples are missing, or record and samples do not belong together; says which figure.
        """
        found = seal(stored, folder / SAMPLES)
        if found in self._known:
            return
        # Of a file that is as the harness wrote it, responses need not be read to be known for whole.
        sealed = record.seal == found
        self._count(folder, record, read_judged(folder, self._words) if sealed else read_records(folder))
        if record.seal not in (None, found):
            raise StoreError(f"{folder}: its {RUN} or {SAMPLES} was changed after the run had ended.")
        self._known.add(found)
        self._new.append(found)

    def remember(self) -> None:
        """Keep what was checked now; where that cannot be written, it is checked again."""
        if self._new:
            with suppress(OSError):
                self._file.parent.mkdir(parents=True, exist_ok=True)
                with self._file.open("a", encoding="utf-8") as file:
                    file.write("".join(f"{line}\n" for line in self._new))

    def _count(self, folder: Path, record: RunRecord, records: Iterable[SampleRecord]) -> None:
        counted = set()
        for task, of_task in groupby(records, key=lambda record: record.sample.task):
            if task not in record.tasks or task in counted:
                raise StoreError(f"{folder / SAMPLES} holds samples of {task} that {RUN} does not have.")
            counted.add(task)
            self._compare(folder, record, record.tasks[task], of_task)
        if missing := record.tasks.keys() - counted:
            raise StoreError(f"{folder / SAMPLES} holds no samples of {min(missing)}, which {RUN} has.")

    def _compare(self, folder: Path, record: RunRecord, result: TaskResult, records: Iterable[SampleRecord]) -> None:
        task = self._task(result)
        try:
            found = summarise(task, records)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise StoreError(f"a sample of {result.task} cannot be used: {error}.") from error
        pairs: dict[str, tuple[float | None, float | None]] = {}
        version = said_of(record.settings, result.task).get("version")
        is_todays = not isinstance(task, Benchmark) or version == task.version
        if is_todays and result.headline in found.metrics:
            pairs[result.headline] = result.metrics[result.headline].value, found.metrics[result.headline].value
        for name in ("samples", "errors", "unanswered"):
            pairs[name] = getattr(result, name), getattr(found, name)
        for name, (stored, value) in pairs.items():
            same = stored == value or (
                stored is not None and value is not None and isclose(value, stored, abs_tol=_ROUNDING)
            )
            if not same:
                said = f"{stored!r} in its {RUN} and {value!r} by its {SAMPLES}"
                raise StoreError(f"{folder}: {name} of {result.task} is {said}.")

    def _task(self, result: TaskResult) -> Scored:
        """What is counted of a task; looked up once where its results do not tell."""
        if result.means is not None:
            return scored_task(result.task, self._tasks_dir, [result])
        if result.task not in self._tasks:
            self._tasks[result.task] = scored_task(result.task, self._tasks_dir)
        return self._tasks[result.task]
