"""What a diagnostic figure is, and how one is estimated: from amounts per sample to a value with clustered errors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Any, Final, Literal, NamedTuple

from harness.core.reading import decode
from harness.core.types import Metric, Sample
from harness.statistics.counts import Counts
from harness.statistics.estimates import estimate
from harness.statistics.specs import MetricSpec, Outcome, Ratio, Unit
from harness.statistics.summary import to_metric

EXAMPLES: Final = 20
"""Example ids that a figure names: enough to look for what they share, without doubling the file."""

_STORED: Final = ("name", "value", "stderr", "low", "high", "n", "n_errors")
_SHOWN: Final = ("title", "definition", "scale", "better", "plotted", "headline", "hallucination")
"""What is stored of a diagnostic with its figures, so that whoever shows them need not know it."""

_WEIGHTLESS: Final = 1e-12
"""Stands for a denominator of 0: a ratio of sums counts the numerator of such a sample, the statistics would not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DiagnosticSpec:
    """A diagnostic: what it is and how it is shown, which is stored with its figures, and how it is estimated.

    Attributes:
        name: of its figures, `PART/NAME`.
        definition: in words.
        reason: why there is no figure, where no sample is part of it.
        undefined: why there is none, where samples are part of it but the denominators add up to 0; `None`: the same.
        title: in a few words; by default the name with spaces.
        scale: `share` (0 to 1, or a difference of shares), or `number` for lengths and counts.
        low: least possible value of a share; -1 for a difference of shares; -inf where there is none.
        better: whether a higher value is better (1), a lower one (-1), or neither (0).
        plotted: whether pages draw it.
        headline: whether boards draw it over training, and show it by task where nothing spans the tasks.
        hallucination: of a rate of hallucination, how boards word it among the reasons of a difference; empty: it is
            none.
    """

    name: str
    definition: str
    reason: str
    undefined: str | None = None
    title: str = ""
    scale: Literal["share", "number"] = "share"
    low: float = 0.0
    better: Literal[-1, 0, 1] = -1
    plotted: bool = False
    headline: bool = False
    hallucination: str = ""

    def __post_init__(self) -> None:
        if not self.title:
            object.__setattr__(self, "title", self.name.replace("_", " "))

    @property
    def factor(self) -> float:
        """What values are multiplied by for showing: 100 for shares."""
        return 1.0 if self.scale == "number" else 100.0


class Amount(NamedTuple):
    """What one sample, or one group of samples, adds to a figure: the sum of `top` over the sum of `bottom`.

    Attributes:
        task: of the sample.
        id: of the sample or group, unique in its task.
        cluster: samples of one cluster are not independent; unique in its task.
        top: part of the numerator.
        bottom: part of the denominator.
        example: whether the sample shows what the figure is about.
    """

    task: str
    id: str
    cluster: str
    top: float
    bottom: float = 1.0
    example: bool = False

    @classmethod
    def of(cls, sample: Sample, top: float, bottom: float = 1.0, *, example: bool = False) -> Amount:
        """What a sample adds."""
        return cls(sample.task, sample.id, sample.cluster or sample.group or sample.id, top, bottom, example)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A diagnostic figure.

    Attributes:
        metric: its value with the uncertainty.
        spec: what it is.
        examples: ids of samples that show it; of a figure over several tasks `TASK/ID`.
        reason: why it has no value; `None` when it has one.
    """

    metric: Metric
    spec: DiagnosticSpec
    examples: tuple[str, ...] = ()
    reason: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The metric's fields, what is shown of the diagnostic, examples and, where there is no value, the reason."""
        stored = {name: getattr(self.metric, name) for name in _STORED}
        stored |= {name: getattr(self.spec, name) for name in _SHOWN} | {"examples": list(self.examples)}
        return stored if self.reason is None else {**stored, "reason": self.reason}

    @classmethod
    def from_json(cls, name: str, stored: Mapping[str, Any]) -> Figure:
        """A figure as it was stored under its name; of its diagnostic, what is stored with it.

        Raises:
            ValueError: a field is missing, or not of its type.
        """
        if missing := [field for field in (*_STORED, *_SHOWN) if field not in stored]:
            raise ValueError(f"{name} has no {missing[0]!r}")
        spec = {"name": name.rpartition("/")[2], "reason": "", **{field: stored[field] for field in _SHOWN}}
        metric = {field: stored[field] for field in _STORED} | {"name": name}
        rest = {field: stored[field] for field in ("examples", "reason") if field in stored}
        return decode(cls, {"metric": metric, "spec": spec, **rest})


