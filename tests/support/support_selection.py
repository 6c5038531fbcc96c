"""Rollouts that are spent as `harness select` does, on rewards that are drawn."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainers.selection.decision import choose, count_levels, expected_variance, undecided
from trainers.settings import SelectionSettings


def simulate(
    draw: Any, prompts: int, rounds: SelectionSettings, rng: np.random.Generator
) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Choose prompts and count rollouts.

    Args:
        draw: `draw(which, n)` gives [len(which), n] rewards of those prompts.
        prompts: P.
        rounds: how rollouts are spent.
        rng: draws from the beliefs.

    Returns:
        chosen [P] and the rollouts spent on each [P].
    """
    rewards: list[list[float]] = [[] for _ in range(prompts)]
    active = np.arange(prompts)
    for target in rounds.targets():
        missing = target - len(rewards[active[0]])
        for prompt, row in zip(active, draw(active, missing), strict=True):
            rewards[prompt].extend(row.tolist())
        values, counts = count_levels(rewards)
        open_still = undecided(values, counts, keep=rounds.keep, tolerance=rounds.tolerance, rng=rng)
        active = active[open_still[active]]
        if not len(active):
            break
    chosen = choose(expected_variance(values, counts), rounds.keep)
    return chosen, np.array([len(row) for row in rewards])
