"""Two ranks against one: the same loss and, after averaging, the same gradients."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from trainers.ntk import Tokens, contrast, gather_tokens, ntk_similarity

ROOT = Path(__file__).parents[1]

SCRIPT = """
import sys, torch
import torch.distributed as dist
from test_trainers_ranks import loss_and_gradient, make_tokens

dist.init_process_group("gloo")
rank = dist.get_rank()
whole, head = make_tokens()
# Ranks hold different numbers of tokens: sequences 0 and 1 here, 2 and 3 there.
loss, gradient = loss_and_gradient(whole, head, rank=rank)
gradients = [torch.zeros(len(whole.targets), head.shape[1], dtype=torch.float64) for _ in range(2)]
dist.all_gather(gradients, gradient)
if rank == 0:
    # A trainer averages over ranks; the loss was multiplied by their number.
    torch.save({"loss": loss, "gradient": sum(gradients) / 2}, sys.argv[1])
dist.destroy_process_group()
"""


def make_tokens():
    generator = torch.Generator().manual_seed(3)
    hidden = torch.randn(17, 5, generator=generator, dtype=torch.float64)
    head = torch.randn(29, 5, generator=generator, dtype=torch.float64)
    sequence = torch.tensor([0] * 3 + [1] * 6 + [2] * 4 + [3] * 4)
    tokens = Tokens(
        hidden=hidden,
        targets=torch.randint(0, 29, (17,), generator=generator),
        sequence=sequence,
        logprobs=torch.zeros(17, dtype=torch.float64),
        prompt=torch.tensor([0, 1, 0, 2]),
    )
    return tokens, head


def loss_and_gradient(whole, head, rank):
    """The loss and its gradient in all states: local ones of `rank`, or all of them for `None`."""
    states = whole.hidden.clone().requires_grad_()
    first = 0 if rank in (None, 0) else 2
    last = 4 if rank is None else first + 2
    local = (whole.sequence >= first) & (whole.sequence < last)
    tokens = Tokens(
        hidden=states[local],
        targets=whole.targets[local],
        sequence=whole.sequence[local] - first,
        logprobs=whole.logprobs[local],
        prompt=whole.prompt[first:last],
    )
    tokens = gather_tokens(tokens)
    similarity = ntk_similarity(tokens.hidden, head, tokens.targets, tokens.sequence, tokens.num_sequences)
    loss = contrast(similarity, tokens.prompt, quantile=0.5).loss
    world = 1 if rank is None else 2
    (loss * world).backward()
    return loss.detach(), states.grad


def run_on_two_ranks(script, *arguments):
    path = os.pathsep.join(map(str, (ROOT, ROOT / "tests")))
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": path, "ACCELERATE_USE_CPU": "true"}
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2", "--standalone", script]
    done = subprocess.run(
        [*command, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=180
    )
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.skipif(not torch.distributed.is_available(), reason="torch without torch.distributed")
def test_two_ranks_equal_one(tmp_path):
    script = tmp_path / "ranks.py"
    script.write_text(SCRIPT)
    run_on_two_ranks(script, tmp_path / "out.pt")
    both = torch.load(tmp_path / "out.pt")
    loss, gradient = loss_and_gradient(*make_tokens(), rank=None)
    assert loss.item() > 0
    torch.testing.assert_close(both["loss"], loss, rtol=1e-12, atol=0)
    torch.testing.assert_close(both["gradient"], gradient, rtol=1e-10, atol=1e-14)


TRAINING = """
import sys
import torch.distributed as dist
import harness.judge
from support_training import YesJudge, train_tiny
harness.judge.load_judge = lambda *_, **__: YesJudge()
train_tiny("demo/no_selection", sys.argv[1], "train.max_steps=2", "train.per_device_train_batch_size=4")
dist.destroy_process_group()
"""


def test_two_processes_train_as_one_run(tmp_path):
    script = tmp_path / "train.py"
    script.write_text(TRAINING)
    run_on_two_ranks(script, tmp_path / "out")
    steps = [json.loads(line) for line in (tmp_path / "out" / "log.jsonl").read_text().splitlines()]
    # Eight responses to two or more prompts of four: pairs reach over both ranks, and no rank has them alone.
    assert steps[0]["ntk/pairs"] >= 2 * 4 * 4 / 2
    assert (tmp_path / "out" / "final" / "harness.json").is_file()
    assert steps[1]["step"] == 2


def test_alone_the_tokens_stay_as_they_are():
    tokens, _ = make_tokens()
    assert gather_tokens(tokens) is tokens
