"""Which of the picks of a text counts."""

import pytest

from harness.answers.choice.reading import read_choice

CHOICES = {"A": "a dog", "B": "a cat", "C": "a cow", "D": "none of these"}
QUESTION = "Which animal is shown?"


@pytest.mark.parametrize(
    ("text", "key"),
    [
        # a label alone, a final or stated answer, a chosen one, one that leads, a mention, an option text
        ("(B)", "B"),
        ("B B B", "B"),
        ("I choose A. \\boxed{B}", "B"),
        ("A fits well. The answer is B.", "B"),
        ("A is a dog. I would go with B.", "B"),
        ("B, since it has whiskers. A has none.", "B"),
        ("It must be option B here", "B"),
        ("a cat", "B"),
        ("It is the cat.", "B"),
        ("The picture shows a cat on a wall", "B"),
        ("the second option", "B"),
        ('"A dog" is wrong, "a cat" is right.', "B"),
        ("I see a dog and a cat. So it is a cat.", "B"),
        ("A, C and D can be ruled out.", "B"),
        # a letter beats a text, and a letter that no option has is no answer
        ("B. a dog", "B"),
        ("E. a cat", None),
        # taken back, echoed
        ("A. Wait, B.", "B"),
        ("Which animal is shown?\nA. a dog\nB. a cat\nC. a cow\nD. none of these", None),
        ("Which animal is shown?\nA. a dog\nB. a cat\nC. a cow\nD. none of these\nB", "B"),
        ("Answer with the option's letter from the given choices directly. B", "B"),
        # several, or none
        ("A or B", None),
        ("The answer is a dog or a cat.", None),
        ("The answer is E.", None),
        ("Both A and B are right.", None),
        ("a dog and a cat", None),
        ("A, B, C, D", None),
        ("The answer cannot be determined.", None),
        ("a horse", None),
        ("[letter]", None),
        ("", None),
    ],
)
def test_which_pick_counts(text: str, key: str | None) -> None:
    assert read_choice(text, CHOICES, QUESTION) == key


def test_options_that_say_yes_and_no_are_read_as_such() -> None:
    choices = {"A": "Yes", "B": "No"}
    assert read_choice("There is no dog.", choices, "Is there a dog in the image?") == "B"
    assert read_choice("It does not.", choices, "Is there a dog in the image?") == "B"
    assert read_choice("Yes, there is.", choices, "Is there a dog in the image?") == "A"
    assert read_choice("B", choices, "Is there a dog in the image?") == "B"


def test_a_label_whose_text_is_a_letter() -> None:
    assert read_choice("B. A", {"A": "B", "B": "A"}) == "B"
    assert read_choice("B. C", {"A": "B", "B": "A", "C": "D"}) is None


def test_letters_that_only_look_like_latin_ones() -> None:
    assert read_choice("Ответ: В", CHOICES) == "B"
    assert read_choice("\u0412", CHOICES, QUESTION) == "B"
