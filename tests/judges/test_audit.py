"""The reading audit: what is drawn, and agreement by hand."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from typing import Any

import pytest
from support_judges import Scripted, judge_of

from harness.core.types import NEEDS_JUDGE, AnswerKind, Disagreement, Response, Sample, SampleRecord, Verdict
from harness.judges.audit import AuditSample
from harness.reports.audit import audit_lines, audit_table


def record(number: int, answer: str | None, kind: AnswerKind = "yes_no", **verdict: Any) -> SampleRecord:
    """A response that rules read, unless its verdict says something else."""
    sample = Sample(
        id=f"{kind}/{number}",
        task="t",
        target="yes",
        answer_kind=kind,
        question=f"Question {number}?",
        choices={"A": "a car", "B": "a dog"} if kind == "choice" else None,
    )
    found = Verdict(**{"sample_id": sample.id, "answer": answer, "status": "correct", "rule": "begins", **verdict})
    return SampleRecord(sample=sample, response=Response(sample_id=sample.id, text=f"Text {number}."), verdict=found)


def number_in(prompt: str) -> int:
    return int(re.findall(r"Question (\d+)\?", prompt)[0])


def drawn(records: Sequence[SampleRecord], wanted: int = 100, seed: int = 0) -> AuditSample:
    sample = AuditSample(wanted, seed)
    assert list(sample.watch(records)) == list(records)
    return sample


def test_agreement_by_hand() -> None:
    replies = {0: "no", 1: "none", 2: "I wonder."}
    model = Scripted(lambda prompt: replies.get(number_in(prompt), "Yes."))
    audit = drawn([record(number, "yes") for number in range(11)]).audit(judge_of(model))
    agreement = audit.kinds["yes_no"]
    assert (agreement.n, agreement.failures, agreement.read, agreement.value) == (10, 1, 11, 0.8)
    # Clopper and Pearson's interval of 8 in 10.
    assert (agreement.low, agreement.high) == pytest.approx((0.443905, 0.974789), abs=1e-6)
    assert sorted(audit.disagreements, key=lambda one: one.sample_id) == [
        Disagreement(task="t", sample_id="yes_no/0", rule="begins", read="yes", judge="no"),
        Disagreement(task="t", sample_id="yes_no/1", rule="begins", read="yes", judge="no answer"),
    ]
    table = audit_table(audit)
    assert "80.0" in table
    assert "[44.4, 97.5]" in table
    assert "yes_no/0 (the rules: yes; the judge: no)" in table
    report = "\n".join(audit_lines(audit))
    assert "`yes_no/0`" in report
    assert "`yes_no/2`" not in report


def test_a_judge_that_always_fails_leaves_agreement_unknown() -> None:
    audit = drawn([record(1, "yes")]).audit(judge_of(Scripted(lambda _: None)))
    agreement = audit.kinds["yes_no"]
    assert (agreement.value, agreement.low, agreement.high, agreement.n, agreement.failures) == (None, None, None, 0, 1)
    assert audit.disagreements == []
    assert "–" in audit_table(audit)


def test_only_answers_that_rules_read_and_settled_are_drawn() -> None:
    others = [
        record(1, None, status="unanswered", rule="refused"),
        record(2, None, status="not_understood", rule="nothing"),
        record(3, "yes", rule="judge"),
        record(4, "a car", "open", status="incorrect", reason=NEEDS_JUDGE),
        record(5, "text", "open", rule=None),
        record(6, None, status="error", rule=None),
    ]
    sample = drawn(others)
    assert sample.audit(judge_of(Scripted(lambda _: pytest.fail("asked")))).kinds == {}


def test_a_hundred_of_each_kind_are_drawn_by_the_seed_and_not_by_the_order() -> None:
    records = [record(number, "yes") for number in range(300)] + [record(number, "A", "choice") for number in range(7)]

    def asked(records: Sequence[SampleRecord], seed: int) -> list[str]:
        model = Scripted(lambda prompt: "A" if "a car" in prompt else "yes")
        audit = drawn(records, 100, seed).audit(judge_of(model))
        assert (audit.kinds["yes_no"].n, audit.kinds["yes_no"].read) == (100, 300)
        assert (audit.kinds["choice"].n, audit.kinds["choice"].value) == (7, 1.0)
        return model.seen

    shuffled = records.copy()
    random.Random(1).shuffle(shuffled)
    assert asked(records, 0) == asked(shuffled, 0) != asked(records, 1)
    numbers = [number_in(prompt) for prompt in asked(records, 0) if "a car" not in prompt]
    assert 110 < sum(numbers) / 100 < 190  # The mean of a hundred of 0 to 299 is 149.5, and its s.e. 7.


def test_none_are_drawn_where_none_are_wanted() -> None:
    audit = drawn([record(1, "yes")], 0).audit(judge_of(Scripted(lambda _: pytest.fail("asked"))))
    assert audit.kinds["yes_no"].n == 0


def test_wordings_that_rules_cannot_compare_are_compared_by_the_judge() -> None:
    said = ["the car", "a horse", "none", "the car park", "one red car", "any car"]
    grades = {"a horse": "B", "the car park": "B", "one red car": "A", "any car": "?"}

    def reply(prompt: str) -> str:
        if not prompt.startswith("You grade"):
            return said[number_in(prompt)]
        assert "Response: the car\n" in prompt
        return grades[prompt.split("Reference answer: ")[1].split("\n")[0]]

    records = [record(number, "the car", "open") for number in range(len(said))]
    audit = drawn(records).audit(judge_of(Scripted(reply)))
    agreement = audit.kinds["open"]
    assert (agreement.n, agreement.failures, agreement.value) == (5, 1, 0.4)
    assert {one.sample_id: one.judge for one in audit.disagreements} == {
        "open/1": "a horse",
        "open/2": "no answer",
        "open/3": "the car park",
    }


def test_the_judge_is_not_told_what_the_rules_read() -> None:
    def prompts(answer: str) -> list[str]:
        model = Scripted(lambda _: "none")
        drawn([record(1, answer), record(1, answer, "open")]).audit(judge_of(model))
        return model.seen

    assert prompts("yes") == prompts("no")


def test_a_verifier_compares_the_response_with_what_the_rules_read() -> None:
    grades = {1: "A", 2: "B", 3: "C", 4: "?"}
    model = Scripted(lambda prompt: grades[number_in(prompt)])
    records = [record(number, "B", "choice") for number in grades]
    audit = drawn(records).audit(judge_of(model, is_verifier=True))
    agreement = audit.kinds["choice"]
    assert (agreement.n, agreement.failures, agreement.value) == (3, 1, pytest.approx(1 / 3))
    assert {one.sample_id: one.judge for one in audit.disagreements} == {
        "choice/2": "something else",
        "choice/3": "no answer",
    }
    assert all("<Standard Answer Begin>:\nB. a dog\n" in prompt for prompt in model.seen)
