"""The demo experiment: labels of the pool, a tiny experiment from end to end, and what its intervals mean."""

import json
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support_training import YesJudge

import harness.judges.caption
from harness.cli import main
from harness.core.errors import StoreError
from harness.core.types import Response, Sample
from harness.core.worlds import shipped_checkpoints
from harness.demo import data
from harness.demo.data import Sizes
from harness.demo.experiment import blocks, measuring, placebo, running
from harness.demo.experiment.blocks import describe, run_blocks
from harness.demo.experiment.evidence import read_confirmed
from harness.demo.experiment.measuring import compress_verdicts, summarise_blocks
from harness.demo.experiment.plan import Run, load_plan
from harness.demo.experiment.pool import draw_question, draw_twins, kinds, read_labels, write_pool
from harness.demo.experiment.rebuilding import rebuild_runs, write_thinned_reports
from harness.demo.experiment.report import board_rows
from harness.demo.experiment.results import (
    Comparer,
    check_matched,
    draw_held_out,
    match_seeds,
    read_records,
    read_results,
    read_samples,
    score_of,
)
from harness.demo.experiment.running import prepare, row_recipe, run_row, selection_recipe
from harness.demo.experiment.settings import Experiment
from harness.demo.experiment.tables import signs
from harness.demo.world import OBJECTS, PARTNER
from harness.runs.folder import read_run
from trainers.layout import RECIPE
from trainers.recipe import as_yaml

KEPT = Path(__file__).parents[2] / "leaderboards" / "demo" / "experiment"
PLAN = load_plan()
POOLS = {name: block.model_copy(update={"pool": 3}) for name, block in PLAN.blocks.items()}
PLANNED = PLAN.model_copy(update={"held_out": 5, "exploration": 5, "blocks": POOLS})
"""The plan with the pool and the questions of an experiment that is tiny."""
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
    assert sides(labels) == {"name": 6, "withhold": 15}


def sides(labels):
    return Counter(label["conflict"].partition(":")[0] for label in labels.values() if label["conflict"])


@pytest.mark.parametrize(("share", "expected"), [((0, 7), {"withhold": 21}), ((5, 2), {"name": 15, "withhold": 6})])
def test_a_pool_has_the_share_that_it_is_asked_for(share, expected, tmp_path):
    assert sides(read_labels(write_pool(tmp_path, 60, 3, share))) == expected


def test_objects_are_painted_as_their_kind_says():
    rng = np.random.default_rng(0)
    for kind in kinds():
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


def training(row, *, block="confirm", updates=(1, 2), seed=1):
    return Run(block=block, row=row, setting=None if row == "base" else 0, seed=seed, updates=updates)


def test_rows_are_trained_with_the_settings_of_the_plan(tmp_path):
    experiment = Experiment(out=tmp_path, asked=5, pool=3)
    for name, row in PLAN.rows.items():
        if row.kind is None:
            continue
        run = training(name, updates=(60, 120))
        recipe = row_recipe(experiment, row, run, tmp_path / "trained", tmp_path / "rows.jsonl")
        every = 2 if recipe.dynamic_sampling.enabled else 60
        assert (recipe.train["max_steps"], recipe.train["save_steps"], recipe.seed) == (120, every, 1)
        assert recipe.max_rollouts == (None if recipe.algorithm == "sft" else 64 * 120)
        assert recipe.train["per_device_train_batch_size"] == 64
        assert recipe.train["lr_scheduler_type"] == "constant_with_warmup"
        assert recipe.train["learning_rate"] == float(PLAN.grid[row.kind][0][0].partition("=")[2])
        assert not recipe.selects
        assert recipe.judge.cache == str(tmp_path / "judge")


@needs_demo
def test_settings_are_the_same_in_every_folder(tmp_path):
    def settings(folder):
        shutil.copytree(shipped_checkpoints()["demo-judge"], folder / "judge")
        return Experiment(out=folder, asked=5, pool=3, judge=str(folder / "judge")).settings()

    assert settings(tmp_path / "a") == settings(tmp_path / "b")


