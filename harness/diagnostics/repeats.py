"""Exploration and self-consistency over several runs of the same questions, sampled with different seeds.

The runs of one checkpoint at a temperature above 0 are k samples of each question; a sample earns 1 where its answer is
right, strictly, else 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from harness.core.types import Metric, SampleRecord
from harness.diagnostics.calibration import expected_calibration_error
from harness.diagnostics.evidence import Key
from harness.diagnostics.exploration import difficulty, majority_confidence, pass_at_k, reward_moments
from harness.diagnostics.figures import Amount, Figure, Scale, estimate_figure, not_applicable

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
    return reward_moments([float(hit) for hit in item.right])[1]


def _kind(item: Sampled) -> str:
    return difficulty(*reward_moments([float(hit) for hit in item.right]))


def _majority_share(item: Sampled) -> float:
    found = majority_confidence(item.answers)
    return found[1] if found is not None else 0.0


def _majority_right(item: Sampled) -> bool:
    found = majority_confidence(item.answers)
    return found is not None and item.right[item.answers.index(str(found[0]))]


def _is(kind: Literal["easy", "medium", "hard"]) -> Callable[[Sampled], float]:
    return lambda item: float(_kind(item) == kind)


_FIGURES: Final[Mapping[str, tuple[Callable[[Sampled], float], Scale, str]]] = {
    "distinct_answers": (
        lambda item: float(len({answer for answer in item.answers if answer is not None})),
        "number",
        "Different answers among the k samples of a question, the mean; an unanswered sample is no answer.",
    ),
    "reward_variance": (_variance, "share", "Variance of right or wrong within the k samples of a question, the mean."),
    "unanimous": (
        lambda item: float(len(set(item.right)) == 1),
        "share",
        "Share of questions whose k samples are all right or all wrong, and so give GRPO no advantage.",
    ),
    "easy": (_is("easy"), "share", "Share of questions with a low variance of right or wrong and a high mean."),
    "medium": (_is("medium"), "share", "Share of questions with a high variance of right or wrong (at least 0.09)."),
    "hard": (_is("hard"), "share", "Share of questions with a low variance of right or wrong and a low mean."),
    "pass_at_1": (
        lambda item: sum(item.right) / len(item.right),
        "share",
        "Chance that one sample is right: the share of right ones.",
    ),
    "pass_at_k": (
        lambda item: pass_at_k(len(item.right), sum(item.right), len(item.right)),
        "share",
        "Share of questions with at least one right answer among the k samples.",
    ),
    "majority_right": (
        lambda item: float(_majority_right(item)),
        "share",
        "Share of questions whose most frequent answer is right.",
    ),
    "majority_share": (
        _majority_share,
        "share",
        "Share of the k samples that agree with the most frequent answer, the mean: how sure the model is.",
    ),
    "majority_brier": (
        lambda item: (_majority_share(item) - float(_majority_right(item))) ** 2,
        "share",
        "Brier score of that share as the confidence in the most frequent answer: 0 is perfect.",
    ),
}


def measure_repeats(samples: Sequence[Sampled], *, part: str) -> list[Figure]:
    """The figures over k samples of each question, with the ECE of the majority share; no values without repeats."""
    figures = []
    for name, (value, scale, definition) in _FIGURES.items():
        amounts = []
        for item in samples:
            sample = item.record.sample
            key = sample.id if part == sample.task else f"{sample.task}/{sample.id}"
            amounts.append(Amount(key, f"{sample.task}/{sample.cluster or sample.group or sample.id}", value(item)))
        figures.append(estimate_figure(f"{part}/{name}", amounts, definition=definition, reason=_REASON, scale=scale))
    definition = "Expected calibration error of the majority share over 15 bins (Guo et al., ICML 2017)."
    if not samples:
        return [*figures, not_applicable(f"{part}/majority_ece", definition, _REASON)]
    error = expected_calibration_error(
        [_majority_share(item) for item in samples], [_majority_right(item) for item in samples]
    )
    metric = Metric(name=f"{part}/majority_ece", value=error, n=len(samples))
    return [*figures, Figure(metric=metric, definition=definition, better=-1)]
