"""EventHallusion: figures by hand, the official ones against the published evaluator, and what constants score."""

import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from support_benchmarks import write_eventhallusion
from support_scoring import PUBLISHED, QUIRKS, Row, score, task_module, values

from harness.benchmarks.data import load_data
from harness.benchmarks.registry import get_benchmark
from harness.core.errors import DataError
from harness.core.types import Response

EVENTHALLUSION = get_benchmark("eventhallusion")
FILES = PUBLISHED / "eventhallusion"
SETS = {"entire": (114, "No."), "interleave": (193, "Yes."), "misleading": (102, "No.")}
"""Questions of each set, and the answer of all of them."""

needs_files = pytest.mark.skipif(not FILES.is_dir(), reason=f"{FILES} is not there: EventHallusion has no licence file")


def row(subset: str, number: int, index: int = 0, **change: Any) -> Row:
    return {
        "id": f"{subset}_{number:03d}",
        "subset": subset,
        "index": index,
        "category": "gym",
        "question": "Is the man lifting the bar in this video?",
        "answer": SETS[subset][1],
        **change,
    }


def rows_of(counts: dict[str, int]) -> list[Row]:
    return [row(subset, number) for subset, count in counts.items() for number in range(count)]


ALL = rows_of({subset: count for subset, (count, _) in SETS.items()})


def test_row_to_sample() -> None:
    sample = EVENTHALLUSION.read_row(row("entire", 8, 1), "row 7")
    assert (sample.id, sample.subset, sample.target, sample.cluster) == ("entire_008/1", "entire", "no", "entire_008")
    for change, message in (
        ({"id": None}, "column 'id' is empty"),
        ({"index": "first"}, "column 'index' holds 'first', not a row number"),
        ({"answer": "Perhaps."}, "column 'answer' holds 'perhaps', expected yes or no"),
        ({"question": ""}, "column 'question' is empty"),
    ):
        with pytest.raises(DataError, match=f"row 9: {message}"):
            EVENTHALLUSION.read_row(row("entire", 1, **change), "row 9")


def test_the_files_of_the_repository(tmp_path: Path) -> None:
    data = load_data(EVENTHALLUSION, str(write_eventhallusion(tmp_path)))
    assert [(sample.id, sample.subset, sample.target) for sample in data.samples[:4]] == [
        ("entire_001/0", "entire", "no"),
        ("entire_001/1", "entire", "no"),
        ("entire_002/0", "entire", "no"),
        ("interleave_001/0", "interleave", "yes"),
    ]
    file = tmp_path / "questions/entire_questions.json"
    file.write_text('[{"id": "entire_003", "category": "gym"}, ' + file.read_text()[1:])
    assert load_data(EVENTHALLUSION, str(tmp_path)).samples == data.samples
    file.write_text('[{"id": "entire_001", "questions": ["Is it?"]}]')
    with pytest.raises(DataError, match=r"entire_questions\.json\[0\]: column 'questions' holds something else"):
        load_data(EVENTHALLUSION, str(tmp_path))


def test_figures_by_hand() -> None:
    texts = ["No", "Yes", "No.", "Yes", "yes", "It is hard to say.", "Nothing of the kind is happening.", "no", "No"]
    figures = values(score("eventhallusion", rows_of({"entire": 3, "interleave": 3, "misleading": 3}), texts))
    assert figures == pytest.approx(
        {
            "entire/accuracy": 2 / 3,
            "interleave/accuracy": 2 / 3,
            "misleading/accuracy": 2 / 3,
            "all/accuracy": 6 / 9,
            "all/balanced_accuracy": (2 / 3 + 4 / 6) / 2,
            "all/yes_ratio": 3 / 7,
        }
    )


def test_constant_no_is_right_about_two_sets_and_half_when_balanced() -> None:
    for text, per_set in (("No", (1.0, 0.0, 1.0)), ("yes", (0.0, 1.0, 0.0))):
        result = score("eventhallusion", ALL, lambda sample, text=text: text)  # type: ignore[misc]
        for figures in (values(result), result.official):
            assert tuple(figures[f"{subset}/accuracy"] for subset in SETS) == per_set
            assert figures["all/balanced_accuracy"] == 0.5
            assert figures["all/accuracy"] == pytest.approx(0.528 if text == "No" else 0.472, abs=5e-4)


def published_evaluator(rows: list[Row], texts: list[str]) -> dict[str, float]:
    """`eval.py`: what a response begins with, in the words of the gold answers."""
    right: Counter[str] = Counter()
    for of, text in zip(rows, texts, strict=True):
        begun = text.lower()
        said = "Yes." if begun.startswith("yes") else "No." if begun.startswith("no") else None
        right[of["subset"]] += said == of["answer"]
    asked = Counter(of["subset"] for of in rows)
    return {
        **{f"{name}/accuracy": right[name] / count for name, count in asked.items()},
        "all/accuracy": right.total() / asked.total(),
    }


def test_official_figures_are_the_published_evaluators() -> None:
    rng = random.Random("events")
    texts = rng.choices([text for text in QUIRKS if "<" not in text], k=len(ALL))
    result = score("eventhallusion", ALL, texts)
    expected = published_evaluator(ALL, texts)
    assert {name: result.official[name] for name in expected} == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("text", "official", "strict"),
    [
        ("Nothing of the kind happens.", "no", None),
        ("Not sure.", "no", None),
        ("Now the man sits down.", "no", None),
        ("Yesterday it did.", "yes", None),
        (" No.", None, "no"),
        ("**No**", None, "no"),
        ("The answer is no.", None, "no"),
        ("NO", "no", "no"),
        ("", None, None),
    ],
)
def test_letters_that_begin_a_response(text: str, official: str | None, strict: str | None) -> None:
    assert task_module("eventhallusion").read_beginning(text) == official
    sample = EVENTHALLUSION.read_row(row("entire", 1), "row 1")
    verdict = EVENTHALLUSION.judge(sample, Response(sample_id=sample.id, text=text))
    assert (verdict.answer, verdict.official_answer) == (strict, official)


def test_questions_about_a_video_are_a_cluster() -> None:
    rows = [row("entire", number, index) for number in range(40) for index in range(2)]
    result = score("eventhallusion", rows, lambda sample: "no" if int(sample.id[7:10]) % 2 else "yes")
    assert result.metrics["entire/accuracy"].stderr == pytest.approx((0.25 / 39) ** 0.5)


@needs_files
def test_counts_of_the_published_files() -> None:
    samples = load_data(EVENTHALLUSION, str(FILES)).samples
    found = Counter((sample.subset, sample.target) for sample in samples)
    assert found == {(name, answer.rstrip(".").lower()): count for name, (count, answer) in SETS.items()}
