"""A user's lmms-eval YAML with data of its own goes through every command: clusters, intervals, paired tests."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from support_benchmarks import image_bytes

from harness.benchmarks.registry import own_tasks_dir
from harness.cli import main
from harness.core.errors import HarnessError
from harness.core.types import Response, SampleRecord
from harness.engines.replay import ReplayEngine
from harness.evaluation.task_registry import load_task
from harness.runs.asked import system_of

# lmms-eval and what it imports warn of each other's deprecations.
pytestmark = pytest.mark.filterwarnings("ignore")

PICTURES = 24
COLOURS = ("red", "green", "blue")

YAML = """
task: squares
dataset_path: json
dataset_kwargs:
  data_files:
    test: squares.jsonl
test_split: test
output_type: generate_until
doc_to_visual: !function utils.doc_to_visual
doc_to_text: !function utils.doc_to_text
doc_to_target: answer
process_results: !function utils.process_results
metric_list:
  - metric: exact
    aggregation: mean
    higher_is_better: true
  - metric: percent
    aggregation: !function utils.percent
    higher_is_better: true
  - metric: f1
    aggregation: !function utils.f1
    higher_is_better: true
generation_kwargs:
  max_new_tokens: 7
"""
UTILS = """
from pathlib import Path

from PIL import Image

def doc_to_visual(doc):
    return [Image.open(Path(__file__).parent / doc["image"]).convert("RGB")]

def doc_to_text(doc):
    return doc["question"] + " Yes or no?"

def process_results(doc, results):
    said = results[0].lower()
    first = said[0]  # fails on an empty response
    right = said.strip(".") == doc["answer"]
    return {
        "exact": right,
        "percent": {"id": doc["question"], "score": 1.0 if right else 0.0},
        "f1": {"score": float(right), "said": first, "gold": doc["answer"][0]},
    }

def percent(items):
    return 100 * sum(item["score"] for item in items) / len(items)

def f1(items):
    hits = sum(item["said"] == item["gold"] == "y" for item in items)
    return 2 * hits / (sum(item["said"] == "y" for item in items) + sum(item["gold"] == "y" for item in items))
"""


@pytest.fixture(scope="module")
def user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder of tasks, three questions about each of 24 pictures, and recorded responses of several models."""
    root = tmp_path_factory.mktemp("user")
    folder = root / "tasks/squares"
    folder.mkdir(parents=True)
    (folder / "squares.yaml").write_text(YAML)
    (folder / "utils.py").write_text(UTILS)
    rows = []
    for picture in range(PICTURES):
        Image.new("RGB", (56, 56), (10 * picture, 0, 0)).save(folder / f"{picture}.png")
        for asked in COLOURS:
            answer = "yes" if asked == COLOURS[picture % 3] else "no"
            rows.append({"question": f"Is it {asked}?", "answer": answer, "image": f"{picture}.png"})
    (folder / "squares.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    wrong = {"yes": "no", "no": "yes"}
    # The worse model is wrong about all three questions on each of the first six pictures.
    models = {
        "better": lambda number, answer: answer,
        "worse": lambda number, answer: wrong[answer] if number < 18 else answer,
        "hopeless": lambda number, answer: wrong[answer],
        "silent": lambda number, answer: "" if number % 2 else answer,
        "talker": lambda number, answer: f"The answer is {answer}",
    }
    for name, respond in models.items():
        responses = [{"id": str(number), "response": respond(number, row["answer"])} for number, row in enumerate(rows)]
        (root / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in responses))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LMMS_EVAL_DATASETS_CACHE", str(root / "cache"))
        yield root


def evaluate(user: Path, name: str, *arguments: str, tasks: str = "squares", out: str | None = None) -> Path:
    folder = user / "runs" / (out or name)
    replayed = ["--engine", "replay", "--responses", str(user / f"{name}.jsonl"), "--out", str(folder)]
    model = ["--model", "demo" if out else name]
    assert main(["eval", *model, "--tasks", tasks, "--tasks-dir", str(user / "tasks"), *replayed, *arguments]) == 0
    return folder


@pytest.fixture(scope="module")
def runs(user: Path) -> dict[str, Path]:
    return {name: evaluate(user, name) for name in ("better", "worse")}


def read(folder: Path, file: str = "run.json") -> Any:
    return json.loads((folder / file).read_text(encoding="utf-8"))


def records(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "samples.jsonl").read_text(encoding="utf-8").splitlines()]


