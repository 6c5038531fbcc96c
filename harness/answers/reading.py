"""What a response answers: text in, one reading out, and nothing is guessed.

The stages: the part that may hold the answer (`sections`, `tails`), plain text (`text`), then a cascade of explicit
forms for each kind of question, strongest first: an answer that is stated (`forms`), a response that is, begins or ends
with it, a refusal (`refusals`), one sentence that concludes. What no rule reads is *not understood*.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from harness.answers.choice import POLAR, read_choice
from harness.answers.forms import NOTHING, Found, stated
from harness.answers.open_ended import read_open, wants_number
from harness.answers.sameness import same
from harness.answers.sections import split_sections
from harness.answers.tails import answer_in_json, correction, cut_tail, cut_turns, introduces, restates, without_program
from harness.answers.text import key, locate, plain
from harness.answers.values import quantity
from harness.answers.yes_no import read_yes_no
from harness.core.errors import UsageError
from harness.core.types import AnswerKind

Outcome = Literal["read", "refused", "cut_off", "not_understood"]
Match = Literal["right", "wrong", "unknown"]

_OFFERED: Final = re.compile(r"\(?\b([A-J])[).:]\s*(yes|no|true|false)\b", re.IGNORECASE)
_LETTERS: Final = {letter: "" for letter in "ABCDE"}
_IN_PASSING: Final = frozenset(
    (
        "statement", "same size", "letter in sentence", "option in sentence", "value in sentence",
        "option in first sentence",
    )
)  # fmt: skip
"""Rules that do not read beside a program: its comments say much in passing, and it computes something else."""
_WEAK: Final = _IN_PASSING | {"ends", "ends with letter", "whole text", "nothing"}
"""Rules whose reading is given up where the text before an invented question only repeats the question."""
_LONGEST: Final = 32_000
"""Characters of a response that are read: the first quarter and the last three. Answers stand at the ends, and what is
longer runs in a loop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a response answers.

    Attributes:
        answer: `yes` or `no`; an option letter; the final answer's text. `None` unless `outcome` is `read`.
        outcome: `read`; `refused` (or empty); `cut_off` before it came to an answer; or
            `not_understood`: no rule reads it.
        rule: the rule that read it, e.g. `answer is`, `begins`, `statement`; else where the cascade stopped.
        span: where the words that it rests on stand in the response, as character offsets; `None` where there are none
            or their place cannot be told.
    """

    answer: str | None
    outcome: Outcome
    rule: str
    span: tuple[int, int] | None = None


def read_answer(
    response: str, kind: AnswerKind, choices: Mapping[str, str] | None = None, question: str | None = None
) -> Reading:
    """Reads what a response answers.

    Text inside `<think>` never counts, in whatever tags a family of models writes it. The last complete `<answer>` that
    is not empty is read, else an unclosed one, else what stands outside the sections.

    Args:
        response: the response as generated; any string.
        kind: `yes_no`, `choice` or `open`.
        choices: option letter to option text. For `choice`, `None` stands for the letters A to E; for `yes_no`, give
            them where the prompt showed "(A) Yes (B) No".
        question: the question, without instructions. It lets statements that repeat it count, and tells its numbers
            from those of the answer.

    Returns:
        the reading, of any response; the time is linear in the length of the response, of which the first 8,000 and the
        last 24,000 characters are read.

    Raises:
        UsageError: no text, no such kind, or choices that are not by letter.
    """
    _check(response, kind, choices)
    return _read(response, kind, choices, question, kind == "open" and wants_number(question))


def _check(response: str, kind: AnswerKind, choices: Mapping[str, str] | None) -> None:
    if not isinstance(response, str):
        raise UsageError(f"the response is a {type(response).__name__}, not a text. Give '' where there is none.")
    if kind not in ("yes_no", "choice", "open"):
        raise UsageError(f"kind {kind!r} does not exist. Choose one of: yes_no, choice, open.")
    if not isinstance(choices, Mapping | None):
        raise UsageError(f"choices are a {type(choices).__name__}. Give each option's text by its letter, a mapping.")


def match_answer(
    response: str,
    target: str,
    kind: AnswerKind,
    choices: Mapping[str, str] | None = None,
    question: str | None = None,
) -> Match:
    """Whether a response answers what is wanted.

    Args:
        response: the response as generated; any string.
        target: `yes` or `no`, an option letter, or the text of the right open answer.
        kind: see `read_answer`.
        choices: see `read_answer`.
        question: see `read_answer`.

    Returns:
        `unknown` where the answer was not read, or where the rules cannot tell whether two open answers are the same.

    Raises:
        UsageError: see `read_answer`.
    """
    _check(response, kind, choices)
    return match_reading(read_for_target(response, target, kind, choices, question), target, kind)


def read_for_target(
    response: str, target: str, kind: AnswerKind, choices: Mapping[str, str] | None, question: str | None
) -> Reading:
    """`read_answer`, with the knowledge whether the right answer to an open question is a number, and no more of it."""
    numeric = quantity(target) is not None if kind == "open" else False
    return _read(response, kind, choices, question, numeric)


def match_reading(reading: Reading, target: str, kind: AnswerKind) -> Match:
    """Whether a reading is the target; see `match_answer`.

    An open answer is only called wrong where it and the target are numbers: other words may mean the same.
    """
    if reading.answer is None:
        return "unknown"
    if kind != "open":
        return "right" if reading.answer.lower() == target.strip().strip("().").lower() else "wrong"
    equal = same(reading.answer, target)
    return "unknown" if equal is None else "right" if equal else "wrong"


def _read(
    response: str, kind: AnswerKind, choices: Mapping[str, str] | None, question: str | None, numeric: bool
) -> Reading:
    part = _answer_part(response)
    if part is None:
        return Reading(answer=None, outcome="cut_off", rule="sections")
    if not part.strip():
        return Reading(answer=None, outcome="refused", rule="empty")
    if len(part) > _LONGEST:
        part = f"{part[: _LONGEST // 4]}\n{part[-3 * _LONGEST // 4 :]}"
    head, tail = cut_tail(plain(answer_in_json(part) or part))
    text = correction(head) or head
    found = _by_kind(text, kind, choices, question, numeric)
    is_weak = found.answer is None if kind == "open" else found.rule in _WEAK or found.rule.startswith("polar")
    known = " ".join((question or "", *(choices or {}).values())) if tail else ""
    if tail and text == head and is_weak and (introduces(text) or restates(text, known) or restates(tail, known)):
        text = f"{text}\n{tail}"  # The model wrote the question down before it answered.
        found = _by_kind(text, kind, choices, question, numeric)
    if found.answer is not None:
        return Reading(answer=found.answer, outcome="read", rule=found.rule, span=locate(found.words, response))
    return Reading(answer=None, outcome="refused" if found.rule == "refused" else "not_understood", rule=found.rule)


def _by_kind(
    text: str, kind: AnswerKind, choices: Mapping[str, str] | None, question: str | None, numeric: bool
) -> Found:
    said = without_program(text)
    if said == text:
        return _read_plain(text, kind, choices, question, numeric)
    if not said or (kind == "open" and not stated(said)):
        return NOTHING  # Beside a program anything might pass for an open answer.
    found = _read_plain(said, kind, choices, question, numeric)
    return NOTHING if found.rule.removeprefix("polar: ") in _IN_PASSING else found


def _read_plain(
    text: str, kind: AnswerKind, choices: Mapping[str, str] | None, question: str | None, numeric: bool
) -> Found:
    if kind == "choice":
        return read_choice(text, _LETTERS if choices is None else choices, question)
    if kind == "open":
        return read_open(text, question, numeric)
    offered = choices.items() if choices else _OFFERED.findall(question or "")
    letters = {letter: option for letter, option in offered if key(option) in POLAR}
    found = read_choice(text, letters, question) if len(letters) == 2 else read_yes_no(text, question)
    return found._replace(answer=POLAR[key(letters[found.answer])]) if found.answer in letters else found


def _answer_part(response: str) -> str | None:
    """The part of a response that may hold the answer; `None` where it was cut off before."""
    sections = split_sections(response)
    if not sections.structured:
        return cut_turns(response)
    if sections.answer is not None:
        return cut_turns(split_sections(sections.answer).outside)
    return None if sections.cut_off or not sections.outside else cut_turns(sections.outside)
