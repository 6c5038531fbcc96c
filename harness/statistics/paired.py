"""Two sets of verdicts on the same samples: differences of figures with paired intervals and tests.

Shared samples make the two values of a figure vary together, so the difference is known better than either value: its
standard error is sqrt(sum_c (z_c^B - z_c^A)^2), with z_c the influences of `harness.statistics.estimates`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil, inf, sqrt
from statistics import NormalDist
from typing import TYPE_CHECKING, Final, Literal

from harness.statistics.counts import Counts, Table
from harness.statistics.estimates import combine_columns, estimate, suppose, weigh
from harness.statistics.intervals import plain_interval
from harness.statistics.multiplicity import holm
from harness.statistics.specs import MetricSpec, Outcome, Unit

if TYPE_CHECKING:
    from harness.statistics.counts import Floats, Ints

RESAMPLES: Final = 9_999
_CHUNK: Final = 500
_ROUNDING: Final = 1e-12
_LARGEST_EXACT: Final = 50_000
POINT: Final = 0.01
POWER: Final = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One figure in two runs, over the same samples.

    Attributes:
        name: of the metric.
        a: value in the first run; `None` when undefined.
        b: value in the second run.
        difference: b - a.
        stderr: its paired, clustered standard error.
        low: lower end of its 95 % interval.
        high: upper end.
        p: two-sided p-value of no difference; `None` when there is nothing to test, or no interval.
        test: `mcnemar` (exact, with whole clusters exchanged between the runs) or `bootstrap` (of clusters, paired).
        p_holm: `p` adjusted for all figures that were compared together.
        only_a: units that are right in the first run only; accuracies only.
        only_b: units that are right in the second run only.
        p_unclustered: McNemar's exact p-value over units, which takes them as independent; accuracies only.
        n: units that the figure rests on.
        n_for_point: units of such data that would show a difference of 0.01 with 80 % power at the 5 % level; `None`
            where that is no share.
        better: whether a higher value is better (1), a lower one (-1), or neither (0).
        least: the difference if every answer that no rule reads or settles spoke for the first run; `None` where there
            is none, or the figure says nothing of right and wrong.
        greatest: the difference if every one spoke for the second run.
    """

    name: str
    a: float | None
    b: float | None
    difference: float | None = None
    stderr: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    test: Literal["mcnemar", "bootstrap"] | None = None
    p_holm: float | None = None
    only_a: int | None = None
    only_b: int | None = None
    p_unclustered: float | None = None
    n: int = 0
    n_for_point: int | None = None
    better: Literal[-1, 0, 1] = 1
    least: float | None = None
    greatest: float | None = None

    @property
    def could_turn(self) -> bool:
        """Whether answers that no rule reads or settles could take the difference away, or turn it round."""
        if not self.difference or self.least is None or self.greatest is None:
            return False
        return self.least <= 0 if self.difference > 0 else self.greatest >= 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedTable:
    """The counted units of two runs over the same samples, with the same clusters.

    Attributes:
        a: counts of the first run.
        b: counts of the second run.
        pairs: how many units had each pair of outcomes.
    """

    a: Table
    b: Table
    pairs: Mapping[tuple[Outcome, Outcome], int]


def pair_up(units_a: Sequence[Unit], units_b: Sequence[Unit]) -> PairedTable:
    """Bring the units of two runs together; both must hold the same units."""
    import numpy as np

    tables = []
    for units in (units_a, units_b):
        counts = Counts()
        for unit in units:
            counts.add(unit)
        tables.append(counts.table())
    keys = np.union1d(tables[0].keys, tables[1].keys)
    outcomes_b = {(unit.outcome.unit, unit.key): unit.outcome for unit in units_b}
    pairs: dict[tuple[Outcome, Outcome], int] = {}
    for unit in units_a:
        both = (unit.outcome, outcomes_b[unit.outcome.unit, unit.key])
        pairs[both] = pairs.get(both, 0) + 1
    return PairedTable(a=tables[0].over(keys), b=tables[1].over(keys), pairs=pairs)