def test_means_have_clustered_intervals(runs: dict[str, Path]) -> None:
    result = read(runs["worse"])["tasks"]["squares"]
    assert result["headline"] == "all/exact"
    exact = result["metrics"]["all/exact"]
    assert exact["value"] == pytest.approx(54 / 72)
    assert exact["n"] == 72
    # 24 clusters of 3, 6 of them all wrong: sum z^2 = (6 (3/72 * 0.75)^2 + 18 (3/72 * 0.25)^2) / (1 - 1/24).
    assert exact["stderr"] == pytest.approx(((6 * 0.75**2 + 18 * 0.25**2) / 24**2 / (1 - 1 / 24)) ** 0.5)
    assert 0.5 < exact["low"] < 0.6
    assert 0.86 < exact["high"] < 0.95
    # A percentage is a share.
    assert result["metrics"]["all/percent"] == {**exact, "name": "all/percent"}
    assert result["official"] == {
        "all/exact": exact["value"], "all/percent": exact["value"], "all/f1": pytest.approx(2 / 3), "all/right": 0.75
    }  # fmt: skip


def test_constant_answers_stand_beside_an_accuracy(runs: dict[str, Path]) -> None:
    assert read(runs["worse"])["tasks"]["squares"]["baselines"] == pytest.approx(
        {"always yes": 1 / 3, "always no": 2 / 3}
    )
    assert "always no 66.7" in (runs["worse"] / "report.md").read_text(encoding="utf-8")


def test_a_figure_over_all_samples_has_a_value_and_nothing_else(runs: dict[str, Path]) -> None:
    # 18 of 24 hits; 18 + 12 times yes; 24 right ones.
    f1 = read(runs["worse"])["tasks"]["squares"]["metrics"]["all/f1"]
    assert f1["value"] == pytest.approx(2 * 18 / (18 + 12 + 24))
    assert (f1["stderr"], f1["low"], f1["high"]) == (None, None, None)


