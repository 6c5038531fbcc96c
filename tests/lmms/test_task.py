"""Tasks of lmms-eval's kind under the harness's loop: asked and scored their own way, counted ours."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from support_benchmarks import image_bytes, write_all

from harness.core.errors import DataError, MediaError, UsageError
from harness.core.types import Response, SampleRecord
from harness.evaluation.task_registry import TaskData, load_task

# lmms-eval and what it imports warn of each other's deprecations.
pytestmark = pytest.mark.filterwarnings("ignore")

TEMPLATE = """
task: {name}
dataset_path: {data}
test_split: test
output_type: {output}
doc_to_visual: !function utils.doc_to_visual
doc_to_text: question
doc_to_target: answer
process_results: !function utils.process_results
metric_list:
  - metric: exact
    aggregation: mean
  - metric: pairs
    aggregation: !function utils.pairs
  - metric: submission
    aggregation: !function utils.submission
generation_kwargs:
  max_new_tokens: 5
  until: ["###"]
metadata:
  - version: 3.0
"""
UTILS = """
def doc_to_visual(doc):
    return [image.convert("RGB") for image in doc["images"]] + [doc["extra"]] * (doc["extra"] is not None)

def process_results(doc, results):
    right = results[0] == doc["answer"]
    return {"exact": float(right), "pairs": {"pair": doc["pair"], "right": right}, "submission": results[0]}

def pairs(items):
    right = {}
    for item in items:
        right[item["pair"]] = right.get(item["pair"], True) and item["right"]
    return sum(right.values()) / len(right)

def submission(items, args):
    raise OSError("writes a file")
"""


@pytest.fixture(scope="module", autouse=True)
def _cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LMMS_EVAL_DATASETS_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with tasks of lmms-eval's kind and their data."""
    import datasets

    folder = tmp_path_factory.mktemp("foreign")
    copies = write_all(tmp_path_factory.mktemp("copies"))
    (folder / "tasks").mkdir()
    rows = []
    for number in range(6):
        images = [{"bytes": image_bytes(number + part), "path": None} for part in range(number % 3)]
        if number == 5:
            images[1]["bytes"] = images[1]["bytes"][:50]
        video = str(copies / "mmvu/videos/Art/0.mp4") if number == 0 else None
        rows.append(
            {
                "question": f" What is {number}? ",
                "answer": str(number),
                "pair": number // 2,
                "images": images,
                "extra": video,
            }
        )
    features = datasets.Features(
        {
            "question": datasets.Value("string"),
            "answer": datasets.Value("string"),
            "pair": datasets.Value("int64"),
            "images": datasets.List(datasets.Image()),
            "extra": datasets.Value("string"),
        }
    )
    data = folder / "data/foreign_task"
    data.mkdir(parents=True)
    datasets.Dataset.from_list(rows, features=features).to_parquet(str(data / "test-00000-of-00001.parquet"))
    (folder / "tasks/utils.py").write_text(UTILS)
    for name, output in (("foreign_task", "generate_until"), ("foreign_likelihood", "loglikelihood")):
        text = TEMPLATE.format(name=name, data="somebody/foreign_data", output=output)
        if output != "generate_until":
            text = text[: text.index("generation_kwargs")]
        (folder / f"tasks/{name}.yaml").write_text(text)
    return folder


def own(task: TaskData) -> Any:
    """lmms-eval's Task object behind a task."""
    return task.judge.__self__.lmms_task  # type: ignore[attr-defined]  # a method of LmmsEvalTask


