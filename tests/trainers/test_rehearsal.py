"""A dry run refuses what would stop a run later, names it, and leaves nothing behind."""

import json
import shutil
import sys
from collections import namedtuple
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from support_training import TINY_GRPO, TINY_SFT, YesJudge, parse

import harness.judges.caption
from harness.commands import select, train
from harness.core.errors import HarnessError, UsageError
from harness.core.worlds import shipped_checkpoints
from harness.engines.checkpoints import resolve_checkpoint
from trainers.checks import check_recipe
from trainers.plan.machine import Machine
from trainers.preparation import open_judge
from trainers.recipe import load_recipe

pytestmark = pytest.mark.skipif(
    not (shipped_checkpoints()["demo"] / "model.safetensors").is_file(),
    reason="the demo checkpoint is not part of this checkout",
)

LOAD_JUDGE = harness.judges.caption.load_caption_judge
ONE = Machine(gpus=1, memory=80 * 2**30)
EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "own_reward"


@pytest.fixture(autouse=True)
def judge(monkeypatch):
    judge = YesJudge()
    monkeypatch.setattr(harness.judges.caption, "load_caption_judge", lambda *_, **__: judge)
    return judge


@pytest.fixture
def data(tmp_path):
    from harness.demo.rows import write_demo_rows

    return write_demo_rows(tmp_path / "data", 12, 0)


def dry(command, name, output, *settings):
    tiny = TINY_SFT if name.endswith("sft") else TINY_GRPO
    return command.run(parse(command.add_arguments, name, *tiny, f"output={output}", *settings, "--dry-run"))


def refused(command, name, output, *settings, message):
    with pytest.raises(HarnessError, match=message) as caught:
        dry(command, name, output, *settings)
    assert caught.value.exit_code == 2
    assert not output.exists()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("train.report_to=trackio", r"train\.report_to='trackio': the tracker is not installed"),
        ("train.report_to=wandbb", r"no such tracker. Did you mean 'wandb'"),
        ("train.deepspeed=z3.json", r"train\.deepspeed needs the package 'deepspeed'"),
        ("train.optim=adamw_bnb_8bit", r"train\.optim needs the package 'bitsandbytes'"),
        ("train.optim=adamw_torch_8bit", r"train\.optim needs the package 'torchao'"),
        ("train.attn_implementation=flash_attention_2", "needs the package 'flash_attn'"),
        ("train.use_liger_kernel=true", "needs the package 'liger_kernel'"),
        ("train.lr_scheduler_type=cosine_with_min_lr", r"train\.lr_scheduler_type: .*min_lr"),
        ("train.optim=galore_adamw", r"train\.optim or .*[Gg]alore"),
        ("lora.rank=2 lora.target_modules='*proj'", r"'\*proj' does not fit the model: .*regular expression"),
        ("selection.keep=0.2", "2 rows to train on, but a batch of responses holds 4 prompts"),
        ("train.max_completion_length=100000", r"row 'demo/\d+' takes 10\d{4} tokens .* the model has places for"),
        ("eval.tasks=[pope] eval.data=DATA", r"pope"),
        ("output=/proc/zzz/x", "cannot write /proc/zzz/x"),
    ],
)
def test_settings_that_would_stop_a_run_are_refused(settings, message, tmp_path, monkeypatch):
    from trainers import checks

    absent, find = ("deepspeed", "bitsandbytes", "flash_attn", "liger_kernel", "torchao"), checks.find_spec
    monkeypatch.setattr(checks, "find_spec", lambda name: None if name in absent else find(name))
    monkeypatch.setattr(checks, "get_available_reporting_integrations", lambda: ["wandb"])
    (tmp_path / "empty").mkdir()
    settings = settings.replace("DATA", str(tmp_path / "empty")).split()
    refused(train, "demo/method", tmp_path / "out", *settings, message=message)


def test_every_row_is_looked_at(data, tmp_path):
    rows = [json.loads(line) for line in data.read_text().splitlines()]
    use = (f"data.train={data}",)
    assert dry(train, "demo/grpo", tmp_path / "out", *use) == 0
    image = data.parent / rows[-1]["media"][0]["path"]
    image.write_bytes(image.read_bytes()[:40])
    refused(train, "demo/grpo", tmp_path / "out", *use, message=f"training row '{rows[-1]['id']}'")
    image.unlink()
    refused(select, "demo/grpo", tmp_path / "out", *use, message=f"row '{rows[-1]['id']}'.* is missing")
    data.write_text("".join(json.dumps(row) + "\n" for row in rows[:-1]) + json.dumps({**rows[-1], "answer": 3}) + "\n")
    refused(train, "demo/grpo", tmp_path / "out", *use, message="field 'answer'")
    refused(train, "demo/sft", tmp_path / "out", *use, message="response|answer")


