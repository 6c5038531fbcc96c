"""Differences of figures between runs over the same samples: of each one interval, one p-value and one verdict.

Shared samples make the values of a figure vary together, so a difference is known better than either value. Its
variance is the sum of two parts: other questions of the same kind, sum_c (z_c^B - z_c^A)^2 with z_c the influences of
`harness.statistics.estimates`, of several runs their mean; and, where a side is several training seeds, other seeds,
sum_s (y_s^B - y_s^A)^2 with y_s = (value_s - mean) / sqrt(S (S - 1)), which for the same S seeds on both sides is the
variance of the differences by seed over S. Interval and test are Student's. For questions the degrees of freedom are
Satterthwaite's (1946), 2 / (1/K - 1/c), where K of the c clusters carry the variance, and at most one less than the
effective number of clusters; for seeds one less than the fewest. The half width of the interval is the root of the sum
of the squares of those that each part would have alone (Howe 1974; Zou & Donner 2008). With Satterthwaite's degrees of
freedom for the sum the interval would hold the truth too seldom where seeds are few and differ much.

Differences that are tested together are a family of m. Each interval is at the level 1 - 0.05/m and each p-value m
times the single one (Dunn 1961; Bonferroni): they are two views of one procedure, so that p < 0.05 and an interval
without 0 are the same statement, and the chance of any false statement in the family is 5 % at most.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from functools import reduce
from math import ceil, exp, inf, log, sqrt
from statistics import NormalDist, fmean
from typing import TYPE_CHECKING, Any, Final, Literal

from harness.core.types import Scale
from harness.statistics.estimates import ROUNDING, Estimate, estimate, suppose
from harness.statistics.intervals import LEVEL

if TYPE_CHECKING:
    from harness.statistics.counts import Floats, Ints, Table
    from harness.statistics.specs import MetricSpec, Unit

ALPHA: Final = 1 - LEVEL
POWER: Final = 0.8
FEWEST_CLUSTERS: Final = 6
"""Of five clusters that all speak for one side, chance gives that much in 2 of 32 cases: more than 5 %."""

Verdict = Literal["better", "worse", "changed", "no difference shown", "not tested"]
"""`changed` of a figure of which neither direction is better."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One figure on two sides, each a run or the runs of several training seeds, over the same samples.

    Attributes:
        name: of the metric.
        a: value of the first side, the mean over its runs; `None` when undefined.
        b: value of the second side.
        value: b - a.
        low: lower end of its 95 % interval, simultaneous over the family; `None` where there is none.
        high: upper end.
        p: two-sided p-value of no difference, adjusted for the family; `None` where it is not tested.
        family: how many differences are tested together; 0: not tested, and the interval is for itself.
        stderr: standard error of the difference.
        freedom: degrees of freedom of the part that comes from questions; where `stderr` is 0, one less than the
            effective number of clusters.
        reach: greatest possible difference; `None` where there is none.
        scale: of both values, see `Metric`.
        of_seeds: the part of the variance that comes from training seeds, 0 to 1.
        freedom_of_seeds: degrees of freedom of that part; `None` where each side is one run.
        seeds: runs of each side.
        n: units that the figure rests on.
        held: clusters of questions that hold such units, of several runs the fewest; 0 where there is no interval.
        better: whether a higher value is better (1), a lower one (-1), or neither (0).
        note: why there is no value or no interval, or what was left out.
        least: the difference if every answer that no rule reads or settles spoke for the first side; `None` where
            there is none, or the figure says nothing of right and wrong.
        greatest: the difference if every one spoke for the second side.
    """

    name: str
    a: float | None
    b: float | None
    value: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    family: int = 0
    stderr: float | None = None
    freedom: float | None = None
    reach: float | None = 1.0
    scale: Scale = "share"
    of_seeds: float = 0.0
    freedom_of_seeds: int | None = None
    seeds: tuple[int, int] = (1, 1)
    n: int = 0
    held: int = 0
    better: Literal[-1, 0, 1] = 1
    note: str | None = None
    least: float | None = None
    greatest: float | None = None

    @property
    def verdict(self) -> Verdict:
        """What may be said of the difference; all words, signs, stars and colours follow from it."""
        if self.p is None or self.low is None or self.high is None:
            return "not tested"
        if self.low <= 0 <= self.high:
            return "no difference shown"
        if not self.better:
            return "changed"
        return "better" if (self.low > 0) == (self.better > 0) else "worse"

    @property
    def is_shown(self) -> bool:
        """Whether the verdict is that there is a difference."""
        return self.verdict in ("better", "worse", "changed")

    @property
    def stars(self) -> str:
        """`***`, `**`, `*` for an adjusted p below .001, .01, .05; empty where no difference is shown."""
        return (
            "*" * (1 + sum(self.p < bound for bound in (0.01, 0.001))) if self.is_shown and self.p is not None else ""
        )

    @property
    def excluded(self) -> float | None:
        """Differences larger than this, either way, are excluded by the interval."""
        return None if self.low is None or self.high is None else max(-self.low, self.high)

    @property
    def needed_n(self) -> int | None:
        """Units of such data that would show a difference of this size with 80 % power at the family's level.

        `None` where there is none to show, or where other training seeds alone may make as much of a difference.
        """
        if not self.value or not self.stderr:
            return None
        wanted = (self.value / (NormalDist().inv_cdf(1 - ALPHA / (2 * max(1, self.family))) + _POWER)) ** 2
        left = wanted - self.of_seeds * self.stderr**2
        return ceil(self.n * (1 - self.of_seeds) * self.stderr**2 / left) if left > 0 else None

    @property
    def could_turn(self) -> bool:
        """Whether answers that no rule reads or settles could take the difference away, or turn it round."""
        if not self.value or self.least is None or self.greatest is None:
            return False
        return self.least <= 0 if self.value > 0 else self.greatest >= 0


_POWER: Final = NormalDist().inv_cdf(POWER)
_LEAST_TAIL: Final = 1e-60
"""Smaller ones are 0."""


def derived(difference: Difference) -> dict[str, Any]:
    """What follows from its fields, to be stored beside them."""
    names = ("verdict", "stars", "excluded", "needed_n", "could_turn")
    return {name: getattr(difference, name) for name in names}


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One figure of one run, with what its comparison needs.

    Attributes:
        estimate: value and influences.
        keys: sorted hashes of the clusters that the influences are of. [C]
        supposed: the value if every answer that no rule reads or settles were wrong, and if every one were right.
    """

    estimate: Estimate
    keys: Ints
    supposed: tuple[float | None, float | None]


