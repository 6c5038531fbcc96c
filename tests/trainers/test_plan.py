"""The plan of a training: its arithmetic against what PyTorch, AdamW and vLLM hold, and the shipped recipes."""

import json
import re
from dataclasses import replace
from importlib.util import find_spec
from types import SimpleNamespace

import pytest
import torch
import yaml
from support_families import build
from support_sizes import WEIGHTS, config_of, write_config
from support_training import TINY_GRPO, YesJudge, parse

import harness.judges.caption
from harness.commands import train
from harness.core.errors import StoreError, UsageError
from harness.core.worlds import shipped_checkpoints
from harness.engines.checkpoints import Checkpoint, resolve_checkpoint
from harness.engines.sizes import cache_bytes
from harness.engines.weights import load_model
from trainers.lengths import Longest
from trainers.models import adapter_config, quiet_libraries
from trainers.plan.machine import LAUNCHES, Machine, plan_machine
from trainers.plan.memory import GIB, kernel_bytes, stack_bytes, states
from trainers.plan.planning import launch_line, plan_training, remedy, told
from trainers.plan.sizes import measure
from trainers.recipe import FOLDER, load_recipe

VIDEO = Longest(row="video", prompt=4396, visual=8 * 512, response=700)
"""A row of eight frames of 401,408 pixels, 512 tokens each."""
ONE = Machine(gpus=1, memory=80 * GIB)
NODE = replace(ONE, gpus=8, sharding="zero3")


@pytest.fixture(scope="session")
def sizes(tmp_path_factory):
    """Sizes of a model by its name, counted once."""
    known = {}

    def counted(name):
        if name not in known:
            folder = write_config(name, tmp_path_factory.mktemp("sizes") / name)
            known[name] = measure(Checkpoint(name=name, folder=folder, weights=None))
        return known[name]

    return counted


@pytest.mark.parametrize("name", WEIGHTS)
def test_models_are_counted_as_the_hub_counts_them(name, sizes):
    found = sizes(name)
    assert found.total == WEIGHTS[name]
    assert found.seeing + found.layer * found.text.layers < found.total


def test_the_proxy_of_mean_states_holds_states_alone(sizes):
    counted = sizes(next(iter(WEIGHTS)))
    config = SimpleNamespace(max_completion_length=768, per_device_train_batch_size=4, gradient_accumulation_steps=2)
    held = {
        name: kernel_bytes(load_recipe("demo/grpo", [f"ntk.estimator={name}"]), config, counted, ONE)
        for name in ("exact", "hidden")
    }
    assert held["hidden"] == 2 * 8 * 768 * counted.text.width * 4 < held["exact"] / 2


