"""HallusionBench: yes/no questions on figures, on figures that were edited, and without any (Guan et al., CVPR 2024).

Two populations, which papers mix up, are named apart: `with_figure` (951 questions, as VLMEvalKit and most tables have
it) and `all` (1,129: with the 178 that are asked without a figure, as the authors' evaluator has it). In each:

- aAcc: share of right answers;
- fAcc: share of figures all of whose questions are right;
- qAcc: share of questions that are right on all their figures (and, in `all`, without one);
- mean: the mean of the three, which VLMEvalKit calls its overall score.

`all` also has `easy` and `hard` (qAcc over what is not edited, and over what is), and the authors' bias figures:

- yes_difference = ("yes" answers - gold "yes") / answers: 0 for no bias;
- false_positive_ratio = "yes" answers where gold is no / wrong answers.

Official are, in `with_figure`, the de facto reading: yes or no, whichever of the words occurs alone; in `all` the
authors' rule: GPT-4 says correct, incorrect or unclear, and unclear is right for a VS question without a figure. What
is read here (with `--judge`: by the judge) takes GPT-4's place: unclear is what was refused, is empty, cut off, or not
understood. A response that could not be had is left out, and not unclear. In official bias figures every wrong answer
is the opposite word; strict ones are over what was answered.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Final, Literal

from harness.benchmarks.columns import find, require_index, require_text
from harness.benchmarks.counting import Together, in_stratum, is_officially_right, is_right, one, sample_unit
from harness.benchmarks.record import Benchmark, HubSource
from harness.benchmarks.verdicts import judge_response, officially
from harness.core.errors import DataError
from harness.core.types import Response, Sample, SampleRecord, Verdict
from harness.statistics.specs import MetricSpec, Outcome, Ratio, Unit, Weight, everywhere

WITH_FIGURE: Final = "with_figure"
WITHOUT: Final = "without"
CATEGORIES: Final = ("VD", "VS")
_GOLD: Final = {"1": "yes", "0": "no"}
_BY_RULE: Final = "right by the authors' rule"
_UNCLEAR: Final = ("unanswered", "not_understood")

_PUNCTUATION: Final = ';/[]"{}()=+\\_-><@`,?!'
_THOUSANDS: Final = re.compile(r"\d,\d")
_FULL_STOP: Final = re.compile(r"\.(?!\d)")
_MOST_FULL_STOPS: Final = 32


def read_row(row: Mapping[str, Any], where: str) -> Sample:
    """A row of the hub's data or of `HallusionBench.json` to a sample.

    Raises:
        DataError: a column is missing or holds something else than it should.
    """
    category = require_text(row, where, "category")
    if category not in CATEGORIES:
        raise DataError(f"{where}: column 'category' holds {category!r}, expected VD or VS.")
    visual_input = require_text(row, where, "visual_input")
    if visual_input not in ("0", "1", "2"):
        raise DataError(f"{where}: column 'visual_input' holds {visual_input!r}, expected 0, 1 or 2.")
    gold = _GOLD.get(require_text(row, where, "gt_answer"))
    if gold is None:
        raise DataError(f"{where}: column 'gt_answer' holds {row['gt_answer']!r}, expected 0 or 1.")
    numbers = {name: str(require_index(row, where, name)) for name in ("set_id", "figure_id", "question_id")}
    group = f"{category}/{require_text(row, where, 'subcategory')}/{numbers['set_id']}"
    details = find(row, "gt_answer_details")
    return Sample(
        id=f"{group}/{numbers['figure_id']}/{numbers['question_id']}",
        task="hallusionbench",
        subset=category,
        question=require_text(row, where, "question"),
        target=gold,
        answer_kind="yes_no",
        # A set's figures and questions cross: all of them are judged together, and none is independent of the others.
        group=group,
        cluster=group,
        attributes={
            "category": category,
            "figure": numbers["figure_id"],
            "question": numbers["question_id"],
            "visual_input": visual_input,
            **({"details": str(details)} if details is not None else {}),
        },
    )


def has_figure(sample: Sample) -> bool:
    """Whether a figure is shown."""
    return sample.attributes["visual_input"] != "0"


def read_vlmevalkit(text: str) -> Literal["yes", "no"] | None:
    """VLMEvalKit's `YOrN_Extraction`: yes or no, whichever of the words the lower-cased text holds alone.

    Punctuation is taken out before, by `process_punctuation`: each mark vanishes where it stands beside a space
    anywhere in the text, or where the text has a number such as 1,000 (so that `yes/no, perhaps` is `yes no perhaps`
    and `yes-no maybe` `yes no maybe`, but `yes - or-no` `yes  orno`), else it becomes a space; of the full stops that
    no digit follows the first 32 vanish.
    """
    lowered = text.lower()
    clean, has_thousands = lowered, _THOUSANDS.search(lowered) is not None
    for mark in _PUNCTUATION:
        vanishes = has_thousands or f"{mark} " in lowered or f" {mark}" in lowered
        clean = clean.replace(mark, "" if vanishes else " ")
    words = _FULL_STOP.sub("", clean, count=_MOST_FULL_STOPS).split()
    if ("yes" in words) == ("no" in words):
        return None
    return "yes" if "yes" in words else "no"


def judge(sample: Sample, response: Response) -> Verdict:
    """Both verdicts; the published one is the de facto reading, or without a figure the authors' rule."""
    verdict = judge_response(sample, response, officially(read_vlmevalkit))
    if has_figure(sample) or verdict.status == "error":
        return verdict
    return replace(verdict, official=is_right_by_rule(sample, verdict), official_answer=verdict.answer)


