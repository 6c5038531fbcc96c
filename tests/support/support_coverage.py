"""Simulated clustered benchmark data with a known truth, to see how often a 95 % interval holds it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.benchmarks.registry import get_benchmark
from harness.statistics.counts import Table
from harness.statistics.differences import Difference, Measured, compare, measure, test_together
from harness.statistics.estimates import Estimate, estimate
from harness.statistics.specs import MetricSpec, Outcome
from harness.statistics.summary import to_metric

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Design:
    """How many clusters, how large, and how alike their units are.

    Attributes:
        clusters: number of clusters.
        size: units in a cluster (of each kind, where there are kinds).
        icc: correlation of two units of a cluster.
        uneven: cluster sizes vary from 1 up, geometrically, around `size`.
    """

    clusters: int
    size: int
    icc: float
    uneven: bool = False

    def sizes(self, rng: np.random.Generator) -> Ints:
        if not self.uneven:
            return np.full(self.clusters, self.size)
        return np.asarray(rng.geometric(1 / self.size, self.clusters))

    def rates(self, rng: np.random.Generator, mean: float) -> Floats:
        """One rate a cluster, beta distributed, which makes two units of a cluster correlate by `icc`."""
        if self.icc == 0:
            return np.full(self.clusters, mean)
        weight = (1 - self.icc) / self.icc
        return np.asarray(rng.beta(mean * weight, (1 - mean) * weight, self.clusters))


def table_of(outcomes: list[Outcome], counts: list[Ints]) -> Table:
    """Counts of each outcome per cluster."""
    dense = np.stack(counts, axis=1)
    rows, columns = np.nonzero(dense)
    return Table(
        outcomes=tuple(outcomes), keys=np.arange(len(dense)), rows=rows, columns=columns, counts=dense[rows, columns]
    )


def metric_of(task: str, name: str, strata: list[tuple[str, ...]]) -> MetricSpec:
    return next(spec for spec in get_benchmark(task).metrics(strata) if spec.name == name)


Simulate = Callable[[np.random.Generator], Table]


def accuracy(design: Design, rate: float) -> tuple[MetricSpec, Simulate, float]:
    """Share of right answers: MMVU on clusters of questions about one video."""
    outcomes = [Outcome("sample", ("", ""), right=right, kind="open_ended") for right in (True, False)]

    def simulate(rng: np.random.Generator) -> Table:
        sizes = design.sizes(rng)
        right = rng.binomial(sizes, design.rates(rng, rate))
        return table_of(outcomes, [right, sizes - right])

    return metric_of("mmvu", "all/accuracy", [("", "")]), simulate, rate


def pope(name: str, design: Design, recall: float, false_alarm: float) -> tuple[MetricSpec, Simulate, float]:
    """Figures of POPE: as many questions with gold yes as with no a cluster and split, three splits on the same images.

    The model's tendency to say yes about an image carries over to its questions of both kinds.
    """
    splits = ("random", "popular", "adversarial")
    outcomes = [
        Outcome("sample", (split,), right=gold == said, target=gold, answer=said)
        for split in splits
        for gold in ("yes", "no")
        for said in ("yes", "no")
    ]

    def simulate(rng: np.random.Generator) -> Table:
        sizes = design.sizes(rng)
        hits, alarms = design.rates(rng, recall), design.rates(rng, false_alarm)
        counts = []
        for _ in splits:
            tp, fp = rng.binomial(sizes, hits), rng.binomial(sizes, alarms)
            counts += [tp, sizes - tp, fp, sizes - fp]
        return table_of(outcomes, counts)

    truth = {
        "accuracy": (recall + 1 - false_alarm) / 2,
        "precision": recall / (recall + false_alarm),
        "recall": recall,
        "f1": 2 * recall / (recall + false_alarm + 1),
        "yes_ratio": (recall + false_alarm) / 2,
    }[name.split("/")[1]]
    return metric_of("pope", name, [(split,) for split in splits]), simulate, truth


def videohallucer(name: str, design: Design, right: float, biased: float) -> tuple[MetricSpec, Simulate, float]:
    """Figures of VideoHallucer: pairs that are both right, or wrong on one side, `biased` of them towards yes."""
    stratum = ("temporal",)
    sides = [("basic", "yes"), ("hallucination", "no")]
    kinds = [("yes", "no"), ("yes", "yes"), ("no", "no")]
    outcomes = [
        Outcome("sample", stratum, right=said == gold, kind=kind, target=gold, answer=said)
        for kind, gold in sides
        for said in ("yes", "no")
    ]
    outcomes += [Outcome("pair", stratum, right=pair == ("yes", "no")) for pair in kinds]

    def simulate(rng: np.random.Generator) -> Table:
        sizes = design.sizes(rng)
        both = rng.binomial(sizes, design.rates(rng, right))
        to_yes = rng.binomial(sizes - both, design.rates(rng, biased))
        to_no = sizes - both - to_yes
        return table_of(outcomes, [both + to_yes, to_no, to_yes, both + to_no, both, to_yes, to_no])

    wrong = 1 - right
    truth = {"both": right, "yes_difference": wrong * (2 * biased - 1) / 2, "false_positive_ratio": biased}
    return metric_of("videohallucer", name, [stratum]), simulate, truth[name.split("/")[1]]


def coverage(case: tuple[MetricSpec, Simulate, float], *, resamples: int, seed: int) -> float:
    """Share of simulated data sets whose 95 % interval holds the truth."""
    spec, simulate, truth = case
    rng = np.random.default_rng(seed)
    held = known = 0
    for _ in range(resamples):
        metric = to_metric(spec, estimate(spec, simulate(rng)))
        if metric.low is not None and metric.high is not None:
            known += 1
            held += metric.low <= truth <= metric.high
    return held / known


def paired_accuracy(design: Design, both: float, only_a: float, only_b: float) -> Callable[[Any], tuple[Table, Table]]:
    """Two runs on the same questions: chances that both, only the first, only the second are right."""
    chances = np.array([both, only_a, only_b, 1 - both - only_a - only_b])

    def simulate(rng: np.random.Generator) -> tuple[Table, Table]:
        sizes = design.sizes(rng)
        if design.icc:
            rates = rng.dirichlet(chances * (1 - design.icc) / design.icc, design.clusters)
        else:
            rates = np.tile(chances, (design.clusters, 1))
        drawn = rng.multinomial(sizes, rates)
        rights = (drawn[:, 0] + drawn[:, 1], drawn[:, 0] + drawn[:, 2])
        outcomes = [Outcome("sample", ("", ""), right=value, kind="open_ended") for value in (True, False)]
        a, b = (table_of(outcomes, [right, sizes - right]) for right in rights)
        return a, b

    return simulate


def family_coverage(
    design: Design, both: float, only_a: float, only_b: float, *, family: int, resamples: int, seed: int
) -> tuple[float, float]:
    """Of families of differences that are tested together: in how many all intervals hold, and how many show any."""
    spec = metric_of("mmvu", "all/accuracy", [("", "")])
    simulate = paired_accuracy(design, both, only_a, only_b)
    rng = np.random.default_rng(seed)
    held = found = 0
    for _ in range(resamples):
        items: list[Difference] = []
        for _ in range(family):
            a, b = simulate(rng)
            items.append(compare(spec, {None: measure(spec, a)}, {None: measure(spec, b)}))
        ends = [(item.low, item.high, item.is_shown) for item in test_together(items)]
        held += all(low is not None and high is not None and low <= only_b - only_a <= high for low, high, _ in ends)
        found += any(shown for *_, shown in ends)
    return held / resamples, found / resamples


def seed_coverage(
    seeds: int, part: float, *, two_kinds: bool = False, family: int = 1, resamples: int, seed: int
) -> float:
    """Of families of differences between rows with the same training seeds: in how many all intervals hold the truth.

    Args:
        seeds: of each row, asked the same 80 clusters of questions.
        part: of a difference's variance, what comes from seeds.
        two_kinds: one seed in five differs from the others, and by the same amount; else seeds are normal.
        family: differences that are tested together.
        resamples: families.
        seed: of the simulation.
    """
    spec, clusters, rng = metric_of("mmvu", "all/accuracy", [("", "")]), 80, np.random.default_rng(seed)
    spread = np.sqrt(seeds * part / (1 - part) / clusters)

    def run(value: float, influence: Floats) -> Measured:
        known = {"n": clusters, "clusters": clusters, "held": clusters}
        none = dict.fromkeys(("n_unanswered", "n_unsettled", "n_errors"), 0)
        found = Estimate(value=value / 1_000, influence=influence / 1_000, **known, **none)
        return Measured(estimate=found, keys=np.arange(clusters), supposed=(None, None))

    def simulate() -> Difference:
        moved = rng.standard_normal(clusters)
        of_seeds = (rng.random(seeds) < 0.2) / 0.4 - 0.5 if two_kinds else rng.standard_normal(seeds)
        after = {
            number: run(moved.mean() + spread * value, (moved - moved.mean()) / clusters)
            for number, value in enumerate(of_seeds)
        }
        before = {number: run(0.0, np.zeros(clusters)) for number in after}
        return compare(spec, before, after)

    held = 0
    for _ in range(resamples):
        items = test_together([simulate() for _ in range(family)])
        held += all(item.low is not None and item.high is not None and item.low <= 0 <= item.high for item in items)
    return held / resamples
