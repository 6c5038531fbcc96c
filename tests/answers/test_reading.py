"""From a whole response to its answer: what counts as the answer, for every kind of question."""

import subprocess
import sys
from typing import NamedTuple

import pytest

import harness
from harness.answers.reading import Reading, match_answer, read_answer
from harness.core.types import AnswerKind

CHOICES = {"A": "Tooth extraction", "B": "Root canal surgery", "C": "Gum contouring"}
DOG = "Is there a dog in the image?"
COUNT = "How many dogs are there?"


class Kind(NamedTuple):
    name: AnswerKind
    question: str
    answer: str  # an answer
    other: str  # another one
    hollow: str  # what is none
    read: str
    read_other: str

    def reading(self, response: str) -> Reading:
        return read_answer(response, self.name, CHOICES if self.name == "choice" else None, self.question)


KINDS = [
    Kind("yes_no", DOG, "Yes, there is a dog.", "no", "yes or no", "yes", "no"),
    Kind("choice", "Which surgery is it?", "(B) Root canal surgery", "A", "[letter]", "B", "A"),
    Kind("open", "What is it?", "Dolly Zoom", "tracking shot", "...", "Dolly Zoom", "tracking shot"),
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
        "◁think▷{other}◁/think▷{answer}",
        "[THINK]{other}[/THINK]{answer}",
        "<|channel|>analysis<|message|>{other}<|end|><|start|>assistant<|channel|>final<|message|>{answer}<|return|>",
        "<SUMMARY>{other}</SUMMARY><REASONING>{other}</REASONING><CONCLUSION>{answer}</CONCLUSION>",
        "<think>{other}</think><answer>{answer}",
        "<think>{other}<answer>{answer}</answer>",
        "<answer>\\boxed{{{answer}}}</answer>",
        "<answer>**{answer}**</answer>",
        "<answer>Answer: {answer}</answer>",
        "<answer><think>{other}</think>{answer}</answer>",
        "\u200b<answer>\ufeff{answer}\u200b</answer>",
        "{answer}<|im_end|>\n{other}",
        "<answer>{answer}</answer><|im_end|>",
        "{answer}\n\nQuestion: Is it another one?\nAnswer: {other}",
        "At first it looks like {other}. The final answer is {answer}",
        "It could be {other}.\n\n\\boxed{{{answer}}}",
        "{other}. Wait, {answer}",
        "The answer is {other}... Actually, the answer is {answer}",
    ],
)
def test_the_answer_counts(kind: Kind, form: str) -> None:
    response = form.format(answer=kind.answer, other=kind.other)
    reading = kind.reading(response)
    assert (reading.answer, reading.outcome) == (kind.read, "read")
    assert reading.span is not None
    assert kind.answer.strip("(.") in response[slice(*reading.span)]


@pytest.mark.parametrize(
    ("form", "outcome", "rule"),
    [
        ("", "refused", "empty"),
        ("   \n", "refused", "empty"),
        ("<think>{answer}</think><answer> </answer>", "refused", "empty"),
        ("<answer>", "refused", "empty"),
        ("<think>{answer}</think><answer>I don't know.</answer>", "refused", "refused"),
        ("I'm sorry, but I can't help with that.", "refused", "refused"),
        ("It is not possible to determine this without more information.", "refused", "refused"),
        ("<think>{answer}</think><answer>N/A</answer>", "refused", "refused"),
        ("<think>{answer}", "cut_off", "sections"),
        ("<think>{answer}</think>", "cut_off", "sections"),
        ("{answer} <think>{answer}", "cut_off", "sections"),
        ("<planning>{answer}</planning><caption>{answer}", "cut_off", "sections"),
        ("<think>so <answer>{answer}</answer> would be right, but let me look", "cut_off", "sections"),
        ("<think>the form is <answer>{answer}</answer></think>", "cut_off", "sections"),
        ("</answer>", "cut_off", "sections"),
        ("{hollow}", "not_understood", "nothing"),
        ("<think>{answer}</think><answer>{hollow}</answer>", "not_understood", "nothing"),
        ("<think>{answer}</think>{hollow}", "not_understood", "nothing"),
        ("The cat sat down. Then it slept. And so on.", "not_understood", "nothing"),
        ("What is this?", "not_understood", "nothing"),
    ],
)
def test_there_is_no_answer(kind: Kind, form: str, outcome: str, rule: str) -> None:
    reading = kind.reading(form.format(answer=kind.answer, hollow=kind.hollow))
    assert reading == Reading(answer=None, outcome=outcome, rule=rule, span=None)  # type: ignore[arg-type]


