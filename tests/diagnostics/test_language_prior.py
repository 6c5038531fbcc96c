"""What a model answers without looking, by hand."""

from __future__ import annotations

import pytest
from support_diagnostics import grounded, make_record, value_of

from harness.core.types import Verdict
from harness.diagnostics.evidence import Evidence, gather


def blind(answer: str | None, target: str) -> Verdict:
    status = "unanswered" if answer is None else "correct" if answer == target else "incorrect"
    return Verdict(sample_id="random/1", answer=answer, status=status)


def test_blind_figures_by_hand() -> None:
    def item(answer: str, blind_answer: str | None, target: str) -> Evidence:
        record = make_record(answer, target=target)
        return gather(record, expected=(), blind=blind(blind_answer, target))

    items = [item("yes", "yes", "yes"), item("no", "yes", "no"), item("yes", "yes", "no"), item("no", None, "no")]
    assert value_of("blind_accuracy", *items) == 0.25
    assert value_of("blind_agreement", *items) == pytest.approx(2 / 3)
    assert value_of("visual_gain", *items) == pytest.approx(0.75 - 0.25)
    assert value_of("wrong_as_blind", *items) == 1.0
    assert value_of("blind_accuracy", grounded()) is None
