"""The benchmarks that can be scored, by name; each module is imported when it is asked for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

from harness.core.errors import UsageError

if TYPE_CHECKING:
    from harness.statistics.specs import TaskScoring

TASKS: Final = ("pope", "videohallucer", "mmbench", "mmvu")


def get_scoring(task: str) -> TaskScoring:
    """How a task is scored.

    Raises:
        UsageError: no such task.
    """
    if task not in TASKS:
        from difflib import get_close_matches

        near = get_close_matches(task.lower(), TASKS, n=1)
        meant = f" Did you mean {near[0]!r}?" if near else ""
        raise UsageError(f"task {task!r} not found.{meant} List them with 'harness tasks'.")
    scoring: TaskScoring = import_module(f"harness.benchmarks.{task}").SCORING
    return scoring
