"""DASH-B: figures by hand, the published evaluator, and both layouts of its data."""

import json
import random
from collections import Counter
from pathlib import Path

import pytest
from support_benchmarks import image_bytes
from support_scoring import PUBLISHED, QUIRKS, Row, score, values

from harness.benchmarks.data import load_data, open_medium
from harness.benchmarks.registry import get_benchmark
from harness.benchmarks.yes_no import read_letters
from harness.core.errors import DataError
from harness.core.types import Response

DASH_B = get_benchmark("dash_b")
FILES = PUBLISHED / "dash_b"

needs_files = pytest.mark.skipif(not FILES.is_dir(), reason=f"{FILES} is not there: DASH-B has no licence file")


def row(number: int, answer: str, what: str = "fork") -> Row:
    question = f"Can you see a {what} in this image. Please answer only with yes or no."
    return {"question_id": number, "question": question, "answer": answer}


ROWS = [row(number, "yes" if number < 4 else "no") for number in range(8)]


def test_row_to_sample() -> None:
    sample = DASH_B.read_row(row(7, "No", "garden hose"), "row 7")
    assert (sample.id, sample.target, sample.cluster) == ("7", "no", "garden hose")
    assert sample.question == "Can you see a garden hose in this image."
    named = DASH_B.read_row({"question_id": "x", "question": "Why?", "gt": "yes", "object_name": "hose"}, "row 8")
    assert (named.cluster, named.target) == ("hose", "yes")
    with pytest.raises(DataError, match="row 9: no column 'answer'"):
        DASH_B.read_row({"question_id": "x", "question": "Why?"}, "row 9")


def test_figures_by_hand() -> None:
    texts = ["Yes", "Yes.", "yes", "No", "No.", "no", "Yes", "I am looking at the table."]
    figures = values(score("dash_b", ROWS, texts))
    assert figures == pytest.approx(
        {
            "all/accuracy": 5 / 8,
            "all/f1": 2 * 3 / (4 + 4),
            "all/yes_ratio": 4 / 7,
            "all/tpr": 3 / 4,
            "all/tnr": 2 / 4,
            "all/harmonic_mean": 2 * 0.75 * 0.5 / 1.25,
        }
    )


def published_evaluator(texts: list[str], labels: list[str]) -> dict[str, float]:
    """DASH-B's `compute_results`."""
    answers = ["yes" if "yes" in text.lower() else "no" if "no" in text.lower() else None for text in texts]
    right = Counter(label for answer, label in zip(answers, labels, strict=True) if answer == label)
    asked = Counter(labels)
    tpr, tnr = right["yes"] / asked["yes"], right["no"] / asked["no"]
    return {
        "accuracy": right.total() / len(labels),
        "tnr": tnr,
        "tpr": tpr,
        "harmonic_mean": 2 * (tpr * tnr) / (tpr + tnr),
    }


def test_official_figures_are_the_published_evaluators() -> None:
    rng = random.Random("dash")
    rows = [row(number, rng.choice(["yes", "no"])) for number in range(300)]
    texts = rng.choices([text for text in QUIRKS if "<" not in text], k=len(rows))
    result = score("dash_b", rows, texts)
    expected = published_evaluator(texts, [of["answer"] for of in rows])
    assert {name: result.official[f"all/{name}"] for name in expected} == pytest.approx(expected, abs=1e-12)


def test_constant_answers_have_no_harmonic_mean_but_half_of_the_accuracy() -> None:
    for text, tpr in (("yes", 1.0), ("No.", 0.0)):
        figures = values(score("dash_b", ROWS, lambda sample, text=text: text))  # type: ignore[misc]
        assert (figures["all/accuracy"], figures["all/tpr"], figures["all/harmonic_mean"]) == (0.5, tpr, 0.0)


@pytest.mark.parametrize(
    ("text", "official", "strict"),
    [
        ("Eyes closed, no glasses.", "yes", None),
        ("I see a snowboard.", "no", None),
        ("There isn't a fork.", None, "no"),
        ("No, my eyes cannot find one.", "yes", "no"),
        ("Yes", "yes", "yes"),
        ("", None, None),
    ],
)
def test_substrings_that_are_no_answers(text: str, official: str | None, strict: str | None) -> None:
    assert read_letters(text) == official
    sample = DASH_B.read_row(row(1, "no"), "row 1")
    assert DASH_B.judge(sample, Response(sample_id="1", text=text)).answer == strict


def test_questions_about_an_object_are_a_cluster() -> None:
    rows = [row(number, "no", f"thing{number // 8}") for number in range(240)]
    metric = score("dash_b", rows, lambda sample: "no" if int(sample.id) // 8 % 2 else "yes").metrics["all/accuracy"]
    assert metric.stderr == pytest.approx((0.25 / 29) ** 0.5)


def test_the_repositorys_files(tmp_path: Path) -> None:
    for kind in ("neg", "pos"):
        objects = {"lion": {"fork": [f"{kind}_1.jpg"], "sloth": ["2.jpg"]}}
        (tmp_path / "images" / kind / "lion/fork").mkdir(parents=True)
        (tmp_path / "images" / kind / "lion/fork" / f"{kind}_1.jpg").write_bytes(image_bytes(1))
        (tmp_path / f"images/dash_benchmark_{kind}.json").write_text(json.dumps(objects))
    data = load_data(DASH_B, str(tmp_path))
    assert [(sample.id, sample.target, sample.cluster) for sample in data.samples] == [
        ("neg/lion/fork/neg_1.jpg", "no", "fork"),
        ("neg/lion/sloth/2.jpg", "no", "sloth"),
        ("pos/lion/fork/pos_1.jpg", "yes", "fork"),
        ("pos/lion/sloth/2.jpg", "yes", "sloth"),
    ]
    assert open_medium(data.folder, data.samples[2].media[0], 1) is not None
    (tmp_path / "images/dash_benchmark_neg.json").write_text(json.dumps({"lion": ["fork"]}))
    with pytest.raises(DataError, match="'lion' holds list, expected an object of lists of images"):
        load_data(DASH_B, str(tmp_path))


@needs_files
def test_counts_of_the_published_files() -> None:
    samples = load_data(DASH_B, str(FILES)).samples
    assert Counter(sample.target for sample in samples) == {"yes": 1341, "no": 1341}
    assert len({sample.cluster for sample in samples}) == 70
