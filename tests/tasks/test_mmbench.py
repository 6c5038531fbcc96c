"""MMBench: circular and vanilla accuracy, categories and position bias."""

import random
from pathlib import Path
from typing import Any

import pytest
from support_scoring import (
    Row,
    mmbench_rows,
    over_questions,
    record_of,
    rotations,
    rounds,
    samples_of,
    score,
    task_module,
    values,
)

from harness.benchmarks.registry import get_benchmark
from harness.core.errors import DataError

MMBENCH = get_benchmark("mmbench")
read_mmbench = task_module("mmbench").read_mmbench


def row(**change: Any) -> dict[str, Any]:
    base = {
        "index": 5,
        "question": "Which one?",
        "hint": "Look at the sky.",
        "A": "red",
        "B": "blue",
        "C": float("nan"),
        "D": "nan",
        "answer": "b",
        "category": "color",
        "L2-category": "perception",
        "image": object(),
    }
    return {**base, **change}


def test_row_to_sample() -> None:
    sample = MMBENCH.read_row(row(index=3_000_005), "row 0")
    assert (sample.id, sample.group, sample.cluster, sample.target) == ("3000005", "5", "5", "B")
    assert sample.choices == {"A": "red", "B": "blue"}
    assert sample.question == "Look at the sky.\nWhich one?"
    assert sample.subset == "perception"
    assert sample.attributes == {"index": "3000005", "rotation": "3", "category": "color", "l2": "perception"}


@pytest.mark.parametrize("hint", [None, float("nan"), "nan", "", "  "])
def test_absent_hint(hint: Any) -> None:
    assert MMBENCH.read_row(row(hint=hint), "row 0").question == "Which one?"


def test_a_further_column_of_choices_is_not_asked() -> None:
    assert MMBENCH.read_row(row(choices=["Paris", "Rome"]), "row 0") == MMBENCH.read_row(row(), "row 0")


def test_spellings_of_columns_and_values() -> None:
    spelled = {name: value for name, value in row().items() if name != "L2-category"} | {"l2-category": "logic"}
    assert MMBENCH.read_row({**spelled, "index": 5.0, "A": 1, "C": None}, "row 0").choices == {"A": "1", "B": "blue"}
    assert MMBENCH.read_row(spelled, "row 0").subset == "logic"
    assert MMBENCH.read_row({**spelled, "index": "5"}, "row 0").id == "5"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"index": 1.5}, "column 'index' holds 1.5, not a row number"),
        ({"index": None}, "column 'index' is empty"),
        ({"answer": "C"}, "column 'answer' holds 'C', expected one of A, B"),
        ({"B": float("nan")}, "fewer than two options"),
    ],
)
def test_bad_rows(change: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=f"row 9: {message}"):
        MMBENCH.read_row(row(**change), "row 9")


def test_circular_and_vanilla_by_hand() -> None:
    rows = [
        *rotations(0, "q0", ["a", "b", "c", "d"], 0, category="x", l2="p"),
        *rotations(1, "q1", ["a", "b"], 1, category="x", l2="p"),
        *rotations(2, "q2", ["a", "b", "c"], 2, category="y", l2="p"),
    ]
    texts = [question["answer"] for question in rows]
    texts[3] = "A" if rows[3]["answer"] != "A" else "B"  # q0 is wrong under its last rotation
    texts[6] = "I do not know"  # q2 is not answered in its unrotated row
    result = score("mmbench", rows, texts)
    figures = values(result)
    expected = {
        "all/circular": 1 / 3,
        "all/vanilla": 2 / 3,
        "l2/p/circular": 1 / 3,
        "category/x/circular": 1 / 2,
        "category/x/vanilla": 1.0,
        "category/y/circular": 0.0,
        "category/y/vanilla": 0.0,
    }
    assert {name: figures[name] for name in expected} == expected
    circular = result.metrics["all/circular"]
    assert (circular.n, circular.n_unanswered, circular.n_unsettled, circular.range) == (3, 1, 0, None)
    assert result.metrics["all/vanilla"].n == 3


