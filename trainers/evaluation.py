"""The evaluation after training. Imported lazily only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.core.worlds import worlds
from harness.evaluation.settings import EvalConfig
from trainers.console import say
from trainers.layout import FINAL, saved_checkpoints
from trainers.preparation import choose_engine
from trainers.ranks import is_main_rank
from trainers.settings import Recipe


def evaluate_checkpoints(recipe: Recipe, output: Path, model: Any = None) -> list[Path]:
    """Evaluate what the recipe asks for: the start, the saved checkpoints, and the final one.

    Args:
        recipe: the recipe.
        output: its output folder.
        model: the final model where it is in memory still: the `hf` engine takes it over instead of loading it again.

    Returns:
        The run folders, the final checkpoint's last; none in other processes than the first.
    """
    if not recipe.eval.tasks or not is_main_rank():
        return []
    # First, so that its memory is free before another one is loaded.
    final = _evaluate(recipe, str(output / FINAL), output / "runs" / FINAL, model=model)
    del model
    runs = []
    if recipe.eval.start:
        runs.append(_evaluate(recipe, recipe.model, output / "runs" / "start"))
    for folder in saved_checkpoints(output) if recipe.eval.every else ():
        runs.append(_evaluate(recipe, str(folder), output / "runs" / folder.name))
    return [*runs, final]


def data_of(recipe: Recipe) -> str | None:
    """Where the questions are; `None`: where the tasks say."""
    return recipe.eval.data or (recipe.data.train if recipe.data.train in worlds() else None)


def tasks_dir_of(recipe: Recipe) -> Path | None:
    """Folder of tasks beside the harness's own; `None`: there is none."""
    return None if recipe.eval.tasks_dir is None else Path(recipe.eval.tasks_dir).expanduser()


def _evaluate(recipe: Recipe, name: str, folder: Path, *, model: Any = None) -> Path:
    from harness.diagnostics.diagnose import diagnose
    from harness.evaluation.run import evaluate
    from harness.reports.run_report import headline_table
    from harness.reports.tracking import TRACKERS, track_run
    from harness.reports.writing import are_current, write_reports

    engine, options = choose_engine(recipe, recipe.eval.engine, recipe.eval.batch_size)
    outcome = evaluate(
        EvalConfig(
            model=name,
            trust_remote_code=recipe.trust_remote_code,
            tasks=tuple(recipe.eval.tasks),
            tasks_dir=tasks_dir_of(recipe),
            data=data_of(recipe),
            prompt=recipe.prompt,
            engine=engine,
            engine_options=options if model is None or engine != "hf" else {**options, "model": model},
            allow_outside=tuple(Path(name).expanduser() for name in recipe.data.allow_outside),
            out=folder,
            limit=recipe.eval.limit,
            seed=recipe.seed,
            num_frames=recipe.eval.num_frames,
            max_new_tokens=recipe.eval.max_new_tokens,
        )
    )
    if outcome.is_new or not are_current(outcome.folder):
        write_reports(outcome.folder, diagnose(outcome.folder), open_media=outcome.open_media)
        reported = recipe.train.get("report_to") or ()
        trackers = [of for of in ([reported] if isinstance(reported, str) else reported) if of in TRACKERS]
        for problem in track_run(outcome.folder, trackers, label=f"{folder.parent.parent.name}-{folder.name}"):
            say(f"warning: {problem}")
    say(f"{name}\n{headline_table(outcome.run)}")
    return outcome.folder
