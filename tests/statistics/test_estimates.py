"""Values and clustered standard errors, against formulas and brute force."""

from dataclasses import replace
from math import sqrt

import numpy as np
import pytest
from support_coverage import metric_of, table_of

from harness.statistics.counts import Table
from harness.statistics.estimates import estimate, official_value_of, value_of
from harness.statistics.specs import MetricSpec, Outcome, Ratio
from harness.statistics.summary import to_metric

SPLITS = [("random",), ("popular",), ("adversarial",)]


def right_and_wrong(right: list[int], wrong: list[int]) -> Table:
    outcomes = [Outcome("sample", ("", ""), right=value, kind="open_ended") for value in (True, False)]
    return table_of(outcomes, [np.array(right), np.array(wrong)])


ACCURACY = metric_of("mmvu", "all/accuracy", [("", "")])


def test_equal_clusters_give_the_error_of_their_mean() -> None:
    right = [3, 1, 2, 4, 0, 4]
    found = estimate(ACCURACY, right_and_wrong(right, [4 - k for k in right]))
    shares = np.array(right) / 4
    assert found.value == pytest.approx(shares.mean())
    assert found.stderr == pytest.approx(shares.std(ddof=1) / sqrt(6))
    assert (found.n, found.clusters) == (24, pytest.approx(6.0))


def test_single_units_give_the_binomial_error() -> None:
    found = estimate(ACCURACY, right_and_wrong([1] * 7 + [0] * 3, [0] * 7 + [1] * 3))
    assert found.stderr == pytest.approx(sqrt(0.7 * 0.3 / 9))


def test_unequal_clusters_by_hand() -> None:
    # Clusters of 4 and 1 and 1: right 4, 0, 1. R = 5/6; moved = (a - R b) / 6; leverage b / 6.
    found = estimate(ACCURACY, right_and_wrong([4, 0, 1], [0, 1, 0]))
    moved = [(4 - 5 / 6 * 4) / 6, -5 / 36, (1 - 5 / 6) / 6]
    leverage = [4 / 6, 1 / 6, 1 / 6]
    expected = sqrt(sum(m**2 / (1 - h) for m, h in zip(moved, leverage, strict=True)))
    assert found.stderr == pytest.approx(expected)
    assert found.clusters == pytest.approx(36 / (16 + 1 + 1))


def pope_table(seed: int, clusters: int = 60) -> Table:
    rng = np.random.default_rng(seed)
    outcomes, counts = [], []
    for (split,) in SPLITS:
        for gold in ("yes", "no"):
            for said in ("yes", "no", None):
                outcomes.append(Outcome("sample", (split,), right=gold == said, target=gold, answer=said))
                counts.append(rng.poisson(3.0 if gold == said else 0.5, clusters))
    return table_of(outcomes, counts)


def without(table: Table, cluster: int) -> Table:
    kept = table.rows != cluster
    return Table(
        outcomes=table.outcomes,
        keys=table.keys,
        rows=table.rows[kept],
        columns=table.columns[kept],
        counts=table.counts[kept],
    )


@pytest.mark.parametrize(
    "name",
    ["random/accuracy", "random/f1", "all/f1", "mean/f1", "mean/precision", "all/recall", "mean/yes_ratio"],
)
def test_linearised_error_agrees_with_the_jackknife(name: str) -> None:
    spec = metric_of("pope", name, SPLITS)
    table = pope_table(0)
    found = estimate(spec, table)
    left_out = np.array([value_of(spec, without(table, c)) for c in range(60)], dtype=float)
    jackknife = sqrt(59 / 60 * ((left_out - left_out.mean()) ** 2).sum())
    assert found.stderr == pytest.approx(jackknife, rel=0.03)


def test_splits_on_the_same_images_are_not_independent() -> None:
    # The three splits hold the very same counts: their mean is no better known than one of them.
    table = pope_table(1)
    third = len(table.outcomes) // 3
    same = np.zeros((60, len(table.outcomes)), dtype=int)
    same[table.rows, table.columns] = table.counts
    same = np.tile(same[:, :third], 3)
    table = table_of(list(table.outcomes), list(same.T))
    one = estimate(metric_of("pope", "random/f1", SPLITS), table)
    mean = estimate(metric_of("pope", "mean/f1", SPLITS), table)
    assert mean.value == pytest.approx(one.value)
    assert mean.stderr == pytest.approx(one.stderr)


def test_spread_is_the_population_standard_deviation_over_what_is_defined() -> None:
    ratios = tuple(
        Ratio(
            top=lambda o: o.right,
            bottom=lambda o: 1,
            within=lambda o, letter=letter: o.target == letter,  # type: ignore[misc]  # bound per letter
        )
        for letter in "ABC"
    )
    spec = MetricSpec(name="x", strict=ratios, combine="spread", high=0.5)
    outcomes = [Outcome("sample", ("",), right=right, target=t) for t in "AB" for right in (True, False)]
    table = table_of(outcomes, [np.array([3, 1]), np.array([0, 0]), np.array([1, 0]), np.array([1, 2])])
    # Recalls 1 and 1/4, none for C.
    assert estimate(spec, table).value == pytest.approx(0.375)