def test_what_no_rule_reads_may_be_right_under_every_rotation() -> None:
    # q0 is right but for a rotation that is not understood; q1 has one of these too, and one that is wrong.
    rows = [*rotations(0, "q0", ["a", "b"], 0), *rotations(1, "q1", ["a", "b"], 1)]
    texts = [question["answer"] for question in rows]
    texts[1] = texts[2] = "Well, well"
    texts[3] = "A" if rows[3]["answer"] == "B" else "B"
    result = score("mmbench", rows, texts)
    assert (result.not_understood, result.unanswered, result.unsettled) == (2, 0, 2)
    circular, vanilla = result.metrics["all/circular"], result.metrics["all/vanilla"]
    assert (circular.value, circular.n_unsettled, circular.if_wrong, circular.if_right) == (0.0, 2, 0.0, 1 / 2)
    assert (vanilla.value, vanilla.n_unsettled, vanilla.if_wrong, vanilla.if_right) == (1 / 2, 1, 1 / 2, 1.0)
    assert {result.metrics[f"all/{name}"].range for name in ("position_bias", "share_A", "gold_share_A")} == {None}


def test_circular_is_over_the_rotations_that_the_data_has() -> None:
    # Three of four rows, as 53 questions of the official file have them; one of them wrong; a whole group; a lone row.
    rows = [
        *list(rotations(0, "q0", ["a", "b", "c", "d"], 0))[:3],
        *list(rotations(1, "q1", ["a", "b", "c", "d"], 1))[:3],
        *rotations(2, "q2", ["a", "b"], 0),
        *list(rotations(3, "q3", ["a", "b"], 1))[:1],
    ]
    texts = [question["answer"] for question in rows]
    texts[5] = "A" if rows[5]["answer"] != "A" else "B"
    result = score("mmbench", rows, texts)
    circular = result.metrics["all/circular"]
    assert (circular.value, circular.n) == (3 / 4, 4)
    assert result.official["all/circular"] == 3 / 4


def test_a_group_with_a_failed_rotation_is_left_out() -> None:
    rows = [*rotations(0, "q0", ["a", "b"], 0), *rotations(1, "q1", ["a", "b"], 0)]
    result = score("mmbench", rows, ["A", None, "A", "B"])
    circular = result.metrics["all/circular"]
    assert (circular.value, circular.n, circular.n_errors) == (1.0, 1, 1)
    assert result.metrics["all/vanilla"].n == 2


def test_official_reads_its_own_way() -> None:
    sample = samples_of("mmbench", rotations(0, "q", ["cat", "dog", "cow", "pig"], 3))[0]
    assert (sample.target, record_of(sample, "The answer is dog").verdict.official_answer) == ("D", "D")
    verdict = record_of(sample, "The answer is dog").verdict
    assert (verdict.answer, verdict.status, verdict.official) == ("B", "incorrect", True)


def test_position_bias_by_hand() -> None:
    # Two options, gold A in half of the rows: recalls 1 and 1/2, their standard deviation 1/4.
    rows = [entry for number in range(4) for entry in rotations(number, f"q{number}", ["a", "b"], 0)]
    texts = ["A" if question["answer"] == "A" or number < 2 else "B" for number, question in enumerate(rows)]
    texts[1] = texts[3] = "A"
    figures = values(score("mmbench", rows, texts))
    assert figures["all/recall_A"] == 1.0
    assert figures["all/recall_B"] == 0.5
    assert figures["all/recall_C"] is None
    assert figures["all/position_bias"] == pytest.approx(0.25)
    assert figures["all/share_A"] == 6 / 8
    assert figures["all/gold_share_A"] == 4 / 8


def published_circular(rows: list[dict[str, Any]], hits: list[bool]) -> float:
    """A group is a hit when every present row is right."""
    groups: dict[int, list[bool]] = {}
    for question, hit in zip(rows, hits, strict=True):
        groups.setdefault(question["index"] % 1_000_000, []).append(hit)
    return sum(map(all, groups.values())) / len(groups)


def published_letter(text: str, options: dict[str, str]) -> str | None:
    """Exact matching for the responses below: a lone letter near the end, else the one option text that occurs."""
    for mark in ".()[],:;!*#{}":
        text = text.replace(mark, " ")
    tokens = text.split()
    letters = [letter for letter in options if letter in tokens]
    if len(letters) == 1 and tokens.index(letters[0]) >= len(tokens) - 4:
        return letters[0]
    named = [letter for letter, option in options.items() if option.lower() in text.lower()]
    return named[0] if len(named) == 1 and len(text) <= 2 * sum(map(len, options.values())) else None


