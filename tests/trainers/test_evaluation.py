"""Evaluation while a recipe trains: the same bytes as without it, the best checkpoint, the end, and what is refused."""

import json
import shutil
import weakref
from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import pytest
import torch
from support_training import train_tiny

import harness.callbacks
from harness.core.errors import UsageError
from harness.core.worlds import shipped_checkpoints
from trainers import evaluation
from trainers.checks import check_recipe
from trainers.plan.machine import Machine, sharding_of
from trainers.recipe import load_recipe

pytestmark = pytest.mark.skipif(
    not (shipped_checkpoints()["demo"] / "model.safetensors").is_file(),
    reason="the demo checkpoint is not part of this checkout",
)
PLAIN = ("train.max_steps=3", "train.save_steps=3", "rewards.caption=0")
ASKED = (
    *PLAIN, "train.save_total_limit=1", "eval.tasks=[pope]", "eval.limit=6", "eval.while_limit=4", "eval.every_steps=1",
    "eval.best=pope:mean/accuracy", "eval.max_new_tokens=32",
)  # fmt: skip


@pytest.mark.parametrize("name", ["sft", "no_selection"])
def test_a_recipe_that_is_evaluated_trains_to_the_same_bytes(name, tmp_path):
    settings = (
        ("train.gradient_checkpointing=true", "lora.rank=4", "lora.dropout=0.1") if name == "no_selection" else ()
    )
    train_tiny(f"demo/{name}", tmp_path / "plain", *PLAIN, *settings)
    runs = train_tiny(f"demo/{name}", tmp_path / "asked", *ASKED, "eval.start=false", *settings)
    names = ("optimizer.pt", "rng_state.pth", "adapter_model.safetensors" if settings else "model.safetensors")
    for file in names:
        one, other = ((tmp_path / which / "checkpoint-3" / file).read_bytes() for which in ("plain", "asked"))
        assert one == other, file
    log = [json.loads(line) for line in (tmp_path / "asked" / "log.jsonl").read_text().splitlines()]
    assert [entry["step"] for entry in log if "loss" in entry] == [1, 2, 3]
    assert [entry["step"] for entry in log if "eval/pope:mean/accuracy" in entry] == [0, 1, 2, 3]
    curves = (tmp_path / "asked" / "curves.svg").read_text()
    assert "pope:mean/accuracy: against the start" in curves
    assert "polygon" in curves
    best = json.loads((tmp_path / "asked" / "evaluations" / "best.json").read_text())["step"]
    expected = ["final"] if best in (0, 3) else [f"checkpoint-{best}", "final"]
    assert [run.name for run in runs][-1] == "final"
    assert {run.name for run in runs} >= set(expected)


def test_the_best_checkpoint_outlives_newer_ones_and_training_ends_without_a_better_one(tmp_path, monkeypatch, capsys):
    values = {0: 0.4, 1: 0.9, 2: 0.9, 3: 0.1}
    ask, read = harness.callbacks.ask_live, harness.callbacks.read_live
    asked = []

    def told(run, folder):
        step = int(folder.name.removeprefix("step-"))
        result = run.tasks["pope"]
        metric = replace(result.metrics["mean/accuracy"], value=values[step])
        return replace(run, tasks={"pope": replace(result, metrics={**result.metrics, "mean/accuracy": metric})})

    def told_now(plan, config, model, folder, name, ranks):
        asked.append(int(folder.name.removeprefix("step-")))
        done = ask(plan, config, model, folder, name, ranks)
        return replace(done, run=told(done.run, folder))

    monkeypatch.setattr(harness.callbacks, "ask_live", told_now)
    monkeypatch.setattr(harness.callbacks, "read_live", lambda plan, folder: told(read(plan, folder), folder))
    settings = (*ASKED, "eval.start=false", "eval.patience=2", "train.max_steps=5", "train.save_steps=2")
    runs = train_tiny("demo/sft", tmp_path, *settings)
    assert [run.name for run in runs] == ["checkpoint-1", "final"]
    assert sorted(path.name for path in tmp_path.glob("checkpoint-*")) == ["checkpoint-1", "checkpoint-2"]
    assert json.loads((tmp_path / "final" / "harness.json").read_text())["step"] == 3
    assert "no better pope:mean/accuracy than at step 1 in 2 evaluations: training stops" in capsys.readouterr().err
    assert asked == [0, 1, 2, 3]
    final = (tmp_path / "final" / "model.safetensors").read_bytes()
    shutil.rmtree(tmp_path / "final")
    train_tiny("demo/sft", tmp_path, *settings)  # Killed before the whole model was saved.
    assert asked == [0, 1, 2, 3, 3]  # The run of the third is taken as it is stored.
    assert (tmp_path / "final" / "model.safetensors").read_bytes() == final


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["eval.best=pope:mean/both"], r"eval\.best=pope:mean/both: pope has no figure"),
        (["eval.best=mme:mean/accuracy"], r"eval\.best=.*one of the tasks that are evaluated: pope\."),
        (["train.num_iterations=2", "train.save_steps=4"], r"eval\.every_steps 1 is not a multiple of the 2 steps"),
    ],
)
def test_what_cannot_be_evaluated_is_refused_before_anything_is_spent(overrides, message, tmp_path):
    recipe = load_recipe("demo/no_selection", [*ASKED, f"output={tmp_path}", *overrides])
    with pytest.raises(UsageError, match=message):
        check_recipe(recipe, recipe.resolve_model(), tmp_path, selects=False)
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (ASKED, r"eval\.every_steps: under ZeRO-3 and FSDP no process has the whole model"),
        ((*PLAIN, "rewards.caption=1", "judge.model=policy"), r"judge\.model=policy: the model's weights are divided"),
    ],
)
def test_what_sharded_weights_cannot_answer_is_refused_before_anything_is_spent(
    settings, message, tmp_path, monkeypatch
):
    recipe = load_recipe("demo/no_selection", [*settings, f"output={tmp_path}"])
    checked = partial(check_recipe, recipe, recipe.resolve_model(), tmp_path, selects=True)
    checked()
    with pytest.raises(UsageError, match=message):
        checked(machine=Machine(gpus=8, sharding="zero3"))
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")  # All that 'accelerate launch' says.
    with pytest.raises(UsageError, match=message):
        checked()


