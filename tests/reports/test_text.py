"""Numbers and foreign texts as they are shown."""

from __future__ import annotations

import pytest

from harness.reports import text


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "–"), (0.8874, "88.7"), (0.0, "0.0"), (-0.00001, "0.0"), (1.0, "100.0"), (-0.05, "−5.0")],
)
def test_number(value: float | None, shown: str) -> None:
    assert text.number(value) == shown


@pytest.mark.parametrize(("value", "shown"), [(0.043, "+4.3"), (-0.043, "−4.3"), (-0.0001, "0.0"), (None, "–")])
def test_signed(value: float | None, shown: str) -> None:
    assert text.signed(value) == shown


@pytest.mark.parametrize(("p", "shown"), [(0.0, "< 0.001"), (0.00099, "< 0.001"), (0.0449, "0.045"), (0.2, "0.20")])
def test_p_value(p: float, shown: str) -> None:
    assert text.p_value(p) == shown


def test_what_cannot_be_seen_is_shown_or_dropped() -> None:
    assert text.one_line(" a\r\n b\u00a0\u2028c ") == "a b c"
    assert text.one_line("a\u202eb\u200bc\x00") == "a\ufffdb\ufffdc\ufffd"
    assert text.one_line("模型 β-7B") == "模型 β-7B"


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("hub:org/name@1", "hub:org/name@1"),
        ("/home/me/secret/data/pope", "…/data/pope"),
        ("~/data/pope", "…/data/pope"),
        ("C:\\me\\data\\pope", "…/data/pope"),
        ("demo", "demo"),
    ],
)
def test_paths_of_the_users_machine_are_cut(source: str, shown: str) -> None:
    assert text.public_path(source) == shown


def test_web_addresses_cannot_leave_their_place() -> None:
    assert text.web_address('https://x.y/a b"()<>') == "https://x.y/a%20b%22%28%29%3C%3E"


def test_digits_scale_and_unknown_ends() -> None:
    assert text.number(0.12345, 1.0, 4) == "0.1235"
    assert text.signed(-0.00004, 1.0, 4) == "0.0000"
    assert text.interval(-0.01, 0.5) == "[−1.0, 50.0]"
    assert text.interval(None, 0.5) == text.interval(0.5, None) == ""
    assert text.with_error(0.5, 0.012) == "50.0 ± 1.2"
    assert text.with_error(0.5, None) == "50.0"
    assert text.with_error(None, None) == "–"


def test_an_error_of_zero_is_not_shown_beside_an_exact_interval() -> None:
    assert [text.error_of(of) for of in (0.0, None, 0.02)] == ["–", "–", "2.0"]
    assert text.with_error(0.5, 0.0) == "50.0"


def test_one_and_none_are_not_in_the_plural() -> None:
    assert [text.counted(of, "sample") for of in (0, 1, 2)] == ["no sample", "1 sample", "2 samples"]
    assert [text.count_tested(of) for of in (0, 1, 2)] == [
        "no difference is tested",
        "1 difference is tested",
        "2 differences are tested together",
    ]
