"""From the reply of an OpenAI-compatible server to responses: a sound value of each field, or none.

Imported lazily only: pydantic is imported at the top. JSON as Python reads it has NaN, infinities, numbers of any
length and halves of characters; what is not what it should be is dropped, and without a text there is no response.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, Final, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictFloat,
    StrictInt,
    StrictStr,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from harness.core.endings import read_ending
from harness.core.secrets import received
from harness.core.types import Response
from harness.engines import Request, Tokens, failed
from harness.engines.logprobs import answer_logprobs

_SHOWN_REASON: Final = 100
_LONGEST_NAME: Final = 500
_SHOWN_MESSAGE: Final = 300
"""Characters of a foreign text that go into an error: more than any that servers are known to say, on a few lines."""
_ROUNDING: Final = 1e-3
"""How far above 0 rounding may take the log-probability of a sure token, in 16 bits."""
_MOST: Final = 2**31 - 1


def _or_none(value: Any, validate: ValidatorFunctionWrapHandler) -> Any:
    try:
        return validate(value)
    except ValidationError:
        return None


Value = TypeVar("Value")
Sound = Annotated[Value | None, WrapValidator(_or_none)]
"""A value, or `None` where it is another one than it should be."""
Count = Annotated[StrictInt, Field(ge=0, le=_MOST)]


class _Part(BaseModel):
    text: StrictStr = ""


class _Message(BaseModel):
    content: StrictStr | list[_Part] | None = None
    refusal: Sound[StrictStr] = None
    reasoning_content: Sound[StrictStr] = None
    reasoning: Sound[StrictStr] = None


class _Token(BaseModel):
    token: StrictStr
    logprob: Annotated[StrictFloat, Field(le=_ROUNDING, allow_inf_nan=False)]
    bytes: list[Annotated[StrictInt, Field(ge=0, le=255)]] | None = None


class _LogProbs(BaseModel):
    content: list[_Token] = Field(min_length=1)


class _Choice(BaseModel):
    index: Sound[StrictInt] = None
    message: _Message
    finish_reason: Any = None
    logprobs: Sound[_LogProbs] = None
    token_ids: Sound[list[Count]] = None


class _Usage(BaseModel):
    prompt_tokens: Sound[Count] = None
    completion_tokens: Sound[Count] = None


class Completion(BaseModel):
    """A chat completion, with at least one choice, each with a message."""

    model_config = ConfigDict(frozen=True)

    choices: list[_Choice] = Field(min_length=1)
    usage: Sound[_Usage] = None
    model: Sound[Annotated[StrictStr, Field(min_length=1, max_length=_LONGEST_NAME)]] = None


def read_json(data: bytes) -> Any:
    """What a reply holds, as it may be kept (`harness.core.secrets.received`); `None` where that is no JSON."""
    try:
        return received(json.loads(data))
    except (ValueError, RecursionError):
        return None


def read_completion(data: bytes, count: int) -> Completion | None:
    """The chat completion in a reply; `None` where there is none.

    Args:
        data: the reply's body.
        count: choices that were asked for; others are not read, which would keep all requests waiting.
    """
    try:
        tree = json.loads(data)
        if isinstance(tree, dict) and isinstance(tree.get("choices"), list):
            del tree["choices"][count:]
        return Completion.model_validate(received(tree))
    except (ValueError, RecursionError):
        return None


def read_error(data: bytes, otherwise: str) -> tuple[str, str | None]:
    """Message and code of an error reply.

    Args:
        data: its body.
        otherwise: the message of a reply that has none.
    """
    tree = read_json(data)
    detail = tree.get("error", tree) if isinstance(tree, Mapping) else None
    message = detail.get("message") if isinstance(detail, Mapping) else detail
    code = detail.get("code") if isinstance(detail, Mapping) else None
    text = message if isinstance(message, str) and message.strip() else otherwise
    return " ".join(text.split())[:_SHOWN_MESSAGE], code if isinstance(code, str) else None


def make_responses(request: Request, completion: Completion, seconds: float) -> list[Response]:
    """The responses in a chat completion, one a choice, in the server's order.

    Args:
        request: what was asked.
        completion: the server's reply.
        seconds: since the request was submitted.
    """
    choices = sorted(completion.choices, key=lambda choice: choice.index or 0)
    usage = completion.usage or _Usage()
    return [
        replace(_response(request, choice, usage, len(choices), seconds), model=completion.model) for choice in choices
    ]


def _response(request: Request, choice: _Choice, usage: _Usage, choices: int, seconds: float) -> Response:
    message, reason = choice.message, choice.finish_reason
    if reason == "content_filter":
        return failed(request, "the server's content filter withheld the response")
    ending = "stop" if reason is None or reason == "" else read_ending(reason)
    if ending is None:  # E.g. `abort` or `error`: what there is of the text is not an answer.
        shown = repr(reason[:_SHOWN_REASON]) if isinstance(reason, str) else "a reason that is no text"
        return failed(request, f"the server ended the response with {shown}")
    content = message.content
    text = "".join(part.text for part in content) if isinstance(content, list) else content or message.refusal or ""
    tokens = _tokens(choice)
    if tokens is not None and request.observe is not None:
        ids = choice.token_ids
        known = ids is not None and len(ids) == len(tokens[1])
        request.observe(Tokens(ids=tuple(ids) if ids is not None and known else None, logprobs=tokens[1]))
    logprobs = None if tokens is None else _answer(text, *tokens)
    # A server with a reasoning parser takes the thinking out of the text; the diagnostics want it back.
    reasoning = (message.reasoning_content or message.reasoning or "").strip()
    if reasoning:
        text = f"<think>{reasoning}</think>\n{text}"
    count = usage.completion_tokens
    if choices > 1:  # The server counts those of all choices together.
        count = None if tokens is None else len(tokens[1])
    return Response(
        sample_id=request.sample_id,
        text=text.strip(),
        finish_reason=ending,
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=count,
        seconds=round(seconds, 4),
        answer_logprobs=logprobs,
    )


def _tokens(choice: _Choice) -> tuple[tuple[str, ...], tuple[float, ...]] | None:
    """Text and log-probability of each token, where the server gave them."""
    if choice.logprobs is None:
        return None
    content = choice.logprobs.content
    # A token may hold half a character; joined byte by byte it is whole.
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    pieces = tuple(token.token if token.bytes is None else decoder.decode(bytes(token.bytes)) for token in content)
    return pieces, tuple(min(token.logprob, 0.0) for token in content)


def _answer(text: str, pieces: Sequence[str], logprobs: Sequence[float]) -> tuple[float, ...] | None:
    """The answer's log-probabilities, if the tokens are those of the text (a server may tell its end token too)."""
    for kept in (list(pieces), [*pieces[:-1], ""]):
        # Some servers decode token by token and lose the spaces between.
        if "".join("".join(kept).split()) == "".join(text.split()):
            return answer_logprobs(kept, logprobs)
    return None
