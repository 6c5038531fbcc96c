"""DASH-B: images that make models see an object that is not there, and as many that show it (Augustin et al., 2025).

2,682 images of 70 objects, half of them without the object; they were found by what models hallucinate, so that a score
tells of systematic hallucination, and not how frequent it is. Pooled (`all/...`):

- accuracy, f1 and yes_ratio: see `harness.benchmarks.yes_no`;
- tpr, tnr: share of right answers where the object is there, and where it is not;
- harmonic_mean = 2 tpr tnr / (tpr + tnr): 0 for a constant answer.

Questions about one object are a cluster. The published evaluator looks for the letters `yes` anywhere, then for `no`:
"eyes" is yes, "snowboard" is no; a response with neither is wrong. Of a model with neither a true positive nor a true
negative it has no harmonic mean (it divides by 0), which here is 0.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final

from harness.benchmarks.columns import find, require_text, require_yes_no
from harness.benchmarks.counting import subset_units
from harness.benchmarks.record import Benchmark, HubSource
from harness.benchmarks.verdicts import judge_response, officially
from harness.benchmarks.yes_no import confusion, figures, read_letters, read_officially, read_strictly, right_where
from harness.core.errors import DataError
from harness.core.types import Sample
from harness.statistics.specs import MetricSpec, everywhere

_INSTRUCTION: Final = re.compile(r"\s*Please answer only with yes or no\.?\s*$", re.IGNORECASE)
_ASKED: Final = re.compile(
    r"^(?:Can you see|Is there) an? (?P<object>.+?)(?: in (?:this|the) image)?[.?]?$", re.IGNORECASE
)
_FILES: Final = {"dash_benchmark_neg": ("neg", "no"), "dash_benchmark_pos": ("pos", "yes")}


def read_row(row: Mapping[str, Any], where: str) -> Sample:
    """A row to a sample, without the instruction that ends its question.

    Raises:
        DataError: a column is missing or the gold answer is not yes or no.
    """
    question = _INSTRUCTION.sub("", require_text(row, where, "question"))
    asked = _ASKED.match(question)
    named = find(row, "object_name", "object") or (asked["object"] if asked is not None else None)
    return Sample(
        id=require_text(row, where, "question_id"),
        task="dash_b",
        question=question,
        target=require_yes_no(row, where, "answer", "label", "gt"),
        answer_kind="yes_no",
        cluster=str(named) if named is not None else None,
        attributes={"object": str(named)} if named is not None else {},
    )


def questions(row: Mapping[str, Any], file: str, index: int) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """A row of the hub's data, or the repository's files: names of images by data set and object, an answer a file."""
    if file not in _FILES:
        yield "", row
        return
    folder, answer = _FILES[file]
    for source, objects in row.items():
        if not isinstance(objects, Mapping):
            raise DataError(f"{source!r} holds {type(objects).__name__}, expected an object of lists of images")
        for name, images in objects.items():
            if not isinstance(images, Sequence) or isinstance(images, str):
                raise DataError(f"{source!r}, {name!r} holds {type(images).__name__}, expected a list of images")
            for image in images:
                yield (
                    f".{source}.{name}",
                    {
                        "question_id": f"{folder}/{source}/{name}/{image}",
                        "question": f"Can you see a {name} in this image.",
                        "answer": answer,
                        "object_name": name,
                        "image": f"{folder}/{source}/{name}/{image}",
                    },
                )


def metrics(strata: Collection[tuple[str, ...]]) -> list[MetricSpec]:
    """The figures over all questions."""
    weights = [
        {name: weight for name, weight in confusion(read).items() if name in ("accuracy", "f1", "yes_ratio")}
        for read in (read_strictly, read_officially)
    ]
    tpr, tnr = ([right_where(read, gold) for read in (read_strictly, read_officially)] for gold in ("yes", "no"))
    return [
        *figures({"all": [everywhere]}, *weights),
        MetricSpec(name="all/tpr", strict=(tpr[0],), official=(tpr[1],)),
        MetricSpec(name="all/tnr", strict=(tnr[0],), official=(tnr[1],)),
        MetricSpec(name="all/harmonic_mean", strict=(tpr[0], tnr[0]), official=(tpr[1], tnr[1]), combine="harmonic"),
    ]


BENCHMARK = Benchmark(
    name="dash_b",
    title="DASH-B",
    description="objects that models see where they are not: yes or no",
    citation="Augustin et al., DASH: Detection and Assessment of Systematic Hallucinations of VLMs, 2025",
    version="1.0",
    media="image",
    answer_kinds=["yes_no"],
    source=HubSource(
        hub="YanNeu/DASH-B",
        split="test",
        rows=["data/test-*.parquet", "test-*.parquet", "dash_benchmark_neg.json dash_benchmark_pos.json"],
        columns=["image"],
        editions={2682: []},
    ),
    read_row=read_row,
    judge=partial(judge_response, read_officially=officially(read_letters)),
    units=subset_units,
    metrics=metrics,
    headline="all/accuracy",
    headline_title="accuracy",
    baselines={"always yes": "yes", "always no": "no"},
    hallucination=True,
    telling={"all/tnr": "right about what is not there", "all/tpr": "right about what is there"},
    questions=questions,
)
