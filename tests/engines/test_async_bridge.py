"""The bridge from synchronous code to an asynchronous engine; the engines here are toys."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from harness.core.errors import EngineError, MediaError, UsageError
from harness.core.types import Response
from harness.engines import Decoding, Request, checked
from harness.engines.async_bridge import LoopThread, Put, put_failure, serve_groups


@pytest.fixture
def loop() -> Iterator[LoopThread]:
    loop = LoopThread("toy-loop")
    yield loop
    loop.stop()


def groups(count: int, size: int = 1) -> list[list[Request]]:
    return [
        [
            Request(task="t", sample_id=f"{group}.{member}", prompt="", media=(), open_media=list)
            for member in range(size)
        ]
        for group in range(count)
    ]


def answer(request: Request) -> Response:
    return Response(sample_id=request.sample_id, text="yes")


def several(sample_id: str, n: int) -> Request:
    return Request(task="t", sample_id=sample_id, prompt="", media=(), open_media=list, n=n)


def test_every_request_is_answered_once_and_few_are_under_way(loop: LoopThread) -> None:
    under_way, most = 0, 0

    async def serve(group: Sequence[Request], put: Put) -> None:
        nonlocal under_way, most
        under_way += len(group)
        most = max(most, under_way)
        await asyncio.sleep(0.001)
        under_way -= len(group)
        for request in group:
            put(request, answer(request))
            put(request, answer(request))

    got = [request.sample_id for request, _ in serve_groups(loop, groups(30, 2), serve, 5)]
    assert sorted(got) == sorted(f"{group}.{member}" for group in range(30) for member in range(2))
    assert 4 <= most <= 6


def test_groups_are_taken_as_they_are_needed(loop: LoopThread) -> None:
    taken = []

    def requests() -> Iterator[list[Request]]:
        for group in groups(100):
            taken.append(group)
            yield group

    async def serve(group: Sequence[Request], put: Put) -> None:
        put(group[0], answer(group[0]))

    stream = serve_groups(loop, requests(), serve, 3)
    next(stream)
    assert len(taken) == 3
    stream.close()


def test_a_fault_fails_the_requests_that_have_no_response_yet(loop: LoopThread) -> None:
    async def serve(group: Sequence[Request], put: Put) -> None:
        put(group[0], answer(group[0]))
        if group[0].sample_id == "1.0":
            raise ValueError("a fault")
        if group[0].sample_id == "2.0":
            return
        put(group[1], answer(group[1]))

    errors = {request.sample_id: response.error for request, response in serve_groups(loop, groups(3, 2), serve, 9)}
    assert errors == {
        "0.0": None, "0.1": None, "1.0": None, "1.1": "ValueError: a fault", "2.0": None,
        "2.1": "the engine gave no response",
    }  # fmt: skip


def test_a_prompt_that_no_tokenizer_takes_does_not_reach_the_engine(loop: LoopThread) -> None:
    served: list[str] = []

    async def serve(group: Sequence[Request], put: Put) -> None:
        for request in group:
            served.append(request.sample_id)
            put(request, answer(request))

    bad = replace(several("bad", 2), prompt="\ud83d")
    responses = list(serve_groups(loop, [[several("a", 1), bad], [replace(bad, sample_id="alone")]], serve, 9))
    assert served == ["a"]
    assert [response.error for request, response in responses if request.sample_id == "a"] == [None]
    errors = [str(response.error) for request, response in responses if request.sample_id != "a"]
    assert len(errors) == 4
    assert all("holds half a character (U+D83D)" in error for error in errors)


def test_media_that_cannot_be_opened_fail_their_group(loop: LoopThread) -> None:
    async def serve(group: Sequence[Request], put: Put) -> None:
        raise MediaError("image a is truncated.")

    errors = [response.error for _, response in serve_groups(loop, [[several("a", 2), several("b", 1)]], serve, 9)]
    assert errors == ["media: image a is truncated."] * 3


def test_a_dead_engine_raises_after_what_was_finished(loop: LoopThread) -> None:
    async def serve(group: Sequence[Request], put: Put) -> None:
        if group[0].sample_id == "0.0":
            await asyncio.sleep(0.2)
            put(group[0], answer(group[0]))
        elif group[0].sample_id == "3.0":
            put(group[0], answer(group[0]))
            raise EngineError("it died")
        else:
            put(group[0], answer(group[0]))
            put(group[1], answer(group[1]))

    finished = []
    stream = serve_groups(loop, groups(9, 2), serve, 8)
    with pytest.raises(EngineError, match="it died"):
        finished.extend(stream)
    ids = [request.sample_id for request, response in finished if response.error is None]
    assert {"0.0", "1.0", "1.1", "2.0", "2.1", "3.0"} <= set(ids)
    assert "8.0" not in ids


def test_every_response_of_a_request_counts(loop: LoopThread) -> None:
    under_way, most = 0, 0

    async def serve(group: Sequence[Request], put: Put) -> None:
        nonlocal under_way, most
        (request,) = group
        under_way += request.n
        most = max(most, under_way)
        await asyncio.sleep(0.001)
        under_way -= request.n
        for _ in range(request.n + 2):
            put(request, answer(request))

    served = serve_groups(loop, ([several(str(number), 4)] for number in range(20)), serve, 8)
    assert Counter(request.sample_id for request, _ in served) == {str(number): 4 for number in range(20)}
    assert most == 8


def test_responses_that_are_missing_fail_one_by_one(loop: LoopThread) -> None:
    async def serve(group: Sequence[Request], put: Put) -> None:
        put(group[0], answer(group[0]))
        if group[0].sample_id == "fault":
            raise ValueError("a fault")
        if group[0].sample_id == "none":
            put_failure(put, group[0], "media: unreadable")

    errors: dict[str, list[str | None]] = {}
    for request, response in serve_groups(loop, ([several(name, 3)] for name in ("fault", "none", "short")), serve, 9):
        errors.setdefault(request.sample_id, []).append(response.error)
    assert errors == {
        "fault": [None, "ValueError: a fault", "ValueError: a fault"],
        "none": [None, "media: unreadable", "media: unreadable"],
        "short": [None, "the engine gave no response", "the engine gave no response"],
    }


def test_an_engine_that_dies_among_several_responses_ends_the_stream(loop: LoopThread) -> None:
    async def serve(group: Sequence[Request], put: Put) -> None:
        put(group[0], answer(group[0]))
        raise EngineError("it died")

    finished = []
    with pytest.raises(EngineError, match="it died"):
        finished.extend(serve_groups(loop, [[several("a", 3)]], serve, 9))
    assert [response.text for _, response in finished] == ["yes"]


@pytest.mark.parametrize(("n", "temperature", "says"), [(2, 0.0, "temperature above 0"), (0, 1.0, "at least one")])
def test_numbers_of_responses_that_make_no_sense(n: int, temperature: float, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        list(checked([several("a", n)], Decoding(max_new_tokens=1, temperature=temperature)))


def test_a_stream_that_is_left_cancels_what_is_under_way(loop: LoopThread) -> None:
    cancelled = threading.Event()

    async def serve(group: Sequence[Request], put: Put) -> None:
        if group[0].sample_id == "0.0":
            put(group[0], answer(group[0]))
            return
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    stream = serve_groups(loop, groups(2), serve, 2)
    next(stream)
    time.sleep(0.05)
    stream.close()
    assert cancelled.wait(5)


def test_a_loop_stops_once_and_runs_the_last_call_on_its_thread() -> None:
    loop = LoopThread("toy-loop")
    names = []
    loop.submit(asyncio.sleep(30))
    loop.stop(lambda: names.append(threading.current_thread().name))
    loop.stop()
    assert names == ["toy-loop"]
    assert not [thread for thread in threading.enumerate() if thread.name == "toy-loop"]
