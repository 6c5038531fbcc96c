"""Numbers with units: whether two of them are equal. Exact arithmetic."""

from __future__ import annotations

import re
from collections.abc import Collection
from fractions import Fraction
from typing import Final, NamedTuple

from harness.answers.wording import NUMBERS

_NUMBER: Final = re.compile(
    r"^(?P<sign>[-+±]?)\s?(?:(?P<whole>\d{1,3}(?:[, ]\d{3})+(?!\d)|\d{1,18})(?P<decimals>\.\d{1,18})?"
    r"|(?P<bare>\.\d{1,18}))"
    r"(?:e(?P<exponent>[-+]?\d{1,3})(?![a-z])|\s?(?:x|\*|×|·)\s?10\s?\^?\s?\{?\(?(?P<power>[-+]?\d{1,3})\)?\}?)?"
    r"(?:\s?/\s?(?P<denominator>\d{1,12})(?![\d.]))?\s?(?P<unit>[^\d].{0,40}|)$"
)
_TEX_FRACTION: Final = re.compile(r"\\d?frac\s?\{(-?\d{1,12})\}\s?\{(\d{1,12})\}")
_WORDS: Final = {**NUMBERS, "a half": "1/2", "half": "1/2", "one half": "1/2", "a quarter": "1/4", "a third": "1/3"}
_SCALES: Final = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9}
_UNITS: Final[dict[str, str]] = {}
for _canonical, _names in {
    "V": "v volt volts", "A": "a amp amps ampere amperes", "W": "w watt watts", "Hz": "hz hertz",
    "m": "m meter meters metre metres", "s": "s sec secs second seconds", "g": "g gram grams gramme grammes",
    "J": "j joule joules", "N": "n newton newtons", "Pa": "pa pascal pascals", "ohm": "ohm ohms Ω ω",
    "F": "f farad farads", "bit": "bit bits", "B": "byte bytes", "dB": "db decibel decibels",
    "deg": "degree degrees deg °", "degC": "°c c degc celsius degree_celsius degrees_celsius",
    "degF": "°f fahrenheit degrees_fahrenheit", "K": "k kelvin kelvins", "percent": "% percent per_cent pct",
    "mol": "mol mole moles", "min": "min minute minutes", "h": "h hr hour hours", "L": "l liter liters litre litres",
    "g/mol": "g/mol grams_per_mole gram_per_mole g_mol^-1 g·mol^-1 g_per_mol",
    "m/s": "m/s meters_per_second metres_per_second m_s^-1", "ft/min": "ft/min feet_per_minute fpm", "kn": "kn",
    "lightspeed": "c speed_of_light times_the_speed_of_light", "ft": "ft feet foot", "in": "in inch inches",
    "amu": "amu u dalton daltons da", "year": "year years yr yrs", "day": "day days", "rpm": "rpm", "eV": "ev",
    "T": "tesla t",
}.items():  # fmt: skip
    for _name in _names.split():
        _UNITS.setdefault(_name.replace("_", " "), _canonical)
_PREFIXES: Final = {
    "p": -12, "pico": -12, "n": -9, "nano": -9, "µ": -6, "μ": -6, "u": -6, "micro": -6, "m": -3, "milli": -3, "c": -2,
    "centi": -2, "k": 3, "kilo": 3, "mega": 6, "M": 6, "g": 9, "giga": 9, "d": -1, "deci": -1,
}  # fmt: skip
_MEGA_UNITS: Final = frozenset(("mhz", "mpa", "mbit", "mbits", "mb"))  # lower case hides that their M is mega
_PREFIXED: Final = ("V", "A", "W", "Hz", "m", "s", "g", "J", "N", "Pa", "ohm", "F", "L", "mol", "eV", "B", "bit")


class Quantity(NamedTuple):
    """A number and its unit; `unit` is canonical, `""` without one, `None` if it is not known.

    `written` is the number that stands before the unit, the unit's prefix or per cent not worked into it.
    """

    value: Fraction
    unit: str | None
    unit_text: str
    written: Fraction


