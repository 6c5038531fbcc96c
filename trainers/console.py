"""What training says to the user."""

from __future__ import annotations

import sys


def say(text: str) -> None:
    """One line for the user, on standard error."""
    print(text, file=sys.stderr, flush=True)
