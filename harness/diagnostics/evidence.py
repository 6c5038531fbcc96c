"""What is known of each sample beside its verdicts: sections, conclusions, what its caption supports, repetition.

Evidence is gathered once per record and shared by all diagnostics. What a thinking or a caption comes to, the rules of
the world that annotates the sample tell; of a thinking that they do not read, the answer reader; then the judge.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from harness.answers.reading import read_answer
from harness.answers.sameness import same
from harness.answers.sections import SECTION_NAMES, SectionName, Sections, split_sections
from harness.core.types import CLOSED, Sample, SampleRecord, Verdict
from harness.diagnostics.loops import Repetition, measure_repetition
from harness.diagnostics.objects import Annotation, Annotations, ObjectCounts, count_objects
from harness.judges.leaks import leaks_answer

Source = Literal["rules", "world", "judge"]
"""Who found a conclusion: the answer reader, the rules of the world that the data are of, or the judge."""

Key = tuple[str, str]
"""Task name and sample id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conclusion:
    """What a text comes to as an answer to the sample's question.

    Attributes:
        answer: `yes`/`no`, an option letter, or open text; empty when a caption was understood and implies no answer.
        by: who found it.
    """

    answer: str
    by: Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One sample, its response, its verdicts, and what the diagnostics know of them.

    Attributes:
        record: the stored record.
        sections: the response, taken apart.
        expected: sections that the prompt asked for; empty for direct prompts.
        repetition: of the thinking; where there is none, of the whole response.
        think: what the thinking concludes; `None` when there is no thinking or nobody can tell.
        caption: what follows from the caption alone; `None` when there is no caption or nobody can tell.
        leaks: whether the caption gives the answer instead of describing; such a caption supports nothing.
        without_caption: whether the judge is right without a caption; `None` when it was not asked or failed.
        objects: the caption's objects against the annotated ones; `None` without annotation or caption.
        blind: verdict on the response that the model gave without the image or video.
    """

    record: SampleRecord
    sections: Sections
    expected: tuple[SectionName, ...] = ()
    repetition: Repetition
    think: Conclusion | None = None
    caption: Conclusion | None = None
    leaks: bool = False
    without_caption: bool | None = None
    objects: ObjectCounts | None = None
    blind: Verdict | None = None

    @property
    def sample(self) -> Sample:
        """The sample."""
        return self.record.sample

    @property
    def verdict(self) -> Verdict:
        """The two verdicts on the response."""
        return self.record.verdict

    @property
    def key(self) -> Key:
        """Task name and sample id."""
        return self.sample.task, self.sample.id

    @property
    def cluster(self) -> str:
        """Samples of one cluster are not independent."""
        return self.sample.cluster or self.sample.group or self.sample.id

    @property
    def is_right(self) -> bool:
        """Whether the answer is right, strictly."""
        return self.verdict.status == "correct"

    @property
    def supports(self) -> bool | None:
        """Whether the right answer follows from the caption alone; `None` when there is none or nobody can tell."""
        if self.sample.answer_kind == "caption":  # Which is the answer.
            return self.is_right
        if self.sections.caption and self.leaks:
            return False
        return None if self.caption is None else agrees(self.sample, self.caption.answer, self.sample.target)


def agrees(sample: Sample, answer: str, other: str) -> bool:
    """Whether two answers to a question are the same; open ones are compared by the scoring's own rules."""
    if sample.answer_kind in CLOSED:
        return answer == other
    return same(answer, other) is True


def gather(
    record: SampleRecord,
    *,
    expected: tuple[SectionName, ...] = SECTION_NAMES,
    annotations: Annotations | None = None,
    blind: Verdict | None = None,
) -> Evidence:
    """What the rules find in one record, without a judge.

    Args:
        record: the stored record.
        expected: sections that the prompt asked for.
        annotations: of the sample's task.
        blind: verdict on the same question, asked without the image or video.
    """
    sample, text = record.sample, record.response.text
    sections = split_sections(text)
    annotation = annotations.samples.get(sample.id) if annotations is not None else None
    caption = sections.caption
    return Evidence(
        record=record,
        sections=sections,
        expected=expected,
        repetition=measure_repetition(sections.think or ("" if sections.structured and sections.answer else text)),
        think=_conclude(sample, sections.think, annotation) if sections.think else None,
        caption=_follow(sample, caption, annotation) if caption else None,
        leaks=bool(caption) and leaks_answer(caption or "", sample.answer_kind, sample.choices),
        objects=count_objects(caption, annotation, annotations.vocabulary)
        if caption and annotation is not None and annotations is not None
        else None,
        blind=blind,
    )


def _conclude(sample: Sample, thinking: str, annotation: Annotation | None) -> Conclusion | None:
    """What a thinking concludes: by the rules of the world that annotates the sample, else by the answer reader."""
    if sample.answer_kind == "caption":
        return None
    if annotation is not None and annotation.rules is not None:
        found = annotation.rules.answer_from_thinking(sample, annotation.row, thinking)
        if found is not None:
            return Conclusion(answer=found, by="world")
    if sample.answer_kind == "open":  # Any text can be one: the reader would take the whole thinking for it.
        return None
    answer = read_answer(thinking, sample.answer_kind, sample.choices, sample.question).answer
    return Conclusion(answer=answer, by="rules") if answer is not None else None


def _follow(sample: Sample, caption: str, annotation: Annotation | None) -> Conclusion | None:
    """What follows from a caption, where the rules of its world can tell: a caption describes, it does not answer."""
    if annotation is None or annotation.rules is None or sample.answer_kind == "caption":
        return None
    found = annotation.rules.answer_from_caption(sample, annotation.row, caption)
    return Conclusion(answer=found, by="world") if found is not None else None
