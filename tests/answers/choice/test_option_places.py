"""Options by their place, and an echo of the whole list."""

import pytest

from harness.answers.choice.option_places import named_by_place, strip_option_list
from harness.answers.choice.options import prepare

OPTIONS = prepare({"A": "a dog", "B": "a cat", "C": "a cow"})


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("the second option", "B"),
        ("i choose the last one", "C"),
        ("option number one", "A"),
        ("choice 3", "C"),
        ("not the first option", None),
        ("the first or the second option", "B"),
        ("the fifth option", None),
        ("the second dog", None),
        ("at first", None),
    ],
)
def test_an_option_by_its_place(text: str, key: str | None) -> None:
    assert named_by_place(text, OPTIONS) == key


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("A. a dog\nB. a cat\nC. a cow\nB", "B"),
        ("Which? (A) dog (B) cat (C) cow. It is B", "Which? . It is B"),
        ("A: a dog, B: a cat, C: a cow", ""),
        # not the whole list, or not word for word
        ("A. a dog\nB. a cat", "A. a dog\nB. a cat"),
        ("A. a dog, no\nB. a cat, yes\nC. a cow, no", "A. a dog, no\nB. a cat, yes\nC. a cow, no"),
        ("B", "B"),
    ],
)
def test_an_echo_of_the_options_is_taken_out(text: str, left: str) -> None:
    assert strip_option_list(text, OPTIONS).split() == left.split()
