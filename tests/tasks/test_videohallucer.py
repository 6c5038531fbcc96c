"""VideoHallucer: figures by hand, and the official ones against the published scripts on all questions."""

import random
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from support_benchmarks import write_videohallucer
from support_scoring import (
    CLEAN,
    OURS,
    QUIRKS,
    SENTENCES,
    SUBSETS,
    Row,
    final_text,
    over_questions,
    record_of,
    rounds,
    samples_of,
    score,
    structured,
    task_module,
    values,
    videohallucer_pairs,
    videohallucer_rows,
)

from harness.benchmarks.baselines import constant_headlines
from harness.benchmarks.data import load_data
from harness.benchmarks.registry import get_benchmark
from harness.core.errors import DataError
from harness.core.types import TaskResult
from harness.statistics import summarise

VIDEOHALLUCER = get_benchmark("videohallucer")
videohallucer_hit = task_module("videohallucer").videohallucer_hit


def pair(index: int, subset: str = "temporal", videos: tuple[str, str] = ("v.mp4", "v.mp4")) -> list[dict[str, Any]]:
    return [
        {"subset": subset, "index": index, "kind": kind, "question": "Is it?", "answer": answer, "video": video}
        for kind, answer, video in zip(("basic", "hallucination"), ("yes", "no"), videos, strict=True)
    ]


def test_row_to_sample() -> None:
    basic, hallucination = (VIDEOHALLUCER.read_row(row, "row 0") for row in pair(3))
    assert (basic.id, hallucination.id) == ("temporal/3/basic", "temporal/3/hallucination")
    assert basic.group == hallucination.group == "temporal/3"
    assert (basic.subset, basic.target, hallucination.target, basic.cluster) == ("temporal", "yes", "no", "v.mp4")
    assert VIDEOHALLUCER.read_row({**pair(3)[1], "kind": "Hallucinated"}, "row 0").id == hallucination.id


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"subset": None}, "column 'subset' is empty"),
        ({"index": "three"}, "column 'index' holds 'three', not a row number"),
        ({"kind": "other"}, "column 'kind' holds 'other', expected basic or hallucination"),
        ({"answer": "A"}, "column 'answer' holds 'a', expected yes or no"),
        ({"question": " "}, "column 'question' is empty"),
    ],
)
def test_bad_rows(change: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=f"rows.jsonl:1: {message}"):
        VIDEOHALLUCER.read_row({**pair(3)[0], **change}, "rows.jsonl:1")


def test_figures_by_hand() -> None:
    rows = [row for index in range(4) for row in pair(index, videos=(f"{index}", f"{index}"))]
    rows += pair(0, "object_relation")
    # Pairs: both right; basic only; neither (basic not understood, "yes" to the other); hallucinated only; both right.
    texts = ["yes", "no", "yes", "yes", "well", "yes", "no", "no", "yes", "no"]
    result = score("videohallucer", rows, texts)
    figures = values(result)
    expected = {
        "temporal/basic": 2 / 4,
        "temporal/hallucinated": 2 / 4,
        "temporal/both": 1 / 4,
        # Answered: 3 basic (yes, yes, no), 4 hallucinated (no, yes, yes, no): 4 yes, 3 of them gold.
        "temporal/yes_difference": (4 - 3) / 7,
        # Wrong answers: yes, yes to hallucinated, no to a basic one.
        "temporal/false_positive_ratio": 2 / 3,
        "object_relation/both": 1.0,
        "mean/basic": (1 / 2 + 1) / 2,
        "mean/both": (1 / 4 + 1) / 2,
        "all/both": 2 / 5,
        "all/yes_difference": (5 - 4) / 9,
    }
    assert {name: figures[name] for name in expected} == pytest.approx(expected, abs=1e-12)
    # Nobody was wrong on object_relation, so its ratio, and with it the mean, is not defined.
    assert figures["object_relation/false_positive_ratio"] is None
    assert figures["mean/false_positive_ratio"] is None
    # "well" may be a right basic answer; the other one of its pair is wrong all the same.
    ranges = {name: metric.range for name, metric in result.metrics.items() if metric.range}
    assert ranges == {"temporal/basic": (2 / 4, 3 / 4), "mean/basic": (3 / 4, 7 / 8), "all/basic": (3 / 5, 4 / 5)}
    assert result.metrics["temporal/both"].n_unsettled == 1


def test_pairs_with_a_failed_or_missing_member_are_left_out() -> None:
    rows = pair(0) + pair(1) + pair(2)[:1]
    result = score("videohallucer", rows, ["yes", "no", "yes", None, "yes"])
    both = result.metrics["temporal/both"]
    assert (both.value, both.n, both.n_errors) == (1.0, 1, 1)
    assert result.metrics["temporal/basic"].n == 3
    assert result.metrics["temporal/hallucinated"].n == 1
    assert result.official["temporal/both"] == 1.0


