"""Tasks that come with lmms-eval and score by an accuracy over all samples, on data of ours in their schema.

Their loading, prompts, scoring and aggregation are lmms-eval's own; intervals, paired tests and rows are the harness's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support_benchmarks import image_bytes
from support_media import write_video

from harness.cli import main
from harness.core.types import Response, SampleRecord
from harness.evaluation.task_registry import load_task

# lmms-eval and what it imports warn of each other's deprecations.
pytestmark = pytest.mark.filterwarnings("ignore")

MATH, VIDEO = "mathvista_testmini_format", "video_mmmu_adaptation"
SHAPES = ["circle", "square", "star"]
CARD = """---
configs:
- config_name: Adaptation
  data_files:
  - split: test
    path: Adaptation/test-*
---
"""


def write_mathvista(folder: Path) -> list[str]:
    """Two questions with options, of which the answer is a text, and two for numbers, on each of eight images."""
    import datasets

    rows = []
    for number in range(32):
        of_options = number % 2 == 0
        rows.append(
            {
                "pid": str(number + 1),
                "question": f"Which shape is number {number}?" if of_options else f"How many are in {number}?",
                "image": f"images/{number}.jpg",
                "decoded_image": {"bytes": image_bytes(number // 4), "path": None},
                "choices": SHAPES if of_options else None,
                "unit": None,
                "precision": None if of_options else 0.0,
                "answer": SHAPES[number // 2 % 3] if of_options else str(number),
                "question_type": "multi_choice" if of_options else "free_form",
                "answer_type": "text" if of_options else "integer",
                "metadata": {
                    "category": "general-vqa", "context": "synthetic scene", "grade": "elementary school",
                    "language": "english", "skills": ["statistical reasoning"], "source": "CLEVR-Math",
                    "split": "testmini", "task": "visual question answering",
                },
                "query": "",
            }
        )  # fmt: skip
    text = datasets.Value("string")
    plain = dict.fromkeys(("pid", "question", "image", "unit", "answer", "question_type", "answer_type", "query"), text)
    told = dict.fromkeys(("category", "context", "grade", "language", "source", "split", "task"), text)
    features = datasets.Features(
        {
            **plain,
            "decoded_image": datasets.Image(),
            "choices": datasets.List(text),
            "precision": datasets.Value("float64"),
            "metadata": {**told, "skills": datasets.List(text)},
        }
    )
    (folder / "data").mkdir(parents=True)
    data = datasets.Dataset.from_list(rows, features=features)
    data.to_parquet(str(folder / "data/testmini-00000-of-00001.parquet"))
    return [str(row["answer"]) for row in rows]


def write_video_mmmu(folder: Path, videos: Path) -> list[str]:
    """Sixteen questions, every fourth of them open, each about a video of its own."""
    import datasets

    rows = []
    for number in range(16):
        is_open = number % 4 == 3
        name = f"validation_{('Math', 'Art')[number % 2]}_{number}"
        place = videos / ("Science", "Art")[number % 2]
        place.mkdir(parents=True, exist_ok=True)
        write_video(place / f"{name}.mp4", 4)
        rows.append(
            {
                "id": name,
                "question": f"What is done in step {number}?",
                "options": [] if is_open else [f"A. step {number}", "B. a pause", "C. nothing"],
                "answer": "3.5" if is_open else "ABC"[number % 3],
                "question_type": "open" if is_open else "multiple-choice",
            }
        )
    text = datasets.Value("string")
    plain = dict.fromkeys(("id", "question", "answer", "question_type"), text)
    features = datasets.Features({**plain, "options": datasets.List(text)})
    (folder / "Adaptation").mkdir(parents=True)
    data = datasets.Dataset.from_list(rows, features=features)
    data.to_parquet(str(folder / "Adaptation/test-00000-of-00001.parquet"))
    (folder / "README.md").write_text(CARD)
    return [str(row["answer"]) for row in rows]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The data of both tasks, and responses: of `better` all right, of `worse` those of every second cluster wrong."""
    pytest.importorskip("Levenshtein", reason="MathVista's scoring needs the package Levenshtein")
    root = tmp_path_factory.mktemp("shipped")
    answers = {
        MATH: write_mathvista(root / "data/MathVista"),
        VIDEO: write_video_mmmu(root / "data/VideoMMMU", root / "home/video_mmmu"),
    }
    sizes = {MATH: 4, VIDEO: 1}
    for task, of_task in answers.items():
        wrong = {MATH: lambda answer: "99" if answer.isdigit() else SHAPES[SHAPES.index(answer) - 1]}.get(
            task, lambda answer: "7" if answer == "3.5" else {"A": "B", "B": "C", "C": "A"}[answer]
        )
        for model in ("better", "worse"):
            texts = [
                wrong(answer) if model == "worse" and number // sizes[task] % 2 else answer
                for number, answer in enumerate(of_task)
            ]
            rows = [json.dumps({"id": str(number), "response": text}) for number, text in enumerate(texts)]
            (root / f"{model}-{task}.jsonl").write_text("".join(row + "\n" for row in rows))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LMMS_EVAL_DATASETS_CACHE", str(root / "cache"))
        patch.setenv("OPENAI_API_KEY", "asked for when the task is loaded; nothing here is extracted by a model")
        patch.setenv("HF_HOME", str(root / "home"))
        yield root


