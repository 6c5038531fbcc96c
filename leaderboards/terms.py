"""Names, in words and in their order: of causes and diagnostic figures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from harness.diagnostics.attribution import CAUSES
from harness.reports.plots import CAUSE_TONES

ALL_TASKS: Final = "all"
"""Part of a diagnostic figure's name that stands for all tasks of a run."""
UNATTRIBUTED: Final = "unattributed"
"""The cause of wrong answers whose cause is not known, which explains nothing."""


def figure_title(name: str, words: str, titles: Mapping[str, str]) -> str:
    """A diagnostic figure in words: its task before it where it is about one.

    Args:
        name: of the figure.
        words: its title.
        titles: tasks as their authors write them.
    """
    part = name.rpartition("/")[0]
    return words if part in ("", ALL_TASKS) else f"{titles.get(part, part)}: {words}"


def cause_tone(cause: str) -> str:
    """The colour of a cause in every plot and stack; the plain one for causes of other versions."""
    return next((tone for known, tone in zip(CAUSES, CAUSE_TONES, strict=True) if known == cause), "plain")


def order_causes(causes: Mapping[str, object]) -> list[str]:
    """Causes in the order in which they are shown: that of the diagnostics, then others by name."""
    return [cause for cause in CAUSES if cause in causes] + sorted(set(causes) - set(CAUSES))