def options_of(row: Row) -> dict[str, str]:
    return {letter: row[letter] for letter in "ABCD" if isinstance(row[letter], str)}


@over_questions
@pytest.mark.parametrize("style", ["clean", "sentence", "structured"])
def test_responses_in_three_styles(style: str, questions: Path) -> None:
    rng = random.Random(style)
    rows = mmbench_rows(questions)
    for _ in rounds(rows):
        meant, texts, hits = [], [], []
        for question in rows:
            options = options_of(question)
            wrong = [letter for letter in options if letter != question["answer"]]
            letter = question["answer"] if rng.random() < 0.9 else rng.choice(wrong)
            if style == "clean":
                text = rng.choice([letter, f"({letter})", f"{letter}.", f"**{letter}**"])
                final = text
            elif style == "sentence":
                text = rng.choice([f"The correct option is {letter}", f"I looked at it closely. Answer: {letter}"])
                final = text
            else:
                final = rng.choice([letter, f"({letter})"])
                text = f"<think>It is not {rng.choice(wrong)}.</think><answer>{final}</answer>"
            meant.append(letter == question["answer"])
            hits.append(published_letter(final, options) == question["answer"])
            texts.append(text)
        result = score("mmbench", rows, texts)
        assert result.official["all/circular"] == published_circular(rows, hits)
        assert result.metrics["all/circular"].value == published_circular(rows, meant)
        vanilla = [right for right, question in zip(meant, rows, strict=True) if question["index"] < 1_000_000]
        assert result.metrics["all/vanilla"].value == sum(vanilla) / len(vanilla)
        assert result.unanswered == 0


QUIRKS = {
    "({gold}) {text}": True,
    "<think>{other}</think><answer> {gold}. </answer>": True,
    "The answer is **{gold}** for x x x x x x x": True,
    "the ANSWER IS {lower} for x x x x x x x": True,
    "x x x x x {gold}": True,
    "{gold} {other}: the correct answer is {gold}": True,
    "{gold} is what the sign over there says": False,  # neither near the end nor stated
    "{lower}": False,
    "Option-{gold}": False,
    "Z": False,
    "Cannot determine the answer, but {gold}": False,
    "I can't process this file. {gold}": False,
    "Failed to obtain answer via API. {gold}": False,
    "": False,
    "<think>{gold}": False,
    "<think>{other}</think> {gold}": True,
    "<answer>{gold}</answer><answer></answer>": False,
}
"""Forms of responses to a question and whether the published evaluator finds its gold letter."""


@over_questions
def test_official_figures_have_the_quirks_of_the_published_evaluator(questions: Path) -> None:
    rng = random.Random("quirks")
    # An option "a" or "D" would be found in anything.
    rows = [row for row in mmbench_rows(questions) if min(map(len, options_of(row).values())) > 3]
    groups = sorted({row["index"] % 1_000_000 for row in rows})
    for _ in rounds(rows):
        kept = {group: rng.random() < 0.6 for group in groups}
        texts, hits = [], []
        for row in rows:
            group, options = row["index"] % 1_000_000, options_of(row)
            form = rng.choice([form for form in QUIRKS if QUIRKS[form] or not kept[group]])
            gold, other = row["answer"], next(letter for letter in options if letter != row["answer"])
            texts.append(form.format(gold=gold, lower=gold.lower(), other=other, text=options[gold]))
            hits.append(QUIRKS[form])
        result = score("mmbench", rows, texts)
        assert result.official["all/circular"] == published_circular(rows, hits)
        vanilla = [hit for hit, row in zip(hits, rows, strict=True) if row["index"] < 1_000_000]
        assert result.official["all/vanilla"] == sum(vanilla) / len(vanilla)


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
def test_what_the_published_evaluator_reads(text: str, answer: str | None) -> None:
    assert read_mmbench(text, OPTIONS) == answer


def test_the_published_evaluator_on_fewer_options() -> None:
    options = {"A": "yes it is", "B": "no it is not"}
    assert read_mmbench("C", options) is None
    assert read_mmbench("The answer is C", options) is None
    assert read_mmbench("The answer is dog: no it is not", options) == "B"  # D is no option, so the text rule


def test_an_empty_option_text_occurs_everywhere_for_the_published_evaluator() -> None:
    assert read_mmbench("x", {"A": "", "B": "dog"}) == "A"
    assert read_mmbench("dog", {"A": "", "B": "dog"}) is None
