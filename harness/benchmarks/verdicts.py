"""From one response to its strict and its published verdict, for questions with a closed set of answers."""

from __future__ import annotations

from collections.abc import Callable

from harness.answers.reading import read_answer
from harness.answers.sections import split_sections
from harness.benchmarks.official import official_text
from harness.core.types import Response, Sample, Verdict

ReadOfficially = Callable[[Sample, str], tuple[bool | None, str | None]]
"""Sample and the text that the published evaluator is given, to its verdict and what it read."""

CUT_OFF = "cut off"
NO_ANSWER = "no answer"


def error_verdict(sample: Sample) -> Verdict:
    """The verdict on a sample without a response: not scored."""
    return Verdict(sample_id=sample.id, answer=None, status="error")


def judge_closed(sample: Sample, response: Response, read_officially: ReadOfficially) -> Verdict:
    """Judge a yes/no or multiple-choice response.

    Strict: right when the reading equals the target; no reading is `unanswered`, which counts wrong.
    """
    if response.error is not None:
        return error_verdict(sample)
    answer = read_answer(response.text, sample.answer_kind, sample.choices, sample.question)
    official, official_answer = read_officially(sample, official_text(response.text))
    return Verdict(
        sample_id=sample.id,
        answer=answer,
        status="unanswered" if answer is None else "correct" if answer == sample.target else "incorrect",
        official=official,
        official_answer=official_answer,
        reason=why_unanswered(response) if answer is None else None,
    )


def why_unanswered(response: Response) -> str:
    """Why a response holds no answer, in a few words."""
    cut_off = response.finish_reason == "length" or split_sections(response.text).cut_off
    return CUT_OFF if cut_off else NO_ANSWER
