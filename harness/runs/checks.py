"""What must hold in a run's record beyond the types of its values, for others to count on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final

from harness.core.types import RunRecord, TaskResult

COUNTS: Final = ("samples", "unanswered", "not_understood", "undecided", "truncated", "errors", "disagreements")
"""What a task's result counts."""
_VIDEO_AS: Final = (None, "native", "frames")


def defect_of(run: RunRecord) -> str | None:
    """The first thing in a record that cannot be, in words; `None`: it is sound."""
    return next(_defects(run), None)


def _defects(run: RunRecord) -> Iterator[str]:
    try:
        datetime.fromisoformat(run.started)
    except ValueError:
        yield f"started {run.started!r} is not a date"
    if not run.tasks:
        yield "it has no task"
    names = ("recipe", "data", "seed", "step")
    if run.training is not None and [type(run.training.get(name)) for name in names] != [str, str, int, int]:
        yield "training does not tell recipe, data, seed and step"
    for name in ("blind", "system_prompt"):
        if not isinstance(run.settings.get(name), str | None):
            yield f"the setting {name} is not a text"
    if not isinstance(run.settings.get("engine_settings"), Mapping | None):
        yield "the setting engine_settings is not an object"
    if type(run.settings.get("num_frames")) not in (int, type(None)):
        yield "the setting num_frames is not a whole number"
    if type(run.settings.get("limit")) not in (int, float, type(None)):
        yield "the setting limit is not a number"
    if run.settings.get("video_as") not in _VIDEO_AS:
        yield f"the setting video_as is {run.settings['video_as']!r}, expected native or frames"
    tasks = run.settings.get("tasks") or {}
    if not isinstance(tasks, Mapping) or not all(isinstance(described, Mapping) for described in tasks.values()):
        yield "the setting tasks is not an object of objects"
    for task, result in run.tasks.items():
        yield from _task_defects(task, result)
        if task not in run.data:
            yield f"task {task!r} has no data entry"
        if task not in run.benchmarks:
            yield f"nothing is known of task {task!r}"


def _task_defects(task: str, result: TaskResult) -> Iterator[str]:
    if result.task != task:
        yield f"task {task!r} is called {result.task!r}"
    if result.headline not in result.metrics:
        yield f"task {task!r} has no metric {result.headline!r}"
    for name in COUNTS:
        if getattr(result, name) < 0:
            yield f"{name} of task {task!r} is below 0"
    if result.errors > result.samples:
        yield f"task {task!r} has more errors than samples"
    for name, metric in result.metrics.items():
        if min(metric.n, metric.n_unanswered, metric.n_unsettled, metric.n_errors) < 0:
            yield f"a count of metric {name!r} of task {task!r} is below 0"
