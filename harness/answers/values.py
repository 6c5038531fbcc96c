"""Numbers with their units: those that a text holds, and the one that a text is."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple

from harness.answers.text import holds, plain

_ONES: Final = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
    " eighteen nineteen"
).split()
_TENS: Final = dict(
    zip("twenty thirty forty fifty sixty seventy eighty ninety".split(), range(20, 100, 10), strict=True)
)
_WORDS: Final = {word: value for value, word in enumerate(_ONES)} | _TENS
_SCALES: Final = {"dozen": 12, "hundred": 100, "thousand": 1_000, "million": 10**6, "billion": 10**9}
_SPELLED: Final = re.compile(
    rf"(?i)\b(?:({'|'.join(_TENS)})(?:[- ]({'|'.join(_ONES[1:10])}))?|({'|'.join(_ONES)}))\b"
    rf"(?! (?:of|another|that|which|can|who)\b)(?:[- ]({'|'.join(_SCALES)}))?"
)
_PARTS: Final = {"half": 2, "third": 3, "quarter": 4, "fourth": 4, "fifth": 5, "tenth": 10}
_PART: Final = re.compile(rf"(?<!and )\b(?:one|a)[- ]({'|'.join(_PARTS)})\b", re.IGNORECASE)
_PRONOUN: Final = re.compile(r"(?i)(?:\w+est|accurate|other|which|first|last|next|same|the|no|this|that|each|only) $")
"""Words after which "one" is no number."""
_FRACTION: Final = re.compile(r"\\[dt]?frac\s*\{(-?[\d.]+)\}\s*\{([\d.]+)\}")
_POWER: Final = re.compile(r"\s?\\(?:times|cdot)\s?10\s?\^\s?\{?(-?\d+)\}?")
_MINUS: Final = re.compile(r"(?<![\d)] )\b(?:minus|negative) (?=\d)", re.IGNORECASE)
_NUMBER: Final = r"[-+]?(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)?(?:\.\d+|(?<=\d))(?:[eE][-+]?\d+(?!\w))?"
_CURRENCY: Final = r"[$€£¥₹]"
_QUANTITY: Final = re.compile(
    rf"(?P<sign>-?)(?:{_CURRENCY}\s?)?(?P<number>{_NUMBER})"
    r"(?:\s?(?:[x×*]|times|cdot)\s?10\s?\^\s?\(?(?P<power>-?\d+)\)?)?"
    r"(?:(?P<mixed>[ +]\d+)?\s?/\s?(?P<below>\d+(?:\.\d+)?))?"
    rf"(?:\s?(?P<scale>(?i:{'|'.join(_SCALES)}))\b)?"
)
_ABOUT: Final = re.compile(
    r"(?:(?:approx(?:imately|\.)?|about|around|roughly|exactly|nearly|only|just|equals?|[≈~=])\s?|[$€£¥₹]){0,4}"
)
_UNIT: Final = re.compile(rf"\s?(%|‰|°|[a-zµμΩω°][\w°/^·. ²³-]{{0,30}}|{_CURRENCY})?[.!]?$", re.IGNORECASE)
_NO_UNIT: Final = re.compile(r"\b(?:or|and|to|is|than|bce?|twice)\b|(?<!out of) \d|^\d|^x ?\d")
_FACTOR: Final = re.compile(r":|,\d|\s?(?:[√π^]|\\?(?:sqrt|pi\b)|[-+] ?\d+[inxyz]\b)|[abeiknp-rt-z](?![A-Za-z])")
"""What makes a number before it a part of something else: 2π, 3x, 10^4, 3:4."""
_NO_VALUE: Final = re.compile(
    r"(?i)(?:\b(?:at (?:least|most)|(?:\w+er|more|less) than|over|under|above|below|before|after)"
    r"|\b(?:half|twice|double)(?: of)?|(?:\bnot|n't|\bcannot)(?: (?:be|in|equal to))?"
    r"|\b(?:step|figure|fig\.|frame|table|image|question|equation|page|line|row|column|option|scene|slide))\s$"
    r"|(?:(?<![-=])>|[<≥≤≠±]|!(?==)|\\(?:geq?|leq?|neq?|pm|[lg]t)\b)=?\s?$"
)
"""What stands before a number that is a bound, denied, a part of a value, or a label."""
_NO_BARE: Final = re.compile(r"\+(?!\s?\d)| (?:or (?:more|less|\w+er)|times \w+ (?:than|as) \d+|and a half|BCE?)\b")
_VARIABLE: Final = re.compile(r"[A-Za-z]\w{0,2}(?:\([\w.-]*\))?\s*(?:=|≈)\s*(?=[-\d.$])")
_LONGEST: Final = 400
"""Characters of a text that may be one quantity."""
_UNITS: Final = {
    name: names.split()[0]
    for names in (
        "% percent", "cm centimeter centimetre", "m meter metre", "km kilometer kilometre", "mm millimeter millimetre",
        "ft foot feet", "in inch inche", "yd yard", "mi mile", "kg kilogram", "g gram", "lb pound lbs",
        "s second sec", "min minute", "h hour hr", "day", "week", "month", "year yr", "l liter litre",
        "ml milliliter millilitre", "¢ cent", "v volt", "a ampere amp", "° degree deg", "n newton", "j joule", "w watt",
        "k kelvin", "hz hertz", "khz kilohertz", "pa pascal", "kpa", "mpa", "$ dollar usd", "€ euro eur", "£", "¥ yen",
    )
    for name in names.split()
}  # fmt: skip
"""Names of units to the first of the same meaning; singular."""
_NAMES: Final = "|".join(name for name in _UNITS if name.isalpha() and name not in ("in", "a"))
_NO_MEGA: Final = re.compile(
    rf"(?!\bM(?i:{'|'.join(name for name in _UNITS if len(name) < 3 and name.isalpha() and name != 'in')}|Ω)?\b)."
)
_UNIT_BEHIND: Final = re.compile(rf"%|\s?(?:[‰€£¥]|°\s?[CF]?|[kmMGµμ]?Ω|(?:{_NAMES})s?\b)(?!\s?[/^·]| per\b)")


class Quantity(NamedTuple):
    """A number in a text.

    Attributes:
        unit: as it is written, or the common name of its meaning; empty where there is none.
        start: where it begins.
        end: where its number ends.
    """

    value: float
    unit: str
    start: int
    end: int


def is_unit(name: str) -> bool:
    """Whether a unit is made of known ones, or of such that are too short for a noun."""
    return all(part in _UNITS or len(part) <= 3 for part in re.split(r"[/·^. ]+", name))


def small(unit: str) -> str:
    """A unit in small letters, save the M that is mega where m is milli or metre: "MW" becomes "Mw"."""
    return _NO_MEGA.sub(lambda match: match[0].lower(), unit)


def digits(text: str) -> str:
    """A plain text with number words, and LaTeX fractions and powers of numbers, written as digits."""
    text = _PART.sub(lambda match: f"1/{_PARTS[match[1].lower()]}", text)
    if "\\" in text:
        text = _POWER.sub(r" x 10^\1", _FRACTION.sub(r" \1/\2", text))
    return _MINUS.sub("-", _SPELLED.sub(_value_of_words, text))


def quantities(text: str) -> list[Quantity]:
    """Every number in a text (after `digits`); in "9-5" the sign is that of a difference."""
    found = []
    for match in _QUANTITY.finditer(text):
        if not match["number"]:
            continue
        before = text[max(0, match.start() - 2) : match.start()]
        has_sign = match["sign"] or match["number"].startswith("-")
        is_difference = has_sign and re.search(r"[\w)%]$", before)
        is_glued = not is_difference and re.search(r"[A-Za-z_\d.^√]$|t\{$|\d[,:]$", before)
        if not is_glued and not _FACTOR.match(text, match.end()) and (value := _value(match)) is not None:
            unit = _UNIT_BEHIND.match(text, match.end())
            value = abs(value) if is_difference else value
            found.append(Quantity(value, unit[0] if unit else "", match.start(), match.end()))
    return found


def values(text: str, question: str | None) -> list[Quantity]:
    """The numbers that give a value: no "at least 3" and no "step 2", unless the question has the same words."""
    found = []
    for number in quantities(text):
        words = _NO_VALUE.search(text[max(0, number.start - 24) : number.start]) or _NO_BARE.match(text, number.end)
        if not words or holds(question.lower() if question else "", words[0].strip().lower()):
            found.append(number)
    return found


@lru_cache(maxsize=4096)
def quantity(text: str) -> Quantity | None:
    """The one quantity that a text is, with its unit; `None` where the text is more, or something else."""
    if len(text) > _LONGEST:
        return None
    text = digits(plain(text)).strip().strip("\"'()[]")
    text = re.sub(r"[{}\\]|^\$(?=.*\$)|(?<!\d)\$$|(?<=\d)\$(?=\s*\w*$)", "", text).strip()
    if variable := _VARIABLE.match(text):
        text = text[variable.end() :]
    start = _ABOUT.match(text)
    match = _QUANTITY.match(text, start.end() if start else 0)
    if match is None or not match["number"]:
        return None
    unit, value = _UNIT.match(text, match.end()), _value(match)
    if unit is None or value is None or _FACTOR.match(text, match.end()):
        return None
    name = small((unit[1] or "").strip(" ."))
    if len(name.split()) > 4 or _NO_UNIT.search(name):
        return None
    currency = re.search(_CURRENCY, text)
    named = _UNITS.get(name) or _UNITS.get(name.rstrip("s")) or name or (currency[0] if currency else "")
    return Quantity(value, named, match.start(), match.end())


def _value_of_words(match: re.Match[str]) -> str:
    if match[0].lower() == "one" and _PRONOUN.search(match.string[max(0, match.start() - 16) : match.start()]):
        return match[0]
    value = _WORDS[(match[1] or match[3]).lower()] + (_WORDS[match[2].lower()] if match[2] else 0)
    return str(value * _SCALES[match[4].lower()] if match[4] else value)


def _value(match: re.Match[str]) -> float | None:
    try:
        value = float(match["number"].replace(",", ""))
        if match["mixed"]:
            value += float(match["mixed"].strip(" +")) / float(match["below"])
        elif match["below"]:
            value /= float(match["below"])
        value *= 10.0 ** int(match["power"] or 0) * _SCALES.get((match["scale"] or "").lower(), 1)
    except (ValueError, ZeroDivisionError, OverflowError):
        return None
    return -value if match["sign"] else value
