"""A bridge from synchronous code to an asynchronous engine: an event loop on a thread, bounded requests in flight."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Sequence
from concurrent.futures import Future
from typing import Any, Final

from harness.core.errors import EngineError, MediaError
from harness.core.types import Response
from harness.engines import Request, failed
from harness.engines.preparation import one_line, prompt_defect

_STOP_S: Final = 15.0
"""How long what is under way may take to be cancelled; vLLM's own grace and the end of its processes are seconds."""
_DYING_S: Final = 30.0
"""How long responses that were under way are waited for once the engine has died."""

Put = Callable[[Request, Response], None]
"""Gives a response of a request; may be called `n` times a request, from the loop's thread."""


class LoopThread:
    """An event loop that runs on a daemon thread of its own."""

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=name, daemon=True)
        self._thread.start()

    def submit(self, coroutine: Coroutine[Any, Any, Any]) -> Future[Any]:
        """Start a coroutine on the loop."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def stop(self, last: Callable[[], None] | None = None) -> None:
        """Cancel what is under way, run `last` on the loop's thread, and end the thread. Idempotent."""
        if self._loop.is_closed():
            return
        stopping = self.submit(_stop_tasks(last))
        try:
            stopping.result(timeout=_STOP_S)
        except TimeoutError:  # Something blocks the loop; its thread is a daemon and ends with the program.
            pass
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(timeout=_STOP_S)
            if not self._thread.is_alive():
                self._loop.close()


async def _stop_tasks(last: Callable[[], None] | None) -> None:
    current = asyncio.current_task()
    tasks = [task for task in asyncio.all_tasks() if task is not current]
    try:
        if last is not None:
            last()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def serve_groups(
    loop: LoopThread,
    groups: Iterable[Sequence[Request]],
    serve: Callable[[Sequence[Request], Put], Awaitable[None]],
    in_flight: int,
) -> Iterator[tuple[Request, Response]]:
    """Submit groups of requests to a coroutine and yield responses as they finish.

    Args:
        loop: where `serve` runs.
        groups: requests that are served together; taken one group at a time, on the caller's thread.
        serve: puts the responses of each request of its group. Raises `EngineError` when the engine is dead; any other
            exception fails the responses that are not there yet. Requests that no tokenizer takes do not reach it.
        in_flight: responses that are under way at a time, up to those of the last group more.

    Raises:
        EngineError: `serve` raised it; what had finished was yielded before.
    """
    finished: queue.SimpleQueue[tuple[Request, Response] | EngineError] = queue.SimpleQueue()
    upcoming = iter(groups)
    tasks: set[Future[None]] = set()
    under_way = 0
    more = True
    death: EngineError | None = None
    try:
        while True:
            while more and death is None and under_way < in_flight:
                group = next(upcoming, None)
                if group is None:
                    more = False
                    break
                task = loop.submit(_guarded(group, serve, finished))
                tasks.add(task)
                task.add_done_callback(tasks.discard)
                under_way += sum(request.n for request in group)
            if under_way == 0:
                break
            try:
                item = finished.get(timeout=None if death is None else _DYING_S)
            except queue.Empty:
                break
            under_way -= 1
            if isinstance(item, EngineError):
                death = death or item
            else:
                yield item
    finally:
        for task in list(tasks):
            task.cancel()
    if death is not None:
        raise death


def put_failure(put: Put, request: Request, error: str) -> None:
    """Fail all responses of a request that are not there yet."""
    for _ in range(request.n):
        put(request, failed(request, error))


async def _guarded(
    group: Sequence[Request],
    serve: Callable[[Sequence[Request], Put], Awaitable[None]],
    finished: queue.SimpleQueue[tuple[Request, Response] | EngineError],
) -> None:
    """Serve a group so that exactly one item a wanted response reaches the queue, whatever happens."""
    wanted = {id(request): request.n for request in group}

    def put(request: Request, response: Response) -> None:
        if wanted[id(request)] > 0:
            wanted[id(request)] -= 1
            finished.put((request, response))

    def put_rest(error: str) -> None:
        for request in group:
            for _ in range(wanted[id(request)]):
                put(request, failed(request, error))

    try:
        sound = []
        for request in group:
            if defect := prompt_defect(request):
                put_failure(put, request, defect)
            else:
                sound.append(request)
        if sound:
            await serve(sound, put)
    except EngineError as error:
        for _ in range(sum(wanted.values())):
            finished.put(error)
        wanted = dict.fromkeys(wanted, 0)
    except asyncio.CancelledError:
        put_rest("interrupted")
        raise
    except MediaError as error:
        put_rest(f"media: {error}")
    except Exception as error:
        put_rest(f"{type(error).__name__}: {one_line(error)}")
    else:
        put_rest("the engine gave no response")