def harmonic_spec() -> MetricSpec:
    """Of the shares of right answers where the target is yes, and where it is no."""
    ratios = tuple(
        Ratio(top=lambda o: o.right, bottom=lambda o: 1, within=lambda o, target=target: o.target == target)  # type: ignore[misc]
        for target in ("yes", "no")
    )
    return MetricSpec(name="x", strict=ratios, combine="harmonic")


def test_the_harmonic_mean_and_its_linearised_error() -> None:
    spec, rng = harmonic_spec(), np.random.default_rng(3)
    outcomes = [Outcome("sample", ("",), right=right, target=t) for t in ("yes", "no") for right in (True, False)]
    table = table_of(outcomes, [rng.integers(1, high, 60) for high in (9, 3, 5, 5)])
    tpr, tnr = (right / (right + wrong) for right, wrong in table.totals.reshape(2, 2))
    found = estimate(spec, table)
    assert found.value == pytest.approx(2 * tpr * tnr / (tpr + tnr))
    left_out = np.array([value_of(spec, without(table, c)) for c in range(60)], dtype=float)
    jackknife = sqrt(59 / 60 * ((left_out - left_out.mean()) ** 2).sum())
    assert found.stderr == pytest.approx(jackknife, rel=0.03)


def test_the_harmonic_mean_of_a_constant_answer_is_zero() -> None:
    spec = harmonic_spec()
    outcomes = [Outcome("sample", ("",), right=t == "yes", target=t) for t in ("yes", "no")]
    assert estimate(spec, table_of(outcomes, [np.array([3, 4]), np.array([2, 1])])).value == 0.0
    never = [outcome._replace(right=False) for outcome in outcomes]
    assert estimate(spec, table_of(never, [np.array([3, 4]), np.array([2, 1])])).value == 0.0
    assert estimate(spec, table_of(outcomes[:1], [np.array([3, 4])])).value is None


def test_the_published_evaluator_may_make_something_else_of_its_ratios() -> None:
    spec = replace(
        harmonic_spec(), official=harmonic_spec().strict, official_value=lambda values: sum(filter(None, values))
    )
    outcomes = [Outcome("sample", ("",), right=True, target=t) for t in ("yes", "no")]
    table = table_of(outcomes, [np.array([3, 4]), np.array([2, 1])])
    assert (value_of(spec, table), official_value_of(spec, table)) == (1.0, 2.0)


def test_what_one_cluster_carries_has_no_error() -> None:
    found = estimate(ACCURACY, right_and_wrong([3], [1]))
    assert (found.value, found.influence, found.stderr) == (0.75, None, None)
    metric = to_metric(ACCURACY, found)
    assert (metric.value, metric.stderr, metric.low, metric.high) == (0.75, None, None, None)


def test_nothing_at_all() -> None:
    found = estimate(ACCURACY, right_and_wrong([], []))
    assert (found.value, found.stderr, found.n, found.clusters) == (None, None, 0, 0.0)


def test_units_with_an_error_enter_no_figure_and_are_counted() -> None:
    outcomes = [
        Outcome("sample", ("", ""), right=True, kind="open_ended"),
        Outcome("sample", ("", ""), right=False, kind="open_ended", errors=1),
    ]
    found = estimate(ACCURACY, table_of(outcomes, [np.array([1, 1]), np.array([2, 0])]))
    assert (found.value, found.n, found.n_errors) == (1.0, 2, 2)


def test_clusters_that_agree_leave_no_rounding_noise() -> None:
    # 1/3 is no double: what is left of a_c - R b_c is 1e-19, not 0.
    found = estimate(ACCURACY, right_and_wrong([1] * 49, [2] * 49))
    assert found.stderr == 0.0
    metric = to_metric(ACCURACY, found)
    assert metric.low is not None
    assert metric.high is not None
    assert metric.low < 0.25 < 0.45 < metric.high


def test_equal_ratios_have_no_spread() -> None:
    strict = tuple(
        Ratio(
            top=lambda outcome: float(outcome.right), bottom=lambda outcome: 1.0, within=lambda of, n=n: n in of.stratum
        )
        for n in "abc"
    )
    outcomes = [Outcome("sample", (name,), right=right) for name in "abc" for right in (True, False)]
    table = table_of(outcomes, [np.array([5, 5]) if of.right else np.array([45, 45]) for of in outcomes])
    found = estimate(MetricSpec(name="spread", strict=strict, combine="spread"), table)
    assert (found.value, found.stderr) == (0.0, None)
