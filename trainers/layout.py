"""The output folder of a recipe: names of what is in it, the checkpoints that are there, and what it was made with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import inf
from pathlib import Path
from typing import Any, Final

from harness.core.errors import StoreError
from harness.core.files import write_atomically
from harness.runs.config import read_json

RECIPE: Final = "recipe.yaml"
"""The resolved recipe."""
FINAL: Final = "final"
"""Folder of the whole model."""
WHOLE: Final = "harness.json"
"""In a checkpoint: what it was trained with, written when all else is there."""
LOG: Final = "log.jsonl"
CURVES: Final = "curves.svg"
BOARD: Final = "leaderboard"
"""Folder of the leaderboard of the evaluations."""
CONFLICT: Final = "conflict.json"
"""Similarity of some rows before and after training."""


def saved_checkpoints(output: Path) -> list[Path]:
    """The checkpoints of training that are whole, in the order of their steps."""
    return [path for path in step_folders(output) if (path / WHOLE).is_file()]


def step_folders(output: Path, *, upto: float = inf) -> list[Path]:
    """The folders `checkpoint-STEP` of a run in the order of their steps, without a user's `checkpoint-5-copy`."""
    names = ((path.name.removeprefix("checkpoint-"), path) for path in output.glob("checkpoint-*"))
    steps = sorted((int(step), path) for step, path in names if step.isdecimal())
    return [path for step, path in steps if step <= upto]


def cost_file(data: Path) -> Path:
    """Beside rows that are a selection's right responses: what they have cost."""
    return data.with_name(f"{data.stem}.cost.json")


def hold_settings(file: Path, settings: Mapping[str, Any], advice: str) -> None:
    """Write what must be equal to go on in a folder, or hold it against what is written there.

    Args:
        file: of the settings.
        settings: JSON-able.
        advice: what to do where they differ.

    Raises:
        StoreError: names the settings that differ.
    """
    wanted = json.dumps(settings, indent=2) + "\n"
    if not file.is_file():
        write_atomically(file, wanted)
    stored, now = read_json(file), json.loads(wanted)
    differing = sorted(key for key in {*stored, *now} if stored.get(key) != now.get(key))
    if differing:
        raise StoreError(f"{file.parent} was made with other settings ({', '.join(differing)}). {advice}")
