"""What a response answers to a yes/no question."""

from __future__ import annotations

import re
from typing import Final, Literal

from harness.answers.forms import NOTHING, REFUSED, Found, is_concluding, stated
from harness.answers.refusals import apart, cannot_look, declines, is_of_another, refuses
from harness.answers.statements import asks_existence, read_statement
from harness.answers.text import sentences

_YES: Final = (
    r"是的|是|对|有|yes|yeah|yep|yup|true|correct|affirmative"
    r"|(?P<adverb>(?:absolutely|definitely|certainly)(?=[.!,]|$)|indeed|of course(?=\W*$))"
)
_NO: Final = (
    r"没有|不是|不对|否|no|nope|nah|false|incorrect|not true|negative"
    r"|(?:absolutely|definitely|certainly|of course|probably|(?:most )?likely) not(?=[.!,]|$)"
)
_BEFORE: Final = (
    r"(?:(?:definitely|absolutely|certainly|most likely|probably|likely|simply) )?(?:A: )?[\s\"'*\[{(]{0,6}"
    r"(?:[A-J][).:,\]]+\s*|(?:option |answer )?[A-J]\s*(?=\()|(?:option |answer )[A-J],?\s*)?[\s\"'({\[:]{0,6}"
)
_WORD: Final = re.compile(rf"{_BEFORE}(?:(?P<yes>{_YES})|(?P<no>{_NO}))\b(?P<rest>.*)", re.IGNORECASE | re.DOTALL)
_ALTERNATIVE: Final = re.compile(r"\s*(?:or|and|/|\|)\s*(?:no|yes|not|true|false)\b", re.IGNORECASE)
_IMAGE: Final = r"(?:the|this|your|any) (?:image|picture|photo|video)"
_CANNOT: Final = r"(?:can ?not|can't|unable to|not able to|do not|don't)"
_TELL: Final = r"(?:answer|determine|tell|identify|help|know|provide|verify|confirm)"
_SEE: Final = rf"(?:see|view|access) {_IMAGE}"
_OF_MYSELF: Final = re.compile(
    rf",? i(?:'m| am)? (?:{_CANNOT} (?:{_TELL}|{_SEE})|sorry)"
    rf"|(?:,? (?:unfortunately|but|however),?){{1,2}} i(?:'m| am)? (?:sorry|{_CANNOT} (?:{_SEE}|{_TELL}"
    rf"(?: (?:it|that|this|for (?:sure|certain)|with certainty|(?:the|this|that|your) question|(?:from )?{_IMAGE}))*"
    r"(?=\s*(?:$|[.,;!\n]))))",
    re.IGNORECASE,
)
"""What makes of "Yes" and "No" a refusal; "but I cannot tell who it is" is of a detail."""
_ADVERB: Final = re.compile(r"(?:absolutely|definitely|certainly|indeed)\W*", re.IGNORECASE)
_OPENS_DENYING: Final = r"^\W*(?:no|not|never|none|nothing)\b(?! (?:doubt|only))|\b(?:is|are|was|were) no\b"
_DENIES: Final = re.compile(
    rf"{_OPENS_DENYING}|(?:\b(?:is|are|was|were|do|does|did|has|have|can|will) ?not|n't)\b", re.IGNORECASE
)
_DENIES_EXISTENCE: Final = re.compile(
    rf"{_OPENS_DENYING}|\b(?:see|shows?|contains?|has|have|includes?|depicts?) no(?:ne|thing)?\b"
    r"|(?:\bnot|n't) (?:an?|any|see|find|show|contain|include|depict|have|seem|appear|visible|present|there|in the)\b",
    re.IGNORECASE,
)
"""What speaks against a "Certainly" in front of it."""
_ASKS_ABSENCE: Final = re.compile(r"\bno\b", re.IGNORECASE)
_TO_THE_REQUEST: Final = re.compile(
    r",? i(?:'d| can| do| will| would)?(?: be (?:happy|glad) to)?"
    rf" (?:(?:see|view|access|have) {_IMAGE}(?=[.,;!]| (?:and|but|you)\b|$)|(?:help|assist)\b)",
    re.IGNORECASE,
)
"""What makes of "Yes" an answer to the request, not to the question."""
_AFTER_NO: Final = re.compile(
    r"\W*$|\s*[,.;:!)\"'\]\-]"
    r"|\s+(?:it|they|there|the|this|that|these|he|she|i|because|as|since|not|no)\b|\n",
    re.IGNORECASE,
)
_LETTER: Final = re.compile(r"[\s\"'*\[{(]{0,6}(?:option )?\(?([A-J])[)\]}.:\"'*]*(?=\s|$)(?!\s*\()")
_LEAD: Final = re.compile(
    r"^(?:(?:so|therefore|thus|hence|overall|finally|in (?:conclusion|summary|short|other words)|ultimately"
    r"|consequently|based on (?:the|this|these) [^,]{1,60}|well|sure|okay|ok|and|then)[,:!]?\s+){1,4}",
    re.IGNORECASE,
)
_AT_THE_END: Final = re.compile(
    rf"(?:, so|, therefore|, hence|, thus|:|,)\s*(?:the answer is )?({_YES}|{_NO})[.!\"']*$", re.IGNORECASE
)
_REPLY: Final = re.compile(
    r"(?:^|(?<=[^\w\s])\s*|(?<=[^\w\s]\sor )|(?<=\bactually )|(?<=yes )|(?<=no ))(?P<word>no|yes)\b"
    r"(?=\W*$|[.,;:/!\n]| otherwise| yes| no| \(?\d)",
    re.IGNORECASE,
)
"""A yes or no that stands for itself."""
_CONDITION: Final = re.compile(r"\b(?:if|whether|otherwise|unless)\b", re.IGNORECASE)

