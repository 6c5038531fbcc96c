"""AMBER's discriminative half: figures by hand, the published evaluator, the constant answers, and its two files."""

import json
import random
from collections import Counter
from pathlib import Path

import pytest
from support_benchmarks import write_amber
from support_scoring import PUBLISHED, Row, samples_of, score, task_module, values

from harness.benchmarks.baselines import constant_headlines
from harness.benchmarks.data import load_data, open_medium
from harness.benchmarks.registry import get_benchmark
from harness.cli import main
from harness.core.errors import DataError
from harness.core.types import Response

AMBER = get_benchmark("amber")
published_f1 = task_module("amber").published_f1
FILES = PUBLISHED / "amber"
SIZES = {
    ("discriminative-attribute-state", "yes"): 2382,
    ("discriminative-attribute-state", "no"): 2382,
    ("discriminative-attribute-number", "yes"): 1036,
    ("discriminative-attribute-number", "no"): 1036,
    ("discriminative-attribute-action", "yes"): 396,
    ("discriminative-attribute-action", "no"): 396,
    ("discriminative-hallucination", "no"): 4924,
    ("discriminative-relation", "yes"): 975,
    ("relation", "no"): 689,
}
"""How many questions of each type have which answer."""
DIMENSION = {"state": "attribute", "number": "attribute", "action": "attribute", "hallucination": "existence"}

needs_files = pytest.mark.skipif(not FILES.is_dir(), reason=f"{FILES} is not there")


def row(number: int, kind: str, truth: str) -> Row:
    query = "Is the sky sunny in this image?"
    return {"id": number, "image": f"AMBER_{number // 8}.jpg", "query": query, "type": kind, "truth": truth}


def rows_of(sizes: dict[tuple[str, str], int]) -> list[Row]:
    kinds = [pair for pair, size in sizes.items() for _ in range(size)]
    return [row(number, *pair) for number, pair in enumerate(kinds)]


def published(rows: list[Row], texts: list[str]) -> dict[str, float]:
    """AMBER's `inference.py` for the discriminative half, in percent as it prints them."""
    printed: dict[str, float] = {}
    parts: dict[str, list[int]] = {"all": list(range(len(rows)))}
    for number, of in enumerate(rows):
        kind = of["type"].rpartition("-")[2]
        for part in {kind, DIMENSION.get(kind, "relation")} - {"hallucination"}:
            parts.setdefault(part, []).append(number)
    for part, places in parts.items():
        counts = Counter((rows[i]["truth"], texts[i]) for i in places)
        right = counts["yes", "Yes"] + counts["no", "No"]
        answered = counts["yes", "No"] + counts["no", "No"]
        gold = sum(rows[i]["truth"] == "no" for i in places)
        precision = round(counts["no", "No"] / (answered + 0.001) * 100, 1)
        recall = round(counts["no", "No"] / (gold + 0.001) * 100, 1)
        added = 0.001 if part == "existence" else 0.0001
        f1 = 2 * (precision / 100) * (recall / 100) / ((precision / 100) + (recall / 100) + added)
        printed[f"{part}/accuracy"] = round(right / (len(places) + 0.001) * 100, 1)
        printed |= {f"{part}/precision": precision, f"{part}/recall": recall, f"{part}/f1": round(f1 * 100, 1)}
    return printed


def test_figures_by_hand() -> None:
    rows = [
        row(0, "discriminative-attribute-state", "yes"),
        row(1, "discriminative-attribute-state", "no"),
        row(2, "discriminative-attribute-number", "yes"),
        row(3, "discriminative-attribute-number", "no"),
        row(4, "discriminative-hallucination", "no"),
        row(5, "discriminative-hallucination", "no"),
        row(6, "discriminative-relation", "yes"),
        row(7, "relation", "no"),
    ]
    texts = ["Yes", "No.", "no", "The sky is not sunny.", "Yes, it is.", "No", "Yes", "yes"]
    figures = values(score("amber", rows, texts))
    expected = {
        "all/accuracy": 5 / 8,
        # No is said of 1, 2, 3 and 5, and right of 1, 3 and 5; of five it would be.
        "all/precision": 3 / 4,
        "all/recall": 3 / 5,
        "all/f1": 2 * 3 / (4 + 5),
        "all/yes_ratio": 4 / 8,
        "all/balanced_accuracy": (2 / 3 + 3 / 5) / 2,
        "existence/accuracy": 1 / 2,
        "existence/precision": 1.0,
        "attribute/accuracy": 3 / 4,
        "state/accuracy": 1.0,
        "number/accuracy": 1 / 2,
        "number/balanced_accuracy": 1 / 2,
        "relation/accuracy": 1 / 2,
    }
    assert {name: figures[name] for name in expected} == pytest.approx(expected)
    assert not any(name.startswith("action/") for name in figures)
    # To the letter, only 0, 5 and 6 are answers.
    official = score("amber", rows, texts).official
    assert (official["all/accuracy"], official["state/accuracy"]) == (3 / 8, 1 / 2)


