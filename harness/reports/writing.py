"""The reports of a run folder: `report.md`, and of a diagnosed run `report.html`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.diagnostics.run_folder import DIAGNOSTICS
from harness.reports.run_report import REPORT, write_report
from harness.runs.folder import read_run
from harness.runs.records import RUN

if TYPE_CHECKING:
    from harness.diagnostics.diagnose import Diagnosis
    from harness.diagnostics.evidence import Key
    from harness.media import OpenMedia


def write_reports(
    folder: Path,
    diagnosis: Diagnosis | None,
    *,
    open_media: OpenMedia | None = None,
    only: Collection[Key] | None = None,
) -> None:
    """Write what people read of a run.

    Args:
        folder: the run folder; of an unfinished run there is no `report.md`.
        diagnosis: what was found in it; `None`: the run was not diagnosed, and has no page.
        open_media: opens a sample's media for the thumbnails of the page; `None`: the page has none.
        only: samples that a thinned page lists; `None`: all.

    Raises:
        StoreError: the folder cannot be written.
    """
    if diagnosis is not None:
        from harness.reports.page import write_page

        write_page(folder, diagnosis, open_media=open_media, only=only)
    if (folder / RUN).exists():
        write_report(read_run(folder), folder)


def are_current(folder: Path, repeats: Sequence[Path] = (), *, diagnosed: bool = True) -> bool:
    """Whether the reports were written after the run and its repeats had ended.

    A kill in between leaves none, or old ones.

    Args:
        folder: the folder of a finished run.
        repeats: folders of the runs with other seeds that its diagnosis rests on, finished.
        diagnosed: whether the diagnosis is part of it.
    """
    report = folder / REPORT
    if not report.exists() or (diagnosed and not (folder / DIAGNOSTICS).exists()):
        return False
    return all((run / RUN).stat().st_mtime_ns <= report.stat().st_mtime_ns for run in (folder, *repeats))
