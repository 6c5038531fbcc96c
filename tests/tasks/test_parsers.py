"""Where published parsers of yes and no disagree, and what each of ours makes of it.

A cell is `ok` (reads the gold answer), the wrong word that is read, or `-` (reads nothing).
"""

import pytest
from support_scoring import benchmark_of, task_module

from harness import read_answer
from harness.benchmarks.yes_no import read_letters
from harness.core.types import Response, Sample

QUESTION = "Is there a dog in the image?"
PARSERS = ("pope", "repope", "lmms-eval", "hallusionbench", "eventhallusion", "amber", "evalscope", "ours")
TABLE = """
    Yes                                                           | yes | ok  | ok  | ok | ok | ok | ok | ok    | ok
    No                                                            | no  | ok  | ok  | ok | ok | ok | ok | ok    | ok
    yes.                                                          | yes | ok  | ok  | -  | ok | ok | -  | ok    | ok
    No.                                                           | no  | ok  | ok  | -  | ok | ok | -  | ok    | ok
    NO                                                            | no  | yes | ok  | ok | ok | ok | -  | ok    | ok
    No!                                                           | no  | yes | ok  | -  | ok | ok | -  | ok    | ok
    "No"                                                          | no  | yes | ok  | -  | ok | -  | -  | ok    | ok
                                                                  | no  | yes | -   | -  | -  | -  | -  | wrong | -
    There is no dog.                                              | no  | ok  | ok  | -  | ok | -  | -  | ok    | ok
    There isn't a dog.                                            | no  | yes | -   | -  | -  | -  | -  | wrong | ok
    Yes, there is no doubt about it.                              | yes | no  | ok  | -  | -  | ok | -  | ok    | ok
    I cannot see a snowboard. No                                  | no  | yes | ok  | -  | ok | -  | -  | ok    | ok
    Yes. But I do not see a second dog.                           | yes | ok  | ok  | -  | ok | ok | -  | ok    | ok
    I do not know.                                                | no  | ok  | ok  | -  | -  | -  | -  | ok    | -
    <think>Is there a dog? yes or no?</think><answer>no</answer>  | no  | yes | yes | -  | -  | -  | -  | ok    | ok
    The image shows a snowboard.                                  | no  | yes | ok  | -  | -  | -  | -  | ok    | -
    Nothing of the kind is visible.                               | no  | yes | ok  | -  | -  | ok | -  | ok    | -
    Eyes closed, no glasses.                                      | no  | ok  | yes | -  | ok | -  | -  | ok    | -
"""
ROWS = [[cell.strip() for cell in line.split(" | ")] for line in TABLE.splitlines() if line.strip()]


def read(parser: str, text: str, gold: str) -> str | None:
    """What a published parser reads of a text as it stands."""
    answer: str | None
    if parser == "pope":
        answer = task_module(parser).read_pope(text)
    elif parser == "repope":
        answer = read_letters(text)
    elif parser == "hallusionbench":
        answer = task_module(parser).read_vlmevalkit(text)
    elif parser == "eventhallusion":
        answer = task_module(parser).read_beginning(text)
    elif parser == "amber":
        answer = {"Yes": "yes", "No": "no"}.get(text)
    elif parser == "lmms-eval":  # pred == gold, after lower and strip
        answer = gold if text.lower().strip() == gold else None
    else:
        answer = read_answer(text, "yes_no", question=QUESTION).answer
    return answer


@pytest.mark.parametrize("row", ROWS, ids=[row[0] or "(empty)" for row in ROWS])
def test_every_parser_reads_as_published_and_ours_as_meant(row: list[str]) -> None:
    text, gold, *expected = row
    for parser, cell in zip(PARSERS, expected, strict=True):
        if parser == "evalscope":  # The gold word anywhere, so that "Yes, I know" is no.
            assert (cell == "ok") == (gold.upper() in text.upper()), parser
            continue
        answer = read(parser, text, gold)
        assert {gold: "ok", None: "-"}.get(answer, answer) == cell, parser


@pytest.mark.parametrize(
    ("text", "gold"),
    [
        ("Yes, I know.", "no"),
        ("Yes, on a snowboard.", "no"),
        ("yes, nothing else", "no"),
        ("No, only their eyes.", "yes"),
    ],
)
def test_a_word_inside_of_another_one_is_not_the_answer(text: str, gold: str) -> None:
    assert gold in text.lower()
    for task in ("repope", "dash_b", "amber", "hallusionbench"):
        attributes = {"category": "VD", "figure": "0", "question": "0", "visual_input": "1"}
        sample = Sample(id="x", task=task, target=gold, answer_kind="yes_no", question=QUESTION, attributes=attributes)
        assert benchmark_of(task).judge(sample, Response(sample_id="x", text=text)).status == "incorrect"
