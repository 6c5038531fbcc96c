"""Objects that a text names, and those that it denies or only seems to name."""

import pytest

from harness.answers.coco import COCO_SYNONYMS, NO_OBJECTS
from harness.answers.objects import build_vocabulary, find_objects

VOCABULARY = build_vocabulary({"dog": ["puppy"], "person": ["man", "men"], "cat": [], "hot dog": [], "bus": []})


def test_objects_are_found_by_name_synonym_and_plural_the_longest_first() -> None:
    caption = "Two Men and a puppy with hot dogs near buses; a hotdog-shaped sign, cats-eye."
    assert find_objects(caption, VOCABULARY) == ["person", "dog", "hot dog", "bus"]


@pytest.mark.parametrize(
    ("caption", "found"),
    [
        ("There is no dog.", []),
        ("There is no cat, but a dog lies there.", ["dog"]),
        ("A man without a dog", ["person"]),
        ("The dog isn't near the cat.", ["dog"]),
        ("No people. A dog sleeps.", ["dog"]),
        ("not a cat but a dog", ["dog"]),
    ],
)
def test_what_is_denied_is_not_named(caption: str, found: list[str]) -> None:
    assert find_objects(caption, VOCABULARY) == found


@pytest.mark.parametrize(
    "caption", ["a t-shirt rack", "a T-shirt-rack", "a t-shirt\n  rack", "a t shirt rack", "two T-Shirt Racks"]
)
def test_hyphens_spaces_and_line_breaks_between_words_are_the_same(caption: str) -> None:
    vocabulary = build_vocabulary({"t-shirt rack": [], "big  lamp": ["night-light", ""]})
    assert find_objects(caption, vocabulary) == ["t-shirt rack"]
    assert find_objects("A big lamp and a night light.", vocabulary) == ["big  lamp", "big  lamp"]


def test_letters_that_look_like_others_are_no_mention() -> None:
    assert find_objects("a bu\u017f and a b\u0131rd", build_vocabulary({"bus": [], "bird": []})) == []


@pytest.mark.parametrize(
    ("caption", "found"),
    [
        ("A train waits at the train station near the train tracks.", ["train"]),
        ("An orange cat and an orange.", ["cat", "orange"]),
        ("The bus is orange.", ["bus"]),
        ("Two oranges and an orange on a table.", ["orange", "orange", "dining table"]),
        ("An orange and black cat.", ["cat"]),
        ("A dog bowl beside a dog; a remote area, a remote.", ["bowl", "dog", "remote"]),
        ("A bookshelf with books, a tablecloth on a table.", ["book", "dining table"]),
        ("A bat and a glass.", []),
    ],
)
def test_words_that_name_no_object_are_none(caption: str, found: list[str]) -> None:
    assert find_objects(caption, build_vocabulary(COCO_SYNONYMS, NO_OBJECTS)) == found
