"""The output folder of a recipe: names of what is in it, and the checkpoints that are there."""

from __future__ import annotations

from pathlib import Path
from typing import Final

RECIPE: Final = "recipe.yaml"
"""The resolved recipe."""
FINAL: Final = "final"
"""Folder of the whole model."""
MERGED: Final = "merged"
"""Folder of the whole model in a checkpoint that holds an adapter."""
LOG: Final = "log.jsonl"
CURVES: Final = "curves.svg"
CONFLICT: Final = "conflict.json"
"""Similarity of some rows before and after training."""


def saved_checkpoints(output: Path) -> list[Path]:
    """The checkpoints of training that are whole, in the order of their steps."""
    names = ("config.json", "adapter_config.json")
    return [path for path in step_folders(output) if any((path / name).is_file() for name in names)]


def step_folders(output: Path) -> list[Path]:
    """The folders `checkpoint-STEP` of a run in the order of their steps, without a user's `checkpoint-5-copy`."""
    steps = ((path.name.removeprefix("checkpoint-"), path) for path in output.glob("checkpoint-*"))
    return [path for _, path in sorted((int(step), path) for step, path in steps if step.isdecimal())]
