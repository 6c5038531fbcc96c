"""Which of the commitments of a text counts."""

import pytest

from harness.answers.yes_no.reading import is_none_of_it, read_yes_no

DOG = "Is there a dog in the image?"
STREET = "The street is wide and full of people who walk by. "


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        # a final answer, a stated one, a led one, a conclusion, a declarative, a mention
        ("yes, I think so. Final answer: no", "no"),
        ("It may be so. The answer is no. There is a dog.", "no"),
        ("Yes. There is no cat.", "yes"),
        ("There is a dog on the sofa. So there is no dog in the yard, but yes.", "yes"),
        ("There is a cat. There is no dog.", "no"),
        ("There is a dog. There is no dog.", None),
        (STREET * 4 + "There is no dog. " + STREET * 4, "no"),
        # one word, a mark, a loop
        ("NO", "no"),
        ("✅", "yes"),
        ("❌", "no"),
        ("y e s", "yes"),
        ("no no no", "no"),
        ("yes no", None),
        # taken back, echoed, asked
        ("Yes. Wait, no.", "no"),
        ("Is there a dog in the image?", None),
        ("Is there a dog in the image? No", "no"),
        ("Is there a cat? No. There is a dog.", "yes"),
        ("Is there a cat? The wall hides much. Yes, a dog.", "yes"),
        # neither
        ("yes or no", None),
        ("I cannot tell.", None),
        ("A picture of a street.", None),
        ("", None),
    ],
)
def test_which_commitment_counts(text: str, answer: str | None) -> None:
    assert read_yes_no(text, DOG) == answer


def test_none_answers_a_question_for_any() -> None:
    assert is_none_of_it("None", "Are there any dogs in the image?")
    assert not is_none_of_it("None", DOG)
    assert not is_none_of_it("None", None)
    assert not is_none_of_it("Nothing", "Are there any dogs in the image?")
