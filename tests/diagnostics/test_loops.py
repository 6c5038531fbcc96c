"""Repetition and loops, by hand and of any text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.diagnostics.loops import measure_repetition, split_words


def test_repeated_ngrams_by_hand() -> None:
    found = measure_repetition("a b c d a b c d")
    # abcd bcda cdab dabc abcd: five 4-grams, four of them different.
    assert found.words == 8
    assert found.repeated == pytest.approx(1 / 5)
    assert not found.loops


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("look at it now " * 3, 4),
        ("start here then " + "no wait let me check that again " * 4, 7),
        ("the " * 12, 1),
        ("a b c d e f g " * 3 + "a b", 7),
    ],
)
def test_a_loop_is_found_with_its_unit(text: str, unit: int) -> None:
    found = measure_repetition(text)
    assert (found.unit, found.loops) == (unit, True)


def test_a_loop_that_ends_is_still_one() -> None:
    found = measure_repetition("the cat sat here now " * 5 + "and so the answer must be that there is no dog")
    assert (found.unit, found.loops) == (5, True)


def test_emphasis_and_lists_are_no_loops() -> None:
    for text in (
        "no no no",
        "red circle top ; red square left ; red star right ; red triangle bottom ; red circle center",
        "First I look at A. It is a dog. Then I look at B. It is a cat. Then I look at C. It is a horse.",
        "one two three four " * 2,
    ):
        assert not measure_repetition(text).loops, text


def test_a_long_text_of_repeats_without_succession_loops_by_its_ngrams() -> None:
    sentences = [f"let me look at the picture once more to be sure {word}" for word in "abcdefgh"]
    found = measure_repetition(" ".join(sentences))
    assert found.unit == 0
    assert found.repeated > 0.5
    assert found.loops


def test_scripts_without_spaces_count_characters() -> None:
    assert split_words("狗在图中。A dog") == ["狗", "在", "图", "中", "a", "dog"]
    assert measure_repetition("图中没有狗，" * 4).loops


@given(st.text(max_size=400))
def test_any_text_can_be_measured(text: str) -> None:
    found = measure_repetition(text)
    assert 0 <= found.repeated < 1
    assert found.unit <= found.words