def test_parts_of_the_method_are_what_their_names_say(tmp_path):
    def parts(name):
        row = PLAN.rows[name]
        recipe = row_recipe(Experiment(out=tmp_path, asked=5, pool=3), row, training(name), tmp_path, tmp_path / "rows")
        placebos = [reward for reward in recipe.rewards.weights() if ":" in reward]
        return row.kind == "selected", recipe.rewards.caption > 0, recipe.ntk.weight > 0, bool(placebos)

    assert parts("grpo") == (False, False, False, False)
    assert parts("caption") == (False, True, False, False)
    assert parts("selection") == (True, False, False, False)
    assert parts("contrast") == (False, False, True, False)
    assert parts("method") == (True, True, True, False)
    assert parts("no_caption") == (True, False, True, False)
    assert parts("no_selection") == (False, True, True, False)
    assert parts("no_contrast") == (True, True, False, False)
    assert parts("placebo") == (False, False, False, True)
    assert parts("method_placebo") == (True, False, True, True)


def test_a_selection_without_the_caption_reward_takes_the_same_rollouts(tmp_path):
    experiment = Experiment(out=tmp_path, asked=5, pool=3, more=("selection.temperature=2.0", "train.beta=0.5"))
    told, untold = (selection_recipe(experiment, tmp_path, 16, captions=captions) for captions in (True, False))
    assert (told.rewards.caption, untold.rewards.caption) == (1.0, 0.0)
    assert told.selection == untold.selection
    assert (told.selection.fixed, told.selection.temperature, told.train["beta"]) == (16, 2.0, 0.1)


def question(name, text):
    return Sample(id=name, task="train", question=text, target="yes", answer_kind="yes_no")


def test_the_placebo_reads_the_caption_of_the_next_prompt():
    samples = [question(name, name) for name in "aabbcc"]
    responses = [Response(sample_id=sample.id, text=str(number)) for number, sample in enumerate(samples)]
    assert [response.text for response in placebo.rotate(samples, responses)] == ["2", "3", "4", "5", "0", "1"]


@needs_demo
def test_a_placebo_pays_for_other_captions():
    samples = [question(color, f"Is there a {color} circle in the image?") for color in ("red", "blue")]
    text = "<planning> x </planning> <caption> {} circle top </caption> <think> x </think> <answer> yes </answer>"
    responses = [Response(sample_id=sample.id, text=text.format(sample.id)) for sample in samples]
    assert placebo.other_caption(samples, responses) == [0.0, 0.0]
    assert placebo.other_caption(samples, responses[::-1]) == [1.0, 1.0]


