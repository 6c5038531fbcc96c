"""Addresses of OpenAI-compatible servers, and their keys: what is sent to them, and what may be shown of them."""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote, urlsplit

from harness.core.errors import UsageError
from harness.core.secrets import hide_credentials, keep_credentials_secret, keep_secret

KEY_VARIABLE: Final = "OPENAI_API_KEY"
URL_VARIABLE: Final = "OPENAI_BASE_URL"
BASE_URL: Final = "--base-url"
"""How the user names the server of a model; a judge's is named otherwise."""
_DEFAULT_URL: Final = "https://api.openai.com/v1"
_OWN_HOST: Final = "api.openai.com"


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """One server.

    Attributes:
        shown: what may be shown of it: its address without user, password and query.
        host: its name.
        path: ends where `/chat/completions` is appended, without a slash.
        query: what stands behind the `?` of every request.
        headers: that it is sent, with the key if it has one.
    """

    shown: str
    host: str
    path: str
    query: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)

    @property
    def is_local(self) -> bool:
        """Whether it is on this machine."""
        return self.host in ("localhost", "::1") or self.host.startswith("127.")

    def url(self, path: str) -> str:
        """Where a request goes."""
        return f"{self.shown}{path}{'?' if self.query else ''}{self.query}"


def read_addresses(base_url: str | Sequence[str] | None, key: str | None, option: str = BASE_URL) -> list[Address]:
    """The servers that are named.

    Args:
        base_url: one or several addresses, or a text with commas between them; `None`: `OPENAI_BASE_URL`, else OpenAI's
            own.
        key: is sent to each, but to those that are named with a user and password.
        option: how the user names them.

    Raises:
        UsageError: none is named, one is not an http(s) URL, or is OpenAI's own and has no key.
    """
    urls, source = base_url, option
    if urls is None:
        urls, source = os.environ.get(URL_VARIABLE) or _DEFAULT_URL, URL_VARIABLE
    given = [url.strip() for url in (urls.split(",") if isinstance(urls, str) else urls)]
    if not any(given):
        raise UsageError(f"{source} names no server. Give an address such as http://127.0.0.1:8000/v1.")
    return [_read_address(url, key, source) for url in given if url]


def _read_address(url: str, key: str | None, source: str) -> Address:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = None
    if host is None or parts.scheme not in ("http", "https"):
        shown = hide_credentials(url if "//" in url else f"//{url}").removeprefix("//")
        raise UsageError(f"{source} {shown!r} is not an address such as http://127.0.0.1:8000/v1.")
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    user_info, at, _ = parts.netloc.rpartition("@")
    keep_credentials_secret(user_info, parts.query)
    if at:
        user, _, password = user_info.partition(":")
        headers["Authorization"] = f"Basic {b64encode(f'{unquote(user)}:{unquote(password)}'.encode()).decode()}"
    elif key is None and host == _OWN_HOST:
        raise UsageError(
            f"{_OWN_HOST} needs a key: set {KEY_VARIABLE}, name the variable that holds it (--api-key-env, "
            "--judge-api-key-env of a judge), or name another server (--base-url)."
        )
    path = parts.path.rstrip("/")
    name = f"[{host}]" if ":" in host else host
    shown = f"{parts.scheme}://{name}{'' if port is None else f':{port}'}{path}"
    return Address(shown=shown, host=host, path=path, query=parts.query, headers=headers)


def read_key(variable: str | None) -> tuple[str | None, str | None]:
    """The key of a server, which no text shows from now on.

    Args:
        variable: the environment variable that holds it; `None`: `OPENAI_API_KEY`, if it is set; empty: there is none.

    Returns:
        The variable and the key in it, or twice `None`.

    Raises:
        UsageError: the variable that is named is not set, or holds what cannot be sent.
    """
    name = KEY_VARIABLE if variable is None else variable
    key = os.environ.get(name, "").strip() if name else ""
    if not key:
        if variable:
            raise UsageError(f"the environment variable {variable}, which should hold the key of a server, is not set.")
        return None, None
    if not (key.isascii() and key.isprintable()):
        raise UsageError(f"the key in {name} holds characters that cannot be sent. Copy it again.")
    keep_secret(key)
    return name, key


def goes_with_openai_key(base_url: str | Sequence[str] | None, option: str = BASE_URL) -> bool:
    """Whether addresses are those that `OPENAI_API_KEY` goes with: OpenAI's own, or that of `OPENAI_BASE_URL`."""
    if base_url is not None and not isinstance(base_url, str):
        return all(goes_with_openai_key(url, option) for url in base_url)
    return base_url in (None, os.environ.get(URL_VARIABLE)) or all(
        address.host == _OWN_HOST for address in read_addresses(base_url, "", option)
    )
