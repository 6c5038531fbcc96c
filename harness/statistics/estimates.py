"""Values of metrics and their influence on each cluster, from which every standard error follows.

With A = sum of `top` and B = sum of `bottom` over all units, R = A / B. Cluster c with sums a_c, b_c moves R by about
z_c = (a_c - R b_c) / B (Taylor linearisation, also called the delta method), so var(R) = sum_c z_c^2. Each z_c is
divided by sqrt(1 - b_c / B), the leverage correction CR2 (Bell & McCaffrey 2002): with equal clusters it is the factor
C / (C - 1), and it grows where few clusters carry the figure. A mean of ratios adds up their influences, cluster by
cluster, so that parts that share clusters (splits of a benchmark over the same images) are dealt with as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import sqrt
from typing import TYPE_CHECKING, Final

from harness.statistics.counts import Table
from harness.statistics.specs import MetricSpec, Outcome, Ratio

if TYPE_CHECKING:
    from harness.statistics.counts import Floats

_OPPOSITE: Final[Mapping[str, str]] = {"yes": "no", "no": "yes"}
ROUNDING: Final = 1e-12
"""What is left of a sum that is this small a part of its terms is rounding: where all clusters agree, it is nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A value with what is needed for its uncertainty.

    Attributes:
        value: the figure; `None` when undefined (0/0).
        influence: z_c of each cluster; `None` when it is undefined: a single cluster carries a ratio. [C]
        n: units that the figure rests on.
        clusters: effective number of clusters that hold such units, 1 / sum_c share_c^2 with share_c the part of the
            figure's denominator in cluster c: their number if they are of equal size, less otherwise.
        held: number of clusters that hold such units.
        n_unanswered: samples among the units that are refused, empty or cut off.
        n_unsettled: samples among the units whose answer no rule reads or settles.
        n_errors: samples without a response that would have been among them.
    """

    value: float | None
    influence: Floats | None
    n: int
    clusters: float
    held: int
    n_unanswered: int
    n_unsettled: int
    n_errors: int

    @property
    def stderr(self) -> float | None:
        """Standard error of the value; `None` when it cannot be estimated."""
        if self.influence is None:
            return None
        return sqrt(float(self.influence @ self.influence))

    @property
    def skew(self) -> float:
        """Skewness of the value's sampling distribution, sum_c z_c^3 / (sum_c z_c^2)^1.5; 0 where it is not known."""
        stderr = self.stderr
        return float((self.influence**3).sum()) / stderr**3 if self.influence is not None and stderr else 0.0

    @property
    def carriers(self) -> float:
        """Effective number of clusters that carry the variance, (sum_c z_c^2)^2 / sum_c z_c^4; 0 without any."""
        stderr = self.stderr
        return stderr**4 / float((self.influence**4).sum()) if self.influence is not None and stderr else 0.0


def weigh(ratio: Ratio, table: Table) -> tuple[Floats, Floats]:
    """Numerator and denominator weight of each outcome; units with an error weigh nothing: [K], [K]."""
    import numpy as np

    weights = np.array([weights_of(ratio, outcome) for outcome in table.outcomes]).reshape(-1, 2)
    return weights[:, 0], weights[:, 1]


def weights_of(ratio: Ratio, outcome: Outcome) -> tuple[float, float]:
    """What a unit adds to the numerator and to the denominator; with an error, nothing."""
    if outcome.unit != ratio.unit or outcome.errors or not ratio.within(outcome):
        return 0.0, 0.0
    bottom = float(ratio.bottom(outcome))
    return (float(ratio.top(outcome)), bottom) if bottom else (0.0, 0.0)


def value_of(spec: MetricSpec, table: Table) -> float | None:
    """The strict value of a metric; `None` when undefined."""
    return _combine(spec, [_ratio_value(ratio, table) for ratio in spec.strict])[0]


def official_value_of(spec: MetricSpec, table: Table) -> float | None:
    """The published evaluator's value of a metric; `None` when undefined, or when it has none."""
    if not spec.official:
        return None
    values = [_ratio_value(ratio, table) for ratio in spec.official]
    return _combine(spec, values)[0] if spec.official_value is None else spec.official_value(values)


def _ratio_value(ratio: Ratio, table: Table) -> float | None:
    totals = table.totals
    tops, bottoms = weigh(ratio, table)
    bottom = float(bottoms @ totals)
    return float(tops @ totals) / bottom if bottom else None


