"""A client of OpenAI-compatible chat servers that outlives their bad hours.

Imported lazily only, by the `api` engine: httpx is imported at the top.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from harness.core.errors import EngineError, ModelError, UsageError
from harness.engines.api_replies import read_completion, read_error, read_json
from harness.engines.preparation import one_line
from harness.engines.retry_after import exhausted_s, retry_after

API_KEY_VARIABLE: Final = "OPENAI_API_KEY"

_CHECK_TIMEOUT_S: Final = 10.0
"""A list of models and a connection cost a server nothing; one that takes longer is not there."""
_FIRST_DELAY_S: Final = 0.5
_LONGEST_DELAY_S: Final = 60.0
"""Rate limits are counted by the minute: to wait longer between two attempts gains nothing."""
_AWAY_S: Final = 15.0
"""How long a server that cannot be reached is left alone while there are others: it may be gone for good, and each
look at a machine that is gone takes as long as a connection may."""
_LONGEST_WAIT_S: Final = 900.0
"""A server that asks to be left alone for longer ends the run, which can be continued."""
_TIMEOUT_COST: Final = 3
"""Attempts that one time-out uses up, so that a request that never ends does not hold a run for hours."""
_HOPELESS: Final = 8
"""Requests that fail after all attempts, without one success between them, before the run is ended."""
_RETRIED: Final = frozenset({408, 409, 425, 429})
_REFUSALS: Final = frozenset({400, 403, 422, 501})


class RequestFailed(Exception):
    """One request has no response; the text says why. `refused` when the server would not take it as it is."""

    def __init__(self, reason: str, *, refused: bool = False) -> None:
        super().__init__(reason)
        self.refused = refused


class _Retry(Exception):
    """The attempt failed in a way that another one may not; `busy` when the server has too much to do."""

    def __init__(self, reason: str, *, busy: bool = False) -> None:
        super().__init__(reason)
        self.busy = busy


@dataclass(slots=True, kw_only=True)
class Server:
    """One address that serves the model.

    Attributes:
        base_url: without a slash at the end.
        is_vllm: it said that it is a vLLM server, which understands more than the standard fields.
        max_model_len: longest prompt and response together that it said it takes, in tokens.
        refuses_logprobs: it did not take a request for log-probabilities.
        resume_at: monotonic time before which it asked not to be sent anything.
    """

    base_url: str
    is_vllm: bool = False
    max_model_len: int | None = None
    refuses_logprobs: bool = False
    resume_at: float = 0.0

    def rest(self, seconds: float) -> None:
        """Send it nothing for so long."""
        self.resume_at = max(self.resume_at, time.monotonic() + seconds)


class ChatClient:
    """Sends chat completions to one or several servers, with time-outs, retries and patience for rate limits."""

    def __init__(
        self, base_urls: Sequence[str], model: str, *, timeout_s: float, attempts: int, connections: int
    ) -> None:
        """Read the key from the environment; nothing is sent yet.

        Args:
            base_urls: addresses ending where `/chat/completions` is appended.
            model: name that the servers know the model by.
            timeout_s: seconds that one attempt may take.
            attempts: attempts a request.
            connections: connections open at a time.

        Raises:
            UsageError: an address is not an http(s) URL, or OpenAI's own has no key.
        """
        self.servers = [Server(base_url=url.rstrip("/")) for url in base_urls]
        self._model = model
        self._timeout_s = timeout_s
        self._attempts = attempts
        self._key = os.environ.get(API_KEY_VARIABLE) or None
        self._token_limit = "max_tokens"
        self._exhausted = 0
        hosts = [_host(server.base_url) for server in self.servers]
        if self._key is None and "api.openai.com" in hosts:
            raise UsageError(
                f"api.openai.com needs a key: set {API_KEY_VARIABLE}, or name another server (--base-url)."
            )
        self._client = httpx.AsyncClient(
            headers={} if self._key is None else {"Authorization": f"Bearer {self._key}"},
            timeout=httpx.Timeout(timeout_s, connect=min(timeout_s, _CHECK_TIMEOUT_S), pool=None),
            limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
            # A proxy cannot reach this machine's own addresses.
            trust_env=not all(host in ("localhost", "::1") or host.startswith("127.") for host in hosts),
        )

    @property
    def all_vllm(self) -> bool:
        """Whether every server has said that it is vLLM's."""
        return all(server.is_vllm for server in self.servers)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def check(self) -> None:
        """Ask every server what it serves, so that a wrong address or name is known before anything else is done.

        Raises:
            UsageError: nobody answers at an address, it is no such API, or it refuses the key.
            ModelError: the server does not have the model.
        """
        await asyncio.gather(*(self._check(server) for server in self.servers))

    async def _check(self, server: Server) -> None:
        url = f"{server.base_url}/models"
        reply = await self._get(url)
        if reply.status_code in (401, 403):
            what = "refuses the key in" if self._key else "needs a key: set"
            raise UsageError(f"the server at {server.base_url} {what} {API_KEY_VARIABLE} (status {reply.status_code}).")
        if reply.status_code in (404, 405, 501):
            # Some servers have no list of models; the first request will tell whether the address is right.
            if not server.base_url.endswith("/v1") and (await self._get(f"{server.base_url}/v1/models")).is_success:
                raise UsageError(
                    f"nothing at {url} (status {reply.status_code}). Did you mean --base-url {server.base_url}/v1?"
                )
            return
        models = read_json(reply)
        listed = models.get("data") if isinstance(models, Mapping) else None
        if not reply.is_success or not isinstance(listed, list):
            raise UsageError(
                f"{url} is not an OpenAI-compatible API (status {reply.status_code}, "
                f"{reply.headers.get('content-type', 'no content type')}). Check --base-url."
            )
        entries = {str(entry["id"]): entry for entry in listed if isinstance(entry, Mapping) and "id" in entry}
        server.is_vllm = any(entry.get("owned_by") == "vllm" for entry in entries.values())
        if server.is_vllm and self._model not in entries:
            raise ModelError(
                f"the server at {server.base_url} has no model {self._model!r}; it serves: {', '.join(entries)}."
            )
        server.max_model_len = entries.get(self._model, {}).get("max_model_len")

    async def _get(self, url: str) -> httpx.Response:
        try:
            return await self._client.get(url, timeout=_CHECK_TIMEOUT_S)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise UsageError(
                f"no server answers at {url} ({type(error).__name__}: {one_line(error)}). "
                "Is it running, and is --base-url right?"
            ) from error

    async def complete(self, build: Callable[[Server], Mapping[str, Any]], turn: int) -> dict[str, Any]:
        """The `choices` and `usage` of one chat completion.

        Args:
            build: the request's fields for a server, beside model and token limit; its `max_tokens` is renamed for
                servers that want `max_completion_tokens`.
            turn: which server is asked first; each further attempt asks the next one.

        Returns:
            The reply's JSON, checked to have choices, each with a message.

        Raises:
            RequestFailed: this request has no response, after all attempts or at once if they are of no use.
            EngineError: no request will have one.
        """
        spent, tries, failure, unreachable = 0, 0, "", False
        patient_until = time.monotonic() + _LONGEST_WAIT_S
        while spent < self._attempts:
            server = self._choose(turn + tries)
            await _wait_for(server)
            tries, cost = tries + 1, 1
            try:
                reply = await self._attempt(server, build(server))
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                failure, unreachable = f"{server.base_url} cannot be reached ({one_line(error)})", True
                if len(self.servers) > 1:
                    server.rest(_AWAY_S)
            except (httpx.TimeoutException, TimeoutError):
                failure, unreachable, cost = f"no answer within {self._timeout_s:g} s", False, _TIMEOUT_COST
            except httpx.RequestError as error:
                failure, unreachable = f"the connection broke ({type(error).__name__}: {one_line(error)})", False
            except _Retry as retry:
                failure, unreachable = str(retry), False
                # Queueing for a rate limit is no failure: where many wait, the last has to come back often.
                cost = 0 if retry.busy and time.monotonic() < patient_until else 1
            else:
                self._exhausted = 0
                return reply
            spent += cost
            if spent < self._attempts:
                await asyncio.sleep(_back_off(tries))
        if unreachable:
            raise EngineError(f"{failure}. Finished samples are stored; run the same command again.")
        self._exhausted += 1
        if self._exhausted >= _HOPELESS:
            raise EngineError(
                f"{self._exhausted} requests in a row failed after {self._attempts} attempts each; the last: {failure}."
                " Finished samples are stored; run the same command again."
            )
        raise RequestFailed(f"server: {failure}, after {self._attempts} attempts")

    async def _attempt(self, server: Server, fields: Mapping[str, Any]) -> dict[str, Any]:
        url = f"{server.base_url}/chat/completions"
        body = {"model": self._model, **fields}
        token_limit = self._token_limit
        body[token_limit] = body.pop("max_tokens")
        if server.refuses_logprobs:
            body.pop("logprobs", None)
        async with asyncio.timeout(self._timeout_s):  # httpx limits the time between two bytes, not the whole.
            reply = await self._client.post(url, json=body)
        server.rest(min(exhausted_s(reply.headers), _LONGEST_WAIT_S))
        if reply.is_success:
            completion = read_completion(reply)
            if completion is None:
                raise _Retry("the answer is not a chat completion")
            return completion
        message, code = read_error(reply, self._key)
        status = reply.status_code
        if status == 429 and code == "insufficient_quota":
            raise EngineError(f"the quota at {server.base_url} is used up. Finished samples are stored.")
        if status in _RETRIED or status >= 500:
            wait_s = retry_after(reply.headers) if status in (429, 503) else 0.0
            if wait_s > _LONGEST_WAIT_S:
                raise EngineError(
                    f"{server.base_url} asks to wait {wait_s:.0f} s. Finished samples are stored; run the same "
                    "command again then."
                )
            server.rest(wait_s)
            raise _Retry(f"status {status}: {message}", busy=status == 429)
        if status in _REFUSALS and "logprobs" in body and "logprob" in reply.text.lower():
            server.refuses_logprobs = True
            raise _Retry("the server gives no log-probabilities")
        if status in (401, 403):
            raise EngineError(f"{server.base_url} refuses the key in {API_KEY_VARIABLE} (status {status}).")
        if status in (301, 302, 307, 308, 404, 405):
            raise EngineError(f"{url} does not serve model {self._model!r} (status {status}: {message}).")
        if status == 400 and token_limit == "max_tokens" and "max_completion_tokens" in message:
            self._token_limit = "max_completion_tokens"
            raise _Retry("the server wants max_completion_tokens")
        if status == 400 and code in ("unsupported_value", "unsupported_parameter") and "temperature" in message:
            raise EngineError(f"model {self._model!r} refuses the temperature: {message} Set another --temperature.")
        raise RequestFailed(f"status {status}: {message}", refused=status in _REFUSALS)

    def _choose(self, turn: int) -> Server:
        """The server whose turn it is, or the next one that takes requests now, or the one that does so first."""
        shift = turn % len(self.servers)
        in_turn = self.servers[shift:] + self.servers[:shift]
        now = time.monotonic()
        return min(in_turn, key=lambda server: max(server.resume_at, now))


def _host(base_url: str) -> str:
    parts = urlsplit(base_url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(f"--base-url {base_url!r} is not an address such as http://127.0.0.1:8000/v1.")
    return parts.hostname


async def _wait_for(server: Server) -> None:
    """Wait until the server takes requests again; waiters do not all come at once."""
    while (wait_s := server.resume_at - time.monotonic()) > 0:
        await asyncio.sleep(wait_s + random.uniform(0, min(1.0, wait_s / 4)))


def _back_off(failures: int) -> float:
    """Seconds before the next attempt: doubled each time, and spread so that waiting clients do not come at once."""
    return min(_LONGEST_DELAY_S, _FIRST_DELAY_S * 2.0 ** min(failures - 1, 16)) * random.uniform(0.5, 1.0)