def test_a_task_is_asked_and_scored_its_own_way(foreign: Path) -> None:
    folders = {"data": str(foreign / "data"), "tasks_dir": foreign / "tasks"}
    with pytest.raises(MediaError, match=r"foreign_task\[0\]: .* leads out of the data folder .*--allow-outside"):
        load_task("foreign_task", **folders).open_media("0")
    task = load_task("foreign_task", **folders, allow_outside=[foreign.parent])
    assert (task.name, task.version, task.source, task.max_new_tokens) == ("foreign_task", "3.0", "dir:foreign_task", 5)
    assert [sample.id for sample in task.samples] == list("012345")
    assert task.samples[3].prompt == "What is 3?"
    assert task.samples[3].target == "3"
    assert [[medium.kind for medium in sample.media] for sample in task.samples] == [
        ["video"], ["image"], ["image", "image"], [], ["image"], ["image", "image"],
    ]  # fmt: skip
    (video,) = task.open_media("0")
    assert video.total_frames == 6
    first, second = task.open_media("2")
    assert first.tobytes() == Image.open(io.BytesIO(image_bytes(2))).tobytes()
    assert second.tobytes() == Image.open(io.BytesIO(image_bytes(3))).tobytes()
    with pytest.raises(MediaError, match=r"foreign_task\[5\] cannot be opened"):
        task.open_media("5")
    texts = {"0": "0", "1": " 1 ### 7", "2": "<think>9</think>2", "3": "<think>2</think><answer>3</answer>", "4": "5"}
    records = []
    for sample in task.samples:
        if sample.id == "5":
            response = Response(sample_id="5", text="", error="media: cut")
        else:
            response = Response(sample_id=sample.id, text=texts[sample.id])
        records.append(SampleRecord(sample=sample, response=response, verdict=task.judge(sample, response)))
    assert [record.verdict.status for record in records] == ["correct"] * 4 + ["incorrect", "error"]
    result = task.summarise(records)
    assert result.headline == "all/exact"
    assert result.metrics["all/exact"].value == pytest.approx(4 / 5)
    # Variance of four ones and a zero: 0.2; 0.2 / 5 under the root.
    assert result.metrics["all/exact"].stderr == pytest.approx(0.2)
    assert result.metrics["all/exact"].n_errors == result.errors == 1
    assert result.metrics["all/pairs"].value == pytest.approx(2 / 3)
    assert result.metrics["all/submission"].value is None


def test_a_response_without_words_is_unanswered(foreign: Path) -> None:
    task = load_task("foreign_task", data=str(foreign / "data"), tasks_dir=foreign / "tasks")
    verdict = task.judge(task.samples[0], Response(sample_id="0", text="  "))
    assert verdict.status == "unanswered"


