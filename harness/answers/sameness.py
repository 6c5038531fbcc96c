"""Whether two answers to an open question are the same, and where that cannot be told."""

from __future__ import annotations

import math
import re
import unicodedata
from typing import Final

from harness.answers.formulas import same_formula
from harness.answers.text import key, plain
from harness.answers.values import Quantity, is_unit, quantity, small

_RANGE: Final = re.compile(
    r"(?:from |(between ))?(.{1,40}?) ?(?:-|~|\bto\b|(?(1)\band\b|(?!))) ?(.{1,40})", re.IGNORECASE
)
_IN_BRACKETS: Final = re.compile(r"^([^()]*\w)\s\(([^()]+)\)([^()]*)$")
_OPERATOR: Final = re.compile(r"[+*/^<>=#|]|'\(|(?<![a-z]{3})-|-(?![a-z]{3})")
_BETWEEN_LETTERS: Final = re.compile(r"(?<!\d)[\W_]+|[\W_]+(?!\d)")
_ACCENTS: Final = re.compile(r"(?<=[a-z])[\u0300-\u036f]+")
"""Of Latin letters, which many leave out; the marks of other scripts are as good as letters."""
_SCALES: Final = (100, 0.01, 1000, 0.001, 1e6, 1e-6)
"""Factors between two numbers that may be one quantity in two units."""
_FORMULA_LENGTH: Final = 80
_DATE: Final = re.compile(r"\d+(?:[-/]\d+){2,}")
"""No formula, though 2020-01-02 and 2020-02-01 are one as differences."""
_ALLELES: Final = re.compile(r"(?:([a-hj-wyz])\1)+")
"""Pairs of one letter, small or large: rr, Rr, AaBb; ii and xx are Roman numbers."""
_COMPOUNDS: Final = frozenset("co cs cn hf".split())
"""Elements (Co) whose symbols in capitals are compounds (CO), and no words."""


def same(given: str, wanted: str) -> bool | None:
    """Whether two short texts are the same answer.

    Returns:
        `False` for numbers and ranges that differ. `None` where it cannot be told: other words may mean the same, and
        numbers may have other units, and capitals alone may tell two alleles or units apart, or accents two words:
        those of one text may all be left out, as in "El Nino".
    """
    one, other = key(given), key(wanted)
    if not one or not other:
        return None
    if one == other:
        return None if _case_tells(given, wanted) else True
    ranges = _range(given), _range(wanted)
    if ranges[0] and ranges[1]:
        ends = [_same_quantity(*pair) for pair in zip(ranges[0], ranges[1], strict=True)]
        return False if False in ends else None if None in ends else True
    if any(ranges):
        return None
    numbers = quantity(given), quantity(wanted)
    if numbers[0] and numbers[1]:
        return _same_quantity(numbers[0], numbers[1])
    if equal := [(a, b) for a in _wordings(given) for b in _wordings(wanted) if key(a) == key(b)]:
        return None if all(_case_tells(*pair) for pair in equal) else True
    marked = [_BETWEEN_LETTERS.sub(_marks, unicodedata.normalize("NFKD", text)) for text in (one, other)]
    bare = [_ACCENTS.sub("", text) for text in marked]
    if bare[0] == bare[1] and bare[0] and not _OPERATOR.search(one + other):
        return True if marked[0] == marked[1] or set(marked) & set(bare) else None
    if max(len(given), len(wanted)) <= _FORMULA_LENGTH and not (_DATE.fullmatch(one) or _DATE.fullmatch(other)):
        return same_formula(plain(given).lower(), plain(wanted).lower()) or None
    return None


def _marks(between: re.Match[str]) -> str:
    """The marks on letters in what stands between letters and digits."""
    return "".join(character for character in between[0] if unicodedata.category(character).startswith("M"))


def _same_quantity(one: Quantity, other: Quantity) -> bool | None:
    if one.unit and other.unit and one.unit != other.unit and is_unit(one.unit) and is_unit(other.unit):
        return None
    if math.isclose(one.value, other.value, rel_tol=1e-9, abs_tol=1e-12):
        return True
    ratio = abs(one.value / other.value) if one.value and other.value else 1.0
    is_open = "out of" in one.unit + other.unit  # "3 out of 5" may be 3, or 0.6.
    return None if is_open or any(math.isclose(ratio, scale, rel_tol=1e-9) for scale in _SCALES) else False


def _range(text: str) -> tuple[Quantity, Quantity] | None:
    """The ends of a range that is all of a text, both with its unit; 1e-3 and x - 1 are none."""
    match = _RANGE.fullmatch(plain(text).strip(" .")) if quantity(text) is None else None
    first, last = (quantity(match[2]), quantity(match[3])) if match else (None, None)
    if first is None or last is None or (first.unit and last.unit and first.unit != last.unit):
        return None
    unit = first.unit or last.unit
    return first._replace(unit=unit), last._replace(unit=unit)


def _case_tells(one: str, other: str) -> bool:
    """Whether two texts that are the same but for capitals may differ by these: Aa and AA, 5 mW and 5 MW."""
    letters, others = ("".join(filter(str.isalpha, plain(text))) for text in (one, other))
    if letters == others or letters.lower() != others.lower():
        return False
    if units := [found.unit for text in (one, other) if (found := quantity(text))]:
        return units[0] != units[-1]
    word = letters.lower()
    if key(one) == word and _ALLELES.fullmatch(word):
        return True
    if word in (letters, others):  # Small letters stand for any: up and Up, pc and PC.
        return False
    return (key(one) == word and word in _COMPOUNDS) or small(letters) != small(others)


def _wordings(text: str) -> list[str]:
    """A text with and without what stands in brackets, and that alone: "Depth-First Search (DFS)"."""
    parts = _IN_BRACKETS.search(plain(text)) if len(text) <= _FORMULA_LENGTH else None
    found = (text, parts[1] + parts[3], parts[2]) if parts else (text,)
    return [wording for wording in found if key(wording)]
