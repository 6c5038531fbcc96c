"""Signals that end a run, and are not lost: Python drops what is raised in a finaliser or a library's callback."""

from __future__ import annotations

import _thread
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any, Final

from harness.core.console import show
from harness.core.errors import INTERRUPTED, EndedError, EngineError

_GRACE_S: Final = 2.0
"""A scheduler signals all processes of a job: the model's own may have gone before its signal has reached this one."""


_CTRL_C_S: Final = 1.5
"""How long the program may take to end in good order after Ctrl-C; with what comes then, it is within two seconds."""
_MESSAGE: Final = "interrupted: finished samples are stored; run the same command to go on."
_told = threading.Lock()


def tell_interrupted() -> None:
    """Say that Ctrl-C has ended the program, and how it goes on."""
    _told.acquire(blocking=False)
    show(_MESSAGE, file=sys.stderr)


def end_on_ctrl_c() -> None:
    """From now on Ctrl-C ends this process within two seconds, and a second one at once.

    The first raises `KeyboardInterrupt`, as ever. But the main thread may be deep in a kernel, and the interpreter does
    not end before its threads have, one that decodes a video or waits for a server. So a thread that Python does not
    know of is woken by the signal itself. Does nothing where Ctrl-C is ignored, as in the background of a script, or
    has a handler of its own.
    """
    if os.name != "posix" or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        return
    read, write = os.pipe()
    os.set_blocking(write, False)
    signal.set_wakeup_fd(write, warn_on_full_buffer=False)
    os.register_at_fork(after_in_child=lambda: signal.set_wakeup_fd(-1))  # A child's signals are not ours.
    interrupted = False

    def interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal interrupted
        if not interrupted:  # A second one would break what the first has begun to close.
            interrupted = True
            raise KeyboardInterrupt

    signal.signal(signal.SIGINT, interrupt)
    unraisable = sys.unraisablehook
    sys.unraisablehook = lambda args: None if args.exc_type is KeyboardInterrupt else unraisable(args)
    _thread.start_new_thread(_end_in_time, (read,))


def _end_in_time(read: int) -> None:
    """Wait for Ctrl-C, and then until the second one or the end of its time, whichever is first; then end."""
    signals, deadline = 0, 0.0
    while not signals or (signals < 2 and time.monotonic() < deadline):
        if select.select([read], [], [], max(0.0, deadline - time.monotonic()) if signals else None)[0]:
            new = os.read(read, 64).count(signal.SIGINT)
            deadline = deadline if signals or not new else time.monotonic() + _CTRL_C_S
            signals += new
    # Where several share a run, one says so. Not by `print`, which the main thread may be in.
    if os.environ.get("RANK", "0") == "0" and _told.acquire(blocking=False):
        os.write(2, f"\n{_MESSAGE}\n".encode())
    os._exit(INTERRUPTED)


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
