"""Repetition in a text: how much of it is repeats, and whether it runs in a loop. One pass, linear in its length."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

NGRAM: Final = 4
LEAST_REPEATS: Final = 3
LEAST_WORDS: Final = 12
"""A loop is at least so many words long in all: three times "no" is emphasis."""
MOST_REPEATED: Final = 0.5
LONG_WORDS: Final = 40
"""In fewer words a list of objects may honestly repeat half of its phrases."""
_READ_WORDS: Final = 20_000
"""Words of a text that are looked at; a longer one has been looping for long."""

# Scripts that are written without spaces count a character as a word.
_WORD: Final = re.compile(r"[぀-ヿ㐀-鿿가-힣]|[^\W぀-ヿ㐀-鿿가-힣]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Repetition:
    """What is repeated in one text.

    Attributes:
        words: its length.
        repeated: share of its 4-grams of words that occurred before in it, 0 to 1: one minus distinct over all
            (seq-rep-4 of Welleck et al., ICLR 2020); 0 for a text of fewer than four words.
        unit: words of the stretch that is said over and over in immediate succession; 0 where nothing is.
    """

    words: int
    repeated: float
    unit: int = 0

    @property
    def loops(self) -> bool:
        """Whether the text loops.

        Something is said at least three times in immediate succession over at least 12 words, or the text has at least
        40 words and half of its 4-grams occurred before.
        """
        return self.unit > 0 or (self.words >= LONG_WORDS and self.repeated >= MOST_REPEATED)


def split_words(text: str) -> list[str]:
    """The words of a text in lower case, without punctuation."""
    return _WORD.findall(text[: _READ_WORDS * 20].lower())[:_READ_WORDS]


def measure_repetition(text: str) -> Repetition:
    """What is repeated in a text; the longest loop is reported where there are several."""
    words = split_words(text)
    count = len(words) - NGRAM + 1
    if count < 1:
        return Repetition(words=len(words), repeated=0.0)
    last: dict[tuple[str, ...], int] = {}
    longest, unit = 0, 0
    gap_before, run = 0, 0
    for place in range(count):
        ngram = tuple(words[place : place + NGRAM])
        gap = place - last.get(ngram, place)
        last[ngram] = place
        # A stretch of `gap` words that goes on to repeat gives the same gap at each word.
        run = run + 1 if gap and gap == gap_before else (1 if gap else 0)
        gap_before = gap
        length = run + NGRAM - 1 + gap
        if run and length > longest and length >= max(LEAST_REPEATS * gap, LEAST_WORDS):
            longest, unit = length, gap
    return Repetition(words=len(words), repeated=1 - len(last) / count, unit=unit)
