"""Progress of a run: a bar on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Final, TextIO

_LINE_EVERY_S: Final = 15.0
"""Four lines a minute: a log is seen to live, and is not flooded."""


class Progress:
    """Counts finished samples, with the rate and the time left. Use as a context manager."""

    def __init__(self, total: int, done: int, *, stream: TextIO | None = None) -> None:
        """Start counting.

        Args:
            total: samples of the run.
            done: samples that an earlier session finished; they do not count into the rate.
            stream: where to write; `None`: standard error.
        """
        self._stream = stream or sys.stderr
        self._total = total
        self._before = done
        self._done = done
        self._failed = 0
        self._elsewhere = (0, 0)
        self._start = time.monotonic()
        self._last_line = self._start
        self._bar = None
        if self._stream.isatty():
            from tqdm import tqdm

            self._bar = tqdm(total=total, initial=done, unit="sample", file=self._stream, smoothing=0.1)

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()
        elif self._done > self._before:
            self._print_line()

    def advance(self, *, failed: bool) -> None:
        """One more sample is finished."""
        self._add(1, int(failed))

    def follow(self, done: int, failed: int) -> None:
        """Count what other processes have finished so far."""
        before, self._elsewhere = self._elsewhere, (done, failed)
        self._add(done - before[0], failed - before[1])

    def _add(self, done: int, failed: int) -> None:
        self._done += done
        self._failed += failed
        if self._bar is not None:
            if failed:
                self._bar.set_postfix(failed=self._failed, refresh=False)
            if done:
                self._bar.update(done)
        elif time.monotonic() - self._last_line >= _LINE_EVERY_S:
            self._print_line()

    def _print_line(self) -> None:
        self._last_line = time.monotonic()
        rate = (self._done - self._before) / max(self._last_line - self._start, 1e-9)
        failed = f", {self._failed} failed" if self._failed else ""
        left = (
            f", about {_duration((self._total - self._done) / rate)} left"
            if rate > 0 and self._done < self._total
            else ""
        )
        print(
            f"{self._done}/{self._total} samples ({self._done / self._total:.0%}), {rate:.1f}/s{failed}{left}",
            file=self._stream,
            flush=True,
        )


def _duration(seconds: float) -> str:
    """In the unit that gives two digits: up to a minute and a half in seconds, up to an hour and a half in minutes."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
