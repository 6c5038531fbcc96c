"""Training: every recipe for a few steps, resuming to the same bytes, and what is refused."""

import json
import os
import shutil
import sys
from subprocess import PIPE
from types import SimpleNamespace

import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from support_processes import Popen
from support_training import TINY_GRPO, TINY_SFT, YesJudge, read_log, train_tiny

import harness.judges.caption
from harness.cli import main
from harness.core.errors import DataError, ModelError, StoreError, UsageError
from harness.core.worlds import shipped_checkpoints
from harness.engines.checkpoints import resolve_checkpoint
from trainers.grpo import TrainingError
from trainers.layout import saved_checkpoints
from trainers.recipe import load_recipe
from trainers.rewards.in_trl import FailedTogetherError
from trainers.rewards.scoring import RewardError
from trainers.training import last_checkpoint, run_trainer

pytestmark = pytest.mark.skipif(
    not (shipped_checkpoints()["demo"] / "model.safetensors").is_file(),
    reason="the demo checkpoint is not part of this checkout",
)


@pytest.fixture(autouse=True)
def judge(monkeypatch):
    judge = YesJudge()
    monkeypatch.setattr(harness.judges.caption, "load_caption_judge", lambda *_, **__: judge)
    return judge


def weights(folder):
    return load_file(folder / "model.safetensors")


@pytest.mark.parametrize(
    "name", ["grpo", "method", "no_caption", "no_selection", "easy_only", "hard_only", "no_infonce", "sft"]
)
def test_every_recipe_trains(name, tmp_path):
    # Of twelve prompts all but one are then easy or hard; cool responses are mostly right, hot ones mostly wrong.
    few = {
        "easy_only": ("selection.keep=0.1", "train.per_device_train_batch_size=4", "selection.temperature=0.7"),
        "hard_only": ("selection.keep=0.1", "train.per_device_train_batch_size=4", "selection.temperature=2.5"),
    }.get(name, ())
    train_tiny(f"demo/{name}", tmp_path, *few)
    log = read_log(tmp_path)
    steps = [entry for entry in log if "loss" in entry]
    assert len(steps) == 2
    assert ("ntk/loss" in steps[0]) == (name not in ("grpo", "no_infonce", "sft"))
    assert ("rewards/caption/mean" in steps[0]) == (name not in ("grpo", "no_caption", "sft"))
    assert (tmp_path / "selection" / "selected.jsonl").is_file() == (name not in ("grpo", "no_selection", "sft"))
    before, after = weights(resolve_checkpoint("demo").folder), weights(tmp_path / "final")
    if few == ():  # Easy and hard prompts of a handful of rows have one reward for all responses.
        assert any(not torch.equal(before[key], after[key]) for key in before)
    told = json.loads((tmp_path / "final" / "harness.json").read_text())
    assert told["prompt_format"] == "grounded"
    assert told["data"]["count"] > 0
    assert resolve_checkpoint(str(tmp_path / "final")).training == {**told["training"], "step": 2}
    assert resolve_checkpoint(str(tmp_path / "final")).prompt_format == "grounded"
    assert resolve_checkpoint(str(tmp_path / "checkpoint-1")).prompt_format == "grounded"
    assert (tmp_path / "curves.svg").read_text().startswith("<svg")


METHODS = (
    "methods/visionary_r1", "methods/dynamic_sampling", "methods/papo", "methods/t_grpo", "methods/noisy_rollout",
    "data.demo_videos=0.5", "t_grpo.shortest=20", "t_grpo.longest=38", "train.temperature=1",
    "data.demo_rows=18",
)  # fmt: skip


