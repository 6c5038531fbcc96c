"""What `--dry-run` checks beyond a run's own first checks: all that can be known before anything is spent.

Imported lazily only: torch and transformers are imported at the top.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from harness.core.errors import StoreError, UsageError
from harness.core.files import write_errors
from harness.core.worlds import worlds
from harness.engines.checkpoints import Checkpoint
from harness.engines.loaders import load_config
from harness.engines.sizes import PACE
from harness.engines.weights import check_files
from trainers.assembly import show_rows
from trainers.checks import check_recipe, check_rows
from trainers.data.loading import as_request
from trainers.data.schema import Example
from trainers.lengths import Longest, fit_context, longest
from trainers.models import load_processor
from trainers.plan.disk import disk_bytes, most_checkpoints
from trainers.plan.machine import Machine
from trainers.plan.planning import tell_plan
from trainers.plan.sizes import measure
from trainers.preparation import is_trained, open_judge, read_rows
from trainers.provenance import batch_sizes, refuse_other_start
from trainers.run import check_output, refuse_other_recipe
from trainers.settings import Recipe
from trainers.trl_config import build_config


def rehearse(
    recipe: Recipe,
    *,
    start: str | None = None,
    source: Path | None,
    fresh: bool,
    selects: bool,
    machine: Machine | None,
    pace: float = PACE,
    tell: Callable[[str], None] = print,
) -> None:
    """Find what would stop a run, at any time of it. Every row's media are opened; of the output nothing is written.

    Args:
        recipe: resolved.
        start: a model of the kind of the recipe's, which is not there yet; `None`: it is.
        source: the file that the recipe was read from; `None`: not a file of the user's.
        fresh: whether what an earlier run left would be thrown away.
        selects: whether rows are selected.
        machine: that a model is trained on after that; `None`: none is.
        pace: tokens that are sampled a second.
        tell: is told the plan, before anything slow is checked.

    Raises:
        HarnessError: what is wrong, by the name of its setting, row or file.
    """
    output = Path(recipe.output).expanduser()
    check_output(recipe, output, source)
    if not fresh:
        refuse_other_recipe(output, recipe)
    check_writable(output)
    if start is not None:
        recipe = recipe.model_copy(update={"model": start})
    checkpoint = recipe.resolve_model()
    check_recipe(recipe, checkpoint, output, selects=selects, machine=machine)
    config = build_config(recipe, output, gpus=machine.gpus if machine else None)
    with tempfile.TemporaryDirectory() as folder:  # Where rows of a world are drawn, and the judge's cache is.
        examples, root = read_rows(recipe, Path(folder) if recipe.data.train in worlds() else output)
        if not fresh:
            batch = batch_sizes(recipe, config) if machine else None
            refuse_other_start(output, checkpoint.weights if start is None else None, examples, batch)
        rows = show_rows(recipe, checkpoint, load_processor(checkpoint, recipe.data.max_pixels), root)
        row = longest(examples, rows, root)
        check_length(recipe, checkpoint, config, row)
        if machine is not None:
            sizes = measure(checkpoint)
            kept = recipe.kept(len(examples))
            disk = disk_bytes(recipe, config, kept, sizes, machine)
            tell_plan(recipe, sizes, machine, row, rows=len(examples), disk=disk, pace=pace, tell=tell)
            check_space(output, disk, most_checkpoints(config, kept))
        check_files(checkpoint)
        aside = recipe.judge.model_copy(update={"cache": folder})  # The question and its answer are not to be kept.
        asked = recipe.model_copy(update={"judge": aside})
        judge = open_judge(asked, ask=not is_trained(output)) if recipe.needs_judge else None
        if judge is not None:
            judge.close()
        check_rows(recipe, checkpoint, output, examples, root, judge=judge, machine=machine)
        open_all(recipe, examples, root)
    if machine is not None:
        check_tasks(recipe)


def check_writable(output: Path) -> None:
    """Refuse an output folder that cannot be made or written to.

    Raises:
        StoreError: says why.
    """
    there = next(path for path in (output.absolute(), *output.absolute().parents) if os.path.lexists(path))
    with write_errors(output, advice="Choose another output=FOLDER."), tempfile.TemporaryDirectory(dir=there):
        pass


def check_space(output: Path, needed: int, count: int) -> None:
    """Refuse a disk that the checkpoints do not fit on.

    Raises:
        StoreError: says how much is needed, and how much is free.
    """
    there = next(path for path in (output.absolute(), *output.absolute().parents) if path.exists())
    free = shutil.disk_usage(there).free
    if free < needed:
        raise StoreError(
            f"{output}: {count} checkpoints and the final model take about {needed / 2**30:.1f} GiB, and "
            f"{free / 2**30:.1f} GiB are free. Lower train.save_total_limit, raise train.save_steps, set "
            "train.save_only_model=true, or give another output=FOLDER."
        )


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
