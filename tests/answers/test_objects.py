"""Objects that a text names, and those that it denies or only seems to name."""

import time

import pytest

from harness.answers.coco import COCO_SYNONYMS, NO_OBJECTS
from harness.answers.objects import build_vocabulary, find_objects

VOCABULARY = build_vocabulary({"dog": ["puppy"], "person": ["man"], "cat": [], "hot dog": [], "bus": []})


def test_objects_are_found_by_name_synonym_and_plural_the_longest_first() -> None:
    caption = "Two Men and a puppy with hot dogs near buses; a hotdog-shaped sign, cats-eye."
    assert find_objects(caption, VOCABULARY) == ["person", "dog", "hot dog", "bus"]


@pytest.mark.parametrize(
    ("name", "plural"),
    [
        ("strawberry", "strawberries"), ("toy", "toys"), ("shelf", "shelves"), ("bookshelf", "bookshelves"),
        ("leaf", "leaves"), ("knife", "knives"), ("giraffe", "giraffes"), ("roof", "roofs"), ("snowman", "snowmen"),
        ("human", "humans"), ("computer mouse", "computer mice"), ("salesperson", "salespeople"), ("box", "boxes"),
        ("goose", "geese"), ("grandchild", "grandchildren"), ("foot", "feet"), ("ox", "oxen"), ("bench", "benches"),
        ("stomach", "stomachs"), ("tomato", "tomatoes"), ("photo", "photos"), ("TV", "TVs"), ("sky", "skies"),
    ],
)  # fmt: skip
def test_plurals(name: str, plural: str) -> None:
    assert find_objects(f"Two {plural}, a {name}.", build_vocabulary({name: []})) == [name, name]


@pytest.mark.parametrize(("name", "other"), [("ski", "skies"), ("cap", "capes"), ("cafe", "caves"), ("car", "cares")])
def test_other_words_are_no_plurals(name: str, other: str) -> None:
    assert find_objects(f"Two {other}.", build_vocabulary({name: []})) == []


def test_a_plural_that_is_a_wording_itself_names_what_it_is_listed_for() -> None:
    vocabulary = build_vocabulary({"glass": [], "person": [], "people": [], "spectacles": ["glasses"]})
    assert find_objects("Two people with glasses, a glass.", vocabulary) == ["people", "spectacles", "glass"]


@pytest.mark.parametrize(
    ("caption", "found"),
    [
        ("There is no dog.", []),
        ("There is no cat, but a dog lies there.", ["dog"]),
        ("A man without a dog", ["person"]),
        ("The dog isn't near the cat.", ["dog", "cat"]),
        ("No man is sitting on the bus.", ["bus"]),
        ("There are no people sitting next to their cat.", ["cat"]),
        ("A dog is not far from the bus.", ["dog", "bus"]),
        ("There are no people at the back of the bus, near the old cat and the dog.", ["bus", "cat", "dog"]),
        ("There is no food near the bus like a hot dog or a cat.", ["bus"]),
        ("There is nothing, no food near the cat such as hot dogs.", ["cat"]),
        ("No one on the bus like the dog.", ["bus"]),
        ("There is no man on the street like dogs.", []),
        ("There are no people on buses or with dogs.", []),
        ("There is no sign in the picture of a dog.", []),
        ("The image does not show the dog.", []),
        ("No people. A dog sleeps.", ["dog"]),
        ("not a cat but a dog", ["dog"]),
        ("not a cat but no dog", []),
        ("There are no people, cats, or other animals visible; a dog sits.", ["dog"]),
        ("There are no people, hot dogs, buses or cats.", []),
        ("No cat or dog, and a bus.", ["bus"]),
        ("neither a cat nor a dog, a bus", ["bus"]),
        ("Neither a cat, a dog, nor a bus is there, but a man is.", ["person"]),
        ("I don't see a man, a cat, or a dog.", []),
        ("There do not seem to be any people, cats or dogs.", []),
        ("A street without people, big cats, dogs, or buses, only a puppy or a man.", ["dog", "person"]),
        ("No dog is there, a cat or a puppy is.", ["cat", "dog"]),
        ("There are no people, a dog or a cat sits.", ["dog", "cat"]),
        ("There is no dog or cat, a man or a bus is far away.", ["person", "bus"]),
        ("No dog in sight, men or buses go by.", ["person", "bus"]),
        ("No dog, cat and man", ["cat", "person"]),
        ("There is no dog, or it hides behind the bus.", ["bus"]),
        ("No, a cat or a dog.", ["cat", "dog"]),
    ],
)
def test_what_is_denied_is_not_named(caption: str, found: list[str]) -> None:
    assert find_objects(caption, VOCABULARY) == found


