"""From judged samples to counted units: what the records of most benchmarks share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial

from harness.core.types import CLOSED, SampleRecord, Verdict
from harness.statistics.specs import Outcome, Ratio, Unit, Weight

Part = Callable[[Outcome], bool]
"""Which units belong to a part of the data."""


def sample_unit(record: SampleRecord, *, stratum: tuple[str, ...], kind: str = "", unit: str = "sample") -> Unit:
    """One sample as a unit; samples of one cluster are not independent.

    Args:
        record: the judged sample.
        stratum: the finest part of the data that it belongs to.
        kind: a further split of the units.
        unit: its kind, where a sample is counted in another way too.
    """
    sample, verdict = record.sample, record.verdict
    # Open answers are of any words: counted by them, no two outcomes would be equal.
    closed = sample.answer_kind in CLOSED
    outcome = Outcome(
        unit=unit,
        stratum=stratum,
        right=verdict.status == "correct",
        official=verdict.official,
        kind=kind,
        target=sample.target if closed else "",
        answer=verdict.answer if closed else None,
        official_answer=verdict.official_answer if closed else None,
        unanswered=verdict.status == "unanswered",
        unsettled=verdict.is_unsettled,
        could_be_right=could_be_right(verdict),
        errors=verdict.status == "error",
    )
    return Unit(sample.id, sample.cluster or sample.group or sample.id, outcome)


def scored_unit(record: SampleRecord, *, stratum: tuple[str, ...], if_right: Mapping[str, float] | None = None) -> Unit:
    """One sample as a unit with the numbers that its verdict holds.

    Args:
        record: the judged sample.
        stratum: the finest part of the data that it belongs to.
        if_right: what of these numbers would be another one if a judge that failed on it had found it right.
    """
    unit, scores = sample_unit(record, stratum=stratum), record.verdict.scores
    supposed = {**scores, **if_right} if if_right and scores and record.verdict.is_unsettled else {}
    scored = unit.outcome._replace(scores=tuple(sorted(scores.items())), if_right=tuple(sorted(supposed.items())))
    return unit._replace(outcome=scored)


def score_of(name: str) -> Weight:
    """A number of the verdict's, 0 where there is none of this name."""

    def weight(outcome: Outcome) -> float:
        return dict(outcome.scores).get(name, 0.0)

    return weight


def has_score(name: str) -> Weight:
    """Units whose verdict holds a number of this name."""

    def weight(outcome: Outcome) -> int:
        return name in dict(outcome.scores)

    return weight


class Together:
    """What is known of samples that are judged together, while they come in: right only if all are."""

    __slots__ = ("_cluster", "_outcome")

    def __init__(self, *, stratum: tuple[str, ...], cluster: str) -> None:
        """Without any sample.

        Args:
            stratum: the finest part of the data that they belong to.
            cluster: what they are not independent of.
        """
        self._cluster = cluster
        self._outcome = Outcome(unit="", stratum=stratum, right=True, official=True, could_be_right=True)

    def add(self, verdict: Verdict, *, official: bool | None) -> None:
        """One more of them.

        Args:
            verdict: the strict one.
            official: the published evaluator's; `None` is not right.
        """
        so_far = self._outcome
        self._outcome = so_far._replace(
            right=so_far.right and verdict.status == "correct",
            official=bool(so_far.official and official),
            unanswered=so_far.unanswered + (verdict.status == "unanswered"),
            unsettled=so_far.unsettled + verdict.is_unsettled,
            could_be_right=so_far.could_be_right and could_be_right(verdict),
            errors=so_far.errors + (verdict.status == "error"),
        )

    def unit(self, kind: str, key: str) -> Unit:
        """All of them as a unit of a kind."""
        return Unit(key, self._cluster, self._outcome._replace(unit=kind))


def could_be_right(verdict: Verdict) -> bool:
    """Whether the answer is right, or may be one that no rule could read or settle."""
    return verdict.status == "correct" or verdict.is_unsettled


def subset_units(records: Iterable[SampleRecord]) -> Iterator[Unit]:
    """Each sample as a unit, its subset as its part."""
    for record in records:
        yield sample_unit(record, stratum=(record.sample.subset or "",))


def in_stratum(level: int, name: str) -> Part:
    """The part of the data with this name at a level of the strata."""
    return partial(_is_in, level, name)


def _is_in(level: int, name: str, outcome: Outcome) -> bool:
    return outcome.stratum[level] == name


def share(top: Callable[[Outcome], float], within: Part) -> Ratio:
    """The mean of `top` over the samples of a part."""
    return Ratio(top=top, bottom=one, within=within)


def one(outcome: Outcome) -> int:
    """Every unit counts."""
    return 1


def is_right(outcome: Outcome) -> int:
    """Units whose strict verdict is right."""
    return outcome.right


def is_officially_right(outcome: Outcome) -> int:
    """Units that the published evaluator takes for right."""
    return bool(outcome.official)
