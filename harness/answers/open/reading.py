"""Reading the final answer out of a free text where any word or phrase may be one."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

from harness.answers import cues
from harness.answers.refusals import is_placeholder, is_unsure
from harness.answers.wording import either, lower, spell_out, spell_powers, strip_markup, tidy, vocabulary

_SENTENCE_END: Final = re.compile(
    r"(?<!\b[A-Z])(?<!\.)(?<!\be\.g)(?<!\bi\.e)(?<!\bvs)(?<!\bDr)(?<!\bSt)[.!?。！？]+(?=\s|$)|\n"
)
_INSTRUCTION: Final = re.compile(
    r"\b(?:please )?(?:answer|respond|reply)(?: to)?(?: the question)? (?:with|using|in) (?:an?|only"
    r"|one)[^\n.]{0,40}?\b(?:words?|phrases?|sentence|number)\b[^\n.]{0,30}[.\n]?",
    re.IGNORECASE,
)
# What leads in to an answer without being a part of it: "in conclusion,", "I would guess", "the blank is".
_LEAD_IN: Final = re.compile(
    either(
        r"(?:final|result|solution|correction|update|edit|response|conclusion|verdict|\[blank\]|_+)\s*[:=](?=\s)",
        r"(?!only|family|reply)\w{4,14}ly,(?=\s)",
        r"if i (?:had|have) to (?:guess|choose|answer|say),", r"(?:it's |it is )?(?:hard|difficult) to (?:say"
        r"|tell),? but\b,?",
        r"(?:it|this|that) (?:looks like|seems to be|appears to be|points to|refers to)(?=\s)",
        r"(?:q|question)\s*:\s*(?:a|answer)\s*:", r"(?:a|q)\s*:(?=\s)", r"\d{1,2}[.)](?=\s+[^\W\d_])",
        "(?:without (?:a |any )?(?:doubt|question)|no doubt|sure(?: thing)?|certainly|of course|absolutely|hence|thus"
        "|therefore|consequently|so|overall|finally|in conclusion|in summary|in short|to conclude|well|okay|ok"
        r"|(?:based on|according to|judging (?:by|from)|from) (?:the|this) (?:\w+ )?(?:video|clip|image|footage"
        r"|question|context))\s*[,:!.](?=\s)",
        r"(?:hence|thus|therefore|so)(?=\s)",
        r"(?:unsure|not sure|uncertain|tough one)\s*,? but\b,?",
        r"(?:let me (?:think|see)|hm{2,}|well|ok(?:ay)?|u[hm]+)\s*(?:\.{2,3}|…|[,:.-])(?=\s)",
        r"(?:in my (?:view|opinion|judge?ment)|to my mind|as far as i can (?:tell|see)|as it (?:is|stands))\s*,(?=\s)",
        r"(?:i am|i'm) not (?:\w+ )?(?:sure|certain|positive)\s*,? but\b,?",
        r"(?:i (?:would|will|'?d)?\s?|i'd |my best )(?:guess|say|think|believe|answer|go with|suspect)(?: is"
        r"| that)?[,:]?(?=\s)(?: (?:it is|it's|the answer is)(?=\s))?",
        r"(?:fill(?:ing)? in(?: the blank)?|the (?:missing|correct) (?:word|term|phrase))\s*(?::| is(?: called)?\b)",
        "(?:the |this )?(?:blank|gap)s? (?:is filled (?:with|by|in with)|is|(?:should|must|can|could|would|needs? to"
        r"|has to) be (?:filled|completed)(?: in)?(?: with| by| as)?)(?: the (?:word|term|phrase))?\s*:?(?=\s)",
    ),
    re.IGNORECASE,
)  # fmt: skip
_IT_IS: Final = r"(?:it's|it is|this is|that is|the answer is) (?:really |actually |in fact )?"
_NOT_BUT: Final = re.compile(
    r"(?:it is |it's |it isn't |it is not )?\bnot\s.{1,120}?,?(?: but (?:rather |instead )?|[,;] (?:it's|it is"
    r"|the answer is) )"
    r"|(?:(?:the )?(?:\w{1,12} )?answer|it|this|that) (?:isn't|is not|wasn't)\s.{1,120}?,? but (?:rather |instead )?"
    r"|(?:instead of|rather than|(?:even )?though|although|while)\s.{1,120}?, "
    + _IT_IS
    + r"|(?:(?:it|this|that) )?(?:looks|seems|appears|resembles)\s.{1,80}?,? but (?:is (?:really |actually )|"
    + _IT_IS
    + ")|.{1,60}? (?:is|was) (?:wrong|incorrect|not (?:right|it|correct))[;,.] "
    + _IT_IS
    + r"|(?:some|many|most|others|people|one|you)(?: people)? (?:might|may|would|could) (?:say|answer|think|guess)\s"
    r".{1,80}?,? (?:but|yet|however),? "
    + _IT_IS
    + r"|if\b.{1,100}?(?:\bwould|'d)\b.{1,80}?[;.] (?:here|as it is|as it stands|in truth)?,? ?"
    + _IT_IS,
    re.IGNORECASE,
)
_IT_PROVES: Final = (
    r"(?:[^.,;]{1,60} )?(?:shows|indicates|suggests|means|proves|confirms|reveals|points to|implies)"
    r" (?:that )?(?:(?:it|this|that)(?: is|'s) )?"
)
_CONCLUDED: Final = re.compile(
    r"(?:at first|initially|originally|i (?:first|initially|originally))\b.{1,120}?,? (?:but|however|yet),? (?:"
    + _IT_PROVES
    + "|"
    + _IT_IS
    + r")|(?:(?:it|this|that) )?(?:looks|seems|appears|resembles)\s.{1,80}?,? (?:but|however|yet),? "
    + _IT_PROVES
    + r"|.{1,160}?(?:,|;|\band\b) (?:so|hence|thus|therefore|which (?:means|indicates|suggests|shows|points to)"
    r"|meaning)(?: that)?(?: (?:it|this|that|the answer)(?: is| must be| has to be|'s))? "
    r"(?=(?!(?:it|they|we|he|she|there|i|the \w+ (?:is|are|has))\b)\S+(?: \S+){0,4}\.?$)",
    re.IGNORECASE,
)
_ONE_OF_THEM: Final = re.compile(r"^an? (.{2,60}) one\.?$", re.IGNORECASE)
_NO_THEN_SOON: Final = re.compile(
    r"[^\n.?!]{1,60}?(?:\s[-\u2013\u2014]{1,2}|\.{2,3}|…|\?)\s*no[,.:]\s+(?=\S)", re.IGNORECASE
)
_LATEX_SYMBOLS: Final = {"mu": "µ", "Omega": "Ω"}
_LATEX_SYMBOL: Final = re.compile(r"(?:\\[,;: ]\s?)?\\(mu|Omega)\b\s*(?:\\(?:text|mathrm|rm)\s?\{(\w{1,3})\})?\s?")
_NO_AFTER_ALL: Final = re.compile(
    r"[\W_]*(?:(?:no|nope|not that|rather|actually|it is|it's|it should be|i mean|the answer is)\b[\s,:;.]*)+",
    re.IGNORECASE,
)
_ASIDE_BEHIND: Final = re.compile(
    r"\s+\((?:see|as|from|based|because|since|not|shown|according|which|visible|around|at)\b[^()]{0,200}\)$",
    re.IGNORECASE,
)
_SAID_BEHIND: Final = re.compile(
    r"(?:,\s+as (?:the|this|that|shown|seen|can be|we|you|it|is|in)\b[^\n]{0,120}"
    r"|\s*[-:,\u2013\u2014]\s*(?:(?:that is |that's |this is )?my )?final answer"
    r"|,\s+(?:i (?:think|believe|guess|suppose|would say)|i'd say|probably|most likely|presumably|perhaps"
    r"|maybe|i'm (?:fairly )?sure)"
    r"|\s+[-\u2013\u2014]+\s+(?:as|it's|it is|this|since|because|shown|seen|see|visible)\b[^\n]{0,200}|です|でした"
    r"|である|입니다|이에요)[\s.!。]*$",
    re.IGNORECASE,
)
_NO_THEN: Final = re.compile(
    r"[^\n]{1,120}?(?:\s[-\u2013\u2014]{1,2}|\.{2,3}|…|\?)\s*no[,.:]?\s+(?=[^\s])", re.IGNORECASE
)
_NOT_FIRST: Final = re.compile(
    r"(?:it's |it is |this is |that's )?not\b|it isn't\b|if\b.{1,120}\bwould\b", re.IGNORECASE
)
_CONFIRMING: Final = re.compile(
    r"\b(?:yes|right|correct|true|fine|stands|confirm\w*|sure|let|check\w*|again|think|look\w*|i|we|this|that|is|are)\b"
)
_LEAD_INS_READ: Final = 4
_BEHIND_READ: Final = 600
_LOOPED: Final = 3  # times that a text of nothing else says its answer
_WRAPPING: Final = " \t\n\"'“”‘’`*_:;,!，；："
_REFUSES: Final = re.compile(r"i (?:\w+ly )?doubt\b|(?:i am sorry|sorry,|i apologi[sz]e|unfortunately,? i)\b")
_REFUSAL_READ: Final = 300
_DECIMAL: Final = re.compile(r"\.\d")
_JSON_VALUE: Final = re.compile(
    r"\s*\"((?:[^\"\\]|\\.){0,400})\"|\s*(-?[\d.]{1,30}|true|false|null)\b|\s*'((?:[^'\\]|\\.|'(?=\w)){0,400})'"
)


def read_open(text: str, question: str | None = None) -> str | None:
    r"""The final answer's text in a free text.

    What `\boxed{}`, a JSON key, "the final answer is" or "the answer is" announces, the last of them; else a short
    first sentence that stands before an explanation; else the text itself. What was taken back does not count.

    Args:
        text: the response without section tags.
        question: the question, so that an echo of it is no answer.

    Returns:
        the text in its own words, without quotes, markup and final full stop; `None` for an empty text, a placeholder,
        an echo of the question, or a refusal.
    """
    if "nswer" in text or "espond" in text or "eply" in text:
        text = _INSTRUCTION.sub(" ", text)
    if "\\mu" in text or "\\Omega" in text:
        text = _LATEX_SYMBOL.sub(lambda match: " " + _LATEX_SYMBOLS[match[1]] + (match[2] or ""), text)
    text = tidy(strip_markup(spell_powers(text)))
    if question:
        asked = tidy(strip_markup(question[:2000]))
        if len(asked) > 8:
            text = text.replace(asked, " ").strip()
    low = lower(text)
    words = vocabulary(low)
    start = cues.spans(low, words)[-1][0]
    answer = _corrected(text, start) if start else None
    if answer is None:
        answer = _announced(text, low, words)
    if answer is None:
        answer = _first_or_all(_led_in(text[start:].strip() or text), lower(question or ""))
    answer = _unwrap(_once(_led_in(_unwrap(answer))))
    plain = spell_out(lower(answer[:_REFUSAL_READ]) + " ").strip()
    empty = not re.search(r"[^\W_]", answer) or is_placeholder(plain)
    refused = (is_unsure(plain) and len(plain.split()) > 2) or _REFUSES.match(plain)
    return None if empty or refused else answer


def _corrected(text: str, start: int) -> str | None:
    """The few words behind what takes the rest back, "... Correction: X": `None` if they are no answer of their own."""
    rest = text[start:].strip()
    if len(rest) > 160:
        return None
    said = _NO_AFTER_ALL.match(rest)
    rest = rest[said.end() :] if said is not None else rest.lstrip(_WRAPPING + ". ")
    end = _SENTENCE_END.search(rest)
    if end is not None and rest[end.end() :].strip():
        return None
    short = 0 < len(rest.split()) <= 8 and not _CONFIRMING.search(lower(rest))
    return rest if short and "{" not in rest else None


def _led_in(answer: str) -> str:
    """An answer without what leads in to it, and "not Y but X" as X."""
    for _ in range(_LEAD_INS_READ):
        match = _CONCLUDED.match(answer) or _NOT_BUT.match(answer) or _LEAD_IN.match(answer)
        rest = answer[match.end() :].lstrip(_WRAPPING) if match is not None else ""
        if not rest:
            break
        answer = rest
        if match is not None and match.re is _NOT_BUT:
            answer = _ONE_OF_THEM.sub(r"\1", answer)
    if len(answer) < _BEHIND_READ:
        answer = _SAID_BEHIND.sub("", answer) or answer
    return _ASIDE_BEHIND.sub("", answer) if answer.endswith((")", ").")) else answer


def _once(answer: str) -> str:
    """The answer that a text of nothing else says three times or more."""
    words = answer.split()
    joined = f" {' '.join(words)}"
    again = (joined + joined).find(joined, 1)
    times = len(joined) // again
    return " ".join(words[: len(words) // times]) if len(words) and times >= _LOOPED else answer


def _announced(text: str, low: str, words: Collection[str]) -> str | None:
    """What the strongest, last announcement announces."""
    found = [
        cue for cue in cues.conclusions(low, words) if not cue.denied and low[cue.payload : cue.end].strip(_WRAPPING)
    ]
    if not found:
        return None
    best = max(cue.rank for cue in found)
    cue = max((cue for cue in found if cue.rank == best), key=lambda cue: cue.start)
    payload = text[cue.payload : cue.end]
    if low.startswith("\\boxed", cue.start):
        return payload
    before = low[cue.start : cue.payload]
    if before.rstrip().endswith(":") and ('":' in before or "':" in before):
        value = _JSON_VALUE.match(payload)
        if value is not None:
            return next(group for group in value.groups() if group is not None)
    if re.match(r"\s*(?:not|unclear|unknown)\b", payload.lower()):
        return payload
    payload = payload.lstrip(" \n")
    taken = _NO_THEN_SOON.match(payload)
    payload = payload[taken.end() :] if taken is not None else payload
    end = _SENTENCE_END.search(payload)
    stated = payload[: end.start()] if end else payload
    return re.split(
        r",? (?:because|since|as (?:the|it|this|shown|seen|evidenced)|which (?:is|means))\b", stated, maxsplit=1
    )[0]


def _first_or_all(text: str, asked: str) -> str:
    """A short first sentence or line that an explanation follows and that does not come from the question; else all."""
    taken = _NO_THEN.match(text) if len(text) < _BEHIND_READ else None
    if taken is not None:
        return text[taken.end() :]
    end = _SENTENCE_END.search(text)
    if end is None or not text[end.end() :].strip():
        return text
    first = text[: end.start()]
    if "?" in end[0] and re.match(r"\s*(?:no|not)\b", text[end.end() :], re.IGNORECASE):
        return re.sub(r"\s*(?:no|not)\b[\s,.;:]*", "", text[end.end() :], count=1, flags=re.IGNORECASE)
    if _NOT_FIRST.match(first):
        return _led_in(text[end.end() :].strip())
    short = first.strip() and len(first.split()) <= 8 and lower(first.strip()) not in asked
    return first if short else text


def _unwrap(answer: str) -> str:
    answer = answer.rstrip(_WRAPPING + ".。").lstrip(_WRAPPING)
    pairs = {"(": ")", "[": "]", "{": "}", "<": ">"}
    while len(answer) > 1 and pairs.get(answer[0]) == answer[-1] and answer.count(answer[0]) == 1:
        answer = answer[1:-1].strip(_WRAPPING)
    return answer if _DECIMAL.match(answer) else answer.lstrip(". ")
