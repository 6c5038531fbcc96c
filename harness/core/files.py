"""Writing files that survive: atomic replacement, one writer at a time, and mending of a torn last line."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, TextIO

from harness.core.errors import StoreError

_ADVICE: Final = (
    "What was finished is kept; free space or choose another folder with --out, and run the same command again."
)


def write_atomically(path: Path, text: str) -> None:
    """Write a file so that a reader sees the old or the new text, never a part.

    Raises:
        StoreError: the folder is read-only or the disk is full.
    """
    with replacement(path) as file, write_errors(path):
        file.write(text)


@contextmanager
def replacement(path: Path, *, advice: str = _ADVICE) -> Iterator[TextIO]:
    """A file that takes the place of `path` when the block ends without an error, and else is removed.

    Args:
        path: the file; its folder is made where it does not exist.
        advice: what to do where it cannot be written. What the block itself writes is its own to guard, see
            `write_errors`.

    Raises:
        StoreError: the folder is read-only or the disk is full.
    """
    with write_errors(path, advice=advice):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    file = os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace")  # See LONE_SURROGATES.
    try:
        yield file
        with write_errors(path, advice=advice):
            file.flush()
            os.fsync(file.fileno())
            file.close()
            os.chmod(temporary, 0o644)
            os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):  # What could not be written is tried again by closing, and fails again.
            file.close()
        Path(temporary).unlink(missing_ok=True)
        raise


@contextmanager
def write_errors(path: Path, *, advice: str = _ADVICE) -> Iterator[None]:
    """Turn the operating system's refusal to write `path` into a `StoreError` that says what to do."""
    try:
        yield
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror or error}. {advice}") from error


def lock(file: TextIO, folder: Path) -> None:
    """Keep a second process out of `folder` until this one closes `file` or dies.

    Raises:
        StoreError: another process holds the lock.
    """
    try:
        import fcntl
    except ModuleNotFoundError:  # Windows has no flock; there the user has to know.
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.close()
        raise StoreError(f"another process is writing to {folder}. Wait for it, or choose another --out.") from error
    except OSError:  # A network file system without locks.
        return


def drop_torn_tail(path: Path) -> None:
    """Cut an unfinished last line, which a killed process or a full disk leaves behind."""
    with path.open("rb+") as file:
        size = file.seek(0, os.SEEK_END)
        end = size
        while end > 0:
            start = max(0, end - 65536)
            file.seek(start)
            newline = file.read(end - start).rfind(b"\n")
            if newline >= 0:
                end = start + newline + 1
                break
            end = start
        if end < size:
            file.truncate(end)
