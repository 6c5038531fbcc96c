"""AMBER, its discriminative half: whether attributes, objects and relations are there (Wang et al., 2023).

14,216 yes/no questions. Per dimension `existence`, `attribute` and `relation`, per kind of attribute `state`, `number`
and `action`, and pooled (`all/...`), with *No* as the positive answer:

- accuracy, precision, recall, f1, yes_ratio: see `harness.benchmarks.yes_no`;
- balanced_accuracy: mean of the accuracies where the gold answer is yes, and where it is no.

All questions about existence have the answer no, and 66.3 % of all: constant "No" gets an accuracy of 66.3 %, an F1 of
79.7 %, and a balanced accuracy of 50 %. Of the relations those of one type are all yes, and of another all no.

The published evaluator takes the responses `Yes` and `No`, to the letter, and nothing else. Its precision and recall
are rounded to a tenth of a percent before they make F1, to whose denominator a little is added; of a model that never
says no the precision is 0. (All its denominators start at .001, which is left out here.)

Questions and gold answers are two files of the authors' repository, the images an archive; the user fetches them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final

from harness.benchmarks.columns import find, require_text, require_yes_no
from harness.benchmarks.counting import Part, in_stratum, sample_unit
from harness.benchmarks.record import Benchmark, HubSource, LabelFiles
from harness.benchmarks.verdicts import judge_response, officially
from harness.benchmarks.yes_no import balanced_accuracy, confusion, figures, read_officially, read_strictly
from harness.core.errors import DataError
from harness.core.types import Sample, SampleRecord
from harness.statistics.specs import MetricSpec, Unit, everywhere

_KINDS: Final[Mapping[str, tuple[str, str]]] = {
    "discriminative-hallucination": ("existence", ""),
    "discriminative-attribute-state": ("attribute", "state"),
    "discriminative-attribute-number": ("attribute", "number"),
    "discriminative-attribute-action": ("attribute", "action"),
    "discriminative-relation": ("relation", ""),
    "relation": ("relation", ""),
}
"""Type of a question to its dimension and, of attributes, its kind."""
DIMENSIONS: Final = ("existence", "attribute", "relation")
ATTRIBUTES: Final = ("state", "number", "action")
_ADDED: Final = 1e-4
_ADDED_TO_EXISTENCE: Final = 1e-3
"""What the published F1 adds to its denominator."""
_REPOSITORY: Final = "https://github.com/junyangwang0410/AMBER"
_COMMIT: Final = "534babf6bbfcce2e735c26289dedfb21cef3c939"


def read_row(row: Mapping[str, Any], where: str) -> Sample:
    """A question; its gold answer and type are in the row, or else come from the annotations.

    Raises:
        DataError: a column is missing, or type or gold answer are not what they should be.
    """
    image = find(row, "image")
    sample = Sample(
        id=require_text(row, where, "id"),
        task="amber",
        question=require_text(row, where, "query", "question"),
        target="",
        answer_kind="yes_no",
        cluster=image if isinstance(image, str) else None,
    )
    return sample if find(row, "truth") is None else annotate(sample, _read_truth(row, where))


def _read_truth(row: Mapping[str, Any], where: str) -> Sample:
    kind = require_text(row, where, "type")
    if kind not in _KINDS:
        raise DataError(f"{where}: column 'type' holds {kind!r}, expected one of {', '.join(_KINDS)}.")
    dimension, attribute = _KINDS[kind]
    return Sample(
        id=require_text(row, where, "id"),
        task="amber",
        subset=dimension,
        question="",
        target=require_yes_no(row, where, "truth"),
        answer_kind="yes_no",
        attributes={"type": kind, "dimension": dimension, "attribute": attribute},
    )


def read_annotation(row: Mapping[str, Any], file: str, where: str) -> Sample | None:
    """The gold answer and type of a question; `None` of a description."""
    return None if find(row, "type") == "generative" else _read_truth(row, where)


def annotate(sample: Sample, label: Sample | None) -> Sample:
    """A question with its gold answer and type.

    Raises:
        DataError: it has none.
    """
    if label is None and not sample.target:
        raise DataError(f"amber: question {sample.id!r} has no annotation. Fetch its two files from one commit.")
    if label is None:
        return sample
    return replace(sample, target=label.target, subset=label.subset, attributes=label.attributes)


def units(records: Iterable[SampleRecord]) -> Iterator[Unit]:
    """Each question is a unit; questions about one image are a cluster."""
    for record in records:
        of = record.sample.attributes
        yield sample_unit(record, stratum=(of.get("dimension", ""), of.get("attribute", "")))


def _zero_if_undefined(values: Sequence[float | None]) -> float:
    return values[0] or 0.0


def published_f1(added: float, values: Sequence[float | None]) -> float:
    """F1 of AMBER's `inference.py`, of precision and recall that are rounded to a tenth of a percent.

    Args:
        added: to the denominator.
        values: precision and recall; `None` counts 0.
    """
    precision, recall = (round(100 * (value or 0.0), 1) / 100 for value in values)
    return 2 * precision * recall / (precision + recall + added)


def _with_published_value(spec: MetricSpec, by_name: Mapping[str, MetricSpec]) -> MetricSpec:
    part, _, name = spec.name.rpartition("/")
    if name in ("precision", "recall"):
        return replace(spec, official_value=_zero_if_undefined)
    if name != "f1":
        return spec
    added = _ADDED_TO_EXISTENCE if part == "existence" else _ADDED
    official = (*by_name[f"{part}/precision"].official, *by_name[f"{part}/recall"].official)
    return replace(spec, official=official, official_value=partial(published_f1, added))


def metrics(strata: Collection[tuple[str, ...]]) -> list[MetricSpec]:
    """The figures over all questions, per dimension, and per kind of attribute that occurs."""
    parts: dict[str, list[Part]] = {"all": [everywhere]}
    for level, names in enumerate((DIMENSIONS, ATTRIBUTES)):
        parts |= {name: [in_stratum(level, name)] for name in names if name in {stratum[level] for stratum in strata}}
    plain = figures(parts, *(confusion(read, positive="no") for read in (read_strictly, read_officially)))
    found = [_with_published_value(spec, {spec.name: spec for spec in plain}) for spec in plain]
    balanced = [
        balanced_accuracy(f"{part}/balanced_accuracy", read_strictly, within=withins[0])
        for part, withins in parts.items()
        if part != "existence"
    ]
    return [*found, *balanced]


BENCHMARK = Benchmark(
    name="amber",
    title="AMBER (discriminative)",
    description="attributes, objects and relations that are or are not in an image: yes or no",
    citation="Wang et al., AMBER: An LLM-free Multi-dimensional Benchmark for MLLMs Hallucination Evaluation, 2023",
    version="1.0",
    media="image",
    answer_kinds=["yes_no"],
    source=HubSource(
        hub=None,
        split="discriminative",
        rows=["data/query/query_discriminative.json", "query_discriminative.json"],
        columns=["image"],
        editions={14_216: []},
        elsewhere=f"Fetch it with 'git clone {_REPOSITORY} DIR && git -C DIR checkout {_COMMIT}', and unpack the "
        "images that its README links to into DIR/image.",
    ),
    read_row=read_row,
    judge=partial(judge_response, read_officially=officially({"Yes": "yes", "No": "no"}.get)),
    units=units,
    metrics=metrics,
    headline="all/accuracy",
    headline_title="accuracy",
    baselines={"always yes": "yes", "always no": "no"},
    hallucination=True,
    clusters_share_media=True,
    telling={
        "existence/accuracy": "right about objects that are not there",
        "attribute/accuracy": "right about attributes",
        "relation/accuracy": "right about relations",
    },
    labels=LabelFiles(
        repository=_REPOSITORY,
        commit=_COMMIT,
        files=["data/annotations.json"],
        licence="Apache-2.0",
        read=read_annotation,
        apply=annotate,
        needed_by=lambda sample: not sample.target,
    ),
)
