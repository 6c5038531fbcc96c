"""What only a judge can tell: what follows from a caption, what a thinking concludes, and how good the judge is.

Functions over evidence and a judge; they give new evidence and change nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Final, Protocol

from harness.core.types import JudgeQuestion, Sample
from harness.diagnostics.evidence import Conclusion, Evidence, Key
from harness.diagnostics.figures import Amount, DiagnosticSpec, Figure, estimate_figure
from harness.judges.caption import NOTHING, is_right, question_from_caption, read_judgement

_CHECKED: Final = 200
"""Samples on which a judge is checked: the interval of an accuracy is then at most 7 points to either side."""


class Judge(Protocol):
    """What is asked here: a `CaptionJudge`, or its answers of an earlier diagnosis."""

    @property
    def identity(self) -> str: ...  # noqa: D102

    @property
    def failures(self) -> int: ...  # noqa: D102

    @property
    def problem(self) -> str | None: ...  # noqa: D102

    def ask(self, questions: Sequence[JudgeQuestion]) -> list[str | None]: ...  # noqa: D102


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a judge contributed.

    Attributes:
        questions: that were put to it, repeated ones counted each.
        failures: of them without an answer.
        problem: why, where the judge could not be used any further.
    """

    questions: int
    failures: int
    problem: str | None


def ask_judge(evidence: Sequence[Evidence], judge: Judge) -> tuple[list[Evidence], Asked]:
    """Put to the judge what the rules left open.

    For every sample with a caption: its question from the caption alone (unless a world's rules have told, or
    the caption leaks), and without any caption. For every sample whose thinking has no readable conclusion: what it
    concludes.

    Returns:
        The evidence, completed where the judge answered, and what was asked.
    """
    questions: list[JudgeQuestion] = []
    places: list[tuple[int, str]] = []
    for place, item in enumerate(evidence):
        for what, question in _open_questions(item):
            places.append((place, what))
            questions.append(question)
    before = judge.failures
    texts = judge.ask(questions)
    found = list(evidence)
    for (place, what), question, text in zip(places, questions, texts, strict=True):
        if text is not None:
            found[place] = _complete(found[place], what, read_judgement(text, question))
    return found, Asked(questions=len(questions), failures=judge.failures - before, problem=judge.problem)


def _open_questions(item: Evidence) -> list[tuple[str, JudgeQuestion]]:
    sample, sections = item.sample, item.sections
    if sample.answer_kind == "caption":  # There is no answer that could follow from it.
        return []
    questions = []
    if sections.caption:
        if item.caption is None and not item.leaks:
            questions.append(("caption", question_from_caption(sample, sections.caption)))
        questions.append(("nothing", question_from_caption(sample, None)))
    if sections.think and item.think is None and item.verdict.answer is not None:
        questions.append(("think", replace(question_from_caption(sample, sections.think), source="reasoning")))
    return questions


def _complete(item: Evidence, what: str, answer: str | None) -> Evidence:
    if what == "nothing":
        return replace(item, without_caption=is_right(item.sample, answer))
    if answer is None or answer.strip().lower() in NOTHING:
        # That nothing follows from a caption is an answer too, and not the right one; from a thinking it is none.
        return replace(item, caption=Conclusion(answer="", by="judge")) if what == "caption" else item
    conclusion = Conclusion(answer=answer, by="judge")
    return replace(item, caption=conclusion) if what == "caption" else replace(item, think=conclusion)


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeCheck:
    """How far a judge can be trusted: its accuracy with true captions, with those of other images, and with none.

    A good judge is nearly always right with the first and about as often with the other two. One that is right without
    a caption knows or guesses the answers; one that is wrong with true captions understates fidelity.

    Attributes:
        true: with true captions; without a value where the data have none.
        other: with captions of other images: the true ones where there are some, else the model's own.
        none: without a caption.
    """

    true: Figure
    other: Figure
    none: Figure

    @property
    def figures(self) -> tuple[Figure, ...]:
        """The three figures."""
        return self.true, self.other, self.none


def check_judge(
    judge: Judge,
    samples: Sequence[Sample],
    *,
    true_captions: Mapping[Key, str],
    captions: Mapping[Key, str],
) -> JudgeCheck:
    """Measure a judge on up to 200 of the samples, spread over them evenly.

    Args:
        judge: the judge.
        samples: questions with their targets.
        true_captions: by task and sample id; may be empty.
        captions: of the model; used for the other images where there are no true ones.
    """
    told = true_captions or captions
    chosen = _spread([sample for sample in samples if (sample.task, sample.id) in told])
    wrong = _shuffle(chosen, told)
    none = {(sample.task, sample.id): None for sample in chosen}
    return JudgeCheck(
        true=_accuracy(judge, "true_captions", chosen, true_captions, "true captions"),
        other=_accuracy(judge, "other_captions", chosen, wrong, "captions of other images"),
        none=_accuracy(judge, "no_captions", chosen, none, "no captions"),
    )


def _spread(samples: Sequence[Sample]) -> list[Sample]:
    """An even choice: the samples whose ids have the least digests, in their order."""
    kept = sorted(samples, key=lambda sample: blake2b(f"{sample.task}/{sample.id}".encode()).digest())[:_CHECKED]
    keys = {(sample.task, sample.id) for sample in kept}
    return [sample for sample in samples if (sample.task, sample.id) in keys]


def _shuffle(samples: Sequence[Sample], captions: Mapping[Key, str]) -> dict[Key, str]:
    """For each sample, the caption of the next sample of its task that shows something else."""
    wrong: dict[Key, str] = {}
    for place, sample in enumerate(samples):
        own = captions[sample.task, sample.id]
        for step in range(1, len(samples)):
            other = samples[(place + step) % len(samples)]
            text = captions[other.task, other.id]
            same_media = sample.cluster is not None and sample.cluster == other.cluster
            if other.task == sample.task and not same_media and text != own:
                wrong[sample.task, sample.id] = text
                break
    return wrong


def _accuracy(
    judge: Judge,
    name: str,
    samples: Sequence[Sample],
    captions: Mapping[Key, str] | Mapping[Key, None],
    what: str,
) -> Figure:
    asked = [of for of in samples if (of.task, of.id) in captions and of.answer_kind != "caption"]
    questions = [question_from_caption(sample, captions[sample.task, sample.id]) for sample in asked]
    amounts = []
    for sample, question, text in zip(asked, questions, judge.ask(questions), strict=True):
        if text is None:
            continue
        right = is_right(sample, read_judgement(text, question))
        amounts.append(Amount.of(sample, float(right), example=not right))
    spec = DiagnosticSpec(
        name=name,
        definition=f"Accuracy of the judge with {what}.",
        reason=f"not known: there are {'no' if not what.startswith('no ') else ''} {what}, or the judge failed",
        better=1 if what == "true captions" else 0,
    )
    return estimate_figure(spec, "judge", amounts)
