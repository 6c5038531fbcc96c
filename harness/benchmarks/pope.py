"""POPE: polling for objects that are or are not in the image (Li et al., EMNLP 2023).

Every figure is taken per split (random, popular, adversarial), as the unweighted mean over the splits that occur
(`mean/...`), and pooled (`all/...`). With tp, fp: "yes" answers to questions whose gold answer is yes, no:

- accuracy = right / n, where a response without an answer is not right;
- precision = tp / (tp + fp);
- recall = tp / (questions whose gold answer is yes), so that one left unanswered counts as missed;
- f1 = 2 tp / (tp + fp + questions whose gold answer is yes), the harmonic mean of the two;
- yes_ratio = "yes" answers / answers, over what the model answered, not over the gold answers.

The published evaluator reads everything that does not hold one of the words `No`, `no`, `not` in its first sentence as
"yes"; its figures are taken over that reading.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from harness.benchmarks.columns import find, require_text, require_yes_no
from harness.benchmarks.official import read_pope
from harness.benchmarks.verdicts import judge_closed
from harness.core.types import Response, Sample, SampleRecord, Verdict
from harness.statistics.specs import Measure, Outcome, Ratio, TaskScoring, Unit, Weight, everywhere

SPLITS = ("random", "popular", "adversarial")


def read_row(row: Mapping[str, Any], where: str) -> Sample:
    """A POPE row to a sample; the names of the original files (`text`, `label`) are read too.

    Raises:
        DataError: a column is missing or the gold answer is not yes or no.
    """
    category = require_text(row, where, "category").lower()
    image = next((value for value in (find(row, "image_source"), find(row, "image")) if isinstance(value, str)), None)
    return Sample(
        id=f"{category}/{require_text(row, where, 'question_id')}",
        task="pope",
        subset=category,
        question=require_text(row, where, "question", "text"),
        target=require_yes_no(row, where, "answer", "label"),
        answer_kind="yes_no",
        cluster=image,
        attributes={"category": category},
    )


def judge(sample: Sample, response: Response) -> Verdict:
    """Both verdicts on one response."""
    return judge_closed(sample, response, _read_officially)


def _read_officially(sample: Sample, text: str) -> tuple[bool, str]:
    answer = read_pope(text)
    return answer == sample.target, answer


def units(records: Iterable[SampleRecord]) -> Iterator[Unit]:
    """Each question is a unit; questions about one image are a cluster, across the splits."""
    for record in records:
        sample, verdict = record.sample, record.verdict
        outcome = Outcome(
            unit="sample",
            stratum=(sample.subset or "",),
            right=verdict.status == "correct",
            official=verdict.official,
            target=sample.target,
            answer=verdict.answer,
            official_answer=verdict.official_answer,
            unanswered=verdict.status == "unanswered",
            errors=verdict.status == "error",
        )
        yield Unit(sample.id, sample.cluster or sample.id, outcome)


def _strict(outcome: Outcome) -> str | None:
    return outcome.answer


def _official(outcome: Outcome) -> str | None:
    return outcome.official_answer


def _weights(read: Callable[[Outcome], str | None]) -> Mapping[str, tuple[Weight, Weight]]:
    """Numerator and denominator of each figure, over one of the two readings."""

    def yes(outcome: Outcome) -> int:
        return read(outcome) == "yes"

    def gold(outcome: Outcome) -> int:
        return outcome.target == "yes"

    def hit(outcome: Outcome) -> int:
        return yes(outcome) * gold(outcome)

    return {
        "accuracy": (lambda outcome: read(outcome) == outcome.target, lambda outcome: 1),
        "precision": (hit, yes),
        "recall": (hit, gold),
        "f1": (lambda outcome: 2 * hit(outcome), lambda outcome: yes(outcome) + gold(outcome)),
        "yes_ratio": (yes, lambda outcome: read(outcome) is not None),
    }


def _in_split(split: str, outcome: Outcome) -> bool:
    return outcome.stratum[0] == split


def measures(strata: Collection[tuple[str, ...]]) -> list[Measure]:
    """The figures per split, their mean, and pooled; known splits in the order of the paper, others after them."""
    present = {stratum[0] for stratum in strata}
    splits = [split for split in SPLITS if split in present] + sorted(present - set(SPLITS))
    parts: dict[str, Sequence[Callable[[Outcome], bool]]] = {split: [partial(_in_split, split)] for split in splits}
    parts["mean"] = [partial(_in_split, split) for split in splits]
    parts["all"] = [everywhere]
    strict, official = _weights(_strict), _weights(_official)
    return [
        Measure(
            name=f"{part}/{name}",
            strict=tuple(Ratio(top=strict[name][0], bottom=strict[name][1], within=within) for within in withins),
            official=tuple(Ratio(top=official[name][0], bottom=official[name][1], within=within) for within in withins),
            accuracy=name == "accuracy",
            better=0 if name == "yes_ratio" else 1,
        )
        for part, withins in parts.items()
        for name in strict
    ]


SCORING = TaskScoring(
    name="pope", headline="mean/accuracy", read_row=read_row, judge=judge, units=units, measures=measures
)
