"""95 % intervals from a value and its clustered standard error."""

from __future__ import annotations

from math import copysign, sqrt
from statistics import NormalDist
from typing import Final

LEVEL: Final = 0.95
_NORMAL: Final = NormalDist().inv_cdf((1 + LEVEL) / 2)


def share_interval(
    value: float, stderr: float, *, clusters: float, n: int, skew: float, carriers: float, held: int
) -> tuple[float, float]:
    """Interval of a share, within [0, 1].

    Wilson's interval with two changes for clustered data (Korn & Graubard 1998; Dean & Pagano 2015): the number of
    samples is the effective one, n_eff = value (1 - value) / stderr^2, and the normal quantile z is widened by
    t(df) / t(n - 1), Student's quantiles for the variance as it is estimated from clusters and as units would give it.

    With the design effect deff = n / n_eff, 1 - 1 / deff is the part of the variance that comes from clusters (0 where
    deff <= 1), and that part is known only as well as the clusters show it. It takes the interval

    - from clusters - 1 degrees of freedom to Satterthwaite's (1946), 2 E(V)^2 / var(V) with V = stderr^2 and var(V)
      from the clusters' own fourth moments: 2 / (1 / carriers - 1 / held). A few clusters that carry all the variance
      are a few degrees of freedom, however many others agree;
    - that part of the way to Hall's (1992) interval, which corrects Student's for the skewness of the clusters:
      Wilson's knows the skewness of single units, not that of clusters that hit or miss as a whole.

    Where only a few clusters hold an event, the design effect itself is hardly known, and one event alone always looks
    like an independent one. The interval therefore reaches at least as far as the bound for no event at all (or no
    miss), with a design effect taken as if one more cluster had been seen, whose units all agree.

    Where all clusters agree (value 0 or 1, or no spread at all) the data say nothing about how alike the units of a
    cluster are, so clusters count as one unit each, and the interval is Clopper and Pearson's: it is never of zero
    width.

    Args:
        value: the share.
        stderr: its standard error.
        clusters: effective number of clusters that it rests on, more than 1.
        n: units that it rests on.
        skew: skewness of its influences (see `harness.statistics.estimates`).
        carriers: effective number of clusters that carry its variance.
        held: number of clusters that hold its units.
    """
    if stderr == 0 or value <= 0 or value >= 1:
        return exact_interval(min(max(value, 0.0), 1.0) * clusters, clusters)
    n_eff = value * (1 - value) / stderr**2
    # One over clusters of the variance is there for their small number only, and is no sign of clustering.
    deff = n * (1 - 1 / clusters) / n_eff
    part = max(0.0, 1 - 1 / deff)
    fewer = part * (1 / carriers - 1 / held) / 2 if carriers < held else 0.0
    q = _NORMAL * _student(1 / ((1 - part) / (clusters - 1) + fewer)) / _student(n - 1)
    centre = (value + q**2 / (2 * n_eff)) / (1 + q**2 / n_eff)
    half = q * sqrt(value * (1 - value) / n_eff + q**2 / (4 * n_eff**2)) / (1 + q**2 / n_eff)
    low, high = (value - stderr * _unskewed(side, skew) for side in (q, -q))
    low, high = centre - half + part * (low - centre + half), centre + half + part * (high - centre - half)
    cautious = max(1.0, (carriers * deff + max(deff, n / held)) / (carriers + 1))
    bound = agreement_bound(n / cautious)
    return max(0.0, min(low, 1 - bound)), min(1.0, max(high, bound))


def _unskewed(t: float, skew: float) -> float:
    """Hall's transformation, inverted: the quantile of a studentised mean with skewness `skew` for Student's `t`."""
    if abs(skew) < 1e-6:
        return t
    inner = 1 + skew * (t - skew / 6)
    return 3 / skew * (copysign(abs(inner) ** (1 / 3), inner) - 1)


def quantile(clusters: float) -> float:
    """Student's two-sided 95 % quantile for an effective number of clusters, with at least one degree of freedom."""
    return _student(clusters - 1)


def _student(freedom: float) -> float:
    from scipy.special import stdtrit  # The numbers of scipy.stats, which takes a second to import.

    return float(stdtrit(max(1.0, freedom), (1 + LEVEL) / 2))


def exact_interval(hits: float, n: float) -> tuple[float, float]:
    """Clopper and Pearson's interval of a share; `hits` and `n` need not be whole numbers."""
    from scipy.special import betaincinv

    tail = (1 - LEVEL) / 2
    low = 0.0 if hits <= 0 else float(betaincinv(hits, n - hits + 1, tail))
    high = 1.0 if hits >= n else float(betaincinv(hits + 1, n - hits, 1 - tail))
    return low, high


def plain_interval(value: float, stderr: float, *, clusters: float, low: float, high: float) -> tuple[float, float]:
    """Student's interval of a figure that is not a share, such as a difference, cut to its range [low, high].

    Where all clusters agree exactly, the half width is `agreement_bound` of the range's half.
    """
    half = quantile(clusters) * stderr if stderr else agreement_bound(clusters) * (high - low) / 2
    return max(low, value - half), min(high, value + half)


def agreement_bound(clusters: float) -> float:
    """Upper 97.5 % bound of the share of clusters that would not agree, when all of `clusters` did (3.7 / clusters)."""
    return 1.0 - float(((1 - LEVEL) / 2) ** (1 / clusters))
