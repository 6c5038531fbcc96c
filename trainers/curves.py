"""Curves of a training run as an SVG without any library."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any, Final

_SHOWN: Final = (
    "loss",
    "reward",
    "rewards/accuracy/mean",
    "rewards/format/mean",
    "rewards/caption/mean",
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
_WIDTH: Final = 320
_HEIGHT: Final = 170
_COLUMNS: Final = 3
_SMOOTHED: Final = 10


def draw_curves(history: Sequence[Mapping[str, Any]]) -> str:
    """A panel for each figure that was logged at two steps at least; empty where there is none.

    Args:
        history: what was logged, each entry with its `step`. The pale line is what was logged, the strong one the mean
            of the last ten.
    """
    panels = []
    for name in _SHOWN:
        points = [
            (float(entry["step"]), float(entry[name]))
            for entry in history
            if "step" in entry and isinstance(entry.get(name), (int, float)) and entry[name] == entry[name]
        ]
        if len(points) >= 2:
            panels.append((name, points))
    if not panels:
        return ""
    rows = -(-len(panels) // _COLUMNS)
    body = "".join(
        f'<g transform="translate({place % _COLUMNS * _WIDTH} {place // _COLUMNS * _HEIGHT})">'
        f"{_panel(name, points)}</g>\n"
        for place, (name, points) in enumerate(panels)
    )
    width, height = _COLUMNS * _WIDTH, rows * _HEIGHT
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" '
        'font-size="11">\n'
        f'<rect width="{width}" height="{height}" fill="white"/>\n{body}</svg>\n'
    )


def _panel(name: str, points: Sequence[tuple[float, float]]) -> str:
    values = [value for _, value in points]
    low, high = min(values), max(values)
    span = (high - low) or 1.0
    first, last = points[0][0], points[-1][0]
    left, right, top, bottom = 52, _WIDTH - 14, 26, _HEIGHT - 24

    def line(series: Sequence[tuple[float, float]], style: str) -> str:
        path = " ".join(
            f"{left + (step - first) / (last - first or 1.0) * (right - left):.1f},"
            f"{bottom - (value - low) / span * (bottom - top):.1f}"
            for step, value in series
        )
        return f'<polyline points="{path}" fill="none" {style}/>'

    smooth = []
    for place, (step, _) in enumerate(points):
        window = values[max(0, place + 1 - _SMOOTHED) : place + 1]
        smooth.append((step, sum(window) / len(window)))
    return (
        f'<text x="{left}" y="16" font-weight="bold">{html.escape(name)}</text>'
        f'<path d="M{left} {top}V{bottom}H{right}" fill="none" stroke="#888"/>'
        f'<text x="{left - 4}" y="{top + 4}" text-anchor="end">{high:.3g}</text>'
        f'<text x="{left - 4}" y="{bottom}" text-anchor="end">{low:.3g}</text>'
        f'<text x="{right}" y="{bottom + 14}" text-anchor="end">step {last:g}</text>'
        + line(points, 'stroke="#9ecae1"')
        + line(smooth, 'stroke="#2171b5" stroke-width="2"')
    )
