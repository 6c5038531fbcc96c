"""From the reply of an OpenAI-compatible server to responses."""

from __future__ import annotations

import codecs
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from harness.core.types import Response
from harness.engines import Request, Tokens, failed
from harness.engines.logprobs import answer_logprobs

if TYPE_CHECKING:
    from httpx import Response as Reply

_ENDED: Final = frozenset({"stop", "eos", "eos_token", "stop_sequence", "end_turn", "tool_calls", "function_call"})
"""Reasons of a response that the model itself ended, in the words of several servers."""
_CUT_OFF: Final = frozenset({"length", "max_tokens", "model_length"})
_SHOWN_REASON: Final = 100
_SHOWN_MESSAGE: Final = 300
"""Characters of a foreign text that go into an error: more than any that servers are known to say, on a few lines."""


def read_json(reply: Reply) -> Any:
    """What a reply holds; `None` where that is no JSON."""
    try:
        return reply.json()
    except ValueError:
        return None


def read_completion(reply: Reply) -> dict[str, Any] | None:
    """The chat completion in a reply, with at least one choice, each with a message; `None` where there is none."""
    completion: dict[str, Any] = read_json(reply)
    try:
        choices = completion["choices"]
        return completion if choices and all(isinstance(choice["message"], dict) for choice in choices) else None
    except (KeyError, TypeError):
        return None


def read_error(reply: Reply, key: str | None) -> tuple[str, str | None]:
    """Message and code of an error reply, without the key should the server repeat it."""
    data = read_json(reply)
    detail = data.get("error", data) if isinstance(data, Mapping) else None
    message = detail.get("message") if isinstance(detail, Mapping) else detail
    code = detail.get("code") if isinstance(detail, Mapping) else None
    text = " ".join(str(message or reply.reason_phrase or "no message").split())[:_SHOWN_MESSAGE]
    return text.replace(key, "***") if key else text, str(code) if code is not None else None


def make_responses(request: Request, reply: Mapping[str, Any], seconds: float) -> list[Response]:
    """The responses in a chat completion, one a choice, in the server's order.

    Args:
        request: what was asked.
        reply: the completion's JSON: at least one choice, each with a message.
        seconds: since the request was submitted.
    """
    choices = sorted(reply["choices"], key=_index)
    usage = reply.get("usage") or {}
    return [_response(request, choice, usage, len(choices), seconds) for choice in choices]


def _index(choice: Mapping[str, Any]) -> int:
    index = choice.get("index")
    return index if isinstance(index, int) else 0


def _response(
    request: Request, choice: Mapping[str, Any], usage: Mapping[str, Any], choices: int, seconds: float
) -> Response:
    message, reason = choice["message"], choice.get("finish_reason")
    if reason == "content_filter":
        return failed(request, "the server's content filter withheld the response")
    ending = str(reason or "stop").lower()
    if ending not in _ENDED | _CUT_OFF:  # E.g. `abort` or `error`: what there is of the text is not an answer.
        return failed(request, f"the server ended the response with {str(reason)[:_SHOWN_REASON]!r}")
    text = message.get("content") or message.get("refusal") or ""
    if isinstance(text, list):  # Content parts, as some servers send them.
        text = "".join(part.get("text", "") for part in text if isinstance(part, Mapping))
    tokens = _tokens(choice)
    if tokens is not None and request.observe is not None:
        ids = choice.get("token_ids")
        request.observe(Tokens(ids=tuple(ids) if isinstance(ids, list) else None, logprobs=tokens[1]))
    logprobs = None if tokens is None else _answer(str(text), *tokens)
    # A server with a reasoning parser takes the thinking out of the text; the diagnostics want it back.
    reasoning = message.get("reasoning_content") or message.get("reasoning")
    if isinstance(reasoning, str) and reasoning.strip():
        text = f"<think>{reasoning.strip()}</think>\n{text}"
    count = usage.get("completion_tokens")
    if choices > 1:  # The server counts those of all choices together.
        count = None if tokens is None else len(tokens[1])
    return Response(
        sample_id=request.sample_id,
        text=str(text).strip(),
        finish_reason="length" if ending in _CUT_OFF else "stop",
        prompt_tokens=usage.get("prompt_tokens"),
        completion_tokens=count,
        seconds=round(seconds, 4),
        answer_logprobs=logprobs,
    )


def _tokens(choice: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[float, ...]] | None:
    """Text and log-probability of each token, where the server gave them."""
    try:
        content = choice["logprobs"]["content"]
        logprobs = tuple(float(token["logprob"]) for token in content)
        # A token may hold half a character; joined byte by byte it is whole.
        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        pieces = tuple(
            str(token["token"]) if token.get("bytes") is None else decoder.decode(bytes(token["bytes"]))
            for token in content
        )
    except (KeyError, TypeError, ValueError):
        return None
    return (pieces, logprobs) if logprobs else None


def _answer(text: str, pieces: Sequence[str], logprobs: Sequence[float]) -> tuple[float, ...] | None:
    """The answer's log-probabilities, if the tokens are those of the text (a server may tell its end token too)."""
    for kept in (list(pieces), [*pieces[:-1], ""]):
        # Some servers decode token by token and lose the spaces between.
        if "".join("".join(kept).split()) == "".join(text.split()):
            return answer_logprobs(kept, logprobs)
    return None
