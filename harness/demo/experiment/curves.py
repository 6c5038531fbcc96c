"""Training curves of the experiment's rows, as an SVG without any library."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

PANELS: Final = (
    ("accuracy", "accuracy of the responses"),
    ("caption", "caption reward"),
    ("constant_groups", "groups with one reward"),
)
SHOWN: Final = {
    "grpo": "#555555",
    "method": "#2171b5",
    "no_caption": "#d95f0e",
    "no_infonce": "#41ab5d",
    "no_selection": "#9e3fb8",
    "easy_only": "#c9a400",
    "hard_only": "#cb181d",
    "keep_0.25": "#00a6a6",
}
_WIDTH: Final = 300
_HEIGHT: Final = 200
_SMOOTHED: Final = 10


def draw_rows(results: Mapping[str, Mapping[int, Mapping[str, Any]]]) -> str:
    """A panel for each figure with a line a row: mean over seeds, smoothed over ten updates.

    Args:
        results: row to seed to result; rows that are not trained on rewards have no line.
    """
    panels = []
    for place, (name, title) in enumerate(PANELS):
        lines = []
        for row, color in SHOWN.items():
            curves = [of["log"][name] for of in results.get(row, {}).values() if name in of["log"]]
            if curves:
                lines.append(_line(_smooth([sum(step) / len(step) for step in zip(*curves, strict=True)]), color, row))
        axis = f'<path d="M34 24V{_HEIGHT - 26}H{_WIDTH - 8}" fill="none" stroke="#888"/>'
        scale = "".join(f'<text x="30" y="{_y(v) + 4:.0f}" text-anchor="end">{v:g}</text>' for v in (0, 0.5, 1))
        head = f'<text x="34" y="15" font-weight="bold">{title}</text>'
        panels.append(f'<g transform="translate({place * _WIDTH} 0)">{head}{axis}{scale}{"".join(lines)}</g>')
    known = [row for row in SHOWN if row in results]
    legend = "".join(
        f'<g transform="translate({34 + number * 105} {_HEIGHT + 6})"><rect width="12" height="3" y="-5" '
        f'fill="{SHOWN[row]}"/><text x="16">{row}</text></g>'
        for number, row in enumerate(known)
    )
    width = len(PANELS) * _WIDTH
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {_HEIGHT + 18}" font-family="sans-serif" '
        f'font-size="11">\n<rect width="{width}" height="{_HEIGHT + 18}" fill="white"/>\n'
        + "\n".join(panels)
        + f"\n{legend}\n</svg>\n"
    )


def _smooth(values: Sequence[float]) -> list[float]:
    windows = (values[max(0, end - _SMOOTHED) : end] for end in range(1, len(values) + 1))
    return [sum(window) / len(window) for window in windows]


def _y(value: float) -> float:
    return _HEIGHT - 26 - value * (_HEIGHT - 50)


def _line(values: Sequence[float], color: str, row: str) -> str:
    last = max(1, len(values) - 1)
    points = " ".join(f"{34 + step / last * (_WIDTH - 42):.1f},{_y(v):.1f}" for step, v in enumerate(values))
    return (
        f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="1.6"><title>{row}</title></polyline>'
    )
