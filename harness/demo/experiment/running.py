"""One training of the plan: trained, asked after so many updates, measured, and stored in a small file for each.

Folders of the output: `grounds/`, training questions, the start's rollouts of them, and what was selected; `asked/`,
the questions of the evaluation; `work/BLOCK/RUN/`, checkpoints and runs, deleted when all results of a training are
there; `results/BLOCK/`, what is kept. What is there already is not made again, so that the same command goes on where
it was stopped. Imported lazily only.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from harness.core.errors import StoreError
from harness.core.files import hold_lock, write_atomically
from harness.demo.checking import ask
from harness.demo.data import build_once
from harness.demo.experiment.measuring import measure_run
from harness.demo.experiment.plan import RESPONSES, Row, Run, load_plan
from harness.demo.experiment.pool import write_pool
from harness.demo.experiment.settings import MAX_NEW_TOKENS, Experiment
from harness.engines.checkpoints import resolve_checkpoint
from harness.runs.config import read_json
from trainers.console import say
from trainers.layout import LOG
from trainers.recipe import load_recipe
from trainers.settings import Recipe

COST: Final = "cost.json"
"""Beside a selection: the CPU seconds that it took. It tells that the selection is whole."""
_WAIT_S: Final = 2.0
_AGAIN: Final = 2
"""Updates between checkpoints where it is not known beforehand how many rollouts an update takes."""
_IMITATED: Final = ("train.lr_scheduler_type=constant_with_warmup",)
"""A constant rate, as the other rows have, so that a training's first updates are those of a shorter one."""


def prepare(experiment: Experiment) -> None:
    """Make the questions that are missing."""
    with alone(experiment.ground):
        write_pool(experiment.ground, experiment.pool_rows, experiment.pool, experiment.share)
    build_once(experiment.questions, experiment.asked, sizes=experiment.sizes)


def run_row(experiment: Experiment, run: Run, results: Path) -> None:
    """Bring one training to its end, or go on with it.

    Args:
        experiment: of its block.
        run: the training.
        results: folder of all results.

    Raises:
        HarnessError: what was finished is kept; the same call goes on from there.
    """
    if not run.missing(results):
        return
    plan = load_plan()
    row, folder = plan.rows[run.row], experiment.out / "work" / run.block / run.name
    before, sampled, data = _before(experiment, row)
    if row.kind is not None:
        from trainers.run import refuse_other_recipe, train

        recipe = row_recipe(experiment, row, run, folder / "trained", data)
        refuse_other_recipe(folder / "trained", recipe)
        if not (folder / "trained" / "final" / "harness.json").is_file():
            say(f"experiment: {run.block}, {run.name}")
            train(recipe)
    for updates in run.missing(results):
        steps = _steps(folder / "trained", updates)
        seconds = {"before": before, "training": round(sum(step["cpu_seconds"] for step in steps), 1)}
        model = str(_saved(folder / "trained", steps[-1]["step"])) if steps else experiment.model
        started = time.process_time()
        asked = folder / f"asked-{updates}"
        ask(
            model,
            experiment.questions,
            asked,
            tasks=tuple(experiment.tasks),
            prompt="grounded",
            max_new_tokens=MAX_NEW_TOKENS,
        )
        seconds["evaluation"] = round(time.process_time() - started, 1)
        whole = plan.blocks[run.block].what != "exploration"
        result = {
            "block": run.block,
            "row": run.row,
            "seed": run.seed,
            "updates": updates,
            "steps": len(steps),
            **plan.made_with(run.row, run.setting or 0),
            "settings": experiment.settings(),
            "rollouts": sampled + (int(steps[-1].get("rollouts", 0)) if steps else 0),
            "cpu_seconds": seconds,
            **measure_run(experiment, model, asked, steps, whole=whole),
        }
        write_atomically(run.file(results, updates), json.dumps(result, separators=(",", ":")) + "\n")
        say(f"experiment: {run.block}, {run.name}@{updates} is done ({json.dumps(seconds)} s of CPU time)")
    shutil.rmtree(folder)


def row_recipe(experiment: Experiment, row: Row, run: Run, output: Path, data: Path) -> Recipe:
    """The recipe of a row: the demo's own, with the plan's setting, budget and data.

    The selection is made before, once for all seeds: the recipe trains on its file and selects nothing.
    """
    supervised = row.kind in ("told", "imitated")
    return load_recipe(
        f"demo/{row.recipe}",
        [
            f"model={experiment.model}",
            f"output={output}",
            f"seed={run.seed}",
            f"data.train={data}",
            f"data.media_root={experiment.ground}",
            f"judge.model={experiment.judge}",
            f"judge.cache={output.with_name('judge')}",  # Each row pays for its questions.
            "eval.tasks=[]",
            "conflict_rows=0",
            f"train.max_steps={run.updates[-1]}",
            f"train.save_steps={_AGAIN if 'dynamic_sampling.enabled=true' in row.set else run.save_steps}",
            "train.save_total_limit=null",
            "train.per_device_train_batch_size=64",
            *(_IMITATED if supervised else ("selection.enabled=false", f"max_rollouts={RESPONSES * run.updates[-1]}")),
            "caption.minus_blind=false",  # The paper's caption reward.
            *row.set,
            *load_plan().grid[row.kind or ""][run.setting or 0],
            *experiment.more,
        ],
    )


