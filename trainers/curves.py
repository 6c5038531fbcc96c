"""Curves of a training run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from harness.reports.evaluations import evaluation_plots
from harness.reports.plots import SERIES, Line, lines, smooth
from harness.reports.svg import picture

_FIRST: Final = ("loss", "reward")
_LAST: Final = (
    "constant_groups",
    "completions/mean_length",
    "completions/clipped_ratio",
    "entropy",
    "kl",
    "grad_norm",
    "ntk/loss",
    "ntk/positives",
    "ntk/empty_rows",
    "ntk/q50",
    "sampling/sampling_logp_difference/mean",
)
"""What is shown before and after the rewards, in this order."""


def draw_curves(history: Sequence[Mapping[str, Any]]) -> str:
    """A plot for each figure that was logged at two steps at least; empty where there is none.

    Args:
        history: what was logged, each entry with its `step`. The pale line is what was logged, the strong one the mean
            of the last ten.
    """
    logged = dict.fromkeys(name for entry in history for name in entry)
    rewards = [name for name in logged if name.startswith("rewards/") and name.endswith("/mean")]
    plots = []
    for name in (*_FIRST, *rewards, *_LAST):
        points = [
            (float(entry["step"]), float(entry[name]))
            for entry in history
            if "step" in entry and isinstance(entry.get(name), (int, float)) and entry[name] == entry[name]
        ]
        if len(points) >= 2:
            means = smooth([value for _, value in points])
            strong = [(step, mean) for (step, _), mean in zip(points, means, strict=True)]
            plots.append(lines([Line("", SERIES[0], points, pale=True), Line("", SERIES[0], strong)], title=name))
    plots += evaluation_plots(history)
    return picture(plots, columns=3) if plots else ""
