"""The contrastive term in training: the same gradients of the weights, however a batch is cut into passes."""

import pytest
import torch
from safetensors.torch import load_file
from support_training import read_log, train_tiny

from harness.engines.checkpoints import resolve_checkpoint
from trainers.extensions import contrastive
from trainers.ntk import Term, term_of_batch

PLAIN = (
    "rewards.caption=0", "ntk.weight=1", "train.max_steps=1", "train.optim=sgd",
    "train.max_grad_norm=0", "train.learning_rate=100.0", "train.max_completion_length=16",
)  # fmt: skip
"""One step of plain gradient descent: what the weights moved by is the gradient."""


def step(output, passes, *overrides):
    """What a step on 16 responses in a number of passes moves the weights by, and its log."""
    cut = (f"train.per_device_train_batch_size={16 // passes}", f"train.gradient_accumulation_steps={passes}")
    train_tiny("demo/no_selection", output, *PLAIN, *cut, *overrides)
    folders = (resolve_checkpoint("demo").folder, output / "final")
    before, after = (load_file(folder / "model.safetensors") for folder in folders)
    return torch.cat([(after[name] - before[name]).flatten() for name in sorted(before)]), read_log(output)[0]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return step(tmp_path_factory.mktemp("cuts") / "whole", 1)


def off(one, other):
    return float((one - other).norm() / other.norm())


@pytest.mark.parametrize(
    ("passes", "settings"),
    [(2, ()), (4, ()), (4, ("train.gradient_checkpointing=true",)), (16, ("ntk.chunk_size=7",))],
)
def test_the_gradient_does_not_depend_on_how_a_batch_is_cut(passes, settings, whole, tmp_path):
    moved, log = step(tmp_path / "cut", passes, *settings)
    assert off(moved, whole[0]) < 1e-4  # Float32 sums otherwise on other processors.
    assert log["loss"] == pytest.approx(whole[1]["loss"], rel=1e-4, abs=1e-6)
    for name in ("loss", "pairs", "threshold", "q50"):
        assert log[f"ntk/{name}"] == pytest.approx(whole[1][f"ntk/{name}"], rel=1e-4)


def test_with_lora_and_some_of_the_tokens(tmp_path):
    settings = ("lora.rank=4", "ntk.estimator=top_tokens", "ntk.max_tokens=4")
    moved, _ = step(tmp_path / "cut", 4, *settings)
    assert off(moved, step(tmp_path / "whole", 1, *settings)[0]) < 1e-4
    assert off(moved, step(tmp_path / "without", 4, *settings, "ntk.weight=0")[0]) > 0.1


def test_dropout_is_that_of_the_passes_themselves(tmp_path, monkeypatch):
    seen, taken, pull = [], [], Term.pull

    def term_of(parts, *rest, **named):
        seen.extend(part.hidden for part in parts)
        return term_of_batch(parts, *rest, **named)

    def pulls(self, place, hidden):
        taken.append(hidden.detach())
        return pull(self, place, hidden)

    monkeypatch.setattr(contrastive, "term_of_batch", term_of)
    monkeypatch.setattr(Term, "pull", pulls)
    step(tmp_path, 4, "lora.rank=4", "lora.dropout=0.5")
    assert len(taken) == 4
    for one, other in zip(seen, taken, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)
