"""One row with one seed: trained, evaluated on held-out questions, measured, and stored in one small file.

Folders of the output: `pool/`, the training questions; `held-out/`, the questions of the evaluation; `selection/`, the
rollouts of the start checkpoint, shared by all rows, and what they select; `rows/ROW/seed-N/`, the trained checkpoint
and its log; `runs/ROW/seed-N/`, its run over the held-out questions; `results/ROW-seed-N.json`, what is reported. What
is there already is not made again, so that the same command goes on where it was stopped. Imported lazily only.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from harness.core.errors import StoreError
from harness.core.files import write_atomically
from harness.demo.data import build_demo_data
from harness.demo.experiment.measuring import measure_run
from harness.demo.experiment.pool import write_pool
from harness.demo.experiment.rows import ROWS, Row
from harness.demo.experiment.settings import HELD_OUT_SEED, POOL_SEED, TASKS, Experiment, recipe_part
from harness.engines.checkpoints import resolve_checkpoint
from trainers.console import say
from trainers.recipe import load_recipe
from trainers.settings import Recipe

MAX_NEW_TOKENS: Final = 56
BATCH_SIZE: Final = 128


def open_experiment(experiment: Experiment) -> None:
    """Keep experiments with other settings apart, and make the questions that are missing.

    Raises:
        UsageError: an override does not fit the recipe of a row; nothing is written.
        StoreError: the folder holds an experiment with other settings.
    """
    for row in ROWS.values():
        if row.recipe is not None:
            _load_recipe(experiment, row, 0, experiment.out, [])
            _selection_recipe(experiment, row, experiment.out)
    experiment.results.mkdir(parents=True, exist_ok=True)
    path = experiment.out / "experiment.json"
    settings = json.loads(json.dumps(experiment.settings()))
    if path.is_file():
        stored = json.loads(path.read_text(encoding="utf-8"))
        differing = sorted(key for key in {*stored, *settings} if stored.get(key) != settings.get(key))
        if differing:
            raise StoreError(
                f"{experiment.out} holds an experiment with other settings ({', '.join(differing)}). Choose another "
                "--out."
            )
    else:
        write_atomically(path, json.dumps(settings, indent=2) + "\n")
    write_pool(experiment.out / "pool", experiment.pool_rows, POOL_SEED)
    held_out = experiment.out / "held-out"
    if not held_out.is_dir():
        with tempfile.TemporaryDirectory(
            prefix=".held-out-", dir=experiment.out
        ) as scratch:  # Rows may run side by side.
            made = Path(scratch) / "held-out"
            build_demo_data(made, HELD_OUT_SEED, sizes=experiment.sizes)
            try:
                made.rename(held_out)
            except OSError:
                if not held_out.is_dir():  # Else another row's process was first, with the same questions.
                    raise


def result_file(experiment: Experiment, row: Row, seed: int) -> Path:
    """Where the result of a row and seed is stored; a row that is not trained has one result for all seeds."""
    return experiment.results / f"{row.name}-seed-{seed if row.recipe else 0}.json"


def run_row(experiment: Experiment, row: Row, seed: int) -> Path:
    """Bring one row with one seed to its end, or go on with it.

    Returns:
        The file of its result.

    Raises:
        HarnessError: what was finished is kept; the same call goes on from there.
    """
    file = result_file(experiment, row, seed)
    if file.is_file():
        return file
    seconds: dict[str, float] = {}
    started = time.process_time()
    say(f"experiment: {row.name}, seed {seed}")
    model, trained = experiment.model, experiment.out / "rows" / row.name / f"seed-{seed}"
    if row.recipe is not None:
        _train(experiment, row, seed, trained)
        model = str(trained / "final")
        seconds["training"] = round(time.process_time() - started, 1)
    started = time.process_time()
    run = _evaluate(experiment, model, experiment.out / "runs" / row.name / f"seed-{seed if row.recipe else 0}")
    seconds["evaluation"] = round(time.process_time() - started, 1)
    started = time.process_time()
    result = {
        "row": row.name,
        "seed": seed if row.recipe else None,
        "settings": experiment.settings(),
        **measure_run(experiment, model, run, trained if row.recipe else None),
    }
    seconds["measuring"] = round(time.process_time() - started, 1)
    result["cpu_seconds"] = seconds
    write_atomically(file, json.dumps(result, separators=(",", ":")) + "\n")
    say(f"experiment: {row.name}, seed {seed} is done ({json.dumps(seconds)} s of CPU time)")
    return file


def row_recipe(experiment: Experiment, row: Row, seed: int, output: Path) -> Recipe:
    """The recipe of a row: the demo's own, with the experiment's budget and data.

    The selection is made before, once for all seeds, so that the recipe trains on its file and selects nothing.
    """
    selected = [] if row.subset is None else [f"data.train={selected_file(experiment, row)}"]
    return _load_recipe(experiment, row, seed, output, selected)


def check_rows(experiment: Experiment, rows: Sequence[Row]) -> None:
    """Check the overrides against what each row trains with, TRL's own arguments included, before anything is made.

    Raises:
        UsageError: a setting does not exist or has no such value.
    """
    from trainers.trl_config import build_config

    for row in rows:
        if row.recipe is not None:
            build_config(_load_recipe(experiment, row, 0, experiment.out, []), experiment.out)


def _load_recipe(experiment: Experiment, row: Row, seed: int, output: Path, selected: Sequence[str]) -> Recipe:
    budget = [
        f"model={experiment.model}",
        f"output={output}",
        f"seed={seed}",
        *_pool(experiment),
        "eval.tasks=[]",
        f"train.max_steps={experiment.steps}",
        "train.save_steps=20",
        "train.per_device_train_batch_size=64",
    ]
    if row.recipe != "sft":
        budget.append("selection.enabled=false")
    return load_recipe(f"demo/{row.recipe}", [*budget, *row.overrides, *experiment.overrides, *selected])


def _pool(experiment: Experiment) -> list[str]:
    """The pool as a recipe's data; media of other data that an override gives are beside their file."""
    pool = experiment.out / "pool"
    given = [text.partition("=")[2].strip() for text in experiment.overrides if text.strip().startswith("data.train=")]
    root = Path(given[-1]).expanduser().parent if given else pool
    return [f"data.train={pool / 'train.jsonl'}", f"data.media_root={root}"]


