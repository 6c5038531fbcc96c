"""Checkpoints against the baseline, sample by sample on the same questions."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from harness.benchmarks.plain import scored_task
from harness.core.errors import StoreError
from harness.core.types import SampleRecord
from harness.runs.records import read_records
from harness.statistics.counts import Table, tabulate
from harness.statistics.differences import Difference, compare, measure, test_together
from harness.statistics.specs import MetricSpec, Scored
from leaderboards.board import Cell, Group, Row
from leaderboards.runs import StoredRun

_DIGITS: Final = 10
"""Significant digits that are kept: the last ones depend on the order in which clusters are added up."""
_ROUNDED: Final = ("a", "b", "value", "low", "high", "p", "stderr", "freedom", "of_seeds", "least", "greatest")


def compare_group(group: Group, key: str, tasks_dir: Path | None = None) -> tuple[Group, list[str]]:
    """Compare the headlines of every row of a group with those of the row of that key, all tested together.

    Sample files are read here and nowhere else, one row at a time beside the baseline's.

    Args:
        group: rows over the same data.
        key: of the baseline.
        tasks_dir: folder of tasks beside the harness's own; `None`: there is none.

    Returns:
        The group with deltas; unchanged where the baseline has no row in it. And one line for each run whose samples
        cannot be used.
    """
    baseline = next((row for row in group.rows if row.key == key), None)
    if baseline is None:
        return group, []
    problems: list[str] = []
    base = _read_row(baseline, set(baseline.cells), problems, tasks_dir)
    found: dict[tuple[str, str], Difference] = {}
    for row in group.rows:
        if row is baseline:
            continue
        shared = [task for task in row.cells if task in baseline.cells]
        samples = _read_row(row, {task for task in shared if task in base}, problems, tasks_dir)
        for task in shared:
            found[row.key, task] = _compare(
                row.cells[task], baseline.cells[task], samples.get(task), base.get(task), tasks_dir
            )
    tested = dict(zip(found, map(_rounded, test_together(list(found.values()))), strict=True))
    rows = [
        replace(
            row,
            is_baseline=row is baseline,
            cells={task: replace(cell, delta=tested.get((row.key, task))) for task, cell in row.cells.items()},
        )
        for row in group.rows
    ]
    tests = max((item.family for item in tested.values()), default=0)
    return replace(group, rows=rows, baseline=baseline.label, tests=tests), problems


class _Samples:
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


_Runs = Mapping[Hashable, _Samples]
"""The runs of a row by training seed."""


def _read_row(row: Row, tasks: set[str], problems: list[str], tasks_dir: Path | None) -> dict[str, _Runs]:
    """The samples of each task; tasks of which a run's cannot be used are left out."""
    samples: dict[str, dict[Hashable, _Samples]] = {}
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


def _read_run(run: StoredRun, tasks: Iterable[str], tasks_dir: Path | None) -> dict[str, _Samples]:
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
        task: _Samples(scored_task(task, tasks_dir, [run.record.tasks[task]]), records)
        for task, records in found.items()
    }


def _compare(
    cell: Cell, baseline: Cell, samples: _Runs | None, base: _Runs | None, tasks_dir: Path | None
) -> Difference:
    a, b = baseline.metric.value, cell.metric.value
    untested = Difference(name=cell.result.headline, a=a, b=b, value=None if a is None or b is None else b - a)
    if samples is None or base is None:
        return replace(untested, note="samples cannot be used")
    runs = [*base.values(), *samples.values()]
    results = [run.record.tasks[cell.result.task] for of in (baseline, cell) for run in of.runs.values()]
    spec = _headline(scored_task(cell.result.task, tasks_dir, results), runs[0].strata, cell.result.headline)
    if spec is None:
        return replace(untested, note="no paired test for this figure")
    if any(run.records.keys() != runs[0].records.keys() or run.names != runs[0].names for run in runs):
        return replace(untested, value=None, note="not the same questions")
    left_out = _unanswered(runs)
    note = f"{len(left_out)} samples without a response left out" if left_out else None
    sides = [{seed: measure(spec, run.without(left_out)) for seed, run in side.items()} for side in (base, samples)]
    return compare(spec, sides[0], sides[1], note=note)


def _headline(task: Scored, strata: set[tuple[str, ...]], name: str) -> MetricSpec | None:
    return next((spec for spec in task.metrics(strata) if spec.name == name), None)


def _unanswered(runs: Sequence[_Samples]) -> set[str]:
    """Samples without a response in some run, and those whose pair or rotations would be torn by leaving them out."""
    failed = {name for run in runs for name in run.failed}
    records = runs[0].records
    torn = {records[name].sample.group for name in failed} - {None}
    return failed | {name for name, of in records.items() if torn and of.sample.group in torn}


def _rounded(difference: Difference) -> Difference:
    shown = {name: getattr(difference, name) for name in _ROUNDED}
    rounded: dict[str, Any] = {name: float(f"{of:.{_DIGITS}g}") for name, of in shown.items() if of is not None}
    return replace(difference, **rounded)
