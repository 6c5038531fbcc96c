"""`harness train --dry-run`: the resolved recipe, what it takes of memory, and the first prompt.

Imported lazily only: torch and transformers are imported at the top.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import torch

from harness.engines.checkpoints import Checkpoint
from harness.engines.inputs import choose_video_as
from harness.engines.loaders import empty_model
from trainers.data.loading import as_request, read_training, training_file
from trainers.models import TOWERS, load_processor, training_dtype
from trainers.ntk.by_gradient import MOST_NUMBERS, is_cheaper
from trainers.recipe import as_yaml
from trainers.settings import Recipe
from trainers.showing import show
from trainers.trl_config import build_config

_WIDE: Final = 4
"""Bytes of a float32."""
_ADAM_MOMENTS: Final = 2


def preview(recipe: Recipe) -> str:
    """The text of a dry run; no weights are loaded and nothing is trained.

    Raises:
        HarnessError: the recipe, its checkpoint or the first row of its data would be refused in training too.
    """
    checkpoint = recipe.resolve_model()
    config = build_config(recipe, Path(recipe.output).expanduser())
    lines = [f"{name:<34}{_size(amount)}" for name, amount in estimate_memory(recipe, checkpoint, config).items()]
    return "\n".join(
        [
            f"# recipe\n{as_yaml(recipe)}",
            "# memory of all processes together; weights, gradients and optimiser are divided by the number of GPUs",
            "# under ZeRO-3 or FSDP; activations and a colocated vLLM come on top",
            *lines,
            f"\n# first prompt\n{first_prompt(recipe, checkpoint)}",
        ]
    )


def estimate_memory(recipe: Recipe, checkpoint: Checkpoint, config: Any) -> Mapping[str, int]:
    """Bytes by what they are for.

    Args:
        recipe: the recipe.
        checkpoint: the checkpoint that training starts from.
        config: TRL's configuration.
    """
    model = empty_model(checkpoint)
    total = sum(parameter.numel() for parameter in model.parameters())
    matrices = [(name, value) for name, value in model.named_modules() if isinstance(value, torch.nn.Linear)]
    trained = total
    if recipe.lora.rank:
        adapted = [value for name, value in matrices if not re.fullmatch(TOWERS, name) and not name.endswith("lm_head")]
        trained = sum(recipe.lora.rank * (value.in_features + value.out_features) for value in adapted)
    width = training_dtype(recipe).itemsize
    bits = recipe.train.get("bits")
    sizes = {
        "weights": total * bits // 8 if bits else total * width,
        "gradients": trained * width,
        "optimiser (AdamW)": trained * _ADAM_MOMENTS * _WIDE,
    }
    if recipe.algorithm == "grpo":
        if config.beta and not recipe.lora.rank:
            sizes["reference model (train.beta)"] = total * width
        if recipe.ntk.weight:
            sizes["contrastive term"] = _ntk_bytes(recipe, config, *model.get_output_embeddings().weight.shape)
    sizes["together"] = sum(sizes.values())
    return sizes


def _ntk_bytes(recipe: Recipe, config: Any, vocabulary: int, width: int) -> int:
    """Most that the kernel holds on one process: see `trainers.ntk.estimators`."""
    longest: int = config.max_completion_length
    if recipe.ntk.estimator == "top_tokens":
        longest = min(longest, recipe.ntk.max_tokens)
    sequences: int = config.per_device_train_batch_size * config.gradient_accumulation_steps
    own: int = sequences * longest
    every: int = own * config.world_size
    chunk: int = min(recipe.ntk.chunk_size, vocabulary)
    if is_cheaper(every, sequences * config.world_size, width):
        # The gradients, what they are multiplied by, and five sums of N x d.
        return _WIDE * (2 * MOST_NUMBERS + own * (5 * width + chunk))
    return _WIDE * every * (5 * every + 2 * chunk)


def first_prompt(recipe: Recipe, checkpoint: Checkpoint) -> str:
    """The first row as the model is shown it, its images unexpanded."""
    file, root = training_file(recipe, Path(recipe.output).expanduser())
    example = read_training(
        file, root, outside=recipe.data.allow_outside, limit=1, require_response=recipe.algorithm == "sft"
    )[0]
    request = as_request(example, root, prompt_format=recipe.prompt, num_frames=recipe.data.num_frames)
    processor = load_processor(checkpoint, recipe.data.max_pixels)
    prompt = show(processor, request, choose_video_as(processor, recipe.data.video_as, checkpoint.name)).text
    return prompt + (f"\n# response\n{example.response}" if recipe.algorithm == "sft" else "")


def _size(amount: int) -> str:
    return f"{amount / 2**30:.2f} GiB" if amount >= 2**28 else f"{amount / 2**20:.1f} MiB"
