"""Writing a board to a folder, in all its formats."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Final, Literal

from harness.core.errors import UsageError
from harness.core.files import refuse_unmarked, write_atomically
from leaderboards.board import Board
from leaderboards.copies import copied_before, place_copies, remove_copies, report_copies
from leaderboards.page_data import Link, report_link

FORMATS: Final[Mapping[str, tuple[str, str]]] = {
    "md": ("leaderboard.md", "leaderboards.markdown:render_markdown"),
    "html": ("index.html", "leaderboards.page:render_page"),
    "csv": ("leaderboard.csv", "leaderboards.data:render_csv"),
    "json": ("leaderboard.json", "leaderboards.data:render_json"),
    "tex": ("leaderboard.tex", "leaderboards.latex:render_latex"),
}
"""Each format: its file, and the function that makes it of a board; the page's is also given links and files."""
PICTURES: Final[Mapping[Literal["light", "dark"], str]] = {
    "light": "leaderboard-light.svg",
    "dark": "leaderboard-dark.svg",
}
"""Pictures for a README, by the theme that they are for."""
_MARKS: Final = (
    b"<!-- harness-leaderboard -->",
    b'<meta name="generator" content="harness-leaderboard">',
    b'"harness-leaderboard"',
    b"written by harness-leaderboard.",
    b"group,checkpoint,kind,",
)
"""One of them is in every file of a board but the pictures: more than the name, which any text may say."""
_KEY: Final = "dashed: baseline · blue: better · orange: worse · grey: neither shown"


def write_board(board: Board, out: Path, formats: Collection[str] = tuple(FORMATS)) -> list[Path]:
    """Write the chosen formats, and the pictures for a README; files that are already so are left alone.

    Args:
        board: the board.
        out: folder; made if it is missing.
        formats: some of `FORMATS`.

    Returns:
        The files, written or not.

    Raises:
        UsageError: an unknown format, or a file of that name is not a board's.
        StoreError: the folder cannot be written.
    """
    unknown = [name for name in formats if name not in FORMATS]
    if unknown:
        raise UsageError(f"--formats: {unknown[0]!r} does not exist. Choose some of: {', '.join(FORMATS)}.")
    files = _make(board, out, [name for name in FORMATS if name in formats], report_link(str(out)))
    return _write(files)


def write_pages(board: Board, out: Path, *, reports: bool = True) -> list[Path]:
    """A folder that GitHub Pages, or any server of files, can serve as it is: the page, its data, the reports.

    Args:
        board: the board.
        out: folder; made if it is missing.
        reports: copy the runs' `report.html`, without folders of this machine, and link them; else the page links no
            report. Copies that an earlier call made and this one does not are deleted.

    Raises:
        UsageError: a file of that name is not a board's, or a report's place is in the folder of another run.
        StoreError: the folder or a report in it cannot be written.
    """
    copies = place_copies(board, out) if reports else {}
    places = {folder: place for folder, (_, place) in copies.items()}
    files = _make(board, out, list(FORMATS), lambda run: places.get(str(run.folder)))
    before = copied_before(out / FORMATS["html"][0])
    written = []
    for run, place in copies.values():
        for path, text in report_copies(run, (out / place).parent):
            write_if_changed(path, text)
            written.append(path)
    remove_copies(out, before - set(places.values()))
    # Pages must not run the folder through Jekyll, which drops what begins with an underscore.
    write_if_changed(out / ".nojekyll", "")
    return [*written, *_write(files), out / ".nojekyll"]


def _make(board: Board, out: Path, formats: Sequence[str], link: Link) -> dict[Path, str]:
    """Files and pictures of a board, which overwrite nothing but those of one."""
    beside = [FORMATS[name][0] for name in formats if name != "html"]
    files: dict[Path, str] = {}
    for name in formats:
        file, function = FORMATS[name]
        module, _, function = function.partition(":")
        make = getattr(import_module(module), function)
        files[out / file] = make(board, link, beside) if name == "html" else make(board)
    refuse_other_files(out, formats)
    return files | {out / file: text for file, text in draw_pictures(board).items()}


def refuse_other_files(out: Path, formats: Collection[str] = tuple(FORMATS)) -> None:
    """Refuse a folder in which a board would overwrite what is none; nothing is written.

    Raises:
        UsageError: a file of that name is not a board's.
        StoreError: one cannot be read.
    """
    for name in formats:
        refuse_unmarked(out / FORMATS[name][0], _MARKS, "harness leaderboard")


def _write(files: Mapping[Path, str]) -> list[Path]:
    """Write files that are not so already, and give their paths."""
    for path, text in files.items():
        write_if_changed(path, text)
    return list(files)


def draw_pictures(board: Board) -> dict[str, str]:
    """The picture of the first group in light and dark, by file name; empty where there is nothing to draw."""
    from harness.reports.svg import picture
    from leaderboards.plots import plot_overview

    group = board.groups[0]
    plots = plot_overview(group)
    notes = [group.title, *([_KEY] if group.baseline is not None else [])]
    return {file: picture(plots, columns=1, notes=notes, theme=theme) for theme, file in PICTURES.items()}


def write_if_changed(path: Path, text: str) -> None:
    """Write a file unless it already holds the text.

    Raises:
        StoreError: it cannot be written.
    """
    with suppress(OSError):
        if path.read_bytes() == text.encode():
            return
    write_atomically(path, text)
