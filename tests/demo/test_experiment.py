"""The demo experiment: labels of the pool, a tiny experiment from end to end, and what its intervals mean."""

import json
import re
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support_training import YesJudge

import harness.judges.caption
from harness.cli import main
from harness.core.errors import StoreError, UsageError
from harness.core.worlds import shipped_checkpoints
from harness.demo import data
from harness.demo.data import Sizes
from harness.demo.experiment import measuring, running
from harness.demo.experiment.measuring import compress_verdicts, summarise_blocks
from harness.demo.experiment.pool import KINDS, draw_question, draw_twins, read_labels, write_pool
from harness.demo.experiment.rebuilding import rebuild_runs, write_thinned_reports
from harness.demo.experiment.report import write_report
from harness.demo.experiment.results import Comparer, draw_held_out, read_records, read_results, read_samples
from harness.demo.experiment.rows import ROWS, choose_rows
from harness.demo.experiment.running import open_experiment, row_recipe, run_row, selected_file
from harness.demo.experiment.settings import Experiment
from harness.demo.world import OBJECTS, PARTNER
from harness.reports.splicing import markers
from harness.runs.folder import read_run

START, END = markers("experiment")
needs_demo = pytest.mark.skipif(
    not (shipped_checkpoints()["demo"] / "model.safetensors").is_file(),
    reason="the demo checkpoint is not part of this checkout",
)
SIZES = Sizes(pope_images=2, mmbench_groups=4, videohallucer_pairs=2, mmvu_items=4)


def test_a_pool_is_what_its_labels_say(tmp_path):
    file = write_pool(tmp_path, 60, 3)
    labels = read_labels(file)
    assert Counter(label["difficulty"] for label in labels.values()) == {"easy": 27, "medium": 24, "hard": 9}
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    for row in rows:
        side = (row["conflict"] or "").partition(":")[0]
        assert row["answer"] == {"name": "yes", "withhold": "no"}.get(side, row["answer"])
        if row["difficulty"] == "hard":
            assert row["answer_kind"] == "open"
    assert Counter(label["conflict"].partition(":")[0] for label in labels.values() if label["conflict"]) == {
        "name": 6,
        "withhold": 15,
    }


def test_objects_are_painted_as_their_kind_says():
    rng = np.random.default_rng(0)
    for kind in KINDS:
        question = draw_question(rng, kind)
        if kind.look == "absent":
            assert question.query.obj not in {entry.obj for entry in question.scene}
            continue
        asked = [
            (entry, style)
            for entry, style in zip(question.scene, question.styles, strict=True)
            if question.query.obj == entry.obj or question.query.cell == entry.cell
        ]
        ((entry, style),) = asked
        low, high = {"clear": (0.4, 1.0), "faint": (0.02, 0.06), "hidden": (0.0, 0.004)}[kind.look]
        assert low <= style.opacity <= high
        if kind.company == "with_partner":
            assert PARTNER[entry.obj] in {other.obj for other in question.scene}


def test_twins_differ_in_one_faint_object():
    name, withhold = draw_twins(np.random.default_rng(1), 4)
    assert name.query == withhold.query
    assert set(name.scene) - set(withhold.scene) == {entry for entry in name.scene if entry.obj == 4}
    assert OBJECTS[4] in name.query.family or name.query.obj == 4
    assert name.conflict.partition(":")[2] == withhold.conflict.partition(":")[2]


def test_blocks_of_a_map_are_told_apart():
    sides = ["name:1", "name:1", "withhold:1", "withhold:1", "name:2", None]
    matrix = np.zeros((6, 6))
    matrix[0, 1], matrix[2, 3] = 0.9, 0.7
    matrix[:2, 2:4] = -0.5
    matrix[:4, 4], matrix[:5, 5] = 0.1, 0.2
    figures = summarise_blocks(matrix, sides)
    assert (figures["name"], figures["withhold"], figures["opposed"]) == (0.9, 0.7, -0.5)
    assert (figures["other_pair"], figures["none"]) == (0.1, 0.2)
    assert figures["above_0.54"] == pytest.approx(2 / 15, abs=1e-5)


