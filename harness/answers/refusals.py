"""Texts that say that there is no answer, or that none will be given."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

_INFORMATION: Final = r"(?:information|context|details?|data|evidence|specifics)"
_TELL: Final = (
    r"(?:determin\w+|tell|say|said|answer\w*|know\w*|verif\w+|confirm\w*|provid\w+|infer\w*|conclu\w+|assess|identif\w+"
    r"|analy[sz]e|access|compar\w+|calculat\w+|give|given|make|establish\w*|solve\w*|assist|help|choose"
    r"|decide|definitive\w*|read|interpret|process|state|comment)"
)
_REFUSAL: Final = re.compile(
    r"(?:can ?not|can't|could ?n[o']t|unable to|not able to|(?:im|not )possible to|no way to|(?:hard|difficult) to"
    rf"|not enough to|insufficient to)(?: \w+){{0,3}}? {_TELL}\b"
    r"|(?:not?|n't|without|insufficient|lacks?|lacking|more|additional)\b"
    rf"(?: \w+){{0,5}}? {_INFORMATION}\b"
    r"|\b(?:is|are|was|were|seems?) (?:un|in)(?:clear|known|determinate|conclusive|certain|answerable|valid|complete)\b"
    r"|not (?:clear|valid|known|sure|specified|provided|given|certain|determinable|applicable|enough info\w*)\b"
    r"|\b(?:i'm|i am|we're) (?:sorry|unable|not sure|just an? |only an? )|^\W*sorry\b"
    r"|\bi (?:apologi[sz]e|do not know|don't know)\b|\bas an ai\b"
    r"|\b(?:too vague|ambiguous|abstain|depends on)\b|\bneed(?:ed)? (?:more|additional|further|the actual)\b|\bn/a\b"
    r"|\bplease (?:provide|describe|upload|share|clarify)\b|\bcan(?:not|'t) be \w{2,}ed\b|无法|不能确定"
)
"""On lower-case text, and without a word boundary in front of the longest alternatives: both make the search fast."""
_ABSENCE: Final = re.compile(
    r"(?:(?:does|do|did) ?n[o']t|can ?not|can't|unable to|not able to)(?: \w+){0,2}"
    r" (?:provide|specify|mention|contain|have access|see|view|find|show any)\b"
)


_UNSEEN: Final = re.compile(
    r"(?:(?:does|do|did) ?n[o']t|can ?not|can't|unable to|not able to)(?: \w+){0,2} (?:see|view|find|access)"
    r"(?:\W*$|(?: to)?(?: (?:the|this|your|any|an|a))?(?: \w+)? (?:image|picture|photo|video|file|attachment)s?\b)"
)
_APOLOGY: Final = re.compile(
    r"^\W*(?:(?:i'm|i am|we're) (?:very |so )?sorry|sorry|i apologi[sz]e|my apologies)\b(?: (?:for|about) [^,.]{1,60})?"
    r"(?:,? but|[,.!])\s+(?=\S)",
    re.IGNORECASE,
)
_BUT: Final = re.compile(r"(?:,? (?:but|though|although|however)\b,?|[,;])\s+")
_FURTHER: Final = re.compile(r"\b(?:its|their|his|her) (\w{3,})", re.IGNORECASE)
_COMPARES: Final = re.compile(r"\b(?:than|same|equal|compar\w+)\b", re.IGNORECASE)


def cannot_look(text: str) -> bool:
    """Whether a plain text declines, or says that the image itself is not seen, not only something in it."""
    return declines(text) or _UNSEEN.search(text.lower()) is not None


def apart(parts: Sequence[str], is_refusal: Callable[[str], bool]) -> tuple[list[str], list[str]]:
    """The sentences that refuse, or their clauses, and the others, none with an "I'm sorry, but" in front."""
    refusing: list[str] = []
    kept: list[str] = []
    for part in (_APOLOGY.sub("", part) for part in parts):
        for clause in _BUT.split(part) if is_refusal(part) else [part]:
            (refusing if is_refusal(clause) else kept).append(clause)
    return refusing, kept


def is_of_another(sentence: str, question: str | None) -> bool:
    """Whether a sentence that declines does so of something that was not asked: "Its breed is not clear."."""
    further, asked = _FURTHER.search(sentence), (question or "").lower()
    return bool(further and further[1].lower().rstrip("s") not in asked and not _COMPARES.search(asked))


def declines(text: str) -> bool:
    """Whether a plain text says that the question cannot or will not be answered."""
    return _REFUSAL.search(text.lower()) is not None


def refuses(text: str) -> bool:
    """Whether it says so, or that what is asked about is not there: to "Is there a dog?" that would be an answer."""
    return declines(text) or _ABSENCE.search(text.lower()) is not None
