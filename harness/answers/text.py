"""Plain text, as all stages of reading see it: without Markdown and LaTeX dress, quotes and dashes made plain."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final

_ODD: Final = str.maketrans("“”‘’−–—⁻", "\"\"''----", "\u200b\ufeff")
_SUPERSCRIPT: Final = re.compile("[²³¹⁰⁴-⁹⁻]+")
_LOWER: Final = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")
_DRESS: Final = re.compile(r"\\(?:text|mathrm|mathbf|textbf|mathsf|textit|bold|rm)\s*\{([^{}]*)\}")
_LATEX: Final = {"\\%": "%", "\\$": "$", "\\ ": " ", "\\approx": "≈", "^{\\circ}": "°", "^\\circ": "°", "\\circ": "°"}
_MARKS: Final = re.compile(r"\*\*|__(?=\w)|(?<=\w)__|\\[()\[\],;!]|(?m:^[ \t]*(?:#{1,6}[ \t]+|>[ \t]+(?!\d)))|\$\$|`")
_MARKED: Final = re.compile(r"[*_\\#>$`]")
_GAP: Final = 24
"""Characters of dress, such as of LaTeX, that may stand between two words."""
_SENTENCE_END: Final = re.compile(r"\n+|(?<=[.!?。])[\"')]?\s+(?=[\"'(]?[A-Z0-9\\*])|(?<=。)")


def plain(text: str) -> str:
    """The text without what only dresses it; lines stay. Characters are made compatible (NFKC)."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", _SUPERSCRIPT.sub(r"^\g<0>", text).translate(_ODD))
    if "\\" in text:
        text = _DRESS.sub(r"\1", text)
        for dressed, bare in _LATEX.items():
            text = text.replace(dressed, bare)
    return (_MARKS.sub("", text) if _MARKED.search(text) else text).strip()


def lowered(text: str) -> str:
    """The text in lower case, character by character."""
    lower = text.lower()
    return lower if len(lower) == len(text) else text.translate(_LOWER)


def sentences(text: str) -> list[str]:
    """The sentences and lines of a plain text, none of them empty."""
    return [sentence for sentence in map(str.strip, _SENTENCE_END.split(text)) if sentence]


@lru_cache(maxsize=4096)
def key(text: str) -> str:
    """What must be equal for two short texts to be the same.

    Lower case, one space, no article in front, no punctuation or brackets around, no spaces around operators.
    """
    text = re.sub(r"[\\${}\s]+", " ", plain(text).lower())
    text = re.sub(r" ?([-+*/=<>^_,()%:;|]) ?", r"\1", text).strip(" .,;:!?\"'*")
    if text.startswith("(") and text.endswith(")") and "(" not in text[1:]:
        text = text[1:-1]
    return re.sub(r"^(?:an?|the)\s+(?=\w)", "", text)


def holds(text: str, words: str) -> bool:
    """Whether a text holds words as words, and not as parts of longer ones."""
    place = text.find(words)
    while place >= 0:
        before, after = text[place - 1 : place], text[place + len(words) :][:1]
        if not (_is_word(before) or _is_word(after)):
            return True
        place = text.find(words, place + 1)
    return False


def locate(words: str, response: str) -> tuple[int, int] | None:
    """Where in the response plain words stand: the last such place, as character offsets.

    Returns:
        `None` where they are written so differently that their place cannot be told.
    """
    words = words.strip()
    if not words:
        return None
    start = response.rfind(words)
    if start >= 0:
        return start, start + len(words)
    tokens = re.findall(r"\w+", words)
    start = response.rfind(tokens[0]) if tokens else -1
    while start >= 0:
        end = start
        for token in tokens:
            place = response.find(token, end, end + len(token) + _GAP)
            end = place + len(token) if place >= 0 else -1
            if end < 0:
                break
        if end > 0:
            return start, end
        start = response.rfind(tokens[0], 0, start)
    return None


def _is_word(character: str) -> bool:
    return character.isalnum() or character == "_"
