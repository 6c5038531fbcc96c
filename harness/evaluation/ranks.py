"""One run by several processes that `torchrun` or `accelerate launch` started: how they work together.

They meet in the launcher's key-value store. Rank 0 decides, writes the run and reports; the others work and keep quiet.
Whoever stops first, for whatever reason, says why; the others stop too and say nothing.
"""

from __future__ import annotations

import itertools
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import cache
from types import FrameType
from typing import Any, Final, NoReturn, TypeVar

from harness.core.errors import AGAIN, INTERRUPTED, EndedError, EngineError, HarnessError, UsageError

Result = TypeVar("Result")
_POLL_S: Final = 0.05
"""Between two looks at the store: short beside a batch, and no load for the one that answers all ranks."""
_BEAT_S: Final = 1.0
"""Between two signs of life, which also carry the progress that rank 0 shows."""
_SILENT_S: Final = 600.0
"""After this a rank that gives no sign of life counts as dead; launchers notice a dead process at once."""
_JOIN_S: Final = 600.0
"""How long ranks wait for each other at the start: one may import from a slow disk what another has in its cache."""
_GOODBYE_S: Final = 30.0
"""How long rank 0, in whose process the store may live, waits until the others have read the end."""
_STOPPED: Final = "harness/stopped"
_END: Final = "harness/end"
_STAGES: Final = itertools.count()
"""How often this process has joined others; it is the same number on every rank."""


class OtherRankStoppedError(Exception):
    """Another rank has ended the run and says why.

    Attributes:
        exit_code: what the whole run exits with.
    """

    def __init__(self, exit_code: int) -> None:
        super().__init__(f"another rank ended the run with exit code {exit_code}")
        self.exit_code = exit_code


