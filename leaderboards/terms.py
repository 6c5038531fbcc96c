"""Names, in words and in their order: of tasks, headlines, causes and diagnostic figures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

HALLUCINATION_TASKS: Final = ("pope", "videohallucer")
"""Benchmarks whose wrong answers are hallucinations; rows are ordered by the mean of their headlines."""
TASKS: Final = (*HALLUCINATION_TASKS, "mmbench", "mmvu")
"""Order of the columns; other tasks follow by name."""
TITLES: Final[Mapping[str, str]] = {
    "pope": "POPE",
    "videohallucer": "VideoHallucer",
    "mmbench": "MMBench",
    "mmvu": "MMVU",
}
_MEASURES: Final[Mapping[tuple[str, str], str]] = {
    ("pope", "mean/accuracy"): "accuracy, mean of splits",
    ("videohallucer", "mean/both"): "both of a pair right",
    ("mmbench", "all/circular"): "circular accuracy",
    ("mmvu", "all/accuracy"): "accuracy",
}
CAUSES: Final = ("perception", "reasoning", "commitment", "format", "truncation", "unattributed")
"""Where a wrong answer went wrong, in the order of the chain from picture to answer; other causes follow by name."""
ALL_TASKS: Final = "all"
"""Part of a diagnostic figure's name that stands for all tasks of a run."""


def measure_title(task: str, headline: str) -> str:
    """A task's headline in words."""
    return _MEASURES.get((task, headline), headline.replace("_", " ").replace("/", ", "))


def figure_title(name: str, words: str) -> str:
    """A diagnostic figure in words, by its name and title: its task before it where it is about one."""
    part = name.rpartition("/")[0]
    return words if part in ("", ALL_TASKS) else f"{task_title(part)}: {words}"


def task_title(task: str) -> str:
    """A task's name as its authors write it; unknown tasks keep theirs."""
    return TITLES.get(task, task)


def order_causes(causes: Mapping[str, object]) -> list[str]:
    """Causes in the order in which they are shown."""
    return [cause for cause in CAUSES if cause in causes] + sorted(set(causes) - set(CAUSES))
