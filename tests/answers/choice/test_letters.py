"""What the letters in a text pick, and how strongly."""

import pytest

from harness.answers.choice.letters import CHOSEN, INVALID, LED, MENTIONED, SEVERAL, STATED, letter_picks
from harness.answers.choice.options import prepare
from harness.answers.wording import lower, vocabulary

OPTIONS = prepare({"A": "a dog", "B": "a cat", "C": "a cow", "D": "a pig"})


def picks(text: str) -> list[tuple[int, str]]:
    low = lower(text)
    return [(pick.rank, pick.key) for pick in letter_picks(text, low, vocabulary(low), OPTIONS)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("B is correct.", [(STATED, "B")]),
        ("I choose (B).", [(CHOSEN, "B")]),
        ("B, because it has whiskers.", [(LED, "B")]),
        ("(b) a cat", [(LED, "B")]),
        ("b, because it has whiskers", [(LED, "B")]),
        ("This looks like option B here.", [(MENTIONED, "B")]),
        ("It is A or B.", [(MENTIONED, SEVERAL), (MENTIONED, SEVERAL)]),
        ("(E) a horse", [(LED, INVALID)]),
        ("It is a cow (C), not a dog (A).", [(MENTIONED, "C")]),
        # rejected
        ("It is not B.", []),
        ("B is wrong.", []),
        ("Some might say B.", []),
        ("We can rule out A, B and D.", []),
        ("All except C are wrong.", [(STATED, "C")]),
        # no label: an article, a pronoun, a name, a unit, an initial
        ("A dog runs.", []),
        ("I see it.", []),
        ("It needs vitamin C.", []),
        ("It is 5 C outside.", []),
        ("E. coli grows.", []),
        ("a cat", []),
    ],
)
def test_letters(text: str, expected: list[tuple[int, str]]) -> None:
    assert picks(text) == expected


def test_a_list_of_the_options_is_no_answer() -> None:
    assert {rank for rank, _ in picks("A. a dog\nB. a cat\nC. a cow\nD. a pig")} == {MENTIONED}


def test_numbers_are_labels_where_options_are_numbered() -> None:
    numbered = prepare({"1": "a dog", "2": "a cat"})
    low = "the answer is 2, not 1"
    assert [pick.key for pick in letter_picks(low, low, vocabulary(low), numbered)] == ["2"]
    assert [pick.key for pick in letter_picks("2 cats", "2 cats", {"2", "cats"}, OPTIONS)] == []
