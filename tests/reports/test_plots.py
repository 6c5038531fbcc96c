"""Plots: what they show, that texts in them are texts, and that pictures stand alone in light and dark."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element, fromstring, tostring

import pytest

from harness.reports.plots import Line, Mark, bars, cloud, intervals, lines, smooth, stacks
from harness.reports.svg import Scale, picture

HOSTILE = "<b>&\"' \u202e\x07"


def titles(plot: Element) -> list[str]:
    return [str(title.text) for title in plot.iter("title")]


def of_class(plot: Element, tag: str, kind: str) -> list[dict[str, str]]:
    return [element.attrib for element in plot.iter(tag) if kind in element.attrib["class"].split()]


def every_plot() -> Iterator[Element]:
    yield intervals([Mark(HOSTILE, 0.5, 0.4, 0.6)], title=HOSTILE)
    yield stacks([(Mark(HOSTILE, None), [0.1, 0.2])], [(HOSTILE, "series-1"), ("b", "series-2")], title=HOSTILE)
    yield lines([Line(HOSTILE, "series-1", [(1, 0.2), (2, 0.4)], [(1, 0.1, 0.3)], dots=True)], title=HOSTILE)
    yield bars([(0.0, 0.5, 3.0, 1.0, HOSTILE)], title=HOSTILE, across_is=HOSTILE, ends=(0.0, 1.0))
    yield cloud([(0.1, 0.2, 3, "series-1", HOSTILE)], [(HOSTILE, "series-1")], title=HOSTILE, across_is="", up_is="")


@pytest.mark.parametrize("plot", list(every_plot()))
def test_texts_are_texts(plot: Element) -> None:
    written = tostring(plot, encoding="unicode")
    assert fromstring(written).attrib["aria-label"] == "<b>&\"' \ufffd\ufffd"
    assert "<b>" not in written
    assert not {"\u202e", "\x07"} & set(written)


def test_intervals_are_cut_at_the_ends_of_the_axis() -> None:
    plot = intervals([Mark("a", 0.5, -0.2, 1.4), Mark("b", 0.1), Mark("c", None)], title="x", ends=(0.0, 1.0))
    (line,) = of_class(plot, "line", "interval")
    grid = [float(tick["x1"]) for tick in of_class(plot, "line", "grid")]
    assert [float(line["x1"]), float(line["x2"])] == [min(grid), max(grid)]
    assert titles(plot) == ["a: 50.0 [−20.0, 140.0]", "b: 10.0"]
    assert [text.text for text in plot.iter("text")][:6] == ["0", "20", "40", "60", "80", "100"]


def test_long_names_take_two_lines_or_show_their_end() -> None:
    names = ["objects that are not there (CHAIR-i)", f"{'a' * 30}/checkpoint-300", "short"]
    plot = intervals([Mark(name, 0.5) for name in names], title="x", ends=(0.0, 1.0))
    shown = [text.text for text in plot.iter("text") if "end" in text.attrib["class"].split()]
    assert shown == ["objects that are not there", "(CHAIR-i)", "…aaaaaaaaaa/checkpoint-300", "short"]


def test_the_shares_of_a_stack_lie_beside_each_other_and_nothing_has_no_bar() -> None:
    rows = [(Mark("a", None), [0.1, 0.0, 0.3]), (Mark("b", None, bold=True), [0.0, 0.2, 0.0])]
    plot = stacks(rows, [(name, f"series-{place}") for place, name in enumerate("xyz", start=1)], title="x")
    assert titles(plot) == ["a, x: 10.0", "a, z: 30.0", "b, y: 20.0"]
    first, second, third = [bar.attrib for bar in plot.iter("rect") if bar.attrib["height"] == "16"]
    assert float(first["x"]) + float(first["width"]) == pytest.approx(float(second["x"]), abs=0.02)
    assert float(third["width"]) == pytest.approx(2 * float(first["width"]), abs=0.02)


def test_lines_have_bands_and_marked_steps() -> None:
    series = [
        Line("one", "series-1", [(100, 0.5), (200, 0.7)], [(100, 0.4, 0.6), (200, 0.6, 0.8)], marked=200, dots=True),
        Line("", "series-2", [(100, 0.2), (200, 0.3)], pale=True),
    ]
    plot = lines(series, title="x", base=0.1, scale=100.0)
    assert titles(plot) == ["one", "one, step 100: 50.0", "one, step 200: 70.0"]
    (band,) = of_class(plot, "polygon", "band")
    assert len(band["points"].split()) == 4
    (dotted,) = of_class(plot, "line", "dotted")
    last = [dot["cx"] for dot in of_class(plot, "circle", "series-1")][-1]
    assert dotted["x1"] == last
    assert len(of_class(plot, "polyline", "pale")) == 1
    assert [text.text for text in plot.iter("text")][-1] == "one"


def test_a_smoothed_value_is_the_mean_of_the_last_ten() -> None:
    assert smooth([]) == []
    assert smooth([2.0, 4.0]) == [2.0, 3.0]
    assert smooth([float(value) for value in range(12)])[-1] == sum(range(2, 12)) / 10


def test_a_dot_grows_with_how_many_it_stands_for() -> None:
    dots = [(0.2, 0.1, 1, "series-1", "one"), (0.8, 0.2, 16, "series-2", "many")]
    plot = cloud(dots, [("easy", "series-1")], title="x", across_is="mean", up_is="variance")
    assert [circle.attrib["r"] for circle in plot.iter("circle")] == ["3", "6"]
    assert titles(plot) == ["one", "many"]


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0.0, 1.0, [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (-0.13, 0.27, [-0.1, 0.0, 0.1, 0.2]),
        (48.0, 97.0, [50.0, 60.0, 70.0, 80.0, 90.0]),
        (0.0, 1523.0, [0.0, 500.0, 1000.0, 1500.0]),
    ],
)
def test_ticks_are_round_and_few(low: float, high: float, ticks: list[float]) -> None:
    assert list(Scale(low, high, 0, 1).ticks()) == ticks


def test_a_picture_has_colours_of_its_own_for_light_and_dark() -> None:
    plots = list(every_plot())
    light, dark, both = (picture(plots, columns=2, notes=[HOSTILE], theme=theme) for theme in ("light", "dark", None))
    for text in (light, dark, both):
        assert fromstring(text).tag == "{http://www.w3.org/2000/svg}svg"
        assert "var(" not in text
    assert "#1b1f24" in light
    assert "#1b1f24" not in dark
    assert "#e6edf3" in dark
    assert re.search(r"#1b1f24.*prefers-color-scheme: dark.*#e6edf3", both, flags=re.S)
