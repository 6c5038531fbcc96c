"""Which benchmarks there are: the folders of the tasks directory that hold a `benchmark.py`.

Those that come with the harness, those of a user's `--tasks-dir` and those of installed packages
(`harness.core.plugins`) are found by the same loader; of two with one name the user's counts, then the harness's own. A
module is loaded when its benchmark is asked for, and once; what is wrong with a package is an error then, too.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Collection, Iterable
from difflib import get_close_matches
from functools import cache
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType
from typing import Final

from harness.benchmarks.own import is_table, own_benchmark
from harness.benchmarks.record import Benchmark
from harness.core.errors import DataError, HarnessError, UsageError
from harness.core.plugins import only, refuse_own_names, registered, where

FILE: Final = "benchmark.py"
RECORD: Final = "BENCHMARK"


def own_tasks_dir() -> Path:
    """The folder of tasks that comes with the harness: the one inside the installed package, or the checkout's.

    Raises:
        UsageError: there is none.
    """
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "_tasks", package.parent / "tasks"):
        if folder.is_dir():
            return folder
    raise UsageError("the tasks are missing from this installation. Install it again, or give --tasks-dir a folder.")


def benchmark_folders(tasks_dir: Path | None = None, asked: Iterable[str] = ()) -> dict[str, Path]:
    """Folders of benchmarks by name, without loading any; those of `tasks_dir` first.

    Args:
        tasks_dir: folder of tasks beside the harness's own; `None`: there is none.
        asked: names that are asked for.

    Raises:
        UsageError: there is no such folder, or a name that is asked for is of an installed package alone and cannot be
            used. Of other names such packages are left out.
    """
    folders, broken = _folders(tasks_dir)
    for name in asked:
        if name in broken and name not in folders:
            raise broken[name]
    return folders


def _folders(tasks_dir: Path | None) -> tuple[dict[str, Path], dict[str, UsageError]]:
    """Folders of benchmarks by name, and what is wrong with those of installed packages that cannot be used."""
    if tasks_dir is not None and not tasks_dir.is_dir():
        raise UsageError(f"tasks folder {tasks_dir} does not exist. Give --tasks-dir a folder of tasks.")
    own, given = (
        {path.parent.name: path.parent.resolve() for path in sorted(root.glob(f"*/{FILE}"))} if root is not None else {}
        for root in (own_tasks_dir(), tasks_dir)
    )
    found, broken = _registered(own)
    return own | found | given, broken


def _registered(own: Collection[str]) -> tuple[dict[str, Path], dict[str, UsageError]]:
    """Folders of the benchmarks of installed packages, which may not have names of the harness's own; and errors."""
    found: dict[str, Path] = {}
    broken: dict[str, UsageError] = {}
    for name, points in registered("benchmarks").items():
        try:
            refuse_own_names("benchmarks", {name}.intersection(own))
            found[name] = _folder(only(points, "benchmarks"))
        except UsageError as error:
            broken[name] = error
    return found, broken


def _folder(point: EntryPoint) -> Path:
    spec, why = None, ""
    try:
        spec = importlib.util.find_spec(point.module)
    except (Exception, SystemExit) as error:  # The code of a package around it.
        why = f" ({type(error).__name__}: {error})"
    if spec is None or not spec.submodule_search_locations:
        raise UsageError(
            f"{where(point, 'benchmarks')} is no package{why}. Name the package whose folder holds {FILE}."
        )
    return Path(next(iter(spec.submodule_search_locations))).resolve()


def find_benchmarks(tasks_dir: Path | None = None, problems: list[str] | None = None) -> dict[str, Benchmark]:
    """All benchmarks by name: those about hallucination first, each kind by name.

    Args:
        tasks_dir: folder of tasks beside the harness's own; `None`: there is none.
        problems: takes what is wrong with those that are left out; `None`: it is raised.

    Raises:
        UsageError: no such folder, or an installed package registers what is none.
        DataError: a benchmark cannot be loaded.
    """
    folders, broken = _folders(tasks_dir)
    errors: list[HarnessError] = list(broken.values())
    found = []
    for folder in folders.values():
        try:
            found.append(load_benchmark(folder))
        except HarnessError as error:
            errors.append(error)
    if problems is None and errors:
        raise errors[0]
    if problems is not None:
        problems += map(str, errors)
    return {item.name: item for item in sorted(found, key=lambda item: (not item.hallucination, item.name))}


def get_benchmark(name: str, tasks_dir: Path | None = None) -> Benchmark:
    """The benchmark of a name, which may be that of a table of the user's own.

    Raises:
        UsageError: there is none; the message has the nearest names.
        DataError: it cannot be loaded.
    """
    if is_table(name):
        return own_benchmark(Path(name))
    folders = benchmark_folders(tasks_dir, [name])
    if name not in folders:
        raise unknown_task(name, folders)
    return load_benchmark(folders[name])


def unknown_task(name: str, known: Iterable[str]) -> UsageError:
    """What to raise for a task that does not exist, with the nearest names."""
    lower = {candidate.lower(): candidate for candidate in known}
    near = [lower[match] for match in get_close_matches(name.lower(), lower, n=3, cutoff=0.75)]
    meant = f" Did you mean {' or '.join(map(repr, near))}?" if near else ""
    return UsageError(f"task {name!r} not found.{meant} List them with 'harness tasks'.")


def load_benchmark(folder: Path) -> Benchmark:
    """The record that a folder's `benchmark.py` makes.

    Raises:
        DataError: it cannot be loaded, makes no record, or one of another name than the folder's.
    """
    record = getattr(load_module(folder), RECORD, None)
    path = folder / FILE
    if not isinstance(record, Benchmark):
        raise DataError(f"{path} has no {RECORD} of type harness.benchmarks.record.Benchmark. Compare it with others.")
    if record.name != folder.name:
        raise DataError(f"{path}: the benchmark is called {record.name!r}, its folder {folder.name!r}. Rename one.")
    return record


@cache
def load_module(folder: Path) -> ModuleType:
    """The module `benchmark.py` of a folder.

    Raises:
        DataError: its code fails.
    """
    path = folder / FILE
    name = f"harness_tasks.{folder.name}_{abs(hash(path)):x}"  # Two folders of one name are two modules.
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise DataError(f"{path} does not exist. A task's folder holds a {FILE} that makes its {RECORD}.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # Dataclasses look their module up.
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # A user's own code.
        del sys.modules[name]
        if isinstance(error, HarnessError):
            raise
        raise DataError(f"{path} cannot be loaded: {type(error).__name__}: {error}. Mend it.") from error
    return module