def test_order_does_not_matter() -> None:
    samples = samples_of("videohallucer", videohallucer_rows(OURS))
    rng = random.Random(0)
    records = [record_of(sample, rng.choice(("yes", "no"))) for sample in samples]
    forward = summarise(VIDEOHALLUCER, records)
    rng.shuffle(records)
    shuffled = summarise(VIDEOHALLUCER, records)
    assert shuffled.official == forward.official
    for name, metric in forward.metrics.items():
        assert shuffled.metrics[name].name == name
        for field, value in list(asdict(metric).items())[1:]:
            assert getattr(shuffled.metrics[name], field) == (
                pytest.approx(value, rel=1e-9) if isinstance(value, float) else value
            )


def test_a_pair_on_two_videos_is_one_cluster() -> None:
    rows = [row for index in range(40) for row in pair(index, "semantic_detail", (f"{index}_a", f"{index}_b"))]
    rng = random.Random(1)
    texts = [text for _ in range(40) for text in ([["yes", "no"], ["no", "yes"]][rng.random() < 0.5])]
    accuracy = [texts[i] == rows[i]["answer"] for i in range(80)]
    share = sum(accuracy) / 80
    error = score("videohallucer", rows, texts).metrics["all/both"].stderr
    # Both members are right or wrong together: 40 independent units with variance share * (1 - share).
    assert error == pytest.approx((share * (1 - share) / 39) ** 0.5)


def test_further_sets_stand_apart() -> None:
    rows = [row for index in range(2) for row in pair(index)]
    for subset, gold in (("interaction", ("yes", "no")), ("fact_detect", ("no", "no"))):
        for index in range(2):
            rows += [{**row, "answer": answer} for row, answer in zip(pair(index, subset), gold, strict=True)]
    # Both pairs of the published subset are right; of the further sets one pair, and one question of the other.
    texts = ["yes", "no"] * 2 + ["yes", "no", "no", "no"] + ["no", "no", "yes", "no"]
    result = score("videohallucer", rows, texts)
    figures = values(result)
    assert {name: figures[name] for name in ("mean/both", "all/both", "all/basic")} == dict.fromkeys(
        ("mean/both", "all/both", "all/basic"), 1.0
    )
    assert result.metrics["all/basic"].n == result.metrics["all/both"].n == 2
    further = {name: value for name, value in figures.items() if name.startswith("further/")}
    assert further == {
        "further/interaction/basic": 0.5,
        "further/interaction/hallucinated": 1.0,
        "further/interaction/both": 0.5,
        "further/fact_detect/basic": 0.5,
        "further/fact_detect/hallucinated": 1.0,
        "further/fact_detect/both": 0.5,
        "further/fact_detect/fact_score": 0.75,
    }
    assert {name: result.official[name] for name in further} == further
    # Without them nothing changes.
    published = score("videohallucer", rows[:4], texts[:4])
    kept = {name: metric for name, metric in result.metrics.items() if name not in further}
    assert kept == published.metrics
    # Constant "no" is right about all of `fact_detect`.
    assert values(score("videohallucer", rows[8:], ["no"] * 4))["further/fact_detect/fact_score"] == 1.0


def test_of_further_sets_alone_the_headline_is_there_and_undefined() -> None:
    rows = [row for index in range(6) for row in pair(index, "interaction")]
    result = score("videohallucer", rows, ["no"] * 12)
    assert (result.metrics["mean/both"].value, result.official["mean/both"]) == (None, None)
    assert result.metrics["further/interaction/both"].value == 0.0
    samples = samples_of("videohallucer", rows)
    assert constant_headlines(VIDEOHALLUCER, samples) == {"always yes": None, "always no": None}


def test_further_sets_are_read_where_the_data_have_them(tmp_path: Path) -> None:
    published = [sample.id for sample in load_data(VIDEOHALLUCER, str(write_videohallucer(tmp_path))).samples]
    (tmp_path / "interaction").mkdir()
    (tmp_path / "interaction/interaction.json").write_text((tmp_path / "temporal/temporal.json").read_text())
    found = [sample.id for sample in load_data(VIDEOHALLUCER, str(tmp_path)).samples]
    assert found[: len(published)] == published
    assert {name.split("/")[0] for name in found[len(published) :]} == {"interaction"}


