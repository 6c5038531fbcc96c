"""From a whole response to its answer: what counts as the answer, for every kind of question."""

import subprocess
import sys
from typing import NamedTuple

import pytest

from harness.answers.reading import read_answer
from harness.core.types import AnswerKind

CHOICES = {"A": "Tooth extraction", "B": "Root canal surgery", "C": "Gum contouring"}


class Kind(NamedTuple):
    name: AnswerKind
    answer: str  # an answer
    other: str  # another one
    hollow: str  # what is none
    read: str
    read_other: str

    def reads(self, response: str) -> str | None:
        choices = CHOICES if self.name == "choice" else None
        question = {"yes_no": "Is there a dog in the image?", "choice": "Which surgery is it?", "open": "What is it?"}
        return read_answer(response, self.name, choices, question[self.name])


KINDS = [
    Kind("yes_no", "Yes, there is a dog.", "no", "yes or no", "yes", "no"),
    Kind("choice", "(B) Root canal surgery", "A", "[letter]", "B", "A"),
    Kind("open", "Dolly Zoom", "tracking shot", "your answer", "Dolly Zoom", "tracking shot"),
]


@pytest.fixture(params=KINDS, ids=lambda kind: kind.name)
def kind(request: pytest.FixtureRequest) -> Kind:
    found = request.param
    assert isinstance(found, Kind)
    return found


@pytest.mark.parametrize(
    "form",
    [
        "{answer}",
        "<answer>{answer}</answer>",
        "<ANSWER>\n{answer}\n</ANSWER>",
        "<think>{other}</think><answer>{answer}</answer>",
        "<think>{other}</think>{answer}",
        "<think>{other}</think>\n\nThe answer is {answer}",
        "{other}</think>\n<answer>{answer}</answer>",
        "<planning>{other}</planning><caption>{other}</caption><think>{other}</think><answer>{answer}</answer>",
        "<prethink>{other}</prethink><caption>{other}</caption><think>{other}</think><answer>{answer}</answer>",
        "<think>write <answer>{other}</answer></think><answer>{answer}</answer>",
        "<answer>{other}</answer> <answer>{answer}</answer>",
        "<answer>{answer}</answer> <answer>  </answer>",
        "<think>{other}</think><answer>{answer}",
        "<think>{other}<answer>{answer}</answer>",
        "<answer>\\boxed{{{answer}}}</answer>",
        '<answer>{{"answer": "{answer}"}}</answer>',
        "<answer>**{answer}**</answer>",
        "<answer>Answer: {answer}</answer>",
        "\u200b<answer>\ufeff{answer}\u200b</answer>",
        "＜answer＞{answer}＜/answer＞",
        "<answer>{answer}</answer><|im_end|>",
    ],
)
def test_the_answer_counts(kind: Kind, form: str) -> None:
    assert kind.reads(form.format(answer=kind.answer, other=kind.other)) == kind.read


@pytest.mark.parametrize(
    "form",
    [
        "",
        "   \n",
        "<think>{answer}",
        "<think>{answer}</think>",
        "<think>{answer}</think><answer></answer>",
        "<think>{answer}</think><answer>{hollow}</answer>",
        "<think>{answer}</think><answer>...</answer>",
        "<think>{answer}</think><answer>N/A</answer>",
        "<think>{answer}</think>{hollow}",
        "{answer} <think>{answer}",
        "<caption>{answer}</caption>",
        "<planning>{answer}</planning><caption>{answer}</caption><think>{answer}</think>",
        "<planning>{answer}</planning><caption>{answer}",
        "<think>the form is <answer>{answer}</answer></think>",
        "<think>so <answer>{answer}</answer> would be right, but let me look",
        "First reason between <think> and </think>, then answer between <answer> and </answer>.",
        "<answer>",
        "</answer>",
        "<think></think>",
    ],
)
def test_there_is_no_answer(kind: Kind, form: str) -> None:
    assert kind.reads(form.format(answer=kind.answer, hollow=kind.hollow)) is None


def test_a_later_answer_takes_an_earlier_one_back(kind: Kind) -> None:
    assert kind.reads(f"{kind.answer}. Wait, that's wrong. {kind.other}") == kind.read_other
    assert kind.reads(f"The answer is {kind.answer}... Actually, the answer is {kind.other}") == kind.read_other


def test_a_conclusion_beats_what_was_mentioned_before(kind: Kind) -> None:
    assert kind.reads(f"At first it looks like {kind.answer}. The final answer is {kind.other}") == kind.read_other
    assert kind.reads(f"It could be {kind.answer}.\n\n\\boxed{{{kind.other}}}") == kind.read_other


