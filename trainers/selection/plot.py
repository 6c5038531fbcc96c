"""Mean against variance of the rewards of each prompt, as an SVG without any library."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

_SIZE: Final = (640, 420)
_MARGIN: Final = 56
_COLORS: Final = {"medium": "#2c7fb8", "easy": "#74c476", "hard": "#d95f0e"}


def draw_selection(points: Sequence[tuple[float, float, str]]) -> str:
    """The plot.

    Args:
        points: mean, variance and category of each prompt; prompts at one place are drawn as a larger dot.
    """
    width, height = _SIZE
    low = min((mean for mean, _, _ in points), default=0.0)
    high = max(max((mean for mean, _, _ in points), default=1.0), low + 1e-9)
    top = max(max((variance for _, variance, _ in points), default=1.0), 1e-9)

    def x(mean: float) -> float:
        return _MARGIN + (mean - low) / (high - low) * (width - 2 * _MARGIN)

    def y(variance: float) -> float:
        return height - _MARGIN - variance / top * (height - 2 * _MARGIN)

    places = Counter((round(mean, 3), round(variance, 3), category) for mean, variance, category in points)
    dots = [
        f'<circle cx="{x(mean):.1f}" cy="{y(variance):.1f}" r="{2 + count**0.5:.1f}" fill="{_COLORS[category]}" '
        f'fill-opacity="0.5"><title>{category}: {count} prompts, mean {mean}, variance {variance}</title></circle>'
        for (mean, variance, category), count in sorted(places.items())
    ]
    ticks = []
    for part in range(6):
        mean, variance = low + (high - low) * part / 5, top * part / 5
        ticks.append(f'<text x="{x(mean):.1f}" y="{height - _MARGIN + 18}" text-anchor="middle">{mean:.2g}</text>')
        ticks.append(f'<text x="{_MARGIN - 8}" y="{y(variance) + 4:.1f}" text-anchor="end">{variance:.2g}</text>')
    sizes = Counter(category for _, _, category in points)
    legend = [
        f'<circle cx="{width - 150}" cy="{20 + 18 * row}" r="5" fill="{color}"/>'
        f'<text x="{width - 138}" y="{24 + 18 * row}">{name} ({sizes[name]})</text>'
        for row, (name, color) in enumerate(_COLORS.items())
    ]
    bottom, right = height - _MARGIN, width - _MARGIN
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" '
            'font-size="12">',
            f'<rect width="{width}" height="{height}" fill="white"/>',
            f'<path d="M{_MARGIN} {_MARGIN}V{bottom}H{right}" fill="none" stroke="#888"/>',
            *ticks,
            f'<text x="{width / 2}" y="{height - 14}" text-anchor="middle">mean reward of a prompt</text>',
            f'<text transform="translate(16 {height / 2}) rotate(-90)" text-anchor="middle">variance</text>',
            *dots,
            *legend,
            "</svg>",
            "",
        ]
    )
