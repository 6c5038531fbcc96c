"""The evaluation after training. Imported lazily only."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from harness.config import EvalConfig
from trainers.preparation import engine_options, engine_or_best, say
from trainers.settings import Recipe

FINAL: Final = "final"
"""Folder of the whole model, in the output folder."""


def evaluate_checkpoints(recipe: Recipe, output: Path) -> list[Path]:
    """Evaluate what the recipe asks for: the start, the saved checkpoints, and the final one.

    Returns:
        The run folders, the final checkpoint's last.
    """
    if not recipe.eval.tasks:
        return []
    wanted: list[tuple[str, str]] = []
    if recipe.eval.start:
        wanted.append(("start", recipe.model))
    if recipe.eval.every:
        saved = sorted(output.glob("checkpoint-*"), key=lambda path: int(path.name.rpartition("-")[2]))
        wanted += [(path.name, str(path)) for path in saved if (path / "config.json").is_file()]
        if recipe.lora.rank:
            say("warning: eval.every: adapters are not evaluated before they are merged; only the final checkpoint is.")
    wanted.append((FINAL, str(output / FINAL)))
    return [_evaluate(recipe, model, output / "runs" / name) for name, model in wanted]


def _evaluate(recipe: Recipe, model: str, folder: Path) -> Path:
    from harness.evaluation.report import headline_table
    from harness.evaluation.run import evaluate

    engine = engine_or_best(recipe.eval.engine)
    outcome = evaluate(
        EvalConfig(
            model=model,
            tasks=tuple(recipe.eval.tasks),
            data=recipe.eval.data or ("demo" if recipe.data.train == "demo" else None),
            prompt=recipe.prompt,
            engine=engine,
            engine_options=engine_options(recipe, engine, recipe.eval.batch_size),
            out=folder,
            limit=recipe.eval.limit,
            seed=recipe.seed,
            num_frames=recipe.eval.num_frames,
            max_new_tokens=recipe.eval.max_new_tokens,
        )
    )
    say(f"{model}\n{headline_table(outcome.run)}")
    return outcome.folder
