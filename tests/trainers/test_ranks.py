"""Two ranks against one: the same selection and evaluation, the same loss and, after averaging, the same gradients."""

import json
import os
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file, save_file
from support_processes import run
from support_ranks import CASES, term_and_gradient
from support_training import TINY_GRPO, YesJudge

import harness.judges.caption
from harness.cli import main
from harness.engines.checkpoints import resolve_checkpoint
from harness.runs.folder import read_run
from harness.runs.records import read_records
from trainers.assembly import show_rows
from trainers.conflict.probe import ConflictProbe, probed_rows
from trainers.data.loading import read_training, training_file
from trainers.models import load_model, load_processor
from trainers.recipe import load_recipe
from trainers.selection.rollouts import ROLLOUTS, SELECTED
from trainers.weight_names import mend_names

ROOT = Path(__file__).parents[2]

SCRIPT = """
import sys, torch
import torch.distributed as dist
from support_processes import run
from support_ranks import CASES, term_and_gradient
from support_training import TINY_GRPO, YesJudge

import harness.judges.caption
from harness.cli import main
from harness.engines.checkpoints import resolve_checkpoint
from harness.runs.folder import read_run
from harness.runs.records import read_records

dist.init_process_group("gloo")
# Ranks hold different numbers of tokens, in one micro-batch here and in two there.
rank = dist.get_rank()
found = {}
for case in CASES:
    loss, gradient = term_and_gradient(case, [2 * rank, 2 * rank + 1], micro_batch=2 - rank, ranks=2)
    dist.all_reduce(gradient)
    found[case] = loss, gradient / 2  # A trainer averages over ranks.
if rank == 0:
    torch.save(found, sys.argv[1])
dist.destroy_process_group()
"""


def run_on_two_ranks(script, *arguments, more=None, ends_with=0):
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests" / "support"), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": path, "ACCELERATE_USE_CPU": "true"}
    if more is not None:
        del environment["ACCELERATE_USE_CPU"]
        environment |= more
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2", "--standalone", script]
    done = run([*command, *arguments], cwd=ROOT, env=environment, timeout=180)
    assert done.returncode == ends_with, done.stderr[-3000:]
    return done


@pytest.mark.skipif(not torch.distributed.is_available(), reason="torch without torch.distributed")
def test_the_term_is_the_same_on_one_rank_and_on_two_however_batches_are_cut(tmp_path):
    script = tmp_path / "ranks.py"
    script.write_text(SCRIPT)
    run_on_two_ranks(script, tmp_path / "out.pt")
    both = torch.load(tmp_path / "out.pt")
    for case in CASES:
        loss, gradient = term_and_gradient(case, [0, 1, 2, 3], micro_batch=4)
        assert loss.item() > 0, case
        for cut in (both[case], term_and_gradient(case, [0, 1, 2, 3], micro_batch=3)):
            torch.testing.assert_close(cut[0], loss, rtol=1e-12, atol=0)
            torch.testing.assert_close(cut[1], gradient, rtol=1e-10, atol=1e-14)