@pytest.mark.parametrize(("name", "settings"), [("method", ()), ("sft", ()), ("grpo", METHODS)])
def test_a_resumed_run_equals_an_undisturbed_one(name, settings, tmp_path, capsys):
    # Six rows and batches of four: each step is an epoch of its own, with an order of its own.
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    train_tiny(f"demo/{name}", whole, "train.max_steps=3", *settings)
    shutil.copytree(whole, killed)
    for name_of_later in ("final", "checkpoint-2", "checkpoint-3"):
        shutil.rmtree(killed / name_of_later)
    train_tiny(f"demo/{name}", killed, "train.max_steps=3", *settings)
    assert f"resuming from {killed / 'checkpoint-1'}" in capsys.readouterr().err
    one, other = weights(whole / "final"), weights(killed / "final")
    assert all(torch.equal(one[key], other[key]) for key in one)
    if settings:  # All methods at once, each of which did something; what they spent is counted over both sessions.
        steps = [entry for entry in read_log(whole) if "loss" in entry]
        assert any(step["dynamic_sampling/groups_sampled_again"] for step in steps)
        assert any(step["rewards/length_bonus/mean"] for step in steps)
        assert all(step["papo/kl"] > 0 for step in steps)
        shuffled = [step for step in steps if step.get("t_grpo/accuracy_shuffled") is not None]
        again = sum(step["dynamic_sampling/groups_sampled_again"] for step in steps)
        assert shuffled
        assert 0 < steps[-1]["rollouts"] - 3 * 16 - 4 * again <= 3 * 4 * 2
        assert read_log(killed)[-1]["rollouts"] == read_log(whole)[-1]["rollouts"]


def test_what_stops_a_later_stage_is_found_before_the_first(tmp_path):
    with pytest.raises(UsageError, match="num_generations"):
        train_tiny("demo/grpo", tmp_path, "stages=[{}, {train: {num_generations: 7}}]")
    assert not (tmp_path / "stage-1").exists()


def test_stages_train_one_after_the_other_and_select_for_the_first(tmp_path, capsys):
    stages = "stages=[{}, {train: {max_steps: 1}, selection: {enabled: false}}]"
    settings = [*TINY_GRPO, stages, f"output={tmp_path}", "train.max_steps=1"]
    assert main(["select", "demo/no_infonce", *settings]) == 0
    selected = (tmp_path / "stage-1" / "selection" / "selected.jsonl").read_bytes()
    assert main(["train", "demo/no_infonce", *settings]) == 0
    assert (tmp_path / "stage-1" / "selection" / "selected.jsonl").read_bytes() == selected
    told = json.loads((tmp_path / "stage-2" / "final" / "harness.json").read_text())
    assert told["trained_from"]["name"] == f"{tmp_path}/stage-1/final"
    assert not (tmp_path / "stage-2" / "selection").exists()
    capsys.readouterr()
    assert main(["train", "demo/no_infonce", *settings, "--dry-run"]) == 0


def test_a_run_ends_with_its_rollouts(tmp_path, capsys):
    settings = ("max_rollouts=20", "train.max_steps=9", "train.save_steps=9")
    for _ in range(2):  # A run that is at its end takes no step more.
        train_tiny("demo/grpo", tmp_path, *settings)
        told = json.loads((tmp_path / "final" / "harness.json").read_text())
        assert told["step"] == 2
        shutil.rmtree(tmp_path / "final")


@pytest.mark.parametrize("name", ["sft", "grpo"])
def test_a_run_that_a_scheduler_ends_saves_exits_0_and_goes_on_to_the_same_weights(name, tmp_path, capsys):
    whole, ended = tmp_path / "whole", tmp_path / "ended"
    settings, tiny = ("train.max_steps=30", "train.save_steps=30", "conflict_rows=4"), TINY_SFT
    if name == "grpo":  # Responses are used for two steps, and saved between two batches of them only.
        settings = ("train.max_steps=4", "train.save_steps=4", "train.num_iterations=2")
        tiny = TINY_GRPO
    command = [sys.executable, "-m", "harness", "train", f"demo/{name}", "--requeue", *tiny]
    said = []
    with Popen([*command, *settings, f"output={ended}"], stderr=PIPE, text=True) as process:
        for line in process.stderr:
            said.append(line)
            if line.startswith("step 1/"):
                process.terminate()
    assert process.returncode == 0, said
    (saved,) = ended.glob("checkpoint-*")
    step = int(saved.name.removeprefix("checkpoint-"))
    assert step == 2 if name == "grpo" else 1 <= step < 30
    assert f"step {step} is saved in {saved}\n" in said
    assert said[-1].startswith("ended from outside")
    assert not (ended / "final").exists()
    if name == "sft":  # Nothing is measured of a training that goes on.
        assert json.loads((ended / "conflict.json").read_text()).keys() == {"rows", "before"}
    train_tiny(f"demo/{name}", ended, *settings)
    assert f"resuming from {saved}" in capsys.readouterr().err
    train_tiny(f"demo/{name}", whole, *settings)
    one, other = weights(whole / "final"), weights(ended / "final")
    assert all(torch.equal(one[key], other[key]) for key in one)


