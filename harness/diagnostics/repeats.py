"""Exploration and self-consistency over several runs of the same questions, sampled with different seeds.

The runs of one checkpoint at a temperature above 0 are k samples of each question; a sample earns 1 where its answer is
right, strictly, else 0.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Final, Literal

from harness.core.types import SampleRecord
from harness.diagnostics.calibration import BINS, Answered, ece_terms
from harness.diagnostics.evidence import Key
from harness.diagnostics.figures import Amount, DiagnosticSpec, Figure, estimate_figure

_LOW_VARIANCE: Final = 0.09
"""Variance of right or wrong at 10 % or 90 % right: below it a question counts as settled."""
_REASON: Final = "not known: no question has a response in every run that was given with --repeats"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampled:
    """One question with its k samples.

    Attributes:
        record: of the first run.
        answers: strict readings of the k samples, `None` where unanswered.
        right: whether each is right.
    """

    record: SampleRecord
    answers: tuple[str | None, ...]
    right: tuple[bool, ...]


def join_repeats(first: Iterable[SampleRecord], others: Sequence[Mapping[Key, SampleRecord]]) -> list[Sampled]:
    """The questions that every run has a response to, in the order of the first run."""
    joined = []
    for record in first:
        key = (record.sample.task, record.sample.id)
        records = [record, *(other[key] for other in others if key in other)]
        if len(records) > len(others) and all(item.response.error is None for item in records):
            joined.append(
                Sampled(
                    record=record,
                    answers=tuple(item.verdict.answer for item in records),
                    right=tuple(item.verdict.status == "correct" for item in records),
                )
            )
    return joined


def _variance(item: Sampled) -> float:
    """Population variance of right or wrong."""
    hits, k = sum(item.right), len(item.right)
    return hits * (k - hits) / k**2


def _kind(item: Sampled) -> str:
    """Easy: high mean, low variance; hard: low mean, low variance; medium: high variance (Pan et al., AAAI 2026)."""
    if _variance(item) >= _LOW_VARIANCE:
        return "medium"
    return "easy" if fmean(item.right) >= 0.5 else "hard"


def _majority(item: Sampled) -> Answered:
    """The most frequent answer, with the share of all samples that give it as its confidence; 0 where none answers."""
    counts = Counter(answer for answer in item.answers if answer is not None)
    for answer, count in counts.most_common(1):
        return Answered(item.record.sample, count / len(item.answers), item.right[item.answers.index(answer)])
    return Answered(item.record.sample, 0.0, right=False)


def _is(kind: Literal["easy", "medium", "hard"]) -> Callable[[Sampled], float]:
    return lambda item: float(_kind(item) == kind)


def _figure(name: str, definition: str, *, scale: Literal["share", "number"] = "share") -> DiagnosticSpec:
    return DiagnosticSpec(name=name, definition=definition, reason=_REASON, scale=scale, better=0)


_FIGURES: Final[tuple[tuple[DiagnosticSpec, Callable[[Sampled], float]], ...]] = (
    (
        _figure(
            "distinct_answers",
            "Different answers among the k samples of a question, the mean; an unanswered sample is no answer.",
            scale="number",
        ),
        lambda item: float(len({answer for answer in item.answers if answer is not None})),
    ),
    (_figure("reward_variance", "Variance of right or wrong within the k samples of a question, the mean."), _variance),
    (
        _figure(
            "unanimous",
            "Share of questions whose k samples are all right or all wrong, and so give GRPO no advantage.",
        ),
        lambda item: float(len(set(item.right)) == 1),
    ),
    (_figure("easy", "Share of questions with a low variance of right or wrong and a high mean."), _is("easy")),
    (
        _figure("medium", f"Share of questions with a high variance of right or wrong (at least {_LOW_VARIANCE})."),
        _is("medium"),
    ),
    (_figure("hard", "Share of questions with a low variance of right or wrong and a low mean."), _is("hard")),
    (
        _figure("pass_at_1", "Chance that one sample is right: the share of right ones."),
        lambda item: fmean(item.right),
    ),
    (
        _figure("pass_at_k", "Share of questions with at least one right answer among the k samples."),
        lambda item: float(any(item.right)),
    ),
    (
        _figure("majority_right", "Share of questions whose most frequent answer is right."),
        lambda item: float(_majority(item).right),
    ),
    (
        _figure(
            "majority_share",
            "Share of the k samples that agree with the most frequent answer, the mean: how sure the model is.",
        ),
        lambda item: _majority(item).confidence,
    ),
    (
        _figure(
            "majority_brier",
            "Brier score of that share as the confidence in the most frequent answer: 0 is perfect.",
        ),
        lambda item: (_majority(item).confidence - _majority(item).right) ** 2,
    ),
)
_ECE: Final = DiagnosticSpec(
    name="majority_ece",
    definition=f"Expected calibration error of the majority share over {BINS} bins (Guo et al., ICML 2017).",
    reason=_REASON,
)


def measure_repeats(samples: Sequence[Sampled], *, part: str) -> list[Figure]:
    """The figures over k samples of each question, with the ECE of the majority share; no values without repeats."""
    measured = [(spec, list(map(value, samples))) for spec, value in _FIGURES]
    measured.append((_ECE, ece_terms(list(map(_majority, samples)))))
    return [
        estimate_figure(spec, part, [Amount.of(of.record.sample, top) for of, top in zip(samples, terms, strict=True)])
        for spec, terms in measured
    ]
