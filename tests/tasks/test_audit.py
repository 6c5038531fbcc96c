"""Degenerate responses score at chance or below under strict, on every task, over the real questions."""

from collections.abc import Callable

import pytest
from support_scoring import mmbench_rows, mmvu_rows, pope_rows, score, videohallucer_rows

from harness.core.prompts import build_prompt
from harness.core.types import Sample


def options(sample: Sample) -> list[str]:
    return list((sample.choices or {"A": "a dog", "B": "a cat"}).values())


def listed(sample: Sample) -> str:
    return "\n".join(f"{letter}. {text}" for letter, text in (sample.choices or {}).items())


CONSTANT = {
    "constant yes": lambda sample: "yes",
    "constant no": lambda sample: "No",
    "constant A": lambda sample: "A",
    "constant B": lambda sample: "(B)",
    "constant E": lambda sample: "The answer is E.",
    "first option": lambda sample: options(sample)[0],
    "last option": lambda sample: options(sample)[-1],
}
"""These answer, always with the same: right as often as that happens to be gold."""

EMPTY: dict[str, Callable[[Sample], str]] = {
    "empty": lambda sample: "",
    "blank": lambda sample: " \n\t",
    "every letter": lambda sample: "A, B, C, D, E",
    "every option": listed,
    "all option texts": lambda sample: ", ".join(options(sample)),
    "yes or no": lambda sample: "yes or no",
    "yes/no": lambda sample: "Yes/No",
    "hedge": lambda sample: "It could be yes, it could be no.",
    "hedge over letters": lambda sample: "Either A or B, perhaps C.",
    "prompt echo": lambda sample: build_prompt(sample, "direct"),
    "structured prompt echo": lambda sample: build_prompt(sample, "grounded"),
    "question echo": lambda sample: sample.question,
    "refusal": lambda sample: "I'm sorry, but I can't help with that.",
    "cannot tell": lambda sample: "The answer cannot be determined.",
    "question words": lambda sample: " ".join(word for word in sample.question.split() if word[0].islower()),
    "stub": lambda sample: "The answer is",
    "empty tags": lambda sample: "<think></think><answer></answer>",
    "placeholder": lambda sample: "<answer>your answer here</answer>",
    "numbers": lambda sample: "1 2 3 4 5 6 7 8 9 10",
    "stop word": lambda sample: "the",
    "all of the above": lambda sample: "All of the above",
    "question mark": lambda sample: "?",
}
"""These do not answer."""


LARGEST_SHARE = 142 / 625
"""Of the multiple-choice questions of MMVU, as many have the gold answer C."""


@pytest.mark.parametrize("name", CONSTANT)
def test_constant_answers_are_at_chance(name: str) -> None:
    respond = CONSTANT[name]
    assert (score("pope", pope_rows()[::5], respond).metrics["mean/accuracy"].value or 0) <= 0.5

    video = score("videohallucer", videohallucer_rows(), respond).metrics
    assert ((video["mean/basic"].value or 0) + (video["mean/hallucinated"].value or 0)) / 2 <= 0.5
    assert (video["mean/both"].value or 0) <= 0.01

    # A letter that stays the same cannot be right under every rotation. Two options have the texts "yes" and "no".
    circular = score("mmbench", mmbench_rows(), respond).metrics
    assert (circular["all/circular"].value or 0) <= 0.01

    choice = score("mmvu", mmvu_rows(), respond).metrics
    assert (choice["multiple_choice/accuracy"].value or 0) <= LARGEST_SHARE
    # One open-ended question has the answer E: immunoglobulin E.
    assert (choice["open_ended/accuracy"].value or 0) <= (1 / 375 if name == "constant E" else 0.0)


@pytest.mark.parametrize("name", EMPTY)
def test_no_answer_scores_nothing(name: str) -> None:
    respond = EMPTY[name]
    # A noun phrase affirms the few questions that ask for just that ("a dog").
    assert (score("pope", pope_rows()[::5], respond).metrics["mean/accuracy"].value or 0) <= 0.02
    assert (score("videohallucer", videohallucer_rows(), respond).metrics["mean/both"].value or 0) <= 0.01
    # "Yes" and "no" are the texts of a few options, and a few questions name one of their options only.
    assert (score("mmbench", mmbench_rows(), respond).metrics["all/circular"].value or 0) <= 0.02
    choice = score("mmvu", mmvu_rows(), respond).metrics
    # "Either A or B, perhaps C" commits itself to C.
    assert (choice["multiple_choice/accuracy"].value or 0) <= (LARGEST_SHARE if "over letters" in name else 0.01)
    assert choice["open_ended/accuracy"].value == 0.0
