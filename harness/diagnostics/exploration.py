"""Exploration over k samples of each prompt: does the model try different answers, and does any of them earn reward?

Pure functions over the rewards and answers of each prompt's samples.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from math import comb
from typing import Literal

from harness.core.errors import DataError

Difficulty = Literal["easy", "medium", "hard"]

LOW_VARIANCE = 0.09
"""Variance of a right-or-wrong reward at 10 % or 90 % right: below it a prompt counts as settled."""


def pass_at_k(n: int, right: int, k: int) -> float:
    """Chance that at least one of k samples is right, 1 - C(n - c, k) / C(n, k), unbiased (Chen et al., 2021).

    Args:
        n: samples that were drawn.
        right: how many of them are right, 0 to n.
        k: 1 to n.

    Raises:
        DataError: a number is out of range.
    """
    if not 0 <= right <= n or not 1 <= k <= n:
        raise DataError(f"pass@{k} needs 1 <= k <= n and 0 <= right <= n, got n={n}, right={right}.")
    return 1.0 - comb(n - right, k) / comb(n, k)


def reward_moments(rewards: Sequence[float]) -> tuple[float, float]:
    """Mean and population variance of a prompt's rewards.

    Raises:
        DataError: there are none.
    """
    if not rewards:
        raise DataError("a prompt without samples has no reward.")
    mean = sum(rewards) / len(rewards)
    return mean, sum((reward - mean) ** 2 for reward in rewards) / len(rewards)


def difficulty(mean: float, variance: float, *, low_variance: float = LOW_VARIANCE, middle: float = 0.5) -> Difficulty:
    """Easy: high mean, low variance; hard: low mean, low variance; medium: high variance (Pan et al., AAAI 2026).

    Args:
        mean: of the rewards.
        variance: of the rewards.
        low_variance: below it the variance is low.
        middle: from it on the mean is high.
    """
    if variance >= low_variance:
        return "medium"
    return "easy" if mean >= middle else "hard"


def majority_confidence(answers: Sequence[Hashable | None]) -> tuple[Hashable, float] | None:
    """The most frequent answer and the share of all samples that give it; `None` where none answers."""
    counts = Counter(answer for answer in answers if answer is not None)
    if not counts:
        return None
    answer, count = counts.most_common(1)[0]
    return answer, count / len(answers)
