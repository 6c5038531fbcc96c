"""What a plain text answers to an open question."""

import pytest

from harness.answers.open_ended import read_open, value_in, wants_number

PART = "What is the part called?"
COUNT = "How many dogs are there?"


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        (COUNT, True),
        ("What is the average age?", True),
        ("Calculate it.", True),
        ("In which year was it built?", True),
        (PART, False),
        ("Who holds the numbered ball?", False),
        (None, False),
    ],
)
def test_whether_a_number_is_asked_for(question: str | None, expected: bool) -> None:
    assert wants_number(question) is expected


@pytest.mark.parametrize(
    ("text", "answer", "rule"),
    [
        ("Lever", "Lever", "whole"),
        ("'Dolly Zoom'.", "Dolly Zoom", "whole"),
        (".5", ".5", "whole"),
        ("It is used to lift. The answer is a lever because it turns.", "a lever", "answer is"),
        ("It may be heat. Final answer: resistance", "resistance", "marker"),
        ("Answer: Paris, France", "Paris", "marker"),
        ("The answer is O(n log n).", "O(n log n)", "answer is"),
        ("The answer is [1, 2, 3].", "[1, 2, 3]", "answer is"),
        ("so $\\boxed{\\frac{1}{2}}$", "\\frac{1}{2}", "boxed"),
        ("It is long. Therefore, the part is called a lever.", "a lever", "therefore"),
        ("The part in the middle is most likely a lever, which turns.", "a lever", "sentence"),
        ("The part is known as the lever", "the lever", "sentence"),
        ("It's a lever", "a lever", "sentence"),
        ("The part is called a lever", "a lever", "sentence"),
        ("The parts are red, white and blue.", "red, white and blue", "sentence"),
        ("The answer is 2, 3.", "2, 3", "answer is"),
        ("Lever\nIt turns around a point and is long and strong.", "Lever", "begins"),
        ("It turns around a point.\n5 cm", "5 cm", "ends"),
        # nothing is concluded
        ("It turns around a point. The wheel is near it.", None, "nothing"),
        ("This is not a lever.", None, "nothing"),
        ("A lever, which is used to lift.", None, "nothing"),
        ("What is the part called?", None, "nothing"),
        ("If it is long, it is a lever.", None, "nothing"),
        ("The part may be a lever, and it is long.", None, "nothing"),
        ("...", None, "nothing"),
        ("The answer is option B", "option B", "answer is"),
        ("The correct option is B", "B", "sentence"),
        # refusals
        ("I cannot identify the part.", None, "refused"),
        ("The answer is not given.", None, "refused"),
        ("Answer: cannot be determined", None, "refused"),
    ],
)
def test_words(text: str, answer: str | None, rule: str) -> None:
    found = read_open(text, PART, numeric=False)
    assert (found.answer, found.rule) == (answer, rule)
    assert found.words in text


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("3", "3"),
        ("Three.", "Three"),
        ("3 dogs", "3 dogs"),
        ("There are three dogs.", "3"),
        ("There are 3 dogs, one of which is brown.", "3"),
        ("I count 1, 2, 3 dogs. So there are 3 dogs.", "3"),
        ("Two are brown. One is black. Therefore, there are 3 dogs in total.", "3"),
        ("There are 2 brown dogs and 1 black dog, so 3 in total.", "3"),
        ("2 + 1 = 3", "3"),
        ("2 + 1 = 3\nThere are 3 dogs.", "3"),
        ("We look.\nNumber of dogs: 3", "3"),
        ("There are no dogs.", "0"),
        ("The answer is 3 dogs, not 4.", "3 dogs"),
        ("The answer is 2 or 3.", "2 or 3"),
        ("The answer is 2, 3.", "2, 3"),
        ("\\boxed{12\\sqrt{3}}", "12\\sqrt{3}"),
        ("10^4", "10^4"),
        ("There are 2 dozen dogs.", "2 dozen"),
        ("There are 3 brown dogs and 2 cats.", None),
        ("There are more than 3 dogs.", None),
        ("The answer is more than 3.", None),
        ("The answer is given in step 3.", None),
        ("There could be 3 dogs.", None),
        ("I see 3, maybe 4 dogs.", None),
        ("The image was taken in 2024.", None),
        ("The walk of the dogs is 3 minutes long.", None),
        ("There are 3 dogs. There are 4 dogs.", None),
        ("Several", None),
        ("To find the number of dogs, we count 3 of them.", None),
        ("If there were 3 dogs, it would be loud.", None),
        ("It is impossible to say how many dogs there are.", None),
    ],
)
def test_numbers(text: str, answer: str | None) -> None:
    assert read_open(text, COUNT, numeric=True).answer == answer


