"""An option that is named by its words or its value."""

import pytest

from harness.answers.options import mentioned_option, negates, stated_option

COLORS = {"A": "red", "B": "blue", "C": "green", "D": "dark red"}
VALUES = {"A": "10", "B": "12.5 cm", "C": "\\frac{1}{2}", "D": "9,000"}


@pytest.mark.parametrize(
    ("payload", "choices", "letter"),
    [
        ("blue", COLORS, "B"),
        ("Blue.", COLORS, "B"),
        ("the blue", COLORS, "B"),
        ("blue: it is the sky", COLORS, "B"),
        ("blue, green", COLORS, None),
        ("dark red", COLORS, "D"),
        ("dark red (as usual)", COLORS, "D"),
        ("bluebells", COLORS, None),
        ("blue/green", COLORS, None),
        ("purple", COLORS, None),
        ("not blue", COLORS, None),
        ("", COLORS, None),
        ("10", VALUES, "A"),
        ("ten", VALUES, "A"),
        ("x = 10.0", VALUES, "A"),
        ("12.5", VALUES, "B"),
        ("0.5", VALUES, "C"),
        ("9000", VALUES, "D"),
        ("100", VALUES, None),
        ("10/3", VALUES, None),
        ("10 or 9000", VALUES, None),
        ("one", {"A": "1", "B": "1.0"}, None),
        ("both", {"A": "both", "B": "both"}, None),
    ],
)
def test_the_option_that_a_stated_answer_is(payload: str, choices: dict[str, str], letter: str | None) -> None:
    assert stated_option(payload, choices) == letter


@pytest.mark.parametrize(
    ("sentence", "letter"),
    [
        ("The ball is blue.", "B"),
        ("The ball is dark red.", "D"),
        ("It is a red ball.", "A"),
        ("It is red, not blue.", "A"),
        ("The ball is not blue.", None),
        ("The ball is red or blue.", None),
        ("Is the ball blue?", None),
        ("B. The ball is blue", None),  # a line of a list
        ("It is a reddish ball.", None),
        ("It is purple.", None),
    ],
)
def test_the_option_that_a_sentence_mentions(sentence: str, letter: str | None) -> None:
    assert mentioned_option(sentence, COLORS, None) == letter


def test_words_in_another_order_are_another_option() -> None:
    choices = {"A": "decrease", "B": "slightly decrease", "C": "increase"}
    assert mentioned_option("It will decrease.", choices, None) == "A"
    assert mentioned_option("It will decrease slightly.", choices, None) is None


def test_little_words_and_numbers_are_not_mentioned() -> None:
    assert mentioned_option("It is on the table.", {"A": "on", "B": "under"}, None) is None
    assert mentioned_option("It has 10 of them.", {"A": "10", "B": "20"}, None) is None


def test_a_negation_of_the_question_is_none_of_the_answer() -> None:
    assert negates("It is not red.", "What is red?")
    assert not negates("The one that is not red is blue.", "Which one is not red?")
    assert mentioned_option("The ball that is not round is blue.", COLORS, "Which ball is not round?") == "B"