@pytest.mark.parametrize("name", ["demo", "llava", "qwen3_vl", "gemma3"])
def test_activations_are_what_pytorch_saves_for_the_backward_pass(name, tmp_path, sizes):
    """To a tenth, Gemma's to a seventh; with recomputation to a hundredth, but for the layer that is repeated."""
    if name == "demo" and not (shipped_checkpoints()["demo"] / "model.safetensors").is_file():
        pytest.skip("the demo checkpoint is not part of this checkout")
    checkpoint = resolve_checkpoint(name if name == "demo" else str(build(name, tmp_path / name)))
    counted = measure(checkpoint)
    model = load_model(checkpoint, dtype=torch.float32).train()
    assert counted.total == sum(parameter.numel() for parameter in model.parameters())
    own = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}

    def saved():
        kept, storages = [], {}

        def pack(tensor):
            kept.append(tensor)  # A storage that is freed would give its address to another.
            storages[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
            return tensor

        states = torch.randn(2, 96, counted.text.width, requires_grad=True)
        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            model.model.language_model(inputs_embeds=states, use_cache=False)
        return sum(size for address, size in storages.items() if address not in own)

    tokens = 2 * 96
    assert tokens * stack_bytes(counted.text, 4, 4, checkpointed=False) == pytest.approx(
        saved(), rel=1 / 7 if name == "gemma3" else 0.1
    )
    with quiet_libraries():
        model.gradient_checkpointing_enable({"use_reentrant": False})
    one_layer = stack_bytes(replace(counted.text, layers=1), 4, 4, checkpointed=False) - 8 * counted.text.width
    wanted = tokens * (stack_bytes(counted.text, 4, 4, checkpointed=True) - one_layer)
    assert wanted == pytest.approx(saved(), rel=0.01)


@pytest.mark.parametrize("rank", [0, 4])
def test_states_are_those_of_the_optimiser(rank, tmp_path):
    from peft import get_peft_model

    checkpoint = resolve_checkpoint(str(build("llava", tmp_path / "llava")))
    recipe = load_recipe("demo/grpo", [f"lora.rank={rank}"])
    model = load_model(checkpoint, dtype=torch.float32)
    with quiet_libraries():
        model = get_peft_model(model, adapter_config(recipe.lora)) if rank else model
    learned = [parameter for parameter in model.parameters() if parameter.requires_grad]
    for parameter in learned:
        parameter.grad = torch.zeros_like(parameter)
    optimiser = torch.optim.AdamW(learned)
    optimiser.step()
    moments = [value for state in optimiser.state.values() for value in state.values() if value.dim()]
    wanted = [
        sum(tensor.numel() * tensor.element_size() for tensor in tensors)
        for tensors in (model.parameters(), [parameter.grad for parameter in learned], moments)
    ]
    assert states(recipe, measure(checkpoint), Machine(on_gpu=False)) == tuple(wanted)


@pytest.mark.parametrize(
    ("sharding", "bytes_a_weight"),
    [("none", (4, 4, 8)), ("zero1", (2, 2, 12 / 8)), ("zero2", (2, 2 / 8, 12 / 8)), ("zero3", (2 / 8, 2 / 8, 12 / 8)),
     ("fsdp", (4 / 8, 4 / 8, 8 / 8))],
)  # fmt: skip
def test_states_are_divided_as_the_papers_say(sharding, bytes_a_weight, sizes):
    recipe, model = load_recipe("qwen2_5_vl_7b/method"), sizes("qwen2_5_vl_7b")
    found = states(recipe, model, replace(NODE, sharding=sharding))
    assert found == pytest.approx([model.total * each for each in bytes_a_weight])


@pytest.mark.skipif(find_spec("vllm") is None, reason="vLLM is not installed")
def test_the_cache_is_vllms_own():
    from vllm.v1.kv_cache_interface import FullAttentionSpec

    for name in WEIGHTS:
        config = config_of(name)
        text = config.get_text_config()
        size = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
        spec = FullAttentionSpec(
            block_size=16, num_kv_heads=text.num_key_value_heads, head_size=size, dtype=torch.bfloat16
        )
        assert 16 * cache_bytes(config, 2) == text.num_hidden_layers * spec.page_size_bytes
    assert cache_bytes(config_of("qwen2_5_vl_7b"), 2) == 57_344


PLANS = [
    *(
        (f"{folder}/{path.stem}", folder, 80, launch)
        for folder in ("qwen2_5_vl_7b", "qwen2_5_vl_3b", "qwen3_vl_8b")
        for path in sorted((FOLDER / folder).glob("*.yaml"))
        for launch in ("zero3", "fsdp", "two_nodes")
    ),
    *((f"one_gpu/{name}", "qwen2_5_vl_7b", 80, None) for name in ("sft", "grpo", "method")),
    ("one_gpu/method_24gb", "qwen2_5_vl_3b", 24, None),
]


@pytest.mark.parametrize(("name", "model", "memory", "launch"), PLANS)
def test_shipped_recipes_fit_their_machines(name, model, memory, launch, sizes, tmp_path):
    recipe = load_recipe(name)
    machine = plan_machine(None, memory, launch)
    share = (recipe.data.max_pixels or 0) / 401408
    row = replace(VIDEO, visual=int(VIDEO.visual * share), prompt=300 + int(VIDEO.visual * share))
    plan = plan_training(recipe, sizes(model), machine, row, rows=24_000, disk=0)
    assert not plan.problems
    assert re.search(r"it fits: \d+\.\d GiB of each GPU stay free", told(plan, ()))
    assert machine.gpus == {None: 1, "two_nodes": 16}.get(launch, 8)


def planned(sizes, *settings, machine=NODE, name="qwen2_5_vl_7b/method", row=VIDEO):
    recipe = load_recipe(name, settings)
    arguments = (recipe, sizes("qwen2_5_vl_7b"), machine, row)
    plan = plan_training(*arguments, rows=1000, disk=0)
    return plan, remedy(*arguments, rows=1000, disk=0) if plan.excess() else ()


@pytest.mark.parametrize(
    ("settings", "machine", "problem", "advice"),
    [
        # A context of the model's own 128,000 places takes 6.8 GiB of cache, and with 0.29 there are 6.3.
        (
            ["train.vllm_max_model_length=128000", "train.vllm_gpu_memory_utilization=0.29"], NODE,
            r"vLLM has 6\.3 GiB for its cache, and a context of 128,000 tokens takes 6\.8: it would not start",
            r"train\.vllm_gpu_memory_utilization=0\.3$",
        ),
        (["train.gradient_checkpointing=false"], NODE, "updating takes", r"train\.gradient_checkpointing=true$"),
        (["train.per_device_train_batch_size=8"], NODE, "updating takes .* on a GPU of 80",
         r"train\.per_device_train_batch_size=4 train\.gradient_accumulation_steps=4$"),
        (["train.vllm_enable_sleep_mode=false"], NODE, "updating takes", r"train\.vllm_enable_sleep_mode=true$"),
        ([], replace(NODE, sharding="none"), "updating takes", "--launch zero3$"),
        # Nor divided where the model is asked while it is trained.
        (["judge.model=policy"], replace(NODE, sharding="none"), "updating takes", r"(?!.*zero3)"),
        (["eval.every_steps=8"], replace(NODE, sharding="none"), "updating takes", r"(?!.*zero3)"),
        ([], replace(NODE, memory=40 * GIB), r"vLLM has 0\.0 GiB for its cache", None),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_told_with_the_setting_that_makes_it_fit(settings, machine, problem, advice, sizes):
    plan, found = planned(sizes, *settings, machine=machine)
    assert any(re.search(problem, each) for each in plan.problems)
    text = told(plan, found)
    assert "does not fit: " in text
    if advice is not None:
        assert re.search(f"it fits with: {advice}", text)


def test_advice_that_is_followed_fits(sizes):
    node = replace(NODE, memory=48 * GIB)
    plan, advice = planned(sizes, machine=node)
    assert plan.excess()
    assert len(advice) > 1
    plan, _ = planned(sizes, *" ".join(advice).split(), machine=node)
    assert not plan.problems


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        (["judge.gpu_share=0"], "the judge at http://localhost:8001/v1 is on this machine and has no memory there"),
        (
            ["judge.model=Qwen/Qwen2.5-7B-Instruct"],
            "would be loaded beside the training. Serve it: vllm serve Qwen/Qwen2.5",
        ),
        (["judge.gpu_share=0", "judge.base_url=http://n9:8001/v1"], None),
        (["judge.gpu_share=0", "rewards.caption=0"], None),
        (["judge.model=policy"], None),
    ],
)
def test_a_judge_needs_a_place(settings, problem, sizes):
    plan, _ = planned(sizes, *settings)
    assert not plan.excess()
    assert (problem is None) == (not plan.problems)
    assert problem is None or problem in plan.problems[0]
    if "judge.model=policy" in settings:  # The share of the recipe's own judge is nobody's.
        assert not any("judge" in told for told in (*(item.name for item in plan.items), *plan.notes[:-1]))


def test_the_judge_is_started_with_a_port_of_its_own():
    line = launch_line(load_recipe("qwen2_5_vl_7b/method"))
    assert line.startswith("vllm serve Qwen/Qwen2.5-7B-Instruct --port 8001 --gpu-memory-utilization 0.25 ")


def test_rollouts_and_hours_are_counted(sizes):
    recipe = load_recipe("qwen2_5_vl_7b/paper")
    plan = plan_training(recipe, sizes("qwen2_5_vl_7b"), NODE, VIDEO, rows=1000, disk=0, pace=5000)
    # 64 of each row, then 8 of each of the half that is kept, of 768 tokens at most.
    assert any(
        note.startswith(
            "rollouts: 64,000 to select 500 of 1,000 rows, 4,000 to train; 52,224,000 tokens, at most 2.9 hours at"
        )
        for note in plan.notes
    )


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (["train.max_steps=3", "train.num_iterations=2"], "64,000 to select 500 of 1,000 rows, 128 to train"),
        (["max_rollouts=1000"], "at most 1,024 to train"),
        (["dynamic_sampling.enabled=true"], "at most 16,000 to train; 61,440,000 tokens, at most 3.4 hours"),
        (["t_grpo.enabled=true"], "at most 6,000 to train"),
        (["dynamic_sampling.enabled=true", "t_grpo.enabled=true", "max_rollouts=1000"], "at most 1,287 to train"),
        (["selection.fixed=null"], "rollouts: about 29,000 to select"),
        (["selection.fixed=null"], "25,344,000 tokens, about 1.4 hours"),
        (["selection.fixed=null", "selection.tolerance=0"], "rollouts: 96,000 to select"),
    ],
)
def test_a_bound_on_rollouts_holds_what_extensions_sample_and_where_training_ends(settings, told, sizes):
    batch = ["train.per_device_train_batch_size=8", "train.gradient_accumulation_steps=1"]
    recipe = load_recipe("qwen2_5_vl_7b/paper", [*batch, *settings])
    plan = plan_training(recipe, sizes("qwen2_5_vl_7b"), NODE, VIDEO, rows=1000, disk=0, pace=5000)
    assert any(told in note for note in plan.notes), plan.notes