def compare_metrics(specs: Sequence[MetricSpec], table: PairedTable, *, seed: int = 0) -> list[Difference]:
    """The differences of several figures, with Holm's adjustment over all of them.

    Args:
        specs: the figures.
        table: the two runs.
        seed: of the bootstrap.
    """
    exact = {spec.name: sign_flip_p(spec, table) for spec in specs if spec.accuracy}
    others = [spec for spec in specs if exact.get(spec.name) is None]
    resampled = dict(zip((m.name for m in others), bootstrap_p(others, table, seed=seed), strict=True))
    found = [_difference(spec, table, exact.get(spec.name), resampled.get(spec.name)) for spec in specs]
    tested = [item for item in found if item.p is not None]
    adjusted = dict(
        zip((item.name for item in tested), holm([item.p for item in tested if item.p is not None]), strict=True)
    )
    return [replace(item, p_holm=adjusted.get(item.name)) for item in found]


def _difference(spec: MetricSpec, table: PairedTable, exact_p: float | None, resampled_p: float | None) -> Difference:
    a, b = estimate(spec, table.a), estimate(spec, table.b)
    n = max(a.n, b.n)
    if a.value is None or b.value is None:
        return Difference(name=spec.name, a=a.value, b=b.value, n=n, better=spec.better)
    difference = b.value - a.value
    reach = spec.high - spec.low
    stderr = low = high = None
    if a.influence is not None and b.influence is not None:
        moved = b.influence - a.influence
        stderr = sqrt(float(moved @ moved))
        if stderr or reach < inf:
            low, high = plain_interval(difference, stderr, clusters=min(a.clusters, b.clusters), low=-reach, high=reach)
    least, greatest = _supposed_range(spec, table, a.value, b.value)
    only_a, only_b = discordant(spec, table) if spec.accuracy else (None, None)
    unclustered_p = mcnemar_p(only_a, only_b) if only_a is not None and only_b is not None else None
    if low is None:  # What has no interval is not tested either.
        exact_p = resampled_p = unclustered_p = None
    return Difference(
        name=spec.name,
        a=a.value,
        b=b.value,
        difference=difference,
        stderr=stderr,
        low=low,
        high=high,
        p=resampled_p if exact_p is None else exact_p,
        test="mcnemar" if exact_p is not None else "bootstrap" if resampled_p is not None else None,
        only_a=only_a,
        only_b=only_b,
        p_unclustered=unclustered_p,
        n=n,
        n_for_point=ceil(n * ((_NORMAL_SUM * stderr) / POINT) ** 2) if stderr and reach < inf else None,
        better=spec.better,
        least=least,
        greatest=greatest,
    )


def _supposed_range(spec: MetricSpec, table: PairedTable, a: float, b: float) -> tuple[float | None, float | None]:
    ends = [[end for end in suppose(spec, side) if end is not None] for side in (table.a, table.b)]
    if not any(ends):
        return None, None
    (of_a, of_b) = (found or [value] for found, value in zip(ends, (a, b), strict=True))
    return min(of_b) - max(of_a), max(of_b) - min(of_a)


_NORMAL_SUM: Final = NormalDist().inv_cdf(0.975) + NormalDist().inv_cdf(POWER)


def discordant(spec: MetricSpec, table: PairedTable) -> tuple[int, int]:
    """How many units of an accuracy are right in the first run only, and in the second run only."""
    only_a = only_b = 0
    for (first, second), count in table.pairs.items():
        for ratio in spec.strict:
            if first.unit != ratio.unit or first.errors or second.errors or not ratio.within(first):
                continue
            if ratio.bottom(first) and ratio.bottom(second):
                right_a, right_b = bool(ratio.top(first)), bool(ratio.top(second))
                only_a += count * (right_a and not right_b)
                only_b += count * (right_b and not right_a)
    return only_a, only_b


def mcnemar_p(only_a: int, only_b: int) -> float:
    """McNemar's exact two-sided p-value: discordant units are fair coin tosses when the runs do not differ."""
    from scipy.stats import binom

    if only_a == only_b:
        return 1.0
    return min(1.0, 2.0 * float(binom.cdf(min(only_a, only_b), only_a + only_b, 0.5)))


