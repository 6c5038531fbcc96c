"""Mean against variance of the rewards of each prompt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from harness.reports.plots import SERIES, cloud
from harness.reports.svg import picture

_TONES: Final = dict(zip(("medium", "easy", "hard"), SERIES, strict=False))


def draw_selection(points: Sequence[tuple[float, float, str]]) -> str:
    """The plot.

    Args:
        points: mean, variance and category of each prompt; prompts at one place are drawn as a larger dot.
    """
    places = Counter((round(mean, 3), round(variance, 3), category) for mean, variance, category in points)
    dots = [
        (mean, variance, count, _TONES[category], f"{category}: {count} prompts, mean {mean}, variance {variance}")
        for (mean, variance, category), count in sorted(places.items())
    ]
    sizes = Counter(category for _, _, category in points)
    legend = [(f"{category} ({sizes[category]})", tone) for category, tone in _TONES.items()]
    title = "Rewards of the prompts: variance by mean"
    return picture([cloud(dots, legend, title=title, across_is="mean", up_is="variance")], columns=1)