def _combine(spec: MetricSpec, values: list[float | None]) -> tuple[float | None, list[float] | None]:
    """The combined value and its derivative by each of the ratios' values.

    A mean is undefined when one of its ratios is; a spread is taken over those that are defined.
    """
    known = [value for value in values if value is not None]
    if not known or (spec.combine != "spread" and len(known) < len(values)):
        return None, None
    if spec.combine == "harmonic":
        return _harmonic(known)
    mean = sum(known) / len(known)
    if spec.combine == "mean":
        return mean, [1 / len(known)] * len(values)
    spread = sqrt(sum((value - mean) ** 2 for value in known) / len(known))
    if spread <= ROUNDING * max(map(abs, known)):
        return 0.0, None
    return spread, [0.0 if value is None else (value - mean) / (len(known) * spread) for value in values]


def _harmonic(values: list[float]) -> tuple[float, list[float] | None]:
    """H = k / sum_i 1 / v_i with dH / dv_i = H^2 / (k v_i^2), and their limits where one value is 0."""
    zeros = values.count(0.0)
    if zeros:
        return 0.0, [len(values) * float(value == 0) for value in values] if zeros == 1 else None
    mean = len(values) / sum(1 / value for value in values)
    return mean, [mean**2 / (len(values) * value**2) for value in values]


def estimate(spec: MetricSpec, table: Table) -> Estimate:
    """A metric's strict value, its influences and what it rests on."""
    import numpy as np

    totals = table.totals
    weights = [weigh(ratio, table) for ratio in spec.strict]
    sums = [(float(tops @ totals), float(bottoms @ totals)) for tops, bottoms in weights]
    value, slopes = _combine(spec, [top / bottom if bottom else None for top, bottom in sums])
    influence: Floats | None = np.zeros(len(table.keys)) if slopes is not None else None
    shares = np.zeros(len(table.keys))
    for (tops, bottoms), (top, bottom), slope in zip(weights, sums, slopes or [0.0] * len(sums), strict=True):
        if not bottom:
            continue
        leverage = table.per_cluster(bottoms) / bottom
        shares += leverage
        if leverage.max() >= 1:
            influence = None
        if influence is not None:
            moved = table.per_cluster(tops) / bottom - top / bottom * leverage
            moved[np.abs(moved) <= ROUNDING * max(abs(top / bottom), 1.0) * leverage] = 0.0
            influence += slope * moved / np.sqrt(1 - leverage)
    counted = np.any([bottoms != 0 for _, bottoms in weights], axis=0)
    unanswered, unsettled = (
        np.array([getattr(outcome, name) for outcome in table.outcomes], dtype=np.int64)
        for name in ("unanswered", "unsettled")
    )
    return Estimate(
        value=value,
        influence=influence,
        n=int(totals[counted].sum()),
        clusters=float(shares.sum() ** 2 / (shares @ shares)) if shares.any() else 0.0,
        held=int(np.count_nonzero(shares)),
        n_unanswered=int((totals * unanswered)[counted].sum()),
        n_unsettled=int((totals * unsettled)[counted].sum()),
        n_errors=_errors(spec, table),
    )


def suppose(spec: MetricSpec, table: Table) -> tuple[float | None, float | None]:
    """The strict value if every answer that no rule reads or settles were wrong, and if every one were right.

    Where wrong answers to yes/no questions are meant, they are the opposite word; which wrong letter it would be of
    several nobody can say, and there is no answer then.

    Returns:
        twice `None` where the two are the same, and for a figure to which right answers do not matter in one direction:
        a bias is about the answers themselves, and the spread of several ratios grows or falls with each.
    """
    if not can_suppose(spec) or not any(outcome.unsettled for outcome in table.outcomes):
        return None, None
    wrong, right = (
        value_of(spec, replace(table, outcomes=[supposed(of, is_right) for of in table.outcomes]))
        for is_right in (False, True)
    )
    return (None, None) if wrong == right else (wrong, right)


def can_suppose(spec: MetricSpec) -> bool:
    """Whether right answers matter to a figure in one direction."""
    return spec.combine != "spread" and spec.better != 0


def supposed(outcome: Outcome, is_right: bool) -> Outcome:
    """A unit's outcome if every answer in it that no rule reads or settles were right, or wrong."""
    if not outcome.unsettled:
        return outcome
    if is_right:
        scores = outcome.if_right or outcome.scores
        return outcome._replace(right=outcome.could_be_right, answer=outcome.target or None, scores=scores)
    return outcome._replace(answer=_OPPOSITE.get(outcome.target))


def _errors(spec: MetricSpec, table: Table) -> int:
    return sum(
        int(total) * outcome.errors
        for outcome, total in zip(table.outcomes, table.totals, strict=True)
        if outcome.errors and any(r.unit == outcome.unit and r.within(outcome) for r in spec.strict)
    )
