"""A run's results to trackers of experiments, by accelerate's classes for wandb, trackio, MLflow and TensorBoard."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from harness.core.errors import StoreError, UsageError
from harness.core.secrets import hide_credentials, redact
from harness.core.types import RunRecord
from harness.diagnostics.run_folder import read_diagnostics
from harness.reports.hiding import Hide, hiding, without_folders
from harness.reports.text import one_line
from harness.runs.config import flatten
from harness.runs.folder import read_run
from harness.runs.records import read_records

if TYPE_CHECKING:
    from pandas import DataFrame

    from harness.evaluation.run import Outcome

TRACKERS: Final = ("wandb", "trackio", "mlflow", "tensorboard")
PROJECT: Final = "harness"
"""Of wandb and trackio, and the experiment of MLflow, where the tracker's own variable names no other."""
_ROWS: Final = 10_000
"""Samples of a table at most, as many as wandb keeps of one."""
_NAME: Final = re.compile(r"[^\w./ -]")
_UNTOLD: Final = ("tasks", "benchmarks", "audit", "settings.decoding", "settings.tasks", "settings.model", "seal")
"""Of a run's record, what is figures or is said elsewhere in it."""


def check_trackers(names: Iterable[str]) -> tuple[str, ...]:
    """The names of trackers, each once; asked before a run, which would otherwise end without its results being sent.

    Raises:
        UsageError: there is no such tracker, or it is not installed.
    """
    names = tuple(dict.fromkeys(names))
    for name in names:
        if name not in TRACKERS:
            raise UsageError(f"--track {name!r}: there is no such tracker. Choose some of: {', '.join(TRACKERS)}.")
    if names:
        from accelerate.tracking import get_available_trackers  # type: ignore[import-untyped]

        available = {str(name) for name in get_available_trackers()}
        for name in names:
            if name not in available:
                raise UsageError(f"--track {name}: it is not installed. Type: pip install {name}")
    return names


def track_run(folder: Path, names: Sequence[str], *, label: str | None = None) -> list[str]:
    """Send a finished run to trackers: its figures with their standard errors, settings, and a table of samples.

    Args:
        folder: of the run.
        names: trackers that are installed.
        label: of the run there; `None`: the folder's name.

    Returns:
        what could not be sent, a line each: the run itself is complete.

    Raises:
        StoreError: the folder holds no finished run.
    """
    if not names:
        return []
    run = read_run(folder)
    hide = hiding(folder)
    problems, diagnostics = [], None
    try:
        diagnostics = read_diagnostics(folder)
    except StoreError as error:
        problems.append(f"{error} The results are sent without it.")
    config, scores = _configuration(run, hide), _figures(run, diagnostics or {})
    table = _table(folder, hide)
    for name in names:
        try:
            with _alone(), redirect_stdout(sys.stderr):  # The output of the command may be JSON.
                _send(name, folder, label or folder.resolve().name, config, scores, table)
        except Exception as error:  # Another library's, and a network's.
            said = one_line(redact(hide_credentials(str(error)))) or type(error).__name__
            again = f"'harness publish {folder} --track {name}' sends it again"
            problems.append(f"{name} was not sent the results: {said}. Nothing is lost; {again}.")
    return problems


def track_repeated(folder: Path, names: Sequence[str]) -> list[str]:
    """Send a finished run and the repeats within it to trackers, as `track_run` and `track_outcome` do."""
    repeats = sorted(file.parent for file in folder.glob("repeats/*/run.json"))
    return [
        problem
        for path in [folder, *repeats]
        for problem in track_run(path, names, label=None if path == folder else _label(folder, path))
    ]


def _label(folder: Path, repeat: Path) -> str:
    return f"{folder.resolve().name}-{repeat.name}"


def track_outcome(outcome: Outcome, names: Sequence[str]) -> list[str]:
    """Send an evaluation's run and its repeats to trackers, but those that were finished before.

    Returns:
        what was not sent, a line each.
    """
    problems = []
    for folder in [outcome.folder, *outcome.repeats]:
        if folder in outcome.changed:
            label = None if folder == outcome.folder else _label(outcome.folder, folder)
            problems += track_run(folder, names, label=label)
        elif names and folder == outcome.folder:
            again = f"'harness publish {folder} --track {','.join(names)}' sends it"
            problems.append(f"{folder} was finished before, and is not sent again: {again}.")
    return problems