def test_deepspeeds_stage_is_that_of_its_plugin():
    recipe = load_recipe("demo/sft")
    for stage, wanted in ((0, "none"), (1, "zero1"), (3, "zero3")):
        config = SimpleNamespace(deepspeed_plugin=SimpleNamespace(zero_stage=stage))
        assert sharding_of(recipe, config) == wanted


@pytest.mark.parametrize(("engine", "stays"), [("vllm", False), ("hf", True)])
def test_the_trained_model_is_gone_before_another_engine_starts(engine, stays, tmp_path, monkeypatch):
    model = torch.nn.Linear(1, 1)
    held = weakref.ref(model)
    there = []
    monkeypatch.setattr(evaluation, "_evaluate", lambda *_, **__: there.append(held() is not None) or tmp_path)
    settings = ["eval.tasks=[pope]", "eval.start=false", f"eval.engine={engine}"]
    kept = [model]
    del model
    evaluation.evaluate_checkpoints(load_recipe("demo/sft", settings), tmp_path, kept.pop())
    assert there == [stays]


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["eval.best=a:b"], r"about eval\.every_steps: set it"),
        (["eval.every_steps=1", "eval.tasks=[]"], r"there is nothing to ask"),
        (["eval.every_steps=1", "eval.patience=1"], r"eval\.patience waits for a better eval\.best"),
    ],
)
def test_settings_that_mean_nothing_alone_are_refused(overrides, message):
    with pytest.raises(UsageError, match=message):
        load_recipe("demo/sft", overrides)


def test_evaluations_go_where_training_reports_to_once(tmp_path, monkeypatch):
    """Nothing is trained or asked: a run that is there stands for what the checkpoint answered."""
    from support_leaderboards import write_run

    from harness.runs.folder import read_run

    run = write_run(tmp_path / "mine" / "runs" / "final", counts=12)
    outcome = SimpleNamespace(folder=run, run=read_run(run), is_new=False, open_media=None)
    sent = []
    monkeypatch.setattr("harness.evaluation.run.evaluate", lambda *_: outcome)
    monkeypatch.setattr(evaluation, "choose_engine", lambda *_: ("hf", {}))
    monkeypatch.setattr(
        "harness.reports.tracking.track_run", lambda folder, names, label: sent.append((names, label)) or ["w: failed"]
    )
    told = []
    monkeypatch.setattr(evaluation, "say", told.append)
    for reported in ("[tensorboard,wandb]", "none"):
        recipe = load_recipe("demo/sft", [f"output={tmp_path / 'mine'}", f"train.report_to={reported}"])
        for _ in range(2):  # The second time all is done.
            assert evaluation.evaluate_checkpoints(recipe, tmp_path / "mine")[-1] == run
        (run / "report.md").unlink()
    assert sent == [(["tensorboard", "wandb"], "mine-final"), ([], "mine-final")]
    assert "warning: w: failed" in told
