"""Which option a plain text chooses."""

import pytest

from harness.answers.choice import read_choice

COLORS = {"A": "red", "B": "blue", "C": "green", "D": "dark red"}
QUESTION = "What color is the ball?"


@pytest.mark.parametrize(
    ("text", "letter", "rule"),
    [
        # a letter
        ("B", "B", "whole letter"),
        ("(b)", "B", "whole letter"),
        ("Option C", "C", "whole letter"),
        ("The answer is B.", "B", "answer is"),
        ("It may be red. Therefore, the correct answer is (B).", "B", "answer is"),
        ("The answer is most likely B", "B", "answer is"),
        ("Answer: [B] green", "B", "marker"),  # the letter counts
        ("I choose A because it is round", "A", "I choose"),
        ("\\boxed{C}", "C", "boxed"),
        ("The correct option is C: green", "C", "option is"),
        ("Not A: the answer is A. No: the answer is C", "C", "answer is"),
        ("Option B is correct.", "B", "option is right"),
        ("A is wrong. C is the best answer.", "C", "option is right"),
        ("The wall hides it. The best match is (B), which is plain.", "B", "letter in sentence"),
        ("B. blue", "B", "begins with letter"),
        ("(C) green, as the grass shows", "C", "begins with letter"),
        ("The ball is somewhere.\n\nB", "B", "ends with letter"),
        ("The ball is somewhere.\nB. blue", "B", "ends with letter"),
        ("B because it is blue", "B", "begins with letter"),
        ("A. red\nB. blue\nC. green\nD. dark red\n\nAnswer: B", "B", "marker"),
        # behind the "A:" of "Q: ... A: ..."
        ("A: B", "B", "whole letter"),
        ("A:B", "B", "whole letter"),
        ("a: (C).", "C", "whole letter"),
        ("Answer: A: B", "B", "marker"),
        ("A: red", "A", "begins with letter"),
        # words
        ("blue", "B", "whole text"),
        ("The answer is dark red.", "D", "answer is (text)"),
        ("\\boxed{green}", "C", "boxed (text)"),
        ("The ball is blue.", "B", "option in sentence"),
        ("The sky is bright. Therefore, the ball is green.", "C", "option in sentence"),
        ("Red. The ball is round.", "A", "option in first sentence"),
    ],
)
def test_a_choice(text: str, letter: str, rule: str) -> None:
    found = read_choice(text, COLORS, QUESTION)
    assert (found.answer, found.rule) == (letter, rule)
    assert found.words in text


@pytest.mark.parametrize(
    "text",
    [
        "A or B",
        "B, C",
        "The answer is A and C",
        "(A) red\n(B) blue\n(C) green",
        "(A) red (B) blue (C) green",
        "A. red B. blue",
        "Option B is incorrect.",
        "Option A is correct. Option B is correct.",
        "Not B",
        "(A) goes too far, and (B) as well.",
        "A is wrong",
        "B. red",  # the letter of one and the text of another option
        "E",
        "The answer is E",
        "None of the above",
        "It could be red.\nAnswer: purple",
        "The ball is red or blue.",
        "The color is neither red nor blue.",
        "A ball is on the table.",
        "I see a ball.",
        "",
    ],
)
def test_no_choice(text: str) -> None:
    found = read_choice(text, COLORS, QUESTION)
    assert (found.answer, found.rule) == (None, "nothing")


@pytest.mark.parametrize("text", ["I cannot tell the color.", "Answer: not enough information", "Sorry, I don't know."])
def test_a_refusal(text: str) -> None:
    assert read_choice(text, COLORS, QUESTION).rule == "refused"


@pytest.mark.parametrize(
    ("text", "letter", "rule"),
    [
        ("Blue. I cannot identify the model.", "B", "option in sentence"),
        ("The ball is blue. Its size cannot be determined.", "B", "option in sentence"),
        ("I'm sorry, but the ball is blue.", "B", "option in sentence"),
        ("The shade is not clear. Therefore, option (B) is what I take.", "B", "letter in sentence"),
        ("The ball is blue. I cannot tell.", None, "nothing"),
        ("The image is unclear, but the ball is blue.", None, "nothing"),
        ("It cannot be determined whether the ball is blue.", None, "refused"),
    ],
)
def test_an_option_beside_what_declines(text: str, letter: str | None, rule: str) -> None:
    found = read_choice(text, COLORS, QUESTION)
    assert (found.answer, found.rule) == (letter, rule)


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ("Thus, the answer is A (10).", "A"),
        ("20", "C"),
        ("$12.50", "B"),
        ("The answer is 25.", "D"),
        ("Adding both gives 20. Therefore, the total is 25.", "D"),
        ("We get 10 + 10 = 20.", "C"),
        ("The total is 30.", None),
        ("(B) 13 and (C) 26", None),
        ("10 or 20", None),
        ("The total is not 10.", None),
    ],
)
def test_values(text: str, letter: str | None) -> None:
    choices = {"A": "10", "B": "12.5", "C": "20", "D": "25"}
    assert read_choice(text, choices, "How much is it?").answer == letter


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ("(A) Yes", "A"),
        ("No, it is not. Therefore, the answer is A.", "A"),  # the letter counts
        ("It is not red.", "B"),
        ("Hence no.", "B"),
        ("(A) Yes (B) No", None),
        ("I cannot tell.", None),
    ],
)
def test_yes_and_no_as_options(text: str, letter: str | None) -> None:
    assert read_choice(text, {"A": "Yes", "B": "No"}, "Is it red?").answer == letter


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ("C. Both B and D", "C"),
        ("Both B and D", "C"),
        ("The answer is B", "B"),
        ("The answer is B and C", "A"),
        ("The answer is D and E", None),
        ("B: D", "B"),
        ("A: B and C", "A"),
    ],
)
def test_options_whose_texts_are_letters(text: str, letter: str | None) -> None:
    assert read_choice(text, {"A": "B and C", "B": "D", "C": "Both B and D"}, None).answer == letter
