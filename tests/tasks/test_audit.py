"""Degenerate responses score at chance or below under strict, on every task, over ours and the published questions."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from support_scoring import (
    OURS,
    PUBLISHED,
    Row,
    mmbench_rows,
    mmvu_rows,
    over_questions,
    pope_rows,
    score,
    videohallucer_rows,
)

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


def value(task: str, rows: list[Row], respond: Callable[[Sample], str], *names: str) -> float:
    """Mean of some figures, where one that is not defined counts 0."""
    metrics = score(task, rows, respond).metrics
    return sum(metrics[name].value or 0 for name in names) / len(names)


def polls_of(questions: Path) -> list[Row]:
    """Questions of POPE: all of ours, or enough of the published 9,000, which are of one form, to meet most objects."""
    return pope_rows(questions)[:: 25 if questions == PUBLISHED else 1]


def largest_share(questions: Path) -> float:
    """Of MMVU's multiple-choice questions, the share of the gold letter that most of them have."""
    letters = Counter(row["answer"] for row in mmvu_rows(questions, "multiple-choice"))
    return max(letters.values()) / letters.total()


@over_questions
@pytest.mark.parametrize("name", CONSTANT)
def test_constant_answers_are_at_chance(name: str, questions: Path) -> None:
    respond = CONSTANT[name]
    assert value("pope", polls_of(questions), respond, "mean/accuracy") <= 0.5

    video = videohallucer_rows(questions)
    assert value("videohallucer", video, respond, "mean/basic", "mean/hallucinated") <= 0.5
    assert value("videohallucer", video, respond, "mean/both") <= 0.01

    # A letter that stays the same cannot be right under every rotation, and the texts of these options are asked for.
    asked = [row for row in mmbench_rows(questions) if str(row["A"]).split(",")[0].lower() not in ("yes", "no")]
    assert value("mmbench", asked, respond, "all/circular") <= 0.01

    open_ended = mmvu_rows(questions, "open-ended")
    assert value("mmvu", mmvu_rows(questions, "multiple-choice"), respond, "all/accuracy") <= largest_share(questions)
    # One published open-ended question has the answer E: immunoglobulin E.
    assert value("mmvu", open_ended, respond, "all/accuracy") <= (1 / 375 if name == "constant E" else 0.0)


@over_questions
@pytest.mark.parametrize("name", EMPTY)
def test_no_answer_scores_nothing(name: str, questions: Path) -> None:
    respond = EMPTY[name]
    polls = polls_of(questions)
    # "A dog, a cat" affirms the questions that ask for one of these.
    named = [row for row in polls if any(text in row["question"] for text in (" dog ", " cat "))]
    affirmed = len(named) / len(polls) if name == "all option texts" else 0.0
    assert value("pope", polls, respond, "mean/accuracy") <= affirmed
    assert value("videohallucer", videohallucer_rows(questions), respond, "mean/both") <= 0.01
    # "Yes" and "no" are the texts of a few options, and a few questions name one of their options only.
    assert value("mmbench", mmbench_rows(questions), respond, "all/circular") <= 0.02
    # "Either A or B, perhaps C" commits itself to C.
    chance = largest_share(questions) if "over letters" in name else 0.01
    assert value("mmvu", mmvu_rows(questions, "multiple-choice"), respond, "all/accuracy") <= chance
    assert value("mmvu", mmvu_rows(questions, "open-ended"), respond, "all/accuracy") == 0.0


CAPTIONS: dict[str, Callable[[int, tuple[str, ...]], Row]] = {
    "chair": lambda number, there: {"question_id": number, "gt_object": list(there)},
    "amber_generative": lambda number, there: {
        "id": number,
        "query": "Describe this image.",
        "truth": list(there),
        "hallu": [],
        "vocabulary": OBJECTS,
    },
}
OBJECTS = ["dog", "cat", "person", "car", "bus", "tree", "chair", "bench", "kite", "horse", "sheep", "boat"]
THERE = [("person", "dog"), ("car", "bus"), ("cat",), ("horse", "sheep", "kite"), ("boat", "person"), ("bench",)]


