"""The explicit forms in which a final answer is stated, the same for every kind of question.

They read three of four real choices, half of the yes/no answers that do not begin with the word, and a quarter of the
open answers. A form beats any mention, whatever stands around it, and the last one said counts.
"""

from __future__ import annotations

import re
from typing import Final, Literal, NamedTuple

from harness.answers.text import lowered

Form = Literal["marker", "answer is", "option is", "I choose", "boxed"]

_ADJECTIVES: Final = re.compile(
    r"(?<!\w)(?:(?:the|final|correct|best|right|appropriate|closest|likely|suitable|accurate|most|only|short|possible"
    r"|overall) ){1,5}$"
)
_OF: Final = r"(?: (?:to|for|of|from|among|that|based on|given) [^.\n:(),]{1,100}?)?"
_SIGN: Final = r"[\"']?\s?(?:[:=]|->|→)"
_IS: Final = (
    r"(?:\s?:|,? (?:is|are|would be|should be|must be|will be)\b"
    r"(?: (?:most )?likely| probably)?(?: therefore| thus)?\s?:?)"
)
_SAYS: Final = rf"(?: (?:letter|choice|option))?(?:{_SIGN}|{_OF}{_IS})\s*"
_STATED: Final = tuple(  # on lower-case text; each begins with a literal, which makes its search fast
    re.compile(form)
    for form in (
        rf"answer(?:{_SAYS}|(?:(?<=\nanswer)|(?<=\Aanswer)|(?<=the answer)|(?<=(?:final|short) answer))[ \t]*\n+)",
        rf"ans(?<!\wans)(?!\w){_SAYS}",
        *(rf"(?P<noun>{noun}){_SAYS}" for noun in ("option", "choice", "letter")),
        rf"final (?:value|result){_SAYS}",
        rf"correct one{_SAYS}",
        r"conclusion:\s*",
    )
)
_STATED_IN_CHINESE: Final = re.compile(
    r"答案(?:选项)?(?:是|为|选)?[:：]?\s*|选项(?:是|为)?[:：]?\s*(?=\(?[a-j])|(?:故选|(?<!不)选择?)[:：]?\s*(?=\(?[a-j])"
)
_CHOSEN: Final = re.compile(  # on lower-case text
    r"(?<!\w)(?:i|we)(?:'d| would| will|'ll)?(?: have to)? (?:choose|select|pick|go with|answer|opt for"
    r"|say(?= (?:the answer|option|yes|no|\(?[a-j]\b)))(?: with)?(?: that)?(?: the answer(?: is)?)?:?\s+"
)
_CHOOSING: Final = ("choose", "select", "pick", "go with", "opt for", " answer", " say ")
_BRACE: Final = re.compile(r"[{}]")
_BOXED: Final = re.compile(r"\\(?:boxed|fbox)\s*\{")
_LONGEST: Final = 300
"""Characters of what is stated, on a line or in a box: so that many statements on one line cost no more than one."""
_CONDITION: Final = re.compile(  # on lower-case text
    r"\b(?:if|whether|unless|assuming|suppose|for example|when|why|what|which)\b.{0,25}$"
    r"|\b(?:if|unless|for example|suppose|otherwise)\b.*,.*$"
    r"|\b(?:wrong|incorrect|worst|least|second|second-best|another|other|given|long) $"
    r"|\b(?:how|find|get|got|reach|determine|calculate|arrive at|choose|select|provide)\b[^,]{0,14}$"
    r"|(?:\bnot|n't|\bnever|\bnone|\bdoubt|\bunlikely)\b(?:(?!but)[^,]){0,20}$"
)
_CONDITION_LENGTH: Final = 250
"""Characters before a form, of its own sentence, that are searched for a condition on it."""
_CONCLUDING: Final = re.compile(
    r"^(?:[-*•] {0,3})?(?:(?:so|in this case|therefore|thus|hence|finally|in conclusion|in total|consequently|overall"
    r"|final|the final)\b[,:]?|since [^,]{1,120},|we (?:can )?conclude that)\s*",
    re.IGNORECASE,
)


class Found(NamedTuple):
    """What a stage of the cascade makes of a text.

    Attributes:
        answer: the answer; `None` where the stage finds none.
        rule: the rule that read it; without an answer `refused` or `nothing`.
        words: the words of the text that it rests on.
    """

    answer: str | None
    rule: str
    words: str = ""


NOTHING: Final = Found(None, "nothing")
REFUSED: Final = Found(None, "refused")


class Stated(NamedTuple):
    """An answer as it is stated.

    Attributes:
        place: where `payload` begins in the text.
        form: the form.
        payload: the rest of the line, or what is in the box.
        words: the form and its payload, as they stand.
    """

    place: int
    form: Form
    payload: str
    words: str


def stated(text: str) -> list[Stated]:
    """Every place of a plain text where an answer is stated, in order; not those under a condition or a negation."""
    lower = lowered(text)
    found = [stated for form in _STATED for stated in _said(text, lower, form, "answer is")]
    if not text.isascii():
        found += _said(text, lower, _STATED_IN_CHINESE, "answer is")
    if any(word in lower for word in _CHOOSING):
        found += _said(text, lower, _CHOSEN, "I choose")
    for match in _BOXED.finditer(text):
        inner = _braced(text, match.end()).strip()
        if inner:
            found.append(Stated(match.end(), "boxed", inner, text[match.start() : match.end()] + inner + "}"))
    return sorted(found)


def is_concluding(sentence: str) -> bool:
    """Whether a sentence says of itself that it concludes."""
    return _CONCLUDING.match(sentence) is not None


def without_conclusion(sentence: str) -> str:
    """A sentence without the "therefore" that it begins with."""
    return _CONCLUDING.sub("", sentence)


def _said(text: str, lower: str, form: re.Pattern[str], rule: Form) -> list[Stated]:
    found = []
    for match in form.finditer(lower):
        line = whole = text[match.end() : match.end() + _LONGEST].split("\n", 1)[0].strip()
        if but := re.match(r"not [^.]{1,60}?,? but (.+)", line, re.IGNORECASE):
            line = but[1]
        negated = ":" not in match[0] and re.match(r"not\b", line, re.IGNORECASE)
        numbered = ":" in match[0] and re.match(r"\d+[.)]\s+[A-Z]", line)
        if not line or negated or numbered or _is_conditional(lower, match.start()):
            continue
        name: Form = rule
        if match.groupdict().get("noun") in ("option", "choice", "letter"):
            name = "option is"
        elif rule == "answer is" and (":" in match[0] or "\n" in match[0]):
            name = "marker"
        found.append(Stated(match.end(), name, line, (text[match.start() : match.end()] + whole).strip()))
    return found


def _is_conditional(lower: str, place: int) -> bool:
    """Whether the sentence before a form puts it under a condition, asks for it, or negates it."""
    before = re.split(r"[.\n]", lower[max(0, place - _CONDITION_LENGTH) : place])[-1]
    return _CONDITION.search(_ADJECTIVES.sub("", before)) is not None


def _braced(text: str, start: int) -> str:
    """What is between the brace before `start` and the one that closes it; empty where none does."""
    depth = 1
    for brace in _BRACE.finditer(text, start, start + _LONGEST):
        depth += 1 if brace[0] == "{" else -1
        if not depth:
            return text[start : brace.start()]
    return ""
