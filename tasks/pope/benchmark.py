"""POPE: polling for objects that are or are not in the image (Li et al., EMNLP 2023).

Accuracy, precision, recall, F1 and the share of "yes" (`harness.benchmarks.yes_no`) per split (random, popular,
adversarial), as the unweighted mean over the splits that occur (`mean/...`), and pooled (`all/...`). The published
evaluator reads everything that does not hold one of the words `No`, `no`, `not` in its first sentence as "yes"; its
figures are taken over that reading.

Where RePOPE's corrected labels are beside the data, the same answers are figured under those too (`repope/...`), over
the questions that RePOPE keeps; its own evaluator's figures are those of the task `repope`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Final, Literal

from harness.benchmarks.columns import find, require_text, require_yes_no
from harness.benchmarks.counting import sample_unit
from harness.benchmarks.record import Benchmark, HubSource, LabelFiles
from harness.benchmarks.verdicts import judge_response, officially, with_target
from harness.benchmarks.yes_no import confusion, figures, parts_of, read_officially, read_strictly
from harness.core.types import Sample, SampleRecord
from harness.statistics.specs import MetricSpec, Unit

SPLITS: Final = ("random", "popular", "adversarial")
RELABELLED: Final = "repope"
"""Attribute of a question with its corrected label, kind of its second unit, and first word of those figures."""


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
    """A row that is one question, or one of several splits at once, as VLMEvalKit keeps it (`random,popular`).

    The authors' own rows have no split: the name of their file ends with it (`coco_pope_random`).
    """
    named = file.rsplit("_", 1)[-1]
    splits = find(row, "category") or (named if named in SPLITS else None)
    if not isinstance(splits, str):
        yield "", row
        return
    several = splits.split(",")
    for split in several:
        yield (f".{split}" if len(several) > 1 else ""), {**row, "category": split}


def read_label(row: Mapping[str, Any], file: str, where: str) -> Sample:
    """A row of a file of corrected labels, whose name tells the split, as a question."""
    return read_row({**row, "category": file.rsplit("_", 1)[-1]}, where)


def keep_label(sample: Sample, label: Sample | None) -> Sample:
    """A question that knows its corrected label, unless that was removed."""
    return sample if label is None else replace(sample, attributes={**sample.attributes, RELABELLED: label.target})


LABELS = LabelFiles(
    repository="https://github.com/YanNeu/RePOPE",
    commit="bcf22e5",
    files=[f"annotations/coco_repope_{split}.json" for split in SPLITS],
    licence="without a licence file: ask its authors before handing them on",
    read=read_label,
    apply=keep_label,
    needed_by=lambda sample: False,
)


def read_pope(text: str) -> Literal["yes", "no"]:
    """POPE's `evaluate.py`: `no`, if the first sentence has the word `No`, `no` or `not`; anything else is `yes`.

    The first sentence ends at the first full stop, commas are removed, words are what single spaces separate. So the
    empty text, `NO`, `No!` and `"No"` are all `yes`.
    """
    words = text.split(".", 1)[0].replace(",", "").split(" ")
    return "no" if "No" in words or "not" in words or "no" in words else "yes"


def units(records: Iterable[SampleRecord]) -> Iterator[Unit]:
    """Each question is a unit; where RePOPE has a label for it, the same answer is a second one, under that label."""
    for record in records:
        yield sample_unit(record, stratum=(record.sample.subset or "",))
        if (label := record.sample.attributes.get(RELABELLED)) is not None:
            sample, verdict = replace(record.sample, target=label), with_target(record.verdict, label)
            relabelled = replace(record, sample=sample, verdict=verdict)
            yield sample_unit(relabelled, stratum=(record.sample.subset or "", RELABELLED), unit=RELABELLED)


def metrics(strata: Collection[tuple[str, ...]]) -> list[MetricSpec]:
    """The figures per split, their mean, and pooled; known splits in the order of the paper, others after them."""
    found = figures(
        parts_of(SPLITS, {stratum[0] for stratum in strata}), confusion(read_strictly), confusion(read_officially)
    )
    relabelled = {stratum[0] for stratum in strata if RELABELLED in stratum}
    if relabelled:
        parts = {f"{RELABELLED}/{name}": part for name, part in parts_of(SPLITS, relabelled).items()}
        found += figures(parts, confusion(read_strictly), {}, unit=RELABELLED)
    return found


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
        # Of an older edition with 2,910 random questions only the number is known.
        editions={9000: ["sha256:5d120c3fd827596c847b893a5269e2b1e95c0f33df25111a1c905b11801a6e59"], 8910: []},
    ),
    read_row=read_row,
    judge=partial(judge_response, read_officially=officially(read_pope)),
    units=units,
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
    labels=LABELS,
)
