"""From judged samples to the figures of a task."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from harness.core.types import Metric, SampleRecord, TaskResult
from harness.statistics.counts import Counts
from harness.statistics.estimates import Estimate, estimate, value_of
from harness.statistics.intervals import plain_interval, share_interval
from harness.statistics.specs import Measure, TaskScoring, disagrees, is_unsettled


@dataclass(slots=True)
class _Tally:
    """What is counted per sample while the records stream by."""

    samples: int = 0
    unanswered: int = 0
    truncated: int = 0
    errors: int = 0
    disagreements: int = 0
    unsettled: int = 0

    def watch(self, records: Iterable[SampleRecord]) -> Iterator[SampleRecord]:
        for record in records:
            verdict = record.verdict
            self.samples += 1
            self.unanswered += verdict.status == "unanswered"
            self.truncated += record.response.finish_reason == "length"
            self.errors += verdict.status == "error"
            self.disagreements += disagrees(verdict)
            self.unsettled += is_unsettled(verdict)
            yield record


def summarise(scoring: TaskScoring, records: Iterable[SampleRecord]) -> TaskResult:
    """All figures of one task, with clustered standard errors and 95 % intervals.

    Reads the records once; memory grows with the clusters and outcomes, not with the records.

    Args:
        scoring: the task.
        records: judged samples, each once, in any order.
    """
    tally = _Tally()
    counts = Counts()
    for unit in scoring.units(tally.watch(records)):
        counts.add(unit)
    table = counts.table()
    measures = scoring.measures({outcome.stratum for outcome in table.outcomes})
    return TaskResult(
        task=scoring.name,
        headline=scoring.headline,
        metrics={measure.name: to_metric(measure, estimate(measure, table)) for measure in measures},
        official={
            measure.name: value_of(measure, measure.official, table) if measure.official else None
            for measure in measures
        },
        unanswered=tally.unanswered,
        truncated=tally.truncated,
        errors=tally.errors,
        disagreements=tally.disagreements,
        samples=tally.samples,
        unsettled=tally.unsettled,
    )


def to_metric(measure: Measure, estimate: Estimate) -> Metric:
    """An estimate with its interval, as it is stored and shown."""
    value, stderr = estimate.value, estimate.stderr
    low = high = None
    if value is not None and stderr is not None:
        is_share = (measure.low, measure.high, measure.combine) == (0.0, 1.0, "mean")
        if is_share:
            low, high = share_interval(
                value,
                stderr,
                clusters=estimate.clusters,
                n=estimate.n,
                skew=estimate.skew,
                carriers=estimate.carriers,
                held=estimate.held,
            )
        else:
            low, high = plain_interval(value, stderr, clusters=estimate.clusters, low=measure.low, high=measure.high)
    return Metric(
        name=measure.name,
        value=value,
        stderr=stderr,
        low=low,
        high=high,
        n=estimate.n,
        n_unanswered=estimate.n_unanswered,
        n_errors=estimate.n_errors,
    )
