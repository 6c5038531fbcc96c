"""Calibration and exploration by hand-computed values."""

from __future__ import annotations

import math
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.errors import DataError
from harness.diagnostics.calibration import (
    area_under_risk_coverage,
    confidence_of,
    expected_calibration_error,
    reliability,
    risk_coverage,
)
from harness.diagnostics.exploration import difficulty, majority_confidence, pass_at_k, reward_moments


def test_confidence_is_the_product_or_the_geometric_mean() -> None:
    logprobs = [math.log(0.5), math.log(0.8)]
    assert confidence_of(logprobs) == pytest.approx(0.4)
    assert confidence_of(logprobs, per_token=True) == pytest.approx(math.sqrt(0.4))
    for bad in ([], [0.1]):
        with pytest.raises(DataError):
            confidence_of(bad)


def test_ece_by_hand() -> None:
    confidences, right = [0.95, 0.95, 0.55, 0.55], [True, False, True, True]
    # Two bins of ten: |1/2 - .95| and |1 - .55|, half of the answers each.
    assert expected_calibration_error(confidences, right, bins=10) == pytest.approx(0.45)
    bins = reliability(confidences, right, bins=10)
    assert [(item.low, item.high, item.n) for item in bins] == [(0.5, 0.6, 2), (0.9, 1.0, 2)]


def test_the_ends_of_the_range_have_bins() -> None:
    bins = reliability([0.0, 0.1, 1.0], [False, False, True], bins=10)
    assert [(item.low, item.n) for item in bins] == [(0.0, 2), (0.9, 1)]
    assert expected_calibration_error([0.0, 1.0], [False, True]) == 0.0


def test_risk_coverage_by_hand() -> None:
    points = risk_coverage([0.9, 0.8, 0.7, 0.6], [True, False, True, False])
    assert points == [(0.25, 0.0), (0.5, 0.5), (0.75, pytest.approx(1 / 3)), (1.0, 0.5)]
    area = area_under_risk_coverage([0.9, 0.8, 0.7, 0.6], [True, False, True, False])
    assert area == pytest.approx((0 + 0.5 + 1 / 3 + 0.5) / 4)
    # Answers of equal confidence cannot be told apart: one point, whatever their order.
    assert risk_coverage([0.5, 0.5], [True, False]) == risk_coverage([0.5, 0.5], [False, True]) == [(1.0, 0.5)]


@pytest.mark.parametrize("confidences", [[], [0.5, 0.5], [1.5]])
def test_lists_that_do_not_fit_are_refused(confidences: list[float]) -> None:
    with pytest.raises(DataError):
        expected_calibration_error(confidences, [True])


def test_pass_at_k_is_the_share_of_subsets_with_a_right_one() -> None:
    n, right = 7, 3
    for k in range(1, n + 1):
        subsets = list(combinations(range(n), k))
        assert pass_at_k(n, right, k) == pytest.approx(sum(min(s) < right for s in subsets) / len(subsets))
    with pytest.raises(DataError):
        pass_at_k(4, 5, 1)


@given(st.lists(st.booleans(), min_size=1, max_size=20))
def test_pass_at_one_is_the_mean_and_pass_at_n_is_any(right: list[bool]) -> None:
    n, hits = len(right), sum(right)
    assert pass_at_k(n, hits, 1) == pytest.approx(hits / n)
    assert pass_at_k(n, hits, n) == float(hits > 0)


def test_difficulty_by_mean_and_variance() -> None:
    for rewards, kind in (([1.0] * 8, "easy"), ([0.0] * 8, "hard"), ([1.0, 0.0] * 4, "medium")):
        assert difficulty(*reward_moments(rewards)) == kind
    # One of twenty right: variance .0475, settled; three of twenty: .1275, not settled.
    assert difficulty(*reward_moments([1.0] + [0.0] * 19)) == "hard"
    assert difficulty(*reward_moments([1.0] * 3 + [0.0] * 17)) == "medium"


def test_the_majority_and_its_share_of_all_samples() -> None:
    assert majority_confidence(["yes", "no", "yes", None]) == ("yes", 0.5)
    assert majority_confidence([None, None]) is None
