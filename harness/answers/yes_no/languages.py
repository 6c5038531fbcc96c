"""Yes and no in languages other than English: answers that begin a sentence, and sentences that affirm or deny."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final, Literal, NamedTuple

from harness.answers.wording import fold, vocabulary, word_set
from harness.answers.yes_no.language_tables import LANGUAGES, LATIN, Language

Vote = Literal["yes", "no", "unsure"]


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


class _Compiled(NamedTuple):
    ignored: re.Pattern[str]
    unsure: re.Pattern[str]
    yes: re.Pattern[str]
    no: re.Pattern[str]
    denies: re.Pattern[str]
    affirms: re.Pattern[str]
    spaced: bool


def _compile(name: str) -> _Compiled:
    language = Language(*map(fold, LANGUAGES[name]))
    spaced = name not in ("zh", "ja", "ko", "th")
    edge = r"(?![^\W_])" if spaced else ""
    return _Compiled(
        re.compile(language.ignored),
        re.compile(language.unsure),
        re.compile(f"{_OPENING}(?:{language.yes}){edge}"),
        re.compile(f"{_OPENING}(?:{language.no}){edge}"),
        re.compile(language.denies),
        re.compile(language.affirms),
        spaced,
    )


_COMPILED: Final[dict[str, _Compiled]] = {}


def _language(name: str) -> _Compiled:
    if name not in _COMPILED:
        _COMPILED[name] = _compile(name)
    return _COMPILED[name]


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
                return _read(low, _language(name))
    words = vocabulary(low[:2000]) if words is None else set(words)
    if not _ENGLISH.isdisjoint(words):
        return None
    likely = max(LATIN, key=lambda name: len(words & LATIN[name]))
    return _read(low, _language(likely)) if words & LATIN[likely] else None


def _read(low: str, language: _Compiled) -> Vote | None:
    low = language.ignored.sub(" ", low)
    declared: Vote | None = None
    for sentence in _SENTENCE.split(low):
        sentence = sentence.strip()
        if not sentence:
            continue
        if language.unsure.search(sentence):
            declared = declared or "unsure"
            continue
        if language.no.match(sentence):
            return "no"
        if language.yes.match(sentence):
            return "yes"
        if declared is None:
            if language.denies.search(sentence):
                declared = "no"
            elif language.affirms.search(sentence):
                declared = "yes"
    return declared
