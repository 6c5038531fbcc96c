"""HTTP with servers that may do anything: bounded in bytes and time, without cookies, redirects or secrets in logs.

Imported lazily only: httpx is imported at the top.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, Final

import httpx

from harness.core.secrets import received_text, redact
from harness.engines.addresses import Address

BODY_BYTES: Final = 4 * 2**20
"""Of a reply, beside what each token may take: a list of models, the tokens of a prompt, a page."""
_SHOWN: Final = 100
"""Characters of a coding's name that are shown."""
_ENCODINGS: Final = ("", "identity", "gzip")
"""What is asked for. Others inflate a few bytes to gigabytes in one step."""


class _Redacting(logging.Filter):
    """What httpx logs of a server is from elsewhere, too."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = redact(record.getMessage()), ()
        return True


for _name in ("httpx", "httpcore.connection", "httpcore.http11", "httpcore.proxy", "httpcore.socks"):
    logging.getLogger(_name).addFilter(_Redacting())


class UnreadableError(Exception):
    """A reply is too long, or is coded in a way that was not asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A whole reply.

    Attributes:
        status: its code.
        reason: what it calls that.
        headers: by name, in small letters.
        data: its body.
    """

    status: int
    reason: str
    headers: httpx.Headers = field(repr=False)
    data: bytes = field(repr=False)

    @property
    def is_success(self) -> bool:
        """Whether the request was served."""
        return 200 <= self.status < 300


_certificates = cache(httpx.create_ssl_context)
"""Whom to trust, read once a process: a client of its own would read all of it again."""


class Transport:
    """Connections to some servers."""

    def __init__(self, addresses: Sequence[Address], *, timeout_s: float, connect_s: float, connections: int) -> None:
        """Prepare the connections; nothing is sent yet.

        Args:
            addresses: of the servers.
            timeout_s: between two bytes.
            connect_s: to make a connection, at most.
            connections: connections open at a time.
        """
        # A proxy cannot reach this machine's own addresses.
        trust_env = not all(address.is_local for address in addresses)
        self._client = httpx.AsyncClient(
            headers={"Accept-Encoding": "gzip"},
            timeout=httpx.Timeout(timeout_s, connect=min(timeout_s, connect_s), pool=None),
            limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            verify=_certificates(trust_env=trust_env),
            trust_env=trust_env,
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def send(
        self,
        address: Address,
        path: str,
        *,
        timeout_s: float,
        body: Mapping[str, Any] | None = None,
        most_bytes: int = BODY_BYTES,
    ) -> Reply:
        """Send one request, and read the reply as far as it may go.

        Args:
            address: of the server.
            path: behind its own.
            timeout_s: for all of it.
            body: is posted as JSON; `None`: nothing is.
            most_bytes: of the reply's body.

        Raises:
            httpx.HTTPError, TimeoutError: there is none.
            UnreadableError: it goes further.
        """
        method = "GET" if body is None else "POST"
        async with (
            asyncio.timeout(timeout_s),  # httpx limits the time between two bytes, not the whole.
            self._client.stream(method, address.url(path), json=body, headers=address.headers) as reply,
        ):
            encoding = reply.headers.get("content-encoding", "").strip().lower()
            if encoding not in _ENCODINGS:
                raise UnreadableError(
                    f"the reply is coded as {received_text(encoding)[:_SHOWN]!r}, not as was asked for"
                )
            data = bytearray()
            async for part in reply.aiter_bytes():
                data += part
                if len(data) > most_bytes:
                    raise UnreadableError(f"the reply is longer than {most_bytes // 2**20} MiB")
            reason = received_text(reply.reason_phrase) or "no message"
            return Reply(status=reply.status_code, reason=reason, headers=reply.headers, data=bytes(data))
