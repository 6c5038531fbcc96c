"""What comes before generation: order of submission, and media."""

from __future__ import annotations

from typing import Any

import pytest

from harness.core.errors import MediaError
from harness.core.types import Media
from harness.engines import Decoding, Request
from harness.engines.preparation import (
    ConversationRequest,
    one_line,
    open_media,
    prompt_defect,
    request_seed,
    submission_groups,
)


def make_request(sample_id: str, *sources: str, kind: str = "image", **changes: Any) -> Request:
    fields: dict[str, Any] = {
        "task": "t",
        "sample_id": sample_id,
        "prompt": "why?",
        "media": tuple(Media(kind=kind, source=source) for source in sources),  # type: ignore[arg-type]
        "open_media": lambda: list(sources),
    }
    return Request(**(fields | changes))


def ids(groups: Any) -> list[list[str]]:
    return [[request.sample_id for request in group] for group in groups]


def test_requests_about_one_image_stay_together_in_the_order_they_came() -> None:
    requests = [make_request("1", "a"), make_request("2", "b"), make_request("3", "a"), make_request("4", "b")]
    assert ids(submission_groups(requests)) == [["1", "3"], ["2", "4"]]


def test_the_same_source_of_two_tasks_is_not_shared() -> None:
    requests = [make_request("1", "a"), make_request("1", "a", task="u")]
    assert [len(group) for group in submission_groups(requests)] == [1, 1]


def test_requests_without_media_are_not_one_group() -> None:
    assert ids(submission_groups([make_request("1"), make_request("2")])) == [["1"], ["2"]]


def test_finished_requests_are_left_out() -> None:
    requests = [make_request("1", "a", finished=True), make_request("2", "a")]
    assert ids(submission_groups(requests)) == [["2"]]


def test_the_longest_work_comes_first_within_a_window() -> None:
    requests = [
        make_request("short"),
        make_request("picture", "a"),
        make_request("film", "v", kind="video"),
        make_request("wordy", prompt="why? " * 200),
        make_request("thinker", max_new_tokens=1024),
    ]
    assert ids(submission_groups(requests)) == [["thinker"], ["film"], ["picture"], ["wordy"], ["short"]]
    assert ids(submission_groups(requests, window=2)) == [["picture"], ["short"], ["film"], ["wordy"], ["thinker"]]


def test_a_window_is_all_that_is_taken_ahead() -> None:
    taken = []

    def requests() -> Any:
        for number in range(10):
            taken.append(number)
            yield make_request(str(number))

    next(submission_groups(requests(), window=4))
    assert taken == [0, 1, 2, 3]


def test_media_are_sorted_by_kind_and_counted() -> None:
    media = (Media(kind="image", source="a"), Media(kind="video", source="v"), Media(kind="image", source="b"))
    opened = open_media(make_request("1", media=media, open_media=lambda: ["A", "V", "B"]))
    assert (opened.images, opened.videos) == (["A", "B"], ["V"])
    with pytest.raises(MediaError, match="sample '1' names 3 media, 1 were opened"):
        open_media(make_request("1", media=media, open_media=lambda: ["A"]))


def test_half_a_character_is_found_wherever_the_text_is_and_named_with_its_sample() -> None:
    assert prompt_defect(make_request("1", "a", prompt="Why? \U0001f600")) is None
    half = "prompt: the question of sample '1' holds half a character (U+D83D). Mend the data."
    assert prompt_defect(make_request("1", prompt="Why? \ud83d")) == half
    turns = tuple(
        {"role": role, "content": [{"type": "image"}, {"type": "text", "text": text}]}
        for role, text in (("user", "Why?"), ("assistant", "\ud83d"))
    )
    asked = ConversationRequest(task="t", sample_id="1", prompt="", media=(), open_media=list, messages=turns)
    assert prompt_defect(asked) == half


def test_seeds_differ_by_sample_task_and_run_and_repeat() -> None:
    def seed(sample_id: str, task: str, run: int) -> int:
        return request_seed(make_request(sample_id, task=task), Decoding(max_new_tokens=1, seed=run))

    seeds = {seed("1", "t", 0), seed("2", "t", 0), seed("1", "u", 0), seed("1", "t", 1)}
    assert len(seeds) == 4
    assert seed("1", "t", 0) in seeds


def test_an_error_is_told_by_its_first_cause() -> None:
    assert one_line(ValueError("a\n b")) == "a b"
    assert one_line(ValueError()) == "ValueError"
    outer = RuntimeError("cannot do it")
    outer.__cause__ = ValueError("too thin")
    assert one_line(outer) == "too thin (cannot do it)"
    empty = RuntimeError()
    empty.__cause__ = ValueError("too thin")
    assert one_line(empty) == "too thin"
    assert one_line(ValueError("x" * 400)) == "x" * 299 + "…"
