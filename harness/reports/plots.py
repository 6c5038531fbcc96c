"""Plots as SVG texts that stand on their own: no library, no script, every text escaped.

Colours come from the page's style by class, so that one drawing fits a light and a dark page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

from harness.diagnostics.calibration import Bin

_WIDTH: Final = 600
_LABEL: Final = 170
_ROW: Final = 26
_BAR: Final = 16
_VALUE: Final = 96


def waterfall(total: int, steps: Sequence[tuple[str, int]], *, title: str) -> str:
    """From all samples down to the right ones, one bar for each kind of loss.

    Args:
        total: all samples.
        steps: name and count of each loss, in order; what is left are the right ones.
        title: for readers of the picture who do not see it.
    """
    span = _WIDTH - _LABEL - _VALUE
    rows = [("all samples", 0, total, "all")]
    left = total
    for name, count in steps:
        rows.append((name, left - count, count, name))
        left -= count
    rows.append(("right", 0, left, "right"))
    parts = []
    for number, (name, start, count, kind) in enumerate(rows):
        y = number * _ROW
        x, width = _LABEL + span * start / max(total, 1), span * count / max(total, 1)
        share = f"{100 * count / total:.1f} %" if total else "–"
        parts.append(f'<text x="{_LABEL - 10}" y="{y + 17}" class="label">{escape(name)}</text>')
        parts.append(
            f'<rect x="{x:.1f}" y="{y + 5}" width="{max(width, 0.75 if count else 0):.1f}" height="{_BAR}" rx="2" '
            f'class="bar {escape(kind)}"><title>{escape(name)}: {count} ({share})</title></rect>'
        )
        parts.append(f'<text x="{x + width + 6:.1f}" y="{y + 17}" class="value">{count} · {share}</text>')
        if number + 1 < len(rows):
            edge = x if number else x + width
            parts.append(
                f'<line x1="{edge:.1f}" x2="{edge:.1f}" y1="{y + 5 + _BAR}" y2="{y + 5 + _ROW}" class="link"/>'
            )
    return _svg(parts, len(rows) * _ROW + 4, title)


def intervals(
    rows: Sequence[tuple[str, float, float | None, float | None]], *, title: str, low: float = 0.0, high: float = 1.0
) -> str:
    """Values with their 95 % intervals on one axis.

    Args:
        rows: name, value, and the ends of its interval, all between `low` and `high`; ends beyond are cut.
        title: for readers of the picture who do not see it.
        low: left end of the axis.
        high: right end of the axis.
    """
    span = _WIDTH - _LABEL - _VALUE

    def place(value: float) -> float:
        return _LABEL + span * (min(max(value, low), high) - low) / (high - low)

    height = len(rows) * _ROW
    parts = []
    for tick in range(5):
        value = low + (high - low) * tick / 4
        x = place(value)
        parts.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{height}" class="grid"/>')
        parts.append(f'<text x="{x:.1f}" y="{height + 15}" class="tick">{100 * value:.0f}</text>')
    for number, (name, value, start, end) in enumerate(rows):
        y = number * _ROW + _ROW / 2
        shown = f"{100 * value:.1f} %"
        if start is not None and end is not None:
            shown += f" [{100 * start:.1f}, {100 * end:.1f}]"
            parts.append(f'<line x1="{place(start):.1f}" x2="{place(end):.1f}" y1="{y}" y2="{y}" class="interval"/>')
        parts.append(f'<text x="{_LABEL - 10}" y="{y + 4}" class="label">{escape(name)}</text>')
        parts.append(
            f'<circle cx="{place(value):.1f}" cy="{y}" r="4.5" class="point">'
            f"<title>{escape(name)}: {shown}</title></circle>"
        )
        parts.append(f'<text x="{_WIDTH - _VALUE + 12}" y="{y + 4}" class="value">{100 * value:.1f} %</text>')
    return _svg(parts, height + 20, title)


def confusion(table: Mapping[str, Mapping[str, int]], names: Sequence[str], *, title: str) -> str:
    """A table of counts: rows are the truth, columns what was found; the shade is the share of the row."""
    shown = [name for name in names if name in table or any(name in row for row in table.values())]
    cell, height = min(84, (_WIDTH - _LABEL) // max(len(shown), 1)), 30
    parts = []
    for column, name in enumerate(shown):
        parts.append(f'<text x="{_LABEL + (column + 0.5) * cell}" y="14" class="tick">{escape(name)}</text>')
    for line, true in enumerate(shown):
        y = 20 + line * height
        row = table.get(true, {})
        whole = sum(row.values())
        parts.append(f'<text x="{_LABEL - 10}" y="{y + 19}" class="label">{escape(true)}</text>')
        for column, found in enumerate(shown):
            count = row.get(found, 0)
            x = _LABEL + column * cell
            shade = count / whole if whole else 0
            parts.append(
                f'<rect x="{x}" y="{y}" width="{cell - 2}" height="{height - 2}" class="cell" '
                f'fill-opacity="{0.06 + 0.7 * shade:.2f}">'
                f"<title>{escape(true)} found as {escape(found)}: {count}</title></rect>"
            )
            parts.append(f'<text x="{x + cell / 2 - 1}" y="{y + 19}" class="tick strong">{count}</text>')
    return _svg(parts, 22 + len(shown) * height, title)


def reliability_diagram(bins: Sequence[Bin], *, title: str) -> str:
    """Share of right answers against confidence, a bar a bin; the more answers, the darker.

    Args:
        bins: of confidences from 0 to 1.
        title: for readers of the picture who do not see it.
    """
    side, left, top = 260, 60, 8

    def across(value: float) -> float:
        return left + side * value

    def up(value: float) -> float:
        return top + side * (1 - value)

    parts = []
    for tick in range(5):
        value = tick / 4
        x, y = across(value), up(value)
        parts.append(f'<line x1="{left}" x2="{left + side}" y1="{y:.1f}" y2="{y:.1f}" class="grid"/>')
        parts.append(f'<text x="{left - 8}" y="{y + 4:.1f}" class="label">{100 * value:.0f}</text>')
        parts.append(f'<text x="{x:.1f}" y="{top + side + 16}" class="tick">{100 * value:.0f}</text>')
    most = max((found.n for found in bins), default=1)
    for found in bins:
        x, y = across(found.low), up(found.accuracy)
        shade = 0.25 + 0.75 * found.n / most
        parts.append(
            f'<rect x="{x + 0.5:.1f}" y="{y:.1f}" width="{across(found.high) - x - 1:.1f}" '
            f'height="{max(up(0) - y, 0.75):.1f}" class="bar" fill-opacity="{shade:.2f}"><title>confidence '
            f"{100 * found.confidence:.1f} %: {100 * found.accuracy:.1f} % of {found.n} right</title></rect>"
        )
    parts.append(f'<line x1="{across(0)}" x2="{across(1)}" y1="{up(0)}" y2="{up(1)}" class="interval"/>')
    parts.append(f'<text x="{across(0.5)}" y="{top + side + 34}" class="tick">confidence, %</text>')
    return _svg(parts, top + side + 40, title)


def _svg(parts: Sequence[str], height: float, title: str) -> str:
    return (
        f'<svg viewBox="0 0 {_WIDTH} {height:.0f}" width="{_WIDTH}" height="{height:.0f}" role="img" '
        f'aria-label="{escape(title, quote=True)}">{"".join(parts)}</svg>'
    )
