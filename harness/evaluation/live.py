"""Asking a model that is being trained, in the middle of it, so that training goes on as if it had not been asked.

Such a run is one like any other, in a folder of its own, and its weights are those that the model has at that step: a
session that was killed goes on where it was if training comes to the same weights again, and else starts over.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, Literal

from harness.benchmarks.plain import scored_task
from harness.core.errors import StoreError, UsageError
from harness.core.types import Response, RunRecord, SampleRecord
from harness.engines import make_engine
from harness.evaluation.plan import Plan, make_plan, open_judge
from harness.evaluation.ranks import ALONE, Ranks
from harness.evaluation.run import Outcome, count_failures, has_to_be_judged, run_plan, work_on_plan
from harness.evaluation.settings import EvalConfig
from harness.runs.config import CONFIG, is_run_folder, name_differences, read_json
from harness.runs.folder import read_run
from harness.runs.records import RUN

_OF_MODEL: Final = ("model", "engine_settings")
"""Settings of a run that may differ from one evaluation of a training to the next."""


def plan_live(config: EvalConfig) -> Plan:
    """What each evaluation of a training consists of, but for the model and an open judge.

    Args:
        config: its `model` is the checkpoint that training starts from.

    Raises:
        HarnessError: see `harness.evaluation.plan.make_plan`.
    """
    plan = make_plan(replace(config, engine="hf"))
    plan.engine.close()
    if plan.judge is not None:
        plan.judge.close()
    return plan


def find_figure(plan: Plan, name: str, tasks_dir: Path | None, setting: str) -> tuple[str, str, Literal[-1, 1]]:
    """Take apart the name of a figure: of those that the tasks would have if their targets were the answers.

    Args:
        plan: of the evaluations.
        name: `TASK:metric`, the metric as `harness compare` names it.
        tasks_dir: folder of tasks beside the harness's own; `None`: there is none.
        setting: how the user names what holds it.

    Returns:
        Task, metric, and whether a higher value is better (1) or a lower one (-1).

    Raises:
        UsageError: no such task is evaluated, it has no such figure, or no value of that is better than another.
    """
    name_of_task, _, metric = name.rpartition(":")
    task = next((task for task in plan.tasks if task.name == name_of_task), None)
    if task is None:
        tasks = ", ".join(task.name for task in plan.tasks)
        raise UsageError(f"{setting}={name}: it is TASK:metric, with one of the tasks that are evaluated: {tasks}.")
    answers = (Response(sample_id=sample.id, text=sample.target) for sample in plan.samples[task.name])
    records = [
        SampleRecord(sample=sample, response=answer, verdict=task.judge(sample, answer))
        for sample, answer in zip(plan.samples[task.name], answers, strict=True)
    ]
    scored = scored_task(task.name, tasks_dir, [task.summarise(records)])
    figures = {
        spec.name: spec.better
        for spec in scored.metrics({unit.outcome.stratum for unit in scored.units(records)})
        if not spec.of_data
    }
    if metric not in figures:
        raise UsageError(f"{setting}={name}: {task.name} has no figure {metric!r}. It has: {', '.join(figures)}.")
    if not (better := figures[metric]):
        raise UsageError(f"{setting}={name}: no value of it is better than another. Name another figure.")
    return task.name, metric, better


def ask_live(
    plan: Plan, config: EvalConfig, model: Any, folder: Path, name: str, ranks: Ranks = ALONE
) -> Outcome | None:
    """Ask a model that is being trained, or go on with asking it.

    Args:
        plan: of `plan_live`.
        config: the settings that it was made of.
        model: on its device, its weights whole in this process.
        folder: the run's.
        name: of the model at this step.
        ranks: the processes that share the run, each with the model.

    Returns:
        The finished evaluation; `None` in other processes than the first.

    Raises:
        StoreError: the folder holds a run of other settings.
        HarnessError: see `harness.evaluation.run.evaluate`.
    """
    base = model.get_base_model() if hasattr(model, "get_base_model") else model  # With the adapter's layers in it.
    weights = fingerprint(base, str(plan.checkpoint.weights)) if ranks.rank == 0 else None
    with undisturbed(base):
        engine = make_engine("hf", plan.checkpoint, {**config.engine_options, "model": base}, live=True)
        settings = {**plan.settings, "engine_settings": dict(engine.describe())}
        settings["model"] = {**settings["model"], "weights": weights}
        now = replace(
            plan,
            checkpoint=replace(plan.checkpoint, name=name, weights=weights, training=None),
            engine=engine,
            settings=settings,
            judge=None,
        )
        if weights is None:
            work_on_plan(now, replace(config, out=folder), ranks)
            return None
        now = replace(now, judge=open_judge(config))  # The last evaluation's is closed.
        fresh = is_run_folder(folder) and _is_of_another_model(folder, settings)
        return run_plan(now, replace(config, out=folder, fresh=fresh), ranks)


def is_whole(plan: Plan, run: RunRecord) -> bool:
    """Whether a finished run has a response to each question, and the judge's verdict where one is asked."""
    return not count_failures(run) and not has_to_be_judged(plan, run)


def read_live(plan: Plan, folder: Path) -> RunRecord | None:
    """A run of an earlier session; `None` where it was not finished.

    Raises:
        StoreError: it has other settings, apart from those of the model.
    """
    if not (folder / RUN).is_file():
        return None
    run = read_run(folder)
    kept = [
        {key: value for key, value in item.items() if key not in _OF_MODEL} for item in (run.settings, plan.settings)
    ]
    if different := name_differences(kept[0], kept[1], "stored", "asked"):
        raise StoreError(
            f"{folder} was asked with other settings ({different}), and evaluations of one training are compared with "
            "each other. Put them back, or move that folder away."
        )
    return run


def _is_of_another_model(folder: Path, settings: Mapping[str, Any]) -> bool:
    """Whether a run is of other weights, or of an engine with other settings, such as smaller batches."""
    if not (folder / CONFIG).is_file():
        return False
    stored, now = read_json(folder / CONFIG)["settings"], json.loads(json.dumps(settings))
    return any(stored.get(name) != now[name] for name in _OF_MODEL)


def fingerprint(model: Any, start: str) -> str:
    """`sha256:...` of the weights that a model has at the moment.

    Args:
        model: the model.
        start: fingerprint of the checkpoint that training started from: of the weights that are not trained.
    """
    import torch

    total = hashlib.sha256(start.encode())
    for name, weight in model.named_parameters():
        if weight.requires_grad:
            total.update(f"\0{name}\0{weight.dtype}\0{tuple(weight.shape)}\0".encode())
            total.update(weight.detach().contiguous().flatten().view(torch.uint8).cpu().numpy())
    return f"sha256:{total.hexdigest()}"


@contextmanager
def undisturbed(model: Any) -> Iterator[None]:
    """What is drawn afterwards is what would have been drawn, and each part of the model has the mode that it had."""
    import numpy as np
    import torch

    modes = [(module, module.training) for module in model.modules()]
    drawn, drawn_by_numpy = random.getstate(), np.random.get_state()
    devices = [model.device] if model.device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        try:
            yield
        finally:
            for module, training in modes:
                module.training = training
            np.random.set_state(drawn_by_numpy)
            random.setstate(drawn)