@pytest.mark.parametrize("count", [1, 3])  # Of two checkpoints, then the whole model.
def test_a_disk_that_is_full_while_weights_are_saved_is_the_users_to_mend(count, tmp_path, monkeypatch):
    from transformers import modeling_utils

    saved, save = [], modeling_utils.safe_save_file

    def fill_up(weights, path, **more):
        saved.append(path)
        if len(saved) >= count:
            raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")
        save(weights, path, **more)

    monkeypatch.setattr(modeling_utils, "safe_save_file", fill_up)
    place = tmp_path / ("final" if count == 3 else f"checkpoint-{count}")
    with pytest.raises(StoreError, match=rf"cannot write {place}: .*No space left on device"):
        train_tiny("demo/sft", tmp_path)
    monkeypatch.undo()
    train_tiny("demo/sft", tmp_path)
    assert (tmp_path / "final" / "harness.json").is_file()


@pytest.mark.parametrize("settings", [("ntk.weight=0",), ("lora.rank=4",), ("train.max_steps=2",)])
def test_a_run_that_was_killed_after_its_last_step_takes_no_other(settings, tmp_path, capsys):
    # Of nine rows and batches of four two steps are an epoch: the third leaves one unfinished.
    fixed = ("data.demo_rows=9", "train.max_steps=3", *settings)
    if "train.max_steps=2" in settings:
        fixed = (*fixed, "conflict_rows=4", "selection.enabled=true")
    train_tiny("demo/no_selection", tmp_path, *fixed)
    one, log = weights(tmp_path / "final"), read_log(tmp_path)
    assert "step 1/" in capsys.readouterr().err
    measured = (tmp_path / "conflict.json").read_text() if (tmp_path / "conflict.json").is_file() else ""
    told = (tmp_path / "final" / "harness.json").read_text()
    shutil.rmtree(tmp_path / "final")
    train_tiny("demo/no_selection", tmp_path, *fixed)
    text = capsys.readouterr().err
    assert "resuming from" in text
    assert "step " not in text
    other = weights(tmp_path / "final")
    assert one.keys() == other.keys()
    assert all(torch.equal(one[key], other[key]) for key in one)
    assert (tmp_path / "final" / "harness.json").read_text() == told
    again = read_log(tmp_path)
    assert [entry for entry in again if "loss" in entry] == [entry for entry in log if "loss" in entry]
    assert not any("train_loss" in entry for entry in again)
    if measured:
        assert (tmp_path / "conflict.json").read_text() == measured
        assert any("conflict/mean_after" in entry for entry in again)


def test_a_second_run_in_the_same_folder_is_refused(tmp_path):
    from trainers.run import hold_output

    with hold_output(tmp_path), pytest.raises(StoreError, match=r"another process is writing to .*output=FOLDER"):
        train_tiny("demo/grpo", tmp_path)
    assert not (tmp_path / "recipe.yaml").exists()
    train_tiny("demo/grpo", tmp_path, "train.max_steps=1")
    assert (tmp_path / "final").is_dir()


def test_a_recipe_may_change_until_a_checkpoint_is_saved(tmp_path, monkeypatch):
    from trainers import training

    def dies(*_):
        raise ModelError("died")

    monkeypatch.setattr(training, "run_trainer", dies)
    with pytest.raises(ModelError, match="died"):
        train_tiny("demo/method", tmp_path)
    monkeypatch.undo()
    monkeypatch.setattr(harness.judges.caption, "load_caption_judge", lambda *_, **__: YesJudge())
    rollouts = (tmp_path / "selection" / "rollouts.jsonl").stat().st_mtime_ns
    train_tiny("demo/method", tmp_path, "train.max_steps=1", "train.beta=0.2")
    assert (tmp_path / "selection" / "rollouts.jsonl").stat().st_mtime_ns == rollouts
    assert (tmp_path / "final").is_dir()


