"""Answers of judges on disk, by content: the same question to the same judge is asked once, on this machine."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final

FILE: Final = "judge.sqlite3"
_WAIT_S: Final = 30.0
_TOGETHER: Final = 500
"""Keys in one query; SQLite has a limit on its parameters."""


class AnswerCache:
    """A table of answers that several threads and processes may share.

    A cache is a convenience: where it cannot be read or written (a read-only or full disk, a damaged file), the judge
    goes on without it, and `problem` says why.
    """

    def __init__(self, folder: Path) -> None:
        """Open or create the cache.

        Args:
            folder: where its file is.
        """
        self.problem: str | None = None
        self._lock = threading.Lock()
        self._database: sqlite3.Connection | None = None
        try:
            folder.mkdir(parents=True, exist_ok=True)
            database = sqlite3.connect(folder / FILE, timeout=_WAIT_S, check_same_thread=False, isolation_level=None)
            database.execute("PRAGMA journal_mode=WAL")
            # A power cut may lose the last answers, never the file; to wait for the disk cost a trainer time each step.
            database.execute("PRAGMA synchronous=NORMAL")
            database.execute(
                "CREATE TABLE IF NOT EXISTS answers (key BLOB PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID"
            )
            self._database = database
        except (OSError, sqlite3.Error) as error:
            self._give_up(folder / FILE, error)

    def _give_up(self, where: Path | str, error: Exception) -> None:
        self.problem = f"cache of the judge not used: {where}: {error}"
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
                    found.update((bytes(key), str(text)) for key, text in rows)
                except sqlite3.Error as error:
                    self._give_up(FILE, error)
        return found

    def write(self, answers: Mapping[bytes, str]) -> None:
        """Keep some answers; all or none of them."""
        with self._lock:
            if self._database is None or not answers:
                return
            try:
                self._database.execute("BEGIN IMMEDIATE")
                self._database.executemany("INSERT OR REPLACE INTO answers VALUES (?, ?)", list(answers.items()))
                self._database.execute("COMMIT")
            except sqlite3.Error as error:
                self._give_up(FILE, error)

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