_USUAL_LETTERS: Final = {"yes": "A", "no": "B"}
"""In the order in which the two are offered nearly always; a statement of the same in words has to agree with it."""

Polarity = Literal["yes", "no"]


def polarity(payload: str, question: str | None = None) -> Polarity | None:
    """The yes or no that a text begins with: "No", "(B) no", "B (No)", '"Yes."'; `None` for "No dogs", "yes or no".

    `question`: tells what a negation behind "Certainly" is of.
    """
    match = _WORD.match(payload)
    if match is None or _ALTERNATIVE.match(match["rest"]) or _OF_MYSELF.match(match["rest"]):
        return None
    if match["adverb"] and not (question and _ASKS_ABSENCE.search(question)):
        denies = _DENIES_EXISTENCE if question and asks_existence(question) else _DENIES
        if denies.search(match["rest"]):
            return None  # "Certainly, there is no dog."
    if match["yes"]:
        return None if re.search("[不没否]", match["rest"]) or _TO_THE_REQUEST.match(match["rest"]) else "yes"
    if re.match(r"\.?\s*\d", match["rest"]) or not _AFTER_NO.match(match["rest"]):
        return None  # "No. 30: ...", "No dogs", "no different"
    return "no"


def read_yes_no(text: str, question: str | None) -> Found:
    """Reads a plain text.

    Args:
        text: see `harness.answers.text.plain`.
        question: the question; lets a statement count that repeats it.
    """
    found, letter = _stated(text)
    if found is not None and letter is None:
        return found
    parts = sentences(text)
    if not parts:
        return NOTHING
    if len({word for part in parts if (word := polarity(part)) and re.match(r"\W*[A-J][).:]", part)}) == 2:
        return NOTHING  # The options are listed, and none is chosen.
    bare = [_LEAD.sub("", part) for part in parts]
    begun = " ".join(bare[:2]) if _ADVERB.fullmatch(bare[0]) else bare[0]
    first = polarity(begun, question) or (polarity(text, question) if len(parts) > 1 and len(parts[0]) < 8 else None)
    if word := first or polarity(bare[-1], question) or _at_the_end(parts[-1]):
        is_other = any(polarity(part) not in (None, word) for part in bare[1:]) or _is_contradicted(text, word)
        place = 0 if first else -1
        return NOTHING if is_other else Found(word, "begins" if first else "ends", parts[place])
    concludes = is_concluding(parts[-1]) and not declines(parts[-1])
    declining, kept = ([], parts) if concludes else apart(parts, declines)
    found = read_statement(kept, question, everywhere=letter is not None) if question and kept else NOTHING
    # That something is not seen is no refusal to say whether it is there.
    is_refusal = cannot_look if question and asks_existence(question) else refuses
    if found.answer is None and (declining or is_refusal(text)):
        return REFUSED
    is_sure = letter in (None, _USUAL_LETTERS.get(found.answer or ""))
    return found if is_sure and all(is_of_another(part, question) for part in declining) else NOTHING


def _at_the_end(sentence: str) -> Polarity | None:
    match = _AT_THE_END.search(sentence)
    return polarity(match[1]) if match and not _CONDITION.search(sentence) else None


def _is_contradicted(text: str, word: Polarity) -> bool:
    """Whether a short text, or the beginning of a long one, gives the other reply too: "yes, no", "Yes or no?"."""
    return any(match["word"].lower() != word for match in _REPLY.finditer(text[:120]))


def _stated(text: str) -> tuple[Found | None, str | None]:
    """The last answer that is stated, and the letter that is stated after it whose word is not known.

    Of two options a letter beyond them is no answer, but one that cannot be read must not be passed over.
    """
    meaning: dict[str, Polarity] = {}
    found, unknown = None, None
    for _, form, payload, words in stated(text):
        word = polarity(payload)
        if word and (named := re.match(r"\W*([A-J])\b", payload)):
            meaning[named[1]] = word
        if word is None and (letter := _LETTER.match(payload)):
            word = meaning.get(letter[1])
            unknown = letter[1] if word is None and letter[1] in "AB" else None
        if word:
            found, unknown = Found(word, form, words), None
    return found, unknown
