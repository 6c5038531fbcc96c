"""Finding and reading run folders: what is whole becomes a `StoredRun`, all else is named with its reason."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from harness.core.errors import StoreError, UsageError
from harness.core.types import RunRecord
from harness.diagnostics.figures import Figure
from harness.diagnostics.run_folder import DIAGNOSTICS, read_diagnostics, read_figures
from harness.runs.config import CONFIG, is_run_folder
from harness.runs.folder import read_run
from harness.runs.records import RUN, SAMPLES
from leaderboards.checking import Checks

REPORTS: Final = ("report.html", "report.md")
_DEPTH: Final = 8
"""Folders below a root that are searched: training runs in experiments in projects are not as deep, a disk is."""
_RECIPE: Final = "recipe.yaml"
"""Marks the output of a training."""
# What marks a folder beside the runs that is no run and not meant to be one: a checkpoint, or a board written here.
_NEIGHBOURS: Final = (CONFIG, "adapter_config.json", "trainer_state.json", "model.safetensors", _RECIPE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostics:
    """What `diagnostics.json` of a run holds.

    Attributes:
        figures: by name, `{task}/{figure}`, or `all/{figure}` over all tasks of the run; in the order of the file.
        attribution: by task, how many wrong answers went wrong where, e.g. `perception`.
        judge: who answered from the captions; `None` where nobody did.
    """

    figures: Mapping[str, Figure] = field(default_factory=dict)
    attribution: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    judge: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRun:
    """A finished run on disk.

    Attributes:
        folder: where it is.
        record: its `run.json`.
        diagnostics: its `diagnostics.json`, where it has one.
        report: name of the report in the folder, `report.html` before `report.md`; `None` where there is none.
    """

    folder: Path
    record: RunRecord
    diagnostics: Diagnostics | None = None
    report: str | None = None

    @property
    def age(self) -> tuple[datetime, str, str]:
        """Sorts runs from the oldest to the latest; runs of the same second by id, then by folder."""
        return _moment(self.record.started), self.record.id, str(self.folder)


def load_runs(roots: Sequence[Path], tasks_dir: Path | None = None) -> tuple[list[StoredRun], list[str]]:
    """Every finished run below some folders, and one line for each folder that could not be used.

    Args:
        roots: run folders, or folders that hold run folders at any depth.
        tasks_dir: folder of tasks beside the harness's own; `None`: there is none.

    Returns:
        Runs in the order of their paths, and the problems.

    Raises:
        UsageError: a root does not exist.
    """
    problems: list[str] = []
    runs: list[StoredRun] = []
    checks = Checks(tasks_dir)
    for folder in run_folders(roots, problems):
        try:
            record = read_run(folder)
            checks.check(folder, record, json.loads((folder / RUN).read_bytes()))  # As was just read, and is sound.
        except StoreError as error:
            problems.append(str(error))
            continue
        diagnostics = None
        try:
            diagnostics = _read_diagnostics(folder)
        except StoreError as error:
            problems.append(f"{error} The run is shown without them.")
        report = next((name for name in REPORTS if (folder / name).is_file()), None)
        runs.append(StoredRun(folder=folder, record=record, diagnostics=diagnostics, report=report))
    checks.remember()
    return runs, problems


def run_folders(roots: Sequence[Path], problems: list[str]) -> Iterator[Path]:
    """Every run folder, finished or not, below some folders, each once.

    Args:
        roots: as of `load_runs`.
        problems: is given a line for each folder that is none and holds none.

    Raises:
        UsageError: a root does not exist.
    """
    seen: set[Path] = set()
    for root in roots:
        if not root.is_dir():
            raise UsageError(f"{root}: no such folder. Give run folders, or a folder that holds them.")
        try:
            for folder in _search(root, problems):
                if folder.resolve() not in seen:
                    seen.add(folder.resolve())
                    yield folder
        except StoreError as error:
            problems.append(f"{error} What lies below it is left out.")


def _search(root: Path, problems: list[str]) -> Iterator[Path]:
    if is_run(root):
        yield root
        return
    found_any = False
    is_training = (root / _RECIPE).exists()  # Beside its runs are its rows, rollouts and checkpoints.
    for child in _subfolders(root):
        found = [child] if is_run(child) else list(_below(child, _DEPTH))
        found_any = found_any or bool(found)
        if not found and not is_training and not _is_neighbour(child):
            problems.append(f"{child} is not a run folder and holds none.")
        yield from found
    if not found_any and not any(_subfolders(root)):
        problems.append(f"{root} is not a run folder and holds none.")


def _below(folder: Path, depth: int) -> Iterator[Path]:
    for child in _subfolders(folder):
        if is_run(child):
            yield child
        elif depth > 1:
            yield from _below(child, depth - 1)


def _subfolders(folder: Path) -> list[Path]:
    # A link may name a run, but is not searched: links could lead round in circles.
    try:
        return sorted(
            child
            for child in folder.iterdir()
            if not child.name.startswith(".") and child.is_dir() and (not child.is_symlink() or is_run(child))
        )
    except PermissionError as error:
        raise StoreError(f"{folder} cannot be read: {error.strerror}.") from error


def is_run(folder: Path) -> bool:
    """A finished run, or one that was begun, some files of which may be missing."""
    return (folder / RUN).exists() or (folder / SAMPLES).exists() or is_run_folder(folder)


def _is_neighbour(folder: Path) -> bool:
    return any((folder / name).exists() for name in _NEIGHBOURS) or any(folder.glob("leaderboard*.*"))


def _moment(started: str) -> datetime:
    moment = datetime.fromisoformat(started)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _read_diagnostics(folder: Path) -> Diagnostics | None:
    """The diagnostics of a run; `None` where there are none.

    Raises:
        StoreError: the file is not what it should be, or was changed.
    """
    data = read_diagnostics(folder)
    if data is None:
        return None
    try:
        attribution = {
            task: {cause: _count(found) for cause, found in causes.items()}
            for task, causes in (data.get("attribution") or {}).items()
        }
        judge = (data.get("judge") or {}).get("identity")
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise StoreError(f"{folder / DIAGNOSTICS} cannot be used: {error}.") from error
    return Diagnostics(
        figures=read_figures(folder, data), attribution=attribution, judge=None if judge is None else str(judge)
    )


def _count(found: Any) -> int:
    count = found["n"]
    if type(count) is not int or count < 0:
        raise ValueError(f"attribution {found!r} is not a count")
    return count
