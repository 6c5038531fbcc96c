"""How answers were read, in words: one answer with the words that it rests on, and the rules behind all of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from harness.answers.reading import Outcome, Reading, read_for_target
from harness.benchmarks.verdicts import CUT_OFF
from harness.core.console import clean
from harness.core.types import JUDGE, SampleRecord, Verdict
from harness.reports.text import number

RULES: Final[Mapping[str, str]] = {
    "marker": "an answer behind a label, such as “Answer:”",
    "answer is": "a sentence such as “the answer is …”",
    "option is": "a sentence such as “the correct option is …”",
    "option is right": "a sentence such as “option B is correct”",
    "refusal is an option": "a response that declines, where one option says that it cannot be told",
    "I choose": "a sentence such as “I choose …”",
    "boxed": r"an answer in \boxed{}",
    "whole": "the response is the answer and nothing else",
    "whole letter": "the response is a letter and nothing else",
    "whole text": "the response is one sentence, which is the text of one option",
    "begins": "the response begins with the answer",
    "ends": "the response ends with the answer",
    "begins with letter": "the first line is an option, or its letter",
    "ends with letter": "the last line is an option, or its letter",
    "statement": "a sentence that repeats the question, or denies it",
    "same size": "a sentence that says that what the question compares is the same",
    "letter in sentence": "a sentence that names one option by its letter",
    "option in sentence": "a concluding sentence that names one option by its text",
    "option in first sentence": "the first sentence names one option, and no later one names another",
    "value in sentence": "a concluding sentence with the value of one option",
    "therefore": "a sentence that says that it concludes, such as “therefore …”",
    "sentence": "the only sentence says what it is",
    "confirms": "the last sentence gives the value that an equation before it comes to",
    "first or last sentence": "the one sentence, first or last, that speaks of what is asked",
    "objects": "the objects that a description names",
    "for the judge": "what only a judge can rate",
    JUDGE: "the judge of answers said so",
    "nothing": "no rule reads an answer",
    "refused": "the response declines to answer",
    "empty": "there is no text",
    "sections": "there is no final answer behind the thinking",
}
"""The rules of `harness.answers` in words."""
_OUTCOMES: Final[Mapping[Outcome, str]] = {
    "read": "read",
    "refused": "refused or empty",
    "cut_off": "cut off before an answer",
    "not_understood": "not understood",
}
_BOLD: Final = ("\x1b[1m", "\x1b[0m")
_PLAIN: Final = (">>>", "<<<")


def in_words(rule: str) -> str:
    """What a rule reads; its name, where nothing more is known of it."""
    if rule.startswith("polar: "):
        return f"{in_words(rule.removeprefix('polar: '))}, as the yes or no that the options are"
    if rule.endswith(" (text)"):
        return f"{in_words(rule.removesuffix(' (text)'))}, by the text of one option"
    return RULES.get(rule, rule)


class RuleCounts:
    """How many answers each rule read, how many of these are right, and how many nobody could settle."""

    def __init__(self) -> None:
        self._counts: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0, 0])

    def add(self, verdict: Verdict) -> None:
        """Count a verdict, if an answer was read."""
        if verdict.rule is not None and verdict.answer is not None:
            right = verdict.status == "correct"
            for place, counted in enumerate((True, right, verdict.is_unsettled)):
                self._counts[verdict.rule][place] += counted

    def rows(self) -> tuple[list[str], list[list[Any]]]:
        """Headers, and one row a rule, the one that read most first; no rows where no answer was read by a rule."""
        undecided = any(counts[2] for counts in self._counts.values())
        rows = [
            [rule, in_words(rule), n, number(right / n), *([unsettled] * undecided)]
            for rule, (n, right, unsettled) in sorted(self._counts.items(), key=lambda item: -item[1][0])
        ]
        return ["rule", "what it reads", "answers", "right %", *(["undecided"] * undecided)], rows


def reading_of(record: SampleRecord) -> Reading:
    """How the rules read a recorded response today."""
    sample = record.sample
    if sample.answer_kind == "caption":
        answer = record.verdict.answer
        return Reading(answer=answer, outcome="read" if answer else "not_understood", rule=record.verdict.rule or "")
    return read_for_target(record.response.text, sample.target, sample.answer_kind, sample.choices, sample.question)


def explain_json(record: SampleRecord) -> dict[str, Any]:
    """A sample, its response and verdicts, and how the rules read it, with the place of the words that it rests on."""
    return asdict(record) | {"reading": asdict(reading_of(record))}


def explain_lines(record: SampleRecord, *, bold: bool = False) -> Iterator[str]:
    """Everything that the verdict on one sample rests on, for a terminal.

    Args:
        record: the sample.
        bold: mark the words that the reading rests on by bold type; else by `>>>` and `<<<`.
    """
    sample, response, verdict = record.sample, record.response, record.verdict
    reading = reading_of(record)
    yield f"{clean(sample.task)} {clean(sample.id)}"
    yield from _field("question", sample.question)
    for letter, text in (sample.choices or {}).items():
        yield from _field("", f"{letter}. {text}")
    yield from _field("target", sample.target)
    if response.error is not None:
        yield from _field("error", response.error)
        return
    yield from _field("response", response.text or "(empty)", reading.span, _BOLD if bold else _PLAIN)
    yield from _field("ended by", response.finish_reason)
    if verdict.rule is not None:
        yield from _field("outcome", _OUTCOMES["cut_off" if verdict.reason == CUT_OFF else reading.outcome])
        yield from _field("rule", f"{reading.rule}: {in_words(reading.rule)}")
        yield from _field("answer", reading.answer)
        if verdict.rule == JUDGE:
            yield from _field("judge", f"{(verdict.reason or '').removeprefix('judge: ')}: {in_words(verdict.rule)}")
        elif (verdict.rule, verdict.answer) != (reading.rule, reading.answer):
            yield from _field("stored", f"read as {verdict.answer or 'no answer'} by the rule “{verdict.rule}” of then")
    yield from _field("strict", _status(verdict))
    official = {None: "no verdict", True: "right", False: "wrong"}[verdict.official]
    read_as = f", read as {verdict.official_answer}" if verdict.official_answer else ""
    yield from _field("official", f"{official}{read_as}")


def _status(verdict: Verdict) -> str:
    words = {"correct": "right", "incorrect": "wrong", "error": "not scored"}
    parts = [words.get(verdict.status, verdict.status.replace("_", " ")), verdict.reason]
    parts += ["counts wrong"] * (verdict.status in ("unanswered", "not_understood"))
    return ", ".join(part for part in parts if part)


def _field(
    name: str, text: str | None, marked: tuple[int, int] | None = None, marks: Sequence[str] = _PLAIN
) -> Iterator[str]:
    if text is None:
        return
    text = clean(text)  # Before it is marked: places stay, and an escape sequence in it shows as text.
    if marked is not None:
        start, end = marked
        text = f"{text[:start]}{marks[0]}{text[start:end]}{marks[1]}{text[end:]}"
    for place, line in enumerate(text.splitlines() or [""]):
        yield f"{'' if place else name:10}{line}"
