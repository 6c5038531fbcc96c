"""MMVU: rows, rules, the judge's part, disciplines."""

import random
from pathlib import Path
from typing import Any

import pytest
from support_scoring import OURS, mmvu_rows, over_questions, record_of, rounds, samples_of, score, task_module, values

from harness.benchmarks.registry import get_benchmark
from harness.core.errors import DataError
from harness.core.types import Sample

MMVU = get_benchmark("mmvu")
DISCIPLINES = task_module("mmvu").DISCIPLINES


def row(**change: Any) -> dict[str, Any]:
    base = {
        "id": "validation_7",
        "video": "https://host/resolve/main/videos/Civil_Engineering/3.mp4",
        "question_type": "multiple-choice",
        "metadata": {"subject": "Civil Engineering"},
        "question": "Which load?",
        "choices": {"A": "dead", "B": "live", "C": "", "D": None},
        "answer": "B",
    }
    return {**base, **change}


def open_row(**change: Any) -> dict[str, Any]:
    return row(question_type="open-ended", choices=dict.fromkeys("ABCDE", ""), answer="Dolly Zoom", **change)


def test_rows_to_samples() -> None:
    sample = MMVU.read_row(row(), "row 0")
    assert (sample.id, sample.target, sample.answer_kind, sample.choices) == (
        "validation_7", "B", "choice", {"A": "dead", "B": "live"},
    )  # fmt: skip
    assert sample.subset == "Engineering"
    assert sample.cluster == row()["video"]
    assert sample.attributes == {
        "kind": "multiple_choice", "subject": "Civil Engineering", "discipline": "Engineering",
    }  # fmt: skip
    sample = MMVU.read_row(open_row(), "row 0")
    assert (sample.target, sample.answer_kind, sample.choices) == ("Dolly Zoom", "open", None)


def test_where_the_subject_comes_from() -> None:
    assert MMVU.read_row(row(metadata=None), "row 0").attributes["subject"] == "Civil Engineering"
    by_column = row(metadata=None, video=None, subject="Preventive_Medicine")
    assert MMVU.read_row(by_column, "row 0").subset == "Healthcare"
    elsewhere = MMVU.read_row(row(metadata={"subject": "Shapes"}), "row 0")
    assert (elsewhere.attributes["subject"], elsewhere.subset) == ("Shapes", "Shapes")
    assert MMVU.read_row(row(metadata=None, video="7.mp4"), "row 0").subset is None


def test_choices_as_a_list() -> None:
    assert MMVU.read_row(row(choices=["dead", "live"]), "row 0").choices == {"A": "dead", "B": "live"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"id": None}, "column 'id' is empty"),
        ({"question_type": "essay"}, "column 'question_type' holds 'essay', expected multiple-choice or open-ended"),
        ({"choices": None}, "column 'choices' is missing or is not an object"),
        ({"choices": {"A": "one"}}, "column 'choices' holds fewer than two options"),
        ({"answer": "C"}, "column 'answer' holds 'C', expected one of A, B"),
    ],
)
def test_bad_rows(change: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=f"row 2: {message}"):
        MMVU.read_row(row(**change), "row 2")


@over_questions
def test_published_disciplines(questions: Path) -> None:
    assert [len(subjects) for subjects in DISCIPLINES.values()] == [10, 5, 6, 6]
    counts: dict[str | None, int] = {}
    for sample in samples_of("mmvu", mmvu_rows(questions)):
        counts[sample.subset] = counts.get(sample.subset, 0) + 1
    expected = (24, 8, 10, 15) if questions == OURS else (318, 193, 141, 348)
    assert tuple(counts[name] for name in DISCIPLINES) == expected
    assert len(counts) == 4


def test_rules_settle_or_leave_open() -> None:
    sample = MMVU.read_row(open_row(), "row 0")
    assert record_of(sample, "dolly zoom").verdict.status == "correct"
    verdict = record_of(sample, "It is a zoom while the camera moves back.").verdict
    assert (verdict.status, verdict.reason, verdict.official) == ("incorrect", "needs a judge", None)
    verdict = record_of(sample, "a zoom while the camera moves back").verdict
    assert (verdict.status, verdict.answer, verdict.reason) == ("not_understood", None, None)
    verdict = record_of(sample, "").verdict
    assert (verdict.status, verdict.answer, verdict.reason) == ("unanswered", None, "empty")
    assert record_of(sample, None).verdict.status == "error"


def test_figures_by_hand() -> None:
    rows = [row(id="0"), row(id="1"), open_row(id="2", metadata={"subject": "Art"}), open_row(id="3"), row(id="4")]
    result = score("mmvu", rows, ["B", "A", "Dolly zoom", "It is something else entirely, a crane.", None])
    figures = values(result)
    expected = {
        "all/accuracy": 2 / 4,
        "multiple_choice/accuracy": 1 / 2,
        "open_ended/accuracy": 1 / 2,
        "discipline/Engineering/accuracy": 1 / 3,
        "discipline/Humanities & Social Sciences/accuracy": 1.0,
        "subject/Art/accuracy": 1.0,
        "subject/Civil Engineering/accuracy": 1 / 3,
    }
    assert figures == expected
    assert set(result.official) == set(expected)
    assert set(result.official.values()) == {None}
    assert (result.undecided, result.not_understood, result.errors, result.disagreements) == (1, 0, 1, 0)
    ranges = {name: metric.range for name, metric in result.metrics.items() if metric.range}
    assert ranges == {
        "all/accuracy": (2 / 4, 3 / 4),
        "open_ended/accuracy": (1 / 2, 1.0),
        "discipline/Engineering/accuracy": (1 / 3, 2 / 3),
        "subject/Civil Engineering/accuracy": (1 / 3, 2 / 3),
    }


@over_questions
@pytest.mark.parametrize("style", ["clean", "sentence", "structured"])
def test_all_questions_strict_as_meant(style: str, questions: Path) -> None:
    rng = random.Random(style)
    rows = mmvu_rows(questions)
    meant: dict[str, list[bool]] = {"choice": [], "open": []}

    def reply(sample: Sample) -> str:
        right = rng.random() < 0.6
        meant[sample.answer_kind].append(right)
        if sample.choices:
            letter = sample.target if right else rng.choice([x for x in sample.choices if x != sample.target])
            forms = {
                "clean": [letter, f"({letter})", f"{letter}. {sample.choices[letter]}", f"Option {letter}"],
                "sentence": [f"The answer is {letter}.", f"After watching the video, I choose ({letter})."],
                "structured": [f"<think>Maybe A, maybe E.</think><answer>{letter}</answer>"],
            }
        else:
            answer = sample.target if right else ""
            forms = {
                "clean": [answer],
                "sentence": [f"The final answer is: {answer}" if right else "I cannot tell."],
                "structured": [f"<think>Let me see.</think>\n<answer>\n{answer}\n</answer>"],
            }
        return rng.choice(forms[style])

    for _ in rounds(rows):
        meant["choice"], meant["open"] = [], []
        result = score("mmvu", rows, reply)
        for kind, name in (("choice", "multiple_choice"), ("open", "open_ended")):
            accuracy = result.metrics[f"{name}/accuracy"]
            assert (accuracy.value, accuracy.n) == (sum(meant[kind]) / len(meant[kind]), len(meant[kind]))
        assert result.metrics["all/accuracy"].value == sum(meant["choice"] + meant["open"]) / len(rows)
