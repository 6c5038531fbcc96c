"""How long a server asks to be left alone, in the forms that servers use."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from harness.engines.retry_after import exhausted_s, parse_duration, retry_after


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1s", 1.0),
        ("6m0s", 360.0),
        ("1h2m", 3720.0),
        ("120ms", 0.12),
        ("2.5", 2.5),
        ("-3", 0.0),
        ("", None),
        ("soon", None),
        ("1x", None),
    ],
)
def test_durations(text: str, seconds: float | None) -> None:
    assert parse_duration(text) == (pytest.approx(seconds) if seconds is not None else None)


def test_the_header_in_every_form() -> None:
    assert retry_after({}) == 0.0
    assert retry_after({"retry-after": "7"}) == 7.0
    assert retry_after({"retry-after-ms": "250", "retry-after": "7"}) == 0.25
    assert retry_after({"retry-after": "never"}) == 0.0
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    assert 57 < retry_after({"retry-after": later}) <= 60
    assert retry_after({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}) == 0.0


def test_the_wait_for_a_rate_limit_is_that_of_the_one_that_is_used_up() -> None:
    resets = {"x-ratelimit-reset-requests": "2s", "x-ratelimit-reset-tokens": "6m0s"}
    assert exhausted_s(resets) == 0.0
    assert exhausted_s(resets | {"x-ratelimit-remaining-requests": "0", "x-ratelimit-remaining-tokens": "7"}) == 2.0
    assert exhausted_s(resets | {"x-ratelimit-remaining-requests": "0", "x-ratelimit-remaining-tokens": "0"}) == 360.0
    assert exhausted_s({"x-ratelimit-remaining-tokens": "0"}) == 0.0