def test_a_checkpoint_that_was_cut_off_is_left_out(tmp_path, capsys):
    for name in ("checkpoint-9", "checkpoint-10", "checkpoint-11", "checkpoint-best"):  # The last is a user's own.
        (tmp_path / name).mkdir()
        (tmp_path / name / "trainer_state.json").write_text("{}")
    (tmp_path / "checkpoint-9" / "harness.json").write_text("{}")
    assert last_checkpoint(tmp_path) == tmp_path / "checkpoint-9"
    assert capsys.readouterr().err.count("cut off") == 2
    assert last_checkpoint(tmp_path / "none") is None
    (tmp_path / "checkpoint-10" / "harness.json").write_text("{}")
    assert [path.name for path in saved_checkpoints(tmp_path)] == ["checkpoint-9", "checkpoint-10"]


def test_only_a_runs_own_checkpoints_are_deleted_when_there_are_more_than_it_keeps(tmp_path):
    mine = [tmp_path / name / "model.safetensors" for name in ("checkpoint-1-copy", "checkpoint-best")]
    for file in mine:
        file.parent.mkdir()
        file.write_text("mine")
        os.utime(file.parent, (0, 0))
    train_tiny("demo/sft", tmp_path, "train.max_steps=3", "train.save_total_limit=1")
    assert all(file.read_text() == "mine" for file in mine)
    assert [path.name for path in saved_checkpoints(tmp_path)] == ["checkpoint-3"]


def test_a_run_that_saves_models_alone_starts_over(tmp_path, capsys):
    settings = ("train.max_steps=2", "train.save_only_model=true")
    train_tiny("demo/sft", tmp_path, *settings)
    one = weights(tmp_path / "final")
    shutil.rmtree(tmp_path / "final")
    shutil.rmtree(tmp_path / "checkpoint-2")
    train_tiny("demo/sft", tmp_path, *settings)
    assert "resuming" not in capsys.readouterr().err
    other = weights(tmp_path / "final")
    assert all(torch.equal(one[key], other[key]) for key in one)


def test_a_finished_run_is_not_trained_again_and_another_recipe_is_refused(tmp_path):
    train_tiny("demo/grpo", tmp_path, "train.max_steps=1")
    made = (tmp_path / "final" / "model.safetensors").stat().st_mtime_ns
    train_tiny("demo/grpo", tmp_path, "train.max_steps=1", "train.report_to=none")
    assert (tmp_path / "final" / "model.safetensors").stat().st_mtime_ns == made
    with pytest.raises(StoreError, match=r"train\.beta differ.*--fresh"):
        train_tiny("demo/grpo", tmp_path, "train.max_steps=1", "train.beta=0.2")
    train_tiny("demo/grpo", tmp_path, "train.max_steps=1", "train.beta=0.2", fresh=True)
    assert (tmp_path / "final" / "model.safetensors").stat().st_mtime_ns != made


def test_a_run_goes_on_with_settings_that_save_memory_and_not_with_another_batch(tmp_path, capsys):
    train_tiny("demo/sft", tmp_path)
    for later in ("final", "checkpoint-2"):
        shutil.rmtree(tmp_path / later)
    with pytest.raises(StoreError, match=r"checkpoint-1 .*the responses of an update \(4 before, 2 now\) differ"):
        train_tiny("demo/sft", tmp_path, "train.per_device_train_batch_size=2")
    divided = ("train.per_device_train_batch_size=2", "train.gradient_accumulation_steps=2")
    train_tiny("demo/sft", tmp_path, *divided, "train.gradient_checkpointing=true", "train.save_steps=2")
    assert f"resuming from {tmp_path / 'checkpoint-1'}" in capsys.readouterr().err
    told = json.loads((tmp_path / "final" / "harness.json").read_text())
    assert told["batch"] == {"responses_per_update": 4}
    with pytest.raises(StoreError, match=r"another recipe \(train\.per_device_train_batch_size differ\)"):
        train_tiny("demo/sft", tmp_path, *divided, "train.per_device_train_batch_size=1")


