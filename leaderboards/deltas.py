"""Checkpoints against the baseline, sample by sample on the same questions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from harness.benchmarks.plain import scored_task
from harness.core.errors import StoreError
from harness.core.types import SampleRecord
from harness.runs.records import read_records
from harness.statistics.multiplicity import holm
from harness.statistics.specs import Scored, Unit
from leaderboards.board import Cell, Delta, Group, Row
from leaderboards.runs import StoredRun

_DIGITS: Final = 10
"""Significant digits that are kept: the last ones depend on the order in which clusters are added up."""


def compare_group(group: Group, key: str, tasks_dir: Path | None = None) -> tuple[Group, list[str]]:
    """Compare every row of a group with the row of that key, with Holm's correction over all tests of the group.

    Sample files are read here and nowhere else, one run at a time beside the baseline's.

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
    rows: list[Row] = []
    for row in group.rows:
        if row is baseline:
            rows.append(replace(row, is_baseline=True))
            continue
        shared = set(row.cells) & set(baseline.cells)
        samples = _read_row(row, {task for task in shared if task in base}, problems, tasks_dir)
        cells = {
            task: replace(
                cell, delta=_compare(cell, baseline.cells[task], samples.get(task), base.get(task), tasks_dir)
            )
            if task in shared
            else cell
            for task, cell in row.cells.items()
        }
        rows.append(replace(row, cells=cells))
    rows, tests = _adjust(rows)
    return replace(group, rows=rows, baseline=baseline.label, tests=tests), problems


class _Samples:
    """The samples of one task of one run, and what follows from them for every comparison.

    Attributes:
        records: by sample id.
        units: of all records.
        strata: that occur among them.
    """

    def __init__(self, task: Scored, records: Mapping[str, SampleRecord]) -> None:
        self.records = records
        self.task = task
        try:
            self.units = list(task.units(records.values()))
            self.strata = {unit.outcome.stratum for unit in self.units}
            task.metrics(self.strata)  # Strata that it does not take are an error of these samples.
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise StoreError(f"a sample of {task.name} cannot be used: {error}.") from error

    def units_of(self, ids: Sequence[str]) -> Sequence[Unit]:
        """Units of some records, in the order of the ids where these are not all records."""
        return self.units if len(ids) == len(self.records) else list(self.task.units(self.records[id] for id in ids))


def _read_row(row: Row, tasks: set[str], problems: list[str], tasks_dir: Path | None) -> dict[str, _Samples]:
    samples: dict[str, _Samples] = {}
    for run in row.runs:
        wanted = {task for task in tasks if row.cells[task].run is run}
        if wanted:
            try:
                samples.update(_read_run(run, wanted, tasks_dir))
            except StoreError as error:
                problems.append(f"{run.folder}: {error} The run is shown, but not compared.")
    return samples


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
    cell: Cell, baseline: Cell, samples: _Samples | None, base: _Samples | None, tasks_dir: Path | None
) -> Delta:
    if samples is None or base is None:
        return Delta(value=_difference(cell, baseline), note="samples cannot be used")
    task = scored_task(cell.result.task, tasks_dir, [baseline.result, cell.result])
    spec = next((spec for spec in task.metrics(base.strata) if spec.name == cell.result.headline), None)
    if spec is None:
        return Delta(value=_difference(cell, baseline), note="no paired test for this figure")
    if samples.records.keys() != base.records.keys():
        return Delta(value=None, note="not the same questions")
    from harness.statistics.paired import compare_metrics, pair_up

    ids = _answered_in_both(base.records, samples.records)
    try:
        table = pair_up(base.units_of(ids), samples.units_of(ids))
    except KeyError:  # Questions of one name that are grouped otherwise.
        return Delta(value=None, note="not the same questions")
    (found,) = compare_metrics([spec], table)
    left_out = len(base.records) - len(ids)
    return Delta(
        value=_round(found.difference),
        low=_round(found.low),
        high=_round(found.high),
        p=_round(found.p),
        n=found.n,
        test=found.test,
        better=-1 if spec.better == -1 else 1,
        could_turn=found.could_turn,
        note=f"{left_out} samples without a response left out" if left_out else None,
    )


def _answered_in_both(first: Mapping[str, SampleRecord], second: Mapping[str, SampleRecord]) -> list[str]:
    """Ids of samples with a response in both runs, without those whose pair or rotations would be torn by it."""
    failed = {name for name in first if "error" in (first[name].verdict.status, second[name].verdict.status)}
    torn = {first[name].sample.group for name in failed} - {None}
    return [name for name in first if name not in failed and first[name].sample.group not in torn]


def _difference(cell: Cell, baseline: Cell) -> float | None:
    value, base = cell.metric.value, baseline.metric.value
    return None if value is None or base is None else _round(value - base)


def _round(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.{_DIGITS}g}")


def _adjust(rows: Sequence[Row]) -> tuple[list[Row], int]:
    adjusted = iter(holm([p for _, _, p in _tests(rows)]))
    by_cell = {(row, task): _round(next(adjusted)) for row, task, _ in _tests(rows)}
    done = [
        replace(
            row,
            cells={
                task: replace(cell, delta=replace(cell.delta, p_adjusted=by_cell.get((row.key, task))))
                if cell.delta is not None
                else cell
                for task, cell in row.cells.items()
            },
        )
        for row in rows
    ]
    return done, len(by_cell)


def _tests(rows: Sequence[Row]) -> Iterator[tuple[str, str, float]]:
    for row in rows:
        for task, cell in row.cells.items():
            if cell.delta is not None and cell.delta.p is not None:
                yield row.key, task, cell.delta.p
