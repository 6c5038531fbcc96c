"""`harness train --dry-run`: the resolved recipe and the first prompt. Imported lazily only: torch is imported."""

from __future__ import annotations

from pathlib import Path

from harness.engines.checkpoints import Checkpoint
from trainers.assembly import show_rows
from trainers.data.loading import read_training, training_file
from trainers.models import load_processor
from trainers.recipe import as_yaml
from trainers.settings import Recipe
from trainers.showing import show


def preview(recipe: Recipe) -> str:
    """The resolved recipe and its first prompt; no weights are loaded.

    Raises:
        HarnessError: its checkpoint or the first row of its data would be refused in training too.
    """
    return f"# recipe\n{as_yaml(recipe)}\n# first prompt\n{first_prompt(recipe, recipe.resolve_model())}"


def first_prompt(recipe: Recipe, checkpoint: Checkpoint) -> str:
    """The first row as the model is shown it, its images unexpanded."""
    file, root = training_file(recipe, Path(recipe.output).expanduser())
    example = read_training(
        file, root, outside=recipe.data.allow_outside, limit=1, require_response=recipe.algorithm == "sft"
    )[0]
    rows = show_rows(recipe, checkpoint, load_processor(checkpoint, recipe.data.max_pixels), root)
    prompt = show(rows.processor, rows.request(example), rows.video_as).text
    return prompt + (f"\n# response\n{example.response}" if recipe.algorithm == "sft" else "")