def test_samples_about_one_picture_are_one_cluster(runs: dict[str, Path]) -> None:
    found = records(runs["worse"])
    assert [record["sample"]["cluster"] for record in found] == [str(3 * (number // 3)) for number in range(72)]
    assert found[0]["verdict"]["scores"] == {"exact": 0.0, "percent": 0.0, "f1": 0.0}


def test_all_wrong_is_no_certainty(user: Path) -> None:
    result = read(evaluate(user, "hopeless"))["tasks"]["squares"]
    exact = result["metrics"]["all/exact"]
    assert (exact["value"], exact["low"]) == (0.0, 0.0)
    # No hit in 24 clusters: 1 - 0.025^(1/24).
    assert exact["high"] == pytest.approx(1 - 0.025 ** (1 / 24))
    # All figures are 0 here: that does not make all of them means.
    assert set(result["means"]) == {"all/exact", "all/percent"}
    assert result["metrics"]["all/f1"] == {
        "name": "all/f1", "value": 0.0, "stderr": None, "low": None, "high": None, "n": 72, "n_unanswered": 0,
        "n_unsettled": 0, "n_errors": 0, "if_wrong": None, "if_right": None, "scale": None,
    }  # fmt: skip


def test_strict_verdicts_are_read_and_official_ones_the_tasks(user: Path) -> None:
    run = read(evaluate(user, "talker"))
    result = run["tasks"]["squares"]
    assert result["metrics"]["all/exact"]["value"] == 0.0
    assert (result["metrics"]["all/right"]["value"], result["official"]["all/right"]) == (1.0, 0.0)
    assert result["disagreements"] == 72
    facts = run["benchmarks"]["squares"]
    assert (facts["media"], facts["has_open_answers"], facts["clusters_share_media"]) == ("image", False, True)


def test_scoring_that_cannot_take_an_empty_response_counts_it_wrong(user: Path) -> None:
    result = read(evaluate(user, "silent"))["tasks"]["squares"]
    assert (result["unanswered"], result["errors"]) == (36, 0)
    assert (result["metrics"]["all/exact"]["value"], result["metrics"]["all/exact"]["n"]) == (0.5, 72)


def test_compare_tests_the_tasks_own_figures(runs: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", str(runs["worse"]), str(runs["better"]), "--json"]) == 0
    metrics = json.loads(capsys.readouterr().out)["tasks"]["squares"]["metrics"]
    assert set(metrics) == {"all/exact", "all/percent", "all/right"}
    for metric in metrics.values():
        assert metric["value"] == pytest.approx(0.25)
        assert 0 < metric["low"] < 0.25 < metric["high"] < 0.5
    # The headline is tested, the others are described only.
    assert {name: metric["verdict"] for name, metric in metrics.items()} == {
        "all/exact": "better", "all/percent": "not tested", "all/right": "not tested",
    }  # fmt: skip


def test_the_leaderboard_tests_the_headline_from_stored_runs(user: Path, runs: dict[str, Path], tmp_path: Path) -> None:
    build = ["leaderboard", "build", "--runs", *map(str, runs.values()), "--baseline", "worse", "--out", str(tmp_path)]
    code = f"import sys; from harness.cli import main; print(main({build!r}), 'lmms_eval' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("0 False\n")
    text = (tmp_path / "leaderboard.md").read_text(encoding="utf-8")
    assert re.search(r"▲ \+25\.0 \[\d+\.\d, \d+\.\d\] \\\*", text), "better beyond chance, with a paired interval"
    assert "Own prompt, all questions" in text
    assert "**Best scores measured:** better" in text
    assert "no paired test" not in text


def test_a_run_says_with_what_prompt_and_budget_each_task_was_asked(
    user: Path, runs: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, set[int | None]] = {}
    systems: dict[str, set[str | None]] = {}
    generate = ReplayEngine.generate

    def watched(self: ReplayEngine, requests: Any, decoding: Any) -> Any:
        for request, response in generate(self, requests, decoding):
            asked.setdefault(request.task, set()).add(request.max_new_tokens)
            systems.setdefault(request.task, set()).add(request.system)
            yield request, response

    monkeypatch.setattr(ReplayEngine, "generate", watched)
    run = read(evaluate(user, "better", "--prompt", "grounded", out="own"))
    assert (run["prompt_format"], run["settings"]["prompt"], run["decoding"]["max_new_tokens"]) == ("own", "own", 7)
    assert asked == {"squares": {7}}
    asked.clear()
    # The user's word counts; a benchmark beside it is asked in the format of the model.
    run = read(
        evaluate(
            user, "better", "--max-new-tokens", "9", "--limit", "3", "--max-failures", "99",
            tasks="squares,pope", out="both",
        )
    )  # fmt: skip
    assert (run["prompt_format"], run["decoding"]["max_new_tokens"]) == ("grounded", 9)
    assert asked == {"squares": {9}, "pope": {9}}
    described = run["settings"]["tasks"]
    assert (described["squares"]["prompt"], described["squares"]["max_new_tokens"]) == ("own", 9)
    assert "prompt" not in described["pope"]
    # The demo model comes with data; a YAML names its own.
    assert {task: of["source"] for task, of in run["data"].items()} == {
        "squares": "yaml:squares.jsonl", "pope": "demo",
    }  # fmt: skip
    # A format's system turn and budget are of what is asked in it.
    (user / "mine.yaml").write_text("system: Look twice.\nmax_new_tokens: 5\ntemplate: '{question} {options}'")
    asked.clear()
    systems.clear()
    mine = ["--prompt", str(user / "mine.yaml"), "--limit", "3", "--max-failures", "99"]
    run = read(evaluate(user, "better", *mine, tasks="squares,pope", out="mine"))
    assert asked == {"squares": {7}, "pope": {5}}
    assert systems == {"squares": {None}, "pope": {"Look twice."}}
    assert [system_of(run["settings"], task) for task in ("squares", "pope")] == [None, "Look twice."]


def test_the_pictures_are_found_again(user: Path, runs: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diagnose", str(runs["worse"]), "--tasks-dir", str(user / "tasks"), "--json"]) == 0
    shown = capsys.readouterr()
    assert "warning" not in shown.err
    assert "squares/yes_bias" in json.loads(shown.out)["metrics"]
    page = (runs["worse"] / "report.html").read_text(encoding="utf-8")
    assert page.count("data:image/jpeg") == PICTURES


def listed(capsys: pytest.CaptureFixture[str], tasks: Path) -> dict[str, Any]:
    assert main(["tasks", "--tasks-dir", str(tasks), "--json"]) == 0
    return {task["name"]: task for task in json.loads(capsys.readouterr().out)}


def test_tasks_lists_the_users(user: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = listed(capsys, user / "tasks")
    assert found["squares"] == {
        "name": "squares", "description": "lmms-eval task", "metric": "all/exact", "data": "json", "local": "",
    }  # fmt: skip
    assert "pope" in found
    assert "realworldqa" not in found


def test_a_users_task_comes_before_a_benchmark_of_its_name(
    user: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pope.yaml").write_text(YAML.replace("task: squares", "task: pope"))
    found = listed(capsys, tmp_path)
    assert (found["pope"]["description"], found["pope"]["data"]) == ("lmms-eval task", "json")
    arguments = ["--tasks-dir", str(tmp_path), "--engine", "replay", "--responses", str(user / "better.jsonl")]
    assert main(["eval", "--model", "demo", "--tasks", "pope", *arguments]) == 2
    assert "squares.jsonl, which" in capsys.readouterr().err


def write_task(folder: Path, old: str = "", new: str = "") -> Path:
    """The task without its pictures, changed."""
    (folder / "squares.yaml").write_text(YAML.replace(old, new))
    row = {"question": "Is it red?", "answer": "yes", "image": "0.png"}
    (folder / "squares.jsonl").write_text("" if new == "EMPTY" else json.dumps(row))
    return folder


@pytest.mark.parametrize(
    ("change", "data", "said"),
    [
        (("squares.jsonl", "gone.jsonl"), None, r"data file missing: gone\.jsonl, which .*squares\.yaml names"),
        (("dataset_path: json", "dataset_path: ./gone"), None, r"data folder missing: \./gone, which .*squares\.yaml"),
        (
            ("task: squares", "task: [squares"),
            None,
            r"task 'squares' not found.* .*squares\.yaml cannot be read: .*line",
        ),
        (("", ""), "demo", "task 'squares' has no demo data. Leave --data out"),
        (("", ""), "gone", "data folder gone has no folder 'squares'"),
        (("utils.percent", "utils.per_cent"), None, "'squares' cannot be loaded: .*'per_cent'"),
        (("EMPTY", "EMPTY"), None, "squares.jsonl cannot be loaded: .*Mend it, or .*squares.yaml"),
        (("aggregation: mean", "aggregation: no_mean"), None, "'exact' has no aggregation that lmms-eval knows"),
        (("utils.doc_to_text", "utils.percent"), None, "squares.jsonl cannot be loaded: TypeError"),
    ],
)
def test_what_cannot_work_is_said(tmp_path: Path, change: tuple[str, str], data: str | None, said: str) -> None:
    (tmp_path / "utils.py").write_text(UTILS)
    with pytest.raises(HarnessError, match=said):
        load_task("squares", data=data, tasks_dir=write_task(tmp_path, *change))


def test_it_is_said_before_lmms_eval_is_imported(tmp_path: Path) -> None:
    write_task(tmp_path, "squares.jsonl", "gone.jsonl")
    code = (
        "import sys\nfrom pathlib import Path\nfrom harness.evaluation.task_registry import load_task\n"
        f"try: load_task('squares', tasks_dir=Path({str(tmp_path)!r}))\n"
        "except Exception as error: print(type(error).__name__, 'lmms_eval' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "DataError False\n"


def test_score_says_how_recorded_responses_of_a_task_are_scored(user: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = ["--samples", str(user / "tasks/squares/squares.jsonl"), "--responses", str(user / "better.jsonl")]
    assert main(["score", "--task", "squares", "--tasks-dir", str(user / "tasks"), *files]) == 2
    assert "harness eval --model NAME --tasks squares --engine replay --responses" in capsys.readouterr().err


def test_the_yaml_of_the_readme_needs_no_code(tmp_path: Path) -> None:
    import datasets

    readme = (own_tasks_dir() / "README.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```yaml\n(.*?)```", readme, re.DOTALL)
    (tmp_path / "mine.yaml").write_text(block)
    rows = [
        {"question": f"Is it {seed}?", "answer": answer, "image": {"bytes": image_bytes(seed // 2), "path": None}}
        for seed, answer in enumerate(("yes", "no", "no", "yes"))
    ]
    text = datasets.Value("string")
    features = datasets.Features({"question": text, "answer": text, "image": datasets.Image()})
    datasets.Dataset.from_list(rows, features=features).to_parquet(str(tmp_path / "mine.parquet"))
    task = load_task("mine", tasks_dir=tmp_path)
    assert (task.source, task.max_new_tokens, task.has_own_prompts) == ("yaml:mine.parquet", 16, True)
    assert task.samples[0].prompt == "Is it 0?\nAnswer with yes or no."
    assert [sample.cluster for sample in task.samples] == ["0", "0", "2", "2"]
    assert task.open_media("3")[0].tobytes() == Image.open(io.BytesIO(image_bytes(1))).tobytes()
    found = []
    for sample, text in zip(task.samples, ("Yes.", "no", "yes", ""), strict=True):
        response = Response(sample_id=sample.id, text=text)
        found.append(SampleRecord(sample=sample, response=response, verdict=task.judge(sample, response)))
    assert [record.verdict.status for record in found] == ["correct", "correct", "incorrect", "unanswered"]
    result = task.summarise(found)
    assert result.metrics["all/exact_match"].value == result.official["all/exact_match"] == 0.5
    assert result.metrics["all/exact_match"].low is not None


RATED = """
task: rated
dataset_path: json
dataset_kwargs:
  data_files:
    test: rated.jsonl
test_split: test
output_type: generate_until
doc_to_visual: !function utils.doc_to_visual
doc_to_text: question
doc_to_target: answer
process_results: !function utils.process_results
metric_list:
  - metric: rating
    aggregation: mean
    higher_is_better: true
"""


def test_a_rating_is_right_from_where_the_yaml_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LMMS_EVAL_DATASETS_CACHE", str(tmp_path / "cache"))
    (tmp_path / "utils.py").write_text(
        "def doc_to_visual(doc):\n    return []\n\n"
        "def process_results(doc, results):\n    return {'rating': float(results[0].split()[-1])}\n"
    )
    (tmp_path / "rated.yaml").write_text(RATED)
    rows = [{"question": "What is in it?", "answer": "a dog"}] * 3
    (tmp_path / "rated.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    given = ["some kind of rated animal 1", "some kind of rated animal 5", "some kind of rated animal 3"]
    responses = [{"id": str(number), "response": text} for number, text in enumerate(given)]
    (tmp_path / "r.jsonl").write_text("".join(json.dumps(row) + "\n" for row in responses))
    asked = ["eval", "--model", "demo", "--tasks", "rated", "--tasks-dir", str(tmp_path), "--no-diagnose"]
    replayed = ["--engine", "replay", "--responses", str(tmp_path / "r.jsonl"), "--out"]
    assert main([*asked, *replayed, str(tmp_path / "unknown")]) == 0
    assert [of["verdict"]["official"] for of in records(tmp_path / "unknown")] == [None] * 3, "1 is the worst of them"
    result = read(tmp_path / "unknown")["tasks"]["rated"]
    assert (result["metrics"]["all/rating"]["value"], result["undecided"], result["disagreements"]) == (3.0, 3, 0)
    (tmp_path / "rated.yaml").write_text(f"{RATED}metadata:\n  right_from: 4\n")
    assert main([*asked, *replayed, str(tmp_path / "known")]) == 0
    assert [of["verdict"]["status"] for of in records(tmp_path / "known")] == ["incorrect", "correct", "incorrect"]
    assert read(tmp_path / "known")["tasks"]["rated"]["metrics"]["all/right"]["value"] == pytest.approx(1 / 3)
    (tmp_path / "rated.yaml").write_text(f"{RATED}metadata:\n  right_from: most\n")
    with pytest.raises(HarnessError, match="'right_from' in its metadata is 'most', not a number"):
        load_task("rated", tasks_dir=tmp_path)


def test_a_log_of_lmms_eval_is_scored_by_the_tasks_own_code_again(user: Path, runs: dict[str, Path]) -> None:
    rows = [json.loads(line) for line in (user / "worse.jsonl").read_text().splitlines()]
    docs = [json.loads(line) for line in (user / "tasks/squares/squares.jsonl").read_text().splitlines()]
    log = user / "20260102_030405_samples_squares.jsonl"
    logged = [
        {"doc_id": number, "target": doc["answer"], "filtered_resps": row["response"], "input": doc["question"]}
        | {"exact": row["response"] == doc["answer"]}
        for number, (row, doc) in enumerate(zip(rows, docs, strict=True))
    ]
    log.write_text("".join(json.dumps(row) + "\n" for row in logged))
    given = ["score", "--task", "squares", "--tasks-dir", str(user / "tasks"), "--from", "lmms-eval", str(log)]
    assert main([*given, "--out", str(user / "imported")]) == 0
    asked, imported = (read(folder)["tasks"]["squares"] for folder in (runs["worse"], user / "imported"))
    theirs = imported["metrics"].pop("lmms-eval/exact")
    assert imported["metrics"] == asked["metrics"]
    assert theirs["value"] == pytest.approx(54 / 72)


def test_gated_data_of_a_task_say_how_to_get_in(monkeypatch: pytest.MonkeyPatch) -> None:
    from datasets.exceptions import DatasetNotFoundError

    from harness.lmms import loading

    def refuse(_: Any) -> Any:
        raise DatasetNotFoundError("Dataset 'org/data' is a gated dataset on the Hub. Visit the dataset page.")

    monkeypatch.setattr(loading, "_make_task", refuse)
    monkeypatch.setattr(loading, "hub_unreachable_reason", lambda: None)
    with pytest.raises(HarnessError, match=r"Accept its terms on https://huggingface\.co/datasets/org/data"):
        loading.load_lmms_task("mine", {}, "hub:org/data", Path("mine.yaml"))
