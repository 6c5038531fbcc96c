"""Plain text, its sentences, the keys that are compared, and where words stand."""

import pytest

from harness.answers.text import holds, key, locate, lowered, plain, sentences


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("**Yes**", "Yes"),
        ("__bold__ and snake_case", "bold and snake_case"),
        ("## Answer\n> `B`", "Answer\nB"),
        ("* a point", "* a point"),
        ("\\textbf{A} and \\text{red}", "A and red"),
        ("\\(x\\) is $$y$$", "x is y"),
        ("5\\% of \\$20", "5% of $20"),
        ("don’t – “never”", 'don\'t - "never"'),
        ("\u200bB\ufeff", "B"),
        ("Ｙｅｓ", "Yes"),
        ("10 m²", "10 m^2"),
        ("10⁵ s⁻¹ or 10²³", "10^5 s^-1 or 10^23"),
        ("90^{\\circ} = 90^\\circ", "90° = 90°"),
        ("> quoted", "quoted"),
        ("> 15", "> 15"),
        ("  a\n\n b ", "a\n\n b"),
        ("", ""),
    ],
)
def test_what_only_dresses_a_text_goes(text: str, expected: str) -> None:
    assert plain(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It is red. So yes! Is it? No.", ["It is red.", "So yes!", "Is it?", "No."]),
        ("It is 3.5 m wide, e.g. here.", ["It is 3.5 m wide, e.g. here."]),
        ("First\n\n- one\n- two", ["First", "- one", "- two"]),
        ('He said "no." Then he left.', ['He said "no.', "Then he left."]),
        ("有。没有。", ["有。", "没有。"]),
        (" \n ", []),
    ],
)
def test_sentences_and_lines(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("The Red Car.", "red car"),
        ("(b)", "b"),
        ("x + 1", "x+1"),
        ("$5$", "5"),
        ("a  dog", "dog"),
        ("$\\{1, 2\\}$", "1,2"),
    ],
)
def test_texts_of_one_key(one: str, other: str) -> None:
    assert key(one) == key(other)


@pytest.mark.parametrize(("one", "other"), [("a", "an"), ("-5", "5"), ("(a)(b)", "a)(b"), ("theatre", "atre")])
def test_texts_of_two_keys(one: str, other: str) -> None:
    assert key(one) != key(other)


@pytest.mark.parametrize(
    ("text", "words", "expected"),
    [
        ("a hot dog", "dog", True),
        ("dogs, dog", "dog", True),
        ("a-dog", "dog", True),
        ("hotdog", "dog", False),
        ("my_dog", "dog", False),
        ("dog2", "dog", False),
    ],
)
def test_words_are_held_as_words(text: str, words: str, expected: bool) -> None:
    assert holds(text, words) is expected


@pytest.mark.parametrize(
    ("words", "response", "found"),
    [
        ("yes", "no, yes or yes", "yes"),
        ("The answer is 5", "So **the** end. **The answer is $5$**.", "The answer is $5"),
        ("1/2 of it", "about \\frac{1}{2} of it", "1}{2} of it"),
        ("absent", "here", None),
        ("one two", "one " + "-" * 40 + " two", None),
        ("  ", "here", None),
    ],
)
def test_where_plain_words_stand(words: str, response: str, found: str | None) -> None:
    place = locate(words, response)
    assert (response[slice(*place)] if place else None) == found


def test_the_last_place_counts() -> None:
    assert locate("yes", "yes no yes") == (7, 10)


def test_lower_case_keeps_every_place() -> None:
    assert lowered("The ANSWER") == "the answer"
    assert lowered("İ IS") == "İ is"  # whose own lower case is two characters