def test_launch_files_are_read_as_accelerate_reads_them(tmp_path, monkeypatch):
    for path in LAUNCHES.glob("*.yaml"):
        settings, machine = yaml.safe_load(path.read_text()), plan_machine(None, 80, path.stem)
        assert (machine.gpus, machine.nodes) == (settings["num_processes"], settings["num_machines"])
        assert machine.sharding == ("fsdp" if settings["distributed_type"] == "FSDP" else "zero3")
    assert plan_machine(16, 80, "fsdp").gpus == 16  # As examples/slurm/train.sbatch starts it.
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert plan_machine(None, None, None) == Machine(on_gpu=False)
    assert plan_machine(4, None, None).sharding == "zero3"
    (tmp_path / "ddp.yaml").write_text("distributed_type: MULTI_GPU\nnum_processes: 2\n")
    assert plan_machine(None, 80, str(tmp_path / "ddp.yaml")).sharding == "none"
    (tmp_path / "bad.yaml").write_text("a: 1\n")
    for arguments, message in (
        ((None, 80, "zero9"), "--launch zero9: no such file. Those that come with the harness: fsdp, two_nodes, zero3"),
        ((None, 80, str(tmp_path / "bad.yaml")), "has no distributed_type"),
        ((0, 80, None), "--gpus 0: give more than 0"),
        ((1, float("nan"), None), "--gpu-memory nan: give more than 0"),
    ):
        with pytest.raises(UsageError, match=message):
            plan_machine(*arguments)


