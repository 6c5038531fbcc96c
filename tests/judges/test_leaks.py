"""Captions that give the answer away, and captions that only look as if they did."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

from harness.judges.leaks import leaks_answer

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data" / "responses"
CHOICES = {"A": "a dog", "B": "a cat", "C": "a horse"}


@pytest.mark.parametrize(
    "caption",
    [
        "A man walks. The answer is yes.",
        "The correct answer: no",
        "A lawn. The **answer** is **yes**",
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


@pytest.fixture(scope="module")
def benchmark() -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "benchmarks" / "captions.py"))


@pytest.mark.parametrize(
    ("file", "leaks", "descriptions", "precision", "recall"),
    # The second holds paraphrases that were written after the check, which it was not changed for.
    [("leaks.tsv", 140, 150, 0.98, 0.98), ("leaks_held_out.tsv", 25, 25, 0.9, 0.55)],
)
def test_labelled_captions(
    file: str, leaks: int, descriptions: int, precision: float, recall: float, benchmark: dict[str, Any]
) -> None:
    labels = [label for label, *_ in benchmark["read_probes"](file)]
    assert (labels.count("leak"), labels.count("description")) == (leaks, descriptions)
    found_precision, found_recall, wrong = benchmark["check_probes"](file)
    assert found_precision >= precision, wrong
    assert found_recall >= recall, wrong


@pytest.mark.skipif(not DATA.is_dir(), reason="the real responses are not at hand")
def test_real_responses(benchmark: dict[str, Any]) -> None:
    stated, struck = benchmark["stated_answers"](DATA)
    assert stated > 200
    assert struck / stated > 0.96
    told = list(benchmark["passages"](DATA))[::4]
    assert len(told) > 500
    assert sum(benchmark["strikes"](text, kind) for kind, text in told) / len(told) < 0.025


@pytest.mark.timeout(30)
def test_a_long_caption_is_read_in_time() -> None:
    # What could make each form try again and again from every word.
    for text in ("so the " * 4000, "answer " * 4000, "(A " * 8000, "the question is " * 3000, "no, " * 8000):
        leaks_answer(text, "yes_no")
        leaks_answer(text, "choice", CHOICES)
        leaks_answer(text, "open")
