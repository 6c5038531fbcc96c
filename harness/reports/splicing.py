"""Text between two markers of a document; everything else in the file stays as it is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from harness.core.errors import UsageError
from harness.core.files import write_atomically

_FENCE: Final = re.compile(r" {0,3}(`{3,}|~{3,})")


def markers(name: str) -> tuple[str, str]:
    """The lines between which a block of that name stands."""
    return f"<!-- {name}:start -->", f"<!-- {name}:end -->"


def splice(text: str, block: str, name: str, where: str) -> str:
    """The text with the block between its markers; markers in code blocks do not count.

    Args:
        text: of the file, with any line ends, which are kept.
        block: Markdown with Unix line ends.
        name: of the block.
        where: name of the file, for messages.

    Raises:
        UsageError: the markers are missing, repeated or in the wrong order; says how to put them in.
    """
    newline = "\r\n" if "\r\n" in text else "\n"
    lines = text.splitlines(keepends=True)
    start, end = markers(name)
    starts, ends = _find(lines, start), _find(lines, end)
    if not starts and not ends:
        raise UsageError(
            f"{where} has no place for the {name}. Put the two lines '{start}' and '{end}' where it should stand, and "
            "run the same command again."
        )
    if len(starts) != 1 or len(ends) != 1 or starts[0] >= ends[0]:
        raise UsageError(
            f"{where} needs one line {start} and, below it, one line {end}; it has {len(starts)} and {len(ends)}"
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


def update_document(path: Path, block: str, name: str, option: str) -> bool:
    """Put a block into a document; tells whether that changed it.

    Args:
        path: of the document.
        block: see `splice`.
        name: of the block.
        option: which option gave the path, for messages.

    Raises:
        UsageError: no such file, or no place in it.
        StoreError: it cannot be written.
    """
    try:
        # Bytes, so that line ends stay as they are.
        text = path.read_bytes().decode("utf-8")
    except FileNotFoundError as error:
        raise UsageError(f"{option} {path}: no such file.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{option} {path} cannot be read as text: {error}.") from error
    changed = splice(text, block, name, str(path))
    if changed == text:
        return False
    write_atomically(path, changed)
    return True
