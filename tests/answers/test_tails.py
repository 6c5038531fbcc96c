"""What in a response is not its answer."""

import pytest

from harness.answers.tails import answer_in_json, correction, cut_tail, cut_turns, introduces, restates, without_program


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        ("B</s>\nC", "B"),
        ("B<|im_end|>\n<|im_start|>user", "B"),
        ("It is 5.<|eot_id|>It is 6.", "It is 5."),
        ("No<|return|>", "No"),
        ("No<end_of_turn>\n<start_of_turn>user\nyes?", "No"),
        ("No<end_of_utterance>", "No"),
        ("No<|end_of_text|>", "No"),
        ("No<eos>", "No"),
        ("No<|eom_id|>", "No"),
        ("No<｜end▁of▁sentence｜>", "No"),
        ("No<|END_OF_TURN_TOKEN|>", "No"),
        ("<|endoftext|>B", "<|endoftext|>B"),  # nothing stands before it
        ("a < b > c", "a < b > c"),
    ],
)
def test_a_turn_ends_at_its_token(response: str, expected: str) -> None:
    assert cut_turns(response) == expected


@pytest.mark.parametrize(
    ("text", "head", "tail"),
    [
        ("It is 3.\n\nQuestion: How many cats?\nAnswer: 4", "It is 3.", "Question: How many cats?\nAnswer: 4"),
        ("It is 3.\nQ2: And then?", "It is 3.", "Q2: And then?"),
        ("B\n\nNext question: Why?", "B", "Next question: Why?"),
        ("B\nUser: more", "B", "User: more"),
        ("B\nExercise 2. Draw it.", "B", "Exercise 2. Draw it."),
        ("B\n### Problem 7 asks more", "B", "### Problem 7 asks more"),
        # no question that comes afterwards
        ("The question is:\nIs it red?\nYes", "The question is:\nIs it red?\nYes", ""),
        ("Question: is it red?\nYes", "Question: is it red?\nYes", ""),
        ("It is no question\nof taste.", "It is no question\nof taste.", ""),
        # the polite frame
        ("Sure! I can help you with that. It is 5.", "It is 5.", ""),
        ("I see the image. B", "B", ""),
        ("B. Let me know if you need more.", "B.", ""),
        ("It is 5. Do you have any other questions?", "It is 5.", ""),
        ("Question 3: B", "B", ""),
        ("I hope this helps!", "", ""),
        ("Okay, the answer is B.", "Okay, the answer is B.", ""),
        ("Sure thing", "Sure thing", ""),
    ],
)
def test_the_answer_and_what_follows_it(text: str, head: str, tail: str) -> None:
    assert cut_tail(text) == (head, tail)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("It is A. Wait, it is B.", "it is B"),
        ("red - hold on - blue", "blue"),
        ("A... Actually, B", "B"),
        ("A. No, B is right", "B is right"),
        ("A, or rather B", "B"),
        ("I was wrong. B", "B"),
        ("Yes. I apologize for the mistake, no.", "no"),
        ("A. Correction: B.", "B"),
        ("A. Wait, B. Hmm, C.", "C"),
        ("There is no dog. Oh, actually there is one", "there is one"),
        # nothing is taken back
        ("Wait for the bus", None),
        ("Hold on to the rail", None),
        ("Correction fluid", None),
        ("They waited, sitting.", None),
        ("yes, no", None),
        ("Actually B", None),
        ("I'm sorry, but no", None),
        ("A. " + "I go on thinking. " * 30 + "Wait, B", None),  # long working, where it begins another thought
    ],
)
def test_what_a_text_takes_back(text: str, said: str | None) -> None:
    assert correction(text) == said


PROGRAM = "dogs = 3\nif dogs > 2:\n    answer = 'yes'\nelse:\n    answer = 'no'\nprint(answer)"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (PROGRAM, ""),
        (f"We count the dogs.\n{PROGRAM}\nThat is all.", "We count the dogs.\n\nThat is all."),
        (f"B\n\npython\n{PROGRAM}", "B"),
        (f"python3\n{PROGRAM}\n\nNo.", "No."),
        ("B\nreturn 6", "B"),
        (f"{PROGRAM}\nThe answer is yes.", "The answer is yes."),
        (f"Final answer: no\n\n{PROGRAM}", "Final answer: no"),
        ("import math\nprint(3)", ""),
        ("The answer is x = 3.", None),
        ("x = 3\n  y = 4", None),
        ("Yes.\nfor people in the image: two.", None),
        ("Two dogs.\nif you look closely:\nfrom there import is easy", None),
        ("A dog.\nimport goods lie beside it.", None),
    ],
)
def test_what_a_text_says_around_a_program(text: str, expected: str | None) -> None:
    assert without_program(text) == (text if expected is None else expected)


def test_a_piece_that_repeats_the_question() -> None:
    known = "How many red apples lie on the wooden table? five six"
    assert restates("There are red apples on the wooden table: how many?", known)
    assert not restates("Question: how tall is the church of the village?", known)
    assert not restates("I count three of the fruit, left of everything else.", known)


def test_a_piece_that_introduces_the_question() -> None:
    assert introduces("The question is which of them is red.")
    assert introduces("**Question:** which of them is red?")
    assert not introduces("It is out of the question.")


def test_json_that_is_too_deep_is_no_answer() -> None:
    assert answer_in_json('{"answer": ' + "[" * 1900 + "]" * 1900 + "}") is None
    assert answer_in_json('{"answer": ' + "9" * 3900 + "0" * 50 + "}") is not None
