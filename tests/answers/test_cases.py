"""Answers read as they are meant: several thousand responses, written by hand together with their meaning."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.answers.open.matching import match_open
from harness.answers.reading import read_answer

CASES = Path(__file__).parents[1] / "fixtures" / "read_answer"

Group = tuple[dict[str, Any], list[dict[str, Any]]]


def groups(name: str) -> Iterator[Group]:
    """The questions of a file, each with its responses: a line without a response begins a question."""
    head: dict[str, Any] | None = None
    cases: list[dict[str, Any]] = []
    for line in (CASES / name).read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if "response" in row:
            cases.append(row)
            continue
        if head is not None:
            yield head, cases
        head, cases = row, []
    if head is not None:
        yield head, cases


def label(group: Group) -> str:
    return str(group[0]["question"])[:40]


@pytest.mark.parametrize("group", [*groups("yes_no.jsonl")], ids=label)
def test_yes_or_no(group: Group) -> None:
    head, cases = group
    wrong = [
        (case["response"], case["answer"], read)
        for case in cases
        if (read := read_answer(case["response"], "yes_no", question=head["question"])) != case["answer"]
    ]
    assert wrong == []


@pytest.mark.parametrize("group", [*groups("choice.jsonl")], ids=label)
def test_the_chosen_option(group: Group) -> None:
    head, cases = group
    wrong = [
        (case["response"], case["answer"], read)
        for case in cases
        if (read := read_answer(case["response"], "choice", head["choices"], head["question"])) != case["answer"]
    ]
    assert wrong == []


@pytest.mark.parametrize("group", [*groups("open_ended.jsonl")], ids=lambda group: str(group[0]["target"]))
def test_open_answers_against_their_target(group: Group) -> None:
    head, cases = group
    wrong = []
    for case in cases:
        answer = read_answer(case["response"], "open", question=head["question"])
        match = match_open(answer, head["target"], head["question"])
        if match is True if case["match"] == "not true" else match is not (case["match"] == "true"):
            wrong.append((case["response"], answer, case["match"], match))
    assert wrong == []


def test_there_are_enough_cases_of_every_meaning() -> None:
    said = [case["answer"] for _, cases in groups("yes_no.jsonl") for case in cases]
    chosen = [case["answer"] for _, cases in groups("choice.jsonl") for case in cases]
    assert min(said.count("yes"), said.count("no"), said.count(None)) > 300
    assert min(sum(answer is not None for answer in chosen), chosen.count(None)) > 300


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        ("There is no dog.", "no"),
        ("There is a dog.", "yes"),
        ("I see a dog.", "yes"),
        ("I don't see a dog.", "no"),
        ("The image does not contain a dog.", "no"),
        ("The image shows a dog.", "yes"),
        ("No dog is visible.", "no"),
        ("There is no image provided.", None),
        ("I cannot tell.", None),
        ("dog", None),
    ],
)
def test_plain_declaratives_count_without_the_question(response: str, expected: str | None) -> None:
    assert read_answer(response, "yes_no") == expected


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        ("Resistance. The video shows a growing current.", "Resistance"),
        ("Resistance", "Resistance"),
        ("The answer is **Dolly Zoom**.", "Dolly Zoom"),
        ("The final answer is resistance because the current drops.", "resistance"),
        ("It may be heat. Final answer: resistance", "resistance"),
        ('{"reason": "x", "answer": "Dolly Zoom"}', "Dolly Zoom"),
        ("\\boxed{\\text{O(n²)}}", "O(n²)"),
        ("so $\\boxed{\\frac{1}{2}}$", "\\frac{1}{2}"),
        ("<answer>150 µV</answer>", "150 μV"),
        ("<answer>Cu²⁺</answer>", "Cu²⁺"),
        ("Ｄｏｌｌｙ\u200b Ｚｏｏｍ", "Dolly Zoom"),
        ("'Dolly Zoom'.", "Dolly Zoom"),
        (".5", ".5"),
        ("I'm sorry, I can't help with that.", None),
        ("I cannot determine the answer.", None),
        ("[answer]", None),
        ("", None),
        ("...", None),
        ("What is it?", None),
        ("Answer the question using a single word or phrase.", None),
    ],
)
def test_the_text_of_an_open_answer(response: str, expected: str | None) -> None:
    assert read_answer(response, "open", question="What is it?") == expected


def test_keys_need_not_be_capitals_nor_letters() -> None:
    assert read_answer("The answer is B.", "choice", {"a": "red", "b": "blue"}) == "b"
    assert read_answer("The answer is 2.", "choice", {"1": "red", "2": "blue"}) == "2"
    assert read_answer("blue", "choice", {"first": "red", "second": "blue"}) == "second"
    assert read_answer("second", "choice", {"first": "red", "second": "blue"}) == "second"


def test_without_choices_the_letters_a_to_e_stand_for_themselves() -> None:
    assert [read_answer(letter, "choice") for letter in "ABCDEF"] == ["A", "B", "C", "D", "E", None]


def test_a_letter_beats_a_text_that_contradicts_it() -> None:
    choices = {"A": "red", "B": "blue"}
    assert read_answer("B. red", "choice", choices) == "B"
    assert read_answer("The answer is B, red.", "choice", choices) == "B"
