"""Signals that end a run, and are not lost: Python drops what is raised in a finaliser or a library's callback."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any, Final

from harness.core.errors import EndedError, EngineError

_GRACE_S: Final = 2.0
"""A scheduler signals all processes of a job: the model's own may have gone before its signal has reached this one."""


class Interrupts:
    """While entered, remembers what Ctrl-C and SIGTERM raised until `check` is called.

    Does nothing outside of the main thread, nor about a signal for which no Python function was set.
    """

    def __init__(self) -> None:
        self._raised: BaseException | None = None
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                if callable(signal.getsignal(number)):
                    self._previous[number] = signal.signal(number, self._remember)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _remember(self, number: int, frame: FrameType | None) -> None:
        try:
            self._previous[number](number, frame)
        except BaseException as error:
            self._raised = error
            raise

    def check(self) -> None:
        """Raise what was raised, if it did not get through.

        Raises:
            KeyboardInterrupt: there was one.
        """
        if self._raised is not None:
            raise self._raised


@contextmanager
def ended_by_scheduler(wanted: bool) -> Iterator[None]:
    """While entered, SIGTERM ends the work by an `EndedError`, whatever else breaks on the way.

    Args:
        wanted: whether it does; else SIGTERM kills, as it does everywhere.

    Raises:
        EndedError: the signal came.
    """
    if not wanted:
        yield
        return
    seen = False

    def end(number: int, frame: FrameType | None) -> None:
        nonlocal seen
        if not seen:  # A second one would break what the first has begun to close.
            seen = True
            raise EndedError

    previous = signal.signal(signal.SIGTERM, end)
    try:
        yield
    except Exception as error:
        if isinstance(error, EngineError) and not seen:
            time.sleep(_GRACE_S)
        if seen:
            raise EndedError from error
        raise
    finally:
        signal.signal(signal.SIGTERM, previous)
