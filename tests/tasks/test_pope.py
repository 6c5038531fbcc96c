"""POPE: figures by hand, and the official ones against the published evaluator on all questions."""

import random
from pathlib import Path

import pytest
from support_scoring import (
    CLEAN,
    QUIRKS,
    SENTENCES,
    SPLITS,
    Row,
    final_text,
    over_questions,
    pope_rows,
    record_of,
    rounds,
    samples_of,
    score,
    structured,
    task_module,
    values,
)

from harness.benchmarks.registry import get_benchmark
from harness.core.errors import DataError
from harness.core.types import Sample, TaskResult
from harness.statistics import summarise

POPE = get_benchmark("pope")
read_pope = task_module("pope").read_pope


def row(number: int, answer: str = "yes", category: str = "random", image: str = "a.jpg") -> dict[str, str]:
    return {
        "question_id": str(number),
        "question": "Is there a dog in the image?",
        "answer": answer,
        "category": category,
        "image_source": image,
    }


def test_row_to_sample() -> None:
    sample = POPE.read_row({**row(7, "No "), "id": "0", "image": object()}, "row 0")
    assert sample.id == "random/7"
    assert (sample.task, sample.subset, sample.target, sample.answer_kind) == ("pope", "random", "no", "yes_no")
    assert sample.cluster == "a.jpg"
    assert sample.group is None


def test_names_of_the_original_files() -> None:
    original = {"question_id": 7, "image": "b.jpg", "text": "Is there a cat?", "label": "yes", "category": "Popular"}
    sample = POPE.read_row(original, "row 0")
    assert (sample.id, sample.question, sample.target, sample.cluster) == (
        "popular/7",
        "Is there a cat?",
        "yes",
        "b.jpg",
    )


def test_without_an_image_name_a_sample_is_its_own_cluster() -> None:
    bare = {name: value for name, value in row(1).items() if name != "image_source"}
    assert POPE.read_row({**bare, "image": {"bytes": b"..."}}, "row 0").cluster is None


@pytest.mark.parametrize("column", ["question_id", "question", "answer", "category"])
def test_missing_column_is_named(column: str) -> None:
    without = {name: value for name, value in row(1).items() if name != column}
    with pytest.raises(DataError, match=rf"data.jsonl:3: no column '{column}'"):
        POPE.read_row(without, "data.jsonl:3")
    with pytest.raises(DataError, match=rf"column '{column}' is empty"):
        POPE.read_row({**row(1), column: None}, "data.jsonl:3")


def test_gold_that_is_neither_yes_nor_no() -> None:
    with pytest.raises(DataError, match=r"row 4: column 'answer' holds 'maybe', expected yes or no"):
        POPE.read_row(row(1, "maybe"), "row 4")


def test_figures_by_hand() -> None:
    # random: tp 2, fn 1, not understood 1 (gold yes); fp 1, tn 3.   popular: tp 1; tn 1, fp 2.
    rows = [row(i, "yes") for i in range(4)] + [row(i, "no") for i in range(4, 8)]
    rows += [row(8, "yes", "popular")] + [row(i, "no", "popular") for i in range(9, 12)]
    texts = ["yes", "Yes.", "no", "I see", "yes", "no", "no", "No, there is none.", "yes", "no", "yes", "yes"]
    result = score("pope", rows, texts)
    figures = values(result)
    expected = {
        "random/accuracy": 5 / 8,
        "random/precision": 2 / 3,
        "random/recall": 2 / 4,
        "random/f1": 2 * 2 / (2 * 2 + 1 + 2),
        "random/yes_ratio": 3 / 7,
        "popular/accuracy": 2 / 4,
        "popular/precision": 1 / 3,
        "popular/recall": 1.0,
        "popular/f1": 2 * 1 / (2 * 1 + 2),
        "popular/yes_ratio": 3 / 4,
        "mean/accuracy": (5 / 8 + 2 / 4) / 2,
        "mean/f1": (4 / 7 + 1 / 2) / 2,
        "all/accuracy": 7 / 12,
        "all/precision": 3 / 6,
        "all/recall": 3 / 5,
        "all/f1": 2 * 3 / (2 * 3 + 3 + 2),
        "all/yes_ratio": 6 / 11,
    }
    assert {name: figures[name] for name in expected} == pytest.approx(expected, abs=1e-12)
    assert not any(name.startswith("adversarial") for name in figures)
    # "I see" may have meant yes, which is right, or no.
    ends = {name: (metric.if_wrong, metric.if_right) for name, metric in result.metrics.items() if metric.range}
    assert {name: end for name, end in ends.items() if name.startswith("random/")} == {
        "random/accuracy": (5 / 8, 6 / 8),
        "random/precision": (2 / 3, 3 / 4),
        "random/recall": (2 / 4, 3 / 4),
        "random/f1": (4 / 7, 6 / 8),
    }
    assert ends.keys() == {f"{part}/{name.rpartition('/')[2]}" for name in ends for part in ("random", "mean", "all")}


