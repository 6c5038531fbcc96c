"""MMBench: multiple choice, asked once per rotation of the options (Liu et al., ECCV 2024).

Rows whose index is `question + k * 1,000,000` are the rotations of one question. Overall (`all/...`), per L2 category
(`l2/NAME/...`) and per category (`category/NAME/...`):

- circular: share of questions answered right under *every* rotation that the data has, as the published evaluator
  counts them; the official file lacks one for 53 of its 1,176 questions, so as many as there are options is no rule;
- vanilla: share of right answers to the unrotated rows.

Position bias, over all rows: `all/share_A` ... share of each letter among the answers, `all/gold_share_A` ... among the
gold answers, `all/recall_A` ... share of right answers where that letter is the gold answer, and `all/position_bias`,
the standard deviation of those recalls (RStd, Zheng et al., ICLR 2024): 0 for a model that does not mind positions.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import partial
from string import ascii_uppercase
from typing import Any, Final

from harness.benchmarks.columns import (
    find,
    lettered_options,
    require_index,
    require_letter,
    require_text,
    without_nan,
)
from harness.benchmarks.counting import Part, Together, in_stratum, is_officially_right, is_right, one, sample_unit
from harness.benchmarks.record import Benchmark, HubSource
from harness.benchmarks.verdicts import judge_response
from harness.core.errors import DataError
from harness.core.types import Sample, SampleRecord
from harness.statistics.specs import MetricSpec, Outcome, Ratio, Unit, everywhere

ROTATION = 1_000_000
NO_CATEGORY = ""
NONE_OF_THEM: Final = "Z"

_MMBENCH_REFUSALS: Final = (
    "Sorry, I can't help with images of people yet.",
    "I can't process this file.",
    "I'm sorry, but without the image provided",
    "Cannot determine the answer",
)
_MMBENCH_NO_RESPONSE: Final = "Failed to obtain answer via API"
_MMBENCH_BLANKED: Final = str.maketrans(dict.fromkeys(".()[],:;!*#{}", " "))
_MMBENCH_STATED: Final = re.compile(r"(?:correct\s+)?answer\s+is\s+\**([ABCD])\**", re.IGNORECASE)


def read_row(row: Mapping[str, Any], where: str) -> Sample:
    """An MMBench row to a sample; the hint, where there is one, goes before the question.

    Raises:
        DataError: a column is missing, there are no options, or the gold answer is not one of them.
    """
    row = without_nan(row)  # Its tables on the hub say `nan` where a question has no hint, or no option D.
    index = require_index(row, where, "index")
    choices = lettered_options(row)
    if len(choices) < 2:
        raise DataError(f"{where}: fewer than two options; expected columns A, B and more.")
    question = require_text(row, where, "question")
    hint = find(row, "hint")
    category = find(row, "category")
    l2 = find(row, "l2-category", "L2-category", "l2_category")
    attributes = {"index": str(index), "rotation": str(index // ROTATION)}
    attributes |= {"category": str(category)} if category is not None else {}
    attributes |= {"l2": str(l2)} if l2 is not None else {}
    group = str(index % ROTATION)
    return Sample(
        id=str(index),
        task="mmbench",
        subset=attributes.get("l2"),
        question=f"{str(hint).strip()}\n{question}" if hint is not None else question,
        target=require_letter(row, where, "answer", choices),
        answer_kind="choice",
        choices=choices,
        group=group,
        cluster=group,
        attributes=attributes,
    )


def read_mmbench(text: str, choices: Mapping[str, str]) -> str | None:
    """MMBench's exact matching (VLMEvalKit), without the model that may be asked where it fails.

    In this order:

    1. one of four refusal phrases: `Z`, none of them;
    2. each of `.()[],:;!*#{}` counts as a space; where exactly one option letter is among the words, and first occurs
       within the last four, it is the answer; where none is, but a word `Z`: none of them;
    3. the first `[correct] answer is X` with X from A to D, asterisks around X allowed, case ignored, no word boundary
       (`The answer is dog` is D), if X is an option;
    4. unless the text is longer than all option texts together twice, the one option whose text occurs in it, case
       ignored.

    Args:
        text: the response, or the text of its answer (see `official_text`).
        choices: option letter to option text.

    Returns:
        a key of `choices`, `Z` for none of them, or `None` where nothing was matched.
    """
    return _mmbench_letter(text, choices) or _mmbench_text(text, choices)


def _mmbench_letter(text: str, choices: Mapping[str, str]) -> str | None:
    if _MMBENCH_NO_RESPONSE in text:
        return None
    if any(phrase in text for phrase in _MMBENCH_REFUSALS):
        return NONE_OF_THEM
    words = text.translate(_MMBENCH_BLANKED).split()
    named = [letter for letter in choices if letter in words]
    if len(named) == 1 and words.index(named[0]) > len(words) - 5:
        return named[0]
    if not named and NONE_OF_THEM in words:
        return NONE_OF_THEM
    stated = _MMBENCH_STATED.search(text)
    if stated and stated[1].upper() in choices:
        return stated[1].upper()
    return None


def _mmbench_text(text: str, choices: Mapping[str, str]) -> str | None:
    lowered = text.lower()
    if len(lowered) > 2 * sum(len(option) for option in choices.values()):
        return None
    named = [letter for letter, option in choices.items() if option.lower() in lowered]
    return named[0] if len(named) == 1 else None


def _read_officially(sample: Sample, text: str) -> tuple[bool, str | None]:
    answer = read_mmbench(text, sample.choices or {})
    return answer == sample.target, answer


def _stratum(sample: Sample) -> tuple[str, str]:
    return sample.attributes.get("l2", NO_CATEGORY), sample.attributes.get("category", NO_CATEGORY)


def units(records: Iterable[SampleRecord]) -> Iterator[Unit]:
    """Each row is a unit, and each question with its rotations; the latter follow when all rows have been seen."""
    groups: dict[str, Together] = {}
    for record in records:
        sample = record.sample
        key = sample.group or sample.id
        kind = "vanilla" if sample.attributes.get("rotation", "0") == "0" else "rotation"
        yield sample_unit(record, stratum=_stratum(sample), kind=kind)
        if key not in groups:
            groups[key] = Together(stratum=_stratum(sample), cluster=key)
        groups[key].add(record.verdict, official=record.verdict.official)
    for key, group in groups.items():
        yield group.unit("group", key)


def _vanilla(outcome: Outcome) -> int:
    return outcome.kind == "vanilla"


def _accuracies(part: str, within: Part) -> Iterator[MetricSpec]:
    yield MetricSpec(
        name=f"{part}/circular",
        strict=(Ratio(top=is_right, bottom=one, unit="group", within=within),),
        official=(Ratio(top=is_officially_right, bottom=one, unit="group", within=within),),
    )
    yield MetricSpec(
        name=f"{part}/vanilla",
        strict=(Ratio(top=lambda o: is_right(o) * _vanilla(o), bottom=_vanilla, within=within),),
        official=(Ratio(top=lambda o: is_officially_right(o) * _vanilla(o), bottom=_vanilla, within=within),),
    )


def _answers_with(letter: str, outcome: Outcome) -> int:
    return outcome.answer == letter


def _answered(outcome: Outcome) -> int:
    return outcome.answer is not None


def _is_gold(letter: str, outcome: Outcome) -> int:
    return outcome.target == letter


def _right_at(letter: str, outcome: Outcome) -> int:
    return outcome.target == letter and outcome.right


def _positions() -> Iterator[MetricSpec]:
    # Letters beyond D occur in few questions, if at all; a recall over none would leave the spread undefined.
    letters = ascii_uppercase[:4]
    recalls = {letter: Ratio(top=partial(_right_at, letter), bottom=partial(_is_gold, letter)) for letter in letters}
    yield MetricSpec(name="all/position_bias", strict=tuple(recalls.values()), combine="spread", high=0.5, better=-1)
    for letter in letters:
        share = Ratio(top=partial(_answers_with, letter), bottom=_answered)
        yield MetricSpec(name=f"all/share_{letter}", strict=(share,), better=0)
        gold_share = Ratio(top=partial(_is_gold, letter), bottom=one)
        yield MetricSpec(name=f"all/gold_share_{letter}", strict=(gold_share,), better=0, of_data=True)
        yield MetricSpec(name=f"all/recall_{letter}", strict=(recalls[letter],))


def metrics(strata: Collection[tuple[str, ...]]) -> list[MetricSpec]:
    """The figures overall, per L2 category and per category that occurs, and the position bias."""
    figures = list(_accuracies("all", everywhere))
    for level, prefix in enumerate(("l2", "category")):
        for name in sorted({stratum[level] for stratum in strata} - {NO_CATEGORY}):
            figures += _accuracies(f"{prefix}/{name}", in_stratum(level, name))
    return figures + list(_positions())


BENCHMARK = Benchmark(
    name="mmbench",
    title="MMBench",
    description="multiple choice about an image, each question asked under every rotation of its options",
    citation="Liu et al., MMBench: Is Your Multi-modal Model an All-around Player?, ECCV 2024",
    version="1.0",
    media="image",
    answer_kinds=["choice"],
    source=HubSource(
        hub="lmms-lab-encoder/MMBench",
        config="en",
        split="dev",
        rows=["en/dev-*.parquet", "dev-*.parquet"],
        columns=["image"],
        editions={4329: []},
    ),
    read_row=read_row,
    judge=partial(judge_response, read_officially=_read_officially),
    units=units,
    metrics=metrics,
    headline="all/circular",
    headline_title="circular accuracy",
    baselines={"always A": "A"},
    clusters_share_media=True,
)