def test_a_program_is_no_answer_of_any_kind(kind: Kind) -> None:
    program = (
        f"```python\nfound = 3\nif found > 2:\n    answer = '{kind.answer}'\nelse:\n    answer = '{kind.other}'\n```"
    )
    assert kind.reading(f"{program}\nThe answer is {kind.answer}").answer == kind.read
    assert kind.reading(program).outcome == "not_understood"


@pytest.mark.parametrize("answer", ["(B) Root canal surgery", "B", "Root canal surgery"])
def test_a_plain_answer_beside_a_program_counts(answer: str) -> None:
    program = "```python\nfor i in range(3):\n    print(i)\n```"
    for response in (f"{answer}\n\n{program}", f"{program}\n\n{answer}"):
        assert read_answer(response, "choice", CHOICES).answer == "B"
    for response in (f"No, it is not.\n\n{program}", f"{program}\nNo.", "No.\nfor dogs in the image: none."):
        assert read_answer(response, "yes_no", question=DOG).answer == "no"
    assert read_answer(f"We count the dogs.\n\n{program}", "open", question="What is it?").answer is None
    for response in (f"# The gum is on the left.\n{program}", f"# So the two dogs chase 3 cats.\n{program}"):
        assert read_answer(response, "choice", {"A": "left", "B": "3"}).answer is None
    assert read_answer('answer = "No"\nprint(answer)', "yes_no", question=DOG).answer is None


@pytest.mark.parametrize(
    ("response", "kind_name", "rule", "words"),
    [
        ("I look. **The answer is No.** Good.", "yes_no", "answer is", "answer is No.** Good"),
        ("There is a cat. There is no dog.", "yes_no", "statement", "There is no dog."),
        ("Look closely.\n\n\\boxed{B}", "choice", "boxed", "\\boxed{B}"),
        ("It hurts.\nB. Root canal surgery", "choice", "ends with letter", "B. Root canal surgery"),
        ("<think>two</think><answer>There are $3$ dogs</answer>", "open", "sentence", "There are $3$ dogs"),
        ("5 + 5. Therefore, there are 10 dogs in all.", "open", "therefore", "Therefore, there are 10 dogs in all."),
    ],
)
def test_the_rule_and_the_words_that_it_rests_on(response: str, kind_name: AnswerKind, rule: str, words: str) -> None:
    question = {"yes_no": DOG, "choice": "Which surgery is it?", "open": COUNT}[kind_name]
    reading = read_answer(response, kind_name, CHOICES if kind_name == "choice" else None, question)
    assert reading.rule == rule
    assert reading.span is not None
    assert response[slice(*reading.span)] == words


@pytest.mark.parametrize(
    ("response", "answer"),
    [
        # the question that was asked
        ("Question: Which surgery is it?\nOptions: see above\nAnswer: B", "B"),
        ("The question is:\n\nWhich surgery is it?\n\nHint: think.\n\nAnswer: B", "B"),
        ("Let us see.\nQuestion: Which surgery is it? Root canal, gum or tooth surgery?\nAnswer: B", "B"),
        # one that the model invents, after an answer, a refusal, or what no rule reads
        ("The answer is A.\n\nQuestion: How many cats sleep?\nAnswer: B", "A"),
        ("I cannot tell.\n\nQuestion: How many cats sleep?\nAnswer: B", None),
        ("They drill and pull.\n\nQuestion: How many cats sleep?\nAnswer: B", None),
    ],
)
def test_the_answer_to_the_question_that_was_asked_counts(response: str, answer: str | None) -> None:
    assert read_answer(response, "choice", CHOICES, "Which surgery is it?").answer == answer


@pytest.mark.parametrize(
    ("response", "answer"),
    [
        ("There are 3 dogs. Their age is unclear.", "3"),
        ("There are 3 dogs, but I cannot determine their total number.", None),
    ],
)
def test_a_number_beside_what_is_declined(response: str, answer: str | None) -> None:
    assert read_answer(response, "open", question="How many dogs are in the image?").answer == answer


@pytest.mark.parametrize("times", [2, 50, 5000])
def test_a_loop_of_one_answer_is_that_answer(times: int) -> None:
    assert read_answer("yes. " * times, "yes_no").answer == "yes"
    assert read_answer("No. " * times, "yes_no").answer == "no"
    assert read_answer("B\n" * times, "choice", CHOICES).answer == "B"
    assert read_answer("yes no " * times, "yes_no").answer is None
    assert read_answer("A B " * times, "choice", CHOICES).answer is None


