"""Why a row differs from the baseline: which causes, faults and parts of the benchmarks changed beyond chance."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Final

from harness.benchmarks.counting import is_right, one
from harness.core.types import SampleRecord
from harness.diagnostics.findings import WORDS
from harness.diagnostics.run_folder import FINDINGS
from harness.statistics.counts import tabulate
from harness.statistics.differences import Difference, compare, measure, test_together
from harness.statistics.specs import MetricSpec, Outcome, Ratio, Unit
from leaderboards.board import Group, Reason, Reasons, Row, judged_again
from leaderboards.runs import StoredRun
from leaderboards.samples import Runs, Samples, are_the_same, compare_samples, unanswered
from leaderboards.terms import UNATTRIBUTED, order_causes

MOST: Final = 3
"""Reasons that are named: those that are furthest beyond chance."""
_Key = tuple[str, str]
"""Task and sample id."""
_Marks = Mapping[_Key, frozenset[str]]
"""What the diagnostics found in each sample: the cause of a wrong answer, and faults."""
_Side = Mapping[int | None, _Marks]
"""By training seed."""
_Told = tuple[str, Difference, Callable[[], _Key | None]]
"""What changed, by how much, and a sample that shows it."""


def find_reasons(
    group: Group, row: Row, baseline: Row, samples: Mapping[str, Runs], base: Mapping[str, Runs]
) -> Reasons | None:
    """At most three changes that chance does not explain, of all that were looked at, which are a family of their own.

    Looked at are, as shares of all answers, the causes of wrong answers and the faults that the diagnostics find in
    single samples, where all runs are diagnosed; and the metrics that the benchmarks themselves name as telling.

    Args:
        group: both rows' group.
        row: the row.
        baseline: the row that it is compared with.
        samples: its samples by task.
        base: the baseline's.

    Returns:
        The reasons; `None` where nothing can be looked at.
    """
    tasks = [task for task in samples if task in base and are_the_same(_runs(task, base, samples))]
    again = judged_again(group.columns, tasks)  # Each answer counts once.
    tasks = [task for task in tasks if task not in again]
    told = [*_marked(row, baseline, samples, base, tasks), *_telling(group, samples, base, tasks)]
    tested = test_together([difference for _, difference, _ in told])
    shown = [
        Reason(what=what, difference=difference, example=example())
        for (what, _, example), difference in zip(told, tested, strict=True)
        if difference.is_shown
    ]
    shown.sort(key=lambda reason: reason.difference.p or 0.0)
    family = max((item.family for item in tested), default=0)
    return Reasons(row=row.label, family=family, found=shown[:MOST]) if tested else None


def _runs(task: str, base: Mapping[str, Runs], samples: Mapping[str, Runs]) -> list[Samples]:
    return [*base[task].values(), *samples[task].values()]


def _marked(
    row: Row, baseline: Row, samples: Mapping[str, Runs], base: Mapping[str, Runs], tasks: list[str]
) -> Iterator[_Told]:
    """Causes and faults, over all tasks whose runs are diagnosed."""
    before, after = (_side_marks(side, tasks) for side in (baseline, row))
    both = [task for task in tasks if task in before and task in after]
    # All causes and faults are shares of the answers to the same tasks by the same runs.
    known = [task for task in both if all(of[task].keys() == of[both[0]].keys() for of in (before, after))]
    kept = {task: _answered(_runs(task, base, samples)) for task in known}
    marked = [marks for of in (before, after) for task in known for run in of[task].values() for marks in run.values()]
    told = dict.fromkeys(mark for marks in marked for mark in marks if mark != UNATTRIBUTED)
    for mark in order_causes(told):
        spec = MetricSpec(name=mark, strict=(Ratio(top=is_right, bottom=one),), better=0)
        sides = [
            {seed: measure(spec, tabulate(_units(mark, kept, of, seed))) for seed in of[known[0]]}
            for of in (before, after)
        ]
        difference = compare(spec, sides[0], sides[1])

        def example(mark: str = mark, difference: Difference = difference) -> _Key | None:
            for task in known:
                was, now = (next(iter(of[task].values())) for of in (before, after))
                for name in kept[task]:
                    marked = [mark in of.get((task, name), ()) for of in (was, now)]
                    if marked == ([False, True] if (difference.value or 0) > 0 else [True, False]):
                        return task, name
            return None

        yield WORDS.get(mark) or f"answers wrong by {mark}", difference, example


def _side_marks(row: Row, tasks: list[str]) -> dict[str, _Side]:
    """What was found in the samples of each task, where all runs are diagnosed."""
    read = {run.folder: _read_marks(run) for task in tasks for run in row.cells[task].runs.values()}
    sides: dict[str, _Side] = {}
    for task in tasks:
        runs = row.cells[task].runs
        found = {seed: marks for seed, run in runs.items() if (marks := read[run.folder]) is not None}
        if len(found) == len(runs):
            sides[task] = found
    return sides


def _units(
    mark: str, kept: Mapping[str, Mapping[str, SampleRecord]], marks: Mapping[str, _Side], seed: int | None
) -> Iterator[Unit]:
    for task, records in kept.items():
        for name, record in records.items():
            cluster = record.sample.cluster or record.sample.group or name
            found = mark in marks[task][seed].get((task, name), ())
            yield Unit(f"{task}/{name}", f"{task}/{cluster}", Outcome("sample", (), right=found))


def _answered(runs: list[Samples]) -> dict[str, SampleRecord]:
    left_out = unanswered(runs)
    return {name: record for name, record in runs[0].records.items() if name not in left_out}


def _read_marks(run: StoredRun) -> _Marks | None:
    """What was found in the samples of a run; `None` where it is not diagnosed, or not as it is today."""
    if run.diagnostics is None:
        return None
    try:
        lines = (run.folder / FINDINGS).read_text(encoding="utf-8").splitlines()
        found = map(json.loads, lines)
        return {
            (of["task"], of["id"]): frozenset([*of.get("flags", ()), *([of["cause"]] if "cause" in of else [])])
            for of in found
        }
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def _telling(group: Group, samples: Mapping[str, Runs], base: Mapping[str, Runs], tasks: list[str]) -> Iterator[_Told]:
    """Metrics that benchmarks name as telling."""
    for column in group.columns:
        task = column.task
        if task not in tasks or task not in group.ordered_by:
            continue
        was, now = (next(iter(side[task].values())) for side in (base, samples))
        specs = was.specs
        for name, what in column.facts.telling.items():
            if name in specs:
                spec = replace(specs[name], better=0)
                difference = compare_samples(spec, base[task], samples[task])
                yield what, difference, partial(_moved, spec, task, was, now, difference)


def _moved(spec: MetricSpec, task: str, before: Samples, after: Samples, difference: Difference) -> _Key | None:
    """A sample whose part in a figure moved as the figure did."""
    then = {(unit.outcome.unit, unit.key): unit.outcome for unit in before.units}
    for unit in after.units:
        was = then.get((unit.outcome.unit, unit.key))
        if was is None:  # Of a kind that only one side has.
            continue
        for ratio in spec.strict:
            if unit.outcome.unit != ratio.unit or was.errors or unit.outcome.errors or not ratio.within(unit.outcome):
                continue
            if (ratio.top(unit.outcome) - ratio.top(was)) * (difference.value or 0) > 0:
                records = after.records
                if unit.key in records:
                    return task, unit.key
                return next(((task, name) for name, of in records.items() if of.sample.group == unit.key), None)
    return None
