"""What the scoring tests share: the public benchmarks' questions, and records made from rows and responses."""

import json
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from harness.benchmarks.registry import get_scoring
from harness.core.types import Response, Sample, SampleRecord, TaskResult
from harness.statistics import summarise

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
SPLITS = ("random", "popular", "adversarial")
SUBSETS = ("object_relation", "temporal", "semantic_detail", "external_factual", "external_nonfactual")

Row = dict[str, Any]


def _file(name: str) -> Path:
    path = DATA / name
    if not path.exists():
        pytest.skip(f"the public questions are not on this machine: {path}")
    return path


def pope_rows() -> list[Row]:
    """All 9,000 questions, with the hub's field names."""
    rows = []
    for split in SPLITS:
        for line in _file(f"pope/coco_pope_{split}.json").read_text().splitlines():
            row = json.loads(line)
            rows.append(
                {
                    "question_id": str(row["question_id"]),
                    "question": row["text"],
                    "answer": row["label"],
                    "image_source": row["image"],
                    "category": split,
                }
            )
    return rows


def videohallucer_pairs() -> dict[str, list[Row]]:
    """The published pairs by subset."""
    return {subset: json.loads(_file(f"videohallucer/{subset}.json").read_text()) for subset in SUBSETS}


def videohallucer_rows() -> list[Row]:
    """All questions, flat."""
    return [
        {"subset": subset, "index": index, "kind": kind, **pair[kind]}
        for subset, pairs in videohallucer_pairs().items()
        for index, pair in enumerate(pairs)
        for kind in ("basic", "hallucination")
    ]


def mmvu_rows() -> list[Row]:
    """All 1,000 validation questions."""
    rows: list[Row] = json.loads(_file("mmvu/validation.json").read_text())
    return rows


def mmbench_rows() -> list[Row]:
    """MMBench-like rows with rotations, from MMVU's multiple-choice questions: MMBench's own are not text alone."""
    rows: list[Row] = []
    questions = [row for row in mmvu_rows() if row["question_type"] == "multiple-choice"][:300]
    for number, row in enumerate(questions):
        size = 2 + number % 3
        gold = number // 3 % size
        texts = [text for letter, text in row["choices"].items() if letter != row["answer"]][: size - 1]
        texts.insert(gold, row["choices"][row["answer"]])
        rows += rotations(number, row["question"], texts, gold, category=f"c{number % 4}", l2=f"l{number % 2}")
    return rows


def rotations(
    number: int, question: str, texts: Sequence[str], gold: int, *, category: str = "c", l2: str = "l"
) -> Iterator[Row]:
    """The rows of one MMBench question: unrotated, then rotated by one, two, ..."""
    for k in range(len(texts)):
        turned = [*texts[k:], *texts[:k]]
        row: Row = dict.fromkeys("ABCD", float("nan"))
        row |= dict(zip("ABCD", turned, strict=False))
        row |= {
            "index": number + k * 1_000_000,
            "question": question,
            "hint": float("nan"),
            "answer": "ABCD"[turned.index(texts[gold])],
            "category": category,
            "l2-category": l2,
        }
        yield row


def samples_of(task: str, rows: Iterable[Mapping[str, Any]]) -> list[Sample]:
    """Rows to samples."""
    read_row = get_scoring(task).read_row
    return [read_row(row, f"row {number}") for number, row in enumerate(rows)]


def record_of(sample: Sample, text: str | None, finish_reason: Any = None) -> SampleRecord:
    """A judged record; `None` is a sample without a response."""
    if text is None:
        response = Response(sample_id=sample.id, text="", error="engine: died")
    else:
        response = Response(sample_id=sample.id, text=text, finish_reason=finish_reason)
    return SampleRecord(sample=sample, response=response, verdict=get_scoring(sample.task).judge(sample, response))


def score(
    task: str, rows: Iterable[Mapping[str, Any]], respond: Callable[[Sample], str | None] | Sequence[str | None]
) -> TaskResult:
    """Judge the responses to some rows and sum them up."""
    samples = samples_of(task, rows)
    texts = [respond(sample) for sample in samples] if callable(respond) else respond
    assert len(texts) == len(samples)
    return summarise(get_scoring(task), (record_of(sample, text) for sample, text in zip(samples, texts, strict=True)))


def values(result: TaskResult) -> dict[str, float | None]:
    """Strict values by name."""
    return {name: metric.value for name, metric in result.metrics.items()}


CLEAN = {"yes": ["yes", "Yes", "Yes.", "YES"], "no": ["no", "No", "No.", "NO", "no."]}
SENTENCES = {
    "yes": [
        "Yes, there is one in the image.",
        "Yes. It stands to the left, not far from the edge.",
        "There is no doubt about it: yes.",
        "The answer is yes.",
        "Yes, I can see it, although it is partly hidden and not easy to spot.",
    ],
    "no": [
        "No, there is none in the image.",
        "I looked at every part of the image. The answer is no.",
        'The answer is "No"',
        "No! Nothing of the kind can be seen.",
        "None that I can see, so the answer is no.",
    ],
}


def structured(rng: random.Random, answer: str) -> str:
    wrong = "no" if answer == "yes" else "yes"
    thought = rng.choice(
        [f"At first I thought {wrong}.", "I look closely.", f"{wrong} or {answer}? It must be {answer}."]
    )
    return rng.choice(
        [
            f"<think>{thought}</think><answer>{answer}</answer>",
            f"<planning>look</planning><caption>A room.</caption><think>{thought}</think><answer> {answer}. </answer>",
            f"<think>{thought} <answer>{wrong}</answer> would be rash.</think>\n<ANSWER>\n{answer}\n</ANSWER>",
            f"<prethink>look</prethink><caption>no people</caption><think>{thought}</think><answer>{answer}</answer>",
        ]
    )


def final_text(response: str) -> str:
    """What the published evaluator is given: the last complete answer block of the structured responses above."""
    lowered = response.lower()
    if "<think>" not in lowered:
        return response
    start = lowered.rindex("<answer>") + len("<answer>")
    return response[start : lowered.index("</answer>", start)].strip()
