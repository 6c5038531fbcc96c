"""Figures of several training seeds as one: means, with intervals over questions and seeds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from math import sqrt
from statistics import fmean, stdev

from harness.core.types import Metric, TaskResult


def pool_results(results: Sequence[TaskResult]) -> TaskResult:
    """The results of several seeds as one: means of figures, sums of counts."""
    first = results[-1]

    def total(name: str) -> int:
        return sum(getattr(result, name) for result in results)

    return replace(
        first,
        metrics={
            name: pool_metrics([result.metrics[name] for result in results])
            for name in first.metrics
            if all(name in result.metrics for result in results)
        },
        official={name: _mean(result.official.get(name) for result in results) for name in first.official},
        unanswered=total("unanswered"),
        truncated=total("truncated"),
        errors=total("errors"),
        disagreements=total("disagreements"),
        not_understood=total("not_understood"),
        undecided=total("undecided"),
        samples=total("samples"),
    )


def pool_metrics(metrics: Sequence[Metric]) -> Metric:
    """The mean of a figure over seeds, with an interval over questions and seeds.

    The seeds were asked the same questions, so the error over these is taken to be as large as that of one of them, and
    the spread of the values by their number is added to it: of the half widths that each would have alone, the squares
    (see `harness.statistics.differences`). Few clusters of questions are few degrees of freedom, which the seeds' own
    intervals know of and this does not: either arm of the interval is at least as long as the mean of the seeds' own.
    The figure of one seed is returned as it is.
    """
    from scipy.special import ndtri, stdtrit

    if len(metrics) == 1:
        return metrics[0]
    value = _mean(metric.value for metric in metrics)
    of_questions = _mean(metric.stderr for metric in metrics)
    found = replace(
        metrics[-1],
        value=value,
        stderr=None,
        low=None,
        high=None,
        if_wrong=_mean(metric.value if metric.if_wrong is None else metric.if_wrong for metric in metrics),
        if_right=_mean(metric.value if metric.if_right is None else metric.if_right for metric in metrics),
        n_unanswered=sum(metric.n_unanswered for metric in metrics),
        n_unsettled=sum(metric.n_unsettled for metric in metrics),
        n_errors=sum(metric.n_errors for metric in metrics),
    )
    if all(metric.range is None for metric in metrics):
        found = replace(found, if_wrong=None, if_right=None)
    lows, highs = ([getattr(metric, end) for metric in metrics] for end in ("low", "high"))
    if value is None or of_questions is None or None in (*lows, *highs):
        return found
    own = fmean(lows), fmean(highs)  # As the mean of the values lies between them, so do the seeds' own arms.
    of_seeds = stdev(metric.value or 0.0 for metric in metrics) ** 2 / len(metrics)
    stderr = sqrt(of_questions**2 + of_seeds)
    if not stderr:
        return replace(found, stderr=0.0, low=min(lows), high=max(highs))
    normal, student = float(ndtri(0.975)), float(stdtrit(len(metrics) - 1, 0.975))
    half = sqrt((normal * of_questions) ** 2 + student**2 * of_seeds)
    low, high = min(value - half, own[0]), max(value + half, own[1])
    if min(lows) >= 0 and max(highs) <= 1:  # A share.
        low, high = max(0.0, low), min(1.0, high)
    return replace(found, stderr=stderr, low=low, high=high)


def _mean(values: Iterable[float | None]) -> float | None:
    known = list(values)
    return None if None in known else fmean(value for value in known if value is not None)
