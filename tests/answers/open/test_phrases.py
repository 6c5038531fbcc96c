"""Phrases as words to compare, and what a question leaves open in its blank."""

import pytest

from harness.answers.open.phrases import BLANK, equal_words, plain_text, read_blank, singular, words_of


@pytest.mark.parametrize(
    ("text", "plain"),
    [("**El Niño**", "el nino"), ("O(n²)", "o(n^2)"), ("It isn't  X", "it is not x"), ("\\text{Cu}²⁺", "cu^2+")],
)
def test_plain_text(text: str, plain: str) -> None:
    assert plain_text(text) == plain


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("the depth-first search", ("depth", "first", "search")),
        ("prim's algorithm", ("prim", "algorithm")),
        ("twelve of 1,000", ("12", "of", "1000")),
        ("a -3.5 %", ("-3.5", "%")),
        ("", ()),
    ],
)
def test_words(text: str, words: tuple[str, ...]) -> None:
    assert words_of(text) == words


@pytest.mark.parametrize(
    ("word", "base"),
    [("cages", "cage"), ("bodies", "body"), ("boxes", "box"), ("glass", "glass"), ("virus", "virus"), ("gas", "gas")],
)
def test_singular(word: str, base: str) -> None:
    assert singular(word) == base


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("faraday cages", "faraday cage", True),
        ("break even", "breakeven", True),
        ("left", "right", False),
        ("boy 3", "boy 4", False),
        ("search", "binary search", False),
        ("n^2", "n2", False),
        ("", "", False),
    ],
)
def test_equal_words(one: str, other: str, same: bool) -> None:
    assert equal_words(words_of(one), words_of(other)) is same


def test_what_stands_around_a_blank() -> None:
    blank = read_blank(f"look closely. this is the {BLANK} force, on the left.")
    assert blank.before == ("this", "is")
    assert blank.after == ("force",)
    assert blank.fill("this is the lorentz force on the left", 5) == "lorentz"
    assert blank.fill("i see a lorentz force", 5) is None
    first = read_blank(f"{BLANK} is the process shown.")
    assert first.fill("osmosis is the process shown", 5) == "osmosis"
    assert first.fill("it is osmosis", 5) is None
    assert read_blank("what is it?").sentence_before == ()


@pytest.mark.parametrize(
    ("asked", "noun"),
    [
        ("what kind of filter is it?", "filter"),
        ("what is the algorithm used in the video?", "algorithm"),
        ("which excavation method is shown?", "method"),
    ],
)
def test_the_noun_that_is_asked_for(asked: str, noun: str) -> None:
    assert noun in read_blank(asked).nouns
