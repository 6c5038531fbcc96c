"""The published evaluators' readers, quirk by quirk: every value follows from their rules by hand."""

import pytest
from support_scoring import task_module

from harness.benchmarks.verdicts import official_text

read_pope = task_module("pope").read_pope
read_mmbench = task_module("mmbench").read_mmbench
videohallucer_hit = task_module("videohallucer").videohallucer_hit


@pytest.mark.parametrize(
    ("response", "text"),
    [
        ("Yes, a dog.", "Yes, a dog."),
        ("  yes \n", "  yes \n"),
        ("", ""),
        ("a < b", "a < b"),
        ("<b>No</b>", "<b>No</b>"),
        ("<answer>No</answer>", "No"),
        ("<answer>\n No.\n</answer>", "No."),
        ("<ANSWER>No</ANSWER>", "No"),
        ("<answer>yes</answer> <answer>no</answer>", "no"),
        ("<answer>yes</answer> <answer></answer>", ""),
        ("<answer>yes</answer> <answer>no", "yes"),
        ("<answer>yes", ""),
        ("<think>yes</think> no", ""),
        ("<think>yes", ""),
        ("<prethink>p</prethink> yes", ""),
        ("yes <caption>", ""),
        ("yes</think>", ""),
        ("<think>so <answer>yes</answer></think>", ""),
        ("<think>no</think><answer>yes</answer>", "yes"),
    ],
)
def test_what_an_evaluator_is_given(response: str, text: str) -> None:
    assert official_text(response) == text


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Yes", "yes"),
        ("yes, there is a dog.", "yes"),
        ("No", "no"),
        ("no", "no"),
        ("No.", "no"),
        ("No, there is none.", "no"),
        ("There is no dog", "no"),
        ("There is not a dog", "no"),
        ("Yes, not only a dog.", "no"),  # a word of the first sentence is enough
        # only these three spellings, as whole words between single spaces
        ("", "yes"),
        ("NO", "yes"),
        ("No!", "yes"),
        ('"No"', "yes"),
        ("no\n", "yes"),
        ("\nNo", "yes"),
        ("There isn't a dog", "yes"),
        ("I cannot see a dog", "yes"),
        ("Nothing", "yes"),
        ("nope", "yes"),
        ("Not a dog", "yes"),
        ("I don't know", "yes"),
        ("否", "yes"),
        # commas vanish before the split, so they do not hide a word, and may join two
        ("No,there", "yes"),
        ("Well,no", "yes"),
        ("Well, no, there", "no"),
        # the first sentence ends at the first full stop, wherever it is
        ("Yes. There is no cat.", "yes"),
        ("At 3.5 m there is no dog", "yes"),
        (". no", "yes"),
        ("There is a dog. No", "yes"),
        ("yes or no", "no"),
    ],
)
def test_pope(text: str, answer: str) -> None:
    assert read_pope(text) == answer


@pytest.mark.parametrize(
    ("text", "gold", "hit"),
    [
        ("Yes", "yes", True),
        ("YES.", "yes", True),
        ("yes or no", "yes", True),
        ("yes or no", "no", True),
        ("There is no dog.", "no", True),
        ("I do not know.", "no", False),
        ("nothing", "no", False),
        ("Yesterday", "yes", False),
        ("The answer: 'no'", "no", True),
        ("No, but yes", "yes", True),
        ("", "yes", False),
        ("yes_", "yes", False),
        ("no-one", "no", True),
    ],
)
def test_videohallucer(text: str, gold: str, hit: bool) -> None:
    assert videohallucer_hit(text, gold) is hit


OPTIONS = {"A": "cat", "B": "dog", "C": "horse", "D": "a very long description of a cow"}


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        # one letter among the last four words, each of .()[],:;!*#{} a space
        ("B", "B"),
        ("(B)", "B"),
        ("B.", "B"),
        ("**B**", "B"),
        ("[B]", "B"),
        ("{B}", "B"),
        ("#B", "B"),
        ("B: one two three", "B"),
        ("B one two three four", None),  # the fifth from the end; no option text
        ("B one two dog four five", "B"),  # fifth and further: the text rule
        ("x x x x x B", "B"),
        ("x x x x B x x x", "B"),
        ("B B B B B B", None),  # its first occurrence decides
        ("x x x x B B B B", "B"),
        ("b", None),
        ('"B"', None),
        ("B-", None),
        ("Option-B", None),
        ("A B", None),  # two letters: neither this rule nor a text
        ("A, B: dog", "B"),  # two letters: the text rule
        ("A dog", "A"),  # an article is a letter
        ("It is a dog", "B"),
        # none of them
        ("Z", "Z"),
        ("Z.", "Z"),
        ("Z x x x x x x", "Z"),
        ("Z B", "B"),
        ("z", None),
        ("Sorry, I can't help with images of people yet.", "Z"),
        ("I can't process this file. B", "Z"),
        ("I'm sorry, but without the image provided I say dog", "Z"),
        ("Cannot determine the answer", "Z"),
        ("cannot determine the answer", None),
        # the first "[correct] answer is X", in any case, without a word boundary
        ("The correct answer is B because of x x x x x x x", "B"),
        ("The answer is **B** because of x x x x x x x", "B"),
        ("the ANSWER IS b since x x x x x x x", "B"),
        ("The answer is dog", "D"),
        ("The answer is cat", "C"),
        ("The answer is B, or the answer is C", "B"),  # two letters among the words
        ("The answer is horse", "C"),  # no letter h: the text rule
        ("answer is  \n B, not A", "B"),
        ("The answer is: B x x x x x x", None),
        ("My answer is the B x x x x x", None),
        ("The answer is even: answer is B, A", "B"),  # E is none of the four letters that it looks for
        # the one option whose text occurs, case ignored
        ("DOG", "B"),
        ("hotdogs", "B"),
        ("cat and dog", None),
        ("cow", None),
        ("a very long description of a cow", "D"),
        # unless it is longer than twice all option texts together: 2 * (3 + 3 + 5 + 32) = 86
        ("dog" + " x" * 41, "B"),
        ("dog" + " x" * 41 + "y", "B"),
        ("dog" + " x" * 42, None),
        ("", None),
        ("Failed to obtain answer via API. dog", "B"),
        ("Failed to obtain answer via API. B", None),
    ],
)
def test_mmbench(text: str, answer: str | None) -> None:
    assert read_mmbench(text, OPTIONS) == answer


def test_mmbench_of_fewer_options() -> None:
    options = {"A": "yes it is", "B": "no it is not"}
    assert read_mmbench("C", options) is None
    assert read_mmbench("The answer is C", options) is None
    assert read_mmbench("The answer is dog: no it is not", options) == "B"  # D is no option, so the text rule


def test_an_empty_option_text_occurs_everywhere() -> None:
    assert read_mmbench("x", {"A": "", "B": "dog"}) == "A"
    assert read_mmbench("dog", {"A": "", "B": "dog"}) is None
