"""What one sentence commits to, and how strongly."""

import pytest

from harness.answers.yes_no import polar_words
from harness.answers.yes_no.polar_sentence import (
    CONCLUDED,
    DECLARED,
    LED,
    MENTIONED,
    STATED,
    Commitment,
    lead,
    neutralise,
    read_sentence,
    side,
)
from harness.answers.yes_no.questions import ask

DOG = ask("Is there a dog in the image?")


@pytest.mark.parametrize(
    ("text", "vote"),
    [
        ("yes", "yes"), ("yeah", "yes"), ("yup!", "yes"), ("affirmative", "yes"), ("correct.", "yes"),
        ("no", "no"), ("nope", "no"), ("false", "no"), ("not at all", "no"),
        ("maybe", None), ("not sure", None), ("yesterday", None), ("no dogs", None),
    ],
)  # fmt: skip
def test_words_that_answer_alone(text: str, vote: str | None) -> None:
    match = polar_words.LONE.match(text)
    assert (side(match) if match else None) == vote


@pytest.mark.parametrize(
    ("sentence", "answers"),
    [
        ("no doubt: yes", "yes"),
        ("it is yes or no", None),
        ("yes if it is raining, otherwise no", None),
    ],
)
def test_what_holds_yes_and_no_without_answering(sentence: str, answers: str | None) -> None:
    left = neutralise(sentence)
    assert [word for word in ("yes", "no") if word in left.replace(":", " ").split()] == ([answers] if answers else [])


def test_idioms_are_taken_out() -> None:
    assert neutralise("without question there is a dog") == "there is a dog"


@pytest.mark.parametrize(
    ("sentence", "vote"),
    [
        ("yes, there is", "yes"),
        ("well, no", "no"),
        ("i would say no", "no"),
        ("not no", "yes"),
        ("no dog is there", None),
        ("no, none", "no"),
        ("the dog", None),
    ],
)
def test_how_a_sentence_begins(sentence: str, vote: str | None) -> None:
    assert lead(sentence)[0] == vote


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("yes", Commitment(LED, "yes", bare=True)),
        ("no, there is no dog", Commitment(LED, "no")),
        ("therefore, no", Commitment(STATED, "no", bare=True)),
        ("so there is a dog", Commitment(CONCLUDED, "yes")),
        ("there is a dog", Commitment(DECLARED, "yes")),
        ("i would say no", Commitment(LED, "no", bare=True)),
        ("that is not correct", Commitment(LED, "no", bare=True)),
        ("dogs: 0", Commitment(LED, "no")),
        ("dog: none", Commitment(LED, "no")),
        ("i was about to say yes, but no", Commitment(LED, "no")),
        ("none", Commitment(MENTIONED, "no")),
        ("of course", None),
        ("at first, yes", Commitment(MENTIONED, "yes")),
        ("i can not tell if there is a dog", Commitment(DECLARED, "unsure")),
        ("a cat, yes", None),
        ("the sky is blue", None),
    ],
)
def test_what_a_sentence_commits_to(sentence: str, expected: Commitment | None) -> None:
    assert read_sentence(sentence, "yes" in sentence or "no" in sentence, DOG, answered=False) == expected


def test_a_sentence_behind_an_answer_only_confirms_it() -> None:
    assert read_sentence("yes, i am sure", True, DOG, answered=True) is None
    assert read_sentence("yes, i am sure", True, DOG, answered=False) == Commitment(LED, "yes")
