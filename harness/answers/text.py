"""Plain text, as all stages of reading see it: without Markdown and LaTeX dress, quotes and dashes made plain."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final

_ODD: Final = str.maketrans(
    {"“": '"', "”": '"', "‘": "'", "’": "'", "−": "-", "–": "-", "—": "-", "\u200b": None, "\ufeff": None}
)
_DRESS: Final = re.compile(r"\\(?:text|mathrm|mathbf|textbf|mathsf|textit|bold|rm)\s*\{([^{}]*)\}")
_LATEX: Final = {"\\%": "%", "\\$": "$", "\\ ": " ", "\\approx": "≈"}
_MARKS: Final = re.compile(r"\*\*|__(?=\w)|(?<=\w)__|\\[()\[\],;!]|(?m:^[ \t]*#{1,6}[ \t]+)|(?m:^[ \t]*>[ \t]+)|\$\$|`")
_SENTENCE_END: Final = re.compile(r"\n+|(?<=[.!?。])[\"')]?\s+(?=[\"'(]?[A-Z0-9\\*])|(?<=。)")


def plain(text: str) -> str:
    """The text without what only dresses it; lines stay. Characters are made compatible (NFKC)."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text).translate(_ODD)
    if "\\" in text:
        text = _DRESS.sub(r"\1", text)
        for dressed, bare in _LATEX.items():
            text = text.replace(dressed, bare)
    return _MARKS.sub("", text).strip()


def sentences(text: str) -> list[str]:
    """The sentences and lines of a plain text, none of them empty."""
    return [sentence for sentence in map(str.strip, _SENTENCE_END.split(text)) if sentence]


@lru_cache(maxsize=4096)
def key(text: str) -> str:
    """What must be equal for two short texts to be the same.

    Lower case, one space, no article in front, no punctuation or brackets around, no spaces around operators.
    """
    text = re.sub(r"[\\${}]|\s+", " ", plain(text).lower())
    text = re.sub(r"\s*([-+*/=<>^_,()%:;|])\s*", r"\1", text)
    text = re.sub(r"\s+", " ", text).strip(" .,;:!?\"'*")
    if text.startswith("(") and text.endswith(")") and "(" not in text[1:]:
        text = text[1:-1]
    return re.sub(r"^(?:an?|the)\s+(?=\w)", "", text)


def locate(words: str, response: str) -> tuple[int, int] | None:
    """Where in the response plain words stand: the last such place, as character offsets.

    Returns:
        `None` where they are written so differently that their place cannot be told.
    """
    words = words.strip()
    if not words:
        return None
    place = response.rfind(words)
    if place >= 0:
        return place, place + len(words)
    parts = re.findall(r"\w+|[^\w\s]", words[:400])
    pattern = r"[\s*_`$\\{}#>()\[\]]{0,12}(?:\\?(?:text|mathrm|mathbf|textbf)\s?\{)?".join(map(re.escape, parts))
    found = [match.span() for match in re.finditer(pattern, response)]
    return found[-1] if found else None
