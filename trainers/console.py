"""What training says to the user."""

from __future__ import annotations

import sys

from harness.core.console import show


def say(text: str) -> None:
    """One line for the user, on standard error."""
    show(text, file=sys.stderr, flush=True)
