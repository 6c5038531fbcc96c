"""Numbers and foreign texts in Markdown, HTML, LaTeX and CSV: how they are written, and made harmless."""

from __future__ import annotations

import html
import json
import re
import unicodedata
from typing import Any, Final
from urllib.parse import quote

UNKNOWN: Final = "–"
_MARKDOWN: Final = re.compile(r"([\\`*_\[\]|~$#])")
_LATEX: Final = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "–": "--",
    "…": r"\dots{}",
    "·": r"\textperiodcentered{}",
    "\ufffd": "?",
}


def number(value: float | None, scale: float = 100.0) -> str:
    """A figure with one digit; a dash when it is not known.

    Args:
        value: the figure.
        scale: what it is multiplied by: 100 shows a share in percent.
    """
    return UNKNOWN if value is None else _unsigned_zero(f"{scale * value:.1f}")


def signed(value: float | None, scale: float = 100.0) -> str:
    """A difference with its sign and one digit."""
    return UNKNOWN if value is None else _unsigned_zero(f"{scale * value:+.1f}").replace("-", "−")


def interval(low: float | None, high: float | None, scale: float = 100.0) -> str:
    """An interval; empty when it is not known."""
    if low is None or high is None:
        return ""
    return f"[{number(low, scale)}, {number(high, scale)}]".replace("-", "−")


def p_value(p: float | None) -> str:
    """A p-value as people write it."""
    if p is None:
        return UNKNOWN
    return "< 0.001" if p < 0.001 else f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


def _unsigned_zero(text: str) -> str:
    return "0.0" if text in ("-0.0", "+0.0") else text


def one_line(text: str) -> str:
    """The text without what a reader cannot see: control, format and direction characters; white space runs are one."""
    if text.isprintable() and "  " not in text:
        return text.strip()
    visible = "".join(
        " " if character.isspace() else "\ufffd" if unicodedata.category(character) in ("Cc", "Cf", "Cs") else character
        for character in text
    )
    return " ".join(visible.split())


def public_path(text: str) -> str:
    """A source as a page may show it: of a path on a user's machine, the last two parts."""
    if not re.match(r"[/\\~]|\.\.?[/\\]|[A-Za-z]:[/\\]", text):
        return text
    return "…/" + "/".join([part for part in re.split(r"[/\\]", text) if part][-2:])


def web_address(url: str) -> str:
    """An address as it can stand in Markdown or in an attribute."""
    return html.escape(quote(url, safe=":/?#@!$&'*+,;=%~"), quote=True)


def markdown(text: str) -> str:
    """A foreign text as plain text of a Markdown paragraph or table cell, whatever it holds."""
    return _MARKDOWN.sub(r"\\\1", html.escape(one_line(text), quote=False))


def hypertext(text: str) -> str:
    """A foreign text as plain text in HTML content or in a quoted attribute."""
    return html.escape(one_line(text), quote=True)


def latex(text: str) -> str:
    """A foreign text as plain text in LaTeX."""
    return "".join(_LATEX.get(character, character) for character in one_line(text))


def csv_text(text: str) -> str:
    """A foreign text that a spreadsheet does not take for a formula."""
    line = one_line(text)
    return f"'{line}" if line[:1] in ("=", "+", "-", "@", "\t", "\r") else line


def script_json(value: Any) -> str:
    """JSON that can stand inside a `<script>` element."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return (
        text.replace("&", "\\u0026")
        .replace("<", "\\u003c")
        .replace(">", "\\u003e")
        .replace("\u2028", "\\u2028")
        .replace("\u2029", "\\u2029")
    )