@pytest.mark.parametrize("text", ["no ", "no dog, ", "not a, ", "no dog or ", "isn't ", "dog ", "no" + " " * 1_000])
def test_denials_take_time_in_proportion_to_the_text(text: str) -> None:
    start = time.process_time()
    find_objects(text * (200_000 // len(text)), VOCABULARY)
    assert time.process_time() - start < 3


@pytest.mark.parametrize(
    "caption", ["a t-shirt rack", "a T-shirt-rack", "a t-shirt\n  rack", "a t shirt rack", "two T-Shirt Racks"]
)
def test_hyphens_spaces_and_line_breaks_between_words_are_the_same(caption: str) -> None:
    vocabulary = build_vocabulary({"t-shirt rack": [], "big  lamp": ["night-light", ""]})
    assert find_objects(caption, vocabulary) == ["t-shirt rack"]
    assert find_objects("A big lamp and a night light.", vocabulary) == ["big  lamp", "big  lamp"]


def test_letters_that_look_like_others_are_no_mention() -> None:
    assert find_objects("a bu\u017f and a b\u0131rd", build_vocabulary({"bus": [], "bird": []})) == []


@pytest.mark.parametrize("frame", ["There is a {} in a room.", "A photo of two {} on the left.", "A {} near it."])
def test_no_wording_of_a_category_is_taken_for_none(frame: str) -> None:
    vocabulary = build_vocabulary(COCO_SYNONYMS, NO_OBJECTS)
    found = {wording: find_objects(frame.format(wording), vocabulary) for wording in vocabulary.canonical}
    assert found == {wording: [name] for wording, name in vocabulary.canonical.items()}


@pytest.mark.parametrize(
    ("caption", "found"),
    [
        ("A train waits at the train station near the train tracks.", ["train"]),
        ("An orange cat and an orange.", ["cat", "orange"]),
        ("The bus is orange.", ["bus"]),
        ("Two oranges and an orange on a table.", ["orange", "orange", "dining table"]),
        ("An orange and black cat.", ["cat"]),
        ("An orange, an apple and a pear.", ["orange", "apple"]),
        ("An orange and two apples.", ["orange", "apple"]),
        ("A blue cup and an orange one.", ["cup"]),
        ("An orange two-story house, an orange three-wheeled truck.", ["truck"]),
        ("A cat with an orange and a white paw.", ["cat"]),
        ("A man in an orange and a woman in blue.", ["person", "person"]),
        (
            "An orange and a banana that is orange, the colour of a bus painted orange, a car.",
            ["orange", "banana", "bus", "car"],
        ),
        ("A dog bowl beside a dog; a remote area, a remote.", ["bowl", "dog", "remote"]),
        ("A bookshelf with books, a tablecloth on a table.", ["book", "dining table"]),
        ("A bat and a glass.", []),
        ("Bear in mind that a bear is in the river.", ["bear"]),
        ("A baseball cap, a baseball bat and a soccer ball.", ["baseball bat", "sports ball"]),
        ("Boys playing baseball, a football helmet, a basketball hoop.", ["person"]),
        ("A tennis coach, her calf and a ram.", []),
        ("A DVD player and two record players beside a football player.", ["person"]),
        ("A jet ski, a man jet skiing, two jet-skis and a jet.", ["person", "airplane"]),
        ("Baby carrots, a river bed, a truck bed, a bed.", ["carrot", "truck", "bed"]),
        ("A baby elephant, two baby polar bears and a baby.", ["elephant", "bear", "person"]),
        ("Two babies and kitties under cloudy skies.", ["person", "cat"]),
        ("Banana leaves, bookshelves and apple juices.", []),
    ],
)
def test_words_that_name_no_object_are_none(caption: str, found: list[str]) -> None:
    assert find_objects(caption, build_vocabulary(COCO_SYNONYMS, NO_OBJECTS)) == found
