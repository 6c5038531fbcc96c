"""Answers of judges on disk, by content: the same question to the same judge is asked once, on this machine."""

from __future__ import annotations

import re
import sqlite3
import sys
import threading
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final

from harness.core.console import show

FILE: Final = "judge.sqlite3"
_WAIT_S: Final = 30.0
_LONE_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_TOGETHER: Final = 500
"""Keys in one query; SQLite has a limit on its parameters."""


class AnswerCache:
    """A table of answers that several threads and processes may share.

    A cache is a convenience: where it cannot be read or written (a read-only or full disk, a damaged file), the judge
    goes on without it, and a line on stderr says why.
    """

    def __init__(self, folder: Path) -> None:
        """Open or create the cache.

        Args:
            folder: where its file is.
        """
        self._path = folder / FILE
        self._lock = threading.Lock()
        self._database: sqlite3.Connection | None = None
        try:
            folder.mkdir(parents=True, exist_ok=True)
            database = sqlite3.connect(self._path, timeout=_WAIT_S, check_same_thread=False, isolation_level=None)
            database.execute("PRAGMA journal_mode=WAL")
            # A power cut may lose the last answers, never the file; to wait for the disk cost a trainer time each step.
            database.execute("PRAGMA synchronous=NORMAL")
            database.execute(
                "CREATE TABLE IF NOT EXISTS answers (key BLOB PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID"
            )
            self._database = database
        except (OSError, sqlite3.Error) as error:
            self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        show(
            f"warning: the judge's cache {self._path} is not used: {error}. Every answer is asked for again; make its "
            "folder writable, or delete the file if it is damaged.",
            file=sys.stderr,
        )
        self.close()

    def read(self, keys: Sequence[bytes]) -> dict[bytes, str]:
        """The answers that are known."""
        found: dict[bytes, str] = {}
        with self._lock:
            for start in range(0, len(keys), _TOGETHER):
                if self._database is None:
                    break
                some = keys[start : start + _TOGETHER]
                marks = ",".join("?" * len(some))
                try:
                    rows = self._database.execute(f"SELECT key, text FROM answers WHERE key IN ({marks})", some)
                    found.update((bytes(key), text) for key, text in rows if isinstance(text, str))
                except sqlite3.Error as error:
                    self._give_up(error)
        return found

    def write(self, answers: Mapping[bytes, str]) -> None:
        """Keep some answers, all or none of them; one that is no Unicode text, with half a character, is left out."""
        rows = [(key, text) for key, text in answers.items() if not _LONE_SURROGATE.search(text)]
        with self._lock:
            if self._database is None or not rows:
                return
            try:
                self._database.execute("BEGIN IMMEDIATE")
                self._database.executemany("INSERT OR REPLACE INTO answers VALUES (?, ?)", rows)
                self._database.execute("COMMIT")
            except sqlite3.Error as error:
                self._give_up(error)

    def close(self) -> None:
        """Close the file. Idempotent."""
        database, self._database = self._database, None
        if database is not None:
            database.close()


def content_key(*parts: str) -> bytes:
    """A key from texts; where one ends and the next begins is part of it."""
    digest = sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.digest()
