"""The kinds of plots: of the pages, the leaderboards' pictures, and the trainers' curves.

A plot's `title` is for readers who do not see it. `scale` is what values are multiplied by for showing.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple
from xml.etree.ElementTree import Element

from harness.reports.svg import (
    FOOT,
    WIDTH,
    Ends,
    Legend,
    Scale,
    add,
    add_axes,
    add_bar,
    add_legend,
    add_name,
    in_lines,
    legend_height,
    length,
    span,
    start_plot,
)
from harness.reports.text import interval, number, signed

SERIES: Final = tuple(f"series-{place}" for place in range(1, 9))
"""Colours of things that are told apart by colour alone; more than eight cannot be."""
CAUSE_TONES: Final = (*SERIES[:5], "plain")
"""Colours of the causes of wrong answers, in the order of `harness.diagnostics.attribution.CAUSES`."""
_ROW: Final = 24
_BAR: Final = 8
"""Height of a row, and half the height of a bar in it."""
_LEFT: Final = 52
"""Room for the numbers of an upward axis."""


class Mark(NamedTuple):
    """A named value with the ends of its 95 % interval, where they are known."""

    name: str
    value: float | None
    low: float | None = None
    high: float | None = None
    tone: str = SERIES[0]
    bold: bool = False


class Line(NamedTuple):
    """A line through points.

    Attributes:
        name: for the legend; empty leaves it out of it.
        tone: colour.
        points: step and value.
        band: step, and low and high end of an interval.
        marked: step at which a dotted line stands.
        pale: whether it is drawn faint.
        dots: whether its points are marked.
    """

    name: str
    tone: str
    points: Sequence[tuple[float, float]]
    band: Sequence[tuple[float, float, float]] = ()
    marked: float | None = None
    pale: bool = False
    dots: bool = False


def intervals(
    marks: Sequence[Mark],
    *,
    title: str,
    ends: Ends | None = None,
    base: float | None = None,
    scale: float = 100.0,
    signs: bool = False,
) -> Element:
    """Values with their 95 % intervals, a row each, on one axis.

    Args:
        marks: the values; a row without one stays empty.
        title: see above.
        ends: of the axis; what lies beyond is cut. `None`: as wide as the values ask for.
        base: where a dashed line stands.
        scale: see above.
        signs: whether the values are differences.
    """
    low, high = ends or span([base, *(value for mark in marks for value in (mark.value, mark.low, mark.high))])
    svg, across = _rows(marks, title, (low, high), scale, room=54)
    if base is not None:
        add(svg, "line", "muted dashed", x1=across.at(base), x2=across.at(base), y1=0, y2=len(marks) * _ROW)
    for y, mark in _places(marks):
        if mark.value is None:
            continue
        if mark.low is not None and mark.high is not None:
            add(svg, "line", f"interval {mark.tone}", x1=across.at(mark.low), x2=across.at(mark.high), y1=y, y2=y)
        shown = signed(mark.value, scale) if signs else number(mark.value, scale)
        words = f"{mark.name}: {shown} {interval(mark.low, mark.high, scale)}"
        add(svg, "circle", mark.tone, title=words, cx=across.at(mark.value), cy=y, r=4)
        add(svg, "text", "muted", shown, x=across.end + 10, y=y + 4)
    return svg


def stacks(rows: Sequence[tuple[Mark, Sequence[float]]], parts: Legend, *, title: str) -> Element:
    """Shares of each row beside each other.

    Args:
        rows: a name, and the share of each part.
        parts: the parts.
        title: see above.
    """
    marks = [mark for mark, _ in rows]
    most = max((sum(shares) for _, shares in rows), default=0.0) or 1.0
    svg, across = _rows(marks, title, (0.0, most), 100.0, legend=parts)
    for (y, mark), (_, shares) in zip(_places(marks), rows, strict=True):
        left = 0.0
        for (part, tone), share in zip(parts, shares, strict=True):
            ends = across.at(left), across.at(left + share)
            if share:
                add_bar(svg, tone, f"{mark.name}, {part}: {number(share)}", ends, (y - _BAR, y + _BAR))
            left += share
    return svg


def lines(
    series: Sequence[Line],
    *,
    title: str,
    ends: Ends | None = None,
    base: float | None = None,
    scale: float = 1.0,
    across_is: str = "step",
) -> Element:
    """One figure over the steps of several series.

    Args:
        series: the lines.
        title: see above.
        ends: of the upward axis; `None`: as wide as the values ask for.
        base: where a dashed line stands.
        scale: see above.
        across_is: what the axis across shows.
    """
    values = [value for line in series for _, value in line.points]
    values += [end for line in series for _, *pair in line.band for end in pair]
    steps = [step for line in series for step, _ in line.points] or [0.0]
    legend = [(line.name, line.tone) for line in series if line.name]
    upward = ends or span([base, *values])
    svg, across, up = _panel(title, (min(steps), max(steps)), upward, across_is, factors=(1.0, scale), legend=legend)
    if base is not None:
        add(svg, "line", "muted dashed", x1=across.start, x2=across.end, y1=up.at(base), y2=up.at(base))
    for line in series:
        edge = [(across.at(step), up.at(high)) for step, _, high in line.band]
        edge += [(across.at(step), up.at(low)) for step, low, _ in reversed(line.band)]
        if edge:
            add(svg, "polygon", f"band {line.tone}", points=edge)
        if line.marked is not None:
            x = across.at(line.marked)
            add(svg, "line", f"dotted {line.tone}", x1=x, x2=x, y1=up.start, y2=up.end)
        places = [(across.at(step), up.at(value)) for step, value in line.points]
        add(svg, "polyline", f"{'pale' if line.pale else 'strong'} {line.tone}", title=line.name, points=places)
        for (x, y), (step, value) in zip(places, line.points, strict=True):
            if line.dots:
                words = f"{line.name}, step {step:g}: {number(value, scale)}"
                add(svg, "circle", line.tone, title=words, cx=x, cy=y, r=3)
    return svg


def smooth(values: Sequence[float]) -> list[float]:
    """The mean of each value and the nine before it, which makes a noisy curve legible and keeps its steps."""
    windows = (values[max(0, end - 10) : end] for end in range(1, len(values) + 1))
    return [sum(window) / len(window) for window in windows]


def bars(
    found: Sequence[tuple[float, float, float, float, str]],
    *,
    title: str,
    across_is: str,
    ends: Ends,
    most: float | None = None,
) -> Element:
    """Bars that stand on an axis.

    Args:
        found: left and right end, height, how dark from 0 to 1, and words for each.
        title: see above.
        across_is: what the axis shows.
        ends: of the axis.
        most: share of the top of an upward axis, with a line from corner to corner; `None`: as high as the bars.
    """
    top = most or max([tall for _, _, tall, *_ in found], default=0.0) or 1.0
    factor = 1.0 if most is None else 100.0
    svg, across, up = _panel(title, ends, (0.0, top), across_is, factors=(factor, factor if most else 0.0))
    for left, right, tall, dark, words in found:
        y = min(up.at(tall), up.start - 1) if tall else up.start
        sides = across.at(left) + 0.5, across.at(right) - 0.5
        add_bar(svg, SERIES[0], words, sides, (y, up.start), opacity=dark)
    if most:
        add(svg, "line", "muted dashed", x1=across.start, x2=across.end, y1=up.start, y2=up.end)
    return svg


def cloud(
    dots: Sequence[tuple[float, float, int, str, str]], legend: Legend, *, title: str, across_is: str, up_is: str
) -> Element:
    """Dots in a plane, the larger the more there are at one place.

    Args:
        dots: place across and up, how many, colour, and words for each.
        legend: the kinds of dots.
        title: see above.
        across_is: what the axis across shows.
        up_is: what the axis upward shows.
    """
    most = max((y for _, y, *_ in dots), default=1.0) or 1.0
    # Above the highest dot there is room for the words.
    svg, across, up = _panel(title, span([x for x, *_ in dots]), (0.0, 1.15 * most), across_is, legend=legend)
    add(svg, "text", "bold", up_is, x=_LEFT + 6, y=16)
    for x, y, count, tone, words in dots:
        add(svg, "circle", f"cloud {tone}", title=words, cx=across.at(x), cy=up.at(y), r=2 + math.sqrt(count))
    return svg


def _panel(
    title: str, across: Ends, up: Ends, across_is: str, *, factors: Ends = (1.0, 1.0), legend: Legend = ()
) -> tuple[Element, Scale, Scale]:
    """A plot with two axes, whose numbers are multiplied for showing; of one that is multiplied by 0, nothing shows."""
    svg = start_plot(WIDTH, 236 + legend_height(legend, _LEFT), title)
    scales = Scale(*across, _LEFT, WIDTH - 12), Scale(*up, 200, 6)
    add_axes(svg, *scales, *factors)
    add(svg, "text", "muted middle", across_is, x=(scales[0].start + scales[0].end) / 2, y=scales[1].start + 30)
    add_legend(svg, legend, _LEFT, 248)
    return svg, *scales


def _rows(
    marks: Sequence[Mark],
    title: str,
    ends: Ends,
    scale: float,
    *,
    room: float = 12,
    legend: Legend = (),
) -> tuple[Element, Scale]:
    """A plot of rows with their names at the left and `room` at the right, and its axis across."""
    shown = [in_lines(mark.name) for mark in marks]
    left = max((length(line) for name in shown for line in name), default=0.0) + 20
    foot = len(marks) * _ROW
    svg = start_plot(WIDTH, foot + FOOT + legend_height(legend, left), title)
    across = Scale(*ends, left, WIDTH - room)
    add_axes(svg, across, Scale(0, 1, foot, 0), scale, 0.0)
    for name, (y, mark) in zip(shown, _places(marks), strict=True):
        add_name(svg, name, left - 8, y, bold=mark.bold)
    add_legend(svg, legend, left, foot + FOOT + 12)
    return svg, across


def _places(marks: Sequence[Mark]) -> Iterator[tuple[float, Mark]]:
    return ((_ROW * (place + 0.5), mark) for place, mark in enumerate(marks))
