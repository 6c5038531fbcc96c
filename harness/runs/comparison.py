"""Two runs over the same samples, figure by figure and sample by sample.

Only the standard library is imported at the top.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from harness.core.errors import DataError, UsageError

if TYPE_CHECKING:
    from harness.core.types import Sample, SampleRecord
    from harness.statistics.differences import Difference
    from harness.statistics.specs import Scored


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """Samples that are not compared.

    Attributes:
        only_a: only the first run has them.
        only_b: only the second run has them.
        errors: one run or both have no response.
        incomplete: a sample of the same pair or group is one of those above.
    """

    only_a: int
    only_b: int
    errors: int
    incomplete: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskComparison:
    """One task in two runs.

    Attributes:
        task: its name.
        samples: how many samples are compared.
        left_out: how many are not, and why.
        metrics: the figures, those that are tested first.
        fixed: ids of samples that were wrong in the first run and are right in the second.
        broken: ids of samples that were right and are wrong.
        newly_hallucinated: ids of yes/no samples that were right or "no" and are now a wrong "yes".
        unsettled: how many of their answers no rule reads or settles, in the first run and in the second.
    """

    task: str
    samples: int
    left_out: LeftOut
    metrics: Sequence[Difference]
    fixed: Sequence[str]
    broken: Sequence[str]
    newly_hallucinated: Sequence[str]
    unsettled: tuple[int, int] = (0, 0)


def compare_runs(
    run_a: Path,
    run_b: Path,
    scored_task: Callable[[str], Scored],
    *,
    metrics: str = "headline",
    task: str | None = None,
) -> list[TaskComparison]:
    """Compare two runs on the samples that both have.

    Args:
        run_a: folder of the run before.
        run_b: folder of the run after.
        scored_task: gives what is counted of a task, by its name.
        metrics: comma-separated patterns of the names of metrics that are tested, all together (see
            `harness.statistics.differences`); `headline` stands for each task's headline. The others are described
            only: their intervals are for themselves, and they have no p-value.
        task: the one that is compared; `None`: all.

    Returns:
        one comparison a task that both runs have.

    Raises:
        StoreError: a folder is no run folder, or holds a finished run whose files are damaged or were changed.
        DataError: the runs share no samples, or samples of one id differ in question, options or target.
        UsageError: no figure matches `metrics`.
    """
    records_a, records_b = _by_task(run_a), _by_task(run_b)
    shared = [name for name in records_a if name in records_b and task in (None, name)]
    if not shared:
        missing = "no task is" if task is None else f"{task!r} is not"
        raise DataError(f"{run_a} has {_names(records_a)} and {run_b} has {_names(records_b)}: {missing} in both.")
    wanted = [pattern.strip() for pattern in metrics.split(",")]
    compared = []
    for name in shared:
        scored = scored_task(name)
        names = [scored.headline if pattern == "headline" else pattern for pattern in wanted]
        compared.append((_compare_task(scored, records_a[name], records_b[name]), names))
    if not any(comparison.samples for comparison, _ in compared):
        raise DataError(f"{run_a} and {run_b} have no sample with a response in both.")
    tested = [
        (comparison.task, figure.name)
        for comparison, names in compared
        for figure in comparison.metrics
        if any(fnmatchcase(figure.name, name) for name in names)
    ]
    if not tested:
        raise UsageError(f"no figure of {_names(shared)} matches --metrics {metrics!r}. Try 'headline' or 'all/*'.")
    return _test([comparison for comparison, _ in compared], tested)


def _test(comparisons: Sequence[TaskComparison], chosen: Sequence[tuple[str, str]]) -> list[TaskComparison]:
    """The chosen figures, by task and name, are tested together, and come first."""
    from harness.statistics.differences import test_together

    figures = {(comparison.task, of.name): of for comparison in comparisons for of in comparison.metrics}
    tested = dict(zip(chosen, test_together([figures[key] for key in chosen]), strict=True))
    return [
        replace(
            comparison,
            metrics=sorted(
                (tested.get((comparison.task, of.name), of) for of in comparison.metrics),
                key=lambda of: (comparison.task, of.name) not in tested,
            ),
        )
        for comparison in comparisons
    ]


def _names(tasks: Iterable[str]) -> str:
    return ", ".join(tasks) or "no samples"


def _by_task(folder: Path) -> dict[str, dict[str, SampleRecord]]:
    """The records of a run by task and sample id; of repeated ones the last counts.

    Raises:
        StoreError: it is no run folder, or its files do not belong together.
    """
    from harness.runs.folder import read_sealed
    from harness.runs.records import RUN, read_records

    if (Path(folder) / RUN).exists():
        read_sealed(folder)
    tasks: dict[str, dict[str, SampleRecord]] = {}
    for record in read_records(folder):
        tasks.setdefault(record.sample.task, {})[record.sample.id] = record
    return tasks


def _compare_task(
    scored: Scored, first: Mapping[str, SampleRecord], second: Mapping[str, SampleRecord]
) -> TaskComparison:
    from harness.statistics.counts import tabulate
    from harness.statistics.differences import compare, measure, names_by_kind, shared_kinds

    _refuse_other_data(scored.name, first, second)
    ids, left_out = _comparable(first, second)
    units = [list(scored.units(side[name] for name in ids)) for side in (first, second)]
    kinds = shared_kinds([names_by_kind(side) for side in units])
    if kinds is None:
        raise DataError(f"the runs group the samples of {scored.name} otherwise. Evaluate both on the same data.")
    units = [[unit for unit in side if unit.outcome.unit in kinds] for side in units]
    before, after = (tabulate(side) for side in units)
    specs = scored.metrics({unit.outcome.stratum for unit in units[0]}) if ids else []
    was_right = {name for name in ids if first[name].verdict.status == "correct"}
    is_right = {name for name in ids if second[name].verdict.status == "correct"}
    return TaskComparison(
        task=scored.name,
        samples=len(ids),
        left_out=left_out,
        metrics=[
            compare(spec, {None: measure(spec, before)}, {None: measure(spec, after)})
            for spec in specs
            if not spec.of_data
        ],
        fixed=[name for name in ids if name in is_right and name not in was_right],
        broken=[name for name in ids if name in was_right and name not in is_right],
        newly_hallucinated=[name for name in ids if _is_newly_hallucinated(first[name], second[name])],
        unsettled=(_count_unsettled(first, ids), _count_unsettled(second, ids)),
    )


def _count_unsettled(records: Mapping[str, SampleRecord], ids: Iterable[str]) -> int:
    return sum(records[name].verdict.is_unsettled for name in ids)


def _is_newly_hallucinated(before: SampleRecord, after: SampleRecord) -> bool:
    was_sound = before.verdict.status == "correct" or before.verdict.answer == "no"
    return was_sound and says_what_is_not(after)


def says_what_is_not(record: SampleRecord) -> bool:
    """Whether a response says that there is what is not: a yes, or a caption with an invented object."""
    sample = record.sample
    if sample.answer_kind == "caption":
        return record.verdict.status == "incorrect"
    return sample.answer_kind == "yes_no" and record.verdict.answer == "yes" and sample.target != "yes"


def _refuse_other_data(task: str, first: Mapping[str, SampleRecord], second: Mapping[str, SampleRecord]) -> None:
    both = ((record.sample, second[name].sample) for name, record in first.items() if name in second)
    if different := find_other_questions(both):
        here, there, column = different[0]
        raise DataError(
            f"the runs are over different data: {len(different)} {task} samples differ, e.g. {here.id!r} in {column}: "
            f"{getattr(here, column)!r} against {getattr(there, column)!r}. Evaluate both checkpoints on the same data."
        )


def find_other_questions(pairs: Iterable[tuple[Sample, Sample]]) -> list[tuple[Sample, Sample, str]]:
    """Of samples of one id in two runs those that ask something else, with the first column that tells."""
    found = []
    for here, there in pairs:
        columns = [of for of in ("question", "target", "choices") if getattr(here, of) != getattr(there, of)]
        if columns:
            found.append((here, there, columns[0]))
    return found


def _comparable(first: Mapping[str, SampleRecord], second: Mapping[str, SampleRecord]) -> tuple[list[str], LeftOut]:
    """Ids of samples that both runs answered, in whole pairs and groups, in the order of the first run."""
    failed = {
        name
        for name in first.keys() & second.keys()
        if "error" in (first[name].verdict.status, second[name].verdict.status)
    }
    torn = {
        record.sample.group
        for here, there in ((first, second), (second, first))
        for name, record in here.items()
        if record.sample.group is not None and (name not in there or name in failed)
    }
    both = [name for name in first if name in second and name not in failed]
    ids = [name for name in both if first[name].sample.group is None or first[name].sample.group not in torn]
    left_out = LeftOut(
        only_a=len(first.keys() - second.keys()),
        only_b=len(second.keys() - first.keys()),
        errors=len(failed),
        incomplete=len(both) - len(ids),
    )
    return ids, left_out
