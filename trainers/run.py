"""From a recipe to a trained, evaluated checkpoint: selection, training, `harness.json`, evaluation, leaderboard.

Folders of the output: `recipe.yaml`, the resolved recipe; `selection/`; `checkpoint-N/`; `final/`, the whole model;
`log.jsonl` and `curves.svg`; `runs/`, the evaluations. Imported lazily only.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from harness.checkpoints import Checkpoint, resolve_checkpoint
from harness.errors import StoreError
from harness.files import write_atomically
from trainers.data.loading import read_training, training_file
from trainers.data.schema import Example
from trainers.evaluation import FINAL, evaluate_checkpoints
from trainers.preparation import is_main_rank, prepare, provenance, say, wait_for_main_rank
from trainers.recipe import as_yaml, load_recipe, plain
from trainers.settings import Recipe

if TYPE_CHECKING:
    from harness.judge import Judge

RECIPE: Final = "recipe.yaml"
_MADE: Final = (
    RECIPE, FINAL, "checkpoint-*", "data", "selection", "runs", "log.jsonl", "curves.svg", "conflict.json",
    "completions", "README.md",
)  # fmt: skip
"""What a run writes into its output folder."""

UpdateLeaderboard = Callable[[Sequence[Path], Path, str | None], None]
"""Takes folders that hold runs, the folder that the leaderboard is written to, and the checkpoint to compare with."""


def train(recipe: Recipe, *, fresh: bool, update_leaderboard: UpdateLeaderboard | None) -> list[Path]:
    """Run a recipe, or go on with a run that was interrupted.

    Args:
        recipe: resolved.
        fresh: throw away what an earlier run left in the output folder.
        update_leaderboard: called at the end with the evaluations of this output and of those beside it, so that
            recipes under one folder share a leaderboard; `None`: not at all.

    Returns:
        The folders of the evaluations.

    Raises:
        HarnessError: see `harness.errors`; checkpoints that were saved stay, and the same call goes on from the last.
    """
    output = Path(recipe.output).expanduser()
    _open_output(output, recipe, fresh=fresh)
    wait_for_main_rank()
    checkpoint = resolve_checkpoint(recipe.model)
    if is_main_rank():
        training_file(recipe, output)
    wait_for_main_rank()
    examples, root, judge = prepare(recipe, output)
    if recipe.algorithm == "grpo" and recipe.selection.enabled:
        from trainers.selection.stage import select_rows

        file = select_rows(recipe, checkpoint, examples, root, output, judge, fresh=False)
        examples = read_training(file, root, limit=None, require_response=False)
        say(f"selection: {len(examples)} rows to train on ({recipe.selection.subset}), {file.parent}")
    facts = provenance(recipe, checkpoint, examples)
    # The model is named nowhere here, so that its memory is free once it is evaluated.
    runs = evaluate_checkpoints(
        recipe, output, _train_model(recipe, output, checkpoint, examples, root, judge=judge, facts=facts)
    )
    if runs and update_leaderboard is not None:
        baseline = recipe.model if recipe.eval.start else None
        update_leaderboard(sorted(output.parent.glob("*/runs")), output.parent / "leaderboard", baseline)
    return runs


def _train_model(
    recipe: Recipe,
    output: Path,
    checkpoint: Checkpoint,
    examples: list[Example],
    root: Path,
    *,
    judge: Judge | None,
    facts: Mapping[str, Any],
) -> Any:
    """Train unless it is done, close the judge, and give the final model if it is in memory."""
    model = None
    if not (output / FINAL / "harness.json").is_file():
        from trainers.assembly import build_config, build_trainer
        from trainers.models import quiet_libraries
        from trainers.training import end_training, run_trainer

        with quiet_libraries():
            config = build_config(recipe, output)
            trainer = build_trainer(recipe, config, checkpoint, examples, root, judge=judge, facts=facts)
            model = run_trainer(trainer, output, facts)
        del trainer
        end_training()
    if judge is not None:
        judge.close()
    return model


def _open_output(output: Path, recipe: Recipe, *, fresh: bool) -> None:
    """Keep runs of different recipes apart.

    Raises:
        StoreError: the folder holds a run of another recipe.
    """
    if not is_main_rank():
        return
    path = output / RECIPE
    if fresh and path.is_file():
        for pattern in _MADE:  # Nothing but what a recipe makes is ever thrown away.
            for item in output.glob(pattern):
                shutil.rmtree(item) if item.is_dir() and not item.is_symlink() else item.unlink()
    if path.is_file():
        stored = load_recipe(str(path))
        differing = _differing(stored, recipe)
        if differing:
            raise StoreError(
                f"{output} holds a run of another recipe ({', '.join(differing)} differ). Give --fresh to throw it "
                "away, or another output=FOLDER."
            )
        say(f"going on in {output}")
    write_atomically(path, as_yaml(recipe))


def _differing(stored: Recipe, recipe: Recipe) -> list[str]:
    """Settings in which two recipes differ and that decide what is trained; the evaluation may change."""
    one, other = (_flat(plain(replace(item, eval=stored.eval))) for item in (stored, recipe))
    free = ("output", "train.report_to", "train.run_name", "train.save_total_limit", "judge.base_url", "judge.cache",
            "conflict_rows")  # fmt: skip
    return sorted(key for key in {*one, *other} if one.get(key) != other.get(key) and key not in free)


def _flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return flat