@pytest.mark.parametrize("task", CAPTIONS)
def test_captions_that_do_not_look_are_worth_little(task: str) -> None:
    named = [tuple(name for name in there if task != "chair" or name != "tree") for there in THERE]
    rows = [CAPTIONS[task](number, there) for number, there in enumerate(named)]
    looking = value(task, rows, lambda sample: f"There is a {sample.target.replace('; ', ' and a ')}.", "all/f1")
    assert looking == 1.0
    for name, respond in {**CONSTANT, **EMPTY}.items():
        # "A dog, a cat" names what one in three images has.
        assert value(task, rows, respond, "all/f1") <= (0.3 if "option" in name else 0.0), name
    everything = value(task, rows, lambda sample: ", ".join(OBJECTS), "all/f1")
    person = value(task, rows, lambda sample: "A person.", "all/f1")
    assert max(everything, person) < 0.4
    # Whoever names one object that is there, and nothing else, is told so: the figure that looks at inventions alone
    # would take it for perfect.
    first = value(task, rows, lambda sample: f"A {sample.target.split('; ')[0]}.", "all/f1")
    assert person < first < looking


def balanced(task: str) -> list[Row]:
    """Our questions of POPE, as many with yes as with no, in the columns of another task about single images."""
    rows = pope_rows(OURS)
    size = min(Counter(row["answer"] for row in rows).values())
    of_both = [row for word in ("yes", "no") for row in [row for row in rows if row["answer"] == word][:size]]
    return [AS[task](number, row) for number, row in enumerate(of_both)]


def as_hallusionbench(number: int, row: Row) -> Row:
    """Sets of a figure with a question, and of the same question without it."""
    return {
        "category": "VD" if number % 2 else "VS",
        "subcategory": "chart",
        "visual_input": "1" if number % 2 or number % 4 else "0",
        "set_id": number,
        "figure_id": 0 if number % 2 or not number % 4 else 1,
        "question_id": 0,
        "question": row["question"],
        "gt_answer": int(row["answer"] == "yes"),
    }


AS: dict[str, Callable[[int, Row], Row]] = {
    "repope": lambda number, row: {**row, "question_id": str(number)},
    "hallusionbench": as_hallusionbench,
    "dash_b": lambda number, row: {**row, "question_id": str(number)},
    "amber": lambda number, row: {
        "id": number,
        "question": row["question"],
        "truth": row["answer"],
        "type": "discriminative-attribute-state",
    },
    "eventhallusion": lambda number, row: {
        "id": number,
        "index": 0,
        "subset": "interleave" if row["answer"] == "yes" else "entire",
        "category": "gym",
        "question": row["question"],
        "answer": row["answer"],
    },
}
ACCURACIES = {
    "repope": "all/accuracy",
    "hallusionbench": "all/aAcc",
    "dash_b": "all/accuracy",
    "amber": "all/balanced_accuracy",
    "eventhallusion": "all/balanced_accuracy",
}
"""Of each task the share of right answers, of which half is chance."""


@pytest.mark.parametrize("task", AS)
@pytest.mark.parametrize("name", [*CONSTANT, *EMPTY])
def test_yes_no_tasks_give_nothing_for_nothing(task: str, name: str) -> None:
    rows = balanced(task)
    if name in CONSTANT:
        assert value(task, rows, CONSTANT[name], ACCURACIES[task]) <= 0.5
        return
    # "A dog, a cat" affirms the questions that ask for one of these.
    named = [row for row in rows if any(text in row["question"] for text in (" dog ", " cat "))]
    affirmed = len(named) / len(rows) if name == "all option texts" else 0.0
    assert value(task, rows, EMPTY[name], ACCURACIES[task]) <= affirmed