def is_right_by_rule(sample: Sample, verdict: Verdict) -> bool:
    """The authors' `assign_correctness`, over what was read in place of their judge's word."""
    may_be_unclear = sample.attributes["category"] == "VS" and sample.attributes["figure"] == "0"
    return verdict.status == "correct" or (may_be_unclear and verdict.status in _UNCLEAR)


def units(records: Iterable[SampleRecord]) -> Iterator[Unit]:
    """Each question is a unit; figures and question groups follow when all have been seen."""
    groups: dict[tuple[str, str], Together] = {}
    for record in records:
        sample, verdict = record.sample, record.verdict
        by_rule = is_right_by_rule(sample, verdict)
        population = WITH_FIGURE if has_figure(sample) else WITHOUT
        stratum = (population, sample.attributes["category"])
        yield sample_unit(record, stratum=stratum, kind=_BY_RULE if by_rule else "")
        for kind, key, official in _memberships(sample, de_facto=bool(verdict.official), by_rule=by_rule):
            if (kind, key) not in groups:
                groups[kind, key] = Together(stratum=(kind,), cluster=sample.cluster or sample.id)
            groups[kind, key].add(verdict, official=official)
    for (kind, key), group in groups.items():
        yield group.unit(kind, key)


def _memberships(sample: Sample, *, de_facto: bool, by_rule: bool) -> Iterator[tuple[str, str, bool]]:
    """The figures and question groups that a question is of: kind, key, and whether it is right in their reading."""
    of = sample.attributes
    figure, question = f"{sample.group}/figure {of['figure']}", f"{sample.group}/question {of['question']}"
    if has_figure(sample):
        yield f"{WITH_FIGURE} figure", figure, de_facto
        yield f"{WITH_FIGURE} question", question, de_facto
    if not (of["category"] == "VS" and of["figure"] == "0"):
        yield "all figure", figure, by_rule
    yield "all question", question, by_rule
    yield "hard" if of["visual_input"] == "2" else "easy", question, by_rule


def _is_right_by_rule(outcome: Outcome) -> int:
    return outcome.kind == _BY_RULE


def _answered(outcome: Outcome) -> int:
    return outcome.answer is not None


def _is_wrong(outcome: Outcome) -> int:
    return _answered(outcome) and not outcome.right


def _is_wrong_by_rule(outcome: Outcome) -> int:
    return not _is_right_by_rule(outcome)


