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

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Literal

from harness.benchmarks.columns import find, require_text, require_yes_no
from harness.benchmarks.counting import Part, in_stratum, one, subset_units
from harness.benchmarks.record import Benchmark, HubSource
from harness.benchmarks.verdicts import judge_response
from harness.core.types import Sample
from harness.statistics.specs import MetricSpec, Outcome, Ratio, Weight, everywhere

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


def questions(row: Mapping[str, Any], file: str, index: int) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """A row that is one question, or one of several splits at once, as VLMEvalKit keeps it (`random,popular`)."""
    splits = row.get("category")
    if not isinstance(splits, str) or "," not in splits:
        yield "", row
        return
    for split in splits.split(","):
        yield f".{split}", {**row, "category": split}


def read_pope(text: str) -> Literal["yes", "no"]:
    """POPE's `evaluate.py`: `no`, if the first sentence has the word `No`, `no` or `not`; anything else is `yes`.

    The first sentence ends at the first full stop, commas are removed, words are what single spaces separate. So the
    empty text, `NO`, `No!` and `"No"` are all `yes`.
    """
    words = text.split(".", 1)[0].replace(",", "").split(" ")
    return "no" if "No" in words or "not" in words or "no" in words else "yes"


def _read_officially(sample: Sample, text: str) -> tuple[bool, str]:
    answer = read_pope(text)
    return answer == sample.target, answer


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
        "accuracy": (lambda outcome: read(outcome) == outcome.target, one),
        "precision": (hit, yes),
        "recall": (hit, gold),
        "f1": (lambda outcome: 2 * hit(outcome), lambda outcome: yes(outcome) + gold(outcome)),
        "yes_ratio": (yes, lambda outcome: read(outcome) is not None),
    }


def metrics(strata: Collection[tuple[str, ...]]) -> list[MetricSpec]:
    """The figures per split, their mean, and pooled; known splits in the order of the paper, others after them."""
    present = {stratum[0] for stratum in strata}
    splits = [split for split in SPLITS if split in present] + sorted(present - set(SPLITS))
    parts: dict[str, Sequence[Part]] = {split: [in_stratum(0, split)] for split in splits}
    parts["mean"] = [in_stratum(0, split) for split in splits]
    parts["all"] = [everywhere]
    strict, official = _weights(_strict), _weights(_official)

    def ratios(weights: tuple[Weight, Weight], withins: Sequence[Part]) -> tuple[Ratio, ...]:
        return tuple(Ratio(top=weights[0], bottom=weights[1], within=within) for within in withins)

    return [
        MetricSpec(
            name=f"{part}/{name}",
            strict=ratios(strict[name], withins),
            official=ratios(official[name], withins),
            better=0 if name == "yes_ratio" else 1,
        )
        for part, withins in parts.items()
        for name in strict
    ]


BENCHMARK = Benchmark(
    name="pope",
    title="POPE",
    description="objects that are or are not in an image: yes or no",
    citation="Li et al., Evaluating Object Hallucination in Large Vision-Language Models, EMNLP 2023",
    version="1.0",
    media="image",
    answer_kinds=["yes_no"],
    source=HubSource(
        hub="lmms-lab-encoder/POPE",
        split="test",
        rows=["data/test-*.parquet", "test-*.parquet"],
        columns=["image"],
    ),
    read_row=read_row,
    judge=partial(judge_response, read_officially=_read_officially),
    units=subset_units,
    metrics=metrics,
    headline="mean/accuracy",
    headline_title="accuracy, mean of splits",
    baselines={"always yes": "yes", "always no": "no"},
    hallucination=True,
    clusters_share_media=True,
    telling={
        "adversarial/accuracy": "right on adversarial POPE",
        "mean/yes_ratio": "yes among POPE answers",
    },
    questions=questions,
)
