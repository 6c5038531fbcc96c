"""`harness.callbacks.Evaluate` in a trainer that is not ours."""

import importlib.util
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import harness.callbacks
from harness.callbacks import BEST, CURVES, FOLDER, Evaluate, refuse_sharded
from harness.core.errors import StoreError, UsageError
from harness.core.worlds import shipped_checkpoints
from harness.runs.folder import read_run

pytestmark = pytest.mark.skipif(
    not (shipped_checkpoints()["demo"] / "model.safetensors").is_file(),
    reason="the demo checkpoint is not part of this checkout",
)
TASK = ["pope"]
FEW = {"data": "demo", "limit": 6, "max_new_tokens": 32, "prompt": "direct"}


@pytest.fixture(scope="module")
def example():
    path = Path(__file__).parents[1] / "examples" / "evaluate_while_training.py"
    spec = importlib.util.spec_from_file_location("evaluate_while_training", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def values(monkeypatch):
    """The best figure at each evaluation, in order, instead of what it is."""
    given = []
    ask = harness.callbacks.ask_live

    def asked(*arguments):
        run = ask(*arguments)
        if not given:
            return run
        result = run.tasks["pope"]
        metric = replace(result.metrics["mean/accuracy"], value=given.pop(0))
        return replace(run, tasks={"pope": replace(result, metrics={**result.metrics, "mean/accuracy": metric})})

    monkeypatch.setattr(harness.callbacks, "ask_live", asked)
    return given


def saved(folder):
    names = ("model.safetensors", "optimizer.pt", "rng_state.pth")
    return {name: (folder / "checkpoint-3" / name).read_bytes() for name in names}


def test_a_stock_trainer_trains_as_if_nothing_were_asked_and_keeps_the_best(example, values, tmp_path):
    values += [0.5, 0.9, 0.8, 0.9]
    asked, plain = tmp_path / "asked", tmp_path / "plain"
    evaluate = Evaluate(TASK, every_steps=1, best="pope:mean/accuracy", **FEW)
    trainer = example.train(asked, evaluate)
    example.train(plain)
    assert saved(asked) == saved(plain)
    assert sorted(path.name for path in asked.glob("checkpoint-*")) == ["checkpoint-1", "checkpoint-3"]
    assert json.loads((asked / FOLDER / BEST).read_text()) == {"figure": "pope:mean/accuracy", "value": 0.9, "step": 1}
    assert (asked / FOLDER / CURVES).read_text().startswith("<svg")
    runs = [read_run(asked / FOLDER / f"step-{step}") for step in range(4)]
    assert len({run.weights for run in runs}) == 4
    assert all(run.settings["engine_settings"]["live"] for run in runs)
    told = [entry for entry in trainer.state.log_history if "eval/pope:mean/accuracy" in entry]
    assert [entry["step"] for entry in told] == [0, 1, 2, 3]
    assert "eval/pope:mean/accuracy/difference" not in told[0]
    assert all("eval/pope:mean/accuracy/difference" in entry for entry in told[1:])


def test_training_stops_when_it_gets_no_better(example, values, tmp_path):
    values += [0.5, 0.4, 0.5]
    evaluate = Evaluate(TASK, every_steps=1, best="pope:mean/accuracy", patience=2, **FEW)
    assert example.train(tmp_path, evaluate).state.global_step == 2
    assert json.loads((tmp_path / FOLDER / BEST).read_text())["step"] == 0
    with pytest.raises(StoreError, match=r"step-0 was asked with other settings \(.*max_new_tokens"):
        resumed(example, tmp_path, Evaluate(TASK, every_steps=1, **{**FEW, "max_new_tokens": 8}))


def resumed(example, folder, callback):
    """What the callback does at the beginning of a session that goes on from the third step."""
    model = example.AutoModelForImageTextToText.from_pretrained(example.START)
    arguments = example.TrainingArguments(output_dir=str(folder), use_cpu=True)
    trainer = example.Trainer(model=model, args=arguments)
    trainer.state.global_step = 3
    callback.on_train_begin(arguments, trainer.state, trainer.control, model=model)


@pytest.mark.parametrize(
    ("figure", "message"),
    [
        ("pope", r"best=pope: it is TASK:metric, .*: pope\."),
        ("mmbench:mean/accuracy", r"one of the tasks that are evaluated: pope"),
        ("pope:mean/both", r"pope has no figure 'mean/both'. It has: .*mean/accuracy"),
        ("pope:mean/yes_ratio", r"no value of it is better than another"),
    ],
)
def test_figures_that_cannot_tell_what_is_best_are_refused(example, figure, message, tmp_path):
    with pytest.raises(UsageError, match=message):
        resumed(example, tmp_path, Evaluate(TASK, every_steps=1, best=figure, **FEW))


def test_settings_out_of_range_are_refused():
    with pytest.raises(UsageError, match="at least 1"):
        Evaluate(TASK, every_steps=0)
    with pytest.raises(UsageError, match="name it, best=TASK:metric"):
        Evaluate(TASK, every_steps=1, patience=1)


def test_divided_weights_are_refused():
    class Divided:
        ds_id = 3

    with pytest.raises(UsageError, match="divided among processes"):
        refuse_sharded(type("Model", (), {"parameters": lambda self: [Divided()]})())


def test_harness_is_imported_without_it():
    program = "import harness, sys; assert 'torch' not in sys.modules and 'harness.callbacks' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
