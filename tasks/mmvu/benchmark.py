"""MMVU: expert-level questions on videos, 625 multiple-choice and 375 open-ended (Zhao et al., CVPR 2025).

Accuracy over all questions, per question type, per discipline (the four of the paper) and per subject (27). Open-ended
answers are compared by rules; what the rules cannot settle is for a judge, if one is given, and counts wrong otherwise
(`undecided` says how many those are). The published evaluator asks GPT-4o about every response, multiple-choice ones
included, so there is no official figure without it: it is `None` throughout.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from string import ascii_uppercase
from typing import Any, Final

from harness.benchmarks.columns import find, is_absent, require_letter, require_text
from harness.benchmarks.counting import Part, in_stratum, is_right, sample_unit, share
from harness.benchmarks.record import Benchmark, HubSource
from harness.benchmarks.verdicts import judge_response
from harness.core.errors import DataError
from harness.core.types import Sample, SampleRecord
from harness.statistics.specs import MetricSpec, Outcome, Unit, everywhere

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


def units(records: Iterable[SampleRecord]) -> Iterator[Unit]:
    """Each question is a unit; questions on one video are a cluster."""
    for record in records:
        attributes = record.sample.attributes
        stratum = (attributes.get("discipline", ""), attributes.get("subject", ""))
        yield sample_unit(record, stratum=stratum, kind=attributes.get("kind", ""))


def _of_kind(kind: str, outcome: Outcome) -> bool:
    return outcome.kind == kind


def metrics(strata: Collection[tuple[str, ...]]) -> list[MetricSpec]:
    """Accuracy over all, per question type, per discipline and per subject that occurs."""
    parts: dict[str, Part] = {"all": everywhere}
    parts |= {kind: partial(_of_kind, kind) for kind in _KINDS.values()}
    for level, prefix in enumerate(("discipline", "subject")):
        for name in sorted({stratum[level] for stratum in strata} - {""}):
            parts[f"{prefix}/{name}"] = in_stratum(level, name)
    return [MetricSpec(name=f"{part}/accuracy", strict=(share(is_right, within),)) for part, within in parts.items()]


BENCHMARK = Benchmark(
    name="mmvu",
    title="MMVU",
    description="expert-level questions about a video: multiple choice and open-ended",
    citation="Zhao et al., MMVU: Measuring Expert-Level Multi-Discipline Video Understanding, CVPR 2025",
    version="1.0",
    media="video",
    answer_kinds=["choice", "open"],
    source=HubSource(
        hub="yale-nlp/MMVU",
        split="validation",
        rows=["validation.json", "validation-*.parquet", "validation.parquet"],
        columns=["video", "video_path"],
        files=["videos/*"],
        editions={1000: ["sha256:fea22e02fd86da7f26f176a8db17a7d740751ca974912a7e4078105f4674ac15"]},
    ),
    read_row=read_row,
    judge=judge_response,
    units=units,
    metrics=metrics,
    headline="all/accuracy",
    headline_title="accuracy",
    baselines={"always A": "A"},
)
