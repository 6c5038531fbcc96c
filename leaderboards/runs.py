"""Finding and reading run folders: what is whole becomes a `StoredRun`, all else is named with its reason."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeGuard

from harness.core.errors import StoreError, UsageError
from harness.core.types import Metric, RunRecord
from harness.runs.config import CONFIG, RUN
from harness.runs.folder import read_run
from harness.runs.records import SAMPLES

DIAGNOSTICS: Final = "diagnostics.json"
REPORTS: Final = ("report.html", "report.md")
_DEPTH: Final = 8
"""Folders below a root that are searched: training runs in experiments in projects are not as deep, a disk is."""
COUNTS: Final = ("samples", "unanswered", "not_understood", "undecided", "truncated", "errors", "disagreements")
"""What a task's result counts."""
# What marks a folder beside the runs that is no run and not meant to be one: a checkpoint, or a board written here.
_NEIGHBOURS: Final = (CONFIG, "adapter_config.json", "trainer_state.json", "model.safetensors", "recipe.yaml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A diagnostic figure.

    Attributes:
        metric: its value with the uncertainty.
        title: what it is, in a few words.
        better: whether a higher value is better (1), a lower one (-1), or neither (0).
        is_share: whether it is shown in percent.
        definition: what it is, in words.
        headline: whether it is drawn over training, and shown by task where nothing spans the tasks.
        hallucination: of a rate of hallucination, how it is worded as a reason; empty: it is none.
    """

    metric: Metric
    title: str
    better: int = 0
    is_share: bool = True
    definition: str = ""
    headline: bool = False
    hallucination: str = ""


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


def load_runs(roots: Sequence[Path]) -> tuple[list[StoredRun], list[str]]:
    """Every finished run below some folders, and one line for each folder that could not be used.

    Args:
        roots: run folders, or folders that hold run folders at any depth.

    Returns:
        Runs in the order of their paths, and the problems.

    Raises:
        UsageError: a root does not exist.
    """
    problems: list[str] = []
    runs: list[StoredRun] = []
    for folder in _folders(roots, problems):
        try:
            record = read_run(folder)
            _check(record, folder / RUN)
        except StoreError as error:
            problems.append(str(error))
            continue
        diagnostics = None
        try:
            diagnostics = read_diagnostics(folder / DIAGNOSTICS)
        except StoreError as error:
            problems.append(f"{error} The run is shown without them.")
        report = next((name for name in REPORTS if (folder / name).is_file()), None)
        runs.append(StoredRun(folder=folder, record=record, diagnostics=diagnostics, report=report))
    return runs, problems


def _folders(roots: Sequence[Path], problems: list[str]) -> Iterator[Path]:
    seen: set[Path] = set()
    for root in roots:
        if not root.is_dir():
            raise UsageError(f"--runs {root}: no such folder. Give run folders, or a folder that holds them.")
        try:
            for folder in _search(root, problems):
                if folder.resolve() not in seen:
                    seen.add(folder.resolve())
                    yield folder
        except StoreError as error:
            problems.append(f"{error} What lies below it is left out.")


def _search(root: Path, problems: list[str]) -> Iterator[Path]:
    if _is_run(root):
        yield root
        return
    found_any = False
    for child in _subfolders(root):
        found = [child] if _is_run(child) else list(_below(child, _DEPTH))
        found_any = found_any or bool(found)
        if not found and not _is_neighbour(child):
            problems.append(f"{child} is not a run folder and holds none.")
        yield from found
    if not found_any and not any(_subfolders(root)):
        problems.append(f"{root} is not a run folder and holds none.")


def _below(folder: Path, depth: int) -> Iterator[Path]:
    for child in _subfolders(folder):
        if _is_run(child):
            yield child
        elif depth > 1:
            yield from _below(child, depth - 1)


def _subfolders(folder: Path) -> list[Path]:
    # A link may name a run, but is not searched: links could lead round in circles.
    try:
        return sorted(
            child
            for child in folder.iterdir()
            if not child.name.startswith(".") and child.is_dir() and (not child.is_symlink() or _is_run(child))
        )
    except PermissionError as error:
        raise StoreError(f"{folder} cannot be read: {error.strerror}.") from error


def _is_run(folder: Path) -> bool:
    """A finished run, or one that was begun; a checkpoint's own `config.json` does not make a run."""
    if (folder / RUN).exists() or (folder / SAMPLES).exists():
        return True
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(config, dict) and {"schema_version", "settings"} <= config.keys()


def _is_neighbour(folder: Path) -> bool:
    return any((folder / name).exists() for name in _NEIGHBOURS) or any(folder.glob("leaderboard*.*"))


def _check(record: RunRecord, path: Path) -> None:
    """Refuse a record whose values are of other kinds than a board can show.

    Raises:
        StoreError: saying which value.
    """

    def require(holds: bool, what: str) -> None:
        if not holds:
            raise StoreError(f"{path} is not a run record: {what}.")

    for name in ("id", "model", "engine", "prompt_format", "started"):
        require(isinstance(getattr(record, name), str), f"{name} is not a text")
    for name in ("decoding", "data", "settings", "versions"):
        require(isinstance(getattr(record, name), Mapping), f"{name} is not an object")
    for name in ("weights", "judge", "git_commit"):
        require(isinstance(getattr(record, name), str | None), f"{name} is not a text")
    try:
        _moment(record.started)
    except ValueError:
        require(False, f"started {record.started!r} is not a date")
    require(bool(record.tasks), "it has no task")
    require(record.training is None or _is_training(record.training), "training does not tell recipe, data and seed")
    require(isinstance(record.settings.get("blind"), str | None), "the setting blind is not a text")
    for task, result in record.tasks.items():
        require(result.task == task, f"task {task!r} is called {result.task!r}")
        require(isinstance(result.headline, str), f"headline of task {task!r} is not a text")
        require(result.headline in result.metrics, f"task {task!r} has no metric {result.headline!r}")
        require(isinstance(record.data.get(task), Mapping), f"task {task!r} has no data entry")
        require(task in record.benchmarks, f"nothing is known of task {task!r}")
        for name in COUNTS:
            require(_is_count(getattr(result, name)), f"{name} of task {task!r} is not a count")
        require(result.errors <= result.samples, f"task {task!r} has more errors than samples")
        require(isinstance(result.official, Mapping), f"task {task!r} has no official values")
        for name, value in result.official.items():
            require(_is_number(value), f"official value {name!r} of task {task!r} is not a number")
        for metric in result.metrics.values():
            require(_is_sound(metric), f"metric {metric.name!r} of task {task!r} is not a figure")
    try:
        json.dumps(asdict(record), ensure_ascii=False, allow_nan=False).encode()
    except ValueError as error:
        require(False, f"it holds a value that cannot be written: {error}")


def _is_training(told: Any) -> bool:
    names = ("recipe", "data", "seed", "step")
    return isinstance(told, Mapping) and [type(told.get(name)) for name in names] == [str, str, int, int]


def _is_sound(metric: Metric) -> bool:
    numbers = (metric.value, metric.stderr, metric.low, metric.high, metric.if_wrong, metric.if_right)
    return all(map(_is_number, numbers)) and _is_count(metric.n) and isinstance(metric.name, str)


def _is_number(value: Any) -> bool:
    """A finite number, or `None`; an integer too large for a floating-point number is none."""
    return value is None or (
        isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max
    )


def _is_count(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _moment(started: str) -> datetime:
    moment = datetime.fromisoformat(started)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def read_diagnostics(path: Path) -> Diagnostics | None:
    """The diagnostics of a run; `None` where there are none.

    Raises:
        StoreError: the file is not what it should be.
    """
    if not path.exists():
        return None
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        figures = {str(name): _figure(name, stored) for name, stored in data.get("metrics", {}).items()}
        attribution = {
            str(task): {str(cause): _count(found) for cause, found in causes.items()}
            for task, causes in (data.get("attribution") or {}).items()
        }
        judge = (data.get("judge") or {}).get("identity")
    except (OSError, ValueError, TypeError, AttributeError, OverflowError) as error:
        raise StoreError(f"{path} cannot be used: {error}.") from error
    return Diagnostics(figures=figures, attribution=attribution, judge=None if judge is None else str(judge))


def _figure(name: str, stored: Mapping[str, Any]) -> Figure:
    known = {field_.name for field_ in fields(Metric)}
    metric = Metric(**{"name": name, **{key: value for key, value in stored.items() if key in known}})
    if not _is_sound(metric):
        raise ValueError(f"metric {name!r} is not a figure")
    kind = name.rpartition("/")[2]
    stored = {**_shown_today().get(kind, {}), **stored}
    return Figure(
        metric=metric,
        title=str(stored.get("title", kind.replace("_", " "))),
        better=int(stored.get("better", 0)),
        is_share=stored.get("scale", "share") == "share",
        definition=str(stored.get("definition", "")),
        headline=bool(stored.get("headline", False)),
        hallucination=str(stored.get("hallucination", "")),
    )


@cache
def _shown_today() -> Mapping[str, Mapping[str, Any]]:
    """How figures are shown whose run was diagnosed before that was stored with them."""
    from harness.diagnostics.specs import DIAGNOSTICS

    return {of.spec.name: of.spec.shown() for of in DIAGNOSTICS}


def _count(found: Any) -> int:
    count = found.get("n") if isinstance(found, Mapping) else found
    if not _is_count(count):
        raise ValueError(f"attribution {found!r} is not a count")
    return count
