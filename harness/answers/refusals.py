"""Texts that say that there is no answer, or that none will be given."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

_INFORMATION: Final = r"(?:information|context|details?|data|evidence(?! (?:of|for)\b)|specifics)"
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
_WORDS_BEHIND: Final = (
    r"(?:its|their|his|her)((?: (?!(?:from|in|of|on|at|by|with|for|as|because|due|based|is|are|was|were|remains?|seems?"
    r"|can|cannot|could)\b)[\w-]+){1,5}"
)
_FURTHER: Final = re.compile(
    rf"^\W*(?:and |but )?{_WORDS_BEHIND}?) (?:is|are|was|were|remains?|seems?|can|cannot|can't|could)\b"
    r"(?!.* (?:and|or) )"
    r"|(?:can ?not|can't|could ?n[o']t|do not|don't|unable to|not able to|possible to|hard to|difficult to|not)"
    r"(?: \w+)? (?:determine|tell|say|know|identify|verify|confirm|infer|assess|specify|see|make out|sure (?:of|about))"
    rf" (?:exactly |what )?{_WORDS_BEHIND})(.*)",
    re.IGNORECASE | re.DOTALL,
)
"""What a refusal is of, as its subject or its object, and what follows that."""
_VAGUE: Final = frozenset(
    "number count amount quantity total figure sum population presence existence absence visibility appearance identity"
    " nature specie shade hue answer resolution pixel quality blur cannot unable not".split()
)
"""Words, without an ending "s", of what may be the very thing that was asked."""
_OPEN_QUESTION: Final = re.compile(
    r"\b(?:(?:what|which)(?! colou?rs?\b)|who|whose|where|when|why|how(?! many))\b", re.IGNORECASE
)
"""Questions whose answer has many names: "How old?" asks for "its age"."""
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
    further = _FURTHER.search(sentence)
    if further is None or not question or _OPEN_QUESTION.search(question) or _COMPARES.search(question):
        return False
    declined, asked = (
        {word.rstrip("s") for word in re.findall(r"\w+", text.lower())} for text in (further[1] or further[2], question)
    )
    return not declined & (_VAGUE | asked) and not refuses(further[3] or "")


def declines(text: str) -> bool:
    """Whether a plain text says that the question cannot or will not be answered."""
    return _REFUSAL.search(text.lower()) is not None


def refuses(text: str) -> bool:
    """Whether it says so, or that what is asked about is not there: to "Is there a dog?" that would be an answer."""
    return declines(text) or _ABSENCE.search(text.lower()) is not None
