"""Ctrl-C that is not lost: Python drops a KeyboardInterrupt that is raised in a finaliser or a library's callback."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any


class Interrupts:
    """While entered, remembers an interrupt until `check` is called. Does nothing outside of the main thread."""

    def __init__(self) -> None:
        self._seen = False
        self._previous: Any = None

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():
            self._previous = signal.signal(signal.SIGINT, self._remember)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._previous is not None:
            signal.signal(signal.SIGINT, self._previous)

    def _remember(self, number: int, frame: FrameType | None) -> None:
        self._seen = True
        raise KeyboardInterrupt

    def check(self) -> None:
        """Raise the interrupt that was seen, if it did not get through.

        Raises:
            KeyboardInterrupt: there was one.
        """
        if self._seen:
            raise KeyboardInterrupt