@needs_demo
def test_a_tiny_experiment(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(harness.judges.caption, "load_caption_judge", lambda *_, **__: YesJudge())
    monkeypatch.setattr(measuring, "MAP_TWINS", 8)
    monkeypatch.setattr(measuring, "MAP_OTHERS", 2)
    tiny = ("train.per_device_train_batch_size=8", "selection.temperature=2.0")
    experiment = Experiment(
        out=tmp_path, asked=5, pool=3, rollouts=8, right_rollouts=4, pool_rows=20, sizes=SIZES, sampled=0, more=tiny
    )
    prepare(experiment)
    runs = [
        training("base", updates=(0,), seed=None),
        training("grpo", updates=(2, 3)),
        training("selection", updates=(2,)),
    ]
    runs += [training("rft", updates=(1,))]
    for run in runs:
        closer = replace(experiment, sampled=2) if run.row == "selection" else experiment
        run_row(closer, run, tmp_path / "results")
        run_row(closer, run, tmp_path / "results")  # What is finished is left as it is.
    assert not list((tmp_path / "work" / "confirm").iterdir())
    found = {file.stem: json.loads(file.read_text()) for file in (tmp_path / "results" / "confirm").iterdir()}
    assert {name: of["rollouts"] for name, of in found.items()} == {
        "base.0-seed-0@0": 0,
        "grpo.0-seed-1@2": 16,
        "grpo.0-seed-1@3": 24,
        "selection.0-seed-1@2": 160 + 16,
        "rft.0-seed-1@1": 80,
    }
    for name, result in found.items():
        assert 0 <= result["glances"]["all/glances"] <= 1
        assert set(result["scores"]) == {"pope", "videohallucer", "mmbench", "mmvu"}
        assert "diagnostics" in result, name
        assert (result["cpu_seconds"]["training"] > 0) == (name != "base.0-seed-0@0")
        assert (result["cpu_seconds"]["before"] > 0) == name.startswith(("selection", "rft"))
    assert found["selection.0-seed-1@2"]["exploration"]["distinct_answers"] >= 1
    one, two = (found[f"grpo.0-seed-1@{updates}"] for updates in (2, 3))
    assert one["cpu_seconds"]["training"] < two["cpu_seconds"]["training"]
    assert one["log"]["reward"] != two["log"]["reward"]  # Each of its own steps.
    assert [found["selection.0-seed-1@2"][name] for name in ("recipe", "row_set")] == ["no_caption", ["ntk.weight=0.0"]]
    totals = (experiment.ground / "without_caption" / "selection" / "rollouts.jsonl").read_text().split("\n")[:-1]
    assert {json.loads(line)["total"] for line in totals} <= {0.0, 0.1, 1.0, 1.1}

    # The first updates of a longer training are those of a shorter one.
    short = training("grpo", updates=(2,), block="tune")
    run_row(experiment, short, tmp_path / "results")
    alone = json.loads(short.file(tmp_path / "results", 2).read_text())
    assert alone["weights"] == found["grpo.0-seed-1@2"]["weights"]
    assert alone["weights"] != found["base.0-seed-0@0"]["weights"]
    assert "diagnostics" not in alone
    assert alone["verdicts"] == found["grpo.0-seed-1@2"]["verdicts"]
    assert score_of(PLANNED, tmp_path / "results")(short, 2) == pytest.approx(
        (alone["scores"]["pope"]["mean/accuracy"] + alone["scores"]["videohallucer"]["mean/both"]) / 2
    )

    results = read_results(PLANNED, tmp_path / "results", ["confirm"], ["base", "grpo"], lambda row: 3)
    with draw_held_out(results) as held_out:
        assert_rebuilt_runs_say_the_same(results, held_out, tmp_path / "rebuilt")


def assert_rebuilt_runs_say_the_same(results, held_out, out):
    for outcome in rebuild_runs(results, held_out, out):
        row, _, seed = outcome.folder.name.rpartition("-seed-")
        kept, rebuilt = results[row][int(seed)], read_run(outcome.folder)
        assert (rebuilt.weights, rebuilt.started) == (kept["weights"], kept["started"])
        for task, scores in kept["scores"].items():
            assert {name: rebuilt.tasks[task].metrics[name].value for name in scores} == pytest.approx(scores)
            assert set(rebuilt.tasks[task].official.values()) == {None}  # Not read in whole responses.
        assert (rebuilt.training or {}).get("seed") == kept["seed"]
    asked = {**results["base"][0]["data"], "pope": {"digest": "sha256:0"}}
    with pytest.raises(StoreError, match="other questions of pope"):
        rebuild_runs({"base": {0: {**results["base"][0], "data": asked}}}, held_out, out / "never")


def test_a_selection_that_was_stopped_is_begun_anew_and_its_cost_is_whole(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(running, "_run_selection", lambda experiment, folder, *_: drawn.append([*folder.iterdir()]))
    experiment = Experiment(out=tmp_path, asked=5, pool=3, pool_rows=20, rollouts=8)
    begun = experiment.ground / "with_caption" / "selection"
    begun.mkdir(parents=True)
    (begun / "rollouts.jsonl").write_text("half of a line")
    for _ in range(2):
        spent, rollouts, file = running._before(experiment, PLAN.rows["method"])
        assert (spent >= 0, rollouts, file) == (True, 160, begun / "selected.jsonl")
    assert drawn == [[]]  # Nothing was left of it, and what is whole is taken.


def test_a_checkpoint_is_taken_that_spent_no_more_than_its_budget(tmp_path):
    spent = (64, 200, 260, 330, 400)
    log = [{"loss": 0.1, "step": step, "rollouts": rollouts} for step, rollouts in enumerate(spent, 1)]
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in log))
    for step in (2, 4, 5):
        (tmp_path / f"checkpoint-{step}").mkdir()
    assert [entry["step"] for entry in running._steps(tmp_path, 6)] == [1, 2, 3, 4]  # 384 rollouts buy four.
    assert len(running._steps(tmp_path, 5)) == 2  # There is none after the third.
    assert running._steps(tmp_path, 0) == []
    with pytest.raises(StoreError, match="no checkpoint within 64 rollouts"):
        running._steps(tmp_path, 1)