@pytest.mark.parametrize(
    "refusal", ["I'm sorry, but I can't help with that.", "I cannot determine the answer.", "I don't know."]
)
def test_a_refusal_is_no_answer(kind: Kind, refusal: str) -> None:
    assert kind.reads(refusal) is None
    assert kind.reads(f"<think>{kind.answer}</think><answer>{refusal}</answer>") is None


def test_none_answers_a_question_for_any() -> None:
    assert read_answer("None", "yes_no", question="Are there any dogs?") == "no"
    assert read_answer("None", "yes_no", question="Is there a dog?") is None


@pytest.mark.parametrize("times", [2, 3, 50, 5000])
def test_a_loop_of_one_answer_is_that_answer(times: int) -> None:
    assert read_answer("yes " * times, "yes_no") == "yes"
    assert read_answer("No. " * times, "yes_no") == "no"
    assert read_answer("B\n" * times, "choice", CHOICES) == "B"
    assert read_answer("Root canal surgery. " * times, "choice", CHOICES) == "B"
    assert read_answer("yes no " * times, "yes_no") is None
    assert read_answer("A B " * times, "choice", CHOICES) is None


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        ("There is no dog.", "no"),
        ("There is a dog.", "yes"),
        ("I see a dog.", "yes"),
        ("I don't see a dog.", "no"),
        ("The image does not contain a dog.", "no"),
        ("The image shows a dog.", "yes"),
        ("No dog is visible.", "no"),
        ("There is no image provided.", None),
        ("I cannot tell.", None),
        ("dog", None),
    ],
)
def test_plain_declaratives_count_without_the_question(response: str, expected: str | None) -> None:
    assert read_answer(response, "yes_no") == expected


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        ("Resistance. The video shows a growing current.", "Resistance"),
        ("Resistance", "Resistance"),
        ("The answer is **Dolly Zoom**.", "Dolly Zoom"),
        ("The final answer is resistance because the current drops.", "resistance"),
        ("It may be heat. Final answer: resistance", "resistance"),
        ('{"reason": "x", "answer": "Dolly Zoom"}', "Dolly Zoom"),
        ("\\boxed{\\text{O(n²)}}", "O(n²)"),
        ("so $\\boxed{\\frac{1}{2}}$", "\\frac{1}{2}"),
        ("<answer>150 µV</answer>", "150 μV"),
        ("<answer>Cu²⁺</answer>", "Cu²⁺"),
        ("Ｄｏｌｌｙ\u200b Ｚｏｏｍ", "Dolly Zoom"),
        ("'Dolly Zoom'.", "Dolly Zoom"),
        (".5", ".5"),
        ("I'm sorry, I can't help with that.", None),
        ("I cannot determine the answer.", None),
        ("[answer]", None),
        ("", None),
        ("...", None),
        ("What is it?", None),
        ("Answer the question using a single word or phrase.", None),
    ],
)
def test_the_text_of_an_open_answer(response: str, expected: str | None) -> None:
    assert read_answer(response, "open", question="What is it?") == expected


def test_keys_need_not_be_capitals_nor_letters() -> None:
    assert read_answer("The answer is B.", "choice", {"a": "red", "b": "blue"}) == "b"
    assert read_answer("The answer is 2.", "choice", {"1": "red", "2": "blue"}) == "2"
    assert read_answer("blue", "choice", {"first": "red", "second": "blue"}) == "second"
    assert read_answer("second", "choice", {"first": "red", "second": "blue"}) == "second"


def test_without_choices_the_letters_a_to_e_stand_for_themselves() -> None:
    assert [read_answer(letter, "choice") for letter in "ABCDEF"] == ["A", "B", "C", "D", "E", None]


def test_a_letter_beats_a_text_that_contradicts_it() -> None:
    choices = {"A": "red", "B": "blue"}
    assert read_answer("B. red", "choice", choices) == "B"
    assert read_answer("The answer is B, red.", "choice", choices) == "B"


def test_reading_imports_the_standard_library_only() -> None:
    code = (
        "import sys; from harness.answers.reading import read_answer;"
        "from harness.answers.open.matching import match_open;"
        "read_answer('The answer is B.', 'choice'); match_open('n^2', 'n*n');"
        "print(sorted({'torch', 'numpy', 'sympy', 'math_verify', 'datasets'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