def test_lora_with_checkpointing_and_reference(tmp_path):
    train_tiny(
        "demo/no_selection", tmp_path, "lora.rank=4", "train.gradient_checkpointing=true", "train.beta=0.04",
        "freeze_vision=true", "data.demo_rows=8", "conflict_rows=4",
    )  # fmt: skip
    assert (tmp_path / "checkpoint-2" / "adapter_config.json").is_file()
    before, after = weights(resolve_checkpoint("demo").folder), weights(tmp_path / "final")
    assert before.keys() == after.keys()
    changed = {key for key in before if not torch.equal(before[key], after[key])}
    assert changed
    assert not any("visual" in key for key in changed)


def test_gradient_checkpointing_changes_nothing(tmp_path):
    for choice in ("true", "false"):
        train_tiny("demo/no_selection", tmp_path / choice, f"train.gradient_checkpointing={choice}")
    one, other = (weights(tmp_path / choice / "final") for choice in ("true", "false"))
    for key in one:
        torch.testing.assert_close(one[key], other[key], rtol=1e-4, atol=1e-5)


def test_the_contrastive_term_moves_the_weights(tmp_path):
    for weight in ("0", "0.01", "1"):
        train_tiny("demo/no_selection", tmp_path / weight, f"ntk.weight={weight}", "train.max_steps=1")
    base = weights(tmp_path / "0" / "final")
    moved = {
        weight: sum(float((weights(tmp_path / weight / "final")[key] - base[key]).abs().sum()) for key in base)
        for weight in ("0.01", "1")
    }
    assert 0 < moved["0.01"] < moved["1"]


@pytest.mark.parametrize("estimator", ["top_tokens", "hidden"])
def test_estimators_train(estimator, tmp_path):
    train_tiny("demo/no_selection", tmp_path, f"ntk.estimator={estimator}", "train.max_steps=1", "ntk.max_tokens=4")
    assert read_log(tmp_path)[0]["ntk/pairs"] > 0


def test_a_judge_that_fails_now_and_then_gives_no_signal(tmp_path, judge):
    judge.fails = True
    judge.asked = 1
    train_tiny("demo/no_selection", tmp_path, "train.max_steps=1")
    assert read_log(tmp_path)[0]["reward"] == pytest.approx(read_log(tmp_path)[0]["reward"])  # Not NaN.


def test_a_judge_that_is_down_stops_before_anything_is_spent(tmp_path, judge, monkeypatch):
    judge.problem = "connection refused."
    monkeypatch.setattr(judge, "ask", lambda questions: [None] * len(questions))
    with pytest.raises(ModelError, match="connection refused"):
        train_tiny("demo/method", tmp_path)
    assert not (tmp_path / "selection").exists()


def test_a_reward_that_breaks_stops_the_run_with_its_state_saved(tmp_path, judge, monkeypatch):
    ask = judge.ask

    def breaks(questions):
        if judge.asked > 20:
            raise ZeroDivisionError("broken")
        return ask(questions)

    monkeypatch.setattr(judge, "ask", breaks)
    with pytest.raises(RewardError, match="reward 'caption' raised ZeroDivisionError: broken"):
        train_tiny("demo/no_selection", tmp_path, "train.max_steps=3", "train.save_steps=3")
    saved = sorted(path.name for path in tmp_path.glob("checkpoint-*"))
    assert len(saved) == 1
    assert (tmp_path / saved[0] / "harness.json").is_file()
    monkeypatch.setattr(judge, "ask", ask)
    train_tiny("demo/no_selection", tmp_path, "train.max_steps=3", "train.save_steps=3")
    assert (tmp_path / "final" / "model.safetensors").is_file()


class StoppedTrainer:
    """One of two processes, which stops in its eighth step."""

    args = SimpleNamespace(world_size=2, save_only_model=False, device=torch.device("cpu"))
    model, control = torch.nn.Linear(1, 1), None
    state = SimpleNamespace(global_step=7, log_history=[])
    callback_handler = SimpleNamespace(on_step_end=lambda *_: None, on_save=lambda *_: None)

    def __init__(self, error):
        self.error, self.saved = error, 0

    def train(self, **_):
        raise self.error

    def remove_callback(self, *_):
        pass

    _run_epoch = remove_callback

    def _save_checkpoint(self, *_, **__):
        self.saved += 1

    def is_world_process_zero(self):
        return False


