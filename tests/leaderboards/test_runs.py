"""Which folders are runs, and what is said of the others."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from support_leaderboards import write_run, write_sealed

from harness.core.errors import StoreError, UsageError
from harness.diagnostics.diagnose import diagnose
from harness.reports.diagnostics_report import diagnostics_lines
from harness.reports.run_report import write_report
from leaderboards.runs import load_runs


def edit(folder: Path, change: dict[str, object]) -> None:
    path = folder / "run.json"
    write_sealed(folder, json.loads(path.read_text()) | change)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return write_run(tmp_path / "runs" / "good", skills={"pope": 0.8}, counts=12)


def test_runs_are_found_at_any_depth_and_once(tmp_path: Path, run: Path) -> None:
    deep = write_run(tmp_path / "runs" / "training" / "checkpoint-100" / "eval", skills={"pope": 0.8}, counts=12)
    runs, problems = load_runs([tmp_path / "runs", run, tmp_path / "runs" / "training"])
    assert [found.folder for found in runs] == [run, deep]
    assert problems == []


def test_a_linked_run_counts_once_and_links_do_not_go_round(tmp_path: Path, run: Path) -> None:
    other = tmp_path / "runs" / "links"
    other.mkdir()
    (other / "again").symlink_to(run)
    (run.parent / "loop").symlink_to(tmp_path / "runs")
    runs, problems = load_runs([tmp_path / "runs"])
    assert len(runs) == 1
    assert problems == []


def test_a_folder_without_runs_is_named(tmp_path: Path, run: Path) -> None:
    (run.parent / "notes").mkdir()
    (run.parent / "notes" / "todo.txt").write_text("buy milk")
    runs, problems = load_runs([run.parent])
    assert len(runs) == 1
    assert problems == [f"{run.parent / 'notes'} is not a run folder and holds none."]


@pytest.mark.parametrize("file", ["config.json", "leaderboard.csv", "trainer_state.json"])
def test_checkpoints_and_boards_beside_runs_are_no_problem(run: Path, file: str) -> None:
    (run.parent / "neighbour").mkdir()
    (run.parent / "neighbour" / file).write_text('{"model_type": "qwen2_5_vl"}')
    (run.parent / ".hidden").mkdir()
    assert load_runs([run.parent])[1] == []


def test_what_a_training_wrote_beside_its_runs_is_no_problem(tmp_path: Path) -> None:
    run = write_run(tmp_path / "runs" / "final", skills={"pope": 0.8}, counts=12)
    for name in ("recipe.yaml", "data/made.json", "selection/settings.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("{}")
    runs, problems = load_runs([tmp_path])
    assert ([found.folder for found in runs], problems) == ([run], [])


def test_a_half_written_run_is_named(run: Path) -> None:
    (run / "run.json").unlink()
    runs, problems = load_runs([run.parent])
    assert runs == []
    assert len(problems) == 1
    assert "good" in problems[0]
    assert "not finished" in problems[0]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"schema_version": 99}, "schema version 99"),
        ({"model": ["x"]}, "model is ['x'], expected a text"),
        ({"started": "yesterday"}, "'yesterday' is not a date"),
        ({"data": {}}, "no data entry"),
        ({"tasks": {}}, "no task"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_a_foreign_record_is_named_with_the_reason(run: Path, change: dict[str, object], said: str) -> None:
    edit(run, change)
    runs, problems = load_runs([run.parent])
    assert runs == []
    assert said in problems[0]
    assert str(run) in problems[0]


@pytest.mark.parametrize("value", [float("nan"), "high", [1]])
def test_a_metric_that_is_no_figure_is_named(run: Path, value: object) -> None:
    tasks = json.loads((run / "run.json").read_text())["tasks"]
    tasks["pope"]["metrics"]["mean/accuracy"]["value"] = value
    edit(run, {"tasks": tasks})
    runs, problems = load_runs([run.parent])
    assert runs == []
    assert "tasks.pope.metrics.mean/accuracy.value is " in problems[0]
    assert "expected a finite number" in problems[0]


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        ("tasks.pope.samples", None, "tasks.pope.samples is None, expected a whole number"),
        ("tasks.pope.unanswered", "x", "tasks.pope.unanswered is 'x', expected a whole number"),
        ("tasks.pope.errors", -1, "errors of task 'pope' is below 0"),
        ("tasks.pope.errors", 13, "task 'pope' has more errors than samples"),
        ("tasks.pope.headline", ["x"], "tasks.pope.headline is ['x'], expected a text"),
        ("tasks.pope.task", "mmvu", "task 'pope' is called 'mmvu'"),
        ("tasks.pope.official.mean/accuracy", "hi", "tasks.pope.official.mean/accuracy is 'hi'"),
        (
            "tasks.pope.official.mean/accuracy",
            float("nan"),
            "tasks.pope.official.mean/accuracy is nan, expected a finite number",
        ),
        pytest.param(
            "tasks.pope.metrics.mean/accuracy.value",
            10**400,
            "tasks.pope.metrics.mean/accuracy.value is a number of too many digits",
            id="huge",
        ),
        ("decoding.temperature", float("nan"), "decoding.temperature is nan, expected a finite number"),
        ("seed", 1.5, "seed is 1.5, expected a whole number"),
        ("settings.comment", "\ud800", "was changed after the run had ended"),
        ("settings.blind", {}, "the setting blind is not a text"),
        ("settings.system_prompt", 1, "the setting system_prompt is not a text"),
        ("settings.num_frames", [8], "the setting num_frames is not a whole number"),
        ("settings.limit", "60", "the setting limit is not a number"),
        ("settings.video_as", "x", "the setting video_as is 'x', expected native or frames"),
        ("settings.video_as", ["native"], "the setting video_as is ['native'], expected native or frames"),
        ("settings.tasks", ["pope"], "the setting tasks is not an object of objects"),
        ("settings.tasks", {"pope": "x"}, "the setting tasks is not an object of objects"),
    ],
)
def test_an_odd_value_is_named_and_the_run_left_out(run: Path, place: str, value: object, said: str) -> None:
    path = run / "run.json"
    record = json.loads(path.read_text())
    *parents, last = place.split(".")
    holder = record
    for parent in parents:
        holder = holder[parent]
    holder[last] = value
    path.write_text(json.dumps(record))
    runs, problems = load_runs([run.parent])
    assert runs == []
    assert said in problems[0]
    assert str(run) in problems[0]


def test_a_record_that_does_not_describe_its_tasks_is_read(run: Path) -> None:
    edit(run, {"settings": json.loads((run / "run.json").read_text())["settings"] | {"tasks": None}})
    runs, problems = load_runs([run.parent])
    assert len(runs) == 1
    assert problems == []


def test_a_headline_without_its_metric_is_named(run: Path) -> None:
    tasks = json.loads((run / "run.json").read_text())["tasks"]
    tasks["pope"]["headline"] = "mean/beauty"
    edit(run, {"tasks": tasks})
    assert "no metric 'mean/beauty'" in load_runs([run.parent])[1][0]


@pytest.mark.parametrize("text", ["", "{", "[]", "\x00\x01"])
def test_a_corrupt_record_is_named(run: Path, text: str) -> None:
    (run / "run.json").write_text(text)
    runs, problems = load_runs([run.parent])
    assert runs == []
    assert str(run / "run.json") in problems[0]


def test_a_root_that_does_not_exist_is_the_users_mistake(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such folder"):
        load_runs([tmp_path / "nowhere"])


def test_a_date_without_zone_is_taken_as_utc(run: Path) -> None:
    edit(run, {"started": "2026-03-01T10:00:00"})
    assert load_runs([run])[0][0].age[0].utcoffset() is not None


def test_reports_are_found_html_first(run: Path) -> None:
    assert load_runs([run])[0][0].report is None
    (run / "report.md").write_text("x")
    assert load_runs([run])[0][0].report == "report.md"
    (run / "report.html").write_text("x")
    assert load_runs([run])[0][0].report == "report.html"


def test_diagnostics_are_read(run: Path) -> None:
    metric = {"name": "all/caption_fidelity", "value": 0.9, "low": 0.8, "high": 0.95, "stderr": None, "n": 10}
    metric |= {"better": -1, "scale": "number", "definition": "What.", "title": "What", "n_errors": 0}
    metric |= {"plotted": False, "headline": True, "hallucination": ""}
    stored = {
        "schema_version": 1,
        "metrics": {"all/caption_fidelity": metric | {"examples": ["a"], "reason": "x"}},
        "attribution": {"pope": {"perception": {"n": 3, "examples": ["a"]}, "reasoning": {"n": 1}}},
        "judge": {"identity": "some judge", "questions": 3},
    }
    (run / "diagnostics.json").write_text(json.dumps(stored))
    diagnostics = load_runs([run])[0][0].diagnostics
    assert diagnostics is not None
    figure = diagnostics.figures["all/caption_fidelity"]
    assert (figure.metric.name, figure.metric.value, figure.metric.low) == ("all/caption_fidelity", 0.9, 0.8)
    assert (figure.spec.better, figure.spec.scale, figure.spec.definition) == (-1, "number", "What.")
    assert diagnostics.attribution == {"pope": {"perception": 3, "reasoning": 1}}
    assert diagnostics.judge == "some judge"


@pytest.mark.parametrize(
    ("name", "old", "new"), [("diagnostics.json", '"n": 12', '"n": 11'), ("findings.jsonl", "{", " {")]
)
def test_diagnostics_that_were_changed_are_not_shown(run: Path, name: str, old: str, new: str) -> None:
    diagnose(run)
    (found,), problems = load_runs([run])
    assert (found.diagnostics is not None, problems) == (True, [])
    path = run / name
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    (found,), (problem,) = load_runs([run])
    assert found.diagnostics is None
    assert f"{run}: its diagnostics.json or findings.jsonl was changed after the diagnosis" in problem
    assert f"harness diagnose {run}" in problem
    with pytest.raises(StoreError, match="was changed after the diagnosis"):
        list(diagnostics_lines(run))
    diagnose(run)
    assert load_runs([run])[1] == []


def test_a_diagnosis_of_older_samples_is_not_the_runs(run: Path) -> None:
    diagnose(run)
    kept = {name: (run / name).read_bytes() for name in ("diagnostics.json", "findings.jsonl")}
    shutil.rmtree(run)
    write_run(run, counts=12, seed=1)  # Some of its questions were asked again.
    for name, content in kept.items():
        (run / name).write_bytes(content)
    (found,), (problem,) = load_runs([run])
    assert found.diagnostics is None
    assert f"{run}: it was diagnosed before the run ended. Diagnose it again with" in problem
    told = write_report(found.record, run).read_text()
    assert "## Why it went wrong\n\n" in told
    assert "was diagnosed before the run ended" in told
    diagnose(run)
    assert load_runs([run])[1] == []
    assert "was diagnosed before the run ended" not in write_report(found.record, run).read_text()


@pytest.mark.parametrize(
    "text",
    [
        *("{", "[]", '{"metrics": {"x": 1}}', '{"metrics": {"x": {"value": "y"}}}', '{"judge": "me"}'),
        *('{"metrics": {"x": {"value": 0.5, "better": 1e999}}}', '{"attribution": {"pope": {"x": -1}}}'),
        *('{"attribution": {"x": {"n": 1.5}}}', '{"attribution": {"x": 3}}'),
    ],
)
def test_broken_diagnostics_are_named_and_the_run_stays(run: Path, text: str) -> None:
    (run / "diagnostics.json").write_text(text.replace("{", '{"schema_version": 1, ', 1))
    runs, problems = load_runs([run])
    assert runs[0].diagnostics is None
    assert str(run / "diagnostics.json") in problems[0]