def test_counts_beside_the_figures() -> None:
    rows = [row(i) for i in range(5)]
    samples = samples_of("pope", rows)
    records = [
        record_of(s, text, reason)
        for s, text, reason in zip(
            samples, ["yes", "no", "", None, "<think> it goes on"], [None, "stop", None, None, "length"], strict=True
        )
    ]
    result = summarise(POPE, records)
    assert (result.samples, result.unanswered, result.errors, result.truncated) == (5, 2, 1, 1)
    accuracy = result.metrics["all/accuracy"]
    assert (accuracy.value, accuracy.n, accuracy.n_unanswered, accuracy.n_errors) == (1 / 4, 4, 2, 1)
    assert records[2].verdict.reason == "empty"
    assert records[4].verdict.reason == "cut off"
    assert records[3].verdict.status == "error"
    # The published evaluator takes "" for yes; the sample without a response enters neither figure.
    assert result.official["all/accuracy"] == 3 / 4
    assert result.disagreements == 2


def test_undefined_figures_are_none_not_zero() -> None:
    result = score("pope", [row(i, "yes") for i in range(3)], ["no"] * 3)
    precision = result.metrics["all/precision"]
    assert (precision.value, precision.stderr, precision.low, precision.n) == (None, None, None, 0)
    assert result.metrics["all/recall"].value == 0.0
    assert result.official["all/precision"] is None


def published_evaluator(texts: list[str], labels: list[str]) -> dict[str, float]:
    """POPE's `evaluate.py`, over one file of answers."""
    predictions = []
    for text in texts:
        if text.find(".") != -1:
            text = text.split(".")[0]
        words = text.replace(",", "").split(" ")
        predictions.append(0 if "No" in words or "not" in words or "no" in words else 1)
    truth = [0 if label == "no" else 1 for label in labels]
    tp = sum(p == 1 and t == 1 for p, t in zip(predictions, truth, strict=True))
    fp = sum(p == 1 and t == 0 for p, t in zip(predictions, truth, strict=True))
    tn = sum(p == 0 and t == 0 for p, t in zip(predictions, truth, strict=True))
    fn = sum(p == 0 and t == 1 for p, t in zip(predictions, truth, strict=True))
    precision, recall = tp / (tp + fp), tp / (tp + fn)
    return {
        "accuracy": (tp + tn) / (tp + tn + fp + fn),
        "precision": precision,
        "recall": recall,
        "f1": 2 * precision * recall / (precision + recall),
        "yes_ratio": predictions.count(1) / len(predictions),
    }


def check_official(result: TaskResult, rows: list[Row], texts: list[str]) -> None:
    """The official figures are what the published evaluator gives, per split, pooled, and the mean of the splits."""
    given = [final_text(text) for text in texts]
    for split in (*SPLITS, "all"):
        places = [place for place, row in enumerate(rows) if split in (row["category"], "all")]
        expected = published_evaluator([given[i] for i in places], [rows[i]["answer"] for i in places])
        for name, value in expected.items():
            assert result.official[f"{split}/{name}"] == pytest.approx(value, rel=0, abs=1e-15)
    for name in ("accuracy", "precision", "recall", "f1", "yes_ratio"):
        mean = sum(result.official[f"{split}/{name}"] or 0 for split in SPLITS) / 3
        assert result.official[f"mean/{name}"] == pytest.approx(mean, rel=0, abs=1e-15)


@over_questions
@pytest.mark.parametrize("style", ["clean", "sentence", "structured"])
def test_all_questions_official_to_the_digit_and_strict_as_meant(style: str, questions: Path) -> None:
    rng = random.Random(style)
    rows = pope_rows(questions)
    gold = [row["answer"] for row in rows]
    for _ in rounds(rows):
        meant, texts = [], []
        for target in gold:
            answer = target if rng.random() < 0.85 else {"yes": "no", "no": "yes"}[target]
            meant.append(answer)
            if style == "structured":
                texts.append(structured(rng, answer))
            else:
                texts.append(rng.choice((CLEAN if style == "clean" else SENTENCES)[answer]))
        result = score("pope", rows, texts)
        check_official(result, rows, texts)

        # Strict figures are the published formulas over what was meant.
        for name, value in published_evaluator(meant, gold).items():
            assert result.metrics[f"all/{name}"].value == pytest.approx(value, abs=1e-12)
        for split in SPLITS:
            right = [meant[i] == gold[i] for i, row in enumerate(rows) if row["category"] == split]
            assert result.metrics[f"{split}/accuracy"].value == sum(right) / len(right)
        assert result.unanswered == 0
        assert (result.disagreements > 0) == (style != "structured")


@over_questions
def test_official_figures_have_the_quirks_of_the_published_evaluator(questions: Path) -> None:
    rng = random.Random("quirks")
    rows = pope_rows(questions)
    for _ in rounds(rows):
        texts = rng.choices([*QUIRKS], k=len(rows))
        check_official(score("pope", rows, texts), rows, texts)


@over_questions
def test_images_are_clusters_across_the_splits(questions: Path) -> None:
    def reply(sample: Sample) -> str:
        return sample.target if hash_like(sample.cluster or "") % 5 else {"yes": "no", "no": "yes"}[sample.target]

    def hash_like(name: str) -> int:
        return sum(name.encode())

    # A model that is wrong on whole images: the pooled error is that of the images, not of 18 times as many questions.
    rows = pope_rows(questions)
    images = len({row["image_source"] for row in rows})
    result = score("pope", rows, reply)
    accuracy = result.metrics["mean/accuracy"]
    assert len(rows) == 18 * images
    assert accuracy.value is not None
    assert 0 < accuracy.value < 1
    assert accuracy.stderr == pytest.approx((accuracy.value * (1 - accuracy.value) / (images - 1)) ** 0.5, rel=1e-6)


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
def test_what_the_published_evaluator_reads(text: str, answer: str) -> None:
    assert read_pope(text) == answer
