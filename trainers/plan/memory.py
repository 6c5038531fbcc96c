"""Bytes on each GPU, by formulas whose sources stand with them.

A step has two phases: responses are sampled, then the weights are updated; each has its own sum. Imported lazily only:
torch is imported at the top.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from trainers.lengths import Longest
from trainers.models import training_dtype
from trainers.ntk.by_gradient import MOST_NUMBERS, is_cheaper
from trainers.plan.machine import Machine
from trainers.plan.sizes import ModelSizes, Stack
from trainers.settings import POLICY, Recipe

GIB: Final = 2**30
_WIDE: Final = 4
"""Bytes of a float32."""
_HALF: Final = 2
_BUCKET: Final = 500_000_000
"""Numbers in a bucket of gradients (DeepSpeed's `reduce_bucket_size`)."""
_LIVE: Final = 1_000_000_000
"""Weights that ZeRO-3 keeps gathered at a time (DeepSpeed's `stage3_max_live_parameters`)."""
_TILE: Final = (4096, 32768)
"""Tokens and columns of logits that TRL 1.16 forms at a time: `TOKEN_CHUNK_SIZE`, `_CHUNKED_LOGPROB_CHUNK_SIZE`."""
RUNTIME: Final = 2 * GIB
"""Kept for CUDA's context, NCCL's buffers and memory that is free in pieces too small: experience, not arithmetic."""
VLLM_RUNTIME: Final = 3 * GIB // 2
"""Kept for vLLM's activations of 4,096 tokens, its sampler and its CUDA graphs: experience, not arithmetic."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """What takes memory on the first GPU, which has the most.

    Attributes:
        name: what for.
        sampling: bytes while responses are sampled.
        updating: bytes while the weights are updated.
    """

    name: str
    sampling: int
    updating: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What a colocated vLLM makes of its share.

    Attributes:
        tokens: positions that it is asked for.
        cache: bytes that are left for keys and values.
        token: bytes of the keys and values of a token.
        sequences: responses that it is to sample at once.
    """

    tokens: int
    cache: int
    token: int
    sequences: int

    @property
    def room(self) -> float:
        """Whole contexts that the cache holds."""
        return self.cache / (self.tokens * self.token)


def items(recipe: Recipe, config: Any, sizes: ModelSizes, machine: Machine, row: Longest) -> list[Item]:
    """What takes memory on the first GPU.

    Args:
        recipe: resolved.
        config: TRL's.
        sizes: of the model.
        machine: that it is trained on.
        row: the longest one; every row of a batch is padded to the longest of it.
    """
    grpo = recipe.algorithm == "grpo"
    weights, gradients, optimiser = states(recipe, sizes, machine)
    found = [
        Item(name="weights", sampling=weights, updating=weights),
        Item(name="gradients", sampling=0, updating=gradients),
        Item(
            name=f"optimiser ({config.optim.value})" + (", on the host" if machine.offloads else ""),
            sampling=0 if machine.offloads else optimiser,
            updating=0 if machine.offloads else optimiser,
        ),
        Item(name=_gathered_name(machine, config), sampling=0, updating=gathered(recipe, config, sizes, machine)),
        Item(
            name=f"activations ({'with' if checkpoints(config) else 'without'} gradient checkpointing)",
            sampling=0,
            updating=activations(recipe, config, sizes, machine, row, checkpointed=checkpoints(config)),
        ),
        Item(
            name="logits, a tile, and gradients of the head",
            sampling=0,
            updating=head(recipe, config, sizes, machine, row),
        ),
    ]
    if grpo and config.beta and not recipe.lora.rank:
        copy = sizes.total * width_of(recipe, machine) // (machine.gpus if machine.sharding in ("zero3", "fsdp") else 1)
        found.append(Item(name="reference model (train.beta)", sampling=copy, updating=copy))
    if grpo and recipe.ntk.weight:
        kernel = kernel_bytes(recipe, config, sizes, machine)
        found.append(Item(name="contrastive term", sampling=0, updating=kernel))
    if grpo:
        found += _sampler(recipe, config, sizes, machine, row)
    if grpo and recipe.judge.gpu_share and recipe.judge.model != POLICY and machine.memory:
        share = int(recipe.judge.gpu_share * machine.memory)
        found.append(Item(name="judge (judge.gpu_share)", sampling=share, updating=share))
    if machine.on_gpu:
        found.append(Item(name="CUDA, NCCL, fragmentation (kept free)", sampling=RUNTIME, updating=RUNTIME))
    return found


def trained(recipe: Recipe, sizes: ModelSizes) -> int:
    """Parameters that are trained: of an adapter r (in + out) a layer (Hu et al. 2021, section 4.1)."""
    if recipe.lora.rank:
        return recipe.lora.rank * sizes.adapted
    return sizes.total - (sizes.seeing if recipe.freeze_vision else 0)


def states(recipe: Recipe, sizes: ModelSizes, machine: Machine) -> tuple[int, int, int]:
    """Bytes of weights, gradients and optimiser on each GPU.

    AdamW keeps two moments in float32, 8 bytes a weight. Under ZeRO (Rajbhandari et al. 2020, section 3.1 and figure 1)
    it is 2 + 2 + 12 bytes a weight in mixed precision, of which stage 1 divides the optimiser by the GPUs, stage 2 the
    gradients too, stage 3 the weights too. FSDP divides float32 weights, gradients and moments: 4 + 4 + 8. What is not
    trained has no more than its weights; quantised ones have `train.bits` each, but for embeddings and head (Dettmers
    et al. 2023).
    """
    learned = trained(recipe, sizes)
    kept = sizes.total if recipe.lora.rank else sizes.total - learned
    width = width_of(recipe, machine)
    frozen = kept * width
    if bits := recipe.train.get("bits"):
        frozen = sizes.linear * int(bits) // 8 + (sizes.total - sizes.linear) * _HALF
    zero = machine.sharding.startswith("zero")
    weights = frozen + learned * (_HALF if zero else _WIDE)
    gradients = learned * (_HALF if zero else _WIDE)
    optimiser = learned * (moments(recipe) + (_WIDE if zero else 0))
    gpus = machine.gpus
    return (
        weights // (gpus if machine.sharding in ("zero3", "fsdp") else 1),
        gradients // (gpus if machine.sharding in ("zero2", "zero3", "fsdp") else 1),
        optimiser // (gpus if machine.sharding != "none" else 1),
    )


def moments(recipe: Recipe) -> int:
    """Bytes that the optimiser keeps of a weight; those of one that is not known here are taken for AdamW's."""
    name = str(recipe.train.get("optim", ""))
    if name == "sgd":
        return 0
    return 2 if "8bit" in name else 1 if "4bit" in name else 2 * _WIDE


def gathered(recipe: Recipe, config: Any, sizes: ModelSizes, machine: Machine) -> int:
    """Copies of weights and gradients that live for a while.

    Autocast keeps weights in bfloat16 from their first use in a pass to its end; DDP reduces gradients in buckets that
    are as large as they are. ZeRO has a bucket of gradients, and stage 3 gathered weights, up to DeepSpeed's defaults.
    FSDP gathers a layer while it computes the one before, and what is in no layer once.
    """
    learned = trained(recipe, sizes)
    if machine.sharding == "none":
        casts = learned * _HALF if (config.bf16 or config.fp16) and width_of(recipe, machine) == _WIDE else 0
        return casts + (learned * _WIDE if machine.gpus > 1 else 0)
    if machine.sharding == "fsdp":
        outside = max(0, sizes.total - sizes.layer * sizes.text.layers)
        return _HALF * (2 * sizes.layer + outside) + _HALF * (
            sizes.layer if recipe.lora.rank else sizes.layer + outside
        )
    live = min(sizes.total, _LIVE) * _HALF if machine.sharding == "zero3" else 0
    return live + min(learned, _BUCKET) * _HALF


def _gathered_name(machine: Machine, config: Any) -> str:
    if machine.sharding == "none":
        return "copies in 16 bits (autocast)" if machine.gpus == 1 else "copies in 16 bits, buckets of DDP"
    return "gathered weights, buckets of gradients"


def checkpoints(config: Any) -> bool:
    """Whether layers are computed again in the backward pass, under either name of Transformers' for it."""
    return bool(getattr(config, "activation_checkpointing", getattr(config, "gradient_checkpointing", False)))


def activations(
    recipe: Recipe, config: Any, sizes: ModelSizes, machine: Machine, row: Longest, *, checkpointed: bool
) -> int:
    """What a forward pass keeps for the backward.

    Args:
        recipe: resolved.
        config: TRL's.
        sizes: of the model.
        machine: that it is trained on.
        row: the longest one.
        checkpointed: whether layers are computed again.
    """
    wide = width_of(recipe, machine) == _WIDE and machine.sharding == "none"
    residual = _WIDE if wide else _HALF  # Autocast leaves what is added up in the precision of the weights.
    inside = _HALF if config.bf16 or config.fp16 or not wide else _WIDE
    response = config.max_completion_length if recipe.algorithm == "grpo" else row.response
    batch: int = config.per_device_train_batch_size
    text: int = batch * (row.prompt + response) * stack_bytes(sizes.text, residual, inside, checkpointed=checkpointed)
    if sizes.vision is None or recipe.freeze_vision or recipe.lora.rank:  # Towers have no adapters.
        return text
    patches = batch * row.visual * sizes.patches
    return text + patches * stack_bytes(sizes.vision, residual, inside, checkpointed=checkpointed)


def stack_bytes(stack: Stack, residual: int, inside: int, *, checkpointed: bool) -> int:
    """Bytes of a token that a stack of layers keeps for the backward pass.

    With recomputation, the input of each layer, and all of one layer while it is computed again (Korthikanti et al.
    2022, section 5). All of a layer, counted in Transformers' own: a normalisation keeps its input in float32, what it
    is scaled from, and what comes out, which the next matrix needs; attention its queries, keys and values, its output,
    and that again in the order of the next matrix; the feed-forward part what goes into its activation and comes out,
    what it is multiplied by, and the product. Scores of attention are not kept (FlashAttention). A test holds it to
    what PyTorch saves, to a tenth, and to a seventh for Gemma 3.

    Args:
        stack: the layers.
        residual: bytes of a number between layers.
        inside: bytes of a number within them.
        checkpointed: whether layers are computed again.
    """
    layer = (
        (_WIDE + 2 * inside) * stack.norms + inside * (3 * stack.queries + 2 * stack.keys) + 4 * inside * stack.inner
    )
    last = (_WIDE + inside) * stack.width  # The normalisation after the last one.
    return last + (residual * stack.width * stack.layers + layer if checkpointed else layer * stack.layers)


def head(recipe: Recipe, config: Any, sizes: ModelSizes, machine: Machine, row: Longest) -> int:
    """TRL's fused head: a tile of logits; where the head is trained its gradients, in float32 and as they are kept."""
    tile = min(_TILE[0], scored(recipe, config, row)) * min(_TILE[1], sizes.vocabulary) * _WIDE
    if recipe.lora.rank:
        return tile
    kept = _HALF if machine.sharding.startswith("zero") else _WIDE
    return tile + sizes.vocabulary * sizes.text.width * (_WIDE + kept)


def whole_logits(recipe: Recipe, config: Any, sizes: ModelSizes, row: Longest) -> int:
    """Logits of all responses of a pass in float32, which nothing forms: what the tiles save."""
    return scored(recipe, config, row) * sizes.vocabulary * _WIDE


def scored(recipe: Recipe, config: Any, row: Longest) -> int:
    """Tokens of a pass whose logits count: those of responses."""
    response = config.max_completion_length if recipe.algorithm == "grpo" else row.response
    return int(config.per_device_train_batch_size * response)


def kernel_bytes(recipe: Recipe, config: Any, sizes: ModelSizes, machine: Machine) -> int:
    """Most that the kernel holds on one process: see `trainers.ntk.estimators`."""
    width, vocabulary = sizes.text.width, sizes.vocabulary
    longest: int = config.max_completion_length
    if recipe.ntk.estimator == "top_tokens":
        longest = min(longest, recipe.ntk.max_tokens)
    sequences: int = config.per_device_train_batch_size * config.gradient_accumulation_steps
    own: int = sequences * longest
    if recipe.ntk.estimator == "hidden":
        return _WIDE * 2 * own * width  # The states in float32, and as they are weighted to be summed: no kernel.
    every: int = own * machine.gpus
    chunk: int = min(recipe.ntk.chunk_size, vocabulary)
    if is_cheaper(every, sequences * machine.gpus, width):
        # The gradients, what they are multiplied by, and five sums of N x d.
        return _WIDE * (2 * MOST_NUMBERS + own * (5 * width + chunk))
    return _WIDE * every * (5 * every + 2 * chunk)


def context(recipe: Recipe, config: Any, sizes: ModelSizes, machine: Machine, row: Longest) -> Context | None:
    """What a colocated vLLM makes of its share of the memory; `None`: there is none, or the memory is not known."""
    if recipe.algorithm != "grpo" or not config.use_vllm or config.vllm_mode != "colocate" or machine.memory is None:
        return None
    parallel = config.vllm_tensor_parallel_size
    share = int(config.vllm_gpu_memory_utilization * machine.memory)
    return Context(
        tokens=config.vllm_max_model_length or row.prompt + config.max_completion_length,
        cache=share - sizes.total * _HALF // parallel - VLLM_RUNTIME,
        token=sizes.cache * _HALF // parallel,
        sequences=config.per_device_train_batch_size * parallel * config.steps_per_generation,
    )


def _sampler(recipe: Recipe, config: Any, sizes: ModelSizes, machine: Machine, row: Longest) -> Iterator[Item]:
    """What samples responses: vLLM's share, or the cache of Transformers, which has all responses of a step at once."""
    if config.use_vllm:
        if config.vllm_mode == "colocate" and machine.memory is not None:
            share = int(config.vllm_gpu_memory_utilization * machine.memory)
            sleeps = config.vllm_enable_sleep_mode
            yield Item(name="vLLM: weights and cache", sampling=share, updating=0 if sleeps else share)
        return
    width = width_of(recipe, machine)
    responses = config.per_device_train_batch_size * config.steps_per_generation
    cache = responses * (row.prompt + config.max_completion_length) * sizes.cache * width
    yield Item(name="cache of sampling", sampling=cache, updating=0)
    if machine.sharding in ("zero3", "fsdp"):  # TRL gathers the model to generate with it.
        yield Item(name="whole weights to sample with", sampling=sizes.total * _HALF, updating=0)


def width_of(recipe: Recipe, machine: Machine) -> int:
    """Bytes of a weight as it is loaded."""
    dtype = training_dtype(recipe, on_gpu=machine.on_gpu, has_master=machine.sharding != "none")
    return int(dtype.itemsize)
