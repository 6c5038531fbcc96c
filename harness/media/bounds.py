"""What is read of others' data at most, and from where: files are theirs, and may be anything.

A name in a data set leads to a file of that data set, or nowhere; a file is a regular one, and of it no more is read
than these limits say. They are far above what benchmarks hold, and none can be raised but by an edit here.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import chain
from pathlib import Path
from typing import Final

from harness.core.errors import DataError, MediaError

MAX_IMAGE_BYTES: Final = 512 << 20
"""Of an encoded image: far more than the largest that `MAX_PIXELS` lets through."""
MAX_VIDEO_BYTES: Final = 64 << 30
"""Of an encoded video: a day of high definition."""
MAX_PIXELS: Final = 178_956_970
"""Pixels beyond which an image or a frame is taken for a decompression bomb: Pillow's own limit."""
MAX_FRAMES: Final = 1_000_000
"""Frames of a video: nine hours at 30 a second. All are decoded, whatever is kept."""
MAX_KEPT_PIXELS: Final = 1 << 30
"""Pixels of all frames that are kept of one video: 3 GiB of memory."""
MAX_DECODE_S: Final = 900.0
"""Seconds that the decoding of one video may take."""

_MIB: Final = 1 << 20
_ends: ContextVar[float | None] = ContextVar("ends", default=None)


class OutsideError(DataError):
    """A name in the data leads out of the data."""


def within(path: Path, roots: Sequence[Path]) -> Path:
    """Where a file really is, links followed: in the folder of the data, or below a folder that the user allows.

    The files of the hub's cache are links to its blobs, which belong to them.

    Args:
        path: the file, which need not exist.
        roots: the folder of the data, and those that the user allows besides.

    Raises:
        OutsideError: it lies elsewhere, or its name is none.
    """
    try:
        real = Path(os.path.realpath(path))
    except (OSError, ValueError) as error:
        raise OutsideError(f"{str(path)!r} is no name of a file: {error}.") from error
    places = [Path(os.path.realpath(root)) for root in roots]
    if any(real.is_relative_to(place) for place in chain(places, *map(_blobs, places))):
        return real
    raise OutsideError(
        f"{str(path)!r} leads out of the data folder {roots[0]}, to {real}. Put the file there, or allow it: "
        f"--allow-outside {real.parent} (in a recipe data.allow_outside)."
    )


def is_within(path: Path, roots: Sequence[Path]) -> bool:
    """Whether a path is one that `within` lets through."""
    try:
        within(path, roots)
    except OutsideError:
        return False
    return True


def _blobs(folder: Path) -> Iterator[Path]:
    """Where the hub's cache keeps what the files of its snapshots are links to."""
    for inside in (folder, *folder.parents):
        if inside.parent.name == "snapshots" and "--" in inside.parent.parent.name:
            yield inside.parent.parent / "blobs"


def check_file(path: Path, what: str, most_bytes: int) -> None:
    """Refuse what is no regular file of a bearable size, before it is opened: a pipe waits, a device never ends.

    Args:
        path: the file.
        what: kind and name of the medium.
        most_bytes: how large it may be.

    Raises:
        MediaError: it is missing, a folder, a pipe or a device, or too large.
        OSError, ValueError: it cannot be looked at.
    """
    try:
        found = path.stat()
    except FileNotFoundError as error:
        kind, _, name = what.partition(" ")
        raise MediaError(f"{kind} missing: {name}.") from error
    if not stat.S_ISREG(found.st_mode):
        raise MediaError(f"{what} is no regular file, but a folder, a pipe or a device.")
    check_bytes(found.st_size, what, most_bytes)


def check_bytes(size: int, what: str, most_bytes: int) -> None:
    """Refuse a medium of too many bytes.

    Raises:
        MediaError: it has more than `most_bytes`.
    """
    if size > most_bytes:
        raise MediaError(f"{what} has {size // _MIB} MiB, more than {most_bytes // _MIB} MiB are not read.")


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Let this thread decode no video beyond so many seconds; a limit further out is kept."""
    ends = time.monotonic() + seconds
    before = _ends.get()
    token = _ends.set(ends if before is None else min(ends, before))
    try:
        yield
    finally:
        _ends.reset(token)


def check_time(what: str) -> None:
    """Refuse a medium whose time is spent.

    Raises:
        MediaError: the limit that `time_limit` set is past.
    """
    ends = _ends.get()
    if ends is not None and time.monotonic() > ends:
        raise MediaError(f"{what} takes too long to decode. Cut it, or give it a lower resolution.")