SETTINGS = (
    *TINY_GRPO, "train.per_device_train_batch_size=4", "selection.batch_size=8", "eval.tasks=[pope]", "eval.limit=8",
    "eval.batch_size=4", "conflict_rows=64",
)  # fmt: skip
TRAINING = f"""
import os, signal, sys
import torch.distributed as dist
import harness.judges.caption
from support_training import YesJudge, train_tiny
from trainers.selection.stored import Rollouts

harness.judges.caption.load_caption_judge = lambda *_, **__: YesJudge()
if sys.argv[2] == "killed" and os.environ["RANK"] == "1":
    def killed(self, batch, store=Rollouts.store):
        store(self, batch)
        os.kill(os.getpid(), signal.SIGKILL)
    Rollouts.store = killed
train_tiny("demo/method", sys.argv[1], *{SETTINGS}, *sys.argv[3:])
dist.destroy_process_group()
"""


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The output of two processes that hold all weights each; at first one of them was killed in the selection."""
    folder = tmp_path_factory.mktemp("ranks")
    (folder / "train.py").write_text(TRAINING)
    done = run_on_two_ranks(folder / "train.py", folder / "whole", "killed", ends_with=1)
    assert "the launcher ended this process, because another one of the run died" in done.stderr
    assert (folder / "whole" / "selection" / "rollouts.rank-1.jsonl").stat().st_size > 0
    run_on_two_ranks(folder / "train.py", folder / "whole", "whole", "eval.every_steps=2")
    return folder / "whole"


def test_a_selection_is_that_of_one_process_to_the_byte(whole, tmp_path, monkeypatch):
    monkeypatch.setattr(harness.judges.caption, "load_caption_judge", lambda *_, **__: YesJudge())
    assert main(["select", "demo/method", *SETTINGS, f"output={tmp_path}"]) == 0
    one, two = ({path.name: path.read_bytes() for path in (of / "selection").iterdir()} for of in (tmp_path, whole))
    assert one == two
    assert len(two) == 5


def test_the_conflict_of_the_data_is_that_of_one_process(whole):
    recipe, checkpoint = load_recipe("demo/method", [*SETTINGS, f"output={whole}"]), resolve_checkpoint("demo")
    selection, root = whole / "selection", training_file(recipe, whole)[1]
    examples = read_training(selection / SELECTED, root, limit=None, require_response=False)
    rows = show_rows(recipe, checkpoint, load_processor(checkpoint, None), root)
    probe = ConflictProbe(probed_rows(examples, selection / ROLLOUTS, recipe.conflict_rows, recipe.seed), rows)
    args = SimpleNamespace(output_dir=str(selection), world_size=1, process_index=0)
    state = SimpleNamespace(global_step=0, is_world_process_zero=True)
    probe.on_train_begin(args, state, None, model=load_model(recipe, checkpoint))
    one, two = (json.loads((folder / "conflict.json").read_text()) for folder in (selection, whole))
    (selection / "conflict.json").unlink()
    assert one["before"] == two["before"]
    assert "after" in two


def test_evaluations_after_and_while_training_are_those_of_one_process(whole, tmp_path):
    asked = ["--tasks", "pope", "--data", "demo", "--limit", "8", "--batch-size", "4", "--max-new-tokens", "64"]
    assert main(["eval", "--model", str(whole / "final"), *asked, "--out", str(tmp_path / "one"), "--no-diagnose"]) == 0
    one, two = (read_run(folder) for folder in (tmp_path / "one", whole / "runs" / "final"))
    assert one.tasks == two.tasks
    assert one.settings == two.settings
    one, two, asked_while_trained = (
        [(record.sample, record.response.text, record.verdict) for record in read_records(folder)]
        for folder in (tmp_path / "one", whole / "runs" / "final", whole / "evaluations" / "step-2")
    )
    assert one == two == asked_while_trained
    assert (whole / "runs" / "final" / "report.md").is_file()


def test_two_processes_train_as_one_run(whole):
    steps = read_steps(whole)
    # Eight responses to two or more prompts of four: pairs reach over both ranks, and no rank has them alone.
    assert steps[0]["ntk/pairs"] >= 2 * 4 * 4 / 2
    assert (whole / "final" / "harness.json").is_file()
    assert steps[1]["step"] == 2


METHODS = (
    "methods/dynamic_sampling", "methods/t_grpo", "methods/noisy_rollout", "train.gradient_accumulation_steps=1",
    "train.num_generations=8", "data.demo_videos=0.5", "conflict_rows=0", "eval.tasks=[]",
)  # fmt: skip


def test_groups_that_reach_over_two_processes_are_sampled_again_by_both(tmp_path):
    (tmp_path / "train.py").write_text(TRAINING.replace("demo/method", "demo/grpo"))
    run_on_two_ranks(tmp_path / "train.py", tmp_path / "out", "whole", *METHODS)
    steps = read_steps(tmp_path / "out")
    again = sum(step["dynamic_sampling/groups_sampled_again"] for step in steps)
    videos = sum(step.get("t_grpo/accuracy_shuffled") is not None for step in steps)
    assert steps[-1]["rollouts"] == 2 * 8 + 8 * again + 4 * videos


def read_steps(output):
    return [entry for entry in map(json.loads, (output / "log.jsonl").read_text().splitlines()) if "loss" in entry]


SHARDED = (
    """
