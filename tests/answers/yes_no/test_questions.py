"""What a yes/no question asks."""

import pytest

from harness.answers.yes_no.questions import ask, content, negations, places, stem


@pytest.mark.parametrize(
    ("question", "things"),
    [
        ("Is there a dog in the image?", [("dog",)]),
        ("Are there any traffic lights?", [("traffic", "light")]),
        ("Does the image show an elephant?", [("elephant",)]),
        ("Can you see a kettle in the picture?", [("kettl",)]),
        ("Is a snowboard visible in the photo?", [("snowboard",)]),
        ("Is there a couch in the image?", [("couch",), ("sofa",), ("loveseat",)]),
        # a scene, an event or a quality is no plain thing
        ("Is there a man holding a cup in the image?", []),
        ("Is the shirt red?", []),
        ("Does the man jump?", []),
    ],
)
def test_the_thing_that_is_asked_about(question: str, things: list[tuple[str, ...]]) -> None:
    assert list(ask(question).things) == things


def test_what_an_event_is_made_of() -> None:
    asked = ask("Does 'a man opens the door' happen at the beginning of the video?")
    assert asked.things == ()
    assert asked.quoted == {"man", "open", "door"}
    assert "begin" in asked.frame
    assert "door" not in asked.frame


@pytest.mark.parametrize(
    ("question", "affirmed"),
    [("Is the man wearing a hat?", "yes"), ("Is the man not wearing a hat?", "no"), ("Isn't there a dog?", "yes")],
)
def test_what_affirming_the_matter_answers(question: str, affirmed: str) -> None:
    asked = ask(question)
    assert asked.vote(True) == affirmed
    assert asked.vote(False) == {"yes": "no", "no": "yes"}[affirmed]


def test_whether_a_text_is_about_the_question() -> None:
    dog, red = ask("Is there a dog in the image?"), ask("Is the shirt of the man red?")
    assert dog.touches("two dogs play")
    assert dog.is_about("Are there two dogs?")
    assert not dog.is_about("Is there a cat?")
    assert red.is_about("Is the man's shirt blue?")
    assert not red.is_about("Is the sky blue?")
    assert dog.places_touched("a dog and a dog", "a dog and") == [2, 12]


@pytest.mark.parametrize(
    "words",
    [
        "dog dogs", "box boxes", "berry berries", "run running ran", "man men", "stop stopped stopping",
        "sit sat sitting", "wear wearing worn wore", "knife knives",
    ],
)  # fmt: skip
def test_forms_of_a_word_meet(words: str) -> None:
    assert len({stem(word) for word in words.split()}) == 1


def test_different_words_do_not_meet() -> None:
    assert len({stem(word) for word in ("bus", "but", "glass", "glad", "lens", "lend", "was", "wa")}) == 8


def test_content_words() -> None:
    assert content("is there a red car in the image, or two dogs?") == {"red", "car", "two", "dog"}


def test_where_a_name_stands() -> None:
    assert places(["a", "red", "car", "and", "red", "car"], ("red", "car")) == [1, 4]
    assert places(["red", "big", "car"], ("red", "car")) == []


@pytest.mark.parametrize(
    ("clause", "count"),
    [
        ("there is a dog", 0),
        ("there is no dog", 1),
        ("no cats no dogs", 1),
        ("not without a dog", 2),
        ("it is not true that no dog is there", 2),
    ],
)
def test_how_often_a_clause_is_negated(clause: str, count: int) -> None:
    assert negations(clause.split()) == count