def test_a_plan_says_how_far_it_is(tmp_path, capsys):
    assert main(["demo", "experiment", "--out", str(tmp_path)]) == 0
    told = capsys.readouterr().out
    assert "| `tune`" in told
    assert f"0 of {len([*PLAN.runs('confirm', None)])}" in told
    assert describe(tmp_path) in told


def test_blocks_that_choose_settings_wait_for_those_that_tune(tmp_path, capsys):
    assert main(["demo", "experiment", "--plan", "parts", "--out", str(tmp_path)]) == 2
    assert "settings are chosen once all of block 'tune' is there" in capsys.readouterr().err
    assert main(["demo", "experiment", "--plan", "tone", "--out", str(tmp_path)]) == 2
    assert "block 'tone' does not exist" in capsys.readouterr().err


def keep(results, run, **changed):
    """Results as they were made by the plan, but for what is changed."""
    on = PLAN.made_on(run.block)
    settings = {"world": on["world"], "pool": [600, *on["pool"]], "held_out": [on["asked"]]}
    made = {**PLAN.made_with(run.row, run.setting or 0), "rollouts": 0, "seed": run.seed, "settings": settings}
    scores = {of.task: {of.measure: 0.5} for of in PLAN.outcomes}
    for updates in run.updates:
        file = run.file(results, updates)
        file.parent.mkdir(parents=True, exist_ok=True)
        spent = {"updates": updates, "cpu_seconds": {"training": 1.0}}
        file.write_text(json.dumps({**made, "scores": scores, **spent, **changed}))


@pytest.mark.parametrize(
    "changed",
    [
        {"set": ["train.learning_rate=9.0"]},
        {"recipe": "method"},
        {"row_set": ["ntk.weight=0.5"]},
        {"rollouts": 64 * 60 + 1},
        {"settings": {"world": 2, "pool": [600, 51, 2, 5], "held_out": [PLAN.exploration]}},
        {"settings": {"world": 1, "pool": [600, 51, 4, 3], "held_out": [PLAN.exploration]}},
        {"settings": {"world": 1, "pool": [600, 51, 2, 5], "held_out": [PLAN.held_out]}},
    ],
)
def test_a_result_that_the_plan_would_make_otherwise_is_refused(changed, tmp_path):
    run = next(run for run in PLAN.runs("tune", None) if run.row == "grpo")
    short = replace(run, updates=(60,))
    keep(tmp_path / "results", short)
    assert score_of(PLAN, tmp_path / "results")(run, 60) == 0.5
    keep(tmp_path / "results", short, **changed)
    with pytest.raises(StoreError, match="Delete it: it is made anew"):
        score_of(PLAN, tmp_path / "results")(run, 60)
    with pytest.raises(StoreError, match="Delete it: it is made anew"):
        read_results(PLAN, tmp_path / "results", ["tune"], ["grpo"], lambda row: 60)
    with pytest.raises(StoreError, match="Delete it: it is made anew"):
        describe(tmp_path)


def test_a_row_and_seed_have_one_result(tmp_path):
    for setting in (0, 1):
        keep(tmp_path, replace(training("grpo", updates=(60,)), setting=setting))
    with pytest.raises(StoreError, match="another result of 'grpo' with seed 1"):
        read_results(PLAN, tmp_path, ["confirm"], ["grpo"], lambda row: 60)


def test_what_another_recipe_trained_is_not_taken(tmp_path):
    experiment = Experiment(out=tmp_path, asked=5, pool=3)
    run = training("grpo")
    trained = tmp_path / "work" / "confirm" / run.name / "trained"
    (trained / "final").mkdir(parents=True)
    (trained / "final" / "harness.json").touch()
    recipe = row_recipe(experiment, PLAN.rows["caption"], run, trained, experiment.ground / "train.jsonl")
    (trained / RECIPE).write_text(as_yaml(recipe))
    with pytest.raises(StoreError, match="holds a run of another recipe"):
        run_row(experiment, run, tmp_path / "results")


def test_what_is_not_measured_of_a_row_is_said():
    measured = {"diagnostics": {"all/chair_s": 0.25}, "exploration": {}, "glances": {"all/glances": 0.5}}
    told = signs({"grpo": {1: measured, 2: measured}, "method": {1: measured, 2: {}}, "rft": {1: {}}})
    rows = {line.split("|")[1].strip(): line for line in told.splitlines() if line.startswith("|")}
    assert "0.250 |" in rows["grpo"]
    assert "0.250 (1 of 2 seeds)" in rows["method"]
    assert "—" in rows["rft"]


