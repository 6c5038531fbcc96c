"""Tasks that bring their own scoring: of them only which samples are right is known, and that can be counted."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from harness.core.errors import UsageError
from harness.core.types import Response, Sample, SampleRecord, Verdict
from harness.statistics.specs import Measure, Outcome, Ratio, TaskScoring, Unit


def scoring(task: str) -> TaskScoring:
    """The share of right samples of a task whose samples were judged elsewhere."""
    return TaskScoring(
        name=task, headline="all/accuracy", read_row=_read_row, judge=_judge, units=_units, measures=_measures
    )


def _units(records: Iterable[SampleRecord]) -> Iterator[Unit]:
    for record in records:
        sample, verdict = record.sample, record.verdict
        outcome = Outcome(
            unit="sample",
            stratum=("",),
            right=verdict.status == "correct",
            official=verdict.official,
            unanswered=verdict.status == "unanswered",
            errors=verdict.status == "error",
        )
        yield Unit(sample.id, sample.cluster or sample.id, outcome)


def _measures(strata: Collection[tuple[str, ...]]) -> list[Measure]:
    share = Ratio(top=lambda outcome: outcome.right, bottom=lambda outcome: 1)
    return [Measure(name="all/accuracy", strict=(share,), accuracy=True)]


def _read_row(row: Mapping[str, Any], where: str) -> Sample:
    raise UsageError(f"{where}: the rows of this task are read by its own code, not by the harness.")


def _judge(sample: Sample, response: Response) -> Verdict:
    raise UsageError(f"task {sample.task!r} judges its responses by its own code, not by the harness.")
