"""A difference in words, signs and colours, all of which follow from its verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from harness.reports.text import number, p_value, signed
from harness.statistics.differences import ALPHA

if TYPE_CHECKING:
    from harness.statistics.differences import Difference, Verdict

SIGNS: Final[dict[Verdict, str]] = {
    "better": "▲",
    "worse": "▼",
    "changed": "≠",
    "no difference shown": "=",
    "not tested": "",
}
_DIGITS: Final = 4
"""Most digits after the point: what is not 0 is not shown as 0."""


def tone(difference: Difference) -> Literal["better", "worse", "plain"]:
    """Its colour."""
    verdict = difference.verdict
    return verdict if verdict in ("better", "worse") else "plain"


def change(difference: Difference, scale: float = 100.0) -> str:
    """Value and interval: `+4.3 [2.1, 6.5]`, with as many digits as keep an end that is not 0 from looking like it."""
    low, high = difference.low, difference.high
    if low is None or high is None:
        return signed(difference.value, scale)
    exact = low > 0 or high < 0
    ends = (number(end, scale, _digits(end, scale) if exact else 1) for end in (low, high))
    return f"{signed(difference.value, scale, _digits(difference.value, scale) if exact else 1)} [{', '.join(ends)}]"


def _digits(value: float | None, scale: float) -> int:
    if not value:
        return 1
    return next((digits for digits in range(1, _DIGITS) if round(abs(value) * scale, digits)), _DIGITS)


def verdict(difference: Difference, scale: float = 100.0) -> str:
    """What may be said of it: `better (p < 0.001)`, `no difference shown (p = 0.23; beyond 8.1 excluded)`."""
    said: str = difference.verdict
    notes = []
    if difference.p is not None:
        p = p_value(difference.p)
        if difference.is_shown and p == f"{ALPHA:.3f}":  # Rounded, it would not look below.
            p = f"< {ALPHA:.2f}"
        notes.append(f"p {p if p.startswith('<') else f'= {p}'}")
    if said == "no difference shown":
        notes.append(f"beyond {number(difference.excluded, scale, _digits(difference.excluded, scale))} excluded")
        if difference.needed_n is not None:
            notes.append(f"n = {difference.needed_n:,}, not {difference.n:,}, would show this one")
    if difference.note:
        notes.append(difference.note)
    if difference.could_turn:
        notes.append("unsettled answers could turn it over")
    return f"{said} ({'; '.join(notes)})" if notes else said


def in_words(difference: Difference, scale: float = 100.0) -> str:
    """The whole of it: `+4.3 [2.1, 6.5], better (p < 0.001)`."""
    return f"{change(difference, scale)}, {verdict(difference, scale)}"


def family_note(family: int) -> str:
    """How many differences are tested together, and what that means, in one line."""
    if not family:
        return "Differences are B - A in points, with 95 % intervals; nothing could be tested."
    if family == 1:
        return "Differences are B - A in points; one is tested, with its 95 % interval."
    return (
        f"Differences are B - A in points; {family} are tested together: each interval is at {100 - 5 / family:.2f} %, "
        "so that all hold at once in 95 %."
    )
