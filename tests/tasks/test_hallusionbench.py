"""HallusionBench: figures by hand, and the official ones against the published rules, transcribed here."""

import json
import random
from collections import defaultdict
from pathlib import Path
from statistics import mean
from typing import Any

import pytest
from support_benchmarks import image_bytes
from support_scoring import PUBLISHED, Row, record_of, samples_of, score, task_module, values

from harness.benchmarks.data import load_data, open_medium
from harness.benchmarks.registry import get_benchmark
from harness.core.errors import DataError
from harness.core.types import Response, TaskResult
from harness.statistics import summarise

HALLUSIONBENCH = get_benchmark("hallusionbench")
read_vlmevalkit = task_module("hallusionbench").read_vlmevalkit
QUESTIONS = PUBLISHED / "hallusionbench/HallusionBench.json"

needs_questions = pytest.mark.skipif(not QUESTIONS.is_file(), reason=f"{QUESTIONS} is not there")


def row(place: str, visual_input: int, gold: int, **changes: Any) -> Row:
    """A row at category/subcategory/set/figure/question."""
    category, subcategory, *numbers = place.split("/")
    return {
        "category": category,
        "subcategory": subcategory,
        "visual_input": str(visual_input),
        **dict(zip(("set_id", "figure_id", "question_id"), numbers, strict=True)),
        "question": "Is the left circle larger than the right one?",
        "gt_answer": str(gold),
        "gt_answer_details": "They are of the same size." if not gold else "It is larger.",
        "filename": None if visual_input == 0 else f"./hallusion_bench/{category}/{subcategory}/{numbers[0]}.png",
    } | changes


ROWS = [
    # A set with two figures and two questions; the figures of `ocr` are in both categories, under one number.
    row("VD/ocr/0/0/0", 1, 1),
    row("VD/ocr/0/0/1", 1, 0),
    row("VD/ocr/0/1/0", 2, 0),
    row("VD/ocr/0/1/1", 2, 1),
    # Two questions without a figure, with one as it is, and with one that was edited.
    row("VS/ocr/0/0/0", 0, 1),
    row("VS/ocr/0/0/1", 0, 0),
    row("VS/ocr/0/1/0", 1, 1),
    row("VS/ocr/0/1/1", 1, 0),
    row("VS/ocr/0/2/0", 2, 0),
    row("VS/ocr/0/2/1", 2, 0),
]


def published(rows: list[Row], correct: list[bool]) -> dict[str, float]:
    """The authors' `utils.py`, given which rows are correct."""
    figures: dict[str, list[bool]] = defaultdict(list)
    groups: dict[str, list[bool]] = defaultdict(list)
    easy: dict[str, list[bool]] = defaultdict(list)
    hard: dict[str, list[bool]] = defaultdict(list)
    for of, is_right in zip(rows, correct, strict=True):
        key = f"{of['category']}_{of['subcategory']}_{of['set_id']}"
        if not (of["category"] == "VS" and of["figure_id"] == "0"):
            figures[f"{key}_{of['figure_id']}"].append(is_right)
        for part in (groups, hard if of["visual_input"] == "2" else easy):
            part[f"{key}_{of['question_id']}"].append(is_right)
    gold = [of["gt_answer"] == "1" for of in rows]
    said = [of == is_right for of, is_right in zip(gold, correct, strict=True)]
    wrong = [not is_right for is_right in correct]
    return {
        "aAcc": mean(correct),
        "fAcc": mean(map(all, figures.values())),
        "qAcc": mean(map(all, groups.values())),
        "easy": mean(map(all, easy.values())),
        "hard": mean(map(all, hard.values())),
        "yes_difference": mean(said) - mean(gold),
        "false_positive_ratio": sum(w and not g for w, g in zip(wrong, gold, strict=True)) / sum(wrong),
    }