def test_each_repeat_is_judged_by_its_own_response(foreign: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task = load_task("foreign_task", data=str(foreign / "data"), tasks_dir=foreign / "tasks")
    score, scored = own(task).config.process_results, []
    monkeypatch.setattr(
        own(task).config, "process_results", lambda doc, results: scored.append(results[0]) or score(doc, results)
    )

    def summed(items: list[dict[str, Any]]) -> float:
        return sum(item.pop("right") for item in items) / len(items)

    figures = {"exact": own(task).aggregation()["exact"], "pairs": summed}
    monkeypatch.setattr(own(task), "aggregation", lambda: figures)
    sample = task.samples[3]
    values = []
    # The third repeat has the response of the second, whose result the aggregation has changed.
    for text in ("wrong", "3", "3"):
        response = Response(sample_id="3", text=text)
        record = SampleRecord(sample=sample, response=response, verdict=task.judge(sample, response))
        assert record.verdict.status == ("correct" if text == "3" else "incorrect")
        values.append(task.summarise([record]).metrics["all/pairs"].value)
    assert values == [0, 1, 1]
    assert scored == ["wrong", "3", "3"]


def test_scoring_that_fails_costs_its_sample(foreign: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task = load_task("foreign_task", data=str(foreign / "data"), tasks_dir=foreign / "tasks")

    def fail(doc: object, results: object) -> None:
        raise OSError("no judge at this address")

    monkeypatch.setattr(own(task).config, "process_results", fail)
    sample = task.samples[0]
    response = Response(sample_id="0", text="0")
    verdict = task.judge(sample, response)
    assert verdict.status == "error"
    assert verdict.reason == "the task's own scoring failed: OSError: no judge at this address"
    result = task.summarise([SampleRecord(sample=sample, response=response, verdict=verdict)])
    assert (result.errors, result.samples) == (1, 1)
    assert result.metrics["all/exact"].value is None


def test_a_judge_that_could_not_be_asked_is_no_wrong_answer(foreign: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from lmms_eval.llm_judge.base import ServerInterface
    from lmms_eval.llm_judge.protocol import Request
    from lmms_eval.llm_judge.protocol import Response as Reply

    replies: Iterator[Reply | OSError] = iter(())

    class Judge(ServerInterface):  # type: ignore[misc]
        def evaluate(self, request: Any) -> Reply:
            reply = next(replies)
            if isinstance(reply, OSError):
                raise reply
            return reply

        def is_available(self) -> bool:
            return True

    def score(doc: object, results: object) -> dict[str, float]:
        for _ in range(2):
            try:
                content = Judge().evaluate(Request(messages=[])).content
                return {"exact": float(content == "1")}
            except OSError:
                continue
        return {"exact": 0.0}

    task = load_task("foreign_task", data=str(foreign / "data"), tasks_dir=foreign / "tasks")
    monkeypatch.setattr(own(task).config, "process_results", score)
    down, failed = (
        OSError("connection refused"),
        Reply(content="", model_used="m", success=False, error_message="no quota"),
    )
    for text, given, status, why in (
        ("a", [down, down], "error", "its judge could not be asked: OSError: connection refused"),
        ("b", [failed], "error", "its judge could not be asked: no quota"),
        ("c", [down, Reply(content="1", model_used="m")], "correct", None),
        ("d", [Reply(content="0", model_used="m")], "incorrect", None),
    ):
        replies = iter(given)
        verdict = task.judge(task.samples[0], Response(sample_id="0", text=text))
        assert verdict.status == status
        assert (why is None) == (verdict.reason is None)
        assert why is None or str(verdict.reason).endswith(why)


def test_a_task_that_reads_answer_tags_is_given_them(foreign: Path, tmp_path: Path) -> None:
    (tmp_path / "utils.py").write_text(
        UTILS.replace("results[0] ==", "results[0].partition('<answer>')[2].removesuffix('</answer>') ==")
    )
    text = (foreign / "tasks/foreign_task.yaml").read_text()
    (tmp_path / "foreign_task.yaml").write_text(text)
    for folder, plain in ((tmp_path, False), (foreign / "tasks", True)):
        task = load_task("foreign_task", data=str(foreign / "data"), tasks_dir=folder)
        for response, official in (("<think>3</think><answer>0</answer>", True), ("0", plain)):
            verdict = task.judge(task.samples[0], Response(sample_id="0", text=response))
            assert (verdict.official, verdict.answer, verdict.status) == (official, "0", "correct")


def test_a_task_whose_package_is_missing(foreign: Path) -> None:
    tasks = foreign / "needy"
    tasks.mkdir()
    (tasks / "utils.py").write_text("import no_such_package\n\ndef doc_to_visual(doc):\n    return []\n")
    (tasks / "needy_task.yaml").write_text("task: needy_task\ndoc_to_visual: !function utils.doc_to_visual\n")
    with pytest.raises(UsageError, match="needs the package 'no_such_package'"):
        load_task("needy_task", tasks_dir=tasks)


def test_a_task_that_cannot_run(foreign: Path, tmp_path: Path) -> None:
    tasks = foreign / "tasks"
    with pytest.raises(UsageError, match="'foreign_likelihood' is evaluated by 'loglikelihood'"):
        load_task("foreign_likelihood", tasks_dir=tasks)
    with pytest.raises(UsageError, match="has no demo data"):
        load_task("foreign_task", data="demo", tasks_dir=tasks)
    with pytest.raises(DataError, match="has no folder 'foreign_task' or 'foreign_data'"):
        load_task("foreign_task", data=str(tmp_path), tasks_dir=tasks)
    with pytest.raises(
        DataError, match=r"foreign_task: data set somebody/foreign_data cannot be loaded: .*HF_HUB_OFFLINE"
    ):
        load_task("foreign_task", data="hub", tasks_dir=tasks)
