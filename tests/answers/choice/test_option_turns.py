"""The option that is left where a text weighs several."""

import pytest

from harness.answers.choice.option_turns import left_over
from harness.answers.choice.options import prepare
from harness.answers.wording import lower, vocabulary

OPTIONS = prepare({"A": "a dog", "B": "a cat", "C": "a cow", "D": "a pig"})


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("We can eliminate A, C and D.", "B"),
        ("A, C and D are wrong.", "B"),
        ("It is neither a dog nor a cow nor a pig.", "B"),
        ("It might be a dog, but the whiskers show that it is a cat.", "B"),
        ("A: no\nB: yes\nC: no\nD: no", "B"),
        ("At first it looks like a cow, but no: a dog.", "A"),
        ("It could be A or C, but only B is left.", "B"),
        # several are left, one is left open, or nothing is weighed
        ("It might be a dog or a cat.", None),
        ("A is wrong.", None),
        ("A cannot be excluded, nor can B.", None),
        ("A dog and a cat play.", None),
        ("A and B are wrong, and so is C.", None),
        ("This shows a dog. This shows a cat.", None),
        ("It is a cat.", None),
    ],
)
def test_what_is_left(text: str, key: str | None) -> None:
    low = lower(text)
    assert left_over(text, low, vocabulary(low), OPTIONS) == key


def test_two_options_leave_nothing_to_weigh() -> None:
    low = "a is wrong, b is not"
    assert left_over(low.upper(), low, vocabulary(low), prepare({"A": "a dog", "B": "a cat"})) is None
