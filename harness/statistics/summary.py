"""From judged samples to the figures of a task."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from math import inf

from harness.core.types import Metric, SampleRecord, TaskResult
from harness.statistics.counts import Table, tabulate
from harness.statistics.estimates import Estimate, estimate, official_value_of, suppose
from harness.statistics.intervals import plain_interval, share_interval
from harness.statistics.specs import MetricSpec, Scored


@dataclass(slots=True)
class _Tally:
    """What is counted per sample while the records stream by."""

    samples: int = 0
    unanswered: int = 0
    truncated: int = 0
    errors: int = 0
    disagreements: int = 0
    not_understood: int = 0
    undecided: int = 0
    as_letters: int = 0

    def watch(self, records: Iterable[SampleRecord]) -> Iterator[SampleRecord]:
        for record in records:
            verdict = record.verdict
            self.samples += 1
            self.unanswered += verdict.status == "unanswered"
            self.as_letters += record.sample.as_letters
            self.truncated += record.response.finish_reason == "length"
            self.errors += verdict.status == "error"
            self.disagreements += verdict.is_disputed
            self.not_understood += verdict.status == "not_understood"
            self.undecided += verdict.is_unsettled and verdict.status != "not_understood"
            yield record


def summarise(task: Scored, records: Iterable[SampleRecord]) -> TaskResult:
    """All figures of one task, with clustered standard errors and 95 % intervals.

    Reads the records once; memory grows with the clusters and outcomes, not with the records.

    Args:
        task: its units and metrics.
        records: judged samples, each once, in any order.
    """
    tally = _Tally()
    table = tabulate(task.units(tally.watch(records)))
    specs = task.metrics({outcome.stratum for outcome in table.outcomes})
    return TaskResult(
        task=task.name,
        headline=task.headline,
        metrics={spec.name: _to_metric(spec, table) for spec in specs},
        # Published evaluators do not read letters for yes and no.
        official={spec.name: None if tally.as_letters else official_value_of(spec, table) for spec in specs},
        unanswered=tally.unanswered,
        truncated=tally.truncated,
        errors=tally.errors,
        disagreements=tally.disagreements,
        samples=tally.samples,
        not_understood=tally.not_understood,
        undecided=tally.undecided,
    )


def _to_metric(spec: MetricSpec, table: Table) -> Metric:
    if_wrong, if_right = suppose(spec, table)
    found = to_metric(spec, estimate(spec, table))
    return replace(found, if_wrong=if_wrong, if_right=if_right, scale=spec.scale)


def to_metric(spec: MetricSpec, estimate: Estimate) -> Metric:
    """An estimate with its interval, as it is stored and shown."""
    value, stderr = estimate.value, estimate.stderr
    low = high = None
    if value is not None and stderr is not None:
        is_share = (spec.low, spec.high) == (0.0, 1.0) and spec.combine != "spread"
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
        elif stderr or spec.high - spec.low < inf:  # Without a spread, only the range tells how far the value may be.
            low, high = plain_interval(value, stderr, clusters=estimate.clusters, low=spec.low, high=spec.high)
    return Metric(
        name=spec.name,
        value=value,
        stderr=stderr,
        low=low,
        high=high,
        n=estimate.n,
        n_unanswered=estimate.n_unanswered,
        n_unsettled=estimate.n_unsettled,
        n_errors=estimate.n_errors,
    )