def _is_wrong_yes(wrong: Weight, outcome: Outcome) -> float:
    return wrong(outcome) * (outcome.target == "no")


def _yes_too_many(wrong: Weight, outcome: Outcome) -> float:
    return wrong(outcome) * (1 if outcome.target == "no" else -1)


def _accuracies(part: str, within: Callable[[Outcome], bool], official: Weight) -> Iterator[MetricSpec]:
    """The three accuracies of a population, and their mean."""
    ratios = {
        "aAcc": [Ratio(top=top, bottom=one, within=within) for top in (is_right, official)],
        "fAcc": [Ratio(top=top, bottom=one, unit=f"{part} figure") for top in (is_right, is_officially_right)],
        "qAcc": [Ratio(top=top, bottom=one, unit=f"{part} question") for top in (is_right, is_officially_right)],
    }
    for name, (strict, published) in ratios.items():
        yield MetricSpec(name=f"{part}/{name}", strict=(strict,), official=(published,))
    strict_three, official_three = zip(*ratios.values(), strict=True)
    yield MetricSpec(name=f"{part}/mean", strict=strict_three, official=official_three)


def metrics(strata: Collection[tuple[str, ...]]) -> list[MetricSpec]:
    """The figures of both populations, and accuracy by category of the questions with a figure."""
    with_figure = in_stratum(0, WITH_FIGURE)
    found = list(_accuracies(WITH_FIGURE, with_figure, is_officially_right))
    for category in CATEGORIES:
        if (WITH_FIGURE, category) in strata:
            strict, official = (
                Ratio(top=top, bottom=one, within=partial(_is_of, category)) for top in (is_right, is_officially_right)
            )
            name = f"{WITH_FIGURE}/{category}/aAcc"
            found.append(MetricSpec(name=name, strict=(strict,), official=(official,)))
    found += _accuracies("all", everywhere, _is_right_by_rule)
    for kind in ("easy", "hard"):
        strict, official = (Ratio(top=top, bottom=one, unit=kind) for top in (is_right, is_officially_right))
        found.append(MetricSpec(name=f"all/{kind}", strict=(strict,), official=(official,)))
    found.append(
        MetricSpec(
            name="all/yes_difference",
            strict=(Ratio(top=partial(_yes_too_many, _is_wrong), bottom=_answered),),
            official=(Ratio(top=partial(_yes_too_many, _is_wrong_by_rule), bottom=one),),
            low=-1.0,
            better=0,
        )
    )
    found.append(
        MetricSpec(
            name="all/false_positive_ratio",
            strict=(Ratio(top=partial(_is_wrong_yes, _is_wrong), bottom=_is_wrong),),
            official=(Ratio(top=partial(_is_wrong_yes, _is_wrong_by_rule), bottom=_is_wrong_by_rule),),
            better=0,
        )
    )
    return found


def _is_of(category: str, outcome: Outcome) -> bool:
    return outcome.stratum == (WITH_FIGURE, category)


BENCHMARK = Benchmark(
    name="hallusionbench",
    title="HallusionBench",
    description="the same questions on figures, edited figures and without any: yes or no",
    citation="Guan et al., HallusionBench: An Advanced Diagnostic Suite for Entangled Language Hallucination and "
    "Visual Illusion in Large Vision-Language Models, CVPR 2024",
    version="1.0",
    media="image",
    answer_kinds=["yes_no"],
    source=HubSource(
        hub="lmms-lab-encoder/HallusionBench",
        split="image",
        rows=["data/image-*.parquet data/non_image-*.parquet", "HallusionBench.json"],
        columns=["image", "filename"],
        editions={1129: []},
    ),
    read_row=read_row,
    judge=judge,
    units=units,
    metrics=metrics,
    headline="with_figure/mean",
    headline_title="mean of aAcc, fAcc and qAcc, with a figure",
    baselines={"always yes": "yes", "always no": "no"},
    hallucination=True,
    telling={"all/hard": "right about edited figures", "all/easy": "right about figures as they are"},
    shows=has_figure,
)
