"""How far two runners agree: texts, the first token that differs, and log-probabilities."""

from __future__ import annotations

from math import isnan, nan

import pytest

from harness.core.types import Response
from harness.doctor.comparing import Told, compare
from harness.engines import Tokens


def say(
    text: str, ids: tuple[int, ...] | None = None, logprobs: tuple[float, ...] = (), error: str | None = None
) -> Told:
    tokens = Tokens(ids=ids, logprobs=logprobs) if ids is not None or logprobs else None
    return Told(response=Response(sample_id="x", text=text, error=error), tokens=tokens)


def test_equal_stories() -> None:
    ours = {"a": say("yes", (1, 2), (-0.5, -0.25)), "b": say("", error="x")}
    theirs = {"a": say("yes", (1, 2), (-0.5, -0.2504)), "b": say("", error="y")}
    found = compare(("p", "q"), ours, theirs, tolerance=1e-3)
    assert (found.cases, found.equal_texts, found.first_token, found.equal) == (1, 1, None, True)
    assert found.logprob_difference == pytest.approx(4e-4)
    # The same within a narrower tolerance is a difference, though all texts are equal.
    narrow = compare(("p", "q"), ours, theirs, tolerance=1e-4)
    assert (narrow.equal_texts, narrow.equal, narrow.differences[0].case) == (1, False, "a")


def test_the_first_token_that_differs_and_what_is_compared_before_it() -> None:
    ours = {"a": say("red yes", (5, 1, 2), (-0.1, -0.2, -0.3)), "b": say("no", (5, 7, 8), (-0.1, -0.1, -0.1))}
    theirs = {"a": say("red no", (5, 3, 2), (-0.15, -4.0, -0.3)), "b": say("no", (5, 7), (-0.1, -0.1))}
    found = compare(("p", "q"), ours, theirs, tolerance=1e-3)
    assert (found.cases, found.equal_texts, found.first_token, found.equal) == (2, 1, 1, False)
    assert found.logprob_difference == pytest.approx(0.05)
    assert [(item.case, item.token, item.texts) for item in found.differences] == [
        ("a", 1, ("red yes", "red no")), ("b", 2, ("no", "no")),
    ]  # fmt: skip


def test_one_that_fails_differs_and_one_that_tells_no_tokens_is_compared_by_text() -> None:
    ours = {"a": say("yes", (1,), (-0.1,)), "b": say("yes", (1,), (-0.1,))}
    theirs = {"a": say("", error="media: broken"), "b": say("yes")}
    found = compare(("p", "q"), ours, theirs, tolerance=1e-3)
    assert (found.equal_texts, found.logprob_difference, found.equal) == (1, None, False)
    assert found.differences[0].texts == ("yes", "media: broken")


def test_log_probabilities_that_are_no_numbers_are_never_equal() -> None:
    ours = {"a": say("yes", (1, 2), (-0.1, nan)), "b": say("no", (1,), (-0.1,))}
    found = compare(("p", "q"), ours, ours, tolerance=1e-3)
    assert ([item.case for item in found.differences], found.equal) == (["a"], False)
    assert found.logprob_difference is not None
    assert isnan(found.logprob_difference)


def test_nothing_that_was_answered_is_no_agreement() -> None:
    failed = {"a": say("", error="x")}
    assert not compare(("p", "q"), failed, failed, tolerance=1.0).equal
