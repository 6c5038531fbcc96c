"""Curves of the evaluations in the middle of a training, from what was logged of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from xml.etree.ElementTree import Element

from harness.reports.plots import SERIES, Line, lines

PREFIX: Final = "eval/"
"""Of the figures of an evaluation in a log: `eval/TASK:metric`, of which `/low` and `/high` are its 95 % interval; and
`eval/TASK:metric/difference` to the start, with `/low`, `/high` and `/p` again."""


def evaluation_plots(history: Sequence[Mapping[str, Any]]) -> list[Element]:
    """A plot of each figure with its 95 % band, and one of its difference to the start.

    Args:
        history: what was logged, each entry with its `step`.
    """
    logged = dict.fromkeys(name for entry in history for name in entry if name.startswith(PREFIX))
    plots = []
    for name in logged:
        if name.endswith(("/low", "/high", "/p")):
            continue
        entries = [entry for entry in history if entry.get(name) is not None]
        known = [entry for entry in entries if None not in (entry.get(f"{name}/low"), entry.get(f"{name}/high"))]
        line = Line(
            "",
            SERIES[0],
            [(float(entry["step"]), float(entry[name])) for entry in entries],
            band=[(float(entry["step"]), entry[f"{name}/low"], entry[f"{name}/high"]) for entry in known],
            dots=True,
        )
        title = name.removeprefix(PREFIX)
        is_difference = title.endswith("/difference")
        title = f"{title.removesuffix('/difference')}: against the start" if is_difference else title
        plots.append(lines([line], title=title, base=0.0 if is_difference else None))
    return plots
