"""Whether two answers to an open question are the same, and where that cannot be told."""

from __future__ import annotations

import math
import re
import unicodedata
from typing import Final

from harness.answers.formulas import same_formula
from harness.answers.text import key, plain
from harness.answers.values import Quantity, digits, is_unit, quantity

_RANGE: Final = re.compile(
    r"(?:from |between )?[$]?([\d.,]+)\D{0,12}?\s?(?:-|to|and|~)\s?[$]?([\d.,]+)(?:\s?[%a-z°].{0,20})?"
)
_IN_BRACKETS: Final = re.compile(r"^([^()]*\w)\s\(([^()]+)\)([^()]*)$")
_OPERATOR: Final = re.compile(r"[+*/^<>=#|]|'\(|(?<![a-z]{3})-|-(?![a-z]{3})")
_SCALES: Final = (100, 0.01, 1000, 0.001, 1e6, 1e-6)
"""Factors between two numbers that may be one quantity in two units."""
_FORMULA_LENGTH: Final = 80


def same(given: str, wanted: str) -> bool | None:
    """Whether two short texts are the same answer.

    Returns:
        `False` for numbers and ranges that differ. `None` where it cannot be told: other words may mean the same, and
        numbers may have other units.
    """
    one, other = key(given), key(wanted)
    if not one or not other:
        return None
    if one == other:
        return True
    ranges = _range(digits(one)), _range(digits(other))
    if any(ranges):
        return ranges[0] == ranges[1] if all(ranges) else None
    numbers = quantity(given), quantity(wanted)
    if numbers[0] and numbers[1]:
        return _same_quantity(numbers[0], numbers[1])
    wordings = _wordings(given), _wordings(wanted)
    if one in wordings[1] or other in wordings[0] or wordings[0] & wordings[1]:
        return True
    letters = [re.sub(r"(?<!\d)[\W_]+|[\W_]+(?!\d)", "", unicodedata.normalize("NFKD", text)) for text in (one, other)]
    if letters[0] == letters[1] and letters[0] and not _OPERATOR.search(one + other):
        return True
    if len(given) <= _FORMULA_LENGTH and len(wanted) <= _FORMULA_LENGTH:
        return same_formula(plain(given).lower(), plain(wanted).lower()) or None
    return None


def _same_quantity(one: Quantity, other: Quantity) -> bool | None:
    if one.unit and other.unit and one.unit != other.unit and is_unit(one.unit) and is_unit(other.unit):
        return None
    if math.isclose(one.value, other.value, rel_tol=1e-9, abs_tol=1e-12):
        return True
    ratio = abs(one.value / other.value) if one.value and other.value else 1.0
    is_open = "out of" in one.unit + other.unit  # "3 out of 5" may be 3, or 0.6.
    return None if is_open or any(math.isclose(ratio, scale, rel_tol=1e-9) for scale in _SCALES) else False


def _range(text: str) -> tuple[float, float] | None:
    match = _RANGE.fullmatch(text)
    try:
        return (float(match[1].replace(",", "")), float(match[2].replace(",", ""))) if match else None
    except ValueError:
        return None


def _wordings(text: str) -> set[str]:
    """A text with and without what stands in brackets, and that alone: "Depth-First Search (DFS)"."""
    parts = _IN_BRACKETS.search(plain(text)) if len(text) <= _FORMULA_LENGTH else None
    found = (text, parts[1] + parts[3], parts[2]) if parts else (text,)
    return {key(wording) for wording in found} - {""}
