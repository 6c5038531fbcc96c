"""Texts that hold no answer."""

import pytest

from harness.answers.refusals import is_placeholder, is_unsure


@pytest.mark.parametrize(
    "text",
    [
        "i can not determine whether there is a dog",
        "it is impossible to say",
        "it is unclear",
        "i am not sure",
        "there is not enough information",
        "i do not know",
        "i have no idea",
        "no image was provided",
        "the image is not visible",
        "please provide the image",
        "as an ai, i do not see",
        "it depends on the angle",
        "the answer can not be determined",
        "n/a",
    ],
)
def test_unsure_or_refused(text: str) -> None:
    assert is_unsure(text)


@pytest.mark.parametrize(
    "text",
    [
        "there is no dog",
        "no",
        "the dog is not visible",
        "there is no image of a dog on the wall",
        "the man can not be seen",
        "i am sure that there is one",
        "without a hat",
        "the man is unable to lift it",
    ],
)
def test_not_unsure(text: str) -> None:
    assert not is_unsure(text)


@pytest.mark.parametrize(
    "text", ["", "...", "[letter]", "your answer", "<your answer here>", "n/a", "none", "the correct option", "???"]
)
def test_stands_where_an_answer_should(text: str) -> None:
    assert is_placeholder(text)


@pytest.mark.parametrize(
    "text", ["no", "b", "0", "the answer is b", "an answering machine", "none of the above", "x" * 61]
)
def test_is_an_answer(text: str) -> None:
    assert not is_placeholder(text)