@pytest.mark.parametrize(
    ("text", "answer", "outcome"),
    [
        ("3 dogs. I cannot identify the place.", "3", "sentence"),
        ("There are 3 dogs, but their breed is not clear.", "3", "sentence"),
        ("I'm sorry, but there are 3 dogs.", "3", "sentence"),
        ("The answer is 3. I cannot tell their breed.", "3", "answer is"),
        ("There are 3 dogs. I cannot tell without more context.", None, "nothing"),
        ("There are 2 cats. I cannot tell how many dogs there are.", None, "refused"),
        ("To count dogs, we look for the two ends. I cannot do it without more context.", None, "refused"),
    ],
)
def test_a_number_beside_what_declines(text: str, answer: str | None, outcome: str) -> None:
    found = read_open(text, COUNT, numeric=True)
    assert (found.answer, found.rule) == (answer, outcome)


@pytest.mark.parametrize(
    ("sentence", "question", "value"),
    [
        ("The side is 5 cm.", "How long is it?", "5 cm"),
        ("It is 10 kΩ.", "How large is it?", "10 kΩ"),
        ("It is $4 \\cdot 10^{8} m$", "How long is it?", "4 x 10^8 m"),
        ("It is minus 5.", "What is the value?", "-5"),
        ("In 10 seconds, he jumps 3 times.", "How often does he jump?", "3"),
        ("He jumps twice.", "How many times does he jump?", "2"),
        ("He never jumps.", "How often does he jump?", "0"),
        ("At t = 10 s it has gone 150 m.", "How far has it gone?", "150 m"),
        ("It is not 50 m but 150 m.", "How far is it?", "150 m"),
        ("I got 14 at first, but the sum is 15.", "What is the sum?", "15"),
        ("It costs $5.50.", "What is the price?", "$5.50"),
        ("The share is 20%.", "What is the share?", "20%"),
        ("The sum is 3 + 4 = 7.", "What is the sum?", "7"),
        ("The ratio is 3/8.", "What is the ratio?", "3/8"),
        ("The score was 9-5.", "What was the score?", "9-5"),
        ("It is 5 cm, not 6 cm.", "How long is it?", "5 cm"),
        ("f(2) is 7 at x = 2", "What is f(2)?", "7"),
        # the numbers of the question
        ("Of the 20 boxes 7 are red.", "How many of the 20 boxes are red?", "7"),
        ("The sum of 2 and 2 is 2.", "What is 2 and 2?", "2"),
        ("It rose to 30 in 1999.", "In which year did it rise?", "1999"),
        # several, or parts of something else
        ("It is 5 cm or 6 cm.", "How long is it?", None),
        ("It is 12 cm long and the width is 5 cm.", "How large is it?", None),
        ("It is x = 5 and y = 6", "What is the value?", None),
        ("It began in 1995, and it opened in 1998.", "In which year did it open?", None),
        ("x_1 = 2, x_2 = 3", "What is x?", None),
        ("It is 12x.", "How large is it?", None),
        ("The side is 5√2.", "How long is it?", None),
        ("The ratio is 3:4.", "What is the ratio?", None),
        ("It is long.", "How long is it?", None),
    ],
)
def test_the_one_value_of_a_sentence(sentence: str, question: str, value: str | None) -> None:
    assert value_in(sentence, question) == value