def test_launch_files_of_the_users_own(tmp_path):
    def planned(text):
        (tmp_path / "own.yaml").write_text(text)
        machine = plan_machine(None, 80, str(tmp_path / "own.yaml"))
        return machine.gpus, machine.sharding, machine.offloads

    deepspeed = "distributed_type: DEEPSPEED\nnum_processes: 4\n"
    assert planned(deepspeed + "deepspeed_config: {zero_stage: '3', offload_optimizer_device: cpu}") == (
        4, "zero3", True
    )  # fmt: skip
    assert planned(deepspeed) == (4, "zero2", False)  # What Accelerate takes where nothing is said.
    nothing = "deepspeed_config: {zero_stage: null, offload_optimizer_device: null}\nnum_machines: null"
    assert planned(deepspeed + nothing) == (4, "zero2", False)
    assert planned(deepspeed + "deepspeed_config: {deepspeed_config_file: none, zero_stage: 3}") == (4, "zero3", False)
    file = f"deepspeed_config: {{deepspeed_config_file: {tmp_path / 'ds.json'}}}"
    with pytest.raises(StoreError, match=r"ds\.json cannot be read"):
        planned(deepspeed + file)
    for zero, divided in (
        ({"stage": 3, "offload_optimizer": {"device": "cpu"}}, ("zero3", True)),
        ({"stage": "auto", "offload_optimizer": {"device": "auto"}}, ("zero2", False)),
        ({}, ("none", False)),
    ):
        (tmp_path / "ds.json").write_text(json.dumps({"zero_optimization": zero}))
        assert planned(deepspeed + file) == (4, *divided)
    for text, message in (
        (deepspeed + "deepspeed_config: 3", "deepspeed_config is 3, and should hold settings"),
        (deepspeed + "deepspeed_config: {zero_stage: high}", "zero_stage is 'high', and should be a whole number"),
        ("distributed_type: MULTI_GPU\nnum_processes: two", "num_processes is 'two', and should be a whole number"),
        ("distributed_type: MULTI_GPU\nnum_machines: 0", "num_machines is 0, and should be a whole number of at least"),
        ("distributed_type: FSDP\nfsdp_config: [2]", r"fsdp_config is \[2\], and should hold settings"),
    ):
        with pytest.raises(UsageError, match=message):
            planned(text)


