"""The runs' reports beside a published page: copied without what they tell of this machine, and taken away again.

A report shows pictures of its benchmark, so a copy publishes them, too.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, Final

from harness.core.errors import StoreError, UsageError
from harness.reports.hiding import Hide, folders_in, hiding
from harness.reports.html import script_json
from harness.reports.page_data import PARTS, files_of
from harness.runs.config import read_json
from harness.runs.records import RUN
from leaderboards.board import Board
from leaderboards.runs import StoredRun, is_run

_REPORT: Final = "report.html"
_PLACE: Final = re.compile(rf"runs/[A-Za-z0-9_][A-Za-z0-9._-]*/{re.escape(_REPORT)}")
_PROTECTED: Final = re.compile(r"(<script>.*?</script>|data:[\w/+.-]+;base64,[A-Za-z0-9+/=]+)", re.DOTALL)
"""Of a report: its scripts, whose digests its security policy knows, and its pictures."""


def place_copies(board: Board, out: Path) -> dict[str, tuple[StoredRun, str]]:
    """The runs of a board that have a report, by folder, each with the place of its copy below the page's folder.

    Raises:
        UsageError: a place is in the folder of another run.
    """
    runs = {str(run.folder): run for group in board.groups for row in group.rows for run in row.runs}
    found: dict[str, tuple[StoredRun, str]] = {}
    taken: set[str] = set()
    for folder, run in runs.items():
        if run.report == _REPORT:
            name = _folder_name(run.record.id, taken)
            taken.add(name)
            found[folder] = run, f"runs/{name}/{_REPORT}"
            _refuse_other_run(out / "runs" / name, run.folder)
    return found


def _folder_name(run_id: str, taken: Collection[str]) -> str:
    name = unique = re.sub(r"[^A-Za-z0-9._-]+", "-", run_id).strip("-.") or "run"
    number = 2
    while unique in taken:
        unique = f"{name}-{number}"
        number += 1
    return unique


def _refuse_other_run(folder: Path, source: Path) -> None:
    if is_run(folder) and folder.resolve() != source.resolve():
        raise UsageError(
            f"{folder} is a run, whose report would be overwritten with that of {source}. Give another folder."
        )


def report_copies(run: StoredRun, folder: Path) -> Iterator[tuple[Path, str]]:
    """A report and the files beside it as they are copied into a folder: without folders, keys and passwords.

    In a run that is itself published they stay as they are, beside all else that it has.

    Raises:
        StoreError: a file cannot be read.
    """
    hide = _hiding(run.folder)
    is_there = folder.resolve() == run.folder.resolve()
    for file in files_of(run.folder / _REPORT):
        try:
            text = file.read_bytes().decode("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise StoreError(f"cannot copy {file}: {error}.") from error
        parts = _PROTECTED.split(text)
        parts[::2] = map(hide, parts[::2])
        yield folder / file.relative_to(run.folder), text if is_there else "".join(parts)


def _hiding(folder: Path) -> Hide:
    """What takes out of a report the folders that its run was given, and what else it tells of this machine."""
    from markupsafe import escape

    hide = hiding(folder)
    places = {f"{path}/" for path in (Path.home(), Path.cwd(), folder.resolve().parent) if len(path.parts) > 1}
    folders = places.union(*map(folders_in, _texts(read_json(folder / RUN))))
    written = {form for of in folders for form in (of, str(escape(of)), str(script_json(of))[1:-1])}
    longest = "|".join(re.escape(of) for of in sorted(written, key=len, reverse=True))
    given = re.compile(rf"(?:(?<![\w./…-])|(?<=\\[nrt]))(?:{longest})")  # Line ends and tabs as JSON has them.
    return lambda text: hide(given.sub("…/", text))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def copied_before(page: Path) -> set[str]:
    """The places of reports that the page of an earlier call links, which that call copied."""
    try:
        return set(_PLACE.findall(page.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError):
        return set()


def remove_copies(out: Path, places: Collection[str]) -> None:
    """Delete copies of reports, and their folders if nothing else is in them.

    Raises:
        StoreError: a file cannot be deleted.
    """
    for place in places:
        folder = (out / place).parent
        if is_run(folder):
            continue
        try:
            for file in files_of(out / place):
                file.unlink(missing_ok=True)
            for empty in (folder / PARTS, folder, out / "runs"):
                if empty.is_dir() and not any(empty.iterdir()):
                    empty.rmdir()
        except OSError as error:
            raise StoreError(f"cannot delete the copy {out / place}: {error.strerror or error}.") from error
