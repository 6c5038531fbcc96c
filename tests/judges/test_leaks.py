"""Captions that give the answer away, and captions that only look as if they did."""

from __future__ import annotations

import pytest

from harness.judges.leaks import leaks_answer

CHOICES = {"A": "a dog", "B": "a cat", "C": "a horse"}


@pytest.mark.parametrize(
    "caption",
    [
        "A man walks. The answer is yes.",
        "The correct answer: no",
        "A lawn, so no.",
        "Therefore, yes.",
        "Yes, a dog lies on a rug.",
        "yes",
        "A lawn without animals. No.",
        "A dog <answer>yes</answer>",
        r"A dog. \boxed{yes}",
    ],
)
def test_yes_no_leaks(caption: str) -> None:
    assert leaks_answer(caption, "yes_no")


@pytest.mark.parametrize(
    "caption",
    [
        "A dog lies on a rug.",
        "No people are visible on the street.",
        "There is no dog; a cat sleeps.",
        "The street is empty, so no people are visible.",
        "A sign reads YES WE ARE OPEN above the door.",
        "A man has no hat.",
        "red circle top ; blue star left",
        "",
    ],
)
def test_yes_no_descriptions(caption: str) -> None:
    assert not leaks_answer(caption, "yes_no")


@pytest.mark.parametrize(
    "caption",
    [
        "B",
        "B.",
        "A cat on a sofa (B)",
        "A cat on a sofa. Option B",
        "A cat on a sofa, **B**",
        "The best option is the cat.",
        "A cat. Answer: B",
        "A cat is seen. B",
    ],
)
def test_choice_leaks(caption: str) -> None:
    assert leaks_answer(caption, "choice", CHOICES)


@pytest.mark.parametrize(
    "caption",
    [
        "A cat on a sofa.",
        "A cat sits. A dog sleeps.",
        "Vitamin C tablets beside a glass",
        "A bus of line B drives past",
        "The player in the A-team shirt scores",
    ],
)
def test_choice_descriptions(caption: str) -> None:
    assert not leaks_answer(caption, "choice", CHOICES)


def test_open_questions_leak_by_conclusion_phrases_only() -> None:
    assert leaks_answer("A beaker turns blue; the answer is copper.", "open")
    assert not leaks_answer("A beaker turns blue.", "open")
