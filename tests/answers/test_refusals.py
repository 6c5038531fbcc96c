"""What says that there is no answer, or that none will be given."""

import pytest

from harness.answers.refusals import apart, declines, is_of_another, refuses


@pytest.mark.parametrize(
    "text",
    [
        "I cannot determine the height from this.",
        "It is impossible to say.",
        "I'm unable to view the picture.",
        "It is hard to tell.",
        "There is not enough information in the chart.",
        "Without more context, nobody knows.",
        "I would need additional details.",
        "The number of guests is unknown.",
        "It is unclear.",
        "The width was not given.",
        "I'm sorry, but I can't help with that.",
        "Sorry.",
        "I don't know.",
        "As an AI, I have no eyes.",
        "The question is ambiguous.",
        "It depends on the weather.",
        "Please provide the image.",
        "The angle cannot be measured.",
        "There is no evidence to tell.",
        "N/A",
        "无法确定",
    ],
)
def test_a_refusal(text: str) -> None:
    assert declines(text)
    assert refuses(text)


@pytest.mark.parametrize(
    "text",
    [
        "The image does not contain a ruler.",
        "The text doesn't mention it.",
        "I do not see any.",
        "The chart did not specify the year.",
    ],
)
def test_what_is_not_there_is_a_refusal_where_it_is_no_answer(text: str) -> None:
    assert refuses(text)
    assert not declines(text)


@pytest.mark.parametrize(
    "text",
    [
        "The penguin cannot fly.",
        "The ball cannot be red.",
        "No, it is not.",
        "There is no dog.",
        "There is no visible evidence of a dog.",
        "The dog is not an animal of the forest.",
        "He is unable to walk.",
        "The information desk is on the left.",
        "It is known.",
        "5",
        "",
    ],
)
def test_no_refusal(text: str) -> None:
    assert not refuses(text)


def test_what_declines_is_told_from_what_does_not() -> None:
    parts = ["I'm sorry, but there is a dog.", "It is brown, but its breed is not clear.", "It sits."]
    assert apart(parts, declines) == (["its breed is not clear."], ["there is a dog.", "It is brown", "It sits."])


@pytest.mark.parametrize(
    ("sentence", "question", "expected"),
    [
        ("Its breed is not clear.", "Is there a dog?", True),
        ("I cannot tell their breed.", "How many dogs are there?", True),
        ("I cannot tell.", "Is there a dog?", False),
        ("I cannot tell their breed.", "Which breed are the dogs?", False),
        ("I cannot tell their lengths.", "Is the left line longer than the right one?", False),
        ("Their age is unclear.", "How many dogs are in the image?", True),
        ("I'm not sure of its exact age from this image.", "Is there a dog in the image?", True),
        ("I can't tell its breed or age.", "Is there a dog?", True),
        # of the very thing that was asked
        ("I cannot determine their total number.", "How many dogs are in the image?", False),
        ("I cannot confirm its presence.", "Is there a dog?", False),
        ("I can't tell its breed and number.", "How many dogs are there?", False),
        ("I can't tell its breed from afar and cannot say more.", "How many dogs are there?", False),
        ("Its breed is unclear and it is hard to count them.", "How many dogs are there?", False),
        ("I can't tell its age.", "How old is the dog?", False),
        ("I can't tell its breed.", None, False),
        # of something that is named in passing
        ("I can't determine the answer from its pixels.", "Is there a dog?", False),
        ("I cannot tell how many there are because of their size.", "How many dogs are there?", False),
        ("I cannot determine the number of dogs or tell their breed.", "How many dogs are there?", False),
    ],
)
def test_what_is_declined_may_be_something_that_was_not_asked(
    sentence: str, question: str | None, expected: bool
) -> None:
    assert is_of_another(sentence, question) is expected
