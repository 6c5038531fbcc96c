"""Colours: is the picture of this colour? Its published evaluator, so to speak, looks for the word yes."""

from collections.abc import Collection, Mapping
from functools import partial
from typing import Any

from harness.benchmarks.columns import require_text, require_yes_no
from harness.benchmarks.counting import in_stratum, is_officially_right, is_right, share, subset_units
from harness.benchmarks.record import Benchmark, HubSource
from harness.benchmarks.verdicts import judge_response
from harness.core.types import Sample
from harness.statistics.specs import MetricSpec, everywhere


def read_row(row: Mapping[str, Any], where: str) -> Sample:
    """A row as a sample; questions on one picture are not independent."""
    return Sample(
        id=require_text(row, where, "id"),
        task="colours",
        subset=require_text(row, where, "colour"),
        question=require_text(row, where, "question"),
        target=require_yes_no(row, where, "answer"),
        answer_kind="yes_no",
        cluster=require_text(row, where, "image"),
    )


def read_officially(sample: Sample, text: str) -> tuple[bool, str]:
    """Right or wrong, and the answer read."""
    answer = "yes" if "yes" in text.lower() else "no"
    return answer == sample.target, answer


def metrics(strata: Collection[tuple[str, ...]]) -> list[MetricSpec]:
    """Accuracy over all questions, and by colour."""
    parts = {"all": everywhere, **{name: in_stratum(0, name) for (name,) in sorted(strata)}}
    return [
        MetricSpec(
            name=f"{part}/accuracy",
            strict=(share(is_right, within),),
            official=(share(is_officially_right, within),),
        )
        for part, within in parts.items()
    ]


BENCHMARK = Benchmark(
    name="colours",
    title="Colours",
    description="is the picture of this colour: yes or no",
    citation="an example",
    version="1",
    media="image",
    answer_kinds=["yes_no"],
    source=HubSource(hub="example/colours", split="test", columns=["image"]),
    read_row=read_row,
    judge=partial(judge_response, read_officially=read_officially),
    units=subset_units,
    metrics=metrics,
    headline="all/accuracy",
    headline_title="colours told right",
    hallucination=True,
    clusters_share_media=True,
    baselines={"always yes": "yes", "always no": "no"},
)
