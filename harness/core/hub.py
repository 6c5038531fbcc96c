"""The hub: whether it is within reach, how to get in where it is gated, and one download for several processes."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlsplit

_OFFLINE_VARIABLES: Final = ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "TRANSFORMERS_OFFLINE")
_ENDPOINT: Final = "https://huggingface.co"
_TRUE: Final = ("1", "true", "yes", "on")


def hub_unreachable_reason(timeout_s: float = 3.0) -> str | None:
    """Why the hub cannot be asked, or `None` when it can; asked before anything is fetched, to fail at once.

    An offline switch in the environment decides without touching the network; otherwise one connection is tried
    (to the proxy, where one is set).

    Args:
        timeout_s: seconds to wait for the connection.
    """
    for variable in _OFFLINE_VARIABLES:
        if os.environ.get(variable, "").lower() in _TRUE:
            return f"{variable} forbids asking the hub"
    endpoint = os.environ.get("HF_ENDPOINT", _ENDPOINT)
    proxy = os.environ.get("HTTPS_PROXY") or os.environ.get("https_proxy")
    address = urlsplit(proxy or endpoint)
    host = address.hostname or endpoint
    port = address.port or (80 if address.scheme == "http" else 443)
    try:
        with socket.create_connection((host, port), timeout=timeout_s):
            return None
    except OSError as error:
        return f"the hub ({host}) cannot be reached ({error})"


def how_to_get_in(repo: str, kind: Literal["model", "dataset"]) -> str:
    """What to do about a repository that is not open to everyone; a mirror has no terms to accept, the hub has."""
    from huggingface_hub import get_token

    page = f"{_ENDPOINT}/{'datasets/' if kind == 'dataset' else ''}{repo}"
    if get_token() is None:
        return f"Accept its terms on {page}, then log in with 'hf auth login', or set HF_TOKEN."
    return f"The account that is logged in may not read it: accept its terms on {page}, or log in with another token."


@contextmanager
def fetching(repo: str) -> Iterator[None]:
    """Fetch a repository while all others that share the cache wait, and then find it there.

    The ranks of a launcher and unrelated commands alike. A cache that cannot be written to has no lock: nothing is
    fetched into it.
    """
    from huggingface_hub.constants import HF_HUB_CACHE
    from huggingface_hub.utils import WeakFileLock  # type: ignore[attr-defined]

    lock = Path(HF_HUB_CACHE) / ".locks" / f"harness--{repo.replace('/', '--')}.lock"
    with ExitStack() as held:
        with suppress(OSError):
            lock.parent.mkdir(parents=True, exist_ok=True)
            held.enter_context(WeakFileLock(lock))
        yield