def read_quantity(text: str) -> Quantity | None:
    """Reads a number with an optional unit; `None` if the text is anything else.

    Args:
        text: lower case, raised digits spelled as `^2`.
    """
    text = _TEX_FRACTION.sub(r"\1/\2", text.strip())
    text = re.sub(r"\\[dt]?frac ?(\d) ?(\d)", r"\1/\2", text).strip(" $=≈~\\").rstrip(".")
    text = re.sub(r" ?([/^%°]) ?", r"\1", text)
    text = re.sub(r"^(?:approximately|about|around|roughly|approx\.?|exactly|≈|~|=|\$)\s*", "", text)
    text = _WORDS.get(text, text)
    first, _, rest = text.partition(" ")
    if first in _WORDS:
        text = f"{_WORDS[first]} {rest}"
    if len(text) > 64:
        return None
    match = _NUMBER.match(text)
    if match is None:
        return None
    digits = (match["whole"] or "0").replace(",", "").replace(" ", "") + (match["decimals"] or match["bare"] or "")
    value = Fraction(digits)
    power = match["exponent"] or match["power"]
    if power:
        value *= Fraction(10) ** int(power)
    if match["denominator"]:
        if int(match["denominator"]) == 0:
            return None
        value /= int(match["denominator"])
    if match["sign"] == "-":
        value = -value
    unit_text = (match["unit"] or "").strip(" .")
    scale, _, rest = unit_text.partition(" ")
    if scale in _SCALES:
        value *= _SCALES[scale]
        unit_text = rest
    return _with_unit(value, unit_text)


def _with_unit(value: Fraction, unit_text: str) -> Quantity:
    unit = _UNITS.get(unit_text) if unit_text else ""
    if unit == "percent":
        return Quantity(value / 100, "", "%", value)
    if unit is not None:
        return Quantity(value, unit, unit_text, value)
    for prefix, power in _PREFIXES.items():
        unit = _UNITS.get(unit_text[len(prefix) :].strip()) if unit_text.startswith(prefix) else None
        if unit in _PREFIXED:
            return Quantity(value * Fraction(10) ** (6 if unit_text in _MEGA_UNITS else power), unit, unit_text, value)
    return Quantity(value, None, unit_text, value)


def same_quantity(given: str, target: str, asked: Collection[str] = ()) -> bool | None:
    """Whether two texts are the same quantity.

    Args:
        given: the answer.
        target: the gold answer.
        asked: the words of the question; a unit that it names may be missing on either side.

    Returns:
        `True` or `False` where both are numbers with units that can be compared; else `None`. Numbers within 2 % of
        each other may be one number, rounded: `None`.
    """
    one, other = read_quantity(given), read_quantity(target)
    if one is None or other is None:
        return None
    if (one.unit is not None and one.unit == other.unit) or one.unit_text == other.unit_text:
        return _same_value(one.value, other.value)
    bare, united = (one, other) if not one.unit_text else (other, one)
    if not bare.unit_text:
        if _names_unit(united, asked):
            return _same_value(bare.value, united.written)
        other_number = (
            _same_value(bare.value, united.written) is False and _same_value(bare.value, united.value) is False
        )
        return False if other_number else None
    return False if _same_value(one.value, other.value) is False and None in (one.unit, other.unit) else None


_SPELLED: Final = {
    "c": "celsius", "°c": "celsius", "°": "degrees", "%": "percent", "g": "grams",
    "µv": "microvolts", "μv": "microvolts", "mv": "millivolts",
}  # fmt: skip


def _names_unit(quantity: Quantity, asked: Collection[str]) -> bool:
    words = set(re.findall(r"[^\W\d_]+|[%°]", quantity.unit_text))
    if not words or re.search(r"\d", quantity.unit_text):
        return False
    if quantity.unit_text == "g/mol":
        return {"grams", "mole"} <= set(asked)
    named = {_SPELLED.get(word, word) for word in (*words, quantity.unit_text)}
    return bool(named & set(asked)) or words <= set(asked)


def _same_value(one: Fraction, other: Fraction) -> bool | None:
    if one == other:
        return True
    return None if abs(one - other) * 50 <= abs(other) else False
