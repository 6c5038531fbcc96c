"""From one response to its strict and its published verdict."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from harness.answers.reading import Reading, match_reading, read_for_target
from harness.answers.sections import split_sections
from harness.core.types import NEEDS_JUDGE, Response, Sample, Status, Verdict

ReadOfficially = Callable[[Sample, str], tuple[bool | None, str | None]]
"""Sample and the text that the published evaluator is given, to its verdict and what it read."""

CUT_OFF = "cut off"
REFUSED = "refused"
EMPTY = "empty"


def no_official_reading(sample: Sample, text: str) -> tuple[None, None]:
    """Of a benchmark whose published evaluator is a model, or that has none, and of yes/no asked as letters."""
    return None, None


def officially(read: Callable[[str], str | None]) -> ReadOfficially:
    """A published evaluator by what it reads in a text: right where that is the gold answer."""
    return partial(_compare_officially, read)


def _compare_officially(read: Callable[[str], str | None], sample: Sample, text: str) -> tuple[bool, str | None]:
    answer = read(text)
    return answer == sample.target, answer


def judge_response(
    sample: Sample, response: Response, read_officially: ReadOfficially = no_official_reading
) -> Verdict:
    """Both verdicts on one response; pure, and never raises on any text.

    Strict: an answer of a closed set is right when it equals the target; an open one is compared by rules, and counts
    wrong, as unsettled, where these cannot tell. A refused, empty or cut-off response is `unanswered`, one that no rule
    reads `not_understood`; both count wrong. A sample without a response is not scored.

    Args:
        sample: the question.
        response: what the model gave.
        read_officially: the published evaluator.
    """
    if response.error is not None:
        return Verdict(sample_id=sample.id, answer=None, status="error")
    reading = read_for_target(response.text, sample.target, sample.answer_kind, sample.choices, sample.question)
    if sample.as_letters:
        read_officially = no_official_reading  # Published evaluators look for the word.
    official, official_answer = read_officially(sample, official_text(response.text))
    status, reason = _judge_reading(sample, response, reading)
    return Verdict(
        sample_id=sample.id,
        answer=reading.answer,
        status=status,
        rule=reading.rule,
        official=official,
        official_answer=official_answer,
        reason=reason,
    )


def _judge_reading(sample: Sample, response: Response, reading: Reading) -> tuple[Status, str | None]:
    if reading.answer is not None:
        match = match_reading(reading, sample.target, sample.answer_kind)
        if match == "unknown":
            return "incorrect", NEEDS_JUDGE
        return ("correct" if match == "right" else "incorrect"), None
    if response.finish_reason == "length" or reading.outcome == "cut_off":
        return "unanswered", CUT_OFF
    if reading.outcome == "refused":
        return "unanswered", EMPTY if reading.rule == "empty" else REFUSED
    return "not_understood", None


def for_the_judge(sample: Sample, response: Response) -> Verdict:
    """The verdict on a response that no rule can judge, whatever it says: it waits for the judge."""
    if response.error is not None:
        return Verdict(sample_id=sample.id, answer=None, status="error")
    text = response.text.strip() or None
    return Verdict(sample_id=sample.id, answer=text, status="incorrect", rule="for the judge", reason=NEEDS_JUDGE)


def why_empty(response: Response) -> str:
    """Why there is nothing in a response that counts."""
    is_cut = response.finish_reason == "length" or split_sections(response.text).cut_off
    return CUT_OFF if is_cut else EMPTY


def with_target(verdict: Verdict, target: str) -> Verdict:
    """The verdict on the same answer to a question of a closed set, held against another gold answer.

    The published evaluator's verdict stays as it is.
    """
    if verdict.answer is None:
        return verdict
    return replace(verdict, status="correct" if verdict.answer == target else "incorrect")


def official_text(response: str) -> str:
    """What a published evaluator is given of a response.

    Published evaluators know no sections, and would find the words of a thinking. A response with any tag of a section
    (`harness.answers.sections`) is structured, and they are given, without surrounding white space:

    - the text of the last `<answer>` block with both tags (one that is quoted inside a thinking is none);
    - where there is no `<answer>` at all, what stands outside of the sections, as after `</think>`: what lmms-eval and
      VLMEvalKit leave of a response whose thinking they strip;
    - `""` where the response ends inside of a section, or has no `<answer>` that is closed.

    Any other response is taken as it stands.
    """
    sections = split_sections(response)
    if not sections.structured:
        return response
    if sections.complete_answer is None and not sections.count("answer") and not sections.cut_off:
        return sections.outside
    return sections.complete_answer or ""
