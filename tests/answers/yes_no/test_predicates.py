"""What a sentence says of the subject instead of what was asked, and how many it counts."""

import pytest

from harness.answers.yes_no.predicates import count_stance, predicate_stance
from harness.answers.yes_no.questions import ask

RED = "Is the shirt red?"


@pytest.mark.parametrize(
    ("question", "sentence", "stance"),
    [
        (RED, "the shirt is red", "yes"),
        (RED, "it is blue", "no"),
        (RED, "the shirt is not red", "no"),
        (RED, "the shirt is a dark green", "no"),
        (RED, "the shirt is not blue", None),
        (RED, "the car is blue", None),
        (RED, "it is large", None),
        (RED, "it is worn by a red man", None),
        (RED, "i can not tell if the shirt is blue", None),
        ("Is the door open?", "the door is closed", "no"),
        ("Is the door open?", "it is not closed", "yes"),
        ("Is the light on?", "the light is on the table", None),
        ("Is the light on?", "the light is off", "no"),
        ("Is the man standing?", "he is sitting", "no"),
        ("Is the man quickly running?", "he is running", None),
        ("Is the dog running before the cat sleeps?", "the cat sleeps before the dog runs", "no"),
        ("Is the dog running before the cat sleeps?", "the dog runs, then the cat sleeps", "yes"),
    ],
)
def test_what_is_said_of_the_subject(question: str, sentence: str, stance: str | None) -> None:
    assert predicate_stance(sentence, ask(question)) == stance


@pytest.mark.parametrize(
    ("sentence", "stance"),
    [
        ("there are three dogs", "yes"),
        ("there are two dogs", "no"),
        ("i see 3 dogs", "yes"),
        ("there is one dog", "no"),
        ("there are about two dogs", None),
        ("there are two cats", None),
        ("i am not sure if there are two dogs", None),
    ],
)
def test_how_many_are_counted(sentence: str, stance: str | None) -> None:
    assert count_stance(sentence, ask("Are there three dogs in the image?")) == stance
