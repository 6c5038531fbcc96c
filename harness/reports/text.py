"""Numbers and foreign texts as all reports show them: on a terminal, in Markdown, on pages."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from typing import Any, Final
from urllib.parse import quote

from harness.core.console import clean
from harness.core.types import Metric, Scale

UNKNOWN: Final = "–"
"""Stands for what is not known."""


def factor_of(scale: Scale) -> float:
    """What figures of a scale are multiplied by for showing."""
    return 100.0 if scale == "share" else 1.0


def scale_of(*metrics: Metric) -> float:
    """What the values of one metric, in one run or several, are multiplied by for showing: 100, or 1 if it is no share.

    Where none tells its scale, as runs of earlier versions, a value beyond 1 shows that it is none: lmms-eval's own
    tasks may have sums of points as figures. The ends of intervals say nothing of this: those of a share may lie
    beyond 1.
    """
    told = next((metric.scale for metric in metrics if metric.scale is not None), None)
    is_share = all(metric.value is None or abs(metric.value) <= 1 for metric in metrics)
    return factor_of(told or ("share" if is_share else "number"))


def number(value: float | None, scale: float = 100.0, digits: int = 1) -> str:
    """A figure; a dash when it is not known.

    Args:
        value: the figure.
        scale: what it is multiplied by: 100 shows a share in percent.
        digits: after the point.
    """
    return UNKNOWN if value is None else _minus(f"{scale * value:.{digits}f}")


def signed(value: float | None, scale: float = 100.0, digits: int = 1) -> str:
    """A difference with its sign."""
    return UNKNOWN if value is None else _minus(f"{scale * value:+.{digits}f}")


def interval(low: float | None, high: float | None, scale: float = 100.0, digits: int = 1) -> str:
    """An interval; empty when it is not known."""
    return "" if low is None or high is None else f"[{number(low, scale, digits)}, {number(high, scale, digits)}]"


def span(ends: tuple[float, float] | None, scale: float = 100.0, digits: int = 1) -> str:
    """From where to where a figure may lie, as other readings of the answers would have it; empty where not known."""
    return "" if ends is None else f"{number(ends[0], scale, digits)} to {number(ends[1], scale, digits)}"


def with_error(value: float | None, stderr: float | None, scale: float = 100.0, digits: int = 1) -> str:
    """A figure with its standard error, where it has one (see `error_of`)."""
    shown = number(value, scale, digits)
    return f"{shown} ± {number(stderr, scale, digits)}" if value is not None and stderr else shown


def error_of(stderr: float | None, scale: float = 100.0, digits: int = 1) -> str:
    """A standard error; a dash where it is 0.

    All clusters agree then, and the interval is an exact one (see `harness.statistics.intervals`), not of this error.
    """
    return number(stderr or None, scale, digits)


def counted(count: int, noun: str) -> str:
    """How many there are: `1 sample`, `2 samples`, `no sample`."""
    return f"{count or 'no'} {noun}{'s' * (count > 1)}"


def count_tested(family: int, noun: str = "difference") -> str:
    """How many differences are tested, as the end of a sentence."""
    return f"{counted(family, noun)} {'is tested' if family < 2 else 'are tested together'}"


def p_value(p: float) -> str:
    """A p-value as people write it."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


def plain_table(headers: Sequence[str], rows: Iterable[Sequence[Any]], *, align: Sequence[str] = ()) -> str:
    """A table for a terminal.

    Args:
        headers: of the columns.
        rows: cells.
        align: `left` or `right` for each column; empty: right.
    """
    from tabulate import tabulate

    return tabulate(rows, headers=headers, disable_numparse=True, stralign="right", colalign=align or None)


def _minus(text: str) -> str:
    """With a minus sign; of a zero, none."""
    return text.replace("-", "−") if text.strip("+-0.") else text.lstrip("+-")


def one_line(text: str) -> str:
    """The text without what a reader cannot see: control, format and direction characters; white space runs are one."""
    return " ".join(clean(text).split())


def name_some(names: Sequence[str], most: int) -> str:
    """The first few names, and how many there are more."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def public_path(text: str) -> str:
    """A source as a page may show it: of a path on a user's machine, the last two parts."""
    if not re.match(r"[/\\~]|\.\.?[/\\]|[A-Za-z]:[/\\]", text):
        return text
    return "…/" + "/".join([part for part in re.split(r"[/\\]", text) if part][-2:])


def web_address(url: str) -> str:
    """An address as it can stand in Markdown or in an attribute."""
    return html.escape(quote(url, safe=":/?#@!$&'*+,;=%~"), quote=True)
