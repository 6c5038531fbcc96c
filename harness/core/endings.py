"""Why responses ended, in the words of several servers."""

from __future__ import annotations

from typing import Any, Final, Literal

_ENDED: Final = frozenset(
    "stop eos eos_token stop_sequence end_turn complete completed tool_calls tool_use function_call".split()
)
"""Reasons of a response that the model itself ended."""
_CUT_OFF: Final = frozenset("length max_tokens max_length max_output_tokens model_length".split())


def read_ending(reason: Any) -> Literal["stop", "length"] | None:
    """A server's reason as a response stores it, capitals aside; `None` where it is none of those known."""
    said = reason.lower() if isinstance(reason, str) else None
    return "length" if said in _CUT_OFF else "stop" if said in _ENDED else None


def recorded_ending(reason: Any) -> Literal["stop", "length"] | None:
    """The ending of a recorded response that did not fail; `None` where none was recorded.

    Raises:
        ValueError: the reason is none of those known.
    """
    ending = read_ending(reason)
    if reason and ending is None:
        raise ValueError(
            f"'finish_reason' holds {reason!r}, not 'stop' or 'length'; where the response failed, say so in 'error', "
            "else leave it out"
        )
    return ending
