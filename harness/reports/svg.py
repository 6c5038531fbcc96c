"""Drawing plots as SVG elements: scales, axes, legends, and pictures that stand alone.

A plot is an element of the standard library's tree: every text in it is escaped when it is written, and the same
figures give the same bytes. Colours are classes, such as `series-1`, to which the style of a page, or a picture's own,
gives a colour for light and one for dark paper.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterator, Sequence
from importlib.resources import files
from textwrap import wrap
from typing import Final, Literal, NamedTuple
from xml.etree.ElementTree import Element, SubElement, tostring

from harness.reports.text import one_line

WIDTH: Final = 420
"""Of a plot, in its own pixels; a page scales it to its place."""
FOOT: Final = 20
"""Height of the numbers below an axis."""
_LETTER: Final = 6.6
"""Width of a letter, in names of usual letters about the mean, at the size of `plot.css`."""
_NAME_CHARACTERS: Final = 26
"""Of a name: with more, nothing is left of the width to draw on."""
_TICKS: Final = 5
"""Numbers on an axis, about: their labels then have room in a plot of a third of a page."""
_HEAD: Final = 34
"""Height of the two lines above a plot of a picture."""
_LINE: Final = 16
"""Height of a line below them."""

Ends = tuple[float, float]
"""Of an axis or a bar, or a pair of factors: low and high, left and right, or across and up."""
Legend = Sequence[tuple[str, str]]
"""Name and colour of each kind of thing in a plot."""


class Scale(NamedTuple):
    """Values from `low` to `high` on the pixels from `start` to `end`; what lies beyond is drawn at the end."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """The pixel of a value."""
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low or 1.0)
        return self.start + share * (self.end - self.start)

    def ticks(self) -> Iterator[float]:
        """Round numbers on the scale."""
        rough = (self.high - self.low or 1.0) / _TICKS
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)
        for place in range(math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9) + 1):
            yield round(place * step, 10)


def span(values: Sequence[float | None]) -> Ends:
    """Ends of an axis that holds some values, with a little room."""
    known = [value for value in values if value is not None]
    low, high = min(known, default=0.0), max(known, default=1.0)
    room = 0.04 * (high - low) or 0.5 * abs(high) or 0.5
    return low - room, high + room


def start_plot(width: float, height: float, title: str) -> Element:
    """An empty plot; its title is for readers who do not see it."""
    named = {"role": "img", "aria-label": one_line(title)}
    return Element("svg", {"class": "plot", "viewBox": f"0 0 {_px(width)} {_px(height)}", **named})


def add(
    parent: Element,
    tag: str,
    kind: str,
    text: str = "",
    *,
    title: str = "",
    points: Sequence[tuple[float, float]] = (),
    **places: float,
) -> None:
    """Add an element.

    Args:
        parent: of the element.
        tag: its name.
        kind: its classes.
        text: in it.
        title: shown under the pointer.
        points: of a line or an area.
        places: its other attributes, in pixels.
    """
    element = SubElement(parent, tag, {"class": kind, **{name: _px(value) for name, value in places.items()}})
    if points:
        element.set("points", " ".join(f"{_px(x)},{_px(y)}" for x, y in points))
    if text:
        element.text = one_line(text)
    if title:
        SubElement(element, "title").text = one_line(title)


def add_bar(svg: Element, tone: str, title: str, across: Ends, down: Ends, opacity: float = 1.0) -> None:
    """A bar between two ends across and two down, never too narrow to be seen."""
    wide = max(across[1] - across[0], 0.75 if across[1] > across[0] else 0.0)
    high = down[1] - down[0]
    add(svg, "rect", tone, title=title, x=across[0], y=down[0], width=wide, height=high, rx=2, opacity=opacity)


def add_axes(svg: Element, across: Scale, up: Scale, across_factor: float, up_factor: float) -> None:
    """Grid lines and numbers, multiplied for showing; of an axis that is multiplied by 0, none."""
    shown = across._replace(low=across.low * across_factor, high=across.high * across_factor)
    for tick in shown.ticks() if across_factor else ():
        x = shown.at(tick)
        add(svg, "line", "grid", x1=x, x2=x, y1=up.start, y2=up.end)
        add(svg, "text", "muted middle", f"{tick:g}".replace("-", "−"), x=x, y=up.start + 15)
    shown = up._replace(low=up.low * up_factor, high=up.high * up_factor)
    for tick in shown.ticks() if up_factor else ():
        y = shown.at(tick)
        add(svg, "line", "grid", x1=across.start, x2=across.end, y1=y, y2=y)
        add(svg, "text", "muted end", f"{tick:g}".replace("-", "−"), x=across.start - 6, y=y + 4)


def add_legend(svg: Element, entries: Legend, left: float, y: float) -> None:
    """Names beside their colours, in as many lines as they need."""
    for (name, tone), (x, row) in zip(entries, _legend_places(entries, left), strict=True):
        add(svg, "rect", tone, x=x, y=y + 18 * row - 9, width=10, height=10, rx=2)
        add(svg, "text", "", shorten(name), x=x + 15, y=y + 18 * row)


def legend_height(entries: Legend, left: float) -> float:
    """Height of a legend."""
    return 18.0 * (max((row for _, row in _legend_places(entries, left)), default=-1) + 1)


def _legend_places(entries: Legend, left: float) -> Iterator[tuple[float, int]]:
    x, row = left, 0
    for name, _ in entries:
        wide = length(shorten(name)) + 30
        if x + wide > WIDTH and x > left:
            x, row = left, row + 1
        yield x, row
        x += wide


def shorten(name: str) -> str:
    """The end of a name, which is what tells checkpoints apart."""
    line = one_line(name)
    return line if len(line) <= _NAME_CHARACTERS else f"…{line[1 - _NAME_CHARACTERS :]}"


def in_lines(name: str) -> list[str]:
    """A name on one line or, where its words ask for it, on two; shortened where even that is too little."""
    lines = wrap(one_line(name), _NAME_CHARACTERS, break_long_words=False, break_on_hyphens=False)
    return lines if len(lines) == 2 and max(map(len, lines)) <= _NAME_CHARACTERS else [shorten(name)]


def add_name(svg: Element, lines: Sequence[str], x: float, y: float, *, bold: bool) -> None:
    """The lines of a name, which end at `x` and have their middle at `y`."""
    kind = f"end{' bold' * bold}{' small' * (len(lines) > 1)}"
    for place, line in enumerate(lines):
        add(svg, "text", kind, line, x=x, y=y + 4 + 10 * (place - (len(lines) - 1) / 2))


def length(text: str) -> float:
    """Pixels that a text takes at most, about; wide letters, as of Chinese, take two places."""
    return _LETTER * sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def picture(
    plots: Sequence[Element], *, columns: int, notes: Sequence[str] = (), theme: Literal["light", "dark"] | None = None
) -> str:
    """Plots as one file that stands alone, each below its title, of which what follows a colon is less strong.

    Args:
        plots: from left to right, then down.
        columns: how many stand side by side.
        notes: lines that stand below them.
        theme: its colours; `None`: those that its reader prefers.
    """
    sizes = [tuple(map(float, plot.attrib["viewBox"].split()[2:])) for plot in plots]
    rows = [range(start, min(start + columns, len(plots))) for start in range(0, len(plots), columns)]
    width = max((sum(sizes[place][0] for place in row) for row in rows), default=0.0)
    heights = [max(sizes[place][1] for place in row) for row in rows]
    height = sum(heights) + (_HEAD + 8) * len(rows) + 8 + _LINE * len(notes)
    svg = start_plot(width + 16, height, "; ".join(plot.attrib["aria-label"] for plot in plots))
    named = {"xmlns": "http://www.w3.org/2000/svg", "width": _px(width + 16), "height": _px(height)}
    svg.attrib.update(named)
    SubElement(svg, "style").text = _style(theme)
    SubElement(svg, "rect", {"class": "paper", "width": "100%", "height": "100%"})
    y = 8.0
    for row, tall in zip(rows, heights, strict=True):
        x = 8.0
        for place in row:
            wide, high = sizes[place]
            title, _, more = plots[place].attrib["aria-label"].partition(": ")
            add(svg, "text", "bold end", title, x=x + wide - 12, y=y + 12)
            add(svg, "text", "muted end", more, x=x + wide - 12, y=y + 27)
            where = {"x": x, "y": y + _HEAD, "width": wide, "height": high}
            part = SubElement(svg, "svg", {name: _px(value) for name, value in where.items()})
            part.extend(plots[place])
            x += wide
        y += tall + _HEAD + 8
    for below, note in enumerate(reversed(notes)):
        add(svg, "text", "muted middle", note, x=width / 2 + 8, y=height - 8 - _LINE * below)
    return tostring(svg, encoding="unicode") + "\n"


def _style(theme: Literal["light", "dark"] | None) -> str:
    """The style of a picture, with the colours in the place of their names, which not all programs know."""
    folder = files("harness.reports") / "templates"
    light, dark = (folder / "colours.css").read_text(encoding="utf-8").split("@media")
    rules = (folder / "plot.css").read_text(encoding="utf-8")

    def colored(variables: str) -> str:
        colors = dict(re.findall(r"--([\w-]+): (#\w+)", variables))
        return re.sub(r"var\(--([\w-]+)\)", lambda name: colors[name[1]], rules)

    if theme is not None:
        return colored(light if theme == "light" else dark)
    return f"{colored(light)}@media (prefers-color-scheme: dark) {{\n{colored(dark)}}}\n"


def _px(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