@pytest.mark.parametrize(
    ("error", "raised", "saved"),
    [
        (FailedTogetherError(RewardError("mine"), 3), RewardError, 1),
        (FailedTogetherError(None, 3), SystemExit, 1),
        (StoreError("only here"), StoreError, 0),  # The other process waits elsewhere.
    ],
)
def test_processes_save_together_where_a_reward_fails(error, raised, saved, tmp_path):
    trainer = StoppedTrainer(error)
    with pytest.raises(raised):
        run_trainer(trainer, tmp_path, {})
    assert trainer.saved == saved


def test_a_reward_that_is_not_a_number_is_named(tmp_path, monkeypatch):
    from trainers.rewards.functions import REWARDS

    monkeypatch.setitem(REWARDS, "accuracy", lambda setup: lambda samples, responses: [float("nan")] * len(samples))
    with pytest.raises(RewardError, match=r"reward 'accuracy' is nan for sample 'demo/\d+'"):
        train_tiny("demo/no_selection", tmp_path)
    assert not list(tmp_path.glob("checkpoint-*"))  # No step was taken.


def test_a_users_function_is_trained_with(tmp_path, monkeypatch, capsys):
    (tmp_path / "my_rewards.py").write_text(
        "def brief(samples, responses):\n"
        "    assert all(s.target and s.id == r.sample_id for s, r in zip(samples, responses, strict=True))\n"
        "    return [-float(len(r.text)) for r in responses]\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    train_tiny("demo/grpo", tmp_path / "out", "rewards.my_rewards:brief=0.01", "train.max_steps=1")
    assert read_log(tmp_path / "out")[0]["rewards/my_rewards:brief/mean"] < -1
    assert "my_rewards:brief -" in capsys.readouterr().err


def test_what_trl_refuses_of_a_model_is_the_users_to_mend(tmp_path):
    with pytest.raises(UsageError, match=r"train: .*router_aux_loss_coef.*not a Mixture-of-Experts model"):
        train_tiny("demo/grpo", tmp_path, "train.router_aux_loss_coef=0.1")


def test_out_of_memory_names_the_settings_to_lower(tmp_path, monkeypatch):
    from trainers.extensions import contrastive

    def fails(*_, **__):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

    monkeypatch.setattr(contrastive, "term_of_batch", fails)
    with pytest.raises(ModelError, match=r"train\.per_device_train_batch_size.*ntk\.chunk_size"):
        train_tiny("demo/no_selection", tmp_path)


def test_training_that_diverged_is_said_to_have(tmp_path):
    settings = ("train.max_steps=9", "train.learning_rate=1e20", "train.max_grad_norm=1e9")
    with pytest.raises(ModelError, match=r"diverged.*train\.learning_rate"):
        train_tiny("demo/no_selection", tmp_path, *settings)


def test_twenty_steps_that_teach_nothing_are_warned_of(tmp_path, capsys):
    train_tiny(
        "demo/no_selection", tmp_path, "train.max_steps=20", "train.save_steps=20", "train.temperature=0.01",
        "ntk.threshold=1.0", "ntk.quantile=null", "train.gradient_accumulation_steps=1", "train.learning_rate=0.0",
        "train.max_completion_length=8",
    )  # fmt: skip
    text = capsys.readouterr().err
    assert "100% of the groups of the last 20 steps have one reward" in text
    assert "ntk.threshold=1 is above every similarity of the last 20 steps (q05 " in text


def test_answers_that_never_parse_are_refused(tmp_path):
    rows = [{"id": n, "question": "What?", "answer": "<answer></answer>", "answer_kind": "open"} for n in range(3)]
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(DataError, match="of the first 3 rows 3 have an answer that is not judged right"):
        train_tiny("demo/grpo", tmp_path / "out", f"data.train={file}")


def test_too_few_selected_rows_for_one_step_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"\d rows to train on, but a batch of responses holds 4 prompts"):
        train_tiny("demo/method", tmp_path, "selection.keep=0.3", "data.demo_rows=5")


