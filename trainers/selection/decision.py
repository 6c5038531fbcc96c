"""Which prompts vary most, from as few rollouts as it takes; numpy only.

A prompt's rewards are draws from an unknown distribution over the values that rewards take (0 and 1, or the sums of a
composite reward). Its belief is a Dirichlet with a prior mass of one spread over the K values, which for K = 2 is
Jeffreys' prior for a binomial. A prompt on one side of the cut (the quantile of variance that separates what is kept)
would, if it belonged on the other, lose the distance of its variance to the cut. Rollouts of a prompt stop as soon as
this loss, expected under its belief, is below a tolerance: so they go where they can still change what is kept. Against
stopping at a fixed probability of being on the right side it keeps as much variance with fewer rollouts, most of all
where many prompts lie near the cut. Imported lazily only: numpy is imported at the top.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trainers.settings import Subset

Floats = NDArray[np.float64]

MAX_LEVELS: Final = 16
"""Values of a reward that are told apart; more, as a continuous reward has, are merged into as many bins."""
_DRAWS: Final = 256
_BLOCK: Final = 1024


def count_levels(rewards: Sequence[Sequence[float]], max_levels: int = MAX_LEVELS) -> tuple[Floats, Floats]:
    """Rewards of all prompts as counts of the values that occur.

    Args:
        rewards: rewards of each prompt's rollouts; a prompt may have none.
        max_levels: values that are told apart; more are merged into bins of equal counts, valued at their means.

    Returns:
        values [K], ascending, K at least 2, and counts [P, K].
    """
    flat = np.round(np.concatenate([np.asarray(row, dtype=np.float64) for row in rewards] or [np.zeros(0)]), 6)
    owner = np.repeat(np.arange(len(rewards)), [len(row) for row in rewards])
    values, level = np.unique(flat, return_inverse=True)
    if len(values) > max_levels:
        edges = np.quantile(flat, np.linspace(0, 1, max_levels + 1)[1:-1])
        level = np.searchsorted(np.unique(edges), flat, side="left")
        used, level = np.unique(level, return_inverse=True)
        values = np.array([flat[level == number].mean() for number in range(len(used))])
    if len(values) < 2:  # All rewards are the same so far; a belief needs something that they could be instead.
        values = np.array([0.0, 1.0]) if len(values) == 0 else np.array([values[0], values[0] + 1.0])
    counts = np.zeros((len(rewards), len(values)))
    np.add.at(counts, (owner, level), 1.0)
    return values, counts


def expected_variance(values: Floats, counts: Floats) -> Floats:
    """Mean of the belief about each prompt's reward variance: [P].

    For a Dirichlet with parameters a of sum A, and moments m1, m2 of the values under a/A:
    E[Var] = A / (A + 1) (m2 - m1^2). With two values 0 and 1: ab / ((a + b)(a + b + 1)).
    """
    belief = counts + 1.0 / len(values)
    total = belief.sum(1)
    first, second = belief @ values / total, belief @ values**2 / total
    result: Floats = total / (total + 1.0) * (second - first**2)
    return result


def undecided(
    values: Floats, counts: Floats, *, keep: float, tolerance: float, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Which prompts are worth more rollouts: [P].

    Args:
        values: [K].
        counts: [P, K].
        keep: share of the prompts that is kept; the cut is the quantile 1 - keep of the expected variances.
        tolerance: see `SelectionSettings`.
        rng: draws from the beliefs.
    """
    expected = expected_variance(values, counts)
    cut = np.quantile(expected, 1.0 - keep)
    side = np.where(expected > cut, 1.0, -1.0)
    loss = np.empty(len(counts))
    for start in range(0, len(counts), _BLOCK):
        belief = counts[start : start + _BLOCK, None, :] + 1.0 / len(values)
        weights = rng.standard_gamma(np.broadcast_to(belief, (len(belief), _DRAWS, len(values))))
        weights /= np.maximum(weights.sum(2, keepdims=True), np.finfo(float).tiny)
        variance = weights @ values**2 - (weights @ values) ** 2
        wrong = (cut - variance) * side[start : start + _BLOCK, None]
        loss[start : start + _BLOCK] = np.maximum(wrong, 0.0).mean(1)
    kept = expected[side > 0]
    result: NDArray[np.bool_] = loss > tolerance * (kept.mean() if len(kept) else expected.mean())
    return result


def choose(variance: Floats, keep: float) -> NDArray[np.bool_]:
    """The share of prompts with the highest variance: [P]; of equal ones the earlier is taken."""
    chosen = np.zeros(len(variance), dtype=np.bool_)
    chosen[np.argsort(-variance, kind="stable")[: round(keep * len(variance))]] = True
    return chosen


def categorise(mean: Floats, chosen: NDArray[np.bool_], low: float, high: float) -> list[Subset]:
    """`medium` for the chosen prompts, the ones that vary; the rest is `easy` above the middle of the range, or `hard`.

    Args:
        mean: [P], mean reward of each prompt.
        chosen: [P].
        low: lowest reward that occurs.
        high: highest reward that occurs.
    """
    middle = (low + high) / 2
    return [
        "medium" if kept else "easy" if value > middle else "hard" for value, kept in zip(mean, chosen, strict=True)
    ]
