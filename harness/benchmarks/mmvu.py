"""MMVU: expert-level questions on videos, 625 multiple-choice and 375 open-ended (Zhao et al., CVPR 2025).

Accuracy over all questions, per question type, per discipline (the four of the paper) and per subject (27). Open-ended
answers are compared by rules; what the rules cannot settle is for a judge, if one is given, and counts wrong otherwise
(`unsettled` says how many those are). The published evaluator asks GPT-4o about every response, multiple-choice ones
included, so there is no official figure without it: it is `None` throughout.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from string import ascii_uppercase
from typing import Any, Final

from harness.answers.open.matching import match_open
from harness.answers.reading import read_answer
from harness.benchmarks.columns import find, is_absent, require_letter, require_text
from harness.benchmarks.verdicts import error_verdict, judge_closed, why_unanswered
from harness.core.errors import DataError
from harness.core.types import Response, Sample, SampleRecord, Verdict
from harness.statistics.specs import NEEDS_JUDGE, Measure, Outcome, Ratio, TaskScoring, Unit, everywhere

DISCIPLINES: Final[Mapping[str, tuple[str, ...]]] = {
    "Science": (
        "Astronomy",
        "Biology",
        "Chemistry",
        "Electromagnetism",
        "Geography",
        "Materials Science",
        "Mechanics",
        "Modern Physics",
        "Neurobiology",
        "Thermodynamics",
    ),
    "Healthcare": ("Basic Medicine", "Clinical Medicine", "Dentistry", "Pharmacy", "Preventive Medicine"),
    "Humanities & Social Sciences": ("Art", "Economics", "History", "Law", "Literature", "Management"),
    "Engineering": (
        "Biomedical Engineering",
        "Civil Engineering",
        "Computer Science",
        "Electrical Engineering",
        "Electronics and Communication",
        "Mechanical Engineering",
    ),
}
_DISCIPLINE_OF: Final = {subject: name for name, subjects in DISCIPLINES.items() for subject in subjects}
_KINDS: Final = {"multiple-choice": "multiple_choice", "open-ended": "open_ended"}

AskJudge = Callable[[str, str, str], bool | None]
"""Question, target and answer to whether the answer is right; `None` when no verdict could be had."""


def read_row(row: Mapping[str, Any], where: str) -> Sample:
    """An MMVU row to a sample.

    The subject is taken from `metadata.subject`, `subject`, or the folder of the video; the discipline follows from it,
    or is the subject itself where that is not one of the 27.

    Raises:
        DataError: a column is missing, the question type is unknown, or the gold answer is not an option.
    """
    written = require_text(row, where, "question_type")
    kind = _KINDS.get(written.lower().replace("_", "-").replace(" ", "-"))
    if kind is None:
        raise DataError(f"{where}: column 'question_type' holds {written!r}, expected multiple-choice or open-ended.")
    choices = _choices(row, where) if kind == "multiple_choice" else None
    video = find(row, "video", "video_path")
    subject = _subject(row, video)
    attributes = {"kind": kind}
    if subject is not None:
        attributes |= {"subject": subject, "discipline": _DISCIPLINE_OF.get(subject, subject)}
    return Sample(
        id=require_text(row, where, "id"),
        task="mmvu",
        subset=attributes.get("discipline"),
        question=require_text(row, where, "question"),
        target=require_text(row, where, "answer") if choices is None else require_letter(row, where, "answer", choices),
        answer_kind="open" if choices is None else "choice",
        choices=choices,
        cluster=video if isinstance(video, str) else None,
        attributes=attributes,
    )


def _choices(row: Mapping[str, Any], where: str) -> dict[str, str]:
    cell = row.get("choices")
    if isinstance(cell, Sequence) and not isinstance(cell, str):
        cell = dict(zip(ascii_uppercase, cell, strict=False))
    if not isinstance(cell, Mapping):
        raise DataError(f"{where}: column 'choices' is missing or is not an object of letters to texts.")
    choices = {str(letter).strip().upper(): str(text).strip() for letter, text in cell.items() if not is_absent(text)}
    if len(choices) < 2:
        raise DataError(f"{where}: column 'choices' holds fewer than two options.")
    return choices


def _subject(row: Mapping[str, Any], video: Any) -> str | None:
    metadata = row.get("metadata")
    subject = find(metadata, "subject") if isinstance(metadata, Mapping) else None
    subject = subject or find(row, "subject")
    if subject is None and isinstance(video, str) and "/" in video:
        subject = video.split("/")[-2]
    return str(subject).strip().replace("_", " ") if subject else None


def judge(sample: Sample, response: Response, ask: AskJudge | None = None) -> Verdict:
    """The strict verdict on one response, by rules, then by a judge for what the rules cannot settle.

    Args:
        sample: the question.
        response: what the model gave.
        ask: the judge, if there is one; without it, or where it gives `None`, the sample stays unsettled.
    """
    if sample.answer_kind == "choice":
        return judge_closed(sample, response, _no_official)
    if response.error is not None:
        return error_verdict(sample)
    answer = read_answer(response.text, "open", None, sample.question)
    if answer is None:
        return Verdict(sample_id=sample.id, answer=None, status="unanswered", reason=why_unanswered(response))
    right = match_open(answer, sample.target, sample.question)
    if right is not None:
        return Verdict(sample_id=sample.id, answer=answer, status="correct" if right else "incorrect")
    verdict = Verdict(sample_id=sample.id, answer=answer, status="incorrect", reason=NEEDS_JUDGE)
    return settle(verdict, ask(sample.question, sample.target, answer)) if ask is not None else verdict


def settle(verdict: Verdict, right: bool | None) -> Verdict:
    """An unsettled verdict with what a judge said; unchanged, and so still counted as unsettled, if it said nothing."""
    if right is None:
        return verdict
    return replace(
        verdict, status="correct" if right else "incorrect", reason=f"judge: {'right' if right else 'wrong'}"
    )


def _no_official(sample: Sample, text: str) -> tuple[None, None]:
    return None, None


def units(records: Iterable[SampleRecord]) -> Iterator[Unit]:
    """Each question is a unit; questions on one video are a cluster."""
    for record in records:
        sample, verdict = record.sample, record.verdict
        outcome = Outcome(
            unit="sample",
            stratum=(sample.attributes.get("discipline", ""), sample.attributes.get("subject", "")),
            right=verdict.status == "correct",
            kind=sample.attributes.get("kind", ""),
            unanswered=verdict.status == "unanswered",
            errors=verdict.status == "error",
        )
        yield Unit(sample.id, sample.cluster or sample.id, outcome)


def _right(outcome: Outcome) -> int:
    return outcome.right


def _one(outcome: Outcome) -> int:
    return 1


def _in(level: int, name: str, outcome: Outcome) -> bool:
    return outcome.stratum[level] == name


def _of_kind(kind: str, outcome: Outcome) -> bool:
    return outcome.kind == kind


def measures(strata: Collection[tuple[str, ...]]) -> list[Measure]:
    """Accuracy over all, per question type, per discipline and per subject that occurs."""
    parts: dict[str, Callable[[Outcome], bool]] = {"all": everywhere}
    parts |= {kind: partial(_of_kind, kind) for kind in _KINDS.values()}
    for level, prefix in enumerate(("discipline", "subject")):
        for name in sorted({stratum[level] for stratum in strata} - {""}):
            parts[f"{prefix}/{name}"] = partial(_in, level, name)
    return [
        Measure(name=f"{part}/accuracy", strict=(Ratio(top=_right, bottom=_one, within=within),), accuracy=True)
        for part, within in parts.items()
    ]


SCORING = TaskScoring(
    name="mmvu",
    headline="all/accuracy",
    read_row=read_row,
    judge=judge,
    units=units,
    measures=measures,
)