@pytest.fixture(scope="module")
def runs(place: Path) -> Path:
    for model in ("better", "worse"):
        for task in (MATH, VIDEO):
            replayed = ["--engine", "replay", "--responses", str(place / f"{model}-{task}.jsonl")]
            given = ["--data", str(place / "data"), "--allow-outside", str(place / "home")]
            out = place / "runs" / f"{model}-{task}"
            assert main(["eval", "--model", model, "--tasks", task, *given, *replayed, "--out", str(out)]) == 0
    return place / "runs"


def read(runs: Path, model: str, task: str) -> Any:
    return json.loads((runs / f"{model}-{task}/run.json").read_text(encoding="utf-8"))["tasks"][task]


@pytest.mark.parametrize(
    ("task", "figure", "clusters"), [(MATH, "all/llm_as_judge_eval", 8), (VIDEO, "all/mmmu_acc", 16)]
)
def test_an_accuracy_over_all_samples_has_a_clustered_interval(
    runs: Path, task: str, figure: str, clusters: int
) -> None:
    result = read(runs, "worse", task)
    assert (result["headline"], result["errors"], result["unanswered"]) == (figure, 0, 0)
    metric = result["metrics"][figure]
    # Half of the clusters are all wrong and the others all right.
    assert metric["value"] == 0.5
    assert metric["stderr"] == pytest.approx((0.25 / (clusters - 1)) ** 0.5)
    assert 0 < metric["low"] < 0.5 < metric["high"] < 1
    assert result["means"].keys() == {figure}
    assert result["official"][figure] == 0.5
    # Our reading stands beside it.
    assert result["metrics"]["all/right"] == {**metric, "name": "all/right"}
    assert result["disagreements"] == 0


def test_options_that_are_named_by_their_texts_are_read(runs: Path) -> None:
    lines = (runs / f"better-{MATH}/samples.jsonl").read_text(encoding="utf-8").splitlines()
    first, second = (json.loads(line) for line in lines[:2])
    assert (first["sample"]["answer_kind"], first["sample"]["target"]) == ("choice", "A")
    assert (first["verdict"]["answer"], first["verdict"]["official"]) == ("A", True)
    assert (second["sample"]["answer_kind"], second["verdict"]["status"]) == ("open", "correct")


def test_videos_in_the_hubs_folder_are_shown(runs: Path) -> None:
    lines = (runs / f"better-{VIDEO}/samples.jsonl").read_text(encoding="utf-8").splitlines()
    assert {json.loads(line)["sample"]["media"][0]["kind"] for line in lines} == {"video"}


@pytest.mark.parametrize(("task", "figure"), [(MATH, "all/llm_as_judge_eval"), (VIDEO, "all/mmmu_acc")])
def test_two_runs_are_compared_in_pairs(runs: Path, task: str, figure: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", str(runs / f"worse-{task}"), str(runs / f"better-{task}"), "--json"]) == 0
    metric = json.loads(capsys.readouterr().out)["tasks"][task]["metrics"][figure]
    assert metric["value"] == 0.5
    assert (metric["low"] > 0, metric["verdict"]) == (True, "better")


def test_a_reasoning_variant_reads_the_tags_that_its_prompt_asks_for(place: Path) -> None:
    task = load_task("mathvista_testmini_cot_reasoning", data=str(place / "data"))
    for text, official in (("<think>It is (B).</think><answer>A</answer>", True), ("<answer>B</answer>", False)):
        verdict = task.judge(task.samples[0], Response(sample_id="0", text=text))
        assert (verdict.official, verdict.scores["acc_score"]) == (official, float(official))


def test_a_split_without_gold_answers_has_no_accuracy(place: Path) -> None:
    import pyarrow.parquet as pq

    folder = place / "submission/MathVista/data"
    folder.mkdir(parents=True)
    table = pq.read_table(place / "data/MathVista/data/testmini-00000-of-00001.parquet")
    column = table.schema.get_field_index("answer")
    kept_back = table.set_column(column, table.schema.field(column), [[""] * len(table)])
    pq.write_table(kept_back, folder / "test-00000-of-00001.parquet")
    task = load_task("mathvista_test", data=str(place / "submission"))
    records = []
    for number, sample in enumerate(task.samples[:6]):  # Answers that are read without a model, as above.
        response = Response(sample_id=sample.id, text="3" if number % 2 else "circle")
        records.append(SampleRecord(sample=sample, response=response, verdict=task.judge(sample, response)))
    assert {(record.verdict.official, record.verdict.status == "error") for record in records} == {(None, False)}
    metric = task.summarise(records).metrics["all/submission"]
    assert (metric.value, metric.low) == (None, None)


def test_they_are_columns_of_a_board(runs: Path, tmp_path: Path) -> None:
    build = ["leaderboard", "build", "--runs", str(runs), "--baseline", "worse", "--out", str(tmp_path)]
    assert main(build) == 0
    text = (tmp_path / "leaderboard.md").read_text(encoding="utf-8")
    # Each against the baseline, in pairs, as one family of two.
    assert len(re.findall(r"\+50\.0 \[−?\d+\.\d, \d+\.\d\]", text)) == 2
    assert "no paired test" not in text
