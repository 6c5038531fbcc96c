"""The board in a README, between two markers; everything else in the file stays as it is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from harness.core.errors import UsageError
from harness.core.files import write_atomically
from harness.reports import markdown
from harness.reports.text import web_address
from leaderboards.board import Board
from leaderboards.markdown import group_lines, reported_lines

START: Final = "<!-- leaderboard:start -->"
END: Final = "<!-- leaderboard:end -->"
_FENCE: Final = re.compile(r" {0,3}(`{3,}|~{3,})")


def splice(text: str, block: str, where: str) -> str:
    """The text with the block between its markers; markers in code blocks do not count.

    Args:
        text: of the file, with any line ends, which are kept.
        block: Markdown with Unix line ends.
        where: name of the file, for messages.

    Raises:
        UsageError: the markers are missing, repeated or in the wrong order; says how to put them in.
    """
    newline = "\r\n" if "\r\n" in text else "\n"
    lines = text.splitlines(keepends=True)
    starts, ends = _find(lines, START), _find(lines, END)
    if not starts and not ends:
        raise UsageError(
            f"{where} has no place for the leaderboard. Put the two lines '{START}' and '{END}' where it should stand, "
            "and run the same command again."
        )
    if len(starts) != 1 or len(ends) != 1 or starts[0] >= ends[0]:
        raise UsageError(
            f"{where} needs one line {START} and, below it, one line {END}; it has {len(starts)} and {len(ends)}"
            f"{' in the wrong order' if len(starts) == len(ends) == 1 else ''}. Mend the markers and run it again."
        )
    body = newline.join(["", *block.strip("\n").split("\n"), "", ""])
    return "".join(lines[: starts[0]]) + lines[starts[0]].rstrip() + newline + body + "".join(lines[ends[0] :])


def _find(lines: list[str], marker: str) -> list[int]:
    found = []
    fence: str | None = None
    for number, line in enumerate(lines):
        opened = _FENCE.match(line)
        if opened and fence is None:
            fence = opened[1]
        elif fence is not None and line.strip().startswith(fence) and not line.strip().strip(fence[0]):
            fence = None
        elif fence is None and line.strip() == marker:
            found.append(number)
    return found


def readme_block(
    board: Board, *, most: int, picture: tuple[str, str] | None = None, page: str | None = None, reported: bool = False
) -> str:
    """What stands between the markers.

    Args:
        board: the board.
        most: rows to show of each group.
        picture: addresses of the light and the dark picture.
        page: address of the page.
        reported: show reported rows too.
    """
    lines: list[str] = []
    if picture is not None:
        lines += [markdown.picture(*picture, "Scores of the checkpoints with 95 % intervals"), ""]
    for group in board.groups:
        lines += [*group_lines(group, level=3, most=most), ""]
    if reported and board.reported:
        lines += ["### Reported elsewhere", "", *reported_lines(board), ""]
    lines += [f"- {markdown.escape(note)}" for note in board.notes]
    if page is not None:
        lines += ["", f"[Full leaderboard: sortable, with plots and provenance]({web_address(page)})"]
    return "\n".join(lines) + "\n"


def update_readme(path: Path, block: str) -> bool:
    """Put the block into a README; tells whether that changed it.

    Raises:
        UsageError: no such file, or no place in it.
        StoreError: it cannot be written.
    """
    try:
        # Bytes, so that line ends stay as they are.
        text = path.read_bytes().decode("utf-8")
    except FileNotFoundError as error:
        raise UsageError(f"--readme {path}: no such file.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--readme {path} cannot be read as text: {error}.") from error
    changed = splice(text, block, str(path))
    if changed == text:
        return False
    write_atomically(path, changed)
    return True