def not_applicable(spec: DiagnosticSpec, part: str, *, reason: str | None = None, n_errors: int = 0) -> Figure:
    """A figure without a value, and why: for the diagnostic's own reason, or another one."""
    metric = Metric(name=f"{part}/{spec.name}", value=None, n=0, n_errors=n_errors)
    return Figure(metric=metric, spec=spec, reason=reason or spec.reason)


def estimate_figure(spec: DiagnosticSpec, part: str, amounts: Iterable[Amount], *, n_errors: int = 0) -> Figure:
    """A ratio of sums over samples, with its clustered standard error and 95 % interval (`harness.statistics`).

    A `number`'s interval is cut to the range of the observed quotients.

    Args:
        spec: the diagnostic.
        part: a task, or a name for several; prefix of the figure's name.
        amounts: what each sample adds; samples that are not part of the figure are left out.
        n_errors: samples without a response.
    """
    rows = list(amounts)
    if not sum(row.bottom for row in rows):
        return not_applicable(spec, part, reason=spec.undefined if rows else None, n_errors=n_errors)
    low, high = spec.low, 1.0
    if spec.scale == "number":
        quotients = [row.top / row.bottom for row in rows if row.bottom]
        low, high = min(quotients), max(quotients)
    contents: dict[str, tuple[float, float]] = {}
    counts = Counts()
    for row in rows:
        kind = f"{row.top!r}/{row.bottom!r}"
        contents[kind] = (row.top, row.bottom or _WEIGHTLESS)
        counts.add(_unit(row, Outcome(unit="sample", stratum=(), kind=kind)))
    ratio = Ratio(top=lambda o: contents[o.kind][0], bottom=lambda o: contents[o.kind][1])
    metric = _estimate(MetricSpec(name=f"{part}/{spec.name}", strict=(ratio,), low=low, high=high), counts, n_errors)
    examples = [row.id if row.task == part else f"{row.task}/{row.id}" for row in rows if row.example]
    return Figure(metric=replace(metric, n=len(rows)), spec=spec, examples=tuple(examples[:EXAMPLES]))


def estimate_spread(
    spec: DiagnosticSpec, part: str, classes: Sequence[str], rows: Iterable[tuple[str, Amount]], *, n_errors: int = 0
) -> Figure:
    """The population standard deviation of a rate over classes; it needs two.

    Args:
        spec: the diagnostic.
        part: as in `estimate_figure`.
        classes: between which the rate is compared.
        rows: class and amount of each sample, which counts where its `top` is not 0.
        n_errors: samples without a response.
    """
    counts = Counts()
    seen: set[str] = set()
    for group, row in rows:
        seen.add(group)
        counts.add(_unit(row, Outcome(unit="sample", stratum=(), target=group, right=bool(row.top))))
    if len(seen) < 2:
        return not_applicable(spec, part, n_errors=n_errors)

    def weight(group: str, *, hits: bool) -> Callable[[Outcome], float]:
        return lambda outcome: outcome.target == group and (outcome.right or not hits)

    ratios = tuple(
        Ratio(top=weight(group, hits=True), bottom=weight(group, hits=False)) for group in classes if group in seen
    )
    metric = MetricSpec(name=f"{part}/{spec.name}", strict=ratios, combine="spread")
    return Figure(metric=_estimate(metric, counts, n_errors), spec=spec)


def _unit(row: Amount, outcome: Outcome) -> Unit:
    return Unit(f"{row.task}/{row.id}", f"{row.task}/{row.cluster}", outcome)


def _estimate(spec: MetricSpec, counts: Counts, n_errors: int) -> Metric:
    found = estimate(spec, counts.table())
    if spec.low == -inf and found.value is not None and not found.stderr:
        # Where all clusters agree, the width of the interval is a part of the range, which then has to have an end.
        spec = replace(spec, low=min(-1.0, 2 * found.value - spec.high))
    return replace(to_metric(spec, found), n_errors=n_errors)
