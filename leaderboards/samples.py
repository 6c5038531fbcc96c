"""The samples of a row's runs, read for comparisons with other rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path

from harness.benchmarks.plain import scored_task
from harness.core.errors import StoreError
from harness.core.types import SampleRecord
from harness.runs.records import read_records
from harness.statistics.counts import Table, tabulate
from harness.statistics.specs import Scored
from leaderboards.board import Row
from leaderboards.runs import StoredRun


class Samples:
    """The samples of one task of one run, and what follows from them for every comparison.

    Attributes:
        records: by sample id.
        failed: ids of those without a response.
        units: of all records.
        strata: that occur among them.
    """

    def __init__(self, task: Scored, records: Mapping[str, SampleRecord]) -> None:
        self.records = records
        self.task = task
        self.failed = {name for name, record in records.items() if record.verdict.status == "error"}
        try:
            self.units = list(task.units(records.values()))
            self.strata = {unit.outcome.stratum for unit in self.units}
            task.metrics(self.strata)  # Strata that it does not take are an error of these samples.
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise StoreError(f"a sample of {task.name} cannot be used: {error}.") from error

    @cached_property
    def names(self) -> frozenset[tuple[str, str]]:
        """What tells units apart."""
        return frozenset((unit.outcome.unit, unit.key) for unit in self.units)

    @cached_property
    def table(self) -> Table:
        """The counts of all units."""
        return tabulate(self.units)

    def without(self, left_out: set[str]) -> Table:
        """The counts of the units of all other samples."""
        if not left_out:
            return self.table
        return tabulate(self.task.units(record for name, record in self.records.items() if name not in left_out))


Runs = Mapping[int | None, Samples]
"""The runs of a row by training seed."""


def read_row(row: Row, tasks: set[str], problems: list[str], tasks_dir: Path | None) -> dict[str, Runs]:
    """The samples of each task; tasks of which a run's cannot be used are left out."""
    samples: dict[str, dict[int | None, Samples]] = {}
    for run in row.runs:
        wanted = {task for task in tasks if any(of is run for of in row.cells[task].runs.values())}
        if wanted:
            try:
                found = _read_run(run, wanted, tasks_dir)
            except StoreError as error:
                problems.append(f"{run.folder}: {error} The run is shown, but not compared.")
                continue
            for task, of_task in found.items():
                (seed,) = (seed for seed, of in row.cells[task].runs.items() if of is run)
                samples.setdefault(task, {})[seed] = of_task
    return {task: runs for task, runs in samples.items() if len(runs) == len(row.cells[task].runs)}


def _read_run(run: StoredRun, tasks: Iterable[str], tasks_dir: Path | None) -> dict[str, Samples]:
    """Samples of some tasks of one run.

    Raises:
        StoreError: its sample file cannot be read, holds other samples than its record says, or one that is not sound.
    """
    found: dict[str, dict[str, SampleRecord]] = {task: {} for task in tasks}
    for record in read_records(run.folder):
        if record.sample.task in found:
            found[record.sample.task][record.sample.id] = record
    for task, records in found.items():
        expected = run.record.tasks[task].samples
        if len(records) != expected:
            raise StoreError(f"{len(records)} samples of {task} are stored, its record says {expected}.")
    return {
        task: Samples(scored_task(task, tasks_dir, [run.record.tasks[task]]), records)
        for task, records in found.items()
    }


def unanswered(runs: Sequence[Samples]) -> set[str]:
    """Samples without a response in some run, and those whose pair or rotations would be torn by leaving them out."""
    failed = {name for run in runs for name in run.failed}
    records = runs[0].records
    torn = {records[name].sample.group for name in failed} - {None}
    return failed | {name for name, of in records.items() if torn and of.sample.group in torn}
