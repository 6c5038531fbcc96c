"""Garbage is not looked for while a command starts."""

import gc
from typing import Final

_STARTING: Final = ("eval",)
"""Commands of which someone calls `collect_again`."""


def do_not_collect_yet(command: str = "") -> None:
    """What is imported stays: looking through it again and again takes a sixth of the time until a model is loaded.

    Args:
        command: the process's own; empty: none.
    """
    if command in _STARTING:
        gc.disable()


def collect_again() -> None:
    """From now on garbage is collected, but not looked for in what is there already; nothing, where it was before."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()