@pytest.mark.parametrize("seed", range(3))
def test_official_figures_are_those_that_the_published_evaluator_prints(seed: int) -> None:
    rng = random.Random(seed)
    rows = rows_of({kind: size // 4 for kind, size in SIZES.items()})
    texts = [
        of["truth"].capitalize() if rng.random() < 0.6 else rng.choice(["Yes", "No", "No.", "yes", "", " No", "NO"])
        for of in rows
    ]
    result = score("amber", rows, texts)
    for name, value in published(rows, texts).items():
        assert round(100 * (result.official[name] or 0.0), 1) == value, name


def test_constant_answers_have_the_published_shares() -> None:
    rows = rows_of(SIZES)
    samples = samples_of("amber", rows)
    assert len(samples) == 14216
    constant = constant_headlines(AMBER, samples)
    assert constant["always no"] == pytest.approx(9427 / 14216)
    assert round(100 * (constant["always no"] or 0), 1) == 66.3
    result = score("amber", rows, lambda sample: "No")
    assert result.metrics["existence/accuracy"].value == 1.0
    assert result.metrics["all/balanced_accuracy"].value == 0.5
    assert result.metrics["all/f1"].value == pytest.approx(2 * 9427 / (14216 + 9427))
    assert result.official["all/f1"] == pytest.approx(2 * 0.663 / (1.663 + 1e-4))


def test_a_model_that_never_says_no_has_an_official_precision_of_zero() -> None:
    result = score(
        "amber", rows_of({("discriminative-attribute-state", word): 3 for word in ("yes", "no")}), ["Yes"] * 6
    )
    assert (result.official["all/precision"], result.official["all/f1"]) == (0.0, 0.0)
    assert result.metrics["all/precision"].value is None
    assert published_f1(1e-4, [None, 0.0]) == 0.0


@pytest.mark.parametrize(
    ("text", "official", "strict"),
    [
        ("No", "no", "no"),
        ("no", None, "no"),
        ("No.", None, "no"),
        (" No", None, "no"),
        ("NO!", None, "no"),
        ("The sky is not sunny.", None, "no"),
        ("I do not know.", None, None),
        ("", None, None),
    ],
)
def test_the_published_evaluator_reads_to_the_letter(text: str, official: str | None, strict: str | None) -> None:
    sample = AMBER.read_row(row(1, "relation", "no"), "row 1")
    verdict = AMBER.judge(sample, Response(sample_id="1", text=text))
    assert (verdict.official_answer, verdict.official, verdict.answer) == (official, official == "no", strict)


def test_questions_and_gold_answers_are_two_files(tmp_path: Path) -> None:
    data = load_data(AMBER, str(write_amber(tmp_path / "amber")))
    assert len(data.samples) == 16
    first = data.samples[0]
    assert (first.id, first.target, first.subset, first.cluster) == ("2", "yes", "attribute", "AMBER_0.jpg")
    assert first.media[0].source == "image/AMBER_0.jpg"
    assert open_medium(data.folder, first.media[0], 1) is not None
    annotations = tmp_path / "amber/data/annotations.json"
    rows = json.loads(annotations.read_text())
    annotations.write_text(json.dumps(rows[:-1]))
    with pytest.raises(DataError, match="question '17' has no annotation"):
        load_data(AMBER, str(tmp_path / "amber"))
    annotations.write_text(json.dumps([{**of, "type": "odd"} for of in rows]))
    with pytest.raises(DataError, match="column 'type' holds 'odd'"):
        load_data(AMBER, str(tmp_path / "amber"))
    annotations.unlink()
    with pytest.raises(DataError, match=r"labels of AMBER \(Apache-2.0\) are not there"):
        load_data(AMBER, str(tmp_path / "amber"))


def test_data_that_are_not_on_the_hub_are_said_to_be_elsewhere(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(
        DataError, match=r"not on the hub\. Fetch it with 'git clone https://github.com/junyangwang0410"
    ):
        load_data(AMBER, "hub")
    assert main(["tasks"]) == 0
    assert "amber" in capsys.readouterr().out


@needs_files
def test_counts_of_the_published_files() -> None:
    samples = load_data(AMBER, str(FILES)).samples
    assert Counter((sample.attributes["type"], sample.target) for sample in samples) == SIZES