@pytest.mark.parametrize("pace", ["0", "-5", "inf"])
def test_a_pace_that_is_none_is_refused(pace):
    with pytest.raises(UsageError, match=r"--tokens-per-second .*: give more than 0"):
        train.run(parse(train.add_arguments, "demo/grpo", "--dry-run", f"--tokens-per-second={pace}"))


@pytest.mark.skipif(
    not (shipped_checkpoints()["demo"] / "model.safetensors").is_file(),
    reason="the demo checkpoint is not part of this checkout",
)
def test_a_dry_run_tells_its_plan_and_ends_with_2_where_it_does_not_fit(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(harness.judges.caption, "load_caption_judge", lambda *_, **__: YesJudge())
    command = (
        "demo/method",
        *TINY_GRPO,
        "data.demo_rows=80",
        f"output={tmp_path / 'out'}",
        "--dry-run",
        "--tokens-per-second",
        "100",
    )
    assert train.run(parse(train.add_arguments, *command, "--gpus", "8", "--gpu-memory", "4")) == 0
    text = capsys.readouterr().out
    assert "# memory of each process: 8 GPUs of 4 GiB, zero3" in text
    assert "it fits: " in text
    assert "hours at 100 tokens a second" in text
    assert text.index("# memory") < text.index("# recipe") < text.index("# first prompt")
    with pytest.raises(UsageError, match="the training does not fit its machine: sampling takes 2") as caught:
        train.run(parse(train.add_arguments, *command, "--gpus", "1", "--gpu-memory", "1"))
    assert caught.value.exit_code == 2
    assert "does not fit" in capsys.readouterr().out
    assert not (tmp_path / "out").exists()
