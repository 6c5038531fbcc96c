"""Which tokens are the answer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace

import pytest
from support_runs import make_record

from harness.engines import Request, Tokens, failed
from harness.engines.logprobs import answer_logprobs, answer_logprobs_of_ids, answer_span
from harness.engines.vllm_requests import make_response
from harness.runs.records import decode_record, encode_record


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


@pytest.mark.parametrize("logprob", [float("nan"), float("-inf")])
def test_a_response_of_vllm_whose_logits_are_no_numbers_fails(logprob: float) -> None:
    seen: list[Tokens] = []
    request = Request(task="t", sample_id="1", prompt="", media=(), open_media=list, observe=seen.append)
    flat = SimpleNamespace(logprobs=[-0.1, logprob], start_indices=[0, 1])
    completion = SimpleNamespace(token_ids=[1, 2], logprobs=flat, finish_reason="length")
    response = make_response(request, None, completion, 1.0, SimpleNamespace(tokenizer=None))
    assert response == failed(request, str(response.error))
    assert "try --dtype" in str(response.error)
    assert not seen


def test_lengths_must_agree() -> None:
    with pytest.raises(ValueError, match="2 tokens, 1 log-probabilities"):
        answer_logprobs(["a", "b"], [0.0])


class ByteTokenizer:
    """Tokens of a few bytes each, that only a beginning of a response decodes rightly; id 0 is special."""

    def __init__(self, pieces: Sequence[bytes]) -> None:
        self._pieces = pieces

    def decode(self, ids: Sequence[int], *, skip_special_tokens: bool) -> str:
        assert skip_special_tokens
        # Like a sentencepiece tokenizer, it drops the space before the first word.
        return b"".join(self._pieces[index] for index in ids).decode("utf-8", "replace").removeprefix(" ")


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ([b" <think>", b" yes", b"</think>", b" <answer>", b" ye", b"s", b" </answer>", b""], (-4.0, -5.0)),
        # A character of three bytes, in two tokens.
        ([b"<answer>", b"\xe6\x98", b"\xaf", b"</answer>"], (-1.0, -2.0)),
        ([b" no", b""], (-0.0,)),
        ([b"No, ", b"it is not", b"", b""], (-0.0, -1.0)),
        ([b"<answer>", b"</answer>"], None),
        ([b"", b""], None),
        ([], None),
    ],
)
def test_the_answer_s_tokens_by_their_ids(pieces: list[bytes], expected: tuple[float, ...] | None) -> None:
    ids = range(len(pieces))
    assert answer_logprobs_of_ids(ids, [-float(index) for index in ids], ByteTokenizer(pieces)) == expected


def test_lengths_of_ids_must_agree() -> None:
    with pytest.raises(ValueError, match="1 tokens, 0 log-probabilities"):
        answer_logprobs_of_ids([0], [], ByteTokenizer([b"a"]))


def test_log_probabilities_are_stored_and_records_without_them_are_read() -> None:
    record = make_record("a")
    known = replace(record, response=replace(record.response, answer_logprobs=(-0.25, -1e-06)))
    assert decode_record(encode_record(known).encode()) == known
    old = json.loads(encode_record(record))
    del old["response"]["answer_logprobs"]
    assert decode_record(json.dumps(old).encode()).response.answer_logprobs is None
