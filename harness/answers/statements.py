"""Statements that answer a yes/no question: they repeat it, word by word."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, Literal

from harness.answers.forms import NOTHING, Found
from harness.answers.text import sentences

_DROPPED: Final = frozenset(
    "is are was were be been being do does did a an the of to there has have had it its any some this that these can"
    " could will would appear appears seem seems actually really famous indeed both also you i see we they he she shown"
    " depicted visible provided image picture chart graph map figure photo video following labeled called value".split()
)
"""Words in which a question and a statement of the same may differ."""
_NEGATIONS: Final = frozenset(
    "not no never neither none nor cannot without isnt arent wasnt werent doesnt dont didnt cant wont hasnt havent"
    " couldnt lacks".split()
)
_HEDGES: Final = frozenset(
    "if whether may might could possibly perhaps unclear almost nearly barely hardly partially except unless would"
    " should only neither nor rather instead likely false incorrect unlikely asks asking question or doubt"
    " fail fails absence absent untrue thought wrong mistake zero nothing while analyzing".split()
)
_SCENE: Final = re.compile(
    r"\b(?:according to|based on|from|in|on) (?:the |this |these )?(?:(?:given|provided|positive) ){0,2}"
    r"(?:sequence of )?(?:the )?"
    r"(?:images?|pictures?|charts?|graphs?|maps?|figures?|photos?|videos?|plots?|diagrams?|tables?)"
    r"(?: (?:provided|given|shown|you provided))?,?",
    re.IGNORECASE,
)
_CLAUSE_END: Final = re.compile(
    r",? (?:as|because|since|which|who|while|whereas|although|though|but|with|indicating|meaning|due|so|and it)\b"
    r"|;|(?<![( ]\w):\s|, and ",
    re.IGNORECASE,
)
_TOKEN: Final = re.compile(r"[a-z0-9]+(?:\.\d+)?|[<>=+]|≥|≤")
_EXISTENCE: Final = re.compile(
    r"\bthere (?:is|are|was|were)\b|\b(?:see|shows?|contains?|visible|present|depicts?)\b", re.IGNORECASE
)
_COMPARED: Final = re.compile(
    r"\b(?:larger|smaller|bigger|longer|shorter|taller|greater|fewer|less|more|higher|lower|wider|narrower|brighter"
    r"|darker)\b",
    re.IGNORECASE,
)
_SAME: Final = re.compile(
    r"\b(?:the|of) (?:exact )?same (?:size|length|height|width|number|value|brightness|color)\b"
    r"|\bof (?:equal|identical) (?:size|length)\b",
    re.IGNORECASE,
)


def read_statement(parts: Sequence[str], question: str) -> Found:
    """The polarity of the last sentence, or of the first of a short text, that repeats the question."""
    for part in dict.fromkeys((parts[-1], parts[0])) if len(parts) < 5 else (parts[-1],):
        if word := _echo(part, question):
            return Found(word, "statement", part)
        if _is_equal(part, question):
            return Found("no", "same size", part)
    return NOTHING


def _echo(sentence: str, question: str) -> Literal["yes", "no"] | None:
    """Yes where a statement repeats every word of the question in its order, no where it is negated once."""
    asked = _asked(question)
    clause = _CLAUSE_END.split(sentence, maxsplit=1)[0]
    words = _words(clause)
    if sentence.endswith("?") or not asked or set(asked) & _NEGATIONS or set(words) & (_HEDGES - set(asked)):
        return None
    if len(asked) < 2 and not _EXISTENCE.search(clause):
        return None
    place = negations = 0
    for word in words:
        if word in _NEGATIONS:
            negations += 1
        elif place < len(asked) and word == asked[place]:
            place += 1
    if place < len(asked) or negations > 1:
        return None
    return "no" if negations else "yes"


def _is_equal(sentence: str, question: str) -> bool:
    """Whether a statement says that things are equal, to the question whether one is more than the other."""
    if not _COMPARED.search(question) or re.search(r"\b(?:same|equal)\b", question, re.IGNORECASE):
        return False
    return bool(_SAME.search(sentence)) and not set(_words(sentence)) & (_NEGATIONS | _HEDGES)


def _words(text: str) -> list[str]:
    text = _SCENE.sub(" ", text).lower().replace("n't", "nt").replace("can not", "cannot").replace("'s", "")
    return [_stem(word) for word in _TOKEN.findall(text) if word not in _DROPPED]


def _stem(word: str) -> str:
    return re.sub(r"(?:e?s|ing|ed)$", "", word) if len(word) > 4 and not word.endswith("ss") else word


def _asked(question: str) -> list[str]:
    asked = [sentence for sentence in sentences(question) if sentence.endswith("?")] or [question]
    return _words(asked[-1])
