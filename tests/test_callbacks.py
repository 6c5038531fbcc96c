"""`harness.callbacks.Evaluate` in a trainer that is not ours."""

import importlib.util
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from support_leaderboards import write_run

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


def with_value(run, value, errors=0):
    result = run.tasks["pope"]
    metrics = {**result.metrics, "mean/accuracy": replace(result.metrics["mean/accuracy"], value=value)}
    return replace(run, tasks={"pope": replace(result, metrics=metrics, errors=errors)})


@pytest.fixture
def values(monkeypatch):
    """The best figure at each evaluation, in order, instead of what it is."""
    given = []
    ask = harness.callbacks.ask_live

    def asked(*arguments):
        done = ask(*arguments)
        return replace(done, run=with_value(done.run, given.pop(0))) if given else done

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


def resumed(example, folder, callback, step=3):
    """What the callback does at the beginning of a session that goes on from a step."""
    model = example.AutoModelForImageTextToText.from_pretrained(example.START)
    arguments = example.TrainingArguments(output_dir=str(folder), use_cpu=True)
    trainer = example.Trainer(model=model, args=arguments)
    trainer.state.global_step = step
    callback.on_train_begin(arguments, trainer.state, trainer.control, model=model)
    return arguments, trainer.state, trainer.control


def test_questions_that_failed_are_told_and_asked_again_and_each_evaluation_has_a_judge(
    example, tmp_path, monkeypatch, capsys
):
    class Judge:
        identity, failures, problem, is_open = "openai:m", 0, "it is asleep", True

        def settle(self, records, rubrics):
            assert self.is_open
            self.failures += 2
            yield from records

        def close(self):
            self.is_open = False

    monkeypatch.setattr("harness.judges.answer.open_answer_judge", lambda name, **_: Judge())
    settings = {**FEW, "limit": 2, "judge": "openai:m", "audit": 0, "best": "pope:mean/accuracy", "every_steps": 1}
    with monkeypatch.context() as patch:

        def out_of_memory(*_):
            raise torch.OutOfMemoryError

        patch.setattr("harness.engines.hf.HfEngine._generate_together", out_of_memory)
        evaluate = Evaluate(TASK, **settings)
        arguments, state, control = resumed(example, tmp_path, evaluate, 1)
        model = example.AutoModelForImageTextToText.from_pretrained(example.START)
        state.global_step = 2
        evaluate.on_step_end(arguments, state, control, model=model)
    told = capsys.readouterr().err
    for step in (1, 2):
        assert f"step {step}: 2 samples could not be scored and count as wrong (tolerated: 0)" in told
        assert f"step {step}: the judge gave no verdict on 2 answers: it is asleep" in told
    assert [entry["eval/failures"] for entry in state.log_history] == [2, 2]
    assert json.loads((tmp_path / FOLDER / BEST).read_text())["value"] is None
    evaluate = Evaluate(TASK, **settings)
    resumed(example, tmp_path, evaluate, 2)
    told = capsys.readouterr().err
    assert "step 1: 2 samples could not be scored" in told
    assert "step 2: 2 samples" not in told
    assert read_run(tmp_path / FOLDER / "step-2").tasks["pope"].errors == 0
    assert json.loads((tmp_path / FOLDER / BEST).read_text())["step"] == 2


def test_steps_with_failures_are_neither_best_nor_waited_for(tmp_path):
    evaluate = Evaluate(TASK, every_steps=1, best="pope:mean/accuracy", patience=2, max_failures=1, **FEW)
    evaluate._out, evaluate._figure = tmp_path, ("pope", "mean/accuracy", 1)
    run = read_run(write_run(tmp_path / "run", skills={"pope": 0.8}, counts=6))
    steps = [(0.5, 0), (0.9, 2), (0.6, 1), (0.1, 9), (0.4, 0)]
    evaluate._runs = {step: with_value(run, *told) for step, told in enumerate(steps)}
    assert evaluate._best_so_far() == (2, 1)
    assert evaluate._compare(1).keys() & {"eval/pope:mean/accuracy/difference"} == set()


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
    for name, count in (("every_steps", 0), ("every_steps", "5"), ("patience", 1.5)):
        with pytest.raises(UsageError, match=f"{name} is {count!r}, and must be a whole number of at least 1"):
            Evaluate(TASK, **{"every_steps": 1, "best": "pope:mean/accuracy", name: count})
    with pytest.raises(UsageError, match="setting 'limt'"):
        Evaluate(TASK, every_steps=1, limt=3)
    with pytest.raises(UsageError, match="limit"):
        Evaluate(TASK, every_steps=1, limit="many")
    with pytest.raises(UsageError, match="name it, best=TASK:metric"):
        Evaluate(TASK, every_steps=1, patience=1)


def test_settings_are_read_as_those_of_evaluate():
    evaluate = Evaluate("pope, mmbench", every_steps=1, limit="3", out="~/evaluations")
    assert (evaluate._config.tasks, evaluate._config.limit) == (("pope", "mmbench"), 3)
    assert evaluate._out == Path.home() / "evaluations"


def test_divided_weights_are_refused(monkeypatch):
    class Divided:
        ds_id = 3

    def model(*weights):
        return SimpleNamespace(parameters=lambda: weights)

    whole, sharded = SimpleNamespace(fsdp=[]), SimpleNamespace(fsdp=["full_shard"])
    refuse_sharded(model(1.0), whole)
    for weight, arguments in ((Divided(), whole), (1.0, sharded)):
        with pytest.raises(UsageError, match="divided among processes"):
            refuse_sharded(model(weight), arguments)
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    with pytest.raises(UsageError, match="divided among processes"):
        refuse_sharded(model(1.0), whole)


def test_harness_is_imported_without_it():
    program = "import harness, sys; assert 'torch' not in sys.modules and 'harness.callbacks' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
