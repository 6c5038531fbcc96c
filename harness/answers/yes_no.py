"""What a response answers to a yes/no question."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, Literal

from harness.answers.forms import NOTHING, REFUSED, Found, stated
from harness.answers.refusals import refuses
from harness.answers.statements import read_statement
from harness.answers.text import sentences

_YES: Final = r"yes|yeah|yep|yup|true|correct|indeed|affirmative|(?:absolutely|definitely|certainly)(?=[.!,]|$)"
_NO: Final = r"no|nope|nah|false|incorrect|not true|negative"
_BEFORE: Final = (
    r"(?:(?:definitely|absolutely|most likely|probably|likely|simply) )?(?:A: )?[\s\"'*\[{(]*"
    r"(?:[A-J][).:,\]]+\s*|(?:option |answer )?[A-J]\s*(?=\()|(?:option |answer )[A-J],?\s*)?[\s\"'({\[:]*"
)
_WORD: Final = re.compile(rf"{_BEFORE}(?:(?P<yes>{_YES})|(?P<no>{_NO}))\b(?P<rest>.*)", re.IGNORECASE | re.DOTALL)
_ALTERNATIVE: Final = re.compile(r"\s*(?:or|and|/|\|)\s*(?:no|yes|not|true|false)\b", re.IGNORECASE)
_AFTER_NO: Final = re.compile(
    r"\W*$|\s*[,.;:!)\"'\]\-]"
    r"|\s+(?:it|they|there|the|this|that|these|he|she|i|because|as|since|not)\b|\n",
    re.IGNORECASE,
)
_LETTER: Final = re.compile(r"[\s\"'*\[{(]*(?:option )?\(?([A-J])[)\]}.:\"'*]*(?=\s|$)(?!\s*\()")
_LETTER_ALONE: Final = re.compile(r"[\s(\[\"']*([A-J])[\s)\].\"':]*")
_LEAD: Final = re.compile(
    r"^(?:(?:so|therefore|thus|hence|overall|finally|in (?:conclusion|summary|short|other words)|ultimately"
    r"|consequently|based on (?:the|this|these) [^,]{1,60}|well|sure|okay|ok|and|then)[,:!]?\s+){1,4}",
    re.IGNORECASE,
)
_AT_THE_END: Final = re.compile(
    rf"(?:, so|, therefore|, hence|, thus|:|,)\s*(?:the answer is )?({_YES}|{_NO})[.!\"']*$", re.IGNORECASE
)
_TAKEN_BACK: Final = re.compile(
    r"[^\w\s]\s*(?:or )?(?:no|yes)\b(?=\W*$|[.,;:/!])|\b(?:yes|no) (?:yes|no)\b", re.IGNORECASE
)

Polarity = Literal["yes", "no"]


def polarity(payload: str) -> Polarity | None:
    """The yes or no that a text begins with: "No", "(B) no", "B (No)", '"Yes."'; `None` for "No dogs", "yes or no"."""
    match = _WORD.match(payload)
    if match is None or _ALTERNATIVE.match(match["rest"]):
        return None
    if match["yes"]:
        return "yes"
    if re.match(r"\.?\s*\d", match["rest"]) or not _AFTER_NO.match(match["rest"]):
        return None  # "No. 30: ...", "No dogs", "no different"
    return "no"


def read_yes_no(text: str, question: str | None, letters: Mapping[str, Polarity]) -> Found:
    """Reads a plain text.

    Args:
        text: see `harness.answers.text.plain`.
        question: the question; lets a statement count that repeats it.
        letters: which letter means yes and which no, where the question offers such options.
    """
    found, letter_unknown = _stated(text, letters)
    if found is not None and not letter_unknown:
        return found
    parts = sentences(text)
    if not parts:
        return NOTHING
    if letters and len(parts) == 1 and (letter := _LETTER_ALONE.fullmatch(text)):
        return Found(letters[letter[1]], "whole", text) if letter[1] in letters else NOTHING
    if len({word for part in parts if (word := polarity(part)) and re.match(r"\W*[A-J][).:]", part)}) == 2:
        return NOTHING  # The options are listed, and none is chosen.
    first, last = _LEAD.sub("", parts[0]), _LEAD.sub("", parts[-1])
    if word := polarity(first) or (polarity(text) if len(parts) > 1 and len(parts[0]) < 8 else None):
        later = polarity(last) if len(parts) > 1 else None
        return NOTHING if later not in (None, word) or _is_taken_back(text, word) else Found(word, "begins", parts[0])
    if word := polarity(last):
        return Found(word, "ends", parts[-1])
    if (match := _AT_THE_END.search(parts[-1])) and (word := polarity(match[1])):
        return Found(word, "ends", parts[-1])
    if refuses(text):
        return REFUSED
    if question and not letter_unknown:
        return read_statement(parts, question)
    return NOTHING


def _stated(text: str, letters: Mapping[str, Polarity]) -> tuple[Found | None, bool]:
    """The last answer that is stated, and whether the last statement is a letter whose word is not known.

    Of two options a letter beyond them is no answer, but a statement that cannot be read must not be passed over.
    """
    meaning, found, unknown = dict(letters), None, False
    for _, form, payload, words in stated(text):
        word = polarity(payload)
        if word and (named := re.match(r"\W*([A-J])\b", payload)):
            meaning[named[1]] = word
        if word is None and (letter := _LETTER.match(payload)):
            word = meaning.get(letter[1])
            unknown = word is None and letter[1] in "AB"
        if word:
            found, unknown = Found(word, form, words), False
    return found, unknown


def _is_taken_back(text: str, word: Polarity) -> bool:
    match = _TAKEN_BACK.search(text[4:120])
    return match is not None and match[0].strip(" .,;:/&-or").lower() != word
