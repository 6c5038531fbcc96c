"""What checkpoints and the final model take on the disk."""

from __future__ import annotations

from math import ceil
from typing import Any

from trainers.plan.machine import Machine
from trainers.plan.memory import moments, trained, width_of
from trainers.plan.sizes import ModelSizes
from trainers.settings import Recipe
from trainers.trl_config import steps_an_epoch


def disk_bytes(recipe: Recipe, config: Any, rows: int, sizes: ModelSizes, machine: Machine) -> int:
    """Bytes of all checkpoints that are there at one time, with the optimiser's state in each, and of the final model.

    A checkpoint of an adapter holds that alone; ZeRO's optimiser has a float32 copy of the weights besides its moments.
    """
    learned = trained(recipe, sizes)
    wide = 4 if machine.sharding == "fsdp" and not recipe.lora.rank else width_of(recipe, machine)
    whole = sizes.total * wide
    copy = 4 if machine.sharding.startswith("zero") else 0
    state = 0 if config.save_only_model else learned * (moments(recipe) + copy)
    kept = most_checkpoints(config, rows) + (recipe.eval.best is not None)
    return kept * ((learned * 4 if recipe.lora.rank else whole) + state) + whole


def most_checkpoints(config: Any, rows: int) -> int:
    """How many checkpoints are there at one time; Transformers saves at the last step too.

    Args:
        config: of TRL.
        rows: that are trained on.
    """
    if config.save_strategy == "no":
        return 0
    epoch = steps_an_epoch(config, rows)
    steps = config.max_steps if config.max_steps > 0 else ceil(config.num_train_epochs * epoch)
    every = epoch if config.save_strategy == "epoch" else config.save_steps
    if every < 1:  # A share of all steps.
        every = ceil(steps * every)
    saved: int = ceil(steps / every)
    if config.save_total_limit:  # One more until the next is whole.
        saved = min(saved, int(config.save_total_limit) + 1)
    return saved