def _train(experiment: Experiment, row: Row, seed: int, output: Path) -> None:
    from trainers.run import train

    if (output / "final" / "harness.json").is_file():
        return
    train(row_recipe(experiment, row, seed, output))
    for checkpoint in output.glob("checkpoint-*"):
        shutil.rmtree(checkpoint)


def selected_file(experiment: Experiment, row: Row) -> Path:
    """The rows that a row is trained on, selected by the start checkpoint's rollouts.

    The rollouts are drawn once, with every reward; a row whose reward lacks the caption's part takes the same ones
    with the sum of the parts that it has.
    """
    from trainers.data.loading import read_training, training_file
    from trainers.preparation import open_judge
    from trainers.run import hold_output
    from trainers.selection.rollouts import ROLLOUTS
    from trainers.selection.stage import select_rows

    rewards = "with_caption" if row.with_caption_reward else "without_caption"
    share = "" if row.keep == ROWS["method"].keep else f"-{row.keep:g}"
    folder = experiment.out / "selection" / f"{rewards}-{row.subset}{share}"
    recipe = _selection_recipe(experiment, row, folder)
    shared = experiment.out / "selection" / "with_caption-medium" / "selection" / ROLLOUTS
    _share(experiment, shared, folder / "selection" / ROLLOUTS, recipe.rewards.weights())
    judge = open_judge(recipe) if recipe.rewards.caption else None
    file, root = training_file(recipe, folder)
    examples = read_training(file, root, limit=recipe.data.limit, require_response=False)
    with hold_output(folder):
        file = select_rows(recipe, resolve_checkpoint(experiment.model), examples, root, folder, judge, fresh=False)
    if judge is not None:
        judge.close()
    return file


def _selection_recipe(experiment: Experiment, row: Row, folder: Path) -> Recipe:
    """What a row's prompts are selected with: its data, judge, rewards and prompt are those that it is trained with."""
    kept = ("selection.", "train.max_completion")
    parts = ("data", "judge", "prompt", "rewards")
    overrides = [text for text in experiment.overrides if recipe_part(text) in parts or text.strip().startswith(kept)]
    return load_recipe(
        "demo/method",
        [
            f"model={experiment.model}",
            f"output={folder}",
            *_pool(experiment),
            f"selection.subset={row.subset or 'medium'}",
            f"selection.fixed={experiment.rollouts}",
            f"selection.keep={row.keep}",
            "selection.batch_size=128",
            "rewards.caption=1.0",
            *overrides,
            *([] if row.with_caption_reward else ["rewards.caption=0.0"]),
        ],
    )


def _share(experiment: Experiment, shared: Path, target: Path, weights: dict[str, float]) -> None:
    """Write the shared rollouts, which are drawn first if they are missing, with the rewards of another row."""
    if target == shared or target.is_file():
        return
    selected_file(experiment, ROWS["method"])
    lines = []
    with shared.open(encoding="utf-8") as file:
        for line in file:
            record = json.loads(line)
            parts = [record["parts"][name] for name in weights]
            whole = None if None in parts else sum(w * p for w, p in zip(weights.values(), parts, strict=True))
            lines.append(json.dumps({**record, "total": whole}, ensure_ascii=False) + "\n")
    target.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(target, "".join(lines))


def _evaluate(experiment: Experiment, model: str, folder: Path) -> Path:
    from harness.evaluation.run import evaluate
    from harness.evaluation.settings import EvalConfig

    evaluate(
        EvalConfig(
            model=model,
            tasks=TASKS,
            data=str(experiment.out / "held-out"),
            prompt="grounded",
            engine="hf",
            engine_options={"batch_size": BATCH_SIZE},
            out=folder,
            max_new_tokens=MAX_NEW_TOKENS,
        )
    )
    return folder
