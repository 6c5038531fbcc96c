"""What a number of units shows is held against simulated runs, through the paired test itself."""

from dataclasses import replace
from math import sqrt
from statistics import NormalDist

import numpy as np
import pytest

from harness.statistics.counts import Table
from harness.statistics.differences import Difference, compare, measure, test_together
from harness.statistics.power import assumed, design_effect, mean_size, measured, needed_units, power, shown_by
from harness.statistics.specs import MetricSpec, Outcome, Ratio

ACCURACY = MetricSpec(name="all/accuracy", strict=(Ratio(top=lambda outcome: outcome.right, bottom=lambda outcome: 1),))
TRIALS = 400


def two_runs(
    rng: np.random.Generator, *, clusters: int, size: int, difference: float, disagreement: float, alike: float
) -> Difference:
    """The tested difference of two simulated runs.

    A unit takes its cluster's common outcome with chance sqrt(alike), else one of its own: differences of two units
    of a cluster correlate by `alike`.
    """
    gained, lost = (disagreement + difference) / 2, (disagreement - difference) / 2
    same = 1 - gained - lost

    def draw(*shape: int) -> np.ndarray:
        return rng.choice(4, size=shape, p=[gained, lost, same * 0.8, same * 0.2])

    outcomes = np.where(rng.random((clusters, size)) < sqrt(alike), draw(clusters, 1), draw(clusters, size))
    sides = []
    for right in (np.isin(outcomes, (1, 2)), np.isin(outcomes, (0, 2))):
        rows = np.repeat(np.arange(clusters), 2)
        counts = np.stack([size - right.sum(1), right.sum(1)], 1).ravel()
        table = Table(
            outcomes=[Outcome("sample", (), right=False), Outcome("sample", (), right=True)],
            keys=np.arange(clusters), rows=rows, columns=np.tile([0, 1], clusters), counts=counts,
        )  # fmt: skip
        sides.append({None: measure(ACCURACY, table)})
    return test_together([compare(ACCURACY, *sides)])[0]


@pytest.mark.parametrize(
    ("difference", "disagreement", "size", "alike"),
    [(0.04, 0.1, 1, 0.0), (0.04, 0.1, 6, 0.25), (0.1, 0.2, 18, 0.1), (0.2, 0.3, 4, 0.5)],
)
def test_as_many_units_as_are_needed_show_the_difference_in_four_of_five_runs(
    difference: float, disagreement: float, size: int, alike: float
) -> None:
    rng = np.random.default_rng(7)
    variation = assumed(disagreement, design=design_effect(size, alike), cluster_size=size)
    units = needed_units(difference, variation)
    assert units is not None
    # Neither a number of clusters nor of units is a whole one: hold the power against that of what is simulated.
    clusters = round(units / size)
    expected = power(difference, clusters * size, variation)
    assert expected == pytest.approx(0.8, abs=0.03)
    of = {"clusters": clusters, "size": size, "disagreement": disagreement, "alike": alike}
    found = [two_runs(rng, difference=difference, **of).verdict for _ in range(TRIALS)]
    # Three standard errors of so many trials are .06.
    assert found.count("better") / TRIALS == pytest.approx(expected, abs=0.06)
    # Without a difference one is shown in one of twenty.
    none = [two_runs(rng, difference=0.0, **of).is_shown for _ in range(TRIALS)]
    assert sum(none) / TRIALS == pytest.approx(0.05, abs=0.033)


def test_two_runs_tell_what_is_else_assumed() -> None:
    rng = np.random.default_rng(3)
    seen = two_runs(rng, clusters=4000, size=6, difference=0.02, disagreement=0.1, alike=0.25)
    told, supposed = measured(seen), assumed(0.1, design=design_effect(6, 0.25), cluster_size=6)
    assert told is not None
    units = needed_units(0.02, told)
    assert units == pytest.approx(needed_units(0.02, supposed), rel=0.1)
    assert measured(replace(seen, stderr=0.0)) is None
    assert measured(replace(seen, stderr=None)) is None


def test_a_difference_that_is_shown_has_power_though_few_clusters_carry_its_variance() -> None:
    """One cluster of 60 moves otherwise: a degree of freedom, and an interval, as there are six clusters."""
    keys, rows = np.arange(60), np.repeat(np.arange(60), 2)
    sides = []
    for right in (np.zeros(60, int), np.where(keys < 1, 0, 6)):
        table = Table(
            outcomes=[Outcome("sample", (), right=False), Outcome("sample", (), right=True)],
            keys=keys, rows=rows, columns=np.tile([0, 1], 60), counts=np.stack([6 - right, right], 1).ravel(),
        )  # fmt: skip
        sides.append({None: measure(ACCURACY, table)})
    (seen,) = test_together([compare(ACCURACY, *sides)])
    assert (seen.verdict, seen.held) == ("better", 60)
    assert seen.freedom is not None
    assert seen.freedom < 5
    told = measured(seen)
    assert told is not None
    least = shown_by(seen.n, told)
    assert least is not None
    assert least < (seen.value or 0)
    assert power(seen.value or 0, seen.n, told) > 0.8
    # Of five clusters there is no interval.
    assert (power(0.9, 29, told), power(0.9, 36, told) > 0) == (0, True)


def test_many_independent_pairs_come_to_the_published_formula() -> None:
    """Miller 2024, eq. 9, without resampling: n = (z(.025) + z(.2))^2 v / d^2; for pairs v = p - d^2 (Connor 1987)."""
    z = NormalDist().inv_cdf(0.975) + NormalDist().inv_cdf(0.8)
    for difference, disagreement in ((0.01, 0.05), (0.02, 0.1), (0.03, 0.3)):
        expected = z**2 * (disagreement - difference**2) / difference**2
        units = needed_units(difference, assumed(disagreement, design=1.0, cluster_size=1.0))
        assert units == pytest.approx(expected, rel=0.002)
        assert units is not None
        assert units > expected, "Student's quantiles are wider"
        assert needed_units(difference, assumed(disagreement, design=2.0, cluster_size=1.0)) == pytest.approx(
            2 * expected, rel=0.002
        )


def test_what_is_needed_and_what_is_shown_are_one_statement() -> None:
    variation = assumed(0.1, design=1.5, cluster_size=6)
    for difference in (0.01, 0.03, 0.09):
        units = needed_units(difference, variation)
        assert units is not None
        assert shown_by(units, variation) == pytest.approx(difference, rel=0.01)
    assert needed_units(0.11, variation) is None, "the sides do not differ by more than they disagree"
    assert needed_units(0.0, variation) is None
    assert shown_by(30, variation) is None, "five clusters have no interval"
    assert shown_by(50, variation) is None, "a difference of 10 points is the greatest here, and not shown by 50"


def test_the_size_of_clusters_is_that_which_a_unit_is_in() -> None:
    assert mean_size([3, 3, 3]) == 3
    assert mean_size([1, 9]) == pytest.approx(8.2)
    assert design_effect(1) == 1
