"""The columns of a row, and errors that name the row and the column."""

from collections.abc import Callable
from typing import Any

import pytest

from harness.benchmarks import columns
from harness.core.errors import DataError

ROW = {
    "n": 3.0,
    "text": " No ",
    "nan": float("nan"),
    "blank": " ",
    "letter": "b",
    "flag": True,
    "more": 1.5,
    "list": [],
}
OPTIONS = {"A": "red", "B": "blue"}


@pytest.mark.parametrize(
    ("read", "value"),
    [
        (lambda: columns.find(ROW, "gone", "nan", "blank", "text"), " No "),
        (lambda: columns.find(ROW, "gone"), None),
        (lambda: columns.require(ROW, "row 1", "nan", "n"), 3.0),
        (lambda: columns.require_text(ROW, "row 1", "text"), "No"),
        (lambda: columns.require_text(ROW, "row 1", "more"), "1.5"),
        (lambda: columns.require_index(ROW, "row 1", "n"), 3),
        (lambda: columns.require_index({"n": "7"}, "row 1", "n"), 7),
        (lambda: columns.require_yes_no(ROW, "row 1", "text"), "no"),
        (lambda: columns.require_letter(ROW, "row 1", "letter", OPTIONS), "B"),
    ],
)
def test_what_a_column_holds(read: Callable[[], Any], value: Any) -> None:
    assert read() == value


@pytest.mark.parametrize(
    ("read", "message"),
    [
        (lambda: columns.require({"a": 1}, "row 1", "gone", "other"), "row 1: no column 'gone'. Columns found: a."),
        (lambda: columns.require(ROW, "row 1", "gone", "nan"), "row 1: column 'nan' is empty."),
        (lambda: columns.require_text(ROW, "row 1", "flag"), "column 'flag' holds bool, not text"),
        (lambda: columns.require_text(ROW, "row 1", "list"), "column 'list' holds list, not text"),
        (lambda: columns.require_index(ROW, "row 1", "more"), "column 'more' holds 1.5, not a row number"),
        (lambda: columns.require_index({"n": -1}, "row 1", "n"), "column 'n' holds -1, not a row number"),
        (lambda: columns.require_yes_no(ROW, "row 1", "letter"), "column 'letter' holds 'b', expected yes or no"),
        (lambda: columns.require_letter({"a": "C"}, "row 1", "a", OPTIONS), "holds 'C', expected one of A, B"),
    ],
)
def test_what_is_wrong_with_a_column(read: Callable[[], Any], message: str) -> None:
    with pytest.raises(DataError) as caught:
        read()
    assert message in str(caught.value)
