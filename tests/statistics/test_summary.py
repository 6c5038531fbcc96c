"""From judged samples to the figures of a task."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace

import pytest
from support_runs import make_record

from harness.core.types import NEEDS_JUDGE, SampleRecord
from harness.statistics import summarise
from harness.statistics.specs import MetricSpec, Outcome, Ratio, Unit, everywhere


def share(top: str) -> Ratio:
    return Ratio(top=lambda outcome: bool(getattr(outcome, top)), bottom=lambda outcome: 1, within=everywhere)


@dataclass(frozen=True)
class Task:
    name: str = "toy"
    headline: str = "accuracy"

    def units(self, records: Iterable[SampleRecord]) -> Iterator[Unit]:
        for record in records:
            verdict = record.verdict
            outcome = Outcome(
                "sample",
                ("s",),
                right=verdict.status == "correct",
                official=verdict.official,
                errors=verdict.status == "error",
                unanswered=verdict.status == "unanswered",
            )
            yield Unit(record.sample.id, record.sample.id, outcome)

    def metrics(self, strata: Collection[tuple[str, ...]]) -> list[MetricSpec]:
        assert strata == {("s",)}
        return [
            MetricSpec(name="accuracy", strict=(share("right"),), official=(share("official"),)),
            MetricSpec(name="strict only", strict=(share("right"),), low=-1.0),
        ]


def test_what_is_counted() -> None:
    right = make_record("a")
    wrong = replace(right, verdict=replace(right.verdict, status="incorrect", official=True))
    unsettled = replace(right, verdict=replace(right.verdict, status="incorrect", official=None, reason=NEEDS_JUDGE))
    unanswered = replace(
        right,
        response=replace(right.response, finish_reason="length"),
        verdict=replace(right.verdict, status="unanswered", answer=None, official=False),
    )
    failed = make_record("b", error="died")
    failed = replace(failed, verdict=replace(failed.verdict, official=None))
    records = [right, wrong, unsettled, unanswered, failed]
    named = [replace(item, sample=replace(item.sample, id=str(number))) for number, item in enumerate(records)]
    result = summarise(Task(), named)
    assert (result.task, result.headline, result.samples) == ("toy", "accuracy", 5)
    assert (result.unanswered, result.truncated, result.errors, result.unsettled) == (1, 1, 1, 1)
    assert result.disagreements == 1  # right by the published evaluator, wrong by what it means
    accuracy = result.metrics["accuracy"]
    assert (accuracy.value, accuracy.n, accuracy.n_unanswered, accuracy.n_errors) == (1 / 4, 4, 1, 1)
    assert result.official == {"accuracy": 2 / 4, "strict only": None}


def test_only_a_share_keeps_within_nought_and_one() -> None:
    records = [make_record(str(number)) for number in range(4)]
    figures = summarise(Task(), records).metrics
    assert figures["accuracy"].high == figures["strict only"].high == 1.0
    low, signed = figures["accuracy"].low, figures["strict only"].low
    # All four agree: Clopper and Pearson's bound of a share, and twice that distance on a range twice as wide.
    assert low == pytest.approx(0.025**0.25)
    assert signed == pytest.approx(1 - (1 - 0.025**0.25))
