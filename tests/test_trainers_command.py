"""The commands: arguments at no cost, a dry run, a selection, and a whole run with its evaluation and leaderboard."""

import argparse
import json
import subprocess
import sys
from pathlib import Path

import pytest
from support_training import TINY_GRPO, YesJudge

import harness.judge
from harness.checkpoints import EMBEDDED
from harness.errors import UsageError
from harness.store import read_records, read_run
from trainers import command
from trainers.data import command as data_command
from trainers.selection.rollouts import SELECTED

needs_checkpoint = pytest.mark.skipif(
    not (EMBEDDED["demo"] / "model.safetensors").is_file(),
    reason="the demo checkpoint is not part of this checkout",
)


def parse(add_arguments, *arguments):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args([str(argument) for argument in arguments])


def test_declaring_arguments_imports_the_standard_library_alone():
    script = (
        "import sys, argparse; before = set(sys.modules)\n"
        "from trainers import command; from trainers.data import command as data\n"
        "for add in (command.add_arguments, command.add_select_arguments, data.add_arguments):\n"
        "    add(argparse.ArgumentParser())\n"
        "print(*sorted({name.split('.')[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names)))"
    )
    root = Path(command.__file__).parents[1]
    output = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True, cwd=root).stdout
    assert output.split() == ["harness", "trainers"]


def test_sft_has_nothing_to_select_by():
    with pytest.raises(UsageError, match="only grpo recipes"):
        command.run_select(parse(command.add_select_arguments, "demo/sft"))


def test_a_missing_trl_is_named(monkeypatch):
    import importlib.util

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match="needs the package 'trl'"):
        command.run(parse(command.add_arguments, "demo/grpo", "--dry-run"))


@needs_checkpoint
def test_select_prints_the_file(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(harness.judge, "load_judge", lambda *_, **__: YesJudge())
    arguments = parse(command.add_select_arguments, "demo/method", *TINY_GRPO, f"output={tmp_path}")
    assert command.run_select(arguments) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "selection" / SELECTED)
    assert len((tmp_path / "selection" / SELECTED).read_text().splitlines()) == 6
    again = parse(command.add_select_arguments, "demo/method", *TINY_GRPO, f"output={tmp_path}", "--fresh")
    assert command.run_select(again) == 0


@needs_checkpoint
def test_train_ends_with_evaluations_and_a_leaderboard(tmp_path):
    updates = []
    arguments = parse(
        command.add_arguments, "demo/grpo", *TINY_GRPO, f"output={tmp_path / 'one'}", "eval.tasks=[pope]",
        "eval.limit=4", "eval.start=true", "eval.every=true", "train.max_steps=1",
    )  # fmt: skip
    assert command.run(arguments, update_leaderboard=lambda *given: updates.append(given)) == 0
    assert updates == [([tmp_path / "one" / "runs"], tmp_path / "leaderboard", "demo")]
    runs = {path.name: read_run(path) for path in (tmp_path / "one" / "runs").iterdir()}
    assert runs.keys() == {"start", "checkpoint-1", "final"}
    assert {run.prompt_format for run in runs.values()} == {"grounded"}
    assert runs["final"].weights == runs["checkpoint-1"].weights != runs["start"].weights
    told = json.loads((tmp_path / "one" / "final" / "harness.json").read_text())
    assert told["trained_from"]["weights"] == runs["start"].weights
    assert told["recipe"]["train"]["max_steps"] == 1


@needs_checkpoint
@pytest.mark.parametrize("lora", ["0", "4"])
def test_the_model_is_not_loaded_again_and_answers_as_its_checkpoint_does(lora, tmp_path, monkeypatch):
    from harness.config import EvalConfig
    from harness.engines.hf import AutoModelForImageTextToText
    from harness.evaluation.run import evaluate

    loaded = []
    load = AutoModelForImageTextToText.from_pretrained

    def counted(folder, *args, **kwargs):
        loaded.append(Path(folder).name)
        return load(folder, *args, **kwargs)

    arguments = parse(
        command.add_arguments, "demo/no_selection", *TINY_GRPO, f"output={tmp_path / 'one'}", "eval.tasks=[pope]",
        "eval.limit=4", "train.max_steps=1", f"lora.rank={lora}", "train.gradient_checkpointing=true",
        "eval.every=true", "eval.start=false",
    )  # fmt: skip
    monkeypatch.setattr(harness.judge, "load_judge", lambda *_, **__: YesJudge())
    monkeypatch.setattr("harness.engines.hf.AutoModelForImageTextToText.from_pretrained", counted)
    assert command.run(arguments) == 0
    # Once to train, and for the checkpoint that was saved: itself, or its adapter's base and what they make together.
    every = ["checkpoint-1"] if lora == "0" else ["demo", "merged"]
    assert loaded == ["demo", *every]
    final = tmp_path / "one" / "runs" / "final"
    evaluate(
        EvalConfig(
            model=str(tmp_path / "one" / "final"), tasks=("pope",), data="demo", prompt="grounded", engine="hf",
            engine_options={"batch_size": 64}, out=tmp_path / "again", limit=4, max_new_tokens=64, diagnose=False,
        )
    )  # fmt: skip
    assert loaded[-1] == "final"
    texts = [[record.response.text for record in read_records(folder)] for folder in (final, tmp_path / "again")]
    assert texts[0] == texts[1]
    assert read_run(final).weights == read_run(tmp_path / "again").weights
    every_run = read_run(tmp_path / "one" / "runs" / "checkpoint-1")
    assert every_run.weights == read_run(final).weights  # The only step's.


@needs_checkpoint
def test_data_command_reaches_its_functions(tmp_path, capsys):
    from trainers.data.demo import write_demo_rows

    file = write_demo_rows(tmp_path, 6, 0)
    assert data_command.run(parse(data_command.add_arguments, "validate", file, "--sft", "--media")) == 0
    assert "6 rows" in capsys.readouterr().out