def test_both_ends_of_a_long_response_are_read() -> None:
    working = "We look at another detail of it.\n" * 3_000
    assert read_answer(f"{working}The answer is no.", "yes_no").answer == "no"
    assert read_answer(f"No, there is none.\n{working}", "yes_no").answer == "no"
    assert read_answer(f"{working}The answer is no.\n{working}", "yes_no").answer is None


def test_keys_need_not_be_capitals() -> None:
    assert read_answer("The answer is b.", "choice", {"a": "red", "b": "blue"}).answer == "b"
    assert read_answer("blue", "choice", {"first": "red", "second": "blue"}).answer == "second"


def test_without_choices_the_letters_a_to_e_stand_for_themselves() -> None:
    assert [read_answer(letter, "choice").answer for letter in "ABCDEF"] == ["A", "B", "C", "D", "E", None]


def test_letters_of_yes_and_no_are_those_that_are_offered() -> None:
    offered = "Is it red?\n(A) No\n(B) Yes"
    assert read_answer("The answer is B.", "yes_no", question=offered).answer == "yes"
    assert read_answer("The answer is B.", "yes_no", {"A": "True", "B": "False"}, "Is it red?").answer == "no"
    assert read_answer("The answer is B.", "yes_no", question="Is it red?").answer is None


@pytest.mark.parametrize(
    ("response", "letter"),
    [
        *((text.format(letter), letter) for letter in "AB" for text in (
            "{}", "({})", "Option {}", "{} because it shows", "The answer is {}", "{} is correct.", "So {}.", "A: {}",
            "Option {} is correct", "The answer is (A). The answer is ({}).", "It is small. Thus, the answer is {}.",
        )),
        *((text, "A") for text in ("a", "The answer is a", "A - yes", "The answer is A, not B")),
        *((text, "B") for text in ("b", "The answer is b", "B - no", "The answer is B, not A", "It is not red.")),
        *((text, None) for text in ("C", "The answer is C.", "A or B", "A. yes\nB. no", "A. no", "It is large.")),
    ],
)  # fmt: skip
def test_letters_of_yes_and_no_are_read_as_those_of_other_options(response: str, letter: str | None) -> None:
    offered = {"A": "yes", "B": "no"}
    assert read_answer(response, "choice", offered, "Is it red?").answer == letter
    assert read_answer(response, "yes_no", offered, "Is it red?").answer == offered.get(letter or "")


@pytest.mark.parametrize(
    ("response", "target", "kind_name", "expected"),
    [
        ("The answer is no.", "no", "yes_no", "right"),
        ("The answer is no.", "yes", "yes_no", "wrong"),
        ("I cannot tell.", "yes", "yes_no", "unknown"),
        ("Look! The answer is B.", "(B)", "choice", "right"),
        ("Look! The answer is B.", "A", "choice", "wrong"),
        ("Perhaps.", "A", "choice", "unknown"),
        ("There are three dogs.", "3", "open", "right"),
        ("There are three dogs.", "4", "open", "wrong"),
        ("The answer is an old dog.", "a puppy", "open", "unknown"),
        ("The answer is a puppy.", "Puppy", "open", "right"),
        ("", "3", "open", "unknown"),
    ],
)
def test_a_match(response: str, target: str, kind_name: AnswerKind, expected: str) -> None:
    assert match_answer(response, target, kind_name) == expected


def test_a_number_is_looked_for_where_the_target_is_one() -> None:
    response = "The lamp, as the label says, is a lamp of 40 W."
    assert match_answer(response, "40", "open", question="What does the label say?") == "right"
    assert match_answer(response, "a lamp of 40 W", "open", question="What does the label say?") == "right"


def test_reading_is_public() -> None:
    assert harness.read_answer is read_answer
    assert harness.match_answer is match_answer
    assert harness.Reading is Reading
    assert {"Reading", "match_answer", "read_answer"} <= set(harness.__all__)


@pytest.mark.parametrize(
    ("code", "absent"),
    [
        ("import harness", {"harness.answers.reading"}),
        (
            "import harness; harness.read_answer('It is B.', 'choice'); harness.match_answer('3 cm', '3', 'open')",
            {"torch", "numpy", "sympy", "math_verify", "datasets", "transformers", "pandas", "yaml"},
        ),
    ],
)
def test_reading_is_loaded_when_it_is_used_and_needs_the_standard_library_alone_without_formulas(
    code: str, absent: set[str]
) -> None:
    code = f"import sys; {code}; print(sorted({absent} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
