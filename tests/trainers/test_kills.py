"""A training that is killed, wherever that is, and run again by the same command ends with the same bytes."""

import pytest
from support_kills import run_command, what_training_left
from support_training import TINY_GRPO

from harness.core.worlds import shipped_checkpoints

pytestmark = pytest.mark.skipif(
    not (shipped_checkpoints()["demo"] / "model.safetensors").is_file(),
    reason="the demo checkpoint is not part of this checkout",
)

SETTINGS = (
    *TINY_GRPO, "train.max_steps=3", "train.save_total_limit=2", "conflict_rows=4", "eval.tasks=[pope]", "eval.limit=4",
)  # fmt: skip
LOSS = "trainers.grpo:ExtendedGRPOTrainer._compute_loss"
KILLS = {
    "demo/method": [  # A step has two losses.
        ("trainers.selection.stored:Rollouts.store", 1, "after"),
        ("trainers.selection.rollouts:draw_selection", 1, "before"),
        ("trainers.training:run_trainer", 1, "before"),
        (LOSS, 1, "after"),
        ("transformers:Trainer._save_optimizer_and_scheduler", 1, "before"),
        ("transformers.trainer_callback:TrainerState.save_to_json", 1, "after"),
        ("trainers.callbacks:write_provenance", 1, "after"),
        (LOSS, 2, "after"),
        ("trainers.callbacks:write_provenance", 1, "after"),
        ("shutil:rmtree", 1, "before"),
        ("trainers.training:save_whole_model", 1, "after"),
        ("harness.runs.folder:RunFolder.append", 3, "after"),
        ("harness.runs.folder:RunFolder.complete", 1, "before"),
        ("harness.reports.page:write_page", 1, "before"),
        ("harness.runs.folder:RunFolder.append", 3, "after"),
        ("leaderboards.outputs:write_if_changed", 3, "before"),
    ],
    "demo/grpo": [  # Evaluated before the first step and after each.
        ("harness.runs.folder:RunFolder.append", 3, "after"),
        ("trainers.callbacks:write_provenance", 1, "before"),
        ("harness.runs.folder:RunFolder.complete", 1, "before"),
    ],
}
"""In the order in which a run comes by; each is run again until the next."""
LORA = (
    "rewards.support_training:by_length=0.01", "lora.rank=4", "lora.dropout=0.1",
    "eval.every=true", "eval.start=false", "eval.limit=2", "eval.every_steps=1", "eval.best=pope:mean/accuracy",
    "train.max_steps=2",
)  # fmt: skip


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("name", "settings"), [("demo/method", ()), ("demo/grpo", LORA)])
def test_a_training_that_is_killed_again_and_again_ends_with_the_same_bytes(name, settings, tmp_path):
    whole, killed = tmp_path / "whole" / "out", tmp_path / "killed" / "out"

    def command(output):
        return ["train", name, *SETTINGS, *settings, f"output={output}"]

    for output in (whole, killed):
        output.parent.mkdir()
    log = killed.parent / "log.txt"
    assert run_command(command(whole), log=whole.parent / "log.txt") == 0, (whole.parent / "log.txt").read_text()
    for kill in KILLS[name]:
        assert run_command(command(killed), kill, log) == -9, (kill, log.read_text())
    assert run_command(command(killed), log=log) == 0, log.read_text()
    one, other = what_training_left(whole), what_training_left(killed)
    assert one.keys() == other.keys()
    assert [name for name in one if one[name] != other[name]] == []
