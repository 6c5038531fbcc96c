"""Writing files that survive: atomic replacement, one writer at a time, and mending of a torn last line."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final, TextIO

from harness.core.errors import StoreError, UsageError

_ADVICE: Final = (
    "What was finished is kept; free space or choose another output folder, and run the same command again."
)
_BLOCK_BYTES: Final = 65536
"""Read at a time when the last newline is looked for; most lines are shorter."""
_LONGEST_LINE_BYTES: Final = 1 << 26
_HELD: Final = ".held"
"""What the file is called, behind the lock's own name, that stands for a lock where the file system has none."""
_TAKE_OVER_S: Final = 0.5
"""How long that file is tried for: its first trial removes the one of a dead process, the next makes our own."""


def to_path(text: Path | str) -> Path:
    """A path as it was typed, `~` and `~NAME` in front being home folders.

    Raises:
        UsageError: it is no path, or there is no such home folder.
    """
    if not isinstance(text, Path | str):
        raise UsageError(f"{text!r} is no path. Give a text, or a pathlib.Path.")
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise UsageError(f"{text}: there is no such home folder.") from error


def cache_folder() -> Path:
    """Where the harness keeps what it can make again: `$XDG_CACHE_HOME/harness`, else the platform's cache folder."""
    if base := os.environ.get("XDG_CACHE_HOME"):
        return Path(base) / "harness"
    if os.name == "nt" and (base := os.environ.get("LOCALAPPDATA")):
        return Path(base) / "harness" / "cache"
    return Path.home() / ".cache" / "harness"


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
    file = os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace")  # Half a character is no UTF-8.
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
    """Turn a refusal to write `path` into a `StoreError` that says what to do, also one of safetensors or PyTorch."""
    try:
        yield
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror or error}. {advice}") from error
    except Exception as error:  # A writer that is none of Python's raises errors of its own.
        said = " ".join(str(error).split()).rstrip(".")
        if "inline_container.cc" in said:
            said = f"PyTorch could not write all of it, is the disk full? ({said})"
        elif "(os error " not in said:
            raise
        raise StoreError(f"cannot write {path}: {said}. {advice}") from error


def refuse_foreign(path: Path, keys: Collection[str], *, option: str, advice: str) -> None:
    """Refuse to replace anything but a file of JSON lines of the kind that is to be written.

    Args:
        path: the file; it may be missing, or empty.
        keys: that each line of such a file has.
        option: how the user names another file.
        advice: see `replacement`.

    Raises:
        UsageError: it holds something else, or is no file.
        StoreError: it cannot be read.
    """
    line = b""
    with write_errors(path, advice=advice):
        if path.exists() and not path.is_file():
            what = "a folder" if path.is_dir() else "a device or pipe, which a file would replace"
            raise UsageError(f"cannot write {path}: it is {what}. Give the name of a file with {option}.")
        if path.exists():
            with path.open("rb") as file:
                line = file.readline(_LONGEST_LINE_BYTES)
    with suppress(ValueError, TypeError, RecursionError):
        if not line or set(keys) <= dict(json.loads(line)).keys():
            return
    raise UsageError(f"{path} holds something else, which would be lost. Give another file with {option}.")


def refuse_unmarked(path: Path, marks: Collection[bytes], command: str) -> None:
    """Refuse to replace a file that lacks what every file of its kind has in it.

    Args:
        path: the file; it may be missing.
        marks: one of them is in every such file.
        command: that writes such files.

    Raises:
        UsageError: it is there, and has none of the marks.
        StoreError: it cannot be read.
    """
    with write_errors(path):
        if path.is_file() and not any(mark in path.read_bytes() for mark in marks):
            raise UsageError(
                f"{path} was not written by '{command}', and would be overwritten. Give another place, or move it away."
            )


def hold_lock(path: Path, *, option: str = "--out") -> ExitStack:
    """Make the folder of `path` and keep other processes out until the result is closed or this process dies.

    A file system without locks gets a second file that says which process is at work; one that a dead process of this
    machine left there is taken over.

    Args:
        path: the lock's own file, which stays and of which nothing is read: on Windows a locked file cannot be.
        option: how the user names another folder.

    Raises:
        StoreError: another process holds the lock, or the folder cannot be written.
    """
    # Not its FileLock: once lmms-eval is imported, that lets a second caller of the same process in.
    from filelock import SoftFileLock, Timeout, lock_descriptor

    with ExitStack() as held, write_errors(path, advice=f"Choose another {option}."):
        path.parent.mkdir(parents=True, exist_ok=True)
        file = held.enter_context(path.open("a"))
        advice = f"Wait for it, or choose another {option}."
        try:
            free = lock_descriptor(file.fileno(), blocking=False)
        except OSError:
            marker = SoftFileLock(path.with_name(path.name + _HELD), timeout=_TAKE_OVER_S, thread_local=False)
            try:
                held.enter_context(marker)
                free = True
            except Timeout:
                free = False
                advice += f" If it was killed on another machine, delete {marker.lock_file}."
        if not free:
            raise StoreError(f"another process is writing to {path.parent}. {advice}")
        return held.pop_all()


def drop_torn_tail(path: Path) -> None:
    """Cut an unfinished last line, which a killed process or a full disk leaves behind."""
    with path.open("rb+") as file:
        size = file.seek(0, os.SEEK_END)
        end = size
        while end > 0:
            start = max(0, end - _BLOCK_BYTES)
            file.seek(start)
            newline = file.read(end - start).rfind(b"\n")
            if newline >= 0:
                end = start + newline + 1
                break
            end = start
        if end < size:
            file.truncate(end)
