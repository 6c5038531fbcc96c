"""Which tokens are the answer."""

from __future__ import annotations

import pytest

from harness.engines.logprobs import answer_logprobs, answer_span


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        (["<think>", " yes", " no", " </think>", " <answer>", " yes", " </answer>", ""], (-5.0,)),
        (["<answer>", "red", " circle", "</answer>"], (-1.0, -2.0)),
        (["<ans", "wer>n", "o</answer>"], (-1.0, -2.0)),
        (["<answer>A</answer> ", "<answer>", "B", "</answer>"], (-2.0,)),
        (["yes", ",", " it is", ""], (-0.0, -1.0, -2.0)),
        ([" ", "no", "\n", ""], (-1.0,)),
        (["<think>", "yes"], None),
        (["<answer>", "</answer>"], None),
        (["", " "], None),
        ([], None),
    ],
)
def test_the_answer_s_tokens(pieces: list[str], expected: tuple[float, ...] | None) -> None:
    assert answer_logprobs(pieces, [-float(index) for index in range(len(pieces))]) == expected


def test_a_word_of_the_answer_that_was_said_before_is_not_meant() -> None:
    text = "<think> yes </think> <answer> yes </answer>"
    assert answer_span(text) == (text.rindex("yes"), text.rindex("yes") + 3)


def test_lengths_must_agree() -> None:
    with pytest.raises(ValueError, match="2 tokens, 1 log-probabilities"):
        answer_logprobs(["a", "b"], [0.0])
