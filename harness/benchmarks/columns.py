"""Reading the columns of a data row, with errors that name the row and the column."""

from __future__ import annotations

from collections.abc import Mapping
from string import ascii_uppercase
from typing import Any

from harness.core.errors import DataError


def is_blank(value: Any) -> bool:
    """Whether a cell holds nothing: missing, `None`, NaN, or blank."""
    return value is None or value != value or (isinstance(value, str) and not value.strip())


def is_absent(value: Any) -> bool:
    """Whether a cell of others holds nothing: blank, or the text `nan` that their tools turn NaN into."""
    return is_blank(value) or (isinstance(value, str) and value.strip().lower() == "nan")


def without_nan(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of others with `None` in each cell that holds nothing, see `is_absent`."""
    return {name: None if is_absent(value) else value for name, value in row.items()}


def find(row: Mapping[str, Any], *names: str) -> Any:
    """The first of several columns that holds something, else `None`."""
    for name in names:
        value = row.get(name)
        if not is_blank(value):
            return value
    return None


def require(row: Mapping[str, Any], where: str, *names: str) -> Any:
    """The first of several columns that holds something.

    Raises:
        DataError: all are missing or empty.
    """
    value = find(row, *names)
    if value is None:
        there = next((name for name in names if name in row), None)
        what = f"column {there!r} is empty" if there else f"no column {names[0]!r}"
        raise DataError(f"{where}: {what}. Columns found: {', '.join(map(str, row)) or 'none'}.")
    return value


def require_text(row: Mapping[str, Any], where: str, *names: str) -> str:
    """As `require`, for a text or a number, as stripped text.

    Raises:
        DataError: missing, empty, or neither text nor number.
    """
    value = require(row, where, *names)
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise DataError(f"{where}: column {names[0]!r} holds {type(value).__name__}, not text.")
    return str(value).strip()


def require_index(row: Mapping[str, Any], where: str, name: str) -> int:
    """As `require`, for a whole number of 0 or more, which may be stored as text or as a float.

    Raises:
        DataError: missing, or not such a number.
    """
    value = require(row, where, name)
    try:
        index = int(value)
        if isinstance(value, bool) or index < 0 or (not isinstance(value, str) and index != value):
            raise ValueError
    except (TypeError, ValueError, OverflowError):
        raise DataError(f"{where}: column {name!r} holds {value!r}, not a row number.") from None
    return index


def is_yes_no(value: Any) -> bool:
    """Whether a cell says yes or no, in any case, and with a full stop or without."""
    return _without_stop(value) in ("yes", "no")


def _without_stop(value: Any) -> str:
    return str(value).strip().lower().removesuffix(".")


def require_yes_no(row: Mapping[str, Any], where: str, *names: str) -> str:
    """The gold answer of a yes/no question, in lower case and without a full stop.

    Raises:
        DataError: missing, or neither yes nor no.
    """
    value = _without_stop(require_text(row, where, *names))
    if not is_yes_no(value):
        raise DataError(f"{where}: column {names[0]!r} holds {value!r}, expected yes or no.")
    return value


def require_letter(row: Mapping[str, Any], where: str, name: str, choices: Mapping[str, str]) -> str:
    """The gold answer of a multiple-choice question, in upper case.

    Raises:
        DataError: missing, or not the letter of an option.
    """
    value = require_text(row, where, name).upper()
    if value not in choices:
        raise DataError(
            f"{where}: column {name!r} holds {value!r}, expected one of {', '.join(choices) or 'no options'}."
        )
    return value


def tidy(row: Mapping[str, Any], where: str) -> dict[str, Any]:
    """A row with names of columns in small letters, those of options in capitals.

    Columns of one small letter are options where `a` and `b` are among them; else they are ignored as others are.

    Raises:
        DataError: two columns have one name then.
    """
    names = [str(name).strip() for name in row]
    lettered = {"a", "b"} <= {name.lower() for name in names}
    tidy: dict[str, Any] = {}
    for given, value in zip(names, row.values(), strict=True):
        name = given.lower() if len(given) > 1 else given.upper() if lettered else given
        if name in tidy:
            raise DataError(f"{where}: two columns are named {name!r}, but for capitals and spaces. Keep one of them.")
        tidy[name] = value
    return tidy


def lettered_options(row: Mapping[str, Any]) -> dict[str, str]:
    """The options of a row with a column for each letter; empty where it has none."""
    return {letter: str(text).strip() for letter in ascii_uppercase if (text := find(row, letter)) is not None}


def options_of(row: Mapping[str, Any], where: str) -> dict[str, str]:
    """The options of a row by letter; empty where it has none.

    Raises:
        DataError: they are no list of texts, more than there are letters, or two have one letter.
    """
    listed = row.get("choices")
    if is_blank(listed):
        return lettered_options(row)
    if not isinstance(listed, (list, tuple, Mapping)):
        raise DataError(
            f"{where}: column 'choices' holds {listed!r}, not a list. In a CSV file each option has a column, A, B, ..."
        )
    if len(listed) > len(ascii_uppercase):
        raise DataError(f"{where}: column 'choices' holds {len(listed)} options, and there are letters for 26.")
    lettered = listed if isinstance(listed, Mapping) else dict(zip(ascii_uppercase, listed, strict=False))
    for letter, text in lettered.items():
        if not isinstance(text, (str, int, float)) or not str(text).strip():
            raise DataError(f"{where}: column 'choices' holds {text!r} as option {letter}, not a text.")
    options = {str(letter).strip().upper(): str(text).strip() for letter, text in lettered.items()}
    if len(options) < len(lettered):
        named = ", ".join(map(repr, lettered))
        raise DataError(f"{where}: column 'choices' has two options of one letter ({named}). Give each its own.")
    return options
