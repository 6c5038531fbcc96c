"""Calibration of a run from its records, against values worked out by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import log, sqrt

import numpy as np
import pytest

from harness.core.errors import DataError
from harness.core.types import NEEDS_JUDGE, AnswerKind, Response, Sample, SampleRecord, Verdict
from harness.diagnostics.calibration import (
    Answered,
    aurc_terms,
    confidence_bins,
    confidences,
    ece_terms,
    measure_calibration,
)
from harness.diagnostics.diagnose import examine
from harness.diagnostics.evidence import Evidence, gather
from harness.diagnostics.figures import Figure


def make_record(
    number: int,
    probabilities: Sequence[float] | None,
    *,
    right: bool = True,
    kind: AnswerKind = "yes_no",
    cluster: str | None = None,
    answered: bool = True,
    reason: str | None = None,
) -> SampleRecord:
    sample = Sample(id=str(number), task="pope", target="yes", answer_kind=kind, question="?", cluster=cluster)
    logprobs = None if probabilities is None else tuple(log(value) for value in probabilities)
    return SampleRecord(
        sample=sample,
        response=Response(sample_id=str(number), text="yes" if right else "no", answer_logprobs=logprobs),
        verdict=Verdict(
            sample_id=str(number),
            answer=("yes" if right else "no") if answered else None,
            status=("correct" if right else "incorrect") if answered else "unanswered",
            reason=reason,
        ),
    )


def evidence(*records: SampleRecord) -> list[Evidence]:
    return [gather(record, expected=()) for record in records]


def by_name(figures: Sequence[Figure]) -> dict[str, Figure]:
    return {figure.metric.name.split("/")[1]: figure for figure in figures}


def test_four_answers_by_hand() -> None:
    figures = by_name(
        measure_calibration(
            evidence(
                make_record(0, [0.9]),
                make_record(1, [0.8, 0.5], right=False),
                make_record(2, [0.6]),
                make_record(3, [0.9], right=False),
            ),
            part="pope",
        )
    )
    values = {name: figure.metric.value for name, figure in figures.items()}
    # Confidences .9 right, .4 wrong, .6 right, .9 wrong, in bins of a fifteenth: .9 and .9 share one.
    assert values["confidence"] == pytest.approx(0.7)
    assert values["overconfidence"] == pytest.approx(0.2)
    assert values["brier"] == pytest.approx((0.01 + 0.16 + 0.16 + 0.81) / 4)
    assert values["ece"] == pytest.approx((2 * 0.4 + 0.4 + 0.4) / 4)
    # The surest two together are wrong once, the third makes 1 of 3, all four 2 of 4.
    assert values["aurc"] == pytest.approx((0.5 + 0.5 + 1 / 3 + 0.5) / 4)
    assert figures["brier"].examples == ("3",)
    assert {figure.metric.n for figure in figures.values()} == {4}


def test_the_standard_error_is_that_of_clusters() -> None:
    # Two clusters of two equal answers: the mean of two numbers .01 and .49, whose error is half their difference.
    records = [make_record(n, [0.9], cluster="a") for n in (0, 1)] + [
        make_record(n, [0.7], right=False, cluster="b") for n in (2, 3)
    ]
    brier = by_name(measure_calibration(evidence(*records), part="pope"))["brier"].metric
    assert brier.value == pytest.approx(0.25)
    assert brier.stderr == pytest.approx(0.24)


def test_unreadable_and_unsettled_answers_and_those_without_log_probabilities_are_left_out() -> None:
    items = evidence(
        make_record(0, [0.9]),
        make_record(1, None),
        make_record(2, [0.9], answered=False),
        make_record(3, [0.9], right=False, reason=NEEDS_JUDGE),
    )
    assert [judged.sample.id for judged in confidences(items)] == ["0"]


def test_an_open_answer_s_confidence_is_per_token() -> None:
    items = evidence(make_record(0, [0.9, 0.4], kind="open"), make_record(1, [0.9, 0.4]))
    found = [judged.confidence for judged in confidences(items)]
    assert found == pytest.approx([sqrt(0.36), 0.36])


def test_without_log_probabilities_nothing_is_applicable() -> None:
    records = [make_record(0, None), make_record(1, None, right=False)]
    figures = by_name(examine(records, expected={"pope": ()}).figures)
    for name in ("confidence", "overconfidence", "brier", "ece", "aurc"):
        assert figures[name].metric.value is None
        assert "not applicable" in str(figures[name].reason)


SAMPLE = Sample(id="0", task="pope", target="yes", answer_kind="yes_no", question="?")


def drawn(count: int, seed: int) -> list[Answered]:
    rng = np.random.default_rng(seed)
    values = rng.choice([0.05, 0.2, 0.35, 0.5, 1 / 15, 0.8, 0.97, 1.0], count)
    return [
        Answered(replace(SAMPLE, id=str(number)), float(value), bool(rng.random() < value**2))
        for number, value in enumerate(values)
    ]


def test_the_terms_have_the_figures_as_their_means() -> None:
    for judged in (drawn(1, 0), drawn(40, 1), drawn(500, 2)):
        found = confidence_bins(judged)
        assert np.mean(ece_terms(judged)) == pytest.approx(
            sum(one.n * abs(one.accuracy - one.confidence) for one in found) / len(judged)
        )
        # At each coverage the risk of the answers at least as sure as the least sure one that is given.
        surest = sorted((item.confidence for item in judged), reverse=True)
        given = [[item for item in judged if item.confidence >= least] for least in surest]
        risks = [1 - np.mean([item.right for item in of]) for of in given]
        assert np.mean(aurc_terms(judged)) == pytest.approx(np.mean(risks))


def test_the_ends_of_the_range_have_bins() -> None:
    judged = [Answered(SAMPLE, confidence, right) for confidence, right in ((0.0, False), (1 / 15, False), (1.0, True))]
    assert [(one.place, one.n, one.accuracy) for one in confidence_bins(judged)] == [(0, 2, 0.0), (14, 1, 1.0)]
    assert np.mean(ece_terms([judged[0], judged[2]])) == 0.0


def test_a_log_probability_above_0_is_named() -> None:
    with pytest.raises(DataError, match="sample '0' of pope: a log-probability is above 0"):
        confidences(evidence(make_record(0, [1.5])))


def test_the_linearised_error_of_the_aurc_is_that_of_many_draws() -> None:
    areas, errors = [], []
    for seed in range(300):
        judged = drawn(300, seed)
        terms = aurc_terms(judged)
        areas.append(np.mean(terms))
        errors.append(np.std(terms) / sqrt(len(terms)))
    assert np.mean(errors) == pytest.approx(np.std(areas), rel=0.12)
