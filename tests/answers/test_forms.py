"""The explicit forms of a final answer, which are the same for every kind of question."""

import pytest

from harness.answers.forms import is_concluding, stated, without_conclusion


@pytest.mark.parametrize(
    ("text", "form", "payload"),
    [
        ("The answer is 5 m.", "answer is", "5 m."),
        ("The most likely correct answer would be the lever.", "answer is", "the lever."),
        ("The answer to the second part is probably 7", "answer is", "7"),
        ("So the answer is therefore: 7", "marker", "7"),
        ("The final value is 12", "answer is", "12"),
        ("The correct one is B", "answer is", "B"),
        ("The answer is not B, but C.", "answer is", "C."),
        ("ANSWER -> B", "answer is", "B"),
        ("答案是B", "answer is", "B"),
        ("Answer: 5", "marker", "5"),
        ("The answer is\n5", "marker", "5"),
        ("The answer is 3. They sit", "answer is", "3. They sit"),
        ("Final answer\n5", "marker", "5"),
        ("The best option is (B)", "option is", "(B)"),
        ("I would go with option C", "I choose", "option C"),
        ("I'd say yes", "I choose", "yes"),
        ("so \\boxed{\\frac{1}{2}} m", "boxed", "\\frac{1}{2}"),
    ],
)
def test_an_answer_is_stated(text: str, form: str, payload: str) -> None:
    found = stated(f"We look first.\n{text}\nThat is all.")
    assert [(one.form, one.payload) for one in found] == [(form, payload)]
    assert found[0].words in text


@pytest.mark.parametrize(
    "text",
    [
        # under a condition
        "If it is red, the answer is A.",
        "Whether the answer is A depends.",
        "For example, the answer is A.",
        # asked for
        "How to find the answer: look.",
        "Which option is correct? B",
        "Choose the answer: A or B",
        # negated
        "The answer is not B",
        "The wrong answer is B",
        "I never pick A",
        "I can't choose B",
        # something else
        "The answer options are many",
        "I say that cats are nice",
        "Answer the question with yes",
        "The answer is: 1. Look at it",
        "\\boxed{}",
        "\\boxed{5",
        "\\boxed{" + "x" * 400 + "}",
        "Yes",
        "",
    ],
)
def test_no_answer_is_stated(text: str) -> None:
    assert stated(text) == []


def test_all_are_found_in_their_order() -> None:
    text = "Answer: 1 m\nI choose B. So \\boxed{2}.\nThe answer is 3"
    assert [(one.form, one.payload) for one in stated(text)] == [
        ("marker", "1 m"),
        ("I choose", "B. So \\boxed{2}."),
        ("boxed", "2"),
        ("answer is", "3"),
    ]


def test_what_is_stated_has_a_length() -> None:
    ((_, _, payload, _),) = stated("The answer is " + "5 " * 1000)
    assert len(payload) <= 300


@pytest.mark.parametrize(
    ("sentence", "rest"),
    [
        ("Therefore, it is red.", "it is red."),
        ("So it is red.", "it is red."),
        ("- Hence the sum is 5", "the sum is 5"),
        ("Since a is b, it is c", "it is c"),
        ("We can conclude that it is red", "it is red"),
        ("In conclusion, it is red", "it is red"),
    ],
)
def test_a_conclusion(sentence: str, rest: str) -> None:
    assert is_concluding(sentence)
    assert without_conclusion(sentence) == rest


@pytest.mark.parametrize("sentence", ["Some say so", "First, look", "It is therefore red", "Sober men", ""])
def test_no_conclusion(sentence: str) -> None:
    assert not is_concluding(sentence)
    assert without_conclusion(sentence) == sentence