def test_figures_by_hand() -> None:
    # Wrong are VD 0/1/0 (says yes), VS 0/2/1 (says yes); without a figure 0/0/0 is unclear.
    texts = ["Yes", "no", "Yes.", "yes", "I cannot tell without the image.", "No.", "Yes", "No", "no", "Yes, it is."]
    result = score("hallusionbench", ROWS, texts)
    figures = values(result)
    expected = {
        "with_figure/aAcc": 6 / 8,
        "with_figure/VD/aAcc": 3 / 4,
        "with_figure/VS/aAcc": 3 / 4,
        # VD/0 and VS/1 are right, VD/1 and VS/2 are not.
        "with_figure/fAcc": 2 / 4,
        # VD question 1 and VS question 0 are.
        "with_figure/qAcc": 2 / 4,
        "with_figure/mean": (6 / 8 + 2 / 4 + 2 / 4) / 3,
        "all/aAcc": 7 / 10,
        "all/fAcc": 2 / 4,
        # VS question 0 has an answer that is none.
        "all/qAcc": 1 / 4,
        "all/mean": (7 / 10 + 2 / 4 + 1 / 4) / 3,
        "all/easy": 3 / 4,
        "all/hard": 2 / 4,
        # Of nine answers two are a wrong yes.
        "all/yes_difference": 2 / 9,
        "all/false_positive_ratio": 1.0,
    }
    assert figures == pytest.approx(expected)
    assert result.metrics["with_figure/mean"].n == 8 + 4 + 4
    assert (result.metrics["with_figure/aAcc"].n, result.metrics["all/aAcc"].n) == (8, 10)
    # Unclear is right there, for the authors, and for them alone.
    assert result.official["all/aAcc"] == 8 / 10
    assert result.official["all/qAcc"] == 2 / 4
    assert result.official["all/easy"] == 1.0
    assert result.official["with_figure/mean"] == pytest.approx(expected["with_figure/mean"])
    assert result.unanswered == 1
    assert result.disagreements == 1


@pytest.mark.parametrize("seed", range(3))
def test_official_figures_are_those_of_the_published_rules(seed: int) -> None:
    rng = random.Random(seed)
    rows = [{**of, "set_id": str(number)} for number in range(20) for of in ROWS]
    forms = {"1": ["Yes", "yes.", "Yes, it is."], "0": ["No", "no!", "No, it is not."]}
    unclear = ["", "I cannot tell.", "It depends on how one looks at it."]
    texts = [
        rng.choice(unclear)
        if (draw := rng.random()) < 0.15
        else rng.choice(forms[of["gt_answer"] if draw < 0.8 else "10"[int(of["gt_answer"])]])
        for of in rows
    ]
    result = score("hallusionbench", rows, texts)
    read = {**dict.fromkeys(forms["1"], "1"), **dict.fromkeys(forms["0"], "0")}
    correct = [
        read.get(text) == of["gt_answer"] or (text not in read and of["category"] == "VS" and of["figure_id"] == "0")
        for text, of in zip(texts, rows, strict=True)
    ]
    for name, value in published(rows, correct).items():
        assert result.official[f"all/{name}"] == pytest.approx(value, abs=1e-12), name
    shown = [number for number, of in enumerate(rows) if of["visual_input"] != "0"]
    of_figures = published([rows[i] for i in shown], [read.get(texts[i]) == rows[i]["gt_answer"] for i in shown])
    three = [of_figures[name] for name in ("aAcc", "fAcc", "qAcc")]
    assert [result.official[f"with_figure/{name}"] for name in ("aAcc", "fAcc", "qAcc")] == pytest.approx(three)
    assert result.official["with_figure/mean"] == pytest.approx(mean(three))


def test_an_outage_does_not_raise_the_score() -> None:
    # A failed call of the judge is "unclear" in lmms-eval, and that is right without a figure.
    right = ["yes" if of["gt_answer"] == "1" else "no" for of in ROWS]
    samples = samples_of("hallusionbench", ROWS)

    def result_of(texts: list[Any]) -> TaskResult:
        return summarise(HALLUSIONBENCH, [record_of(*pair) for pair in zip(samples, texts, strict=True)])

    wrong = result_of(["no", *right[1:4], "no", *right[5:]])
    failed = result_of([None, *right[1:4], None, *right[5:]])
    assert (wrong.official["all/aAcc"], failed.official["all/aAcc"]) == (8 / 10, 8 / 8)
    assert failed.metrics["all/aAcc"].n_errors == 2
    # What is not known to be right is no right figure either.
    assert failed.metrics["all/fAcc"].n == 3
    assert HALLUSIONBENCH.judge(samples[4], Response(sample_id="x", text="", error="outage")).official is None