class Ranks:
    """This process among those of one run; by default alone.

    Attributes:
        rank: 0 to `size` - 1.
        size: processes of the run.
        local_rank: number of this process on its machine, and of its device.
        workers: ranks that answer samples; all, unless one of each machine works for it.
        others: samples that the other ranks have finished in the current run, and how many of them failed; kept up to
            date on rank 0.
    """

    def __init__(self, *, rank: int = 0, size: int = 1, local_rank: int = 0, store: Any = None) -> None:
        """Take part in a run.

        Args:
            rank: of this process.
            size: processes of the run.
            local_rank: of this process on its machine.
            store: a `torch.distributed.Store` that all of them reach; `None`: there are no others.
        """
        self.rank = rank
        self.size = size
        self.local_rank = local_rank
        self.others = (0, 0)
        self.workers: Sequence[int] = range(size)
        self._store = store
        self._before = None if store is None else signal.getsignal(signal.SIGTERM)
        self._counts = ("", 0, 0)
        self._ended = False
        self._problem: Exception | None = None
        self._left = threading.Event()
        if store is not None:
            signal.signal(signal.SIGTERM, self._end)
            with suppress(RuntimeError):  # A store that is lost is noticed by who watches.
                store.set(f"local/{rank}", str(local_rank))
            self._watcher = threading.Thread(target=self._watch, name="ranks", daemon=True)
            self._watcher.start()

    @property
    def share(self) -> tuple[int, int] | None:
        """Which part of the work is this process's, and of how many; `None`: it has no part."""
        return (self.workers.index(self.rank), len(self.workers)) if self.rank in self.workers else None

    def one_a_machine(self) -> int:
        """Let the first process of each machine work for all that are there. All ranks have to call it, at any time.

        Returns:
            How many those are on this machine.
        """
        places = [int(place) for place in self._values([f"local/{rank}" for rank in range(self.size)])]
        self.workers = [rank for rank, place in enumerate(places) if place == 0]
        machine = sum(rank <= self.rank for rank in self.workers)
        return (*self.workers, self.size)[machine] - self.workers[machine - 1]

    def publish(self, key: str, value: str = "") -> None:
        """Let every rank know a value, once."""
        if self._store is not None:
            self._ask(lambda: self._store.set(key, value))

    def wait_for(self, key: str) -> str:
        """The value of a key, as soon as some rank has published it.

        Raises:
            OtherRankStoppedError: one has stopped instead.
            EngineError: one gives no sign of life any more.
        """
        return self._values([key])[0]

    def begin(self, stage: str) -> None:
        """Count from nothing again."""
        self._counts = (stage, 0, 0)
        self.others = (0, 0)

    def gather(self, point: str, meanwhile: Callable[[], None] = lambda: None) -> None:
        """Rank 0 waits until all others have come to this point; the others go on.

        Args:
            point: its name.
            meanwhile: called now and then while waiting.

        Raises:
            OtherRankStoppedError, EngineError: see `wait_for`.
        """
        if self.rank:
            self.publish(f"{point}/{self.rank}", json.dumps(self._counts[1:]))
            return
        keys = [f"{point}/{rank}" for rank in range(1, self.size)]
        self._take(json.loads(counts) for counts in self._values(keys, meanwhile))
        meanwhile()

    def count(self, *, failed: bool) -> None:
        """One more sample is finished; rank 0 will hear of it."""
        stage, done, failures = self._counts
        self._counts = (stage, done + 1, failures + failed)

    def check(self) -> None:
        """Stop where the run has been stopped.

        Raises:
            OtherRankStoppedError, EngineError: see `wait_for`.
            EndedError: the launcher has asked for the end.
        """
        if self._ended:
            raise EndedError
        if self._problem is not None:
            raise self._problem

    def stop(self, exit_code: int) -> int | None:
        """Tell the others that this rank stops.

        Returns:
            `None` where it is the first to stop, and so the one to say why; else the first one's exit code.
        """
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # The launcher ends the rest as soon as one has gone.
        mine = f"{self.rank} {exit_code}"
        try:
            first = self._store.compare_set(_STOPPED, "", mine).decode()
        except RuntimeError:  # The store has gone with the launcher.
            return None
        return None if first == mine else int(first.split()[1])

    def leave(self, exit_code: int) -> int:
        """End together, when all is done.

        Args:
            exit_code: rank 0's is the run's.

        Returns:
            The run's exit code.
        """
        if self.rank:
            exit_code = int(self.wait_for(_END))
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if self.rank:
            self.publish(f"{_END}/{self.rank}")
            return exit_code
        self.publish(_END, str(exit_code))
        keys = [f"{_END}/{rank}" for rank in range(1, self.size)]
        deadline = time.monotonic() + _GOODBYE_S
        while time.monotonic() < deadline and not self._ask(lambda: self._store.check(keys)):
            time.sleep(_POLL_S)
        return exit_code

    def close(self, *, goes_on: bool = False) -> None:
        """Stop watching; where the process goes on, SIGTERM does again what it did."""
        self._left.set()
        if self._store is not None:
            self._watcher.join()
            if goes_on:
                signal.signal(signal.SIGTERM, self._before)

    def _values(self, keys: Sequence[str], meanwhile: Callable[[], None] = lambda: None) -> list[str]:
        if not keys:  # Alone, without a store.
            return []
        while not self._ask(lambda: self._store.check(keys)):
            self.check()
            meanwhile()
            time.sleep(_POLL_S)
        values: list[bytes] = self._ask(lambda: self._store.multi_get(keys))
        return [value.decode() for value in values]

    def _take(self, counts: Iterable[Sequence[int]]) -> None:
        done, failed = zip((0, 0), *counts, strict=True)
        self.others = sum(done), sum(failed)

    def _ask(self, question: Callable[[], Any]) -> Any:
        try:
            return question()
        except RuntimeError as error:
            self.check()
            raise _lost(error) from error

    def _end(self, number: int, frame: FrameType | None) -> NoReturn:
        self._ended = True
        raise EndedError

    def _watch(self) -> None:
        """Give a sign of life every second, and notice who has stopped or fallen silent."""
        watched = [f"harness/beat/{rank}" for rank in (range(1, self.size) if self.rank == 0 else (0,))]
        beats = [b""] * len(watched)
        heard = [time.monotonic()] * len(watched)
        while self._problem is None:
            try:
                self._store.set(f"harness/beat/{self.rank}", json.dumps([time.monotonic(), *self._counts]))
                if self._store.check([_STOPPED]):
                    self._problem = OtherRankStoppedError(int(self._store.get(_STOPPED).split()[1]))
                if self._store.check(watched):
                    before, beats = beats, self._store.multi_get(watched)
                    now = time.monotonic()
                    heard = [now if old != new else at for at, old, new in zip(heard, before, beats, strict=True)]
                    self._take(count for _, stage, *count in map(json.loads, beats) if stage == self._counts[0])
            except RuntimeError as error:
                self._problem = _lost(error)
            if time.monotonic() - min(heard) > _SILENT_S:
                rank = watched[heard.index(min(heard))].rpartition("/")[2]
                self._problem = EngineError(f"rank {rank} has given no sign of life for {_SILENT_S:.0f} s. {AGAIN}")
            if self._left.wait(_BEAT_S):
                return


