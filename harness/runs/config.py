"""`config.json` of a run folder: the settings that make it one run, and the sessions that wrote it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from harness.core.errors import StoreError
from harness.core.files import write_atomically
from harness.core.reading import check_plain, decode, parse_json, read_text
from harness.core.types import SCHEMA_VERSION
from harness.runs.records import RUN, SAMPLES, shards

CONFIG: Final = "config.json"
LOCK: Final = ".harness.lock"
"""Held while a run is written. It stays: a folder whose `config.json` was never finished is known by it as a run's."""

_SHOWN: Final = 4
"""Settings that an error names: who changed more has meant another run."""
_OF_QUESTIONS: Final = (".prompts", ".count", ".version")
"""Settings of a task that its questions alone decide, if `prompt`, `limit` and the like are equal."""
_ADVICE: Final = "Choose another folder with --out, or start over with --fresh."


def is_run_folder(path: Path) -> bool:
    """Whether a folder was made by a run; a checkpoint has a `config.json` as well, and is none."""
    if not (path / CONFIG).exists():  # What holds a lock and more than a run writes first is the output of a training.
        first = (LOCK, f".{CONFIG}.", SAMPLES)
        return (path / LOCK).exists() and all(child.name.startswith(first) for child in path.iterdir())
    try:
        return {"schema_version", "settings"} <= read_json(path / CONFIG).keys()
    except StoreError:
        return (path / LOCK).exists() or (path / SAMPLES).exists()


def read_json(path: Path) -> dict[str, Any]:
    """A file that holds a JSON object.

    Raises:
        StoreError: it cannot be read, or holds something else.
    """
    try:
        data = parse_json(read_text(path))
        check_plain(data)
    except (OSError, ValueError) as error:
        raise StoreError(f"{path} cannot be read: {error}.") from error
    if not isinstance(data, dict):
        raise StoreError(f"{path} is not a JSON object.")
    return data


def write_config(path: Path, settings: Mapping[str, Any], sessions: Sequence[Mapping[str, Any]]) -> None:
    """Write the `config.json` of a run folder.

    Raises:
        StoreError: it cannot be written.
    """
    config = {"schema_version": SCHEMA_VERSION, "settings": settings, "sessions": sessions}
    write_atomically(path / CONFIG, json.dumps(config, indent=2, ensure_ascii=False) + "\n")


def earlier_sessions(path: Path, settings: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The sessions of the run that a folder holds; one that was cut off gets the time until its last stored sample.

    Args:
        path: the run folder.
        settings: of the run that is to go on.

    Returns:
        `started` (ISO 8601) and `seconds` of each; none where a run was killed before it stored anything.

    Raises:
        StoreError: the run has other settings, or `config.json` is damaged.
    """
    samples = path / SAMPLES
    if not (path / CONFIG).exists() and not (samples.exists() and samples.stat().st_size):
        return []
    try:
        config = read_json(path / CONFIG)
    except StoreError as error:
        raise StoreError(f"{error} {_ADVICE}") from error
    different = name_differences(config.get("settings"), settings, "stored", "asked")
    if different:
        changed = _changed_questions(config.get("settings"), settings)
        if changed:
            raise StoreError(
                f"the questions of {', '.join(changed)} are others than those of the run that {path} holds: their file "
                "or version was changed since, --data names other ones, or the run is of an earlier harness, which "
                f"counted less among the questions. {_ADVICE}"
            )
        raise StoreError(f"{path} holds a run of other settings ({different}). {_ADVICE}")
    try:
        return [_closed(path, session) for session in decode(_Sessions, {"sessions": config.get("sessions")}).sessions]
    except ValueError as error:
        raise StoreError(f"{path / CONFIG} does not list the sessions of a run ({error}). {_ADVICE}") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class _Session:
    started: str
    seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sessions:
    sessions: Sequence[_Session]


def _closed(path: Path, session: _Session) -> dict[str, Any]:
    begin, seconds = datetime.fromisoformat(session.started).timestamp(), session.seconds
    if seconds is None:
        files = (path / SAMPLES, path / RUN, *shards(path))
        last = max((file.stat().st_mtime for file in files if file.exists()), default=0.0)
        seconds = max(0.0, last - begin)
    return {"started": session.started, "seconds": round(seconds, 1)}


def _changed_questions(stored: Any, asked: Mapping[str, Any]) -> list[str]:
    """The tasks whose questions differ, where nothing else does: prompts follow from other settings, too."""
    before, now = flatten(stored), flatten(asked)
    keys = {key for key in {*before, *now} if before.get(key) != now.get(key)}
    if any(key not in before or key not in now or not key.endswith(_OF_QUESTIONS) for key in keys):
        return []
    return sorted({key.removeprefix("tasks.").rpartition(".")[0] for key in keys})


def name_differences(one: Any, other: Any, name: str, other_name: str) -> str:
    """What differs between two trees of settings, the first of it in words; empty where nothing does."""
    before, now = flatten(one), flatten(other)
    different = [key for key in sorted({*before, *now}) if before.get(key) != now.get(key)]
    parts = [f"{key}: {name} {before.get(key)!r}, {other_name} {now.get(key)!r}" for key in different[:_SHOWN]]
    return "; ".join([*parts, f"and {len(different) - _SHOWN} more"] if len(different) > _SHOWN else parts)


def flatten(settings: Any, prefix: str = "") -> dict[str, Any]:
    """The leaves of a tree of settings, by their paths: `decoding.seed`."""
    if not isinstance(settings, Mapping):
        return {prefix: settings}
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        flat.update(flatten(value, f"{prefix}.{key}" if prefix else str(key)))
    return flat
