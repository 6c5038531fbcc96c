"""The commands: arguments at no cost, a dry run, a selection, and a whole run with its evaluation and leaderboard."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from support_training import TINY_GRPO, YesJudge, parse

import harness.judges.caption
from harness.cli import main
from harness.commands import compare, select
from harness.commands import train as command
from harness.core.errors import StoreError, UsageError
from harness.core.worlds import shipped_checkpoints
from harness.evaluation.plan import make_plan
from harness.evaluation.settings import EvalConfig
from harness.runs.folder import RunFolder, read_run
from harness.runs.records import read_records
from trainers.recipe import FOLDER

needs_checkpoint = pytest.mark.skipif(
    not (shipped_checkpoints()["demo"] / "model.safetensors").is_file(),
    reason="the demo checkpoint is not part of this checkout",
)


def test_declaring_arguments_imports_the_standard_library_alone():
    script = (
        "import sys, argparse; before = set(sys.modules)\n"
        "from harness.commands import data, select, train as command\n"
        "for add in (command.add_arguments, select.add_arguments, data.add_arguments):\n"
        "    add(argparse.ArgumentParser())\n"
        "print(*sorted({name.split('.')[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names)))"
    )
    root = Path(command.__file__).parents[2]
    output = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True, cwd=root).stdout
    assert output.split() == ["harness", "trainers"]


@pytest.mark.parametrize("words", ["eval --model demo --tasks pope", "train demo/grpo"])
def test_what_is_queued_again_does_not_start_over(words, capsys):
    assert main([*words.split(), "--fresh", "--requeue"]) == 2
    assert "--requeue: not allowed with argument --fresh" in capsys.readouterr().err


def test_a_missing_trl_is_named(monkeypatch):
    import importlib.util

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match="needs the package 'trl'"):
        command.run(parse(command.add_arguments, "demo/grpo", "--dry-run"))


@needs_checkpoint
def test_train_ends_with_evaluations_and_a_leaderboard_in_its_own_folder(tmp_path, capsys):
    (tmp_path / "leaderboard").mkdir()
    (tmp_path / "leaderboard" / "leaderboard.json").write_text("of four tasks")
    arguments = parse(
        command.add_arguments, "demo/grpo", *TINY_GRPO, f"output={tmp_path / 'one'}", "eval.tasks=[pope]",
        "eval.limit=4", "eval.start=true", "eval.every=true", "train.max_steps=1",
    )  # fmt: skip
    assert command.run(arguments) == 0
    assert (tmp_path / "leaderboard" / "leaderboard.json").read_text() == "of four tasks"
    told, _, lines = capsys.readouterr().out.partition("\nLook closer: ")
    closer, *lines = lines.strip().splitlines()
    written = dict(line.split(": ") for line in lines if line)
    out, runs = tmp_path / "one", ("start", "checkpoint-1", "final")
    assert written == {
        "checkpoint": str(out / "final"),
        "log": str(out / "log.jsonl"),
        **{
            f"report of {name}": str(out / "runs" / name / "report.html") for name in ("start", "checkpoint-1", "final")
        },
        "leaderboard": str(out / "leaderboard" / "index.html"),
        "leaderboard as text": str(out / "leaderboard" / "leaderboard.md"),
    }
    assert closer == f"harness compare {out / 'runs' / 'start'} {out / 'runs' / 'final'} --html FILE"
    assert compare.run(parse(compare.add_arguments, out / "runs" / "start", out / "runs" / "final")) == 0
    assert capsys.readouterr().out.startswith(told)
    assert not (out / "README.md").exists()  # TRL's card would say nothing of all this.
    plan = make_plan(EvalConfig(model=str(out / "final"), tasks=("pope",), limit=4, engine="hf"))
    assert [task.source for task in plan.tasks] == ["demo"]  # Without --data: the world that it was trained in.
    (group,) = json.loads((out / "leaderboard" / "leaderboard.json").read_text())["groups"]
    assert (group["baseline"], len(group["rows"])) == ("demo", 2)  # A training is a row.
    for name in ("start", "final", "checkpoint-1"):
        files = {path.name for path in (tmp_path / "one" / "runs" / name).iterdir()}
        assert files >= {"run.json", "samples.jsonl", "diagnostics.json", "findings.jsonl", "report.md", "report.html"}
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
    from transformers import AutoModelForImageTextToText

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
    monkeypatch.setattr(harness.judges.caption, "load_caption_judge", lambda *_, **__: YesJudge())
    monkeypatch.setattr("transformers.AutoModelForImageTextToText.from_pretrained", counted)
    assert command.run(arguments) == 0
    # Once to train, and for the checkpoint that was saved: itself, or its adapter's base.
    assert loaded == ["demo", "checkpoint-1" if lora == "0" else "demo"]
    final = tmp_path / "one" / "runs" / "final"
    evaluate(
        EvalConfig(
            model=str(tmp_path / "one" / "final"), tasks=("pope",), data="demo", prompt="grounded", engine="hf",
            engine_options={"batch_size": 64}, out=tmp_path / "again", limit=4, max_new_tokens=64,
        )
    )  # fmt: skip
    assert loaded[-1] == "final"
    texts = [[record.response.text for record in read_records(folder)] for folder in (final, tmp_path / "again")]
    assert texts[0] == texts[1]
    assert read_run(final).weights == read_run(tmp_path / "again").weights
    every = tmp_path / "one" / "runs" / "checkpoint-1"  # The only step's.
    assert [record.response.text for record in read_records(every)] == texts[0]
    assert (read_run(every).weights == read_run(final).weights) == (lora == "0")


def contents(folder):
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@needs_checkpoint
@pytest.mark.parametrize("fresh", [(), ("--fresh",)])
def test_a_project_folder_is_not_taken_for_an_output(fresh, tmp_path):
    from harness.demo.rows import write_demo_rows

    project = tmp_path / "proj"
    write_demo_rows(project / "data", 4, 0)
    (project / "data" / "made.json").unlink()
    (project / "runs" / "my_eval").mkdir(parents=True)
    (project / "runs" / "my_eval" / "run.json").write_text("{}")
    (project / "README.md").write_text("mine\n")
    text = (
        f"algorithm: sft\nmodel: demo\noutput: {project}\ndata: {{train: {project}/data/train.jsonl}}\n"
        "conflict_rows: 0\ntrain: {max_steps: 1, per_device_train_batch_size: 2}\n"
    )
    (project / "recipe.yaml").write_text(text)
    before = contents(tmp_path)
    with pytest.raises(UsageError, match=r"recipe\.yaml was not written by 'harness train'.*output=FOLDER"):
        command.run(parse(command.add_arguments, project / "recipe.yaml", *fresh))
    (project / "recipe.yaml").rename(project / "mine.yaml")
    with pytest.raises(UsageError, match=r"holds data\.train"):
        command.run(parse(command.add_arguments, project / "mine.yaml", *fresh))
    with pytest.raises(UsageError, match=r"holds data\.media_root"):
        command.run(parse(command.add_arguments, "demo/sft", f"output={tmp_path}", f"data.media_root={project}"))
    with pytest.raises(UsageError, match="holds the recipe"):
        command.run(parse(command.add_arguments, project / "mine.yaml", "data.train=demo", *fresh))
    with pytest.raises(UsageError, match=r"train\.jsonl is there and was not drawn from the demo world"):
        command.run(parse(command.add_arguments, "demo/sft", f"output={project}", *fresh))
    (project / "mine.yaml").rename(project / "recipe.yaml")
    after = contents(tmp_path)
    after.pop(project / ".harness.lock", None)
    assert after == before


@needs_checkpoint
@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("runs/final/samples.jsonl", ()),
        ("evaluations/best.json", ()),
        ("stage-2/runs/start/run.json", ("stages=[{}, {}]",)),
        ("leaderboard/leaderboard.md", ("stages=[{}, {}]",)),
    ],
)
@pytest.mark.parametrize("more", [(), ("--dry-run",), ("--fresh",)])
def test_evaluations_of_the_users_are_not_taken_for_a_runs(name, settings, more, tmp_path, monkeypatch):
    monkeypatch.setattr("trainers.preparation.prepare", lambda *_: pytest.fail("a run had begun"))
    (tmp_path / name).parent.mkdir(parents=True)
    (tmp_path / name).write_text("mine")
    with pytest.raises(UsageError, match=r"not (made by a run of|written by) 'harness .*move it away"):
        command.run(parse(command.add_arguments, "demo/sft", f"output={tmp_path}", *settings, *more))
    assert contents(tmp_path) == {tmp_path / name: b"mine"}


@pytest.mark.parametrize("verb", [command, select])
@pytest.mark.parametrize("more", [(), ("--dry-run",)])
def test_the_folder_of_an_evaluation_is_no_output(verb, more, tmp_path):
    RunFolder(tmp_path, {"seed": 0}).close()
    before = contents(tmp_path)
    with pytest.raises(UsageError, match=r"holds a run of 'harness eval'.*output=FOLDER"):
        verb.run(parse(verb.add_arguments, "demo/grpo", f"output={tmp_path}", *more))
    assert contents(tmp_path) == before


@needs_checkpoint
def test_fresh_deletes_what_a_run_made_and_nothing_else(tmp_path):
    from support_training import TINY_SFT

    arguments = ("demo/sft", *TINY_SFT, f"output={tmp_path}", "train.max_steps=1")
    assert command.run(parse(command.add_arguments, *arguments)) == 0
    mine = [
        tmp_path / name
        for name in ("notes.txt", "data/mine.jsonl", "data/images/cat.png", "runs/my_eval/run.json",
                     "selection/plan.md", "completions/mine.txt", "checkpoint-1-copy/config.json")
    ]  # fmt: skip
    for path in mine:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("mine")
    (tmp_path / "runs" / "final").mkdir()
    assert command.run(parse(command.add_arguments, *arguments, "seed=3", "--fresh")) == 0
    assert all(path.read_text() == "mine" for path in mine)
    assert not (tmp_path / "runs" / "final").exists()
    assert json.loads((tmp_path / "data" / "made.json").read_text())["seed"] == 3
    # The stored recipe can be run as it is; changed by hand it is no longer the tool's.
    assert command.run(parse(command.add_arguments, tmp_path / "recipe.yaml")) == 0
    stored = (tmp_path / "recipe.yaml").read_text()
    (tmp_path / "recipe.yaml").write_text(stored.replace("seed: 3", "seed: 4"))
    with pytest.raises(UsageError, match="or was changed since"):
        command.run(parse(command.add_arguments, tmp_path / "recipe.yaml", "--fresh"))


@needs_checkpoint
def test_the_model_that_training_starts_from_is_not_thrown_away(tmp_path):
    (tmp_path / "final").mkdir()
    with pytest.raises(UsageError, match="holds model"):
        command.run(parse(command.add_arguments, "demo/sft", f"output={tmp_path}", f"model={tmp_path / 'final'}"))


@needs_checkpoint
def test_a_dry_run_writes_nothing(tmp_path, capsys, monkeypatch):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "train.jsonl").write_text('{"id":"mine"}\n')
    monkeypatch.chdir(tmp_path)
    before = contents(tmp_path)
    assert command.run(parse(command.add_arguments, "demo/grpo", "output=.", "--dry-run")) == 0
    assert contents(tmp_path) == before
    text = capsys.readouterr().out
    assert "\noutput: .\n" in text
    assert "\n  demo_rows: 600\n" in text
    for run, add in ((command.run, command.add_arguments), (select.run, select.add_arguments)):
        with pytest.raises(UsageError, match="was not drawn from the demo world"):
            run(parse(add, "demo/grpo", "output=."))
    assert {path.name for path in contents(tmp_path)} == {"train.jsonl", ".harness.lock"}
    assert (tmp_path / "data" / "train.jsonl").read_text() == '{"id":"mine"}\n'


@needs_checkpoint
def test_a_dry_run_leaves_vllm_out_before_anything_of_a_training(monkeypatch):
    def leave_out(_):
        raise UsageError("trainers.preview" if "trainers.preview" in sys.modules else "nothing")

    monkeypatch.delitem(sys.modules, "trainers.preview", raising=False)
    monkeypatch.setattr("trainers.trl_vllm.leave_out_vllm", leave_out)
    with pytest.raises(UsageError, match="nothing"):
        command.run(parse(command.add_arguments, "demo/grpo", "--dry-run"))


def test_an_output_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    for run, add in ((command.run, command.add_arguments), (select.run, select.add_arguments)):
        for output in ("/proc/zzz/x", tmp_path / "file", tmp_path / "file" / "x"):
            with pytest.raises(StoreError, match=r"cannot write.*output=FOLDER"):
                run(parse(add, "demo/grpo", f"output={output}"))


@pytest.mark.parametrize("verb", [command, select])
def test_a_users_recipe_is_named_with_its_settings(verb, tmp_path):
    recipe = tmp_path / "mine.yaml"
    recipe.write_text((FOLDER / "demo/method.yaml").read_text())
    settings = ("eval.tasks=[pope]", "eval.data=/nope", f"output={tmp_path / 'out'}")
    for more in ([], ["--dry-run"]):
        with pytest.raises(UsageError, match=rf"^recipe {recipe}: eval\.data /nope is no folder"):
            verb.run(parse(verb.add_arguments, recipe, *settings, *more))
    with pytest.raises(UsageError, match=r"^eval\.data /nope is no folder"):
        verb.run(parse(verb.add_arguments, "demo/method", *settings))
