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
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from harness.core.errors import StoreError
from harness.core.files import write_atomically
from harness.demo.data import Sizes, build_demo_data
from harness.engines.checkpoints import resolve_checkpoint
from harness.judges.caption import load_judge
from trainers.console import say
from trainers.experiment.pool import write_pool
from trainers.experiment.rows import ROWS, Row
from trainers.recipe import load_recipe
from trainers.settings import Recipe

POOL_ROWS: Final = 600
POOL_SEED: Final = 51
HELD_OUT_SEED: Final = 20261127
"""Of questions that nothing was tuned on; the demo's own data sets have another one."""
HELD_OUT: Final = Sizes(pope_images=80, mmbench_groups=150, videohallucer_pairs=60, mmvu_items=300)
TASKS: Final = ("pope", "videohallucer", "mmbench", "mmvu")
MAX_NEW_TOKENS: Final = 56
BATCH_SIZE: Final = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What all rows have in common.

    Attributes:
        out: folder of the experiment.
        model: the checkpoint that every row starts from.
        steps: updates of each row, of 64 responses (or examples) each.
        rollouts: responses to each prompt of the pool, from the start checkpoint, by which prompts are selected.
        pool_rows: training questions.
        sizes: of the held-out data.
        sampled: questions a task that are asked eight times, for exploration; 0 leaves it out.
        overrides: `key=value` for every row that is trained.
    """

    out: Path
    model: str = "demo"
    steps: int = 60
    rollouts: int = 16
    pool_rows: int = POOL_ROWS
    sizes: Sizes = HELD_OUT
    sampled: int = 48
    overrides: Sequence[str] = ()

    @property
    def results(self) -> Path:
        """Folder of what is reported."""
        return self.out / "results"

    @property
    def judge(self) -> str:
        """Identity of the judge that rewards captions."""
        recipe = load_recipe("demo/method", [text for text in self.overrides if _part(text) == "judge"])
        judge = load_judge(str(recipe.judge.model), base_url=recipe.judge.base_url)
        judge.close()
        return judge.identity

    def settings(self) -> dict[str, Any]:
        """What must be equal for two rows to stand in one table."""
        return {
            "weights": resolve_checkpoint(self.model).weights,
            "judge": self.judge,
            "steps": self.steps,
            "rollouts": self.rollouts,
            "pool": [self.pool_rows, POOL_SEED],
            "held_out": [HELD_OUT_SEED, *(getattr(self.sizes, name) for name in Sizes.__slots__)],
            "sampled": self.sampled,
            "overrides": list(self.overrides),
        }


def open_experiment(plan: Plan) -> None:
    """Keep experiments with other settings apart, and make the questions that are missing.

    Raises:
        UsageError: an override does not fit the recipe of a row; nothing is written.
        StoreError: the folder holds an experiment with other settings.
    """
    for row in ROWS.values():
        if row.recipe is not None:
            _load_recipe(plan, row, 0, plan.out, [])
            _selection_recipe(plan, row, plan.out)
    plan.results.mkdir(parents=True, exist_ok=True)
    path = plan.out / "experiment.json"
    settings = json.loads(json.dumps(plan.settings()))
    if path.is_file():
        stored = json.loads(path.read_text(encoding="utf-8"))
        differing = sorted(key for key in {*stored, *settings} if stored.get(key) != settings.get(key))
        if differing:
            raise StoreError(
                f"{plan.out} holds an experiment with other settings ({', '.join(differing)}). Choose another --out."
            )
    else:
        write_atomically(path, json.dumps(settings, indent=2) + "\n")
    write_pool(plan.out / "pool", plan.pool_rows, POOL_SEED)
    held_out = plan.out / "held-out"
    if not held_out.is_dir():
        with tempfile.TemporaryDirectory(prefix=".held-out-", dir=plan.out) as scratch:  # Rows may run side by side.
            made = Path(scratch) / "held-out"
            build_demo_data(made, HELD_OUT_SEED, sizes=plan.sizes)
            try:
                made.rename(held_out)
            except OSError:
                if not held_out.is_dir():  # Else another row's process was first, with the same questions.
                    raise


def result_file(plan: Plan, row: Row, seed: int) -> Path:
    """Where the result of a row and seed is stored; a row that is not trained has one result for all seeds."""
    return plan.results / f"{row.name}-seed-{seed if row.recipe else 0}.json"


def run_row(plan: Plan, row: Row, seed: int) -> Path:
    """Bring one row with one seed to its end, or go on with it.

    Returns:
        The file of its result.

    Raises:
        HarnessError: what was finished is kept; the same call goes on from there.
    """
    from trainers.experiment.measuring import measure_run

    file = result_file(plan, row, seed)
    if file.is_file():
        return file
    seconds: dict[str, float] = {}
    started = time.process_time()
    say(f"experiment: {row.name}, seed {seed}")
    model, trained = plan.model, plan.out / "rows" / row.name / f"seed-{seed}"
    if row.recipe is not None:
        _train(plan, row, seed, trained)
        model = str(trained / "final")
        seconds["training"] = round(time.process_time() - started, 1)
    started = time.process_time()
    run = _evaluate(plan, model, plan.out / "runs" / row.name / f"seed-{seed if row.recipe else 0}")
    seconds["evaluation"] = round(time.process_time() - started, 1)
    started = time.process_time()
    result = {
        "row": row.name,
        "seed": seed if row.recipe else None,
        "settings": plan.settings(),
        **measure_run(plan, model, run, trained if row.recipe else None),
    }
    seconds["measuring"] = round(time.process_time() - started, 1)
    result["cpu_seconds"] = seconds
    write_atomically(file, json.dumps(result, separators=(",", ":")) + "\n")
    say(f"experiment: {row.name}, seed {seed} is done ({json.dumps(seconds)} s of CPU time)")
    return file


def row_recipe(plan: Plan, row: Row, seed: int, output: Path) -> Recipe:
    """The recipe of a row: the demo's own, with the experiment's budget and data.

    The selection is made before, once for all seeds, so that the recipe trains on its file and selects nothing.
    """
    selected = [] if row.subset is None else [f"data.train={selected_file(plan, row)}"]
    return _load_recipe(plan, row, seed, output, selected)


def check_rows(plan: Plan, rows: Sequence[Row]) -> None:
    """Check the overrides against what each row trains with, TRL's own arguments included, before anything is made.

    Raises:
        UsageError: a setting does not exist or has no such value.
    """
    from trainers.trl_config import build_config

    for row in rows:
        if row.recipe is not None:
            build_config(_load_recipe(plan, row, 0, plan.out, []), plan.out)


def _load_recipe(plan: Plan, row: Row, seed: int, output: Path, selected: Sequence[str]) -> Recipe:
    budget = [
        f"model={plan.model}",
        f"output={output}",
        f"seed={seed}",
        *_pool(plan),
        "eval.tasks=[]",
        f"train.max_steps={plan.steps}",
        "train.save_steps=20",
        "train.per_device_train_batch_size=64",
    ]
    if row.recipe != "sft":
        budget.append("selection.enabled=false")
    return load_recipe(f"demo/{row.recipe}", [*budget, *row.overrides, *plan.overrides, *selected])


def _pool(plan: Plan) -> list[str]:
    """The pool as a recipe's data; media of other data that an override gives are beside their file."""
    pool = plan.out / "pool"
    given = [text.partition("=")[2].strip() for text in plan.overrides if text.strip().startswith("data.train=")]
    root = Path(given[-1]).expanduser().parent if given else pool
    return [f"data.train={pool / 'train.jsonl'}", f"data.media_root={root}"]


