"""A client of OpenAI-compatible chat servers that outlives their bad hours.

Imported lazily only, by the `api` engine: httpx is imported at the top.
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import httpx

from harness.core.errors import AGAIN, ModelError, UnavailableError, UsageError
from harness.core.secrets import received_text
from harness.engines.addresses import Address
from harness.engines.api_replies import Completion, read_completion, read_error, read_json
from harness.engines.http_transport import BODY_BYTES, Reply, Transport, UnreadableError
from harness.engines.preparation import one_line
from harness.engines.retry_after import exhausted_s, retry_after

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
_TELL_EVERY_S: Final = 10.0
"""Between two lines that say why nothing happens."""
_TIMEOUT_COST: Final = 3
"""Attempts that one time-out uses up, so that a request that never ends does not hold a run for hours."""
_HOPELESS: Final = 8
"""Requests that fail after all attempts, without one success between them, before the run is ended."""
_RETRIED: Final = frozenset({408, 409, 425, 429})
_REFUSALS: Final = frozenset({400, 403, 422, 501})
_TOKEN_BYTES: Final = 1024
"""Of a reply, for each token that was asked for: its text, its bytes and its log-probability take a few hundred."""
_SHOWN: Final = 300
"""Characters of a foreign text that are shown."""


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
        address: where it is, and what it wants to see there.
        is_vllm: it said that it is a vLLM server, which understands more than the standard fields.
        max_model_len: longest prompt and response together that it said it takes, in tokens.
        root: the checkpoint that it said it has loaded, as vLLM servers do.
        answers_as: the model that its first reply named.
        refuses_logprobs: it did not take a request for log-probabilities.
        refuses_temperature: it did not take a temperature.
        resume_at: monotonic time before which it asked not to be sent anything.
        busy_since: monotonic time since which it has had too much to do; `None`: it has not.
    """

    address: Address
    is_vllm: bool = False
    max_model_len: int | None = None
    root: str | None = None
    answers_as: str | None = None
    refuses_logprobs: bool = False
    refuses_temperature: bool = False
    resume_at: float = 0.0
    busy_since: float | None = None

    def __str__(self) -> str:
        return self.address.shown

    def rest(self, seconds: float) -> None:
        """Send it nothing for so long."""
        self.resume_at = max(self.resume_at, time.monotonic() + seconds)


