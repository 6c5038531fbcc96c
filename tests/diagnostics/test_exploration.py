"""Exploration over k samples by hand-computed values."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.errors import DataError
from harness.diagnostics.exploration import difficulty, majority_confidence, pass_at_k, reward_moments


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
