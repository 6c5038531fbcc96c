"""The samples of a row's runs, read for comparisons with other rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from harness.benchmarks.plain import scored_task
from harness.core.errors import StoreError
from harness.core.types import SampleRecord, TaskResult
from harness.reports.text import counted
from harness.runs.records import read_judged
from harness.statistics.counts import Table, tabulate
from harness.statistics.differences import Difference, Measured, compare, measure, names_by_kind, shared_kinds
from harness.statistics.specs import MetricSpec, Scored
from leaderboards.board import Row
from leaderboards.runs import StoredRun


class Reader:
    """Reads the samples of runs over the same questions, each of which is looked at once."""

    def __init__(self, tasks_dir: Path | None) -> None:
        """Args: `tasks_dir`, the folder of tasks beside the harness's own; `None`: there is none."""
        self.tasks_dir = tasks_dir
        self._known: dict[bytes, Any] = {}
        self._tasks: dict[str, Scored] = {}
        self._specs: dict[tuple[str, frozenset[tuple[str, ...]]], Mapping[str, MetricSpec]] = {}

    def task(self, name: str, results: Sequence[TaskResult]) -> Scored:
        """What is counted of a task; looked up once where the runs do not tell."""
        if any(result.means is not None for result in results):
            return scored_task(name, self.tasks_dir, results)
        if name not in self._tasks:
            self._tasks[name] = scored_task(name, self.tasks_dir)
        return self._tasks[name]

    def specs(self, task: Scored, strata: frozenset[tuple[str, ...]]) -> Mapping[str, MetricSpec]:
        """The figures of a task by name."""
        if self._tasks.get(task.name) is not task:
            return {spec.name: spec for spec in task.metrics(strata)}
        key = (task.name, strata)
        if key not in self._specs:
            self._specs[key] = {spec.name: spec for spec in task.metrics(strata)}
        return self._specs[key]

    def read_run(self, run: StoredRun, tasks: Iterable[str]) -> dict[str, Samples]:
        """Samples of some tasks of one run.

        Raises:
            StoreError: its sample file cannot be read, holds other samples than its record says, or one that is not
                sound.
        """
        found: dict[str, dict[str, SampleRecord]] = {task: {} for task in tasks}
        for record in read_judged(run.folder, self._known):
            if record.sample.task in found:
                found[record.sample.task][record.sample.id] = record
        for task, records in found.items():
            expected = run.record.tasks[task].samples
            if len(records) != expected:
                raise StoreError(f"{len(records)} samples of {task} are stored, its record says {expected}.")
        return {
            task: Samples(self, self.task(task, [run.record.tasks[task]]), records) for task, records in found.items()
        }

    def read_row(self, row: Row, problems: list[str]) -> dict[str, Runs]:
        """The samples of each task by training seed; tasks of which a run's cannot be used are left out."""
        samples: dict[str, dict[int | None, Samples]] = {}
        for run in row.runs:
            wanted = [task for task, cell in row.cells.items() if any(of is run for of in cell.runs.values())]
            try:
                found = self.read_run(run, wanted)
            except StoreError as error:
                problems.append(f"{run.folder}: {error} The run is shown, but not compared.")
                continue
            for task, of_task in found.items():
                (seed,) = (seed for seed, of in row.cells[task].runs.items() if of is run)
                samples.setdefault(task, {})[seed] = of_task
        return {task: runs for task, runs in samples.items() if len(runs) == len(row.cells[task].runs)}


class Samples:
    """The samples of one task of one run, and what follows from them for every comparison.

    Attributes:
        records: by sample id.
        failed: ids of those without a response.
        units: of all records.
        strata: that occur among them.
        specs: the figures by name, given the strata that occur.
    """

    def __init__(self, reader: Reader, task: Scored, records: Mapping[str, SampleRecord]) -> None:
        self.records = records
        self.task = task
        self._measured: dict[MetricSpec, Measured] = {}
        self.failed = {name for name, record in records.items() if record.verdict.status == "error"}
        try:
            self.units = list(task.units(records.values()))
            self.strata = frozenset(unit.outcome.stratum for unit in self.units)
            # Strata that it does not take are an error of these samples.
            self.specs = reader.specs(task, self.strata)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise StoreError(f"a sample of {task.name} cannot be used: {error}.") from error

    @cached_property
    def names(self) -> Mapping[str, set[str]]:
        """What tells units apart, by their kind."""
        return names_by_kind(self.units)

    @cached_property
    def table(self) -> Table:
        """The counts of all units."""
        return tabulate(self.units)

    def measure(self, spec: MetricSpec, left_out: set[str]) -> Measured:
        """A figure over all samples but some."""
        if left_out:
            kept = (record for name, record in self.records.items() if name not in left_out)
            return measure(spec, tabulate(self.task.units(kept)))
        if spec not in self._measured:
            self._measured[spec] = measure(spec, self.table)
        return self._measured[spec]


Runs = Mapping[int | None, Samples]
"""The runs of a row by training seed."""


def are_the_same(runs: Sequence[Samples]) -> bool:
    """Whether runs are over the same questions, in the same pairs and groups."""
    same = all(run.records.keys() == runs[0].records.keys() for run in runs)
    return same and shared_kinds([run.names for run in runs]) is not None


def unanswered(runs: Sequence[Samples]) -> set[str]:
    """Samples without a response in some run, and those whose pair or rotations would be torn by leaving them out."""
    failed = {name for run in runs for name in run.failed}
    records = runs[0].records
    torn = {records[name].sample.group for name in failed} - {None}
    return failed | {name for name, of in records.items() if torn and of.sample.group in torn}


def compare_samples(spec: MetricSpec, before: Runs, after: Runs) -> Difference:
    """The difference of one figure between two rows, with an interval for itself; see `harness.statistics`."""
    left_out = unanswered([*before.values(), *after.values()])
    note = f"{counted(len(left_out), 'sample')} without a response left out" if left_out else None
    sides = [{seed: run.measure(spec, left_out) for seed, run in side.items()} for side in (before, after)]
    return compare(spec, sides[0], sides[1], note=note)
