"""Differences in words and signs."""

from dataclasses import replace

import pytest

from harness.reports.differences import SIGNS, change, family_note, in_words, tone, verdict
from harness.statistics.differences import Difference

ITEM = Difference(name="x", a=0.5, b=0.546, value=0.046, low=0.01, high=0.081, p=0.012, family=4, stderr=0.01, n=100)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, "+4.6 [1.0, 8.1], better (p = 0.012)"),
        ({"value": -0.046, "low": -0.081, "high": -0.01}, "−4.6 [−8.1, −1.0], worse (p = 0.012)"),
        ({"better": 0, "p": 0.0001}, "+4.6 [1.0, 8.1], changed (p < 0.001)"),
        # What excludes 0 does not look as if it touched it, and what is below .05 not as if it were not.
        ({"low": 0.00004}, "+4.6 [0.004, 8.1], better (p = 0.012)"),
        ({"value": 0.0004, "low": 0.0001, "high": 0.0008}, "+0.04 [0.01, 0.1], better (p = 0.012)"),
        ({"p": 0.04996}, "+4.6 [1.0, 8.1], better (p < 0.05)"),
        ({"p": None, "family": 0}, "+4.6 [1.0, 8.1], not tested"),
        ({"p": None, "low": None, "high": None, "note": "too few"}, "+4.6, not tested (too few)"),
        (
            {"low": -0.03, "high": 0.122, "p": 0.23, "stderr": 0.03},
            "+4.6 [−3.0, 12.2], no difference shown (p = 0.23; beyond 12.2 excluded; "
            "n = 475, not 100, would show this one)",
        ),
        (
            {"value": 0.0, "low": -0.03, "high": 0.03, "p": 1.0},
            "0.0 [−3.0, 3.0], no difference shown (p = 1.00; beyond 3.0 excluded)",
        ),
    ],
)
def test_in_words(changed: dict[str, object], expected: str) -> None:
    assert in_words(replace(ITEM, **changed)) == expected  # type: ignore[arg-type]


def test_unsettled_answers_and_notes_are_told() -> None:
    item = replace(ITEM, note="3 samples without a response left out", least=-0.01, greatest=0.06)
    assert verdict(item) == (
        "better (p = 0.012; 3 samples without a response left out; unsettled answers could turn it over)"
    )
    assert change(replace(ITEM, value=1.2, low=0.5, high=2.0), scale=1.0) == "+1.2 [0.5, 2.0]"


def test_sign_and_tone_follow_the_verdict() -> None:
    worse, unclear = replace(ITEM, better=-1), replace(ITEM, low=-0.1)
    assert [SIGNS[of.verdict] for of in (ITEM, worse, unclear)] == ["▲", "▼", "="]
    assert [tone(of) for of in (ITEM, worse, unclear, replace(ITEM, better=0))] == ["better", "worse", "plain", "plain"]


def test_a_family_is_stated_in_a_line() -> None:
    assert "nothing could be tested" in family_note(0)
    assert "one is tested" in family_note(1)
    assert "4 are tested together: each interval is at 98.75 %" in family_note(4)