def test_a_reward_of_one_s_own_is_tried(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(EXAMPLE)
    assert dry(train, "recipe.yaml", tmp_path / "out") == 0
    said = "reward relevance:about_the_question: 1 for a made-up response with the right answer, 0 for an empty one"
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("def mine(prompts, completions, completion_ids, **_): return [1.0]", "raised TypeError: .*missing 1 required"),
        ("def mine(samples, responses): return [float('nan')] * 2", "'own_reward:mine' is nan for sample"),
        ("def mine(samples, responses): return 1.0", "raised TypeError: 'float' object is not iterable"),
        ("def mine(samples, responses): return [1.0]", "gave 1 values for 2 responses"),
        ("def other(samples, responses): return []", "own_reward:mine: module 'own_reward' has no attribute 'mine'"),
    ],
)
def test_a_reward_of_one_s_own_that_breaks_is_refused_before_anything_is_spent(body, message, tmp_path, monkeypatch):
    (tmp_path / "own_reward.py").write_text(body)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "own_reward", raising=False)
    for command in (train, select):
        refused(command, "demo/grpo", tmp_path / "out", "rewards.own_reward:mine=0.5", message=message)


def test_a_judge_that_does_not_answer_is_refused(tmp_path, judge, monkeypatch):
    judge.problem = "connection refused."
    monkeypatch.setattr(judge, "ask", lambda questions: [None] * len(questions))
    for command in (train, select):
        refused(command, "demo/method", tmp_path / "out", message="connection refused")


def test_what_the_judge_is_asked_is_not_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(harness.judges.caption, "load_caption_judge", LOAD_JUDGE)
    assert dry(select, "demo/method", tmp_path / "out", f"judge.cache={tmp_path / 'cache'}") == 0
    assert not list(tmp_path.iterdir())


def test_a_model_whose_weights_are_cut_off_is_refused(tmp_path):
    model = tmp_path / "model"
    shutil.copytree(resolve_checkpoint("demo").folder, model)
    weights = model / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])
    refused(train, "demo/grpo", tmp_path / "out", f"model={model}", message="model.safetensors")


def test_a_disk_that_checkpoints_do_not_fit_on_is_refused(tmp_path, monkeypatch):
    from trainers import rehearsal

    usage = namedtuple("usage", "free")
    # A checkpoint of 1.2 M weights takes 13.8 MiB with AdamW's moments; two, and the final model's 4.6 MiB.
    for free, settings in ((31, ()), (31, ("train.save_total_limit=1",))):
        monkeypatch.setattr(rehearsal.shutil, "disk_usage", lambda _, free=free: usage(free * 2**20))
        refused(train, "demo/grpo", tmp_path / "out", *settings, message=r"0\.0 GiB are free. Lower train.save_total")
    monkeypatch.setattr(rehearsal.shutil, "disk_usage", lambda _: usage(34 * 2**20))
    assert dry(train, "demo/grpo", tmp_path / "out") == 0
    monkeypatch.setattr(rehearsal.shutil, "disk_usage", lambda _: usage(15 * 2**20))
    assert dry(train, "demo/grpo", tmp_path / "out", "train.save_only_model=true") == 0
    assert dry(select, "demo/grpo", tmp_path / "out") == 0
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("settings", "count"),
    [
        ({"save_strategy": "no"}, 0),
        ({"save_strategy": "epoch", "num_train_epochs": 2.5}, 3),
        ({"save_strategy": "epoch", "num_train_epochs": 2, "save_total_limit": 4}, 2),
        ({"save_strategy": "steps", "save_steps": 10}, 3),
        ({"save_strategy": "steps", "save_steps": 5, "save_total_limit": 3}, 4),
        ({"save_strategy": "steps", "save_steps": 0.25}, 4),
        ({"save_strategy": "steps", "save_steps": 10, "max_steps": 60, "save_total_limit": 1}, 2),
    ],
)
@pytest.mark.parametrize("rank", [0, 4])
def test_checkpoints_are_counted_as_they_are_kept(settings, count, rank):
    from trainers.plan.disk import disk_bytes
    from trainers.plan.machine import Machine
    from trainers.recipe import load_recipe

    batch = {"per_device_train_batch_size": 2, "gradient_accumulation_steps": 2, "world_size": 1}
    given = {"max_steps": -1, "num_train_epochs": 3, "save_total_limit": None, "save_only_model": False}
    config = SimpleNamespace(**{**batch, **given, **settings})
    sizes = SimpleNamespace(total=100, adapted=2)
    recipe = load_recipe("demo/grpo", [f"lora.rank={rank}"])
    # Weights and two moments of four bytes each; a checkpoint of an adapter holds no copy of its base.
    needed = disk_bytes(recipe, config, 40, sizes, Machine(on_gpu=False))
    assert needed == count * (8 * 12 if rank else 100 * 12) + 100 * 4


