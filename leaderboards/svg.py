"""SVG text of figures: deterministic bytes, text as text, colours that follow a page's light or dark theme."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, Literal

from harness.reports.text import one_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MAX_LINES: Final = 8
"""Lines or colours that a plot can tell apart."""
_WIDTH_IN: Final = 4.0
_ROW_IN: Final = 0.25

# Figures are drawn in these stand-ins, which are then replaced by the colours of a theme, or by the page's variables.
INK, MUTED, GRID, PAPER = "#010101", "#020202", "#030303", "#040404"
BETTER, WORSE, PLAIN = "#050505", "#060606", "#070707"
SERIES: Final = tuple(f"#0808{number:02x}" for number in range(1, MAX_LINES + 1))
_VARIABLES: Final = {INK: "ink", MUTED: "muted", GRID: "grid", PAPER: "paper", BETTER: "better", WORSE: "worse"} | {
    PLAIN: "plain",
    **{color: f"series-{number}" for number, color in enumerate(SERIES, start=1)},
}
# Okabe and Ito's colours, which colour-blind readers can tell apart; lighter on dark paper.
LIGHT: Final[Mapping[str, str]] = {
    "ink": "#1b1f24",
    "muted": "#59636e",
    "grid": "#d8dee4",
    "paper": "#ffffff",
    "better": "#0072b2",
    "worse": "#c04a00",
    "plain": "#7d8590",
    "series-1": "#0072b2",
    "series-2": "#d55e00",
    "series-3": "#009e73",
    "series-4": "#cc79a7",
    "series-5": "#b58900",
    "series-6": "#56b4e9",
    "series-7": "#7d8590",
    "series-8": "#1b1f24",
}
DARK: Final[Mapping[str, str]] = {
    "ink": "#e6edf3",
    "muted": "#9da7b3",
    "grid": "#30363d",
    "paper": "#0d1117",
    "better": "#4fb3ef",
    "worse": "#ff9a57",
    "plain": "#8b949e",
    "series-1": "#4fb3ef",
    "series-2": "#ff9a57",
    "series-3": "#2fd3a2",
    "series-4": "#e9a3cb",
    "series-5": "#e3c24b",
    "series-6": "#9ad7ff",
    "series-7": "#8b949e",
    "series-8": "#e6edf3",
}


def themed(svg: str, colors: Mapping[str, str]) -> str:
    """A stand-alone picture in fixed colours.

    Args:
        svg: what a plot function gave.
        colors: `LIGHT` or `DARK`.
    """
    for variable, color in colors.items():
        svg = svg.replace(f"var(--{variable})", color)
    return svg


def inline(svg: str, prefix: str, title: str) -> str:
    """A plot as an element of a page: its ids made unlike those of other plots, with a name for screen readers.

    Args:
        svg: what a plot function gave.
        prefix: unlike that of any other plot of the page; letters, digits and dashes.
        title: escaped text.
    """
    body = svg[svg.index("<svg") :]
    body = re.sub(r'\b(id="|xlink:href="#|url\(#)', rf"\g<1>{prefix}-", body)
    body = re.sub(r'^<svg[^>]*?viewBox="([^"]*)"[^>]*>', r'<svg role="img" viewBox="\1">', body, count=1, flags=re.S)
    return body.replace(">", f"><title>{title}</title>", 1).rstrip()


def dress(axes: Axes, grid: Literal["x", "both"]) -> None:
    """Give axes the look of the page: no frame, a faint grid."""
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(GRID)
    axes.grid(axis=grid, color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.locator_params(axis="x", nbins=6)
    axes.tick_params(colors=MUTED, labelsize=9, length=0)
    for label in axes.get_yticklabels():
        label.set_color(INK)
    axes.patch.set_visible(False)


def draw_figure(
    draw: Callable[[Axes], None],
    *,
    rows: int,
    name: str,
    legend: Sequence[tuple[str, str]] = (),
    grid: Literal["x", "both"] = "x",
) -> str:
    """A figure of one panel, high enough for its rows.

    Args:
        draw: draws on the axes.
        rows: rows that it holds.
        name: unlike that of other kinds of figures; decides the ids in the SVG.
        legend: label and colour of each series, below the panel.
        grid: lines across one axis or both.
    """
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    with style(name):
        below = 0.28 * ((len(legend) + 1) // 2)
        figure = Figure(figsize=(_WIDTH_IN, 0.55 + _ROW_IN * rows + below), layout="constrained")
        axes = figure.subplots()
        draw(axes)
        dress(axes, grid)
        if legend:
            drawn = figure.legend(
                handles=[Patch(color=color, label=one_line(label)) for label, color in legend],
                loc="outside lower left",
                ncols=2,
                frameon=False,
                fontsize=8,
                labelcolor=INK,
            )
            for text in drawn.get_texts():
                text.set_parse_math(False)
        return to_svg(figure)


@contextmanager
def style(salt: str) -> Iterator[None]:
    """Settings under which a figure is made and written; the salt makes its ids the same every time."""
    from matplotlib import rc_context

    settings: Any = {"svg.fonttype": "none", "svg.hashsalt": salt, "font.family": "sans-serif", "font.size": 9}
    with rc_context(settings), warnings.catch_warnings():
        # The browser has the letters that matplotlib's own font, used to measure, has not.
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        yield


def to_svg(figure: Figure) -> str:
    """A figure as SVG whose colours are the page's variables."""
    figure.patch.set_visible(False)
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    for color, variable in _VARIABLES.items():
        text = text.replace(color, f"var(--{variable})")
    return text