def _before(experiment: Experiment, row: Row) -> tuple[float, int, Path]:
    """What has to be there before a row is trained: its CPU seconds and rollouts, and the file of training rows."""
    if row.kind == "selected":
        captions = row.recipe not in ("grpo", "no_caption")
        return _select(experiment, "with_caption" if captions else "without_caption", experiment.rollouts, "selected")
    if row.kind == "imitated":
        captions = row.recipe == "rft_captions"
        name = "right_captions" if captions else "right"
        return _select(experiment, "right", experiment.right_rollouts, name)
    return 0.0, 0, experiment.ground / "train.jsonl"


def _select(experiment: Experiment, name: str, rollouts: int, wanted: str) -> tuple[float, int, Path]:
    """Draw the start's rollouts of the pool, unless they are there, and give what was made of them.

    They are drawn once, with every reward; a row whose reward lacks the caption's part takes the same ones with the sum
    of the parts that it has.
    """
    folder = experiment.ground / name
    cost = folder / COST
    with alone(folder):
        if not cost.is_file():  # One that was stopped is begun anew, so that its cost is whole.
            shutil.rmtree(folder / "selection", ignore_errors=True)
            started, shared = time.process_time(), 0.0
            if name == "without_caption":
                shared, *_ = _select(experiment, "with_caption", rollouts, "selected")
                _retell(experiment.ground / "with_caption", folder, {"accuracy": 1.0, "format": 0.1})
            _run_selection(experiment, folder, name, rollouts)
            seconds = shared if name == "without_caption" else time.process_time() - started
            write_atomically(cost, json.dumps({"cpu_seconds": round(seconds, 1)}) + "\n")
    spent = float(read_json(cost)["cpu_seconds"])
    return spent, rollouts * experiment.pool_rows, folder / "selection" / f"{wanted}.jsonl"


def _run_selection(experiment: Experiment, folder: Path, name: str, rollouts: int) -> None:
    from trainers.data.loading import read_training, training_file
    from trainers.preparation import open_judge
    from trainers.run import hold_output
    from trainers.selection.right import right_responses, write_right_responses
    from trainers.selection.rollouts import ROLLOUTS
    from trainers.selection.stage import select_rows

    recipe = selection_recipe(experiment, folder, rollouts, captions=name != "without_caption")
    judge = open_judge(recipe) if recipe.needs_judge else None
    file, root = training_file(recipe, folder)
    examples = read_training(file, root, limit=None, require_response=False)
    with hold_output(folder):
        selected = select_rows(recipe, resolve_checkpoint(experiment.model), examples, root, folder, judge, fresh=False)
    if judge is not None:
        judge.close()
    for captions in (False, True) if name == "right" else ():
        rows, counts = right_responses(examples, selected.with_name(ROLLOUTS), captions=captions)
        write_right_responses(rows, counts, selected.with_name(f"right{'_captions' * captions}.jsonl"))


def selection_recipe(experiment: Experiment, folder: Path, rollouts: int, *, captions: bool) -> Recipe:
    """What prompts are selected with: the method's recipe with the plan's pool and number of rollouts."""
    return load_recipe(
        "demo/method",
        [
            f"model={experiment.model}",
            f"output={folder}",
            f"data.train={experiment.ground / 'train.jsonl'}",
            f"data.media_root={experiment.ground}",
            f"judge.model={experiment.judge}",
            f"judge.cache={folder / 'judge'}",
            "caption.minus_blind=false",
            f"selection.fixed={rollouts}",
            "selection.batch_size=128",
            *(text for text in experiment.more if text.startswith("selection.")),
            *([] if captions else ["rewards.caption=0.0"]),
        ],
    )


def _retell(source: Path, target: Path, weights: Mapping[str, float]) -> None:
    """Write the rollouts of a selection for another one, with the sum of other rewards."""
    from trainers.rewards.scoring import add_up
    from trainers.selection.rollouts import ROLLOUTS

    with (source / "selection" / ROLLOUTS).open(encoding="utf-8") as file:
        records = [json.loads(line) for line in file]
    told = ({**record, "total": add_up(weights, record["parts"])} for record in records)
    (target / "selection").mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in told)
    write_atomically(target / "selection" / ROLLOUTS, text)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Wait until no other process is at work in a folder, and keep others out."""
    while True:
        try:
            held = hold_lock(folder.with_name(f".{folder.name}.lock"))
            break
        except StoreError:
            time.sleep(_WAIT_S)
    with held:
        yield


def _steps(trained: Path, updates: int) -> list[Mapping[str, Any]]:
    """The log of a training up to the last checkpoint that spent no more than so many updates' rollouts; 0: none.

    A row that samples some groups again takes fewer updates for them.
    """
    if not updates:
        return []
    entries = (json.loads(line) for line in (trained / LOG).read_text(encoding="utf-8").splitlines())
    steps = [entry for entry in entries if "loss" in entry and entry.get("rollouts", 0) <= RESPONSES * updates]
    saved = [place for place, entry in enumerate(steps[:updates], 1) if _saved(trained, entry["step"]).is_dir()]
    if not saved:
        raise StoreError(f"{trained}: no checkpoint within {RESPONSES * updates} rollouts.")
    return steps[: saved[-1]]


def _saved(trained: Path, step: int) -> Path:
    return trained / f"checkpoint-{step}"
