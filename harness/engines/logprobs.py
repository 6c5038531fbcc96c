"""Which tokens of a response are its answer, and how probable the model held them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from functools import partial
from math import isfinite
from typing import Any, Final

from harness.answers.sections import split_sections

NOT_FINITE: Final = "the model's logits are not finite numbers (NaN or infinite): try --dtype bfloat16 or float32."
"""What a sample fails with whose tokens were chosen by such logits."""
_HALF: Final = "\ufffd"
"""What a beginning that ends within a character decodes to there."""
_DIGITS: Final = 6
"""Decimal places that are kept; engines agree to fewer."""


def are_finite(logprobs: Sequence[float]) -> bool:
    """Whether tokens [T] that were chosen have log-probabilities at all; of others it may be minus infinity."""
    return all(map(isfinite, logprobs))


def answer_span(text: str) -> tuple[int, int] | None:
    """Start and end of the answer within a response, white space around it left out.

    That is the text of the section that counts as the answer, or the whole response where it has no sections at all.

    Returns:
        `None` where there is no answer.
    """
    sections = split_sections(text)
    answer = sections.answer if sections.structured else text.strip()
    if not answer:
        return None
    start = text.rfind(answer)
    return (start, start + len(answer)) if start >= 0 else None


def answer_logprobs(pieces: Sequence[str], logprobs: Sequence[float]) -> tuple[float, ...] | None:
    """Log-probabilities of the tokens that make up the answer.

    A token that only reaches into the answer with its edge counts, as it cannot be told apart; special tokens, whose
    piece is empty, do not.

    Args:
        pieces: [T], text of each generated token, so that together they are the response.
        logprobs: [T], natural log-probability that the model gave to each at temperature 1.

    Returns:
        The answer's, in order, or `None` where there is no answer.

    Raises:
        ValueError: the lengths differ.
    """
    if len(pieces) != len(logprobs):
        raise ValueError(f"{len(pieces)} tokens, {len(logprobs)} log-probabilities.")
    span = answer_span("".join(pieces))
    if span is None:
        return None
    chosen = []
    position = 0
    for piece, logprob in zip(pieces, logprobs, strict=True):
        end = position + len(piece)
        if piece and position < span[1] and end > span[0]:
            chosen.append(logprob)
        position = end
    return tuple(round(logprob, _DIGITS) for logprob in chosen) or None


def answer_logprobs_of_ids(ids: Sequence[int], logprobs: Sequence[float], tokenizer: Any) -> tuple[float, ...] | None:
    """The same for tokens by their ids: only as much is decoded as it takes to find the answer's.

    Args:
        ids: [T], generated tokens.
        logprobs: [T], their log-probabilities.
        tokenizer: a Transformers tokenizer.

    Returns:
        The answer's, in order, or `None` where there is no answer.

    Raises:
        ValueError: the lengths differ.
    """
    if len(ids) != len(logprobs):
        raise ValueError(f"{len(ids)} tokens, {len(logprobs)} log-probabilities.")
    span = answer_span(tokenizer.decode(ids, skip_special_tokens=True))
    if span is None:
        return None

    def length(count: int, *, whole: bool = False) -> int:
        text: str = tokenizer.decode(ids[:count], skip_special_tokens=True)
        return len(text.rstrip(_HALF) if whole and count < len(ids) else text)

    # A single token does not tell its text (half a character, a space that only stands between two), a beginning does.
    first = bisect_right(range(1, len(ids) + 1), span[0], key=length)
    last = bisect_left(range(1, len(ids) + 1), span[1], lo=first, key=partial(length, whole=True))
    return tuple(round(logprob, _DIGITS) for logprob in logprobs[first : last + 1]) or None
