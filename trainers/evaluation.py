"""The evaluation after training, by all processes that trained. Imported lazily only."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from harness.core.errors import UsageError
from harness.core.worlds import worlds
from harness.evaluation.ranks import Ranks, share_work
from harness.evaluation.settings import EvalConfig
from harness.runs.config import read_json
from trainers.console import say
from trainers.layout import FINAL, WHOLE, saved_checkpoints
from trainers.plan.machine import Sharding
from trainers.preparation import choose_engine
from trainers.ranks import is_main_rank, world_size
from trainers.settings import Recipe


def evaluate_checkpoints(recipe: Recipe, output: Path, model: Any = None) -> list[Path]:
    """Evaluate what the recipe asks for: the start, the saved checkpoints or the best of them, and the final one.

    Args:
        recipe: the recipe.
        output: its output folder.
        model: the final model where it is in memory still: the `hf` engine takes it over instead of loading it again,
            unless several processes answer, each with a copy of what was saved.

    Returns:
        The run folders, the final checkpoint's last; none in other processes than the first.
    """
    if not recipe.eval.tasks:
        return []
    if model is not None and (world_size() > 1 or choose_engine(recipe, recipe.eval.engine, None)[0] != "hf"):
        from trainers.training import end_training

        model = None  # Another copy is loaded, in the memory that this one held.
        end_training()
    # First, so that its memory is free before another one is loaded.
    final = _evaluate(recipe, str(output / FINAL), output / "runs" / FINAL, model=model)
    del model
    runs = []
    if recipe.eval.start:
        runs.append(_evaluate(recipe, recipe.model, output / "runs" / "start"))
    kept = best_checkpoint(output) if recipe.eval.best is not None else None
    for folder in saved_checkpoints(output) if recipe.eval.every else filter(None, [kept]):
        runs.append(_evaluate(recipe, str(folder), output / "runs" / folder.name))
    return [*runs, final] if is_main_rank() else []


def data_of(recipe: Recipe) -> str | None:
    """Where the questions are; `None`: where the tasks say."""
    return recipe.eval.data or (recipe.data.train if recipe.data.train in worlds() else None)


def tasks_dir_of(recipe: Recipe) -> Path | None:
    """Folder of tasks beside the harness's own; `None`: there is none."""
    return None if recipe.eval.tasks_dir is None else Path(recipe.eval.tasks_dir).expanduser()


def _evaluate(recipe: Recipe, name: str, folder: Path, *, model: Any = None) -> Path:
    """Evaluate a checkpoint, each process its share; gives the run folder."""
    from harness.diagnostics.diagnose import diagnose
    from harness.evaluation.run import evaluate, run_worker
    from harness.reports.run_report import headline_table
    from harness.reports.tracking import TRACKERS, track_run
    from harness.reports.writing import are_current, write_reports

    engine, options = choose_engine(recipe, recipe.eval.engine, recipe.eval.batch_size)
    options = options if model is None or engine != "hf" else {**options, "model": model}
    config = replace(_asked(recipe, name), engine=engine, engine_options=options, out=folder)

    def work(ranks: Ranks) -> None:
        if ranks.rank:
            run_worker(config, ranks)
            return
        outcome = evaluate(config, ranks)
        if outcome.is_new or not are_current(outcome.folder):
            write_reports(outcome.folder, diagnose(outcome.folder), open_media=outcome.open_media)
            reported = recipe.train.get("report_to") or ()
            trackers = [of for of in ([reported] if isinstance(reported, str) else reported) if of in TRACKERS]
            for problem in track_run(outcome.folder, trackers, label=f"{folder.parent.parent.name}-{folder.name}"):
                say(f"warning: {problem}")
        say(f"{name}\n{headline_table(outcome.run)}")

    share_work(work)
    return folder


def _asked(recipe: Recipe, name: str) -> EvalConfig:
    """What every evaluation of a recipe asks a checkpoint."""
    return EvalConfig(
        model=name,
        trust_remote_code=recipe.trust_remote_code,
        tasks=tuple(recipe.eval.tasks),
        tasks_dir=tasks_dir_of(recipe),
        data=data_of(recipe),
        prompt=recipe.prompt,
        allow_outside=tuple(map(Path, recipe.data.allow_outside)),
        limit=recipe.eval.limit,
        seed=recipe.seed,
        num_frames=recipe.eval.num_frames,
        max_new_tokens=recipe.eval.max_new_tokens,
    )


def asked_while_trained(recipe: Recipe) -> EvalConfig:
    """What the model is asked while it is trained."""
    _, options = choose_engine(recipe, "hf", recipe.eval.batch_size)
    limit = recipe.eval.while_limit or recipe.eval.limit
    return replace(_asked(recipe, recipe.model), engine_options=options, limit=limit)


def check_while_training(recipe: Recipe, config: Any, sharding: Sharding) -> None:
    """Refuse an evaluation while training that could not be made, or would train otherwise.

    Args:
        recipe: the recipe.
        config: TRL's.
        sharding: how the weights are divided.

    Raises:
        UsageError: names the setting.
    """
    from harness.evaluation.live import find_figure, plan_live
    from trainers.trl_config import steps_a_batch

    every, used = recipe.eval.every_steps, steps_a_batch(config)
    if every is None:
        return
    if sharding in ("zero3", "fsdp"):
        raise UsageError(
            "eval.every_steps: under ZeRO-3 and FSDP no process has the whole model to ask. Set eval.every=true, which "
            "evaluates the checkpoints that are saved, or train with replicas."
        )
    if (recipe.eval.best or recipe.eval.patience) and every % used:
        raise UsageError(
            f"eval.every_steps {every} is not a multiple of the {used} steps that a batch of responses is used for; a "
            "run resumed from the best checkpoint would sample other responses. Choose a multiple."
        )
    if recipe.eval.best is not None:
        find_figure(plan_live(asked_while_trained(recipe)), recipe.eval.best, tasks_dir_of(recipe), "eval.best")


def evaluating(recipe: Recipe, trainer: Any) -> Any:
    """The callback that evaluates while a trainer of ours trains."""
    from transformers import Trainer

    from harness.callbacks import Evaluate

    config = asked_while_trained(recipe)
    assert recipe.eval.every_steps is not None
    return Evaluate(
        config,
        every_steps=recipe.eval.every_steps,
        best=recipe.eval.best,
        patience=recipe.eval.patience,
        log=partial(Trainer.log, trainer),  # TRL's own would take along what it has gathered of the step.
    )


def best_checkpoint(output: Path) -> Path | None:
    """The checkpoint that was best while training; `None` where that is the start, or the checkpoint is not there."""
    from harness.callbacks import BEST, FOLDER

    path = output / FOLDER / BEST
    folder = output / f"checkpoint-{read_json(path)['step']}" if path.is_file() else None
    return folder if folder is not None and (folder / WHOLE).is_file() else None
