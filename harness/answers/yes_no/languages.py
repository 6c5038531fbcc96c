"""Yes and no in languages other than English: answers that begin a sentence, and sentences that affirm or deny."""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import cache
from typing import Final

from harness.answers.wording import fold, vocabulary, word_set
from harness.answers.yes_no.language_tables import LANGUAGES, LATIN, Language
from harness.answers.yes_no.polar_words import Vote

_SCRIPTS: Final = (
    ("ja", re.compile("[\u3040-\u30ff]")),
    ("zh", re.compile("[\u3400-\u9fff]")),
    ("ko", re.compile("[\uac00-\ud7af]")),
    ("uk", re.compile("[іїєґ]")),
    ("ru", re.compile("[\u0400-\u04ff]")),
    ("fa", re.compile("[پچژگ]|بله|خیر|نیست|است")),
    ("ar", re.compile("[\u0600-\u06ff]")),
    ("hi", re.compile("[\u0900-\u097f]")),
    ("bn", re.compile("[\u0980-\u09ff]")),
    ("th", re.compile("[\u0e00-\u0e7f]")),
    ("el", re.compile("[\u0370-\u03ff]")),
    ("he", re.compile("[\u0590-\u05ff]")),
)
_ENGLISH: Final = word_set("the there are this of and it with does image's i'm you what from see")
_SENTENCE: Final = re.compile(r"[.!?;\n。！？；।؟]+")
_OPENING: Final = "[\\s\"'(\\[{<,:;\\-–>=*_。，、：]{0,6}"


@cache
def _patterns(name: str) -> list[re.Pattern[str]]:
    """The patterns of a language, compiled, in the order of `Language`'s attributes."""
    language = Language(*map(fold, LANGUAGES[name]))
    edge = "" if name in ("zh", "ja", "ko", "th") else r"(?![^\W_])"
    starts = [f"{_OPENING}(?:{words}){edge}" for words in (language.yes, language.no)]
    stands = [rf"\b(?:{words})\b" if name in LATIN else words for words in (language.denies, language.affirms)]
    return [re.compile(pattern) for pattern in (language.ignored, language.unsure, *starts, *stands)]


def read_other_language(low: str, words: Collection[str] | None = None) -> Vote | None:
    """Reads yes or no out of a text that is not English.

    Args:
        low: cleaned text in lower case.
        words: its vocabulary, if it is known.

    Returns:
        the vote of the first sentence that begins with yes or no, else of the first that affirms or denies; `unsure`
        where the text says that it cannot be told; `None` where no language says anything.
    """
    if not low.isascii():
        for name, script in _SCRIPTS:
            if script.search(low):
                return _read(low, name)
    words = vocabulary(low[:2000]) if words is None else set(words)
    if not _ENGLISH.isdisjoint(words):
        return None
    likely = max(LATIN, key=lambda name: len(words & LATIN[name]))
    return _read(low, likely) if words & LATIN[likely] else None


def _read(low: str, name: str) -> Vote | None:
    ignored, unsure, yes, no, denies, affirms = _patterns(name)
    declared: Vote | None = None
    for sentence in map(str.strip, _SENTENCE.split(ignored.sub(" ", low))):
        if unsure.search(sentence):
            declared = declared or "unsure"
        elif no.match(sentence):
            return "no"
        elif yes.match(sentence):
            return "yes"
        elif declared is None:
            declared = "no" if denies.search(sentence) else "yes" if affirms.search(sentence) else None
    return declared
