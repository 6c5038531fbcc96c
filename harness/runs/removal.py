"""What a run writes into its folder, by name, and how that is deleted: to start over, or for good."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from harness.core.files import hold_lock, write_errors
from harness.runs.config import CONFIG, LOCK, is_run_folder, write_config
from harness.runs.records import RUN, SAMPLES, SHARDS, shards

_PARTS: Final = "report-samples"
_REPEATS: Final = "repeats/seed-[0-9]*"
_WRITTEN: Final = (
    *(RUN, SAMPLES, SHARDS),
    *("diagnostics.json", "findings.jsonl", "judged.json", "conflict.json", "conflict.npy", "conflict.png"),
    *("report.md", "report.html", f"{_PARTS}/*.js"),
)
"""What evaluating, diagnosing and reporting write into a run folder, beside its settings and its lock."""


def written(path: Path) -> Iterator[Path]:
    """The files that a run has by name, `config.json` and its lock aside, then all of its repeats; nobody else's."""
    for name in _WRITTEN:
        folder, _, last = f"/{name}".rpartition("/")
        for pattern in (last, f".{last}.*"):  # What a killed process was writing, and the locks of shards.
            yield from sorted((path / folder[1:]).glob(pattern))
    for repeat in _repeats(path):
        yield from written(repeat)
        yield from _settled(repeat)


def _settled(path: Path) -> list[Path]:
    """`config.json`, what a killed process was writing of it, and the lock."""
    return [path / CONFIG, *(file for start in (f".{CONFIG}.", LOCK) for file in sorted(path.glob(f"{start}*")))]


def foreign(path: Path) -> list[Path]:
    """What lies in the folders of a run and its repeats that none of them wrote; a folder stands for all in it."""
    own = {file for file in (*written(path), *_settled(path)) if file.is_symlink() or not file.is_dir()}
    folders = {path, *_inner_folders(path)}
    there = (child for folder in folders if folder.is_dir() for child in folder.iterdir())
    return sorted(child for child in there if child not in own and child not in folders)


def remove(path: Path) -> None:
    """Delete what a run and its repeats wrote, and their folders, which hold nothing that is `foreign`.

    Raises:
        OSError: something cannot be deleted, or is not theirs.
    """
    inner = _inner_folders(path)
    for file in [*written(path), *_settled(path)]:
        file.unlink(missing_ok=True)
    _drop_empty(inner)
    path.rmdir()


def _inner_folders(path: Path) -> list[Path]:
    """The folders that a run makes in its own, those inside others first."""
    repeats = _repeats(path)
    return [*(of / _PARTS for of in (path, *repeats)), *repeats, path / "repeats"]


def _drop_empty(folders: Iterable[Path]) -> None:
    for folder in folders:
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def _repeats(path: Path) -> list[Path]:
    return sorted(repeat for repeat in path.glob(_REPEATS) if repeat.is_dir() and is_run_folder(repeat))


def start_over(path: Path, settings: Mapping[str, Any], ready: Callable[[], None]) -> None:
    """Delete what a run wrote; killed at any point of this, the folder holds an unfinished run.

    Args:
        path: the run folder, whose lock is held.
        settings: of the run that is to begin there.
        ready: see `harness.runs.folder.RunFolder`.

    Raises:
        StoreError: a repeat is at work, or something cannot be deleted.
    """
    inner = _inner_folders(path)
    for repeat in _repeats(path):
        hold_lock(repeat / LOCK).close()
        refuse_live_shards(repeat)
    ready()
    with write_errors(path):
        for name in (RUN, SAMPLES):
            (path / name).unlink(missing_ok=True)
        write_config(path, settings, [])
        for file in list(written(path)):
            file.unlink(missing_ok=True)
        _drop_empty(inner)


def refuse_live_shards(path: Path) -> None:
    """Refuse to go on where a killed run has left processes that are still at work.

    Raises:
        StoreError: there is one.
    """
    for shard in shards(path):
        hold_lock(lock_of(shard)).close()


def lock_of(shard: Path) -> Path:
    """The lock of a shard."""
    return shard.with_name(f".{shard.name}.lock")
