"""From amounts per sample to figures with clustered standard errors and example ids."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from math import inf
from typing import Any, Final, Literal, NamedTuple

from harness.core.types import Metric
from harness.statistics.counts import Counts
from harness.statistics.estimates import estimate
from harness.statistics.specs import Measure, Outcome, Ratio, Unit
from harness.statistics.summary import to_metric

EXAMPLES: Final = 20
"""Example ids that a figure names."""

_WEIGHTLESS: Final = 1e-12
"""Stands for a denominator of 0: a ratio of sums counts the numerator of such a sample, the statistics would not."""

Scale = Literal["share", "number"]


class Amount(NamedTuple):
    """What one sample adds to a figure, the sum of `top` over the sum of `bottom`.

    Attributes:
        key: the sample's id.
        cluster: samples of one cluster are not independent.
        top: part of the numerator.
        bottom: part of the denominator.
        example: whether the sample shows what the figure is about.
    """

    key: str
    cluster: str
    top: float
    bottom: float = 1.0
    example: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A diagnostic figure.

    Attributes:
        metric: its value with the uncertainty.
        definition: what it is, in words.
        scale: `share` (0 to 1, or a difference of shares), or `number` for lengths.
        better: whether a higher value is better (1), a lower one (-1), or neither (0).
        examples: ids of samples that show it.
        reason: why it has no value; `None` when it has one.
    """

    metric: Metric
    definition: str
    scale: Scale = "share"
    better: Literal[-1, 0, 1] = 0
    examples: tuple[str, ...] = ()
    reason: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The metric's fields with definition, scale, examples and, where there is no value, the reason."""
        stored = asdict(self.metric)
        stored |= {"definition": self.definition, "scale": self.scale, "better": self.better}
        stored["examples"] = list(self.examples)
        if self.reason is not None:
            stored["reason"] = self.reason
        return stored


def not_applicable(name: str, definition: str, reason: str, *, n_errors: int = 0) -> Figure:
    """A figure without a value, and why."""
    return Figure(metric=Metric(name=name, value=None, n=0, n_errors=n_errors), definition=definition, reason=reason)


def estimate_figure(
    name: str,
    amounts: Iterable[Amount],
    *,
    definition: str,
    reason: str,
    undefined: str | None = None,
    scale: Scale = "share",
    low: float = 0.0,
    better: Literal[-1, 0, 1] = 0,
    n_errors: int = 0,
) -> Figure:
    """A ratio of sums over samples, with its clustered standard error and 95 % interval (`harness.statistics`).

    Args:
        name: of the metric.
        amounts: what each sample adds; samples that are not part of the figure are left out.
        definition: the figure in words.
        reason: what to say where no sample is part of the figure.
        undefined: what to say where samples are, but the denominators add up to 0; `None`: the same.
        scale: a `number`'s interval is cut to the range of the observed quotients.
        low: least possible value of a share; -1 for a difference of shares; -inf where there is none.
        better: whether a higher value is better.
        n_errors: samples without a response.
    """
    rows = list(amounts)
    bottom = sum(row.bottom for row in rows)
    if not bottom:
        return not_applicable(name, definition, undefined if rows and undefined else reason, n_errors=n_errors)
    high = 1.0
    if scale == "number":
        quotients = [row.top / row.bottom for row in rows if row.bottom]
        low, high = min(quotients), max(quotients)
    contents: dict[str, tuple[float, float]] = {}
    counts = Counts()
    for row in rows:
        kind = f"{row.top!r}/{row.bottom!r}"
        contents[kind] = (row.top, row.bottom or _WEIGHTLESS)
        counts.add(Unit(row.key, row.cluster, Outcome(unit="sample", stratum=(), kind=kind)))
    measure = Measure(
        name=name,
        strict=(Ratio(top=lambda o: contents[o.kind][0], bottom=lambda o: contents[o.kind][1]),),
        low=low,
        high=high,
        better=better,
    )
    examples = tuple(row.key for row in rows if row.example)[:EXAMPLES]
    figure = _figure(measure, counts, definition, scale=scale, examples=examples, n_errors=n_errors)
    return replace(figure, metric=replace(figure.metric, n=len(rows)))


def estimate_spread(
    name: str,
    classes: Sequence[str],
    rows: Iterable[tuple[str, str, str, bool]],
    *,
    definition: str,
    reason: str,
    n_errors: int = 0,
) -> Figure:
    """The population standard deviation of a rate over classes.

    Args:
        name: of the metric.
        classes: between which the rate is compared.
        rows: key, cluster, class, and whether the rate counts it.
        definition: the figure in words.
        reason: what to say where fewer than two classes occur.
        n_errors: samples without a response.
    """
    counts = Counts()
    seen: set[str] = set()
    for key, cluster, group, hit in rows:
        seen.add(group)
        counts.add(Unit(key, cluster, Outcome(unit="sample", stratum=(), target=group, right=hit)))
    if len(seen) < 2:
        return not_applicable(name, definition, reason, n_errors=n_errors)

    def weight(group: str, *, hits: bool) -> Callable[[Outcome], float]:
        return lambda outcome: outcome.target == group and (outcome.right or not hits)

    ratios = tuple(
        Ratio(top=weight(group, hits=True), bottom=weight(group, hits=False)) for group in classes if group in seen
    )
    measure = Measure(name=name, strict=ratios, combine="spread", better=-1)
    return _figure(measure, counts, definition, scale="share", examples=(), n_errors=n_errors)


def _figure(
    measure: Measure, counts: Counts, definition: str, *, scale: Scale, examples: tuple[str, ...], n_errors: int
) -> Figure:
    found = estimate(measure, counts.table())
    if measure.low == -inf and found.value is not None and not found.stderr:
        # Where all clusters agree, the width of the interval is a part of the range, which then has to have an end.
        measure = replace(measure, low=min(-1.0, 2 * found.value - measure.high))
    metric = to_metric(measure, found)
    return Figure(
        metric=replace(metric, n_errors=n_errors),
        definition=definition,
        scale=scale,
        better=measure.better,
        examples=examples,
    )