ALONE: Final = Ranks()
"""The one process of a run that is not shared."""


def run_together(work: Callable[[Ranks], int], *, requeue: bool = False, goes_on: bool = False) -> int:
    """Do this process's part of a run, alone or with the others that the launcher started.

    Args:
        work: is given the ranks; rank 0's exit code is the run's.
        requeue: whether SIGTERM is no error: a scheduler will start the same command again.
        goes_on: whether this is a stage, after which the processes do something else; another rank that stops then
            ends this process.

    Returns:
        The exit code, the same on every rank.

    Raises:
        BaseException: what ended the work, on the rank where that happened first; no other has anything to say.
    """
    ranks = join_ranks()
    if ranks.size == 1:
        return work(ranks)
    try:
        return ranks.leave(work(ranks))
    except OtherRankStoppedError as stopped:
        if goes_on:
            raise SystemExit(stopped.exit_code) from None
        return stopped.exit_code
    except BaseException as error:
        code = error.exit_code if isinstance(error, HarnessError) else HarnessError.exit_code
        requeued = requeue and isinstance(error, EndedError)
        first = ranks.stop(0 if requeued else INTERRUPTED if type(error) is KeyboardInterrupt else code)
        if first is not None and goes_on:
            raise SystemExit(first) from None
        if first is not None:
            return first
        if isinstance(error, EndedError) and not requeued:
            raise EngineError(
                f"the launcher ended this process, because another one of the run died or it was ended itself. {AGAIN}"
            ) from None
        raise
    finally:
        ranks.close(goes_on=goes_on)


def share_work(work: Callable[[Ranks], Result]) -> Result:
    """Do a stage of a training, such as an evaluation, together: every process has to call this.

    They wait for each other in the launcher's store, without the timeouts of collective operations.

    Args:
        work: does this process's part.

    Raises:
        SystemExit: another process has ended the run, and says why.
    """
    results: list[Result] = []

    def keep(ranks: Ranks) -> int:
        results.append(work(ranks))
        return 0

    # Where SIGTERM raises, a scheduler will start the same command again.
    run_together(keep, requeue=callable(signal.getsignal(signal.SIGTERM)), goes_on=True)
    return results[0]


def join_ranks() -> Ranks:
    """The processes of this run, from the environment that the launcher made.

    Raises:
        UsageError: the environment names several processes and not how they meet.
        EngineError: they do not meet.
    """
    try:
        size, rank, local_rank = (
            int(os.environ.get(name, default))
            for name, default in (("WORLD_SIZE", "1"), ("RANK", "0"), ("LOCAL_RANK", "0"))
        )
    except ValueError as error:
        raise UsageError(f"WORLD_SIZE, RANK and LOCAL_RANK in the environment must be numbers: {error}.") from error
    if size <= 1:
        return ALONE
    missing = [name for name in ("RANK", "MASTER_ADDR", "MASTER_PORT") if not os.environ.get(name)]
    if missing:
        raise UsageError(
            f"the environment says WORLD_SIZE={size}, but not {missing[0]}. Start the processes of one run with "
            "'torchrun --nproc-per-node N -m harness eval ...', or unset WORLD_SIZE to run alone."
        )
    try:
        from torch.distributed import PrefixStore  # type: ignore[attr-defined]  # Not in its list of exports.
    except ImportError as error:
        raise UsageError("this torch has no torch.distributed: several processes cannot share a run.") from error
    try:
        store, rank, size = _meet()
        # What is said in one stage of a run is not taken for what is said in the next.
        return Ranks(rank=rank, size=size, local_rank=local_rank, store=PrefixStore(f"stage-{next(_STAGES)}", store))
    except (RuntimeError, ValueError) as error:
        raise _lost(error) from error


@cache
def _meet() -> tuple[Any, int, int]:
    """The launcher's store, this process's rank, and the number of ranks."""
    from torch.distributed.rendezvous import rendezvous

    store, rank, size = next(iter(rendezvous("env://", timeout=timedelta(seconds=_JOIN_S))))
    return store, rank, size


def _lost(error: Exception) -> EngineError:
    text = (str(error).strip() or type(error).__name__).splitlines()[0]  # PyTorch's own stack stands below.
    return EngineError(f"the processes of this run have lost each other ({text}). {AGAIN}")
