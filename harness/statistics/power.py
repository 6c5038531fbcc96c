"""How many units show a difference: the power of the paired test of `harness.statistics.differences`.

That test holds a difference over its clustered standard error s against Student's quantiles with f degrees of freedom.
Where d is the true difference, the quotient has the noncentral t distribution with noncentrality d / s (Johnson & Welch
1940), so that the power, of showing it in its own direction, is P(T > t(1 - 0.05 / 2, f)). For n units s^2 = v / n, and
f grows with n as clusters do.

The variance v of one unit's difference, clustering included, is measured on two runs, or follows from assumptions:
where two sides disagree on a share p of the units, about which one is right and the other wrong, v = deff (p - d^2)
(Connor 1987 for independent pairs; Miller 2024, arXiv 2411.00640, for evaluations), and the design effect of clusters
of m units whose differences correlate by rho is deff = 1 + (m - 1) rho (Kish 1965).
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from math import ceil, inf, sqrt
from typing import Final

from harness.statistics.differences import ALPHA, FEWEST_CLUSTERS, POWER, Difference

DISAGREEMENT: Final = 0.1
"""Share of units on which two sides disagree, where no runs tell: what is assumed, and said to be."""
CORRELATION: Final = 0.1
"""Correlation of the differences within a cluster, where no runs tell."""
_MOST: Final = 1 << 40
_SURE: Final = 10.0
"""Standard errors that every test shows; for many more the distribution's function has no value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variation:
    """How the difference of one unit varies: v = spread - design d^2.

    Attributes:
        spread: deff p by assumption, or v as two runs show it.
        design: deff by assumption, 0 where v is measured.
        per_freedom: units that make one degree of freedom more: the size of a cluster, where all vary alike.
        fewest: units of which the test has an interval at all.
        most: greatest difference that is possible.
    """

    spread: float
    design: float
    per_freedom: float
    fewest: float
    most: float

    def stderr(self, difference: float, n: float) -> float:
        """Standard error of a difference of n units."""
        return sqrt(max(0.0, self.spread - self.design * difference**2) / n)


def assumed(disagreement: float, *, design: float, cluster_size: float) -> Variation:
    """The variation of a share's difference by assumption.

    Args:
        disagreement: share of units on which the sides disagree.
        design: design effect of the clusters.
        cluster_size: units of a cluster.
    """
    return Variation(
        spread=design * disagreement,
        design=design,
        per_freedom=cluster_size,
        fewest=FEWEST_CLUSTERS * cluster_size,
        most=disagreement,
    )


def design_effect(cluster_size: float, correlation: float = CORRELATION) -> float:
    """Kish's design effect of clusters of a size."""
    return 1 + (cluster_size - 1) * correlation


def mean_size(sizes: Collection[int]) -> float:
    """Size of the cluster that a unit is in, on average over units: that of the design effect where sizes vary."""
    return sum(size**2 for size in sizes) / sum(sizes)


def measured(difference: Difference) -> Variation | None:
    """The variation that two runs show; `None` where their difference has no standard error, or one of 0."""
    if not difference.stderr or difference.freedom is None:
        return None
    return Variation(
        spread=difference.stderr**2 * difference.n,
        design=0.0,
        per_freedom=difference.n / (difference.freedom + 1),
        fewest=FEWEST_CLUSTERS * difference.n / difference.held,
        most=inf if difference.reach is None else difference.reach,
    )


def power(difference: float, n: float, variation: Variation) -> float:
    """Chance that a true difference is shown by n units, in its own direction."""
    from scipy.special import nctdtr, stdtrit

    if n < variation.fewest:
        return 0.0
    freedom = max(1.0, n / variation.per_freedom - 1)
    stderr = variation.stderr(difference, n)
    if not stderr:
        return 1.0
    bound, shift = -float(stdtrit(freedom, ALPHA / 2)), min(abs(difference) / stderr, _SURE)
    return 1 - float(nctdtr(freedom, shift, bound))


def needed_units(difference: float, variation: Variation) -> int | None:
    """Units that show a true difference with 80 % power; `None` where it is not possible, or no number does."""
    if not 0 < abs(difference) <= variation.most:
        return None
    found = _least(lambda n: power(difference, n, variation) >= POWER, 1.0, float(_MOST))
    return None if found is None else ceil(found)


def shown_by(n: float, variation: Variation) -> float | None:
    """The least true difference that n units show with 80 % power; `None` where they show none that is possible."""
    most = min(variation.most, 1e6)
    return _least(lambda difference: power(difference, n, variation) >= POWER, 0.0, most)


def _least(holds: Callable[[float], bool], low: float, high: float) -> float | None:
    """The least number between two from which on something holds; `None` where it does not hold at the greater."""
    if not holds(high):
        return None
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (low, middle) if holds(middle) else (middle, high)
        if high - low <= 1e-6 * high:
            break
    return high
