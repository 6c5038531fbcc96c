"""Which tasks lmms-eval knows: its own, and those of a further folder, read from its files without importing it."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

import yaml

from harness.core.reading import parse_yaml, read_text

PREFIX: Final = "harness_"
"""lmms-eval's own tasks win over included ones of the same name, so ours have names of their own there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A name that lmms-eval knows.

    Attributes:
        kind: a group has a YAML of its own, a tag is named by its members.
        path: the YAML.
        members: of a group or tag.
    """

    kind: Literal["task", "group", "tag"]
    path: Path
    members: tuple[str, ...] = ()


def lmms_eval_tasks(extra: Path | None = None) -> dict[str, Entry]:
    """lmms-eval's tasks, groups and tags by name, and those of a further folder, which come first.

    Takes about half a second, where importing lmms-eval and letting it look takes ten.
    """
    entries = dict(_shipped_tasks())
    if extra is not None:
        _collect(extra, entries)
    return entries


def folder_tasks(folder: Path) -> dict[str, Entry]:
    """The tasks, groups and tags of one folder and those below it."""
    entries: dict[str, Entry] = {}
    _collect(folder, entries)
    return entries


@cache
def _shipped_tasks() -> Mapping[str, Entry]:
    package = importlib.util.find_spec("lmms_eval")
    entries: dict[str, Entry] = {}
    for place in (package.submodule_search_locations or []) if package else []:
        _collect(Path(place) / "tasks", entries)
    return entries


def _collect(folder: Path, entries: dict[str, Entry]) -> None:
    for path, config in _configs(folder):
        for name, entry in _entries(path, config):
            known = entries.get(name)
            if entry.kind != "tag" or known is None:
                entries[name] = entry
            elif known.kind == "tag":
                entries[name] = replace(known, members=(*known.members, *entry.members))


def _entries(path: Path, config: Mapping[str, Any]) -> Iterator[tuple[str, Entry]]:
    task = config.get("task")
    if isinstance(task, list) and isinstance(config.get("group"), str):
        parts = [part.get("task") if isinstance(part, dict) else part for part in task]
        members = tuple(name for part in parts for name in _listed(part))
        yield config["group"], Entry(kind="group", path=path, members=members)
    elif isinstance(task, str):
        yield task, Entry(kind="task", path=path)
        for name in [*_listed(config.get("tag")), *_listed(config.get("group"))]:
            yield name, Entry(kind="tag", path=path, members=(task,))


def _listed(value: Any) -> list[str]:
    items = value if isinstance(value, list) else [value]
    return [item for item in items if isinstance(item, str)]


def _configs(folder: Path, problems: dict[Path, str] | None = None) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """Every YAML under a folder, `include`s resolved, functions left as their names."""
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith((".", "__")))
        for file in sorted(files):
            if file.endswith(".yaml"):
                path = Path(place) / file
                yield path, read_yaml(path, problems)


def unreadable(folder: Path) -> dict[Path, str]:
    """The YAMLs of a folder that cannot be read, each with the reason in a line."""
    problems: dict[Path, str] = {}
    for _ in _configs(folder, problems):
        pass
    return problems


def read_yaml(path: Path, problems: dict[Path, str] | None = None, *, above: tuple[Path, ...] = ()) -> dict[str, Any]:
    """The configuration in a YAML of lmms-eval, its functions as their names; empty where it is none.

    Args:
        path: of the file.
        problems: is given the reason where it cannot be read.
        above: files that include it.
    """
    try:
        if path.resolve() in above:
            raise ValueError("it includes itself")
        config = parse_yaml(read_text(path), _loader())
    except (OSError, ValueError) as error:  # lmms-eval ships files of other tools among its tasks.
        if problems is not None:
            problems[path] = " ".join(str(error).split())
        return {}
    if not isinstance(config, dict):
        return {}
    merged: dict[str, Any] = {}
    for name in reversed(_listed(config.pop("include", None))):
        file = Path(name) if Path(name).is_file() else path.parent / name
        merged |= read_yaml(file, problems, above=(*above, path.resolve()))
    return merged | config


def _loader() -> Any:
    class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # the C loader is ten times faster
        """Safe, and `!function` is a text."""

    Loader.add_constructor("!function", lambda loader, node: node.value)
    return Loader
