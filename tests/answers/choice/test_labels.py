"""Whether a letter is a label, and what the words around it say."""

import re

import pytest

from harness.answers.choice import labels


@pytest.mark.parametrize(
    ("before", "denied"),
    [
        ("it is not ", True),
        ("rather than option ", True),
        ("we can rule out (", True),
        ("anything but ", True),
        ("the answer is ", False),
        ("i do not know why, but ", False),
        ("nothing else fits: ", False),
    ],
)
def test_words_that_reject_a_label(before: str, denied: bool) -> None:
    assert labels.denied_before(before) is denied


@pytest.mark.parametrize(
    ("before", "after", "affirmed"),
    [
        ("all except ", " are wrong", True),
        ("every option but ", " can be ruled out", True),
        ("none is better than ", ".", True),
        ("is it ", "? yes, it fits", True),
        ("is it ", "? no", False),
        ("options ", " are wrong", False),
        ("all of them, ", " too, are right", False),
    ],
)
def test_words_that_leave_or_confirm_a_label(before: str, after: str, affirmed: bool) -> None:
    assert labels.affirmed_around(before, after) is affirmed


@pytest.mark.parametrize(
    ("before", "after", "listed"),
    [
        ("options ", ", B and C fit", True),
        ("so is ", ".", True),
        ("", " and B", False),
        ("the answer is ", ", because", False),
    ],
)
def test_a_label_among_others(before: str, after: str, listed: bool) -> None:
    assert labels.listed_around(before, after) is listed


@pytest.mark.parametrize(
    ("pattern", "text", "label"),
    [
        # what "the answer is" announces
        (labels.LABEL, "(b) because", "b"),
        (labels.LABEL, "most likely option C", "C"),
        (labels.LABEL, "选项 B", "B"),
        (labels.LABEL, "the blue one", None),
        # a text that is a label and no more
        (labels.WHOLE, " **(B)**. ", "B"),
        (labels.WHOLE, "Option B", "B"),
        (labels.WHOLE, "B is right", None),
        (labels.WHOLE, "Bob", None),
        # the same label over and over
        (labels.LOOP, "B B B", "B"),
        (labels.LOOP, "B\nB\nB.", "B"),
        (labels.LOOP, "A B", None),
    ],
)
def test_forms_of_a_label(pattern: re.Pattern[str], text: str, label: str | None) -> None:
    match = pattern.match(text)
    assert (match["label"] if match else None) == label
