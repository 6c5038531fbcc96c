"""What the scoring tests share: the public benchmarks' questions, and records made from rows and responses."""

import json
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from harness.benchmarks.registry import benchmark_folders, get_benchmark, load_module
from harness.core.types import Response, Sample, SampleRecord, TaskResult
from harness.statistics import summarise

OURS = Path(__file__).resolve().parents[1] / "fixtures" / "questions"
"""Questions that we made up, in the files and columns of the published ones, with their kinds and oddities."""

PUBLISHED = Path(__file__).resolve().parents[3] / "shared" / "data"
"""The published questions, which the repository does not hold; `test_published_questions` says where they lack."""

over_questions = pytest.mark.parametrize(
    "questions",
    [pytest.param(OURS, id="ours"), *([pytest.param(PUBLISHED, id="published")] if PUBLISHED.is_dir() else [])],
)
"""A test over our questions, and over the published ones where they are at hand."""

SPLITS = ("random", "popular", "adversarial")
SUBSETS = ("object_relation", "temporal", "semantic_detail", "external_factual", "external_nonfactual")

Row = dict[str, Any]


def pope_rows(questions: Path) -> list[Row]:
    """All questions, with the hub's field names."""
    return [
        {
            "question_id": str(row["question_id"]),
            "question": row["text"],
            "answer": row["label"],
            "image_source": row["image"],
            "category": split,
        }
        for split in SPLITS
        for row in map(json.loads, (questions / f"pope/coco_pope_{split}.json").read_text().splitlines())
    ]


def videohallucer_pairs(questions: Path) -> dict[str, list[Row]]:
    """The pairs by subset."""
    return {subset: json.loads((questions / f"videohallucer/{subset}.json").read_text()) for subset in SUBSETS}


def videohallucer_rows(questions: Path) -> list[Row]:
    """All questions, flat."""
    return [
        {"subset": subset, "index": index, "kind": kind, **pair[kind]}
        for subset, pairs in videohallucer_pairs(questions).items()
        for index, pair in enumerate(pairs)
        for kind in ("basic", "hallucination")
    ]


def mmvu_rows(questions: Path, question_type: str | None = None) -> list[Row]:
    """The questions, of one type or of both."""
    rows: list[Row] = json.loads((questions / "mmvu/validation.json").read_text(encoding="utf-8"))
    return [row for row in rows if question_type in (None, row["question_type"])]


def mmbench_rows(questions: Path) -> list[Row]:
    """Rows with their rotations; the published ones, which are not text alone, are made from MMVU's questions."""
    rows: list[Row] = []
    if questions == OURS:
        for line in (OURS / "mmbench/dev.jsonl").read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            texts = [row[letter] for letter in "ABCD" if row[letter] is not None]
            same = {"category": row["category"], "l2": row["l2-category"], "hint": row["hint"]}
            rows += rotations(row["index"], row["question"], texts, "ABCD".index(row["answer"]), **same)
        return rows
    for number, row in enumerate(mmvu_rows(questions, "multiple-choice")[:300]):
        size = 2 + number % 3
        gold = number // 3 % size
        texts = [text for letter, text in row["choices"].items() if letter != row["answer"]][: size - 1]
        texts.insert(gold, row["choices"][row["answer"]])
        rows += rotations(number, row["question"], texts, gold, category=f"c{number % 4}", l2=f"l{number % 2}")
    return rows


def rotations(
    number: int,
    question: str,
    texts: Sequence[str],
    gold: int,
    *,
    category: str = "c",
    l2: str = "l",
    hint: str | float | None = float("nan"),
) -> Iterator[Row]:
    """The rows of one MMBench question: unrotated, then rotated by one, two, ..."""
    for k in range(len(texts)):
        turned = [*texts[k:], *texts[:k]]
        row: Row = dict.fromkeys("ABCD", float("nan"))
        row |= dict(zip("ABCD", turned, strict=False))
        row |= {
            "index": number + k * 1_000_000,
            "question": question,
            "hint": hint,
            "answer": "ABCD"[turned.index(texts[gold])],
            "category": category,
            "l2-category": l2,
        }
        yield row


def rounds(rows: Sequence[Row]) -> range:
    """As many rounds over the rows as give 500 responses or more."""
    return range(-(-500 // len(rows)))


benchmark_of = cache(get_benchmark)
"""The benchmark of a name, looked up once and not for every record."""


def samples_of(task: str, rows: Iterable[Mapping[str, Any]]) -> list[Sample]:
    """Rows to samples."""
    read_row = benchmark_of(task).read_row
    return [read_row(row, f"row {number}") for number, row in enumerate(rows)]


def record_of(sample: Sample, text: str | None, finish_reason: Any = None) -> SampleRecord:
    """A judged record; `None` is a sample without a response."""
    if text is None:
        response = Response(sample_id=sample.id, text="", error="engine: died")
    else:
        response = Response(sample_id=sample.id, text=text, finish_reason=finish_reason)
    return SampleRecord(sample=sample, response=response, verdict=benchmark_of(sample.task).judge(sample, response))


def score(
    task: str, rows: Iterable[Mapping[str, Any]], respond: Callable[[Sample], str | None] | Sequence[str | None]
) -> TaskResult:
    """Judge the responses to some rows and sum them up."""
    samples = samples_of(task, rows)
    texts = [respond(sample) for sample in samples] if callable(respond) else respond
    assert len(texts) == len(samples)
    return summarise(benchmark_of(task), (record_of(sample, text) for sample, text in zip(samples, texts, strict=True)))


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


QUIRKS = {
    "": "",
    "NO": "NO",
    "No!": "No!",
    '"No"': '"No"',
    "no\n": "no\n",
    "Well,no": "Well,no",
    "There isn't one.": "There isn't one.",
    "I do not know.": "I do not know.",
    "yes or no": "yes or no",
    "Yes, there is no doubt about it.": "Yes, there is no doubt about it.",
    "Yes. There is no other one.": "Yes. There is no other one.",
    "It is there. No": "It is there. No",
    "Eyes closed, no glasses.": "Eyes closed, no glasses.",
    "Yesterday": "Yesterday",
    "I'm sorry, but I can't help with that.": "I'm sorry, but I can't help with that.",
    "否": "否",
    "<answer>\n No, none. \n</ANSWER>": "No, none.",
    "<caption>no people</caption><think>yes</think><answer>Yes, no doubt</answer>": "Yes, no doubt",
    "<think>The form is <answer>no</answer></think><answer>yes</answer>": "yes",
    "<answer>yes</answer> <answer>no": "yes",
    "<answer>no</answer> <answer></answer>": "",
    "<think>There is no": "",
    "<think>no</think>": "",
    "<think>yes</think> No.": "No.",
    "<answer>no": "",
}
"""Responses whose published verdict is not what they mean, and what the published evaluator is given of each."""


def final_text(response: str) -> str:
    """What the published evaluator is given: the last complete answer block of the structured responses above."""
    if response in QUIRKS:
        return QUIRKS[response]
    lowered = response.lower()
    if "<think>" not in lowered:
        return response
    start = lowered.rindex("<answer>") + len("<answer>")
    return response[start : lowered.index("</answer>", start)].strip()


def task_module(name: str) -> Any:
    """The module `benchmark.py` of a task, with the published evaluator's reader."""
    return load_module(benchmark_folders()[name])
