"""How long a server asks to be left alone, by the headers of its reply."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|h|m|s)")
_UNIT_S: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def parse_duration(text: str) -> float | None:
    """Seconds of a duration such as `1s`, `6m0s`, `120ms` or `2.5`; `None` when it is not one."""
    text = text.strip()
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    if not text or _DURATION.sub("", text):
        return None
    return sum(float(number) * _UNIT_S[unit] for number, unit in _DURATION.findall(text))


def retry_after(headers: Mapping[str, str]) -> float:
    """Seconds that a server asks to wait, 0 where it does not say."""
    if (milliseconds := parse_duration(headers.get("retry-after-ms", ""))) is not None:
        return milliseconds / 1000
    text = headers.get("retry-after", "")
    seconds = parse_duration(text)
    if seconds is None and text:
        try:
            seconds = (parsedate_to_datetime(text).astimezone(UTC) - datetime.now(UTC)).total_seconds()
        except OverflowError:  # The end of the calendar.
            seconds = math.inf
        except (ValueError, TypeError, IndexError):
            seconds = None
    return max(0.0, seconds or 0.0)


def exhausted_s(headers: Mapping[str, str]) -> float:
    """Seconds until a rate limit that a reply has used up is renewed, 0 where there is none."""
    return max(
        parse_duration(headers.get(f"x-ratelimit-reset-{kind}", "")) or 0.0
        if headers.get(f"x-ratelimit-remaining-{kind}") == "0"
        else 0.0
        for kind in ("requests", "tokens")
    )
