"""From a recipe to a trained, evaluated checkpoint: selection, training, `harness.json`, evaluation.

Folders of the output: `recipe.yaml`, the resolved recipe; `selection/`; `checkpoint-N/`; `final/`, the whole model;
`log.jsonl` and `curves.svg`; `evaluations/`, those while training; `runs/`, those after it; `leaderboard/`, of them
alone. Imported lazily only.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from harness.core.errors import StoreError, UsageError
from harness.core.files import hold_lock, write_atomically
from harness.core.worlds import shipped_checkpoints, worlds
from harness.engines.checkpoints import Checkpoint
from harness.runs.config import CONFIG, is_run_folder, read_json
from harness.runs.records import RUN, SAMPLES
from trainers.console import say
from trainers.data.loading import read_training, training_file
from trainers.data.schema import Example
from trainers.evaluation import evaluate_checkpoints
from trainers.layout import BOARD, CONFLICT, CURVES, FINAL, LOG, RECIPE
from trainers.preparation import is_trained, prepare
from trainers.provenance import (
    BATCH,
    batch_sizes,
    differing,
    provenance,
    refuse_other_selection,
    refuse_other_start,
    told,
)
from trainers.ranks import is_main_rank, wait_for_main_rank
from trainers.recipe import as_yaml, load_recipe, recipe_stages
from trainers.selection.rollouts import FILES, SETTINGS
from trainers.settings import Recipe
from trainers.trl_vllm import leave_out_vllm

if TYPE_CHECKING:
    from harness.judges.caption import CaptionJudge

LOCK: Final = ".harness.lock"
_MARK: Final = "# Written by 'harness train', which goes on only with a file that was not changed:"
"""The first line of a stored recipe, before the digest of the rest."""
_STEP: Final = "checkpoint-[0-9]*"
_TRAINED: Final = (
    *(FINAL, _STEP, LOG, CURVES, CONFLICT, "completions/completions_*.parquet"),
    *(f"{BOARD}/leaderboard*.*", f"{BOARD}/index.html"),
)
"""What training writes into its output folder."""
_RUNS: Final = (f"runs/{FINAL}", "runs/start", f"runs/{_STEP}")
_EVALUATED: Final = (*_RUNS, *(f"evaluations/{name}" for name in ("step-[0-9]*", "best.json", "curves.svg")))
"""What its evaluations write there."""
_ASKED: Final = frozenset(
    f"eval.{name}"
    for name in ("tasks", "tasks_dir", "data", "limit", "engine", "num_frames", "max_new_tokens", "batch_size")
)
"""Settings of the evaluations after training that one of them cannot go on without."""


def train(recipe: Recipe, *, fresh: bool = False, source: Path | None = None) -> list[Path]:
    """Run a recipe, or go on with a run that was interrupted.

    Args:
        recipe: resolved.
        fresh: throw away what an earlier run left in the output folder.
        source: the file that the recipe was read from; `None`: not a file of the user's.

    Returns:
        The folders of the evaluations; none in other processes than the first.

    Raises:
        HarnessError: see `harness.core.errors`; saved checkpoints stay, and the same call goes on from the last.
    """
    stages = recipe_stages(recipe)
    if recipe.stages:  # What would stop a later one is found before the first: they start from models of one kind.
        leave_out_vllm(recipe)
        from trainers.checks import check_recipe

        checkpoint = recipe.resolve_model()
        for stage in stages:
            output = Path(stage.output).expanduser()
            check_output(stage, output, source)
            if not fresh:
                refuse_other_recipe(output, stage)
            check_recipe(stage, checkpoint, output, selects=stage.selects)
            checkpoint = replace(checkpoint, adapter=None)  # A stage ends with a whole model.
    return [run for stage in stages for run in _train_stage(stage, fresh=fresh, source=source)]


def _train_stage(recipe: Recipe, *, fresh: bool, source: Path | None) -> list[Path]:
    leave_out_vllm(recipe)
    from trainers.checks import check_recipe, check_rows
    from trainers.trl_config import build_config

    output = Path(recipe.output).expanduser()
    check_output(recipe, output, source)
    wait_for_main_rank()
    checkpoint = recipe.resolve_model()
    check_recipe(recipe, checkpoint, output, selects=recipe.selects)
    with hold_output(output):
        _open_output(output, recipe, fresh=fresh)
        wait_for_main_rank()
        if is_main_rank():
            training_file(recipe, output)
        wait_for_main_rank()
        examples, root, judge = prepare(recipe, output)
        # The configuration is not kept: models are loaded under ZeRO-3 as long as one with that exists.
        batch = batch_sizes(recipe, build_config(recipe, output))
        refuse_other_start(output, checkpoint.weights, examples, batch)
        check_rows(recipe, checkpoint, output, examples, root, judge=judge)
        if is_main_rank():
            write_atomically(output / RECIPE, _stamped(as_yaml(_with_evaluations(recipe, output))))
        given = examples
        if recipe.selects:
            from trainers.selection.stage import select_rows

            file = select_rows(recipe, checkpoint, examples, root, output, judge, fresh=False)
            examples = read_training(file, root, outside=recipe.data.allow_outside, limit=None, require_response=False)
            refuse_other_selection(output, examples)
            say(f"selection: {len(examples)} rows to train on ({recipe.selection.subset}), {file.parent}")
        facts = provenance(recipe, batch, checkpoint, examples, given)
        # The model is named nowhere here, so that its memory is free once it is evaluated.
        return evaluate_checkpoints(
            recipe, output, _train_model(recipe, output, checkpoint, examples, root, judge=judge, facts=facts)
        )


def check_output(recipe: Recipe, output: Path, source: Path | None = None) -> None:
    """Refuse a folder in which a run could overwrite or delete what it did not make; nothing is written.

    Args:
        recipe: resolved.
        output: its output folder.
        source: the file that the recipe was read from; `None`: not a file of the user's.

    Raises:
        UsageError: the folder is an evaluation's, holds what the recipe reads, or files under names that training
            writes to.
    """
    if not is_main_rank() or not os.access(output, os.R_OK | os.W_OK | os.X_OK):
        return
    # A lock alone is of a training that was killed.
    begun = (output / CONFIG).exists() and is_run_folder(output)
    if begun or any((output / name).exists() for name in (RUN, SAMPLES)):
        raise UsageError(
            f"{output} holds a run of 'harness eval', and is no place to train in. Give another output=FOLDER."
        )
    stored = output / RECIPE
    if stored.exists() and not _is_stamped(stored):
        raise UsageError(
            f"{stored} was not written by 'harness train', or was changed since; it would be overwritten. Give another "
            "output=FOLDER."
        )
    shipped = {*shipped_checkpoints(), *worlds()}
    inputs = {
        "data.train": None if recipe.data.train in worlds() else recipe.data.train,
        "data.media_root": recipe.data.media_root,
        "model": recipe.model if recipe.model not in shipped else None,
        "judge.model": recipe.judge.model if recipe.judge.model not in shipped else None,
        "the recipe": None if source is None or source.resolve() == stored.resolve() else str(source),
    }
    for name, text in inputs.items():
        path = Path(text or "").expanduser()
        if text and os.path.exists(path) and path.resolve().is_relative_to(output.resolve()):
            raise UsageError(
                f"the output folder {output} holds {name} ({text}), and what a run writes or throws away there could "
                "be yours. Give another output=FOLDER."
            )
    there = [] if stored.is_file() else list(_items(output, (*_TRAINED, *_EVALUATED)))
    selection = output / "selection"
    if not _is_selection(selection):
        there += _items(selection, FILES)
    if there:
        raise UsageError(
            f"{there[0]} was not made by a run of 'harness train', and would be overwritten. Give another "
            "output=FOLDER, or move it away."
        )


@contextmanager
def hold_output(output: Path) -> Iterator[None]:
    """Make an output folder and keep other runs out of it.

    Raises:
        StoreError: another run is at work in the folder, or it cannot be made or written to.
    """
    if not is_main_rank():
        yield
        return
    with hold_lock(output / LOCK, option="output=FOLDER"):
        yield


def _train_model(
    recipe: Recipe,
    output: Path,
    checkpoint: Checkpoint,
    examples: list[Example],
    root: Path,
    *,
    judge: CaptionJudge | None,
    facts: Mapping[str, Any],
) -> Any:
    """Train unless it is done, close the judge, and give the final model if it is in memory."""
    from trainers.training import end_training, run_trainer

    model = None
    if not is_trained(output):
        from trainers.assembly import build_trainer
        from trainers.models import quiet_libraries
        from trainers.trl_config import build_config

        with quiet_libraries():
            config = build_config(recipe, output)
            trainer = build_trainer(recipe, config, checkpoint, examples, root, judge=judge, facts=facts)
            model = run_trainer(trainer, output, facts)
        del trainer
    if judge is not None:
        judge.close()  # It may hold the model.
    end_training()
    return model


def _open_output(output: Path, recipe: Recipe, *, fresh: bool) -> None:
    """Keep runs of different recipes apart.

    Until a checkpoint is saved nothing was made by a recipe but its selection, which knows its own settings.

    Raises:
        StoreError: the folder holds a run of another recipe.
    """
    path = output / RECIPE
    if not is_main_rank() or not path.is_file():
        return
    if fresh:
        _throw_away(output)
        return
    refuse_other_recipe(output, recipe)
    say(f"going on in {output}")


def refuse_other_recipe(output: Path, recipe: Recipe) -> None:
    """Refuse to go on with what another recipe trained, or asked; nothing is written.

    Raises:
        StoreError: names the settings that differ.
    """
    path = output / RECIPE
    others = differing(load_recipe(str(path)), recipe) if path.is_file() else []
    asked = [key for key in others if key in _ASKED]
    # While it is trained what batches come to is held instead, once that is known (`refuse_other_start`).
    free = BATCH if not is_trained(output) and "batch.responses_per_update" in told(output) else ()
    trained = [key for key in others if not key.startswith("eval.") and key not in free]
    if trained and any(_items(output, (FINAL, _STEP))):
        raise StoreError(
            f"{output} holds a run of another recipe ({', '.join(trained)} differ). Give --fresh to throw it "
            "away, or another output=FOLDER."
        )
    if asked and recipe.eval.tasks and any(_items(output, _RUNS)):
        raise StoreError(
            f"{output / 'runs'} holds evaluations with other settings ({', '.join(asked)} differ). Ask the model anew "
            f"with 'harness eval --model {output / FINAL}', or move {output / 'runs'} away and give this command again."
        )


def _throw_away(output: Path) -> None:
    """Delete what an earlier run made, and nothing else."""
    for item in _items(output, (*_TRAINED, *_EVALUATED)):
        shutil.rmtree(item) if item.is_dir() and not item.is_symlink() else item.unlink()
    for item in _items(output / "selection", FILES):
        item.unlink()
    if (output / "data").is_dir():
        for world in worlds().values():
            if world.rows is not None:
                world.rows.remove(output / "data")
    for folder in (output / name for name in ("runs", "evaluations", "selection", "completions", BOARD)):
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
    (output / RECIPE).unlink()  # Last, since it tells that the rest is not the user's.


def _items(output: Path, patterns: Sequence[str]) -> Iterator[Path]:
    """What is there under the names that a run gives, without a user's `checkpoint-5-copy`."""
    for pattern in patterns:
        for item in sorted(output.glob(pattern)):
            if not item.name.startswith("checkpoint-") or item.name.removeprefix("checkpoint-").isdigit():
                yield item


def _stamped(text: str) -> str:
    return f"{_MARK} {hashlib.sha256(text.encode()).hexdigest()}\n{text}"


def _is_stamped(path: Path) -> bool:
    """Whether a stored recipe is as a run wrote it."""
    text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    return text.startswith(_MARK) and text == _stamped(text.partition("\n")[2])


def _is_selection(folder: Path) -> bool:
    """Whether a folder holds a selection, by its settings."""
    try:
        settings = read_json(folder / SETTINGS)
    except StoreError:
        return False
    return "rounds" in settings and "rewards" in settings


def _with_evaluations(recipe: Recipe, output: Path) -> Recipe:
    """A recipe to store: where it asks nothing, with the settings of the evaluations that are there already."""
    path = output / RECIPE
    if recipe.eval.tasks or not path.is_file() or not any(_items(output, _RUNS)):
        return recipe
    return recipe.model_copy(update={"eval": load_recipe(str(path)).eval})
