"""Processes that must not outlive the program, however it ends."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterable

# Waits on a pipe that only the program holds open: a line means that all is well, its end that the program is gone.
_SCRIPT = 'read -r _ || kill -9 "$@" 2>/dev/null'


class Guard:
    """A small shell that kills other processes when this one dies, even from `kill -9`.

    A process that serves requests over sockets does not notice that the one who asked is gone, and would keep the
    memory of its device for ever.
    """

    def __init__(self, pids: Iterable[int]) -> None:
        """Start guarding.

        Args:
            pids: processes to kill; none is fine.
        """
        self._shell = subprocess.Popen(
            ["/bin/sh", "-c", _SCRIPT, "guard", *map(str, pids)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C on the terminal is not for the guard.
        )

    def release(self) -> None:
        """Stop guarding: the processes were ended in good order."""
        with contextlib.suppress(BrokenPipeError):
            self._shell.communicate(b"\n")
