"""Whether a plain sentence affirms or denies what was asked: which of the stages below decides."""

import pytest

from harness.answers.yes_no.polarity import stance
from harness.answers.yes_no.questions import ask

DOG = "Is there a dog in the image?"


@pytest.mark.parametrize(
    ("question", "sentence", "expected"),
    [
        # with a question: its thing, its event, its predicate, a short reply, the last of what is said
        (DOG, "there is a dog", "yes"),
        (DOG, "there is a cat, but there is no dog", "no"),
        (DOG, "it does not", "no"),
        (DOG, "it looks like a dog, but it is a wolf", "no"),
        (DOG, "there is a cat, but it is small", None),
        (DOG, "there is a dog, but it is small", "yes"),
        (DOG, "it might be a dog, but i can not tell", "unsure"),
        (DOG, "a dog can not be ruled out", "unsure"),
        (DOG, "i looked for a dog but did not find any", "no"),
        (DOG, "there is a cat", None),
        (DOG, "the sky is blue", None),
        (DOG, "", None),
        ("Is there a red bucket in the image?", "there is a bucket, but it is not red", "no"),
        ("Is the man not smiling?", "the man is smiling", "no"),
        ("Are there three dogs?", "there are two dogs", "no"),
        ("Is the shirt red?", "it is blue", "no"),
        ("Does the man jump over the fence?", "the man does not jump over the fence", "no"),
        # without one: the plainest forms only
        (None, "there is no dog", "no"),
        (None, "i see a dog", "yes"),
        (None, "i can not tell", "unsure"),
        (None, "the man does not jump", None),
        (None, "let me see whether there is a dog", None),
    ],
)
def test_stance(question: str | None, sentence: str, expected: str | None) -> None:
    assert stance(sentence, ask(question) if question else None) == expected
