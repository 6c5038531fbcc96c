"""Blocks of the plan: brought to their end by several processes side by side, and how far they are.

Imported lazily only.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from harness.core.errors import ModelError, StoreError
from harness.core.files import hold_lock
from harness.demo.experiment.plan import Plan, Run, load_plan
from harness.demo.experiment.results import read_result, score_of
from harness.reports.markdown import code, table
from trainers.console import say

RESULTS: Final = "results"


def run_blocks(names: Sequence[str], out: Path, jobs: int) -> None:
    """Bring blocks to their end, one after the other, or go on with them.

    Args:
        names: of the blocks, in the order of the plan.
        out: folder of the experiment.
        jobs: processes, with one thread each.

    Raises:
        StoreError: a block's settings are chosen from one that is not whole, or a result of it was made otherwise than
            the plan has it by now.
        ModelError: a process ended early; what was finished is kept, and the same call goes on.
    """
    from harness.demo.world import NUMBER, WORLD

    plan = load_plan()
    for name in names:
        world = plan.blocks[name].world
        if jobs == 1 and world == NUMBER:
            _work(name, out)
            continue
        command = [sys.executable, "-m", "harness", "demo", "experiment", "--plan", name, "--out", str(out)]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", WORLD: str(world)}
        workers = [subprocess.Popen(command, env=environment) for _ in range(jobs)]
        try:
            codes = [worker.wait() for worker in workers]
        finally:
            for worker in workers:
                worker.terminate()
        if any(codes):
            raise ModelError(f"block {name!r}: a process ended with code {max(codes)}; the same command goes on.")


def _work(name: str, out: Path) -> None:
    """Take one training after the other that is not done and that nobody is at."""
    import torch

    from harness.demo.build import build, keep_memory
    from harness.demo.experiment.running import alone, prepare, run_row
    from harness.demo.experiment.settings import experiment_of

    torch.set_num_threads(1)
    keep_memory()
    plan, results = load_plan(), out / RESULTS
    block = plan.blocks[name]
    runs = list(plan.runs(name, score_of(plan, results)))
    _spent(plan, runs, results)  # What is there already is what the plan has.
    built = out / f"world-{block.world}"
    with alone(built):
        if block.world > 1 and not (built / "demo" / "README.md").is_file():
            build(built, block.world)
    experiment = experiment_of(name, out)
    prepare(experiment)
    while left := [run for run in runs if run.missing(results)]:
        taken = 0
        for run in left:
            try:
                claim = hold_lock(out / "claims" / f"{name}-{run.name}")
            except StoreError:
                continue
            with claim:
                if run.missing(results):  # Else another process was first.
                    run_row(experiment, run, results)
                    done = sum(not one.missing(results) for one in runs)
                    say(f"experiment: {done} of {len(runs)} trainings of {name!r} are done")
            taken += 1
        if not taken:
            return  # Others are at all that is left.


def describe(out: Path) -> str:
    """How far the plan is: for each block its trainings, those that are done, and its CPU hours, planned and spent."""
    plan, results = load_plan(), out / RESULTS
    rows, all_done, all_runs, hours = [], 0, 0, {"planned": 0.0, "left": 0.0, "spent": 0.0}
    for name, block in plan.blocks.items():
        try:
            runs = list(plan.runs(name, score_of(plan, results)))
        except StoreError:  # Its settings are not chosen yet.
            runs = list(plan.runs(name, None))
        done = sum(not run.missing(results) for run in runs)
        planned = plan.cost(name) / 3600
        told = {
            "planned": planned,
            "left": planned * (1 - done / len(runs)),
            "spent": _spent(plan, runs, results) / 3600,
        }
        hours = {key: hours[key] + told[key] for key in hours}
        all_done, all_runs = all_done + done, all_runs + len(runs)
        rows.append([code(name), block.what, f"{done} of {len(runs)}", *map(_hours, told.values())])
    rows.append(["all", "", f"{all_done} of {all_runs}", *map(_hours, hours.values())])
    heads = ["block", "what", "trainings done", "CPU hours, planned", "left", "spent"]
    return table(heads, rows, align=["left", "left", "right", "right", "right", "right"])


def _hours(hours: float) -> str:
    return f"{hours:.1f}"


def _spent(plan: Plan, runs: Sequence[Run], results: Path) -> float:
    """CPU seconds of trainings and of asking them, by what is kept; the start's rollouts are not counted here.

    Raises:
        StoreError: a result was made otherwise than the plan has it by now.
    """
    spent = 0.0
    for run in runs:
        for updates in run.updates:
            if (file := run.file(results, updates)).is_file():
                of = read_result(plan, file)["cpu_seconds"]
                spent += of.get("evaluation", 0.0) + (of["training"] if updates == run.updates[-1] else 0.0)
    return spent
