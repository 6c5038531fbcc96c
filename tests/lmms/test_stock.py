"""Stock lmms-eval over the folders of our benchmarks gives the figures of the harness."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from support_benchmarks import write_all
from support_judges import Scripted, judge_of

from harness.benchmarks.data import load_data
from harness.benchmarks.registry import get_benchmark, own_tasks_dir
from harness.core.errors import DataError, UsageError
from harness.core.types import Response, SampleRecord, TaskResult
from harness.evaluation.task_registry import TaskData, load_task
from harness.lmms.index import read_yaml
from harness.lmms.plugin import doc_to_text, to_dataset

# lmms-eval and what it imports warn of each other's deprecations.
pytestmark = pytest.mark.filterwarnings("ignore")

METRICS = {
    "pope": {"accuracy": "mean/accuracy", "f1": "mean/f1", "yes_ratio": "mean/yes_ratio"},
    "repope": {"accuracy": "mean/accuracy", "f1": "mean/f1", "yes_ratio": "mean/yes_ratio"},
    "hallusionbench": {name: f"with_figure/{name}" for name in ("mean", "aAcc", "fAcc", "qAcc")},
    "dash_b": {name: f"all/{name}" for name in ("accuracy", "harmonic_mean", "tpr", "tnr")},
    "amber": {name: f"all/{name}" for name in ("accuracy", "f1", "balanced_accuracy")},
    "amber_generative": {name: f"all/{name}" for name in ("f1", "chair", "cover", "hal", "cog")},
    "chair": {name: f"all/{name}" for name in ("f1", "chair_s", "chair_i", "recall")},
    "chair_64": {name: f"all/{name}" for name in ("f1", "chair_s", "chair_i", "recall")},
    "videohallucer": {"both": "mean/both", "basic": "mean/basic", "hallucinated": "mean/hallucinated"},
    "eventhallusion": {name: f"all/{name}" for name in ("balanced_accuracy", "accuracy")},
    "mmbench": {"circular": "all/circular", "vanilla": "all/vanilla"},
    "mmvu": {"accuracy": "all/accuracy"},
}
OFFICIAL = {
    "pope": {"official_accuracy": "mean/accuracy"},
    "repope": {"official_accuracy": "mean/accuracy"},
    "hallusionbench": {"official_mean": "with_figure/mean"},
    "dash_b": {"official_accuracy": "all/accuracy"},
    "amber": {"official_accuracy": "all/accuracy", "official_f1": "all/f1"},
    "amber_generative": {},
    "chair": {f"official_{name}": f"all/{name}" for name in ("chair_s", "chair_i", "recall")},
    "chair_64": {f"official_{name}": f"all/{name}" for name in ("chair_s", "chair_i", "recall")},
    "videohallucer": {"official_both": "mean/both"},
    "eventhallusion": {"official_accuracy": "all/accuracy"},
    "mmbench": {"official_circular": "all/circular"},
    "mmvu": {},
}


def recorded(sample_id: str, target: str) -> str:
    """A response that depends on the sample alone: mostly right, in several forms."""
    draw = hashlib.sha256(sample_id.encode()).digest()[0]
    if draw < 90:
        return target
    if draw < 190:
        return f"<think>It may be B, or no.</think>\n<answer>{target}</answer>"
    return ["", "yes", "No.", "B", "The answer is yes", "<think>yes, A", "dolly zoom"][draw % 7]


@pytest.fixture(scope="module")
def copies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_all(tmp_path_factory.mktemp("copies"))


@pytest.fixture(scope="module")
def _environment(copies: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HARNESS_DATA", str(copies))
        patch.setenv("LMMS_EVAL_DATASETS_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def models(_environment: None) -> dict[str, Any]:
    from lmms_eval.api.model import lmms

    class Simple(lmms):  # type: ignore[misc]
        is_simple = True

        def __init__(self) -> None:
            super().__init__()
            self.seen: dict[tuple[str, int], Any] = {}

        def generate_until(self, requests: list[Any]) -> list[str]:
            return [self.respond(*request.args) for request in requests]

        def respond(self, text: str, settings: Any, visuals: Any, number: int, task: str, split: str) -> str:
            doc = self.task_dict[task][split][number]
            self.seen[task, number] = (text, visuals(doc))
            return recorded(doc["id"], doc["target"])

        def loglikelihood(self, requests: Any) -> Any:
            raise NotImplementedError

        def generate_until_multi_round(self, requests: Any) -> Any:
            raise NotImplementedError

    class Chat(Simple):
        is_simple = False

        def respond(self, text: str, messages: Any, settings: Any, number: int, task: str, split: str) -> str:
            doc = self.task_dict[task][split][number]
            self.seen[task, number] = messages(doc)
            return recorded(doc["id"], doc["target"])

    return {"simple": Simple(), "chat": Chat()}


@pytest.fixture(scope="module")
def stock(models: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Results of lmms-eval's evaluator, by kind of model and task."""
    from lmms_eval.evaluator import simple_evaluate
    from lmms_eval.tasks import TaskManager

    manager = TaskManager(include_path=str(own_tasks_dir()), include_defaults=False)
    names = [f"harness_{task}" for task in METRICS]
    return {
        kind: simple_evaluate(model, tasks=names, task_manager=manager, bootstrap_iters=0)["results"]
        for kind, model in models.items()
    }


