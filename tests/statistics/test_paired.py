"""Paired differences: McNemar, clusters exchanged as a whole, the bootstrap, Holm."""

from itertools import product
from math import ceil, sqrt

import numpy as np
import pytest
from support_coverage import Design, metric_of, paired_coverage

from harness.statistics.multiplicity import holm
from harness.statistics.paired import (
    PairedTable,
    bootstrap_p,
    compare_metrics,
    discordant,
    mcnemar_p,
    pair_up,
    sign_flip_p,
)
from harness.statistics.specs import Outcome, Unit

ACCURACY = metric_of("mmvu", "all/accuracy", [("", "")])


def units(rights: list[bool], clusters: list[str]) -> list[Unit]:
    return [
        Unit(str(number), cluster, Outcome("sample", ("", ""), right=right, kind="open_ended"))
        for number, (right, cluster) in enumerate(zip(rights, clusters, strict=True))
    ]


def paired(a: list[bool], b: list[bool], clusters: list[str] | None = None) -> PairedTable:
    names = clusters or [str(number) for number in range(len(a))]
    return pair_up(units(a, names), units(b, names))


def runs(both: int, only_a: int, only_b: int, neither: int) -> tuple[list[bool], list[bool]]:
    a = [True] * both + [True] * only_a + [False] * only_b + [False] * neither
    b = [True] * both + [False] * only_a + [True] * only_b + [False] * neither
    return a, b


@pytest.mark.parametrize(
    ("only_a", "only_b", "expected"),
    [(0, 0, 1.0), (5, 5, 1.0), (0, 5, 2 * 0.5**5), (5, 15, 0.041389), (1, 8, 2 * (1 + 9) / 2**9)],
)
def test_mcnemar_by_hand(only_a: int, only_b: int, expected: float) -> None:
    assert mcnemar_p(only_a, only_b) == pytest.approx(expected, abs=1e-6)
    assert mcnemar_p(only_b, only_a) == pytest.approx(expected, abs=1e-6)
    # With one unit a cluster, exchanging clusters is exchanging units.
    a, b = runs(4, only_a, only_b, 2)
    table = paired(a, b)
    assert sign_flip_p(ACCURACY, table) == pytest.approx(expected, abs=1e-6)
    assert discordant(ACCURACY, table) == (only_a, only_b)


def test_clusters_are_exchanged_as_a_whole() -> None:
    # Gains by cluster: +3, +2, -1, 0. All 8 sign patterns by hand.
    a = [False, False, False, False, False, True, True]
    b = [True, True, True, True, True, False, True]
    clusters = ["p", "p", "p", "q", "q", "r", "s"]
    sums = [abs(3 * x + 2 * y - z) for x, y, z in product((1, -1), repeat=3)]
    expected = sum(total >= 4 for total in sums) / 8
    assert sign_flip_p(ACCURACY, paired(a, b, clusters)) == pytest.approx(expected)
    assert expected == 0.5
    # As independent units they would look better: 5 against 1.
    (item,) = compare_metrics([ACCURACY], paired(a, b, clusters))
    assert item.p == pytest.approx(expected)
    assert item.p_unclustered == pytest.approx(mcnemar_p(1, 5))
    assert (item.only_a, item.only_b, item.test) == (1, 5, "mcnemar")


def test_difference_and_its_error_by_hand() -> None:
    a, b = runs(50, 10, 20, 20)
    (item,) = compare_metrics([ACCURACY], paired(a, b))
    assert (item.a, item.b) == (0.6, 0.7)
    assert item.difference == pytest.approx(0.1)
    # Variance of the paired difference: (discordant share - difference^2) / (n - 1).
    assert item.stderr == pytest.approx(sqrt((0.3 - 0.01) / 99))
    assert item.low is not None
    assert item.high is not None
    assert item.low < 0.1 < item.high
    assert item.n == 100
    assert item.stderr is not None
    needed = 100 * ((1.959964 + 0.841621) * item.stderr / 0.01) ** 2
    assert item.n_for_point == ceil(needed)


def test_the_same_run_twice() -> None:
    a, _ = runs(60, 20, 0, 20)
    (item,) = compare_metrics([ACCURACY], paired(a, a))
    assert (item.difference, item.p, item.n_for_point) == (0.0, 1.0, None)
    # A hundred clusters agreed, which bounds but does not rule out that others would not.
    bound = 1 - 0.025**0.01
    assert (item.low, item.high) == pytest.approx((-bound, bound))


def pope_units(seed: int, flip: float, clusters: int = 80) -> tuple[list[Unit], list[Unit]]:
    rng = np.random.default_rng(seed)
    first, second = [], []
    for number in range(clusters * 6):
        gold = ("yes", "no")[number % 2]
        other = {"yes": "no", "no": "yes"}
        a = gold if rng.random() < 0.8 else other[gold]
        b = gold if rng.random() < flip else a
        for answers, said in ((first, a), (second, b)):
            outcome = Outcome("sample", ("random",), right=said == gold, target=gold, answer=said)
            answers.append(Unit(str(number), str(number // 6), outcome))
    return first, second


F1 = metric_of("pope", "random/f1", [("random",)])
PRECISION = metric_of("pope", "random/precision", [("random",)])


def test_bootstrap_is_seeded_and_agrees_with_the_linearised_error() -> None:
    table = pair_up(*pope_units(0, 0.1))
    items = compare_metrics([F1, PRECISION], table, seed=5)
    assert items == compare_metrics([F1, PRECISION], table, seed=5)
    for item in items:
        assert item.test == "bootstrap"
        assert item.p is not None
        assert item.stderr is not None
        assert item.difference is not None
        # The normal approximation's two-sided p-value, for comparison.
        from scipy.stats import norm

        assert item.p == pytest.approx(2 * norm.sf(abs(item.difference) / item.stderr), abs=0.02)


def test_bootstrap_of_equal_runs_finds_nothing() -> None:
    first, _ = pope_units(1, 0.0)
    assert bootstrap_p([F1], pair_up(first, first), resamples=200) == [1.0]


def test_one_cluster_cannot_be_resampled() -> None:
    a, b = runs(3, 1, 1, 1)
    assert bootstrap_p([ACCURACY], paired(a, b, ["x"] * 6)) == [None]


def test_undefined_figures_are_not_tested() -> None:
    outcomes = [Outcome("sample", ("random",), right=False, target="yes", answer="no") for _ in range(4)]
    same = [Unit(str(i), str(i), outcome) for i, outcome in enumerate(outcomes)]
    (item,) = compare_metrics([PRECISION], pair_up(same, same))
    assert (item.a, item.difference, item.p, item.p_holm) == (None, None, None, None)


def test_holm_is_over_the_figures_that_are_compared_together() -> None:
    table = pair_up(*pope_units(2, 0.2))
    (alone,) = compare_metrics([F1], table)
    together = compare_metrics([F1, PRECISION], table)
    assert alone.p_holm == alone.p
    assert [item.p_holm for item in together] == holm([item.p for item in together if item.p is not None])


def test_paired_coverage() -> None:
    held, found = paired_coverage(Design(clusters=100, size=6, icc=0.1), 0.8, 0.06, 0.06, resamples=600, seed=4)
    assert 0.925 <= held <= 0.98
    assert found <= 0.07  # the exact test keeps its level; 600 data sets metric it to +-1.8 points