def test_processes_share_the_trainings_of_a_block(tmp_path, monkeypatch):
    """Two workers take what the other is not at; here the second is a call from within the first."""
    taken = []

    def run(experiment, run, results):
        taken.append(run.name)
        if len(taken) == 2:
            blocks._work("tune", tmp_path)
        keep(results, run)

    monkeypatch.setattr("harness.demo.experiment.running.run_row", run)
    monkeypatch.setattr("harness.demo.experiment.running.prepare", lambda _: None)
    run_blocks(["tune"], tmp_path, 1)
    assert sorted(taken) == sorted(run.name for run in PLAN.runs("tune", None))


def test_what_is_kept_of_the_experiment_becomes_runs_again(tmp_path):
    results = read_confirmed(PLAN, KEPT / "results")
    with draw_held_out(results) as held_out:
        (outcome,) = rebuild_runs({"base": results["base"]}, held_out, tmp_path / "runs")
        asked = sum(len(read_samples(held_out, task)) for task in results["base"][0]["verdicts"])
        write_thinned_reports([outcome])
    for task, scores in results["base"][0]["scores"].items():
        metrics = read_run(outcome.folder).tasks[task].metrics
        assert {name: metrics[name].value for name in scores} == pytest.approx(scores)
    report = (outcome.folder / "report.html").read_text()
    assert f"it lists 32 of {asked} samples" in report
    assert len(report) < 300_000


def test_rows_stand_in_a_table_with_the_same_seeds_only():
    found = {"base": {0: {}}, "grpo": {0: {}, 1: {}, 2: {}}, "method": {0: {}, 1: {}}}
    with pytest.raises(StoreError, match=r"method has the seeds \[0, 1\], grpo \[0, 1, 2\]"):
        check_matched(found)
    matched = match_seeds(found, ["base", "grpo", "method"])
    check_matched(matched)
    assert {row: [*of] for row, of in matched.items()} == {"base": [0], "grpo": [0, 1], "method": [0, 1]}
    check_matched(board_rows(KEPT))
    with pytest.raises(StoreError, match="no seed in common"):
        match_seeds({"grpo": {1: {}}, "sft": {2: {}}}, ["grpo", "sft"])


@needs_demo
def test_rows_may_start_side_by_side_in_an_empty_folder(tmp_path, monkeypatch):
    build = data.build_demo_data

    def build_as_another_row_does(folder, seed, *, sizes):
        build(folder, seed, sizes=sizes)
        build(tmp_path / "asked" / "world-1-5", seed, sizes=sizes)

    monkeypatch.setattr(data, "build_demo_data", build_as_another_row_does)
    experiment = Experiment(out=tmp_path, asked=5, pool=3, pool_rows=2, sizes=SIZES)
    prepare(experiment)
    assert (experiment.questions / "pope").is_dir()
    assert not list(experiment.questions.parent.glob(".world*"))


def test_differences_over_questions_and_seeds(tmp_path):
    from harness.demo.data import build_demo_data

    build_demo_data(tmp_path / "held-out", 5, sizes=replace(SIZES, pope_images=8))
    samples = read_samples(tmp_path / "held-out", "pope")

    def verdicts(right):
        # Of the wrong ones, the last is not understood.
        status = "".join("1" if number < right else "0" for number in range(len(samples) - 1)) + "?"
        return {"pope": {"status": status, "answers": {"0": "Yes!"}}}

    for row, seed, right in (("base", None, 72), ("grpo", 0, 96), ("grpo", 1, 120)):
        run = training(row, seed=seed, updates=(0,) if row == "base" else (60,))
        keep(tmp_path / "results", run, verdicts=verdicts(right))
    results = read_results(PLAN, tmp_path / "results", ["confirm"], ["base", "grpo"], lambda row: 60)
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
    assert [record.verdict.answer for record in (records[0], records[1], records[-1])] == [
        "Yes!",
        samples[1].target,
        None,
    ]
    with pytest.raises(StoreError, match="other held-out data"):
        read_records(samples[1:], results["base"][0]["verdicts"]["pope"])
