"""Texts that hold no answer: they say that it cannot be told, refuse, or stand where an answer should.

Works on lower-case text with contractions spelled out.
"""

from __future__ import annotations

import re
from typing import Final

from harness.answers.wording import either

_IMAGE: Final = (
    "(?:image|picture|photo|photograph|video|clip|frame|attachment|file|visual|media|content|figure|screenshot)s?"
)
_CAN_NOT: Final = (
    "(?:can not|could not|not possible to|unable to|hard to|difficult to|impossible to|no way to|not able to"
    "|not easy to|do not have enough|insufficient to|not sufficient to|tough to|tricky to|challenging to)"
)
_TELL: Final = (
    "(?:determined?|tell|say|said|confirm(?:ed)?|verif(?:y|ied)|know|known|sure|certain|answer(?:ed)?|ascertain(?:ed)?"
    "|concluded?|assess(?:ed)?|discern(?:ed)?|judged?|decided?|established?|help|assist|provide|process|comply|view"
    r"|access|analy[sz]e|answering|fulfil\w*|respond|infer(?:red)?|gauge|specify|definitively"
    "|make (?:a|any) (?:determination|judgement|judgment|conclusion))"
)
_AFTER_IMAGE: Final = (
    r"(?:[.,;!]|$|\n|was |were |is |are |has |have |provided|attached|uploaded|available|included|given|here|or |to "
    "|so |you |i |in (?:your|the|this|our) (?:message|prompt|request|input|conversation|chat))"
)
_UNSURE: Final = re.compile(
    either(
        rf"\b{_CAN_NOT}(?: \w{{1,12}}){{0,3}}? (?:be )?{_TELL}\b",
        r"\b(?:unclear|uncertain|indeterminate|inconclusive|undetermined|undecided|ambiguous|unknown|unanswerable"
        r"|indeterminable|unsure)\b",
        r"\bnot (?:\w{1,12} )?(?:sure|certain|clear|specified|stated|mentioned|known|discernible|determinable"
        r"|evident whether)\b",
        r"\bnot (?:\w{1,12} )?enough (?:information|detail|evidence|context|data)",
        r"\b(?:do|does|did) not (?:\w{1,10} )?know\b",
        r"\b(?:will|would|can|could|do) not (?:be able to )?(?:answer|comment|respond|help|assist)\b"
        r"|\brather not (?:say|answer)\b",
        r"\bneither confirm nor deny\b",
        r"\bno (?:idea|clue|answer|comment|information|way of knowing)\b",
        r"\b(?:insufficient|lack of|lacks?|not provide|without) (?:enough |sufficient |more |additional |any )?"
        r"(?:information|evidence|context|detail|details|data)\b",
        r"\b(?:may|might|could) or (?:may|might|could) not\b",
        r"\black the (?:ability|capability|capacity|means)\b",
        r"\bdepends (?:on|upon)\b|\bit depends\b|\bi (?:refuse|decline)\b|\bas an ai\b",
        r"\bi am (?:just |only )?an? (?:ai|language model|text-based|large language)\b",
        r"\b(?:no|not (?:see|have|find|view|receive|open|load|access|given|get|watch|upload|attach|provide)"
        f"(?: (?:an?|any|the|your|that|this))?) {_IMAGE}(?= ?{_AFTER_IMAGE})",
        rf"\b{_IMAGE} (?:is|was|are|were|has|have) (?:not|missing|unavailable)(?: been)?(?: \w{{1,12}})? ?"
        r"(?:provided|attached|uploaded|available|included|given|accessible|loaded|displayed|visible"
        r"|shared)?(?=[.,;!]|$|\n| in | so | to )",
        r"\b(?:please|could you|can you) (?:\w{1,10} )?(?:provide|upload|share|attach|describe|clarify|resend|give)\b",
        r"\bcan not be (?:determined|answered|said|known|verified|confirmed|established|inferred)\b",
        r"\bn/?a\b(?=[ .]?$)",
    )
)
# Of these, "no" is by far the most frequent, and most of the patterns do not begin with it.
_UNSURE_NO: Final = re.compile(
    r"no (?<!\wno )"  # letters first, so that they are looked for as a text is
    + either(
        rf"way to(?: \w{{1,12}}){{0,3}}? (?:be )?{_TELL}\b",
        r"(?:idea|clue|answer|comment|information|way of knowing)\b",
        rf"{_IMAGE}(?= ?{_AFTER_IMAGE})",
    )
)
_UNSURE_WORDS: Final = (
    "not ", "unable", "hard to", "difficult", "impossible", "insufficient", "unclear", "uncertain",
    "indetermin", "inconclusive", "undetermined", "undecided", "ambiguous", "unknown", "unanswerable", "unsure",
    "lack", "depends", "refuse", "decline", "as an ai", "i am a", "please", "could you", "can you", "n/a", "na",
    "tough", "tricky", "challenging", "or may", "or might", "without", "missing", "unavailable", "neither",
)  # fmt: skip


def is_unsure(sentence: str) -> bool:
    """Whether a sentence says that there is no answer, or refuses to give one."""
    for word in _UNSURE_WORDS:
        if word in sentence:
            return _UNSURE.search(sentence) is not None
    return "no " in sentence and _UNSURE_NO.search(sentence) is not None


PLACEHOLDER_LENGTH: Final = 60
_PLACEHOLDER: Final = re.compile(
    r"[\s\"'(\[{<.…_\-*]{0,6}(?:"
    "(?:(?:the|your|a|an|my|insert|put|write|place|final|correct|single|one|right|option|option's|actual|short|here"
    "|concise|best) ){0,6}"
    "(?:answers?|letters?|options?|choices?|responses?|words?|phrases?|text|content|placeholder|value|result)"
    "(?: (?:here|goes here|letter|choice|text|only|of the (?:right|correct) option|or phrase))?"
    "|and|x|n/?a|none|null|nil|nan|todo|tbd|tba|undefined|unknown|empty|blank|unanswered|no answer|not applicable"
    r"|\.{2,3}|…|-{1,3}|_{1,3}|\?{1,3})?[\s\"')\]}>.…_\-*]{0,6}$"
)


def is_placeholder(low: str) -> bool:
    """Whether a text stands where an answer should, and is none: empty, `...`, `[letter]`, `your answer`, `N/A`."""
    return len(low) <= PLACEHOLDER_LENGTH and _PLACEHOLDER.match(low) is not None