def test_categories_of_one_name_do_not_collide() -> None:
    # EvalScope keys figures and questions by subcategory and number: VD/ocr/0 and VS/ocr/0 would be one.
    right = ["yes" if of["gt_answer"] == "1" else "no" for of in ROWS]
    result = score("hallusionbench", ROWS, ["no", *right[1:]])
    assert result.metrics["with_figure/fAcc"].value == 3 / 4
    assert result.metrics["with_figure/qAcc"].value == 3 / 4


def test_an_unread_answer_may_be_right_in_its_figure_and_question() -> None:
    right = ["yes" if of["gt_answer"] == "1" else "no" for of in ROWS]
    result = score("hallusionbench", ROWS, ["Circles are round.", *right[1:]])
    assert result.metrics["with_figure/fAcc"].range == (3 / 4, 1.0)
    low, high = result.metrics["with_figure/mean"].range or (0.0, 0.0)
    assert (low, high) == pytest.approx(((7 / 8 + 3 / 4 + 3 / 4) / 3, 1.0))


def test_a_set_is_a_cluster() -> None:
    rows = [{**of, "set_id": str(number)} for number in range(30) for of in ROWS]
    result = score("hallusionbench", rows, lambda sample: sample.target if int(sample.group[-1]) % 2 else "Hm.")  # type: ignore[index]
    metric = result.metrics["with_figure/aAcc"]
    # VD and VS of a number are right together, but are sets of their own: 60 clusters, and not 240 questions.
    assert metric.stderr is not None
    assert metric.value == 0.5
    assert metric.stderr == pytest.approx((0.25 / 59) ** 0.5)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Yes", "yes"),
        ("No.", "no"),
        ('"No"', "no"),
        ("", None),
        ("yes or no", None),
        ("Yes, there is no doubt.", None),
        ("There isn't.", None),
        ("Yes.No", None),
        ("I see 1,000 of them:yes", None),
        ("It is 1.5 m. No", "no"),
        ("Nothing", None),
        ("yes/it is", "yes"),
        ("yes/it is / was", None),  # the slash vanishes everywhere, as it stands beside a space once
        ("Not at all.", None),
    ],
)
def test_what_the_de_facto_rule_reads(text: str, answer: str | None) -> None:
    assert read_vlmevalkit(text) == answer


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"category": "VX"}, "column 'category' holds 'VX', expected VD or VS"),
        ({"gt_answer": "yes"}, "column 'gt_answer' holds 'yes', expected 0 or 1"),
        ({"visual_input": "3"}, "column 'visual_input' holds '3'"),
        ({"set_id": None}, "column 'set_id' is empty"),
        ({"figure_id": "b"}, "column 'figure_id' holds 'b', not a row number"),
    ],
)
def test_a_malformed_row_is_named(change: Row, said: str) -> None:
    with pytest.raises(DataError, match=said):
        HALLUSIONBENCH.read_row(row("VD/ocr/0/0/0", 1, 1) | change, "row 7")


def test_questions_without_a_figure_are_asked_as_text(tmp_path: Path) -> None:
    (tmp_path / "HallusionBench.json").write_text(json.dumps(ROWS))
    for category in ("VD", "VS"):
        place = tmp_path / f"hallusion_bench/{category}/ocr/0.png"
        place.parent.mkdir(parents=True)
        place.write_bytes(image_bytes(7))
    data = load_data(HALLUSIONBENCH, str(tmp_path))
    media = {sample.id: [medium.source for medium in sample.media] for sample in data.samples}
    assert media["VD/ocr/0/1/1"] == ["hallusion_bench/VD/ocr/0.png"]
    assert media["VS/ocr/0/0/1"] == []
    assert sum(map(bool, media.values())) == 8
    assert open_medium(data.folder, data.samples[0].media[0], 1) is not None


@needs_questions
def test_counts_of_the_published_questions() -> None:
    rows = json.loads(QUESTIONS.read_text())
    result = score("hallusionbench", rows, lambda sample: "No")
    assert (result.metrics["with_figure/aAcc"].n, result.metrics["all/aAcc"].n) == (951, 1129)
    assert (result.metrics["all/qAcc"].n, result.metrics["all/fAcc"].n) == (455, 346)
    assert result.metrics["all/aAcc"].value == pytest.approx(645 / 1129)
