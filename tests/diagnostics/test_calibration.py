"""Calibration by hand-computed values."""

from __future__ import annotations

import math

import pytest

from harness.core.errors import DataError
from harness.diagnostics.calibration import (
    area_under_risk_coverage,
    confidence_of,
    expected_calibration_error,
    reliability,
    risk_coverage,
)


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