@contextmanager
def _alone() -> Iterator[None]:
    """What accelerate's trackers need to know of the processes: that there is this one.

    The others of a launcher do not come here, and would be waited for.
    """
    from accelerate import PartialState  # type: ignore[import-untyped]
    from accelerate.utils import clear_environment  # type: ignore[import-untyped]

    if PartialState._shared_state:  # A training's, which goes on.
        yield
        return
    with clear_environment():
        PartialState()
    try:
        yield
    finally:
        PartialState._reset_state()


def _send(
    name: str, folder: Path, label: str, config: Mapping[str, Any], scores: Mapping[str, float], table: DataFrame
) -> None:
    if name == "trackio":
        import trackio
    tracker = _open(name, folder, label)
    tracker.start()
    try:
        tracker.store_init_configuration(dict(config))
        tracker.log(dict(scores))
        if name == "wandb":
            tracker.log_table("samples", dataframe=table)
        elif name == "trackio":
            tracker.log({"samples": trackio.Table(dataframe=table)})
        elif name == "mlflow":
            import mlflow

            mlflow.log_table(table, "samples.json")
        else:
            tracker.log({"report": _markdown(scores)})
    finally:
        if name == "trackio":  # Its own end forgets the run, which would be ended again with the program.
            trackio.finish()
        else:
            tracker.finish()


def _open(name: str, folder: Path, label: str) -> Any:
    from accelerate import tracking

    if name == "wandb":
        project = os.environ.get("WANDB_PROJECT", PROJECT)
        return tracking.WandBTracker(project, name=label, job_type="eval", reinit="finish_previous")
    if name == "trackio":
        project = os.environ.get("TRACKIO_PROJECT", PROJECT)
        return tracking.TrackioTracker(project, name=label, embed=False, auto_log_cpu=False, auto_log_gpu=False)
    if name == "mlflow":
        return tracking.MLflowTracker(PROJECT, run_name=label)
    if (shared := os.environ.get("TENSORBOARD_LOGGING_DIR")) is not None:
        return tracking.TensorBoardTracker(label, shared)
    return tracking.TensorBoardTracker("tensorboard", folder)


def _configuration(run: RunRecord, hide: Hide) -> dict[str, Any]:
    """What a run was made with, flat, as trackers take it."""
    told = {name: getattr(run, name) for name in RunRecord.__dataclass_fields__}
    return {
        _NAME.sub("_", name): value if isinstance(value, bool | int | float) else without_folders(str(value), hide)
        for name, value in flatten(told).items()
        if value is not None and not any(name == part or name.startswith(f"{part}.") for part in _UNTOLD)
    }


def _figures(run: RunRecord, diagnostics: Mapping[str, Any]) -> dict[str, float]:
    """Scores, the official ones, counts, constant baselines and diagnostics by name; errors end with `_stderr`."""
    found: dict[str, float | None] = {}
    for task, result in run.tasks.items():
        for name, metric in result.metrics.items():
            found |= {f"{task}/{name}": metric.value, f"{task}/{name}_stderr": metric.stderr}
        found |= {f"official/{task}/{name}": value for name, value in result.official.items()}
        found |= {f"baseline/{task}/{name}": value for name, value in result.baselines.items()}
        for count in ("samples", "unanswered", "unsettled", "truncated", "errors", "disagreements"):
            found[f"counts/{task}/{count}"] = getattr(result, count)
    for name, figure in diagnostics.get("metrics", {}).items():
        found |= {f"diagnosis/{name}": figure.get("value"), f"diagnosis/{name}_stderr": figure.get("stderr")}
    for task, causes in diagnostics.get("attribution", {}).items():
        found |= {f"cause/{task}/{cause}": of.get("n") for cause, of in causes.items()}
    return {_NAME.sub("_", name): value for name, value in found.items() if value is not None}


def _table(folder: Path, hide: Hide) -> DataFrame:
    """What was asked and answered, in texts: a column that holds two types is refused by some."""
    import pandas

    rows = [
        {
            "task": of.sample.task,
            "id": of.sample.id,
            "question": hide(of.sample.question),
            "target": of.sample.target,
            "response": hide(of.response.text),
            "answer": hide(of.verdict.answer or ""),
            "status": of.verdict.status,
            "official": {True: "right", False: "wrong", None: ""}[of.verdict.official],
            "error": without_folders(of.response.error or "", hide),
        }
        for _, of in zip(range(_ROWS), read_records(folder), strict=False)
    ]
    return pandas.DataFrame(rows)


def _markdown(scores: Mapping[str, float]) -> str:
    from harness.reports.markdown import escape, table

    return table(["figure", "value"], [[escape(name), f"{value:.4g}"] for name, value in scores.items()])