def test_rows_are_run_in_one_order_and_unknown_ones_are_refused():
    assert [row.name for row in choose_rows(["sft", "base"])] == ["base", "sft"]
    with pytest.raises(UsageError, match="row 'grop' does not exist"):
        choose_rows(["grop"])


def test_rows_have_equal_budgets(tmp_path):
    experiment = Experiment(out=tmp_path)
    for row in ROWS.values():
        if row.recipe in (None, "sft"):
            continue
        recipe = row_recipe(experiment, row, 1, tmp_path / row.name)
        assert (recipe.train["max_steps"], recipe.train["num_generations"]) == (60, 8)
        assert recipe.train["per_device_train_batch_size"] == 64
        assert recipe.seed == 1
        assert not recipe.selection.enabled
        assert bool(recipe.rewards.caption) == row.with_caption_reward


def test_a_selection_is_made_with_the_settings_of_the_rows(tmp_path):
    chosen = (
        "judge.model=openai:m", "judge.base_url=http://127.0.0.1:9/v1", "data.max_pixels=4096", "data.num_frames=2",
        "rewards.accuracy=2.0", "rewards.length=0.5", "rewards.length_soft=8", "rewards.caption=0.5", "prompt=grounded",
        "selection.temperature=0.7", "ntk.weight=0.5", "train.learning_rate=1e-5",
    )  # fmt: skip
    for name, caption in (("method", 0.5), ("hard_only", 0.5), ("no_caption", 0.0)):
        recipe = running._selection_recipe(Experiment(out=tmp_path, overrides=chosen), ROWS[name], tmp_path)
        assert (recipe.judge.model, recipe.judge.base_url) == ("openai:m", "http://127.0.0.1:9/v1")
        assert (recipe.data.max_pixels, recipe.data.num_frames) == (4096, 2)
        assert (recipe.rewards.accuracy, recipe.rewards.length, recipe.rewards.caption) == (2.0, 0.5, caption)
        assert (recipe.selection.subset, recipe.selection.temperature) == (ROWS[name].subset, 0.7)
        assert (recipe.ntk.weight, recipe.train["learning_rate"]) == (0.01, 3e-4)
    plain = running._selection_recipe(Experiment(out=tmp_path), ROWS["method"], tmp_path)
    assert (plain.rewards.caption, plain.judge.model) == (1.0, "demo")
    assert plain.data.train == str(tmp_path / "pool" / "train.jsonl")


@needs_demo
def test_a_row_is_trained_on_what_was_selected_from_its_own_data(tmp_path, monkeypatch):
    monkeypatch.setattr(harness.judges.caption, "load_caption_judge", lambda *_, **__: YesJudge())
    other = write_pool(tmp_path / "other", 12, 4)
    settings = (f"data.train={other}", "data.limit=10", "rewards.accuracy=3.0", "selection.temperature=2.0")
    experiment = Experiment(out=tmp_path / "out", steps=2, rollouts=8, pool_rows=20, overrides=settings)
    selected = selected_file(experiment, ROWS["no_caption"])
    recipe = row_recipe(experiment, ROWS["no_caption"], 0, tmp_path / "row", selected)
    folder = tmp_path / "out" / "selection" / "without_caption-medium" / "selection"
    assert (recipe.data.train, recipe.data.media_root) == (str(folder / "selected.jsonl"), str(other.parent))
    first = [json.loads(line)["id"] for line in other.read_text().splitlines()[:10]]
    assert [json.loads(line)["id"] for line in (folder / "selection.jsonl").read_text().splitlines()] == first
    assert json.loads((folder / "settings.json").read_text())["rewards"] == {"accuracy": 3.0, "format": 0.1}
    totals = {json.loads(line)["total"] for line in (folder / "rollouts.jsonl").read_text().split("\n")[:-1]}
    assert totals <= {0.0, 0.1, 3.0, 3.1}


