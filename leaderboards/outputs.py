"""Writing a board to a folder, in all its formats."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from harness.core.errors import StoreError, UsageError
from harness.core.files import write_atomically
from leaderboards.board import Board
from leaderboards.page_data import copied_link, report_link

FORMATS: Final = ("md", "html", "csv", "json", "tex")
"""Formats, by the suffixes of their files."""
PICTURES: Final = ("leaderboard-light.svg", "leaderboard-dark.svg")


def write_board(board: Board, out: Path, formats: Sequence[str] = FORMATS) -> list[Path]:
    """Write the chosen formats, and the pictures for a README; files that are already so are left alone.

    Args:
        board: the board.
        out: folder; made if it is missing.
        formats: some of `FORMATS`.

    Returns:
        The files, written or not.

    Raises:
        UsageError: an unknown format.
        StoreError: the folder cannot be written.
    """
    unknown = [name for name in formats if name not in FORMATS]
    if unknown:
        raise UsageError(f"--formats: {unknown[0]!r} does not exist. Choose some of: {', '.join(FORMATS)}.")
    files = {out / _file_name(name): _render(board, name, out, formats) for name in FORMATS if name in formats}
    files |= {out / name: text for name, text in draw_pictures(board).items()}
    for path, text in files.items():
        write_if_changed(path, text)
    return list(files)


def write_pages(board: Board, out: Path, *, reports: bool = True) -> list[Path]:
    """A folder that GitHub Pages, or any server of files, can serve as it is: the page, its data, the reports.

    Args:
        board: the board.
        out: folder; made if it is missing.
        reports: copy the runs' `report.html` into the folder and link them; else the page links no report.

    Raises:
        StoreError: the folder or a report in it cannot be written.
    """
    places: dict[str, str] = {}
    written: list[Path] = []
    for group in board.groups:
        for row in group.rows:
            for run in row.runs:
                if not reports or run.report != "report.html" or str(run.folder) in places:
                    continue
                place = f"runs/{_folder_name(run.record.id, places)}/report.html"
                places[str(run.folder)] = place
                _copy(run.folder / run.report, out / place)
                written.append(out / place)
    from leaderboards.page import render_page

    formats = [name for name in FORMATS if name != "html"]
    written += write_board(board, out, formats)
    files = [_file_name(name) for name in formats]
    page = render_page(board, copied_link(places), files)
    # Pages must not run the folder through Jekyll, which drops what begins with an underscore.
    for path, text in ((out / "index.html", page), (out / ".nojekyll", "")):
        write_if_changed(path, text)
        written.append(path)
    return written


def draw_pictures(board: Board) -> dict[str, str]:
    """The picture of the first group in light and dark, by file name; empty where there is nothing to draw."""
    from leaderboards.plots import plot_overview
    from leaderboards.svg import DARK, LIGHT, themed

    svg = plot_overview(board.groups[0])
    return {} if svg is None else dict(zip(PICTURES, (themed(svg, LIGHT), themed(svg, DARK)), strict=True))


def write_if_changed(path: Path, text: str) -> bool:
    """Write a file unless it already holds the text; tells whether it was written.

    Raises:
        StoreError: it cannot be written.
    """
    try:
        if path.read_bytes() == text.encode():
            return False
    except OSError:
        pass
    write_atomically(path, text)
    return True


def _file_name(suffix: str) -> str:
    return "index.html" if suffix == "html" else f"leaderboard.{suffix}"


def _render(board: Board, suffix: str, out: Path, formats: Sequence[str]) -> str:
    if suffix == "html":
        from leaderboards.page import render_page

        files = [_file_name(name) for name in FORMATS if name in formats and name != "html"]
        return render_page(board, report_link(str(out)), files)
    if suffix == "md":
        from leaderboards.markdown import render_markdown

        return render_markdown(board)
    if suffix == "tex":
        from leaderboards.latex import render_latex

        return render_latex(board)
    from leaderboards.data import render_csv, render_json

    return render_json(board) if suffix == "json" else render_csv(board)


def _folder_name(run_id: str, places: dict[str, str]) -> str:
    import re

    name = re.sub(r"[^A-Za-z0-9._-]+", "-", run_id).strip("-.") or "run"
    taken = {place.split("/")[1] for place in places.values()}
    number = 2
    unique = name
    while unique in taken:
        unique = f"{name}-{number}"
        number += 1
    return unique


def _copy(source: Path, target: Path) -> None:
    try:
        if target.exists() and target.read_bytes() == source.read_bytes():
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{target.name}.part")
        shutil.copyfile(source, temporary)
        temporary.replace(target)
    except OSError as error:
        raise StoreError(f"cannot copy {source} to {target}: {error.strerror or error}.") from error
