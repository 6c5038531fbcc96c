"""Which files of a data set hold its rows: the hub's own layout, a download of it, `save_to_disk`, or loose files."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Final

from harness.benchmarks.record import Benchmark, HubSource
from harness.benchmarks.tables import SUFFIXES
from harness.core.errors import DataError
from harness.core.reading import parse_json, parse_yaml, read_text
from harness.media.bounds import within

_SHARD: Final = re.compile(r"(?P<name>.+)-(?P<index>\d{5})-of-(?P<count>\d{5})(?P<rest>[.-].*)?")
_NOT_ROWS: Final = ("dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json", "annotations.jsonl")


def list_files(folder: Path, roots: Sequence[Path] = ()) -> list[str]:
    """Files of a folder and its subfolders, linked ones too, as relative POSIX paths; hidden ones are left out.

    Args:
        folder: the folder.
        roots: where linked subfolders may be, see `harness.media.bounds.within`; empty: in the folder.

    Raises:
        OutsideError: a subfolder is a link that leads elsewhere.
    """
    found = []
    seen = set()
    for place, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(place)
        # A link to a folder further up would be followed for ever.
        folders[:] = [] if real in seen else [name for name in folders if not name.startswith(".")]
        for name in folders:
            if os.path.islink(os.path.join(place, name)):
                within(Path(place) / name, roots or (folder,))
        seen.add(real)
        inside = Path(place).relative_to(folder)
        found += [(inside / name).as_posix() for name in names if not name.startswith(".")]
    return sorted(found)


def choose_row_files(files: Sequence[str], benchmark: Benchmark, readme: str | None = None) -> list[str]:
    """Pick the files that hold the rows of a split.

    In this order: the hub's own layout; what the data set's card declares for the configuration and split; what
    `save_to_disk` wrote; loose files, of the best format there is and of the configuration and split where names
    tell.

    Args:
        files: relative paths of all files there are.
        benchmark: whose rows they are.
        readme: text of the data set's card, which may declare configurations.

    Raises:
        DataError: a file that is split into parts lacks some.
    """
    source = benchmark.source
    labels = {PurePosixPath(file).name for file in benchmark.labels.files} if benchmark.labels is not None else set()
    candidates = [
        name
        for name in files
        if name.lower().endswith(SUFFIXES)
        and not name.endswith(_NOT_ROWS)
        and "/videos/" not in name
        and PurePosixPath(name).name not in labels
    ]
    chosen = _by_pattern(candidates, source) or _declared(candidates, source, readme)
    if not chosen:
        chosen = _saved(candidates, files, source) or _loose(candidates, source)
    _check_shards(chosen, benchmark)
    return chosen


def missing_parts(chosen: Sequence[str], source: HubSource) -> list[str]:
    """Files that the benchmark's layout needs together and of which only others are there, e.g. a subset's.

    Of several layouts that some files are of, the one that lacks the fewest counts.
    """
    lacking = []
    for alternative in source.rows:
        parts = alternative.split()
        absent = [part for part in parts if not any(_matches(name, part) for name in chosen)]
        if len(absent) < len(parts):
            lacking.append(absent)
    return min(lacking, key=len, default=[])


def _declared(candidates: Sequence[str], source: HubSource, readme: str | None) -> list[str]:
    """Files that the card's `configs` name."""
    match = re.match(r"---\s*\n(.*?)\n---", readme or "", re.DOTALL)
    if match is None:
        return []
    try:
        configs = (parse_yaml(match[1]) or {}).get("configs") or []
        named = [config for config in configs if config.get("config_name") == (source.config or "default")]
        named = named or (configs if source.config is None else [])
        entries = (named or [{}])[0].get("data_files") or []
        if isinstance(entries, list) and all(isinstance(entry, dict) for entry in entries):
            patterns = [entry["path"] for entry in entries if entry.get("split") == source.split]
        else:
            return []
        flat = [pattern for entry in patterns for pattern in ([entry] if isinstance(entry, str) else entry)]
    except (ValueError, AttributeError, KeyError, TypeError):
        return []
    return [name for name in candidates if any(_matches(name, pattern) for pattern in flat)]


def _by_pattern(candidates: Sequence[str], source: HubSource) -> list[str]:
    for alternative in source.rows:
        # In the order of the patterns, so that parts of a data set keep the order of the benchmark.
        chosen = [name for part in alternative.split() for name in candidates if _matches(name, part)]
        if chosen:
            return list(dict.fromkeys(chosen))
    return []


def _matches(name: str, pattern: str) -> bool:
    return PurePosixPath(name).match(pattern)


def _saved(candidates: Sequence[str], files: Sequence[str], source: HubSource) -> list[str]:
    for folder in (f"{source.config}/{source.split}/", f"{source.split}/", ""):
        if f"{folder}state.json" in files:
            return [name for name in candidates if name.startswith(folder) and name.endswith(".arrow")]
    return []


def _loose(candidates: Sequence[str], source: HubSource) -> list[str]:
    chosen = list(candidates)
    if source.config is not None:
        chosen = [name for name in chosen if source.config in PurePosixPath(name).parts[:-1]] or chosen
    of_split = [name for name in chosen if any(part.startswith(source.split) for part in PurePosixPath(name).parts)]
    chosen = of_split or chosen
    for suffix in SUFFIXES:
        of_suffix = [name for name in chosen if name.lower().endswith(suffix)]
        if of_suffix:
            return of_suffix
    return []


def _check_shards(chosen: Sequence[str], benchmark: Benchmark) -> None:
    parts: dict[tuple[str, int], set[int]] = {}
    for name in chosen:
        match = _SHARD.fullmatch(PurePosixPath(name).as_posix())
        if match is not None:
            parts.setdefault((match["name"], int(match["count"])), set()).add(int(match["index"]))
    for (name, count), present in parts.items():
        if len(present) < count:
            missing = min(set(range(count)) - present)
            raise DataError(
                f"{benchmark.name}: {count - len(present)} of {count} parts of {name} are missing, "
                f"e.g. {name}-{missing:05}-of-{count:05}. Fetch the data set again."
            )


def saved_files(folder: Path, chosen: Sequence[str]) -> list[str]:
    """Put the parts that `save_to_disk` wrote into their order, which `state.json` holds."""
    if not chosen or not chosen[0].endswith(".arrow"):
        return list(chosen)
    inside = PurePosixPath(chosen[0]).parent
    state = folder / inside / "state.json"
    if not state.is_file():
        return list(chosen)
    try:
        named = [(inside / part["filename"]).as_posix() for part in parse_json(read_text(state))["_data_files"]]
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{state} is not what save_to_disk writes: {error}. Save the data set again.") from error
    missing = [name for name in named if name not in chosen]
    if missing:
        raise DataError(f"{folder}: {missing[0]} is missing, which {state.name} names. Save the data set again.")
    return named
