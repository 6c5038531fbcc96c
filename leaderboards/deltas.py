"""Checkpoints against the baseline, sample by sample on the same questions, and what any two can be compared by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from harness.benchmarks.plain import OwnScores
from harness.statistics.differences import Difference, test_together
from leaderboards.board import Cell, Group, Row, judged_again
from leaderboards.outcomes import Outcomes
from leaderboards.reasons import find_reasons
from leaderboards.samples import Reader, Runs, are_the_same, compare_samples

MOST_PAIRED: Final = 200
"""Rows that a page can compare with each other: the first ones, and the baseline."""
_DIGITS: Final = 10
"""Significant digits that are kept: the last ones depend on the order in which clusters are added up."""
_ROUNDED: Final = ("a", "b", "value", "low", "high", "p", "stderr", "freedom", "of_seeds", "least", "greatest")


def compare_group(group: Group, key: str | None = None, tasks_dir: Path | None = None) -> tuple[Group, list[str]]:
    """Read what became of each sample, and compare every row of a group with that of a key.

    The headlines of all rows are tested together. What judges the answers to another task of both rows again is
    described only. Sample files are read here and nowhere else, one row at a time beside the baseline's.

    Args:
        group: rows over the same data.
        key: of the baseline; `None`: there is none.
        tasks_dir: folder of tasks beside the harness's own; `None`: there is none.

    Returns:
        The group with outcomes, of the first rows and the baseline; and with deltas where the baseline has a row in it.
        And one line for each run whose samples cannot be used.
    """
    baseline = next((row for row in group.rows if row.key == key), None)
    problems: list[str] = []
    reader = Reader(tasks_dir)
    base = reader.read_row(baseline, problems) if baseline is not None else {}
    outcomes: dict[str, Outcomes] = {}
    if baseline is not None:
        _collect(outcomes, baseline, base)
    found: dict[tuple[str, str], Difference] = {}
    described: dict[tuple[str, str], Difference] = {}
    reasons = None
    others = [row for row in group.rows if row is not baseline]
    for place, row in enumerate(others if baseline is not None else others[:MOST_PAIRED]):
        samples = reader.read_row(row, problems)
        if place < MOST_PAIRED:
            _collect(outcomes, row, samples)
        if baseline is None:
            continue
        shared = [task for task in row.cells if task in baseline.cells]
        again = judged_again(group.columns, shared)
        for task in shared:
            difference = _compare(row.cells[task], baseline.cells[task], samples.get(task), base.get(task), reader)
            if task in again:
                twice = f"of the answers to {group.titles[again[task]]}, which are tested"
                noted = replace(difference, note="; ".join(filter(None, (difference.note, twice))))
                described[row.key, task] = rounded(noted)
            else:
                found[row.key, task] = difference
        if row is others[0]:  # The row that hallucinates least, beside the baseline.
            reasons = find_reasons(group, row, baseline, samples, base)
    if baseline is None:
        return replace(group, outcomes=outcomes), problems
    tested = dict(zip(found, map(rounded, test_together(list(found.values()))), strict=True))
    shown = described | tested
    rows = [
        replace(
            row,
            is_baseline=row is baseline,
            cells={task: replace(cell, delta=shown.get((row.key, task))) for task, cell in row.cells.items()},
        )
        for row in group.rows
    ]
    tests = max((item.family for item in tested.values()), default=0)
    compared = replace(group, rows=rows, baseline=baseline.label, tests=tests, reasons=reasons, outcomes=outcomes)
    return compared, problems


def _collect(outcomes: dict[str, Outcomes], row: Row, samples: Mapping[str, Runs]) -> None:
    for task, runs in samples.items():
        first = next(iter(runs.values()))
        if task not in outcomes:
            spec = first.specs.get(row.cells[task].result.headline)
            if spec is None:
                continue
            outcomes[task] = Outcomes(spec, first.records, first.units)
        outcomes[task].add(row.key, {seed: (run.records, run.units) for seed, run in runs.items()})


def _compare(cell: Cell, baseline: Cell, samples: Runs | None, base: Runs | None, reader: Reader) -> Difference:
    a, b = baseline.metric.value, cell.metric.value
    untested = Difference(name=cell.result.headline, a=a, b=b, value=None if a is None or b is None else b - a)
    if samples is None or base is None:
        return replace(untested, note="samples cannot be used")
    results = [run.record.tasks[cell.result.task] for of in (baseline, cell) for run in of.runs.values()]
    runs = [*base.values(), *samples.values()]
    task = reader.task(cell.result.task, results)
    spec = reader.specs(task, runs[0].strata).get(cell.result.headline)
    if spec is None:
        if isinstance(task, OwnScores) and all(result.means is None for result in results):  # Its benchmark is away.
            advice = f"there is no task {task.name!r} here; give --tasks-dir the folder that holds it"
            return replace(untested, note=f"no paired test: {advice}")
        return replace(untested, note="no paired test for this figure")
    if not are_the_same(runs):
        return replace(untested, value=None, note="not the same questions")
    return compare_samples(spec, base, samples)


def rounded(difference: Difference) -> Difference:
    """With the digits that do not depend on the order of a sum."""
    shown = {name: getattr(difference, name) for name in _ROUNDED}
    rounded: dict[str, Any] = {name: float(f"{of:.{_DIGITS}g}") for name, of in shown.items() if of is not None}
    return replace(difference, **rounded)