def test_the_folder_of_another_recipe_is_refused(data, tmp_path, capsys):
    model, output = tmp_path / "model", tmp_path / "out"
    shutil.copytree(resolve_checkpoint("demo").folder, model)
    recipe = ("demo/sft", *TINY_SFT, f"output={output}", f"data.train={data}", f"model={model}", "train.max_steps=1")
    arguments = (*recipe, "eval.tasks=[pope]", "eval.data=demo", "eval.limit=2")
    assert train.run(parse(train.add_arguments, *arguments)) == 0
    there = sorted(output.rglob("*"))
    assert train.run(parse(train.add_arguments, *arguments, "--dry-run")) == 0
    assert "# first prompt" in capsys.readouterr().out
    assert train.run(parse(train.add_arguments, *arguments, "seed=5", "--dry-run", "--fresh")) == 0

    def refused_with(*settings, message):
        for more in ((), ("--dry-run",)):
            with pytest.raises(HarnessError, match=message):
                train.run(parse(train.add_arguments, *arguments, *settings, *more))
        assert sorted(output.rglob("*")) == there

    # Where nothing is to be asked nothing differs, and what was asked is still known.
    assert train.run(parse(train.add_arguments, *arguments, "eval.tasks=[]")) == 0
    assert sorted(output.rglob("*")) == there
    assert train.run(parse(train.add_arguments, *arguments, "--dry-run")) == 0
    refused_with("seed=5", message=r"another recipe \(seed differ\)")
    for settings, named in (
        (("eval.limit=3",), r"eval\.limit differ"),
        (("eval.tasks=[mmbench]",), r"eval\.tasks differ"),
    ):
        refused_with(*settings, message=rf"{named}.*harness eval --model {output}/final'.*move {output}/runs away")
    weights, rows = model / "model.safetensors", data.read_text()
    kept = weights.read_bytes()
    weights.write_bytes(kept[:-4] + bytes([kept[-4] ^ 1]) + kept[-3:])
    refused_with(message=r"out/final was trained otherwise \(the weights of model differ\).*--fresh")
    weights.write_bytes(kept)
    data.write_text("".join(rows.splitlines(keepends=True)[1:]))
    refused_with(message=r"out/final was trained otherwise \(the rows of data\.train differ\)")
    shutil.rmtree(output / "final")
    there = sorted(output.rglob("*"))
    refused_with(message=r"out/checkpoint-1 was trained otherwise")


def test_tasks_of_the_users_own_are_loaded_and_evaluated(tmp_path, monkeypatch):
    from harness.demo.new_task import write_task
    from harness.evaluation import run
    from trainers.evaluation import evaluate_checkpoints
    from trainers.recipe import load_recipe
    from trainers.rehearsal import check_tasks

    write_task(tmp_path / "tasks" / "shapes", "open")
    settings = [f"output={tmp_path / 'out'}", "eval.tasks=[shapes]", "eval.engine=hf"]
    with pytest.raises(HarnessError, match="task 'shapes' not found"):
        check_tasks(load_recipe("demo/grpo", settings))
    recipe = load_recipe("demo/grpo", [*settings, f"eval.tasks_dir={tmp_path / 'tasks'}"])
    check_tasks(recipe)
    asked = []
    monkeypatch.setattr(run, "evaluate", lambda config, *_: asked.append(config) or 1 / 0)
    with pytest.raises(ZeroDivisionError):
        evaluate_checkpoints(recipe, tmp_path / "out")
    assert (asked[0].tasks, asked[0].tasks_dir) == (("shapes",), tmp_path / "tasks")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (("lora.rank=4",), r"is an adapter, and lora\.rank 4 would put another one on it"),
        (("train.beta=0.1",), r"is an adapter, and the reference model of train\.beta would be its base"),
    ],
)
def test_what_an_adapter_cannot_start_is_refused_before_anything_is_spent(settings, message, tmp_path):
    adapter = replace(resolve_checkpoint("demo"), name="mine", adapter=tmp_path)
    recipe = load_recipe("demo/grpo", [*settings, f"output={tmp_path}"])
    with pytest.raises(UsageError, match=message):
        check_recipe(recipe, adapter, tmp_path, selects=False, machine=replace(ONE, sharding="zero3"))


def test_a_plan_for_many_gpus_is_checked_with_as_many(tmp_path):
    batch = ("per_device_train_batch_size=1", "gradient_accumulation_steps=1", "num_generations=8")
    recipe = load_recipe("demo/grpo", [f"output={tmp_path}", *(f"train.{item}" for item in batch)])
    check_recipe(recipe, resolve_checkpoint("demo"), tmp_path, selects=False, machine=replace(ONE, gpus=16))


def test_the_reward_that_needs_a_judge_is_named():
    recipe = load_recipe("demo/grpo", ["judge.model=null", "rewards.visual_facts=1"])
    with pytest.raises(UsageError, match=r"rewards\.visual_facts needs a judge"):
        open_judge(recipe)
