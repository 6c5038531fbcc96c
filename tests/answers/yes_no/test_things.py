"""Whether a sentence says that the thing asked about is there."""

import pytest

from harness.answers.yes_no.questions import ask
from harness.answers.yes_no.things import denies_quality, thing_stance

DOG = ask("Is there a dog in the image?")


@pytest.mark.parametrize(
    ("sentence", "stance"),
    [
        ("there is a dog on the left", "yes"),
        ("two dogs are playing", "yes"),
        ("i see everything but a dog", "no"),
        ("a cat and a dog are visible", "yes"),
        ("there is no dog", "no"),
        ("i do not see a dog", "no"),
        ("the dog is absent", "no"),
        ("no cat, dog or bird is visible", "no"),
        ("there is a cat instead of a dog", "no"),
        ("there are no animals", "no"),
        ("nothing like that is visible", "no"),
        ("i do not see any such object", "no"),
        ("3 dogs", "yes"),
        ("the only thing i see is a bench", "no"),
        ("i can not tell whether there is a dog", "unsure"),
        # not of this thing
        ("there is a hot dog", None),
        ("there is a dog bowl", None),
        ("there is a toy dog bed", None),
        ("a statue that resembles a dog", None),
        ("there is a cat", None),
        ("nobody is there", None),
        ("there are no cars", None),
        ("i will look for a dog", None),
        ("dog", None),
    ],
)
def test_the_thing(sentence: str, stance: str | None) -> None:
    assert thing_stance(sentence, DOG) == stance


def test_other_names_of_the_thing() -> None:
    assert thing_stance("there is a sofa", ask("Is there a couch in the image?")) == "yes"
    assert thing_stance("a woman is standing there", ask("Is there a person in the image?")) == "yes"
    assert thing_stance("nobody is there", ask("Is there a person in the image?")) == "no"
    assert thing_stance("there is a dog", ask("Is there no dog in the image?")) == "no"


def test_the_thing_but_not_as_asked() -> None:
    assert denies_quality("there is a bucket, but it is not red", ("red", "bucket"))
    assert not denies_quality("there is a red bucket that is not full", ("red", "bucket"))
    assert not denies_quality("there is a cup that is not red", ("red", "bucket"))