@pytest.mark.parametrize(
    ("setting", "message"),
    [("foo.bar=1", "setting 'foo' does not exist"), ("train.foo=1", "GRPOConfig: setting 'train.foo' does not exist")],
)
def test_an_unknown_setting_is_refused_before_anything_is_made(setting, message, tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["demo", "experiment", "--rows", "grpo", "--out", str(out), "--set", setting]) == 2
    assert message in capsys.readouterr().err
    assert not out.exists()
    with pytest.raises(UsageError, match="setting 'foo' does not exist"):
        open_experiment(Experiment(out=out, overrides=("foo.bar=1",)), [ROWS["no_caption"]])
    assert not out.exists()


def test_shared_rollouts_may_hold_separators(tmp_path, monkeypatch):
    shared, target = tmp_path / "shared.jsonl", tmp_path / "to" / "rollouts.jsonl"
    record = {"id": "1", "total": 2.0, "parts": {"accuracy": 1.0, "caption": 1.0}, "text": "a\u2028b\u2029c\x85d"}
    shared.write_text(json.dumps(record, ensure_ascii=False) + "\n", encoding="utf-8")
    monkeypatch.setattr(running, "selected_file", lambda *_: None)
    running._share(Experiment(out=tmp_path), shared, target, {"accuracy": 1.0})
    assert json.loads(target.read_text(encoding="utf-8")) == {**record, "total": 1.0}


def assert_rebuilt_runs_say_the_same(out):
    results = read_results(out / "results")
    for outcome in rebuild_runs(results, ["base", "grpo"], out / "held-out", out / "rebuilt"):
        # The row that is not trained has one seed, whatever it is called.
        run = read_run(next((out / "runs" / outcome.folder.name.rpartition("-seed-")[0]).iterdir()))
        rebuilt = read_run(outcome.folder)
        assert (rebuilt.weights, rebuilt.started) == (run.weights, run.started)
        for task, result in run.tasks.items():
            assert rebuilt.tasks[task].metrics == result.metrics
            assert rebuilt.tasks[task].unsettled == result.unsettled
            assert set(rebuilt.tasks[task].official.values()) == {None}  # Not read in whole responses.
        assert (rebuilt.training or {}).get("seed") == (run.training or {}).get("seed")
    asked = {**results["base"][0]["data"], "pope": {"digest": "sha256:0"}}
    with pytest.raises(StoreError, match="other questions of pope"):
        rebuild_runs({"base": {0: {**results["base"][0], "data": asked}}}, ["base"], out / "held-out", out / "never")


