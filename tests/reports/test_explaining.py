"""How answers were read, in words."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from support_diagnostics import make_record

from harness.answers.reading import read_answer
from harness.reports.explaining import RULES, RuleCounts, explain_json, explain_lines, in_words

FIXTURES = Path(__file__).parents[1] / "fixtures/read_answer"
OTHERS = [
    ("same size", "The top line is longer, and the two lines are of the same length.", "yes_no", "Is one line longer?"),
    (
        "therefore",
        "There are 3 dogs and 2 cats. Therefore, there are 5 animals.",
        "open",
        "How many animals are there?",
    ),
    ("confirms", "We add them.\n3 + 2 = 5\nThe total is 5.", "open", "How many animals are there?"),
    ("first or last sentence", "There are 5 animals. Some of them sleep.", "open", "How many animals are there?"),
]
"""Rules that no response of the fixtures is read by, and a response that is."""


def rules_of_fixtures() -> set[str]:
    seen = set()
    for name, kind in (("yes_no", "yes_no"), ("choice", "choice"), ("open_ended", "open")):
        asked: dict[str, object] = {}
        for line in (FIXTURES / f"{name}.jsonl").read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            if "response" in row:
                seen.add(read_answer(row["response"], kind, asked.get("choices"), asked.get("question")).rule)
            else:
                asked = row
    return seen


@pytest.mark.parametrize(("rule", "response", "kind", "question"), OTHERS)
def test_a_rule_reads_its_example(rule: str, response: str, kind: str, question: str) -> None:
    assert read_answer(response, kind, None, question).rule == rule


def test_every_rule_has_words_and_no_words_are_without_a_rule() -> None:
    rules = {*rules_of_fixtures(), *(rule for rule, *_ in OTHERS), "judge", "objects", "for the judge"}
    assert {rule for rule in rules if in_words(rule) == rule} == set()
    assert RULES.keys() <= rules
    assert in_words("answer is (text)") == f"{RULES['answer is']}, by the text of one option"
    assert in_words("polar: begins").startswith(RULES["begins"])
    assert in_words("of another version") == "of another version"


def test_what_the_reading_rests_on_is_marked() -> None:
    record = make_record("A lawn.\nThere is **no dog** in the image", target="yes")
    assert list(explain_lines(record)) == [
        "pope random/1",
        "question  Is there a dog in the image?",
        "target    yes",
        "response  A lawn.",
        "          >>>There is **no dog** in the image<<<",
        "ended by  stop",
        "outcome   read",
        "rule      statement: a sentence that repeats the question, or denies it",
        "answer    no",
        "strict    wrong",
        "official  wrong",
    ]
    assert "\x1b[1mThere is" in "\n".join(explain_lines(record, bold=True))
    reading = explain_json(record)["reading"]
    assert record.response.text[slice(*reading["span"])] == "There is **no dog** in the image"


@pytest.mark.parametrize(
    ("text", "finish", "outcome", "strict"),
    [
        ("Who knows?", "stop", "not understood", "not understood, counts wrong"),
        ("I cannot help with that.", "stop", "refused or empty", "unanswered, refused, counts wrong"),
        ("", "stop", "refused or empty", "unanswered, empty, counts wrong"),
        ("The image shows", "length", "cut off before an answer", "unanswered, cut off, counts wrong"),
        ("<think>The image shows", None, "cut off before an answer", "unanswered, cut off, counts wrong"),
    ],
)
def test_every_outcome_is_told(text: str, finish: str | None, outcome: str, strict: str) -> None:
    lines = list(explain_lines(make_record(text, finish=finish)))
    assert f"outcome   {outcome}" in lines
    assert f"strict    {strict}" in lines


def test_options_errors_judges_and_readings_of_other_versions_are_told() -> None:
    record = make_record("Blue.", kind="choice", choices={"A": "red", "B": "blue"}, target="B", question="Which?")
    assert list(explain_lines(record))[2:4] == ["          A. red", "          B. blue"]
    by_judge = replace(record, verdict=replace(record.verdict, rule="judge", reason="judge: B"))
    assert "judge     B: the judge of answers said so" in explain_lines(by_judge)
    graded = replace(record, verdict=replace(record.verdict, rule="judge", answer=None, reason="judge: correct"))
    assert "judge     correct: the judge of answers said so" in explain_lines(graded)
    earlier = replace(record, verdict=replace(record.verdict, rule="guess", answer="A", status="incorrect"))
    assert "stored    read as A by the rule “guess” of then" in explain_lines(earlier)
    assert list(explain_lines(make_record("", error="server: down")))[-1] == "error     server: down"


def test_a_response_cannot_command_the_terminal() -> None:
    lines = "\n".join(explain_lines(make_record("No.\x1b[2J\r\tIt is\u202e none.")))
    assert not any(character in lines for character in "\x1b\r\t\u202e")


def test_rules_are_counted_with_what_they_got_right() -> None:
    counts = RuleCounts()
    for text, target in (("No.", "no"), ("No.", "yes"), ("No, there is none.", "no"), ("hm", "no"), ("", "no")):
        counts.add(make_record(text, target=target).verdict)
    headers, rows = counts.rows()
    assert headers == ["rule", "what it reads", "answers", "right %"]
    assert rows == [["begins", RULES["begins"], 3, "66.7"]]
    counts.add(make_record("It is a thing of beauty.", kind="open", target="vase", question="What is it?").verdict)
    headers, rows = counts.rows()
    assert headers[-1] == "undecided"
    assert rows[1] == ["sentence", RULES["sentence"], 1, "0.0", 1]
