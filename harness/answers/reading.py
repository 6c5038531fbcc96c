"""One reading of an answer for every kind of question: the strict half of scoring."""

from __future__ import annotations

from collections.abc import Mapping

from harness.answers.choice.reading import read_choice
from harness.answers.open.reading import read_open
from harness.answers.refusals import PLACEHOLDER_LENGTH, is_placeholder
from harness.answers.sections import split_sections
from harness.answers.wording import clean, fold, fold_keeping_scripts, lower
from harness.answers.yes_no.reading import is_none_of_it, read_yes_no
from harness.core.types import AnswerKind


def read_answer(
    response: str, kind: AnswerKind, choices: Mapping[str, str] | None = None, question: str | None = None
) -> str | None:
    """What a response answers, by what it means.

    Text inside `<think>` never counts. The last complete `<answer>` that is not empty is read, else an unclosed one,
    else what stands outside the sections, else nothing.

    Args:
        response: the response as generated; any string.
        kind: `yes_no`, `choice` or `open`.
        choices: for `choice`: option key to option text; `None` stands for the letters A to E.
        question: the question, without options and instructions. It lets plain declaratives count and an echo of it be
            told from an answer.

    Returns:
        `yes` or `no`; a key of `choices`; the final answer's text; `None` where there is no answer. Never raises; the
        time is linear in the length of the response.
    """
    folded = fold_keeping_scripts(response) if kind == "open" else fold(response)
    text = _answer_text(folded)
    if text is None:
        return None
    if kind == "choice":
        return read_choice(clean(text), choices, question)
    if len(text) <= PLACEHOLDER_LENGTH and is_placeholder(lower(text)):
        return "no" if kind == "yes_no" and is_none_of_it(text, question) else None
    return read_yes_no(clean(text), question) if kind == "yes_no" else read_open(text, question)


def _answer_text(response: str) -> str | None:
    """The part of a response that may hold the answer; `None` where it was cut off before."""
    if "<" not in response:
        return response
    sections = split_sections(response)
    if not sections.structured:
        return response
    if sections.answer is not None:
        return split_sections(sections.answer).outside if "<" in sections.answer else sections.answer
    return None if sections.cut_off or not sections.outside else sections.outside
