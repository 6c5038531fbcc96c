"""Text normalisation: what changes how a text is written, and never what it says."""

from collections.abc import Callable

import pytest

from harness.answers import wording


@pytest.mark.parametrize(
    ("change", "text", "expected"),
    [
        # NFKC, invisible characters gone, quotes and dashes in ASCII
        (wording.fold, "Ｙｅｓ\u200b", "Yes"),
        (wording.fold, "\u201cit\u2019s\u201d \u2014 no", '"it\'s"  -  no'),
        (wording.fold, "`B`", "'B'"),
        (wording.fold, "n²", "n2"),
        (wording.fold_keeping_scripts, "Ｎ²", "N²"),
        (wording.fold_keeping_scripts, "n\u200b", "n"),
        (wording.spell_scripts, "n² H₂O x⁻¹", "n^2 H2O x^-1"),
        (wording.spell_powers, "n**2 **bold**", "n^2 **bold**"),
        # markup goes, a box stays
        (wording.strip_markup, "**No** __x__", "No x"),
        (wording.strip_markup, "~~yes~~ no", "  no"),
        (wording.strip_markup, "<b>B</b><|im_end|>", " B  "),
        (wording.strip_markup, "\\boxed{\\text{B}} $x$", "\\boxed{B}  x "),
        (wording.strip_markup, "<|begin_of_box|>B<|end_of_box|>", "\\boxed{B}"),
        (wording.strip_markup, "<reasoning>r</reasoning><conclusion>A</conclusion>", "\nr\n\nConclusion: A\n"),
        (wording.tidy, " # a   b \n\n- c\n", "a b\nc"),
        (wording.tidy, "-3.5", "-3.5"),
        (wording.tidy, "no!!!!!!!", "no!!!"),
        (wording.clean, "**Ｂ**\u200b", "B"),
        (wording.clean, "答案是B。", "答案是 B。"),
        # lower case of the same length, so that positions agree
        (wording.lower, "NoİX", "noİx"),
        (wording.spell_out, "it isn't, i can't", "it is not, i can not"),
        (wording.spell_out, "there's one; i cannot", "there is one; i can not"),
        (wording.spell_out, "it doesnt matter", "it does not matter"),
        (wording.spell_out, "apparent want", "apparent want"),
    ],
)
def test_how_a_text_is_written(change: Callable[[str], str], text: str, expected: str) -> None:
    assert change(text) == expected


def test_the_words_of_a_text() -> None:
    assert wording.vocabulary("no, it's (b) 'a dog'.") == {"no", "it's", "b", "'a", "a", "dog'", "dog"}


def test_text_is_composed_across_the_pieces_in_which_it_is_read() -> None:
    text = "e\u0301" * 3000
    assert wording.fold(text) == "é" * 3000
