"""Rollouts saved and reward variance kept by adaptive selection, over several distributions of prompts.

    python benchmarks/selection.py            table on standard output
    python benchmarks/selection.py --json FILE

A prompt's variance is known here, so the choice can be compared with the ideal one: `kept` is the sum of the true
variances of the chosen half over that of the best half. Means over repetitions with fresh prompts and rewards.
"""

from __future__ import annotations

import argparse
import json
import sys
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from tabulate import tabulate

from trainers.selection.decision import choose
from trainers.settings import SelectionSettings

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "support"))
from support_selection import simulate

Prompts = tuple[np.ndarray, np.ndarray]
"""Values [K] that a reward takes, and each prompt's probabilities of them [P, K]."""


def bernoulli(probability: np.ndarray) -> Prompts:
    """Right or wrong."""
    return np.array([0.0, 1.0]), np.stack([1 - probability, probability], 1)


def composite(rng: np.random.Generator, probability: np.ndarray) -> Prompts:
    """accuracy + caption + 0.1 format: a caption that helps is right more often where the answer is."""
    support = rng.beta(0.8, 0.6, len(probability))
    both = probability * (0.3 + 0.7 * support)
    only_answer, only_caption = probability - both, 0.3 * support * (1 - probability)
    neither = 1 - both - only_answer - only_caption
    formed = rng.beta(8, 1, len(probability))
    base = np.stack([neither, only_answer + only_caption, both], 1)
    probabilities = np.concatenate([base * (1 - formed)[:, None], base * formed[:, None]], 1)
    return np.array([0.0, 1.0, 2.0, 0.1, 1.1, 2.1]), probabilities


DISTRIBUTIONS: Mapping[str, Callable[[np.random.Generator, int], Prompts]] = {
    "U-shaped, Beta(.5, .5)": lambda rng, n: bernoulli(rng.beta(0.5, 0.5, n)),
    "extreme, Beta(.3, .3)": lambda rng, n: bernoulli(rng.beta(0.3, 0.3, n)),
    "mostly wrong, Beta(.5, 1.5)": lambda rng, n: bernoulli(rng.beta(0.5, 1.5, n)),
    "mostly right, Beta(2, .5)": lambda rng, n: bernoulli(rng.beta(2, 0.5, n)),
    "flat, Beta(1, 1)": lambda rng, n: bernoulli(rng.beta(1, 1, n)),
    "peaked, Beta(2, 2)": lambda rng, n: bernoulli(rng.beta(2, 2, n)),
    "composite, U-shaped": lambda rng, n: composite(rng, rng.beta(0.5, 0.5, n)),
}
STRATEGIES = {
    **{f"fixed {most}": SelectionSettings(fixed=most) for most in (8, 16, 32, 64)},
    "adaptive (default)": SelectionSettings(),
    "adaptive, tolerance .02": SelectionSettings(tolerance=0.02),
}


def run(name: str, rounds: SelectionSettings, prompts: int, repetitions: int) -> dict[str, float]:
    """One strategy on one distribution."""
    kept, overlap, spent = [], [], []
    for repetition in range(repetitions):
        rng = np.random.default_rng([repetition, zlib.crc32(name.encode())])
        values, probabilities = DISTRIBUTIONS[name](rng, prompts)
        variance = probabilities @ values**2 - (probabilities @ values) ** 2
        ideal = choose(variance, rounds.keep)
        cumulated = probabilities.cumsum(1)[:, None, :-1]

        def draw(
            which: np.ndarray, count: int, values: Any = values, cumulated: Any = cumulated, rng: Any = rng
        ) -> np.ndarray:
            return values[(rng.random((len(which), count, 1)) > cumulated[which]).sum(2)]

        chosen, rollouts = simulate(draw, prompts, rounds, np.random.default_rng(repetition))
        kept.append(variance[chosen].sum() / variance[ideal].sum())
        overlap.append((chosen & ideal).sum() / ideal.sum())
        spent.append(rollouts.mean())
    return {"rollouts": float(np.mean(spent)), "kept": float(np.mean(kept)), "overlap": float(np.mean(overlap))}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to a file")
    parser.add_argument("--prompts", type=int, default=2000, metavar="N", help="prompts a set (default: 2000)")
    parser.add_argument("--repetitions", type=int, default=3, metavar="N", help="sets (default: 3)")
    arguments = parser.parse_args()
    rows = []
    for name in DISTRIBUTIONS:
        for strategy, rounds in STRATEGIES.items():
            figures = run(name, rounds, arguments.prompts, arguments.repetitions)
            rows.append({"prompts": name, "strategy": strategy, **{key: round(v, 4) for key, v in figures.items()}})
            print(".", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    print(tabulate(rows, headers="keys"))
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
