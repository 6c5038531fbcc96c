"""Options made ready, and option texts found in a response."""

import pytest

from harness.answers.choice.options import DEFAULT_KEYS, bare, begun_text, exact_text, flatten, named_texts, prepare

CHOICES = {"A": "a red car", "B": "the car", "C": "two buses", "D": "-3.5 %"}
OPTIONS = prepare(CHOICES)


@pytest.mark.parametrize(
    ("text", "flat"),
    [
        ("a red-car!", " a red car "),
        ("-3.5 %", " -3.5 % "),
        ("1,000 dogs", " 1000 dogs "),
        ("two dogs", " 2 dogs "),
        ("n^{2}", " n2 "),
        ("", "  "),
    ],
)
def test_words_and_numbers_alone(text: str, flat: str) -> None:
    assert flatten(text) == flat


def test_options_are_prepared() -> None:
    assert OPTIONS.order == ("A", "B", "C", "D")
    assert [key for _, key in OPTIONS.texts] == ["A", "C", "D", "B"]  # the longest first, articles aside
    assert (OPTIONS.key("b"), OPTIONS.key("E")) == ("B", None)
    assert not OPTIONS.numbered
    assert prepare({"1": "x", "2": "y"}).numbered
    assert prepare(None).order == DEFAULT_KEYS
    assert bare(" the car ") == " car "


def test_options_that_say_yes_and_no() -> None:
    assert prepare({"A": "Yes", "B": "no."}).polar == {"yes": "A", "no": "B"}
    assert prepare({"A": "Yes", "B": "Maybe"}).polar == {}
    assert prepare({"A": "Yes, it can", "B": "No"}).polar == {}


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("two buses", "C"),
        ("it is the red car.", "A"),
        ("red car", "A"),
        ("2 buses", "C"),
        ("-3.5%", "D"),
        ("3.5 %", None),
        ("two buses two buses two buses", "C"),
        ("a red car and two buses", None),
        ("a red car drives by", None),
        ("a train", None),
        ("", None),
    ],
)
def test_a_text_that_is_an_option(text: str, key: str | None) -> None:
    assert exact_text(text, OPTIONS) == key


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("two buses are shown", "C"),
        ("the red car is in front", "A"),
        ("the car stops", None),
        ("two buses are not", None),
    ],
)
def test_an_option_as_the_subject(text: str, key: str | None) -> None:
    assert begun_text(text, OPTIONS) == key


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("i see a red car on the road", "A"),  # the text inside a longer one does not count
        ("a red car and two buses", "AC"),
        ("not two buses but the car", "B"),
        ("neither a red car nor two buses", ""),
        ("two buses rather than the car", "C"),
        ("the two buses are not there, the car is", "B"),
        ("the bus", ""),
        ("nothing " * 80 + "then two buses came", "C"),
    ],
)
def test_options_that_are_named(text: str, keys: str) -> None:
    assert named_texts(text, OPTIONS) == set(keys)