class ChatClient:
    """Sends chat completions to one or several servers, with time-outs, retries and patience for rate limits."""

    def __init__(
        self,
        addresses: Sequence[Address],
        model: str,
        *,
        key_variable: str | None,
        option: str,
        timeout_s: float,
        attempts: int,
        connections: int,
        any_temperature: bool = False,
    ) -> None:
        """Prepare the connections; nothing is sent yet.

        Args:
            addresses: of the servers.
            model: name that the servers know the model by.
            key_variable: the environment variable that the addresses' key is from; `None`: they have none.
            option: how the user names the addresses.
            timeout_s: seconds that one attempt may take.
            attempts: attempts a request.
            connections: connections open at a time.
            any_temperature: where a server refuses the temperature, its own will do; else no request has a response.
        """
        self.servers = [Server(address=address) for address in addresses]
        self._model = model
        self._key_variable = key_variable
        self._option = option
        self._timeout_s = timeout_s
        self._attempts = attempts
        self._any_temperature = any_temperature
        self._token_limit = "max_tokens"
        self._exhausted = 0
        self._told_at = 0.0
        self._waiting = 0
        self._transport = Transport(addresses, timeout_s=timeout_s, connect_s=_CHECK_TIMEOUT_S, connections=connections)

    @property
    def all_vllm(self) -> bool:
        """Whether every server has said that it is vLLM's."""
        return all(server.is_vllm for server in self.servers)

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.close()

    async def check(self) -> None:
        """Ask every server what it serves, so that a wrong address or name is known before anything else is done.

        Raises:
            UsageError: nobody answers at an address, it is no such API, or it refuses the key.
            ModelError: the server does not have the model.
        """
        await asyncio.gather(*(self._check(server) for server in self.servers))
        roots = sorted({server.root for server in self.servers if server.root is not None})
        if len(roots) > 1:
            _tell(f"warning: the servers have loaded {', '.join(roots)}, and are taken for one model {self._model!r}.")

    async def _check(self, server: Server) -> None:
        url = f"{server}/models"
        reply = await self._get(server, "/models")
        if reply.status in (401, 403):
            raise UsageError(f"the server at {server} {self._key_problem()} (status {reply.status}).")
        if reply.status in (404, 405, 501):
            # Some servers have no list of models; the first request will tell whether the address is right.
            if not server.address.path.endswith("/v1") and (await self._get(server, "/v1/models")).is_success:
                raise UsageError(f"nothing at {url} (status {reply.status}). Did you mean {self._option} {server}/v1?")
            return
        models = read_json(reply.data)
        listed = models.get("data") if isinstance(models, Mapping) else None
        if not reply.is_success or not isinstance(listed, list):
            content = received_text(reply.headers.get("content-type", "no content type"))
            raise UsageError(
                f"{url} is not an OpenAI-compatible API (status {reply.status}, {content[:_SHOWN]}). "
                f"Check {self._option}."
            )
        entries = {str(entry["id"]): entry for entry in listed if isinstance(entry, Mapping) and "id" in entry}
        server.is_vllm = any(entry.get("owned_by") == "vllm" for entry in entries.values())
        if self._model not in entries:
            told = f"the server at {server} has no model {self._model!r}; it serves: {', '.join(entries)[:_SHOWN]}."
            if server.is_vllm:
                raise ModelError(told)
            if entries:  # Of others the list may not be all.
                _tell(f"warning: {told} Whatever it answers counts as of {self._model!r}.")
        entry = entries.get(self._model, {})
        longest, root = entry.get("max_model_len"), entry.get("root")
        server.max_model_len = longest if type(longest) is int and longest > 0 else None
        server.root = root[:_SHOWN] if server.is_vllm and isinstance(root, str) and root else None

    async def _get(self, server: Server, path: str) -> Reply:
        try:
            return await self._transport.send(server.address, path, timeout_s=_CHECK_TIMEOUT_S)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, UnreadableError) as error:
            raise UsageError(
                f"no server answers at {server}{path} ({type(error).__name__}: {one_line(error)}). "
                f"Is it running, and is {self._option} right?"
            ) from error

    async def complete(self, build: Callable[[Server], Mapping[str, Any]], turn: int) -> Completion:
        """One chat completion.

        Args:
            build: the request's fields for a server, beside model and token limit; its `max_tokens` is renamed for
                servers that want `max_completion_tokens`.
            turn: which server is asked first; each further attempt asks the next one.

        Returns:
            The reply, each of whose values is sound.

        Raises:
            RequestFailed: this request has no response, after all attempts or at once if they are of no use.
            UnavailableError: no request will have one.
        """
        spent, tries, failure, unreachable = 0, 0, "", False
        patient_until = time.monotonic() + _LONGEST_WAIT_S
        while spent < self._attempts:
            server = self._choose(turn + tries)
            await self._wait_for(server)
            tries, cost = tries + 1, 1
            try:
                completion = await self._attempt(server, build(server))
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                failure, unreachable = f"{server} cannot be reached ({one_line(error)})", True
                if len(self.servers) > 1:
                    server.rest(_AWAY_S)
            except (httpx.TimeoutException, TimeoutError):
                failure, unreachable, cost = f"no answer within {self._timeout_s:g} s", False, _TIMEOUT_COST
            except httpx.RequestError as error:
                failure, unreachable = f"the connection broke ({type(error).__name__}: {one_line(error)})", False
            except UnreadableError as error:
                failure, unreachable = str(error), False
            except _Retry as retry:
                failure, unreachable = str(retry), False
                # Queueing for a rate limit is no failure: where many wait, the last has to come back often.
                cost = 0 if retry.busy and time.monotonic() < patient_until else 1
            else:
                self._exhausted, server.busy_since = 0, None
                return completion
            spent += cost
            if spent < self._attempts:
                await self._pause(server, _back_off(tries))
        if unreachable:
            raise UnavailableError(f"{failure}. {AGAIN}")
        self._exhausted += 1
        if self._exhausted >= _HOPELESS:
            raise UnavailableError(
                f"{self._exhausted} requests in a row failed after {self._attempts} attempts each; the last: {failure}."
                f" {AGAIN}"
            )
        raise RequestFailed(f"server: {failure}, after {self._attempts} attempts")

    async def _attempt(self, server: Server, fields: Mapping[str, Any]) -> Completion:
        body = {"model": self._model, **fields}
        token_limit = self._token_limit
        most_tokens = body.pop("max_tokens")
        body[token_limit] = most_tokens
        if server.refuses_logprobs:
            body.pop("logprobs", None)
        if server.refuses_temperature:
            body.pop("temperature", None)
        reply = await self._transport.send(
            server.address,
            "/chat/completions",
            body=body,
            timeout_s=self._timeout_s,
            most_bytes=BODY_BYTES + _TOKEN_BYTES * most_tokens * body.get("n", 1),
        )
        server.rest(min(exhausted_s(reply.headers), _LONGEST_WAIT_S))
        status = reply.status
        if reply.is_success:
            completion = read_completion(reply.data, body.get("n", 1))
            if completion is None:
                raise _Retry("the answer is not a chat completion")
            return self._named(server, completion)
        message, code = read_error(reply.data, reply.reason)
        told = f"status {status}: {message}"
        if status == 402 or (status == 429 and code == "insufficient_quota"):
            raise UnavailableError(f"the quota at {server} is used up ({told}). {AGAIN}")
        if status in _RETRIED or status >= 500:
            wait_s = retry_after(reply.headers) if status in (429, 503) else 0.0
            if wait_s > _LONGEST_WAIT_S:
                raise UnavailableError(f"{server} asks to wait {wait_s:.0f} s ({told}). {AGAIN}")
            if status == 429 and server.busy_since is None:
                server.busy_since = time.monotonic()
            server.rest(wait_s)
            raise _Retry(told, busy=status == 429)
        if status in _REFUSALS and "logprobs" in body and b"logprob" in reply.data.lower():
            server.refuses_logprobs = True
            raise _Retry("the server gives no log-probabilities")
        if status in (401, 403):
            raise UnavailableError(f"{server} {self._key_problem()} (status {status}). {AGAIN}")
        if 300 <= status < 400 or status in (404, 405, 407):
            raise UnavailableError(f"{server}/chat/completions does not serve model {self._model!r} ({told}). {AGAIN}")
        if status == 400 and token_limit == "max_tokens" and "max_completion_tokens" in message:
            self._token_limit = "max_completion_tokens"
            raise _Retry("the server wants max_completion_tokens")
        if status == 400 and code in ("unsupported_value", "unsupported_parameter") and "temperature" in message:
            if self._any_temperature and "temperature" in body:
                server.refuses_temperature = True
                raise _Retry("the server refuses the temperature")
            raise UnavailableError(
                f"model {self._model!r} refuses the temperature: {message} Set another --temperature."
            )
        raise RequestFailed(told, refused=status in _REFUSALS)

    def _named(self, server: Server, completion: Completion) -> Completion:
        """A reply with the model that has given it, as far as the server tells.

        Raises:
            UnavailableError: it is another one than before.
        """
        name = completion.model
        if name is not None and server.answers_as is None:
            server.answers_as = name
        if name is not None and name != server.answers_as:
            raise UnavailableError(
                f"{server} answers as {name!r} now, and as {server.answers_as!r} before: another model stands behind "
                f"{self._model!r}. {AGAIN}"
            )
        return completion if server.root is None else completion.model_copy(update={"model": server.root})

    def _key_problem(self) -> str:
        if self._key_variable is not None:
            return f"refuses the key in {self._key_variable}"
        return (
            "needs a key: set OPENAI_API_KEY, or the variable that --api-key-env names (--judge-api-key-env of a judge)"
        )

    def _choose(self, turn: int) -> Server:
        """The server whose turn it is, or the next one that takes requests now, or the one that does so first."""
        shift = turn % len(self.servers)
        in_turn = self.servers[shift:] + self.servers[:shift]
        now = time.monotonic()
        return min(in_turn, key=lambda server: max(server.resume_at, now))

    async def _wait_for(self, server: Server) -> None:
        """Wait until the server takes requests again; waiters do not all come at once."""
        while (wait_s := server.resume_at - time.monotonic()) > 0:
            await self._pause(server, wait_s + random.uniform(0, min(1.0, wait_s / 4)))

    async def _pause(self, server: Server, seconds: float) -> None:
        """Wait, and say so now and then where the server has had too much to do for long."""
        until = time.monotonic() + seconds
        self._waiting += 1
        try:
            while (left_s := until - time.monotonic()) > 0:
                since = server.busy_since
                if since is not None and time.monotonic() - max(since, self._told_at) >= _TELL_EVERY_S:
                    self._told_at = time.monotonic()
                    _tell(
                        f"waiting: {server} has answered 'too many requests' (status 429) for "
                        f"{self._told_at - since:.0f} s; {self._waiting} requests wait."
                    )
                await asyncio.sleep(min(left_s, _TELL_EVERY_S / 10))
        finally:
            self._waiting -= 1


def _tell(line: str) -> None:
    """A line on standard error, above the progress bar if there is one."""
    from tqdm import tqdm

    tqdm.write(line, file=sys.stderr)


def _back_off(failures: int) -> float:
    """Seconds before the next attempt: doubled each time, and spread so that waiting clients do not come at once."""
    return min(_LONGEST_DELAY_S, _FIRST_DELAY_S * 2.0 ** min(failures - 1, 16)) * random.uniform(0.5, 1.0)