Runs = Mapping[Any, Measured]
"""The runs of one side by training seed; of one run whose seed is not known, `None`."""


def measure(spec: MetricSpec, table: Table) -> Measured:
    """A figure of the counted units of one run."""
    return Measured(estimate=estimate(spec, table), keys=table.keys, supposed=suppose(spec, table))


def names_by_kind(units: Iterable[Unit]) -> dict[str, set[str]]:
    """The keys of units, by their kind."""
    names: dict[str, set[str]] = {}
    for unit in units:
        names.setdefault(unit.outcome.unit, set()).add(unit.key)
    return names


def shared_kinds(sides: Sequence[Mapping[str, AbstractSet[str]]]) -> set[str] | None:
    """The kinds of units by which runs over the same samples can be compared: those that all of them have.

    A kind that only some have, such as a second count under labels that were fetched between the runs, is left out.

    Args:
        sides: of each run, its units' `names_by_kind`.

    Returns:
        The kinds; `None` where the units of one differ, or none is shared: the samples are grouped otherwise.
    """
    kinds = set(sides[0]).intersection(*sides[1:])
    if any(side[kind] != sides[0][kind] for side in sides for kind in kinds) or (not kinds and any(sides)):
        return None
    return kinds


def compare(
    spec: MetricSpec,
    before: Runs,
    after: Runs,
    *,
    note: str | None = None,
) -> Difference:
    """The difference of one figure, with an interval for itself, not tested: see `test_together`.

    Args:
        spec: the figure.
        before: the runs of the first side over the same units, by training seed; equal seeds of both sides are paired.
        after: the runs of the second side.
        note: of what was left out.
    """
    sides = (before, after)
    values = [[run.estimate.value for run in side.values()] for side in sides]
    means = [None if None in side else fmean(value for value in side if value is not None) for side in values]
    runs = [run for side in sides for run in side.values()]
    found = Difference(
        name=spec.name,
        a=means[0],
        b=means[1],
        n=max(run.estimate.n for run in runs),
        seeds=(len(before), len(after)),
        reach=spec.high - spec.low if spec.high - spec.low < inf else None,
        scale=spec.scale,
        better=spec.better,
        note=note,
    )
    if means[0] is None or means[1] is None:
        return _without_interval(found, "the figure is not defined")
    least, greatest = _supposed(before, after)
    found = replace(found, value=means[1] - means[0], least=least, greatest=greatest)
    held = min(run.estimate.held for run in runs)
    if held < FEWEST_CLUSTERS:
        few = f"{held} cluster{'s' * (held != 1)} of questions, fewer than {FEWEST_CLUSTERS}: too few for an interval"
        return _without_interval(found, few)
    moved = _moved(before, after)
    if moved is None:
        return _without_interval(found, "one cluster of questions carries a whole part of the figure: no interval")
    of_questions, of_seeds = float(moved @ moved), _variance_over_seeds(before, after)
    variance = of_questions + of_seeds
    clusters = min(run.estimate.clusters for run in runs)
    if not variance and found.reach is None:
        return _without_interval(found, "all clusters moved alike on a scale without ends: no interval")
    found = replace(
        found,
        held=held,
        stderr=sqrt(variance),
        freedom=_freedom(moved, clusters, held),
        of_seeds=of_seeds / variance if variance else 0.0,
        freedom_of_seeds=min((len(side) - 1 for side in sides if len(side) > 1), default=None),
    )
    return _with_interval(found, family=0)


def _without_interval(found: Difference, reason: str) -> Difference:
    return replace(found, note="; ".join(filter(None, (reason, found.note))))