def published_scores(pairs: list[dict[str, Any]]) -> dict[str, float]:
    """`cal_score`: the gold word occurs as a word, case ignored."""
    basic = hallucinated = both = 0
    for entry in pairs:
        hits = [
            re.search(rf"\b({entry[kind]['answer']})\b", entry[kind]["predict"], re.IGNORECASE) is not None
            for kind in ("basic", "hallucination")
        ]
        basic += hits[0]
        hallucinated += hits[1]
        both += all(hits)
    return {"basic": basic / len(pairs), "hallucinated": hallucinated / len(pairs), "both": both / len(pairs)}


def published_bias(pairs: list[dict[str, Any]]) -> dict[str, float]:
    """`evaluation_bias.py`, the slip included: it looks at the basic response where it means the other one."""
    gt_yes = n_yes = n = fp = 0
    for entry in pairs:
        basic, hallucinated = entry["basic"]["predict"], entry["hallucination"]["predict"]
        gt_yes += 1
        if re.search(r"\b(yes)\b", basic, re.IGNORECASE):
            n_yes += 1
        else:
            n += 1
        if not re.search(r"\b(no)\b", hallucinated, re.IGNORECASE):
            if re.search(r"\b(yes)\b", basic, re.IGNORECASE):
                n_yes += 1
                fp += 1
            n += 1
    return {"yes_difference": (n_yes - gt_yes) / (gt_yes * 2), "false_positive_ratio": fp / n}


def check_official(result: TaskResult, questions: Path, rows: list[Row], texts: list[str]) -> None:
    """The official figures are what the published scripts give, per subset, as their mean, and pooled."""
    published = videohallucer_pairs(questions)
    for row, text in zip(rows, texts, strict=True):
        published[row["subset"]][row["index"]][row["kind"]]["predict"] = final_text(text)
    sums = dict.fromkeys(("basic", "hallucinated", "both"), 0.0)
    for subset in SUBSETS:
        expected = published_scores(published[subset])
        assert {name: result.official[f"{subset}/{name}"] for name in expected} == expected
        for name, value in expected.items():
            sums[name] += value
        bias = published_bias(published[subset])
        assert {name: result.official[f"{subset}/{name}"] for name in bias} == pytest.approx(bias, abs=1e-15)
    assert {name: result.official[f"mean/{name}"] for name in sums} == pytest.approx(
        {name: total / 5 for name, total in sums.items()}, abs=1e-15
    )
    pooled = published_bias([entry for pairs in published.values() for entry in pairs])
    assert {name: result.official[f"all/{name}"] for name in pooled} == pytest.approx(pooled, abs=1e-15)


@over_questions
@pytest.mark.parametrize("style", ["clean", "sentence", "structured"])
def test_all_questions_official_to_the_digit_and_strict_as_meant(style: str, questions: Path) -> None:
    rng = random.Random(style)
    rows = videohallucer_rows(questions)
    for _ in rounds(rows):
        texts, meant = [], []
        for row in rows:
            answer = row["answer"] if rng.random() < 0.7 else {"yes": "no", "no": "yes"}[row["answer"]]
            if style == "structured":
                texts.append(structured(rng, answer))
            else:
                texts.append(rng.choice((CLEAN if style == "clean" else SENTENCES)[answer]))
            meant.append(answer == row["answer"])
        result = score("videohallucer", rows, texts)
        check_official(result, questions, rows, texts)

        assert result.unanswered == 0
        assert result.metrics["all/basic"].value == sum(meant[::2]) / len(meant[::2])
        assert result.metrics["all/hallucinated"].value == sum(meant[1::2]) / len(meant[1::2])
        pairs_right = [first and second for first, second in zip(meant[::2], meant[1::2], strict=True)]
        assert result.metrics["all/both"].value == sum(pairs_right) / len(pairs_right)


@over_questions
def test_official_figures_have_the_quirks_of_the_published_scripts(questions: Path) -> None:
    rng = random.Random("quirks")
    rows = videohallucer_rows(questions)
    for _ in rounds(rows):
        texts = rng.choices([*QUIRKS], k=len(rows))
        check_official(score("videohallucer", rows, texts), questions, rows, texts)


@pytest.mark.parametrize(
    ("text", "gold", "hit"),
    [
        ("Yes", "yes", True),
        ("YES.", "yes", True),
        ("yes or no", "yes", True),
        ("yes or no", "no", True),
        ("There is no dog.", "no", True),
        ("I do not know.", "no", False),
        ("nothing", "no", False),
        ("Yesterday", "yes", False),
        ("The answer: 'no'", "no", True),
        ("No, but yes", "yes", True),
        ("", "yes", False),
        ("yes_", "yes", False),
        ("no-one", "no", True),
    ],
)
def test_what_the_published_evaluator_finds(text: str, gold: str, hit: bool) -> None:
    assert videohallucer_hit(text, gold) is hit
