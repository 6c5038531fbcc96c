"""MMBench: multiple choice, asked once per rotation of the options (Liu et al., ECCV 2024).

Rows whose index is `question + k * 1,000,000` are the rotations of one question. Overall (`all/...`), per L2 category
(`l2/NAME/...`) and per category (`category/NAME/...`):

- circular: share of questions answered right under *every* rotation, as many as the question has options; one that
  the data lacks counts as a miss (the published evaluator asks only that every present row is right);
- vanilla: share of right answers to the unrotated rows.

Position bias, over all rows: `all/share_A` ... share of each letter among the answers, `all/gold_share_A` ... among the
gold answers, `all/recall_A` ... share of right answers where that letter is the gold answer, and `all/position_bias`,
the standard deviation of those recalls (RStd, Zheng et al., ICLR 2024): 0 for a model that does not mind positions.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import partial
from string import ascii_uppercase
from typing import Any

from harness.benchmarks.columns import find, is_absent, require_index, require_letter, require_text
from harness.benchmarks.official import read_mmbench
from harness.benchmarks.verdicts import judge_closed
from harness.core.errors import DataError
from harness.core.types import Response, Sample, SampleRecord, Verdict
from harness.statistics.specs import Measure, Outcome, Ratio, TaskScoring, Unit, everywhere

ROTATION = 1_000_000
NO_CATEGORY = ""


def read_row(row: Mapping[str, Any], where: str) -> Sample:
    """An MMBench row to a sample; the hint, where there is one, goes before the question.

    Raises:
        DataError: a column is missing, there are no options, or the gold answer is not one of them.
    """
    index = require_index(row, where, "index")
    choices = {
        letter: str(row[letter]).strip() for letter in ascii_uppercase if letter in row and not is_absent(row[letter])
    }
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


def judge(sample: Sample, response: Response) -> Verdict:
    """Both verdicts on one response."""
    return judge_closed(sample, response, _read_officially)


def _read_officially(sample: Sample, text: str) -> tuple[bool, str | None]:
    answer = read_mmbench(text, sample.choices or {})
    return answer == sample.target, answer


def _stratum(sample: Sample) -> tuple[str, str]:
    return sample.attributes.get("l2", NO_CATEGORY), sample.attributes.get("category", NO_CATEGORY)


class _Group:
    """What is known of one question while its rotations come in."""

    __slots__ = ("errors", "expected", "official", "right", "seen", "stratum", "unanswered")

    def __init__(self, sample: Sample) -> None:
        self.stratum = _stratum(sample)
        self.expected = len(sample.choices or {})
        self.seen = self.right = self.errors = self.unanswered = 0
        self.official = True


def units(records: Iterable[SampleRecord]) -> Iterator[Unit]:
    """Each row is a unit, and each question with its rotations; the latter follow when all rows have been seen."""
    groups: dict[str, _Group] = {}
    for record in records:
        sample, verdict = record.sample, record.verdict
        key = sample.group or sample.id
        yield Unit(sample.id, key, _row(record))
        group = groups.get(key)
        if group is None:
            group = groups[key] = _Group(sample)
        group.seen += 1
        group.right += verdict.status == "correct"
        group.official &= bool(verdict.official)
        group.errors += verdict.status == "error"
        group.unanswered += verdict.status == "unanswered"
    for key, group in groups.items():
        outcome = Outcome(
            unit="group",
            stratum=group.stratum,
            right=group.right == group.seen >= group.expected,
            official=group.official,
            unanswered=group.unanswered,
            errors=group.errors,
        )
        yield Unit(key, key, outcome)


def _row(record: SampleRecord) -> Outcome:
    sample, verdict = record.sample, record.verdict
    return Outcome(
        unit="sample",
        stratum=_stratum(sample),
        right=verdict.status == "correct",
        official=verdict.official,
        kind="vanilla" if sample.attributes.get("rotation", "0") == "0" else "rotation",
        target=sample.target,
        answer=verdict.answer,
        unanswered=verdict.status == "unanswered",
        errors=verdict.status == "error",
    )


def _right(outcome: Outcome) -> int:
    return outcome.right


def _hit(outcome: Outcome) -> int:
    return bool(outcome.official)


def _one(outcome: Outcome) -> int:
    return 1


def _vanilla(outcome: Outcome) -> int:
    return outcome.kind == "vanilla"


def _accuracies(part: str, within: Callable[[Outcome], bool]) -> Iterator[Measure]:
    yield Measure(
        name=f"{part}/circular",
        strict=(Ratio(top=_right, bottom=_one, unit="group", within=within),),
        official=(Ratio(top=_hit, bottom=_one, unit="group", within=within),),
        accuracy=True,
    )
    yield Measure(
        name=f"{part}/vanilla",
        strict=(Ratio(top=lambda o: _right(o) * _vanilla(o), bottom=_vanilla, within=within),),
        official=(Ratio(top=lambda o: _hit(o) * _vanilla(o), bottom=_vanilla, within=within),),
        accuracy=True,
    )


def _answers_with(letter: str, outcome: Outcome) -> int:
    return outcome.answer == letter


def _answered(outcome: Outcome) -> int:
    return outcome.answer is not None


def _is_gold(letter: str, outcome: Outcome) -> int:
    return outcome.target == letter


def _right_at(letter: str, outcome: Outcome) -> int:
    return outcome.target == letter and outcome.right


def _positions() -> Iterator[Measure]:
    # Letters beyond D occur in few questions, if at all; a recall over none would leave the spread undefined.
    letters = ascii_uppercase[:4]
    recalls = {letter: Ratio(top=partial(_right_at, letter), bottom=partial(_is_gold, letter)) for letter in letters}
    yield Measure(name="all/position_bias", strict=tuple(recalls.values()), combine="spread", high=0.5, better=-1)
    for letter in letters:
        share = Ratio(top=partial(_answers_with, letter), bottom=_answered)
        yield Measure(name=f"all/share_{letter}", strict=(share,), better=0)
        gold_share = Ratio(top=partial(_is_gold, letter), bottom=_one)
        yield Measure(name=f"all/gold_share_{letter}", strict=(gold_share,), better=0, of_data=True)
        yield Measure(name=f"all/recall_{letter}", strict=(recalls[letter],))


def _in(level: int, name: str, outcome: Outcome) -> bool:
    return outcome.stratum[level] == name


def measures(strata: Collection[tuple[str, ...]]) -> list[Measure]:
    """The figures overall, per L2 category and per category that occurs, and the position bias."""
    figures = list(_accuracies("all", everywhere))
    names: defaultdict[int, set[str]] = defaultdict(set)
    for stratum in strata:
        for level, name in enumerate(stratum):
            names[level].add(name)
    for level, prefix in enumerate(("l2", "category")):
        for name in sorted(names[level] - {NO_CATEGORY}):
            figures += _accuracies(f"{prefix}/{name}", partial(_in, level, name))
    return figures + list(_positions())


SCORING = TaskScoring(
    name="mmbench", headline="all/circular", read_row=read_row, judge=judge, units=units, measures=measures
)
