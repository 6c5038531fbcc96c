"""Calibration of a run: how sure the model was of its answers, against how often it was right.

The confidence in an answer is the probability that the model gave to it: the product of the probabilities of its
tokens; of an open answer, whose length is free, their geometric mean.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import exp
from statistics import fmean
from typing import Final, NamedTuple

from harness.core.errors import DataError
from harness.core.types import Sample
from harness.diagnostics.evidence import Evidence
from harness.diagnostics.figures import Amount, DiagnosticSpec, Figure, estimate_figure

BINS: Final = 15
"""As of Guo et al. (ICML 2017), so that an ECE compares with published ones."""
_REASON: Final = "not applicable: no answer has log-probabilities of its tokens"
_UNSURE: Final = 0.5
"""A wrong answer is an example of overconfidence where the model gave it more than even odds."""


class Answered(NamedTuple):
    """An answer with its confidence and whether it is right."""

    sample: Sample
    confidence: float
    right: bool


class Bin(NamedTuple):
    """One bar of a reliability diagram.

    Attributes:
        place: from 0.
        n: answers in it.
        confidence: their mean confidence.
        accuracy: share of right ones.
    """

    place: int
    n: int
    confidence: float
    accuracy: float


def confidences(evidence: Sequence[Evidence]) -> list[Answered]:
    """The answers whose probability is known, of the samples with a readable answer that could be settled.

    Raises:
        DataError: a log-probability is above 0.
    """
    found = []
    for item in evidence:
        logprobs = item.record.response.answer_logprobs
        if not logprobs or item.verdict.answer is None or item.verdict.is_unsettled:
            continue
        if item.sample.answer_kind == "caption":  # What is read of it has no tokens of its own.
            continue
        if any(value > 1e-6 for value in logprobs):
            raise DataError(f"sample {item.sample.id!r} of {item.sample.task}: a log-probability is above 0.")
        total = sum(logprobs) / (len(logprobs) if item.sample.answer_kind == "open" else 1)
        found.append(Answered(item.sample, min(1.0, exp(total)), item.is_right))
    return found


def measure_calibration(evidence: Sequence[Evidence], *, part: str) -> list[Figure]:
    """Confidence, overconfidence, Brier score, ECE and AURC over some samples.

    The standard errors are clustered: those of means as of any mean, those of ECE and AURC by linearisation, each
    sample standing for its influence on the figure.

    Args:
        evidence: of the samples.
        part: prefix of the figures' names, a task or `all`.
    """
    answered = confidences(evidence)
    errors = sum(item.record.response.error is not None for item in evidence)
    figures = []
    for spec, terms in _FIGURES:
        # What shows overconfidence is a wrong answer that was given as sure.
        amounts = [
            Amount.of(item.sample, top, example=not item.right and item.confidence > _UNSURE)
            for item, top in zip(answered, terms(answered), strict=True)
        ]
        figures.append(estimate_figure(spec, part, amounts, n_errors=errors))
    return figures


def ece_terms(answered: Sequence[Answered]) -> list[float]:
    """[N], numbers whose mean is the ECE: the gap of right and confidence, signed as that of the sample's bin is.

    With the signs of the bins held, the ECE is a mean; that is its linearisation at the observed bins.
    """
    signs = {found.place: 1.0 if found.accuracy >= found.confidence else -1.0 for found in confidence_bins(answered)}
    return [signs[_place(item)] * (item.right - item.confidence) for item in answered]


def aurc_terms(answered: Sequence[Answered]) -> list[float]:
    """[N], numbers whose mean is the AURC: each is the figure plus the influence of its sample on it.

    With R(c) the risk and S(c) the share of the answers at least as sure as c, the influence of a sample with
    confidence c and loss w is R(c) - AURC + E[(w - R(c')) / S(c') ; c' <= c].
    """
    order = sorted(range(len(answered)), key=lambda index: -answered[index].confidence)
    risks, shares = [0.0] * len(order), [0.0] * len(order)
    start, wrong = 0, 0
    while start < len(order):
        end = start
        while end < len(order) and answered[order[end]].confidence == answered[order[start]].confidence:
            wrong += not answered[order[end]].right
            end += 1
        for place in range(start, end):
            risks[place], shares[place] = wrong / end, end / len(order)
        start = end
    terms = [0.0] * len(order)
    weight = weighted_risk = 0.0
    end = len(order)
    while end > 0:  # From the least sure up, so that what is at most as sure has been added before.
        start = end - 1
        while start > 0 and shares[start - 1] == shares[end - 1]:
            start -= 1
        weight += (end - start) / (len(order) * shares[start])
        weighted_risk += (end - start) * risks[start] / (len(order) * shares[start])
        for place in range(start, end):
            loss = float(not answered[order[place]].right)
            terms[order[place]] = risks[place] + loss * weight - weighted_risk
        end = start
    return terms


def confidence_bins(answered: Sequence[Answered]) -> list[Bin]:
    """The reliability diagram: bins of equal width over the confidences, empty ones left out."""
    members: dict[int, list[Answered]] = {}
    for item in answered:
        members.setdefault(_place(item), []).append(item)
    return [
        Bin(place, len(of), fmean(item.confidence for item in of), fmean(item.right for item in of))
        for place, of in sorted(members.items())
    ]


def _place(item: Answered) -> int:
    """The bin of an answer: they are (low, high], so that a certain one falls into the last."""
    return max(0, min(BINS - 1, -int(-item.confidence * BINS // 1) - 1))


_Terms = Callable[[Sequence[Answered]], list[float]]

_FIGURES: Final[tuple[tuple[DiagnosticSpec, _Terms], ...]] = (
    (
        DiagnosticSpec(
            name="confidence",
            definition="Probability that the model gave to its answer, the mean: the product of the probabilities of "
            "the answer's tokens; of an open answer their geometric mean. Over the readable answers.",
            reason=_REASON,
            better=0,
        ),
        lambda answered: [item.confidence for item in answered],
    ),
    (
        DiagnosticSpec(
            name="overconfidence",
            definition="Mean confidence minus the share of right answers, over the same answers: above 0 the model is "
            "surer than it is right.",
            reason=_REASON,
            low=-1.0,
            better=0,
        ),
        lambda answered: [item.confidence - item.right for item in answered],
    ),
    (
        DiagnosticSpec(
            name="brier",
            title="Brier score",
            definition="Mean squared difference of the confidence and 1 for a right, 0 for a wrong answer (Brier, "
            "1950).",
            reason=_REASON,
            plotted=True,
        ),
        lambda answered: [(item.confidence - item.right) ** 2 for item in answered],
    ),
    (
        DiagnosticSpec(
            name="ece",
            title="calibration error (ECE)",
            definition=f"Expected calibration error: the mean of |accuracy - confidence| over {BINS} bins of equal "
            "width, weighted by their answers (Guo et al., ICML 2017).",
            reason=_REASON,
            plotted=True,
        ),
        ece_terms,
    ),
    (
        DiagnosticSpec(
            name="aurc",
            title="risk over coverage (AURC)",
            definition="Area under the risk-coverage curve: the share of wrong answers among the surest ones, the mean "
            "over how many are given (Geifman & El-Yaniv, NeurIPS 2017). Answers of equal confidence are given "
            "together.",
            reason=_REASON,
            plotted=True,
        ),
        aurc_terms,
    ),
)
