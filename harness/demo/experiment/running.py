"""One row with one seed: trained, evaluated on held-out questions, measured, and stored in one small file.

Folders of the output: `pool/`, the training questions; `held-out/`, the questions of the evaluation; `selection/`, the
rollouts of the start checkpoint, shared by all rows, and what they select; `rows/ROW/seed-N/`, the trained checkpoint
and its log; `runs/ROW/seed-N/`, its run over the held-out questions; `results/ROW-seed-N.json`, what is reported. What
is there already is not made again, so that the same command goes on where it was stopped. Imported lazily only.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from harness.core.files import write_atomically
from harness.demo.checking import TASKS, ask
from harness.demo.data import build_once
from harness.demo.experiment.measuring import measure_run
from harness.demo.experiment.pool import write_pool
from harness.demo.experiment.rows import ROWS, Row
from harness.demo.experiment.settings import HELD_OUT_SEED, MAX_NEW_TOKENS, POOL_SEED, Experiment, recipe_part
from harness.engines.checkpoints import resolve_checkpoint
from trainers.console import say
from trainers.layout import hold_settings
from trainers.recipe import load_recipe
from trainers.settings import Recipe


def open_experiment(experiment: Experiment, rows: Sequence[Row]) -> None:
    """Keep experiments with other settings apart, and make the questions that are missing.

    Raises:
        UsageError: an override does not fit what a row is trained with, TRL's own arguments included; nothing is
            written.
        StoreError: the folder holds an experiment with other settings.
    """
    from trainers.trl_config import build_config

    for row in rows:
        if row.recipe is not None:
            build_config(row_recipe(experiment, row, 0, experiment.out), experiment.out)
            _selection_recipe(experiment, row, experiment.out)
    experiment.results.mkdir(parents=True, exist_ok=True)
    hold_settings(experiment.out / "experiment.json", experiment.settings(), "Choose another --out.")
    write_pool(experiment.out / "pool", experiment.pool_rows, POOL_SEED)
    build_once(experiment.out / "held-out", HELD_OUT_SEED, sizes=experiment.sizes)  # Rows may run side by side.


def run_row(experiment: Experiment, row: Row, seed: int) -> Path:
    """Bring one row with one seed to its end, or go on with it.

    Returns:
        The file of its result; a row that is not trained has one for all seeds.

    Raises:
        HarnessError: what was finished is kept; the same call goes on from there.
    """
    folder = f"seed-{seed if row.recipe else 0}"
    file = experiment.results / f"{row.name}-{folder}.json"
    if file.is_file():
        return file
    from trainers.run import train

    seconds: dict[str, float] = {}
    started = time.process_time()
    say(f"experiment: {row.name}, seed {seed}")
    model, trained = experiment.model, experiment.out / "rows" / row.name / f"seed-{seed}"
    if row.recipe is not None:
        if not (trained / "final" / "harness.json").is_file():
            selected = None if row.subset is None else selected_file(experiment, row)
            train(row_recipe(experiment, row, seed, trained, selected))
        for checkpoint in trained.glob("checkpoint-*"):
            shutil.rmtree(checkpoint)
        model = str(trained / "final")
        seconds["training"] = round(time.process_time() - started, 1)
    started = time.process_time()
    run = experiment.out / "runs" / row.name / folder
    ask(model, experiment.out / "held-out", run, tasks=TASKS, prompt="grounded", max_new_tokens=MAX_NEW_TOKENS)
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


def row_recipe(experiment: Experiment, row: Row, seed: int, output: Path, selected: Path | None = None) -> Recipe:
    """The recipe of a row: the demo's own, with the experiment's budget and data.

    The selection is made before, once for all seeds: the recipe trains on its file and selects nothing.
    """
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
    data = [] if selected is None else [f"data.train={selected}"]
    return load_recipe(f"demo/{row.recipe}", [*budget, *row.overrides, *experiment.overrides, *data])


def _pool(experiment: Experiment) -> list[str]:
    """The pool as a recipe's data; media of other data that an override gives are beside their file."""
    pool = experiment.out / "pool"
    given = [text.partition("=")[2].strip() for text in experiment.overrides if text.strip().startswith("data.train=")]
    root = Path(given[-1]).expanduser().parent if given else pool
    return [f"data.train={pool / 'train.jsonl'}", f"data.media_root={root}"]


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
    folder = experiment.out / "selection" / f"{rewards}-{row.subset}"
    recipe = _selection_recipe(experiment, row, folder)
    shared = experiment.out / "selection" / "with_caption-medium" / "selection" / ROLLOUTS
    _share(experiment, shared, folder / "selection" / ROLLOUTS, recipe.rewards.weights())
    judge = open_judge(recipe) if recipe.rewards.need_judge else None
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
    parts = ("data", "judge", "prompt", "rewards", "accuracy", "caption")
    overrides = [text for text in experiment.overrides if recipe_part(text) in parts or text.strip().startswith(kept)]
    return load_recipe(
        "demo/method",
        [
            f"model={experiment.model}",
            f"output={folder}",
            *_pool(experiment),
            f"selection.subset={row.subset or 'medium'}",
            f"selection.fixed={experiment.rollouts}",
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
    from trainers.rewards.scoring import add_up

    selected_file(experiment, ROWS["method"])
    with shared.open(encoding="utf-8") as file:
        records = [json.loads(line) for line in file]
    told = ({**record, "total": add_up(weights, record["parts"])} for record in records)
    write_atomically(target, "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in told))