import sys
import torch.distributed as dist
from accelerate import PartialState
from accelerate.state import AcceleratorState
from accelerate.utils import DistributedType

# Accelerate shards on accelerators alone; the code that it runs on them works over gloo too.
PartialState._prepare_backend = lambda *_: ("gloo", DistributedType.MULTI_GPU)
for kind in (PartialState, AcceleratorState):
    def as_accelerator(self, *args, made=kind.__init__, **kwargs):
        made(self, **(kwargs | {"cpu": False}))
    kind.__init__ = as_accelerator
"""
    + TRAINING
)

FSDP = {
    "ACCELERATE_USE_FSDP": "true", "FSDP_VERSION": "2", "FSDP_AUTO_WRAP_POLICY": "TRANSFORMER_BASED_WRAP",
    "FSDP_RESHARD_AFTER_FORWARD": "true", "FSDP_STATE_DICT_TYPE": "FULL_STATE_DICT",
    "FSDP_CPU_RAM_EFFICIENT_LOADING": "false", "ACCELERATE_TORCH_DEVICE": "cpu",
}  # fmt: skip
ZERO3 = {"ACCELERATE_USE_DEEPSPEED": "true", "ACCELERATE_TORCH_DEVICE": "cpu", "DS_ACCELERATOR": "cpu"}
ZERO3_CONFIG = {
    "zero_optimization": {"stage": 3, "stage3_gather_16bit_weights_on_model_save": True},
    "gradient_accumulation_steps": "auto",
    "train_micro_batch_size_per_gpu": "auto",
    "gradient_clipping": "auto",
}


@pytest.mark.parametrize("kind", ["fsdp", "zero3"])
def test_sharded_weights_train_as_whole_ones(kind, whole, tmp_path):
    settings = []
    if kind == "zero3":
        pytest.importorskip("deepspeed", reason="DeepSpeed is not installed")
        (tmp_path / "zero3.json").write_text(json.dumps(ZERO3_CONFIG))
        settings = [f"train.deepspeed={tmp_path / 'zero3.json'}"]
    (tmp_path / "train.py").write_text(SHARDED)
    sharded = tmp_path / "sharded"
    run_on_two_ranks(tmp_path / "train.py", sharded, "whole", *settings, more=FSDP if kind == "fsdp" else ZERO3)
    for one, other in zip(read_steps(whole), read_steps(sharded), strict=True):
        for key in ("loss", "ntk/loss", "ntk/q50", "grad_norm"):
            assert other[key] == pytest.approx(one[key], rel=1e-3, abs=1e-5)
    one, other = (load_file(output / "final" / "model.safetensors") for output in (whole, sharded))
    # A head that is the embedding may be saved beside it.
    assert set(one) == set(other) - {"lm_head.weight"}
    for key, value in one.items():
        torch.testing.assert_close(other[key], value, rtol=1e-3, atol=1e-4)
    assert (sharded / "checkpoint-2" / "harness.json").is_file()
    # What a run tells of its data needs the weights in one place.
    assert [(output / "conflict.json").is_file() for output in (whole, sharded)] == [True, False]


def test_names_with_a_second_prefix_are_mended(tmp_path):
    names = ("model.model.layers.0.weight", "visual.weight")
    save_file({name: torch.ones(2) for name in names}, tmp_path / "model-00001-of-00001.safetensors")
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(
        json.dumps({"metadata": {}, "weight_map": dict.fromkeys(names, "model-00001-of-00001.safetensors")})
    )
    mend_names(tmp_path)
    assert set(load_file(tmp_path / "model-00001-of-00001.safetensors")) == {"model.layers.0.weight", "visual.weight"}
    assert set(json.loads(index.read_text())["weight_map"]) == {"model.layers.0.weight", "visual.weight"}
    assert len(list(tmp_path.iterdir())) == 2