@pytest.fixture(scope="module")
def ours(copies: Path) -> dict[str, TaskResult]:
    return {task: run(load_task(task, data=str(copies)), recorded) for task in METRICS}


def run(task: TaskData, respond: Any) -> TaskResult:
    records = []
    for sample in task.samples:
        response = Response(sample_id=sample.id, text=respond(sample.id, sample.target))
        records.append(SampleRecord(sample=sample, response=response, verdict=task.judge(sample, response)))
    return task.summarise(records)


@pytest.mark.parametrize("task", METRICS)
@pytest.mark.parametrize("kind", ["simple", "chat"])
def test_stock_gives_the_same_figures(
    stock: dict[str, dict[str, Any]], ours: dict[str, TaskResult], kind: str, task: str
) -> None:
    found = stock[kind][f"harness_{task}"]
    result = ours[task]
    for name, measure in METRICS[task].items():
        assert found[f"{name},none"] == pytest.approx(result.metrics[measure].value), name
    for name, measure in OFFICIAL[task].items():
        assert found[f"{name},none"] == pytest.approx(result.official[measure]), name
    assert result.headline in METRICS[task].values()
    # Neither all right nor all wrong, or the comparison would say nothing.
    assert 0.1 < (result.metrics[result.headline].value or 0) < 0.99


def test_simple_models_see_prompt_and_media(stock: Any, models: dict[str, Any], copies: Path) -> None:
    for name in METRICS:
        task = load_task(name, data=str(copies))
        for number, sample in enumerate(task.samples[:2]):
            text, visuals = models["simple"].seen[f"harness_{name}", number]
            assert text == sample.prompt
            (visual,) = visuals
            if sample.media[0].kind == "image":
                assert visual.tobytes() == task.open_media(sample.id)[0].tobytes()
            else:
                assert visual == str(copies / name / sample.media[0].source)


def test_chat_models_see_one_turn(stock: Any, models: dict[str, Any], copies: Path) -> None:
    for name in METRICS:
        sample = load_task(name, data=str(copies)).samples[0]
        (turn,) = models["chat"].seen[f"harness_{name}", 0]
        assert turn["role"] == "user"
        assert [part["type"] for part in turn["content"]] == [sample.media[0].kind, "text"]
        assert turn["content"][1]["text"] == sample.prompt


@pytest.mark.parametrize("task", METRICS)
def test_the_yaml_leaves_reasoning_to_our_scoring_and_chooses_the_prompt(copies: Path, task: str) -> None:
    from lmms_eval.api.reasoning import parse_reasoning_tags_config

    config = read_yaml(own_tasks_dir() / task / f"{task}.yaml")
    # lmms-eval's default would take the reasoning away before the scoring sees it.
    assert parse_reasoning_tags_config('[["<think>", "</think>"]]', config["reasoning_tags"]) is None
    data = load_data(get_benchmark(task), str(copies))
    for prompt_format in ("direct", "think", "grounded"):
        expected = load_task(task, data=str(copies), prompt_format=prompt_format).samples[0].prompt
        assert doc_to_text(to_dataset(data)[0], {"prompt_format": prompt_format}) == expected


def test_stock_raises_the_data_error(models: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from harness.lmms.plugin import functions

    monkeypatch.setenv("HARNESS_DATA", str(tmp_path / "gone"))
    with pytest.raises(DataError, match="does not exist"):
        functions(str(own_tasks_dir() / "pope" / "utils.py")).load_docs(None)


def test_stock_asks_nothing_that_needs_a_judge_without_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from harness.judges import answer
    from harness.lmms.plugin import functions

    task = functions(str(own_tasks_dir() / "mmhal_bench" / "utils.py"))
    monkeypatch.delenv("HARNESS_JUDGE", raising=False)
    with pytest.raises(UsageError, match="mmhal_bench is scored by a judge"):
        task.load_docs(None)
    row = {"number": 0, "image_content": ["Dog"], "question": "What is there?", "gt_answer": "A dog."}
    sample = task.benchmark.read_row(row, "row 0")
    response = Response(sample_id="0", text="A dog.")
    record = SampleRecord(sample=sample, response=response, verdict=task.benchmark.judge(sample, response))
    monkeypatch.setenv("HARNESS_JUDGE", "openai:m")
    monkeypatch.setattr(answer, "open_answer_judge", lambda name: judge_of(Scripted(lambda prompt: "Rating: 5")))
    assert task.aggregate("all/rating")([asdict(record)]) == 5.0
