"""RePOPE: POPE's questions with corrected labels, without those that cannot be decided (Neuhaus & Hein, 2025).

Rows and images are POPE's; the labels are files of their own, which the user fetches (see `harness.benchmarks.labels`).
A question without a corrected label is not asked. Figures are those of POPE, per split, as their mean, and pooled.

The published evaluator looks for the letters `yes` anywhere, then for `no`: "eyes" is yes, "snowboard" is no. A
response with neither enters none of its figures, not even the denominator of accuracy.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from harness.benchmarks.counting import subset_units
from harness.benchmarks.record import Benchmark
from harness.benchmarks.registry import load_module, own_tasks_dir
from harness.benchmarks.verdicts import judge_response, officially
from harness.benchmarks.yes_no import confusion, figures, parts_of, read_letters, read_officially, read_strictly
from harness.core.types import Sample
from harness.statistics.specs import MetricSpec

_POPE = load_module(own_tasks_dir() / "pope")


def read_row(row: Mapping[str, Any], where: str) -> Sample:
    """A POPE row to a sample, which still has POPE's label.

    Raises:
        DataError: see POPE's.
    """
    sample: Sample = _POPE.read_row(row, where)
    return replace(sample, task="repope")


def correct_label(sample: Sample, label: Sample | None) -> Sample | None:
    """A question with its corrected label; none where that was removed."""
    return None if label is None else replace(sample, target=label.target)


def metrics(strata: Collection[tuple[str, ...]]) -> list[MetricSpec]:
    """The figures per split, their mean, and pooled; known splits in the order of the paper, others after them."""
    parts = parts_of(_POPE.SPLITS, {stratum[0] for stratum in strata})
    return figures(parts, confusion(read_strictly), confusion(read_officially, only_read=True))


BENCHMARK = Benchmark(
    name="repope",
    title="RePOPE",
    description="POPE's questions with corrected labels: yes or no",
    citation="Neuhaus and Hein, RePOPE: Impact of Annotation Errors on the POPE Benchmark, 2025",
    version="1.0",
    media="image",
    answer_kinds=["yes_no"],
    source=_POPE.BENCHMARK.source,
    read_row=read_row,
    judge=partial(judge_response, read_officially=officially(read_letters)),
    units=subset_units,
    metrics=metrics,
    headline="mean/accuracy",
    headline_title="accuracy, mean of splits",
    baselines={"always yes": "yes", "always no": "no"},
    hallucination=True,
    clusters_share_media=True,
    telling={"adversarial/accuracy": "right on adversarial RePOPE", "mean/yes_ratio": "yes among RePOPE answers"},
    questions=_POPE.questions,
    labels=replace(_POPE.LABELS, apply=correct_label, needed_by=lambda sample: True),
    asks_as="pope",
)
