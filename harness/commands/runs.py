"""`harness runs`: what run folders there are, what one holds, and away with those that are not wanted."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from harness.core.console import show, to_json
from harness.core.errors import StoreError, UsageError

_NAMED: Final = 5
"""Files and folders that are not of a run are named in an error, up to so many."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `harness runs`."""
    does = parser.add_subparsers(dest="does", metavar="list|show|rm", required=True)
    listing = does.add_parser("list", help="every run below some folders: model, headlines, samples, when")
    listing.add_argument("folders", nargs="*", type=Path, default=[Path("runs")], metavar="DIR", help="default: runs")
    listing.add_argument("--json", action="store_true", help="print JSON")
    shown = does.add_parser("show", help="the figures and the settings of one")
    shown.add_argument("folder", type=Path, metavar="RUN", help="run folder")
    removal = does.add_parser("rm", help="delete run folders; one that holds anything else is left")
    removal.add_argument("folders", nargs="+", type=Path, metavar="RUN", help="run folder")
    removal.add_argument("--yes", action="store_true", help="really do; without it, only say what would be deleted")


def run(arguments: argparse.Namespace) -> int:
    """List, show or delete runs.

    Raises:
        UsageError: no such folder, or one that is to be deleted is no run or holds more than one.
        StoreError: a run cannot be read, is being written, or cannot be deleted.
    """
    if arguments.does == "list":
        return _list(arguments.folders, as_json=arguments.json)
    if arguments.does == "show":
        return _show(arguments.folder)
    return _remove(arguments.folders, really=arguments.yes)


def _list(folders: Sequence[Path], *, as_json: bool) -> int:
    from harness.reports.text import plain_table
    from leaderboards.runs import run_folders

    problems: list[str] = []
    rows = [_row(folder) for folder in run_folders(folders, problems)]
    if as_json:
        show(to_json(rows))
    elif rows:
        show(plain_table(list(rows[0]), [list(row.values()) for row in rows], align=["left"] * len(rows[0])))
    else:
        show(f"no run in {', '.join(map(str, folders))}; 'harness eval' writes them.")
    return 0


def _row(folder: Path) -> dict[str, Any]:
    from harness.reports.text import number, scale_of
    from harness.runs.folder import read_sealed
    from harness.runs.records import RUN, read_records

    row: dict[str, Any] = {"run": str(folder), "model": "", "headlines": "", "samples": "", "started": ""}
    try:
        if not (folder / RUN).exists():
            keys = {(record.sample.task, record.sample.id) for record in read_records(folder)}
            return row | {"samples": len(keys), "started": "not finished"}
        record = read_sealed(folder)
    except StoreError as error:
        return row | {"started": f"cannot be used: {error}"}
    told = []
    for task, result in record.tasks.items():
        metric = result.metrics[result.headline]
        told.append(f"{task} {number(metric.value, scale_of(metric))}")
    return row | {
        "model": record.model,
        "headlines": ", ".join(told),
        "samples": sum(result.samples for result in record.tasks.values()),
        "started": record.started[:16].replace("T", " "),
    }


def _show(folder: Path) -> int:
    from harness.reports.run_report import headline_table
    from harness.runs.config import CONFIG, read_json
    from harness.runs.folder import read_run

    record = read_run(folder)
    show(f"{record.model}, {record.engine}, started {record.started}\n\n{headline_table(record)}\n")
    show(to_json(read_json(folder / CONFIG).get("settings")))
    files = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    show(f"\n{folder}: {', '.join(files)}")
    return 0


def _remove(folders: Sequence[Path], *, really: bool) -> int:
    from harness.core.files import hold_lock, write_errors
    from harness.runs.config import LOCK
    from harness.runs.removal import foreign, remove
    from leaderboards.runs import is_run

    for folder in folders:
        if folder.is_symlink() or not folder.is_dir() or not is_run(folder):
            raise UsageError(f"{folder} is no run folder, and is not deleted. 'harness runs list' names them.")
        if others := foreign(folder):
            named = ", ".join(map(str, others[:_NAMED])) + (", ..." if len(others) > _NAMED else "")
            raise UsageError(
                f"{folder} holds what is not of its run, and is not deleted: {named}. Move that away first."
            )
    for folder in folders:
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        if really:
            with hold_lock(folder / LOCK, option="RUN"), write_errors(folder, advice="Delete it by hand."):
                remove(folder)
        show(f"{'deleted' if really else 'would delete'} {folder} ({size / 1e6:.1f} MB)")
    if not really:
        show("Type it again with --yes to delete.")
    return 0