def test_text_only_and_mixed_rows_train(tmp_path):
    from harness.demo.rows import write_demo_rows

    rows = [json.loads(line) for line in write_demo_rows(tmp_path, 8, 0).read_text().splitlines()]
    for row in rows[::2]:
        row["media"] = []
    rows[1]["media"] *= 2  # Two images, one of them twice.
    file = tmp_path / "mixed.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    train_tiny("demo/no_selection", tmp_path / "out", f"data.train={file}", "conflict_rows=4")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("train.learning_rat=1", "Did you mean 'learning_rate'"),
        ("train.seed=1", "Use seed"),
        ("train.num_generations=3", "train: "),
        ("train.num_generations=16", "pairs need two"),
        ("train.num_iterations=3", "save_steps 1 is not a multiple of the 3 steps"),
        ("judge.model=null", "needs a judge"),
        ("train.dtype=float8", "should be 'bfloat16', 'float16' or 'float32'"),
        ("train.bits=x", r"train\.bits='x': it should be 4 or 8"),
        ("train.max_steps=abc", r"train\.max_steps='abc': it should be a valid integer"),
        ("train.max_steps=1e3", r"train\.max_steps=1000\.0: it should be a valid integer"),
        ("train.max_steps=null", r"train\.max_steps=None: it should be a valid integer"),
        ("train.learning_rate=fast", r"train\.learning_rate='fast': it should be a valid number"),
        ("train.learning_rate=-1", r"train\.learning_rate=-1: it should be greater than or equal to 0"),
        ("train.fp16=maybe", "should be a valid boolean"),
        ("train.temperature=0", r"train\.temperature=0: it should be greater than 0"),
        ("train.resume_from_checkpoint=/nope", "the same command goes on from the last checkpoint"),
        ("train.eval_strategy=steps", r"Use eval\.tasks with eval\.every=true"),
        ("train.use_vllm=true", r"train\.use_vllm needs the package 'vllm'"),
        ("train.dtype=bfloat16", r"train\.dtype=bfloat16: weights of 16 bits without a copy in 32 do not move"),
        ("eval.tasks=[pop]", "Did you mean 'pope'"),
        ("rewards.format=1 prompt=direct", "rewards.format needs sections"),
        ("rewards.no_such_module:reward=1", "the module 'no_such_module' cannot be imported"),
        ("data.demo_rows=3", "2 rows to train on, but a batch of responses holds 4 prompts"),
        ("lora.rank=4 lora.target_modules=[nope]", r"lora\.target_modules=\['nope'\] does not fit"),
        ("eval.tasks=[pope] eval.data=/nope", r"eval\.data /nope is no folder"),
    ],
)
def test_settings_that_cannot_work_are_refused_before_anything_is_spent(override, message, tmp_path, monkeypatch):
    from trainers import checks
    from trainers.selection import stage

    find = checks.find_spec
    monkeypatch.setattr(checks, "find_spec", lambda name: None if name == "vllm" else find(name))
    monkeypatch.setattr(stage, "select_rows", lambda *_, **__: pytest.fail("a selection was paid for"))
    with pytest.raises((UsageError, DataError), match=message):
        train_tiny("demo/method", tmp_path, *override.split())
    assert not (tmp_path / "recipe.yaml").exists()  # The corrected command needs no --fresh.


def test_in_bfloat16_the_weights_move_at_a_small_rate(tmp_path):
    train_tiny(
        "demo/sft", tmp_path, "train.bf16=true", "train.learning_rate=1e-6", "train.max_steps=1", "conflict_rows=4"
    )
    start, final = weights(resolve_checkpoint("demo").folder), weights(tmp_path / "final")
    moved = [(start[name] != value).float().mean().item() for name, value in final.items()]
    assert sum(moved) / len(moved) > 0.95


def test_preview_shows_recipe_and_prompt(tmp_path):
    from trainers.models import quiet_libraries
    from trainers.preview import preview

    with quiet_libraries():
        text = preview(load_recipe("demo/method", [f"output={tmp_path}"]))
    assert "algorithm: grpo" in text
    assert text.rstrip().endswith("<|im_start|>assistant")
    assert "<planning>" in text


def test_a_large_gap_of_log_probabilities_stops_training():
    from trainers.grpo import check_logprob_gap

    check_logprob_gap(0.01, 0.05)
    for gap in (0.2, float("nan")):
        with pytest.raises(TrainingError, match=r"max_logprob_gap=0\.05"):
            check_logprob_gap(gap, 0.05)