@needs_demo
def test_a_tiny_experiment(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(harness.judges.caption, "load_caption_judge", lambda *_, **__: YesJudge())
    monkeypatch.setattr(measuring, "MAP_TWINS", 8)
    monkeypatch.setattr(measuring, "MAP_OTHERS", 2)
    tiny = ("train.per_device_train_batch_size=8", "train.num_generations=4", "selection.temperature=2.0")
    experiment = Experiment(out=tmp_path, steps=2, rollouts=8, pool_rows=20, sizes=SIZES, sampled=2, overrides=tiny)
    rows = choose_rows(["base", "grpo", "no_caption"])
    open_experiment(experiment, rows)
    for row in rows:
        name, file = row.name, run_row(experiment, row, 1)
        result = json.loads(file.read_text())
        assert set(result["scores"]) == {"pope", "videohallucer", "mmbench", "mmvu"}
        assert result["diagnostics"]["all/well_formed"] > 0.5
        assert result["exploration"]["distinct_answers"] >= 1
        assert len(result["log"].get("accuracy", [])) == (0 if name == "base" else 2)
        before = file.read_bytes()
        assert run_row(experiment, row, 1) == file  # What is finished is left as it is.
        assert file.read_bytes() == before
    assert not list(tmp_path.glob("rows/*/*/checkpoint-*"))
    document = tmp_path / "evidence.md"
    document.write_text(f"# Evidence\n{START}\nwhat was there\n{END}\nend\n")
    assert main(["demo", "experiment", "--report", "--out", str(tmp_path), "--document", str(document)]) == 0
    text = document.read_text()
    assert text.startswith("# Evidence")
    assert text.endswith("end\n")
    assert "what was there" not in text
    assert re.search(r"\| grpo +\| +1 \|", text)
    assert "--rows no_caption" in text
    assert "](evidence.svg)" in text
    assert (tmp_path / "evidence.svg").read_text().count("<polyline") == 4  # Two rows; no caption reward in either.
    assert_rebuilt_runs_say_the_same(tmp_path)
    shutil.rmtree(tmp_path / "held-out")  # Results that were kept without their questions say the same.
    assert f"{START}\n\n{write_report(tmp_path, document=None)}" in text
    with pytest.raises(UsageError, match=r"--document .*other\.md: no such file"):
        write_report(tmp_path, document=tmp_path / "other.md")
    with pytest.raises(StoreError, match="other settings \\(steps\\)"):
        open_experiment(replace(experiment, steps=3), rows)


def test_what_is_kept_of_the_experiment_becomes_runs_again(tmp_path):
    results = read_results(Path(__file__).parents[2] / "leaderboards" / "demo" / "experiment" / "results")
    with draw_held_out(tmp_path, results) as held_out:
        (outcome,) = rebuild_runs({"base": results["base"]}, ["base"], held_out, tmp_path / "runs")
        write_thinned_reports([outcome])
    for task, scores in results["base"][0]["scores"].items():
        metrics = read_run(outcome.folder).tasks[task].metrics
        assert {name: metrics[name].value for name in scores} == pytest.approx(scores)
    report = (outcome.folder / "report.html").read_text()
    assert "it lists 60 of 2865 samples" in report
    assert len(report) < 300_000


@needs_demo
def test_rows_may_start_side_by_side_in_an_empty_folder(tmp_path, monkeypatch):
    build = data.build_demo_data

    def build_as_another_row_does(folder, seed, *, sizes):
        build(folder, seed, sizes=sizes)
        build(tmp_path / "held-out", seed, sizes=sizes)

    monkeypatch.setattr(data, "build_demo_data", build_as_another_row_does)
    open_experiment(Experiment(out=tmp_path, pool_rows=2, sizes=SIZES), [])
    assert (tmp_path / "held-out" / "pope").is_dir()
    assert not list(tmp_path.glob(".held-out*"))


def test_differences_over_questions_and_seeds(tmp_path):
    from harness.demo.data import build_demo_data

    build_demo_data(tmp_path / "held-out", 5, sizes=replace(SIZES, pope_images=8))
    samples = read_samples(tmp_path / "held-out", "pope")

    def result(row, seed, right):
        # Of the wrong ones, the last is not understood.
        status = "".join("1" if number < right else "0" for number in range(len(samples) - 1)) + "?"
        other = {"yes": "no", "no": "yes"}
        said = {"1": lambda target: target, "0": other.get, "?": lambda target: ""}
        answers = [said[sign](sample.target) for sample, sign in zip(samples, status, strict=True)]
        verdicts = {"pope": {"status": status, "answers": "|".join(answers)}}
        return {"row": row, "seed": seed, "settings": {}, "verdicts": verdicts}

    (tmp_path / "results").mkdir()
    for row, seed, right in (("base", None, 72), ("grpo", 0, 96), ("grpo", 1, 120)):
        path = tmp_path / "results" / f"{row}-seed-{seed or 0}.json"
        path.write_text(json.dumps(result(row, seed, right)))
    results = read_results(tmp_path / "results")
    comparer = Comparer(results, tmp_path / "held-out")
    (contrast,) = comparer.compare("base", "grpo", [("pope", "mean/accuracy")])
    assert contrast.value == pytest.approx(36 / 144)
    assert contrast.low < contrast.value < contrast.high
    assert comparer.compare("grpo", "grpo", [("pope", "mean/accuracy")])[0].value == 0
    # The seeds' own spread, ((6/36) / 2)^2, is part of the interval, whatever the questions say.
    assert (contrast.high - contrast.low) / 2 > 1.96 / 12
    records = read_records(samples, results["base"][0]["verdicts"]["pope"])
    assert compress_verdicts(records)["pope"] == results["base"][0]["verdicts"]["pope"]
    assert records[-1].verdict.status == "not_understood"
    with pytest.raises(StoreError, match="other held-out data"):
        read_records(samples[1:], results["base"][0]["verdicts"]["pope"])
