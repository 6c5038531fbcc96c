"""Markdown: foreign texts made harmless, and tables. All Markdown of the harness is escaped here."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from harness.reports.text import one_line, web_address

BREAK: Final = "<br>"
"""Begins a new line within a cell."""
_SPECIAL: Final = re.compile(r"([\\`*_\[\]|~$#])")


def escape(text: str) -> str:
    """A foreign text as plain text of a paragraph or table cell, whatever it holds."""
    return _SPECIAL.sub(r"\\\1", html.escape(one_line(text), quote=False))


def code(text: str) -> str:
    """A foreign name as code, or as plain text where it holds what code in a table cannot."""
    line = one_line(text)
    return escape(line) if not line or "`" in line or "|" in line else f"`{line}`"


def link(text: str, url: str | None) -> str:
    """A foreign text that leads to an address; the text alone where there is none."""
    return escape(text) if url is None else f"[{escape(text)}]({web_address(url)})"


def folded(summary: str, lines: Iterable[str]) -> Iterator[str]:
    """Lines that show when their summary is opened."""
    yield from (f"<details><summary>{summary}</summary>", "", *lines, "", "</details>")


def picture(light: str, dark: str, words: str) -> str:
    """A picture that follows the reader's theme, by the addresses of its two files; words for who does not see it."""
    lines = (
        "<picture>",
        f'<source media="(prefers-color-scheme: dark)" srcset="{web_address(dark)}">',
        f'<img alt="{html.escape(words)}" src="{web_address(light)}">',
        "</picture>",
    )
    return "\n".join(lines)


def table(headers: Sequence[str], rows: Iterable[Sequence[Any]], *, align: Sequence[str] | None = None) -> str:
    """A table; empty without rows.

    Args:
        headers: of the columns, as Markdown.
        rows: cells, as Markdown or as whole numbers.
        align: `left` or `right` for each column; `None`: the first column left, the others right.
    """
    from tabulate import tabulate

    cells = list(rows)
    if not cells:
        return ""
    sides = align or ["left", *["right"] * (len(headers) - 1)]
    return tabulate(cells, headers=headers, tablefmt="pipe", disable_numparse=True, colalign=sides)
