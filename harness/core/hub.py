"""Is the hub within reach? Asked once, before anything is fetched, so that an offline machine fails at once."""

from __future__ import annotations

import os
import socket
from typing import Final
from urllib.parse import urlsplit

_OFFLINE_VARIABLES: Final = ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "TRANSFORMERS_OFFLINE")
_TRUE: Final = ("1", "true", "yes", "on")


def hub_unreachable_reason(timeout_s: float = 3.0) -> str | None:
    """Why the hub cannot be asked, or `None` when it can.

    An offline switch in the environment decides without touching the network; otherwise one connection is tried
    (to the proxy, where one is set).

    Args:
        timeout_s: seconds to wait for the connection.
    """
    for variable in _OFFLINE_VARIABLES:
        if os.environ.get(variable, "").lower() in _TRUE:
            return f"{variable} forbids asking the hub"
    endpoint = os.environ.get("HF_ENDPOINT", "https://huggingface.co")
    proxy = os.environ.get("HTTPS_PROXY") or os.environ.get("https_proxy")
    address = urlsplit(proxy or endpoint)
    host = address.hostname or endpoint
    port = address.port or (80 if address.scheme == "http" else 443)
    try:
        with socket.create_connection((host, port), timeout=timeout_s):
            return None
    except OSError as error:
        return f"the hub ({host}) cannot be reached ({error})"
