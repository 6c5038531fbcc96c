"""Figures from amounts, by hand."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from harness.diagnostics.figures import Amount, DiagnosticSpec, Figure, estimate_figure

X = DiagnosticSpec(name="x", definition="d", reason="not known: why")


def test_a_rate_has_the_clustered_error_of_its_clusters() -> None:
    # Four clusters of two equal samples, one of which counts: as good as four samples.
    amounts = [Amount("pope", f"{c}/{n}", f"c{c}", float(c == 0), example=c == 0) for c in range(4) for n in range(2)]
    figure = estimate_figure(X, "pope", amounts)
    assert figure.metric.value == pytest.approx(0.25)
    assert figure.metric.stderr == pytest.approx(math.sqrt(0.25 * 0.75 / 3))
    assert figure.metric.n == 8
    assert figure.examples == ("0/0", "0/1")


def test_a_ratio_of_sums_is_not_a_mean_of_ratios() -> None:
    figure = estimate_figure(X, "pope", [Amount("pope", "a", "a", 1, 1), Amount("pope", "b", "b", 0, 3)])
    assert figure.metric.value == pytest.approx(1 / 4)


def test_no_samples_is_no_value_and_a_reason() -> None:
    figure = estimate_figure(X, "pope", [])
    assert figure.metric.value is None
    assert figure.to_json()["reason"] == "not known: why"


def test_a_stored_figure_is_read_as_it_was() -> None:
    for amounts in ([], [Amount("pope", "a", "a", 1), Amount("pope", "b", "b", 0, example=True)]):
        figure = estimate_figure(X, "pope", amounts)
        again = Figure.from_json("pope/x", json.loads(json.dumps(figure.to_json())))
        assert again == replace(figure, spec=replace(X, reason=""))
    with pytest.raises(ValueError, match="better"):
        Figure.from_json("pope/x", figure.to_json() | {"better": 2})