def _part(override: str) -> str:
    """The part of a recipe that a `key=value` is about."""
    return override.partition("=")[0].partition(".")[0].strip()


def _train(plan: Plan, row: Row, seed: int, output: Path) -> None:
    from trainers.run import train

    if (output / "final" / "harness.json").is_file():
        return
    train(row_recipe(plan, row, seed, output), fresh=False, update_leaderboard=None)
    for checkpoint in output.glob("checkpoint-*"):
        shutil.rmtree(checkpoint)


def selected_file(plan: Plan, row: Row) -> Path:
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
    folder = plan.out / "selection" / f"{rewards}-{row.subset}{share}"
    recipe = _selection_recipe(plan, row, folder)
    shared = plan.out / "selection" / "with_caption-medium" / "selection" / ROLLOUTS
    _share(plan, shared, folder / "selection" / ROLLOUTS, recipe.rewards.weights())
    judge = open_judge(recipe) if recipe.rewards.caption else None
    file, root = training_file(recipe, folder)
    examples = read_training(file, root, limit=recipe.data.limit, require_response=False)
    with hold_output(folder):
        file = select_rows(recipe, resolve_checkpoint(plan.model), examples, root, folder, judge, fresh=False)
    if judge is not None:
        judge.close()
    return file


def _selection_recipe(plan: Plan, row: Row, folder: Path) -> Recipe:
    """What a row's prompts are selected with: its data, judge, rewards and prompt are those that it is trained with."""
    kept = ("selection.", "train.max_completion")
    parts = ("data", "judge", "prompt", "rewards")
    overrides = [text for text in plan.overrides if _part(text) in parts or text.strip().startswith(kept)]
    return load_recipe(
        "demo/method",
        [
            f"model={plan.model}",
            f"output={folder}",
            *_pool(plan),
            f"selection.subset={row.subset or 'medium'}",
            f"selection.fixed={plan.rollouts}",
            f"selection.keep={row.keep}",
            "selection.batch_size=128",
            "rewards.caption=1.0",
            *overrides,
            *([] if row.with_caption_reward else ["rewards.caption=0.0"]),
        ],
    )


def _share(plan: Plan, shared: Path, target: Path, weights: dict[str, float]) -> None:
    """Write the shared rollouts, which are drawn first if they are missing, with the rewards of another row."""
    if target == shared or target.is_file():
        return
    selected_file(plan, ROWS["method"])
    lines = []
    with shared.open(encoding="utf-8") as file:
        for line in file:
            record = json.loads(line)
            parts = [record["parts"][name] for name in weights]
            whole = None if None in parts else sum(w * p for w, p in zip(weights.values(), parts, strict=True))
            lines.append(json.dumps({**record, "total": whole}, ensure_ascii=False) + "\n")
    target.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(target, "".join(lines))


def _evaluate(plan: Plan, model: str, folder: Path) -> Path:
    from harness.evaluation.run import evaluate
    from harness.evaluation.settings import EvalConfig

    evaluate(
        EvalConfig(
            model=model,
            tasks=TASKS,
            data=str(plan.out / "held-out"),
            prompt="grounded",
            engine="hf",
            engine_options={"batch_size": BATCH_SIZE},
            out=folder,
            max_new_tokens=MAX_NEW_TOKENS,
        )
    )
    return folder
