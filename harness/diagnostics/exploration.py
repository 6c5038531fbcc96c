"""Exploration over k samples of each prompt: does the model try different answers, and does any of them earn reward?

Pure functions over the rewards and answers of each prompt's samples.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from math import comb
from typing import Literal

from harness.core.errors import DataError

Difficulty = Literal["easy", "medium", "hard"]

LOW_VARIANCE = 0.09
"""Variance of a right-or-wrong reward at 10 % or 90 % right: below it a prompt counts as settled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exploration:
    """What the samples of many prompts come to.

    Attributes:
        prompts: how many prompts.
        samples: samples a prompt, the mean.
        distinct: different answers a prompt, the mean; an unanswered sample is no answer.
        mean: mean reward.
        variance: variance of the reward within a prompt, the mean over prompts.
        unanimous: share of prompts whose samples all earn the same reward, and so give GRPO no advantage.
        pass_at: k to the unbiased estimate of the chance that one of k samples is right.
        shares: share of easy, medium and hard prompts.
    """

    prompts: int
    samples: float
    distinct: float
    mean: float
    variance: float
    unanimous: float
    pass_at: Mapping[int, float]
    shares: Mapping[Difficulty, float]


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


def explore(
    samples: Mapping[str, Sequence[tuple[Hashable | None, float]]],
    *,
    ks: Sequence[int] = (1, 2, 4, 8, 16, 32, 64),
    right_from: float = 1.0,
    low_variance: float = LOW_VARIANCE,
) -> Exploration:
    """Summarise the samples of many prompts.

    Args:
        samples: prompt to its samples: answer (`None` when unanswered) and reward.
        ks: for pass@k; those above the fewest samples of a prompt are left out.
        right_from: a sample is right when its reward is at least that.
        low_variance: see `difficulty`.

    Raises:
        DataError: there are no prompts, or one has no samples.
    """
    if not samples:
        raise DataError("no prompt was sampled.")
    moments = {prompt: reward_moments([reward for _, reward in rows]) for prompt, rows in samples.items()}
    fewest = min(len(rows) for rows in samples.values())
    hits = {prompt: sum(reward >= right_from for _, reward in rows) for prompt, rows in samples.items()}
    kinds = Counter(difficulty(mean, variance, low_variance=low_variance) for mean, variance in moments.values())
    count = len(samples)
    return Exploration(
        prompts=count,
        samples=sum(map(len, samples.values())) / count,
        distinct=sum(len({a for a, _ in rows if a is not None}) for rows in samples.values()) / count,
        mean=sum(mean for mean, _ in moments.values()) / count,
        variance=sum(variance for _, variance in moments.values()) / count,
        unanimous=sum(max(r for _, r in rows) - min(r for _, r in rows) < 1e-9 for rows in samples.values()) / count,
        pass_at={
            k: sum(pass_at_k(len(rows), hits[prompt], k) for prompt, rows in samples.items()) / count
            for k in ks
            if k <= fewest
        },
        shares={kind: kinds[kind] / count for kind in ("easy", "medium", "hard")},
    )
