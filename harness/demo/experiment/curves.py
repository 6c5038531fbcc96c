"""Training curves of the experiment's rows."""

from __future__ import annotations

from typing import Final

from harness.demo.experiment.results import Results
from harness.reports.plots import SERIES, Line, lines
from harness.reports.svg import picture

PANELS: Final = (
    ("accuracy", "accuracy of the responses"),
    ("caption", "caption reward"),
    ("constant_groups", "groups with one reward"),
)
SHOWN: Final = ("grpo", "caption", "placebo", "method", "combination")
"""Rows that have a line, in the order of the colours."""


def draw_rows(results: Results) -> str:
    """A plot for each figure with a line a row: mean over seeds and ten updates.

    Args:
        results: row to seed to result; rows that are not trained on rewards have no line.
    """
    plots = []
    for name, title in PANELS:
        series = []
        for row, tone in zip(SHOWN, SERIES, strict=False):
            curves = [of["log"][name] for of in results.get(row, {}).values() if name in of["log"]]
            if curves:
                means = [sum(tens) / len(tens) for tens in zip(*curves, strict=True)]
                series.append(Line(row, tone, [(10.0 * (place + 1), mean) for place, mean in enumerate(means)]))
        plots.append(lines(series, title=title, ends=(0.0, 1.0)))
    return picture(plots, columns=len(plots))
