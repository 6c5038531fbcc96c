"""What checkpoints and the final model take on the disk."""

from __future__ import annotations

from math import ceil
from typing import Any

from trainers.plan.machine import Machine
from trainers.plan.memory import moments, trained, width_of
from trainers.plan.sizes import ModelSizes
from trainers.settings import Recipe


def disk_bytes(recipe: Recipe, config: Any, sizes: ModelSizes, machine: Machine) -> int:
    """Bytes of all checkpoints that are there at one time, with the optimiser's state in each, and of the final model.

    A checkpoint of an adapter holds that alone; ZeRO's optimiser has a float32 copy of the weights besides its moments.
    """
    learned = trained(recipe, sizes)
    wide = 4 if machine.sharding == "fsdp" and not recipe.lora.rank else width_of(recipe, machine)
    whole = sizes.total * wide
    copy = 4 if machine.sharding.startswith("zero") else 0
    state = 0 if config.save_only_model else learned * (moments(recipe) + copy)
    kept = most_checkpoints(config) + (recipe.eval.best is not None)
    return kept * ((learned * 4 if recipe.lora.rank else whole) + state) + whole


def most_checkpoints(config: Any) -> int:
    """How many checkpoints are there at one time; where their number depends on the rows, as many as are kept."""
    if config.save_strategy == "no":
        return 0
    kept: int | None = config.save_total_limit + 1 if config.save_total_limit else None  # Until the next is whole.
    saved = None
    if config.save_strategy == "epoch" and config.max_steps <= 0:
        saved = ceil(config.num_train_epochs)
    elif config.save_strategy == "steps" and config.save_steps < 1:  # A share of all steps.
        saved = int(1 / config.save_steps)
    elif config.save_strategy == "steps" and config.max_steps > 0:
        saved = config.max_steps // int(config.save_steps)
    return min((count for count in (kept, saved) if count is not None), default=1)
