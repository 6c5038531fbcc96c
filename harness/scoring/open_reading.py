"""Reading the final answer out of a free text where any word or phrase may be one."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

from harness.scoring import cues
from harness.scoring.refusals import is_placeholder, is_unsure
from harness.scoring.wording import lower, spell_out, spell_powers, strip_markup, tidy, vocabulary

_SENTENCE_END: Final = re.compile(
    r"(?<![A-Z.])(?<!\be\.g)(?<!\bi\.e)(?<!\bvs)(?<!\bDr)(?<!\bSt)[.!?。！？]+(?=\s|$)|\n"
)
_INSTRUCTION: Final = re.compile(
    r"\b(?:please )?(?:answer|respond|reply)(?: to)?(?: the question)? (?:with|using|in) (?:an?|only"
    r"|one)[^\n.]{0,40}?\b(?:words?|phrases?|sentence|number)\b[^\n.]{0,30}[.\n]?",
    re.IGNORECASE,
)
_WRAPPING: Final = " \t\n\"'“”‘’`*_:;,!，；："
_REFUSAL_READ: Final = 300
_DECIMAL: Final = re.compile(r"\.\d")
_JSON_VALUE: Final = re.compile(r"\s*\"((?:[^\"\\]|\\.){0,400})\"|\s*(-?[\d.]{1,30}|true|false|null)\b")


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
    text = tidy(strip_markup(spell_powers(text)))
    if question:
        asked = tidy(strip_markup(question[:2000]))
        if len(asked) > 8:
            text = text.replace(asked, " ").strip()
    low = lower(text)
    words = vocabulary(low)
    answer = _announced(text, low, words)
    if answer is None:
        start = cues.spans(low, words)[-1][0]
        answer = _first_or_all(text[start:].strip() or text, lower(question or ""))
    answer = _unwrap(answer)
    plain = spell_out(lower(answer[:_REFUSAL_READ]) + " ").strip()
    if not re.search(r"[^\W_]", answer) or is_placeholder(plain):
        return None
    if is_unsure(plain) and len(plain.split()) > 2:
        return None
    if re.match(r"(?:i am sorry|sorry,|i apologi[sz]e|unfortunately,? i)\b", plain):
        return None
    return answer


def _announced(text: str, low: str, words: Collection[str]) -> str | None:
    """What the strongest, last announcement announces."""
    found = [cue for cue in cues.conclusions(low, words) if low[cue.payload : cue.end].strip(_WRAPPING)]
    if not found:
        return None
    best = max(cue.rank for cue in found)
    cue = [cue for cue in found if cue.rank == best][-1]
    payload = text[cue.payload : cue.end]
    if low.startswith("\\boxed", cue.start):
        return payload
    before = low[cue.start : cue.payload]
    if before.rstrip().endswith(":") and ('":' in before or "':" in before):
        value = _JSON_VALUE.match(payload)
        if value is not None:
            return value[1] if value[1] is not None else value[2]
    if re.match(r"\s*(?:not|unclear|unknown)\b", payload.lower()):
        return payload
    payload = payload.lstrip(" \n")
    end = _SENTENCE_END.search(payload)
    stated = payload[: end.start()] if end else payload
    return re.split(
        r",? (?:because|since|as (?:the|it|this|shown|seen|evidenced)|which (?:is|means))\b", stated, maxsplit=1
    )[0]


def _first_or_all(text: str, asked: str) -> str:
    """A short first sentence or line that an explanation follows and that does not come from the question; else all."""
    end = _SENTENCE_END.search(text)
    if end is None or not text[end.end() :].strip():
        return text
    first = text[: end.start()]
    short = first.strip() and len(first.split()) <= 8 and lower(first.strip()) not in asked
    return first if short else text


def _unwrap(answer: str) -> str:
    answer = answer.rstrip(_WRAPPING + ".。").lstrip(_WRAPPING)
    pairs = {"(": ")", "[": "]", "{": "}", "<": ">"}
    while len(answer) > 1 and pairs.get(answer[0]) == answer[-1] and answer.count(answer[0]) == 1:
        answer = answer[1:-1].strip(_WRAPPING)
    return answer if _DECIMAL.match(answer) else answer.lstrip(". ")
