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
