"""Overconfidence: is a model as often right as it is sure? Pure functions over confidences and verdicts.

A confidence is a probability that the model gives to its own answer, such as the product of the probabilities of the
answer's tokens, or the share of k samples that agree with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp

from harness.core.errors import DataError


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """One bar of a reliability diagram.

    Attributes:
        low: least confidence of the bin (exclusive, but for 0).
        high: greatest confidence of the bin.
        n: answers in it.
        confidence: their mean confidence.
        accuracy: share of right ones.
    """

    low: float
    high: float
    n: int
    confidence: float
    accuracy: float


def confidence_of(token_logprobs: Sequence[float], *, per_token: bool = False) -> float:
    """Probability of an answer from the natural log-probabilities of its T tokens.

    Args:
        token_logprobs: of the answer's tokens, each at most 0.
        per_token: give the geometric mean over the tokens instead of their product, for answers of various lengths.

    Raises:
        DataError: there are no tokens, or a log-probability is above 0.
    """
    if not token_logprobs or any(value > 1e-6 for value in token_logprobs):
        raise DataError("log-probabilities of an answer must be at most 0, and at least one.")
    total = sum(token_logprobs)
    return min(1.0, exp(total / len(token_logprobs) if per_token else total))


def _check(confidences: Sequence[float], right: Sequence[bool]) -> None:
    if len(confidences) != len(right) or not confidences:
        raise DataError(f"{len(confidences)} confidences for {len(right)} verdicts; give one for each, at least one.")
    if any(not 0 <= value <= 1 for value in confidences):
        raise DataError("a confidence is outside of 0 to 1.")


def bin_place(confidence: float, bins: int) -> int:
    """The bin of a confidence, from 0: they are (low, high], so that a certain answer falls into the last one."""
    return max(0, min(bins - 1, -int(-confidence * bins // 1) - 1))


def reliability(confidences: Sequence[float], right: Sequence[bool], *, bins: int = 15) -> list[Bin]:
    """The reliability diagram: bins of equal width over the confidences, empty ones left out.

    Raises:
        DataError: the lists do not fit together, or a confidence is outside of 0 to 1.
    """
    _check(confidences, right)
    members: dict[int, list[int]] = {}
    for index, value in enumerate(confidences):
        members.setdefault(bin_place(value, bins), []).append(index)
    return [
        Bin(
            low=place / bins,
            high=(place + 1) / bins,
            n=len(indices),
            confidence=sum(confidences[i] for i in indices) / len(indices),
            accuracy=sum(right[i] for i in indices) / len(indices),
        )
        for place, indices in sorted(members.items())
    ]


def expected_calibration_error(confidences: Sequence[float], right: Sequence[bool], *, bins: int = 15) -> float:
    """ECE = sum over bins of (n_bin / n) |accuracy - confidence| (Guo et al., ICML 2017).

    Raises:
        DataError: the lists do not fit together, or a confidence is outside of 0 to 1.
    """
    found = reliability(confidences, right, bins=bins)
    return sum(item.n * abs(item.accuracy - item.confidence) for item in found) / len(confidences)


def risk_coverage(confidences: Sequence[float], right: Sequence[bool]) -> list[tuple[float, float]]:
    """Coverage and risk (share of wrong answers) when only the surest answers are given (Geifman & El-Yaniv, 2017).

    One point for each distinct confidence, from the surest on: answers of equal confidence are given together.

    Raises:
        DataError: the lists do not fit together, or a confidence is outside of 0 to 1.
    """
    _check(confidences, right)
    order = sorted(range(len(right)), key=lambda i: -confidences[i])
    points: list[tuple[float, float]] = []
    wrong = 0
    for count, index in enumerate(order, start=1):
        wrong += not right[index]
        if count == len(order) or confidences[order[count]] < confidences[index]:
            points.append((count / len(order), wrong / count))
    return points


def area_under_risk_coverage(confidences: Sequence[float], right: Sequence[bool]) -> float:
    """AURC: the mean risk over coverages 1/n to 1; ties share the risk that they have together.

    Raises:
        DataError: the lists do not fit together, or a confidence is outside of 0 to 1.
    """
    total = before = 0.0
    for coverage, risk in risk_coverage(confidences, right):
        total += (coverage - before) * risk
        before = coverage
    return total