def test_together(differences: Sequence[Difference]) -> list[Difference]:
    """Make a family of those that have an interval: simultaneous intervals, and p-values to match."""
    family = sum(item.low is not None for item in differences)
    return [item if item.low is None else _with_interval(item, family=family) for item in differences]


test_together.__test__ = False  # type: ignore[attr-defined]  # Not one of pytest's.


def _with_interval(item: Difference, *, family: int) -> Difference:
    assert item.value is not None
    assert item.stderr is not None
    assert item.freedom is not None
    tail = ALPHA / (2 * max(1, family))
    if item.stderr:
        half, single = _half_width(item, tail), 2 * _tail(item)
    else:  # All clusters agree, which bounds the share of those that would not (see `agreement_bound`).
        assert item.reach is not None
        half = (1 - tail ** (1 / (item.freedom + 1))) * item.reach
        single = 2 * max(0.0, 1 - abs(item.value) / item.reach) ** (item.freedom + 1)
    reach = inf if item.reach is None else item.reach
    return replace(
        item,
        low=max(-reach, item.value - half),
        high=min(reach, item.value + half),
        p=min(1.0, family * single) if family else None,
        family=family,
    )


def _half_width(item: Difference, tail: float) -> float:
    """Of the interval beyond which the difference lies with a chance of `tail` on either side."""
    from scipy.special import stdtrit  # The numbers of scipy.stats, which takes a second to import.

    assert item.stderr is not None
    assert item.freedom is not None
    squared = (1 - item.of_seeds) * float(stdtrit(item.freedom, tail)) ** 2
    if item.of_seeds:
        assert item.freedom_of_seeds is not None
        squared += item.of_seeds * float(stdtrit(item.freedom_of_seeds, tail)) ** 2
    return item.stderr * sqrt(squared)


def _tail(item: Difference) -> float:
    """The tail whose interval ends at 0."""
    from scipy.special import stdtr

    assert item.stderr
    assert item.freedom is not None
    distance = abs(item.value or 0.0)
    if not item.of_seeds:
        return float(stdtr(item.freedom, -distance / item.stderr))
    from scipy.optimize import brentq

    if not distance or _half_width(item, _LEAST_TAIL) <= distance:
        return 0.0 if distance else 0.5
    found = brentq(lambda power: _half_width(item, exp(power)) - distance, log(_LEAST_TAIL), log(0.5), xtol=1e-13)
    return exp(float(found))


def _moved(before: Runs, after: Runs) -> Floats | None:
    """Influence of each cluster on the difference: [C]; `None` where it is undefined."""
    import numpy as np

    runs = [*before.values(), *after.values()]
    keys = runs[0].keys
    if not all(np.array_equal(keys, run.keys) for run in runs):
        keys = reduce(np.union1d, [run.keys for run in runs])
    moved, parts = np.zeros(len(keys)), np.zeros(len(keys))
    for side, weight in ((before, -1 / len(before)), (after, 1 / len(after))):
        for run in side.values():
            if run.estimate.influence is None:
                return None
            places = np.searchsorted(keys, run.keys)
            moved[places] += weight * run.estimate.influence
            parts[places] += abs(weight) * np.abs(run.estimate.influence)
    moved[np.abs(moved) <= ROUNDING * parts] = 0.0
    return moved


def _freedom(moved: Floats, clusters: float, held: int) -> float:
    """Satterthwaite's degrees of freedom of sum_c moved_c^2, at most one less than the effective number of clusters."""
    variance = float(moved @ moved)
    fewer = float((moved**4).sum()) / variance**2 - 1 / held if variance else 0.0
    return max(1.0, min(clusters - 1, 2 / fewer if fewer > 0 else inf))


def _variance_over_seeds(before: Runs, after: Runs) -> float:
    moved: dict[Hashable, float] = {}
    parts: dict[Hashable, float] = {}
    for side, sign in ((before, -1), (after, 1)):
        values = {seed: run.estimate.value or 0.0 for seed, run in side.items()}
        for seed, value in values.items() if len(values) > 1 else ():
            mean, scale = fmean(values.values()), sqrt(len(values) * (len(values) - 1))
            moved[seed] = moved.get(seed, 0.0) + sign * (value - mean) / scale
            parts[seed] = parts.get(seed, 0.0) + (abs(value) + abs(mean)) / scale
    return sum(share**2 for seed, share in moved.items() if abs(share) > ROUNDING * parts[seed])


def _supposed(before: Runs, after: Runs) -> tuple[float | None, float | None]:
    """Least and greatest difference; twice `None` where no answer is unsettled."""
    ends = []
    for side in (before, after):
        known = [
            [end for end in run.supposed if end is not None] or [run.estimate.value or 0.0] for run in side.values()
        ]
        ends.append((fmean(map(min, known)), fmean(map(max, known))))
    if all(end is None for side in (before, after) for run in side.values() for end in run.supposed):
        return None, None
    return ends[1][0] - ends[0][1], ends[1][1] - ends[0][0]
