"""What `--dry-run` checks beyond a run's own first checks: all that can be known before anything is spent.

Imported lazily only: torch and transformers are imported at the top.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from math import ceil
from pathlib import Path
from typing import Any, Final

from harness.core.errors import StoreError, UsageError
from harness.core.files import write_errors
from harness.core.worlds import worlds
from harness.engines.checkpoints import Checkpoint
from harness.engines.loaders import empty_model, load_config
from harness.engines.weights import check_files
from trainers.assembly import check_recipe, check_rows, show_rows
from trainers.data.loading import as_request
from trainers.data.schema import Example
from trainers.lengths import Longest, fit_context, longest
from trainers.models import load_processor, vision_parts
from trainers.preparation import prepare
from trainers.preview import estimate_memory
from trainers.run import check_output, refuse_other_recipe
from trainers.settings import Recipe
from trainers.trl_config import build_config

_MODEL: Final = "weights"
_OPTIMISER: Final = "optimiser (AdamW)"


def rehearse(recipe: Recipe, *, source: Path | None, fresh: bool, selects: bool, trains: bool) -> None:
    """Find what would stop a run, at any time of it. Every row's media are opened; of the output nothing is written.

    Args:
        recipe: resolved.
        source: the file that the recipe was read from; `None`: not a file of the user's.
        fresh: whether what an earlier run left would be thrown away.
        selects: whether rows are selected.
        trains: whether a model is trained and evaluated after that.

    Raises:
        HarnessError: what is wrong, by the name of its setting, row or file.
    """
    output = Path(recipe.output).expanduser()
    check_output(recipe, output, source)
    if not fresh:
        refuse_other_recipe(output, recipe)
    check_writable(output)
    checkpoint = recipe.resolve_model()
    check_recipe(recipe, checkpoint, output, selects=selects)
    check_files(checkpoint)
    if recipe.freeze_vision:
        vision_parts(empty_model(checkpoint), checkpoint)
    config = build_config(recipe, output)
    if trains:
        check_space(output, recipe, config, estimate_memory(recipe, checkpoint, config))
    with tempfile.TemporaryDirectory() as folder:  # Where rows of a world are drawn.
        examples, root, judge = prepare(recipe, Path(folder) if recipe.data.train in worlds() else output)
        if judge is not None:
            judge.close()
        check_rows(recipe, checkpoint, output, examples, root, judge=judge)
        open_all(recipe, examples, root)
        rows = show_rows(recipe, checkpoint, load_processor(checkpoint, recipe.data.max_pixels), root)
        check_length(recipe, checkpoint, config, longest(examples, rows, root))
    if trains:
        check_tasks(recipe)


def check_writable(output: Path) -> None:
    """Refuse an output folder that cannot be made or written to.

    Raises:
        StoreError: says why.
    """
    there = next(path for path in (output.absolute(), *output.absolute().parents) if os.path.lexists(path))
    with write_errors(output, advice="Choose another output=FOLDER."), tempfile.TemporaryDirectory(dir=there):
        pass


def check_space(output: Path, recipe: Recipe, config: Any, sizes: Any) -> None:
    """Refuse a disk that the checkpoints do not fit on: weights and AdamW's moments in each, and the final model.

    Raises:
        StoreError: says how much is needed, and how much is free.
    """
    count = _most_checkpoints(config) + (recipe.eval.best is not None)
    state = sizes[_OPTIMISER] if not config.save_only_model else 0
    weights = sizes[_MODEL] if not recipe.lora.rank else 0  # A checkpoint of an adapter holds that alone.
    needed = count * (weights + state) + sizes[_MODEL]
    there = next(path for path in (output.absolute(), *output.absolute().parents) if path.exists())
    free = shutil.disk_usage(there).free
    if free < needed:
        raise StoreError(
            f"{output}: {count} checkpoints and the final model take about {needed / 2**30:.1f} GiB, and "
            f"{free / 2**30:.1f} GiB are free. Lower train.save_total_limit, raise train.save_steps, set "
            "train.save_only_model=true, or give another output=FOLDER."
        )


def _most_checkpoints(config: Any) -> int:
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


def open_all(recipe: Recipe, examples: Sequence[Example], root: Path) -> None:
    """Open the media of every row.

    Raises:
        DataError: names the first row whose image or video is damaged.
    """

    def opens(example: Example) -> None:
        as_request(example, root, prompt_format=recipe.prompt, num_frames=recipe.data.num_frames).open_media()

    with ThreadPoolExecutor(thread_name_prefix="open-media") as pool:
        for _ in pool.map(opens, [example for example in examples if example.sample.media]):
            pass


def check_length(recipe: Recipe, checkpoint: Checkpoint, config: Any, row: Longest) -> None:
    """Refuse rows that are too long for the model together with their responses.

    Raises:
        UsageError: names the row, its tokens and the model's.
    """
    places: int | None = getattr(load_config(checkpoint).get_text_config(), "max_position_embeddings", None)
    tokens = row.prompt + (config.max_completion_length if recipe.algorithm == "grpo" else row.response)
    if places is not None and tokens > places:
        raise UsageError(
            f"row {row.row!r} takes {tokens} tokens with its response, and the model has places for {places}. Lower "
            "data.max_pixels, data.num_frames or train.max_completion_length, or shorten it."
        )
    fit_context(config, row)


def check_tasks(recipe: Recipe) -> None:
    """Load the tasks of the evaluation with their questions.

    Raises:
        HarnessError: a task's data are not there, or not readable.
    """
    from harness.evaluation.task_registry import expand_tasks, load_task
    from trainers.evaluation import data_of, tasks_dir_of

    outside = tuple(Path(name).expanduser() for name in recipe.data.allow_outside)
    for name in expand_tasks(recipe.eval.tasks, tasks_dir_of(recipe)):
        load_task(
            name,
            data=data_of(recipe),
            tasks_dir=tasks_dir_of(recipe),
            allow_outside=outside,
            num_frames=recipe.eval.num_frames,
            prompt_format=recipe.prompt,
        )