def sign_flip_p(spec: MetricSpec, table: PairedTable) -> float | None:
    """McNemar's exact test with whole clusters as what is exchanged between the runs.

    When the runs do not differ, swapping their verdicts on all units of a cluster at once changes nothing in
    distribution, so the difference of right units sum_c d_c is as likely as sum_c +-d_c with any signs. The exact
    distribution of that sum is built up cluster by cluster. With clusters of one unit it is McNemar's test.

    Returns:
        the two-sided p-value; `None` where the figure is not a plain difference of counts (a mean over parts of
        different sizes) or the counts are too many.
    """
    import numpy as np

    gained = np.zeros(len(table.a.keys))
    sizes = set()
    for ratio in spec.strict:
        tops_a, bottoms_a = weigh(ratio, table.a)
        tops_b, bottoms_b = weigh(ratio, table.b)
        sizes |= {float(bottoms_a @ table.a.totals), float(bottoms_b @ table.b.totals)}
        gained += table.b.per_cluster(tops_b) - table.a.per_cluster(tops_a)
    steps = np.abs(gained[gained != 0]).astype(np.int64)
    reach = int(steps.sum())
    if len(sizes) != 1 or reach > _LARGEST_EXACT:
        return None
    observed = abs(int(gained.sum()))
    chances = _sign_sums(steps, reach)
    sums = np.arange(-reach, reach + 1)
    return min(1.0, float(chances[np.abs(sums) >= observed].sum()))


def _sign_sums(steps: Ints, reach: int) -> Floats:
    """Distribution of sum_c +-steps_c over -reach ... reach, each sign a fair coin: [2 reach + 1]."""
    import numpy as np

    chances = np.zeros(2 * reach + 1)
    chances[reach] = 1.0
    for step in steps.tolist():
        moved = np.zeros_like(chances)
        moved[step:] += chances[:-step] / 2
        moved[:-step] += chances[step:] / 2
        chances = moved
    return chances


def bootstrap_p(
    specs: Sequence[MetricSpec], table: PairedTable, *, seed: int = 0, resamples: int = RESAMPLES
) -> list[float | None]:
    """Two-sided p-values of no difference by resampling clusters, the same ones in both runs and for all figures.

    It is twice the smaller share of resampled differences on either side of 0, 0 itself belonging to both sides, with
    one added to count and total. Resamples in which a figure is undefined are left out of it.

    Returns:
        one p-value a metric; `None` when there are fewer than two clusters or no resample has a value.
    """
    import numpy as np

    clusters = len(table.a.keys)
    if clusters < 2 or not specs:
        return [None] * len(specs)
    blocks = [_sums(spec, side) for spec in specs for side in (table.a, table.b)]
    ends = np.cumsum([block.shape[1] for block in blocks])
    sums = np.concatenate(blocks, axis=1)
    generator = np.random.default_rng(seed)
    below, above, valid = (np.zeros(len(specs), dtype=np.int64) for _ in range(3))
    for start in range(0, resamples, _CHUNK):
        weights = generator.multinomial(clusters, np.full(clusters, 1 / clusters), size=min(_CHUNK, resamples - start))
        parts = np.split(weights.astype(np.float64) @ sums, ends[:-1], axis=1)
        for place, spec in enumerate(specs):
            differences = combine_columns(spec, parts[2 * place + 1]) - combine_columns(spec, parts[2 * place])
            differences = differences[np.isfinite(differences)]
            below[place] += int((differences <= _ROUNDING).sum())
            above[place] += int((differences >= -_ROUNDING).sum())
            valid[place] += len(differences)
    smaller = np.minimum(below, above)
    return [
        min(1.0, 2.0 * (1 + int(few)) / (1 + int(all_))) if all_ else None
        for few, all_ in zip(smaller, valid, strict=True)
    ]


def _sums(spec: MetricSpec, side: Table) -> Floats:
    """Numerator and denominator of each of a metric's R ratios in each cluster: [C, 2 R]."""
    import numpy as np

    return np.stack([side.per_cluster(weights) for ratio in spec.strict for weights in weigh(ratio, side)], axis=1)
