"""Writing files that survive: atomic replacement, one writer at a time, and mending of a torn last line."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from harness.errors import StoreError


def write_atomically(path: Path, text: str) -> None:
    """Write a file so that a reader sees the old or the new text, never a part.

    Raises:
        StoreError: the folder is read-only or the disk is full.
    """
    with write_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(temporary, 0o644)
            os.replace(temporary, path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise


@contextmanager
def write_errors(path: Path) -> Iterator[None]:
    """Turn the operating system's refusal to write `path` into a `StoreError` that says what to do."""
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"cannot write {path}: {error.strerror or error}. What was finished is kept; "
            "free space or choose another folder with --out, and run the same command again."
        ) from error


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
