"""Numbers with units, and short formulas: whether two of them are equal. Exact arithmetic, no evaluation of input."""

from __future__ import annotations

import re
from collections.abc import Collection
from fractions import Fraction
from typing import Final, NamedTuple

_POWER: Final = r"(?:\s?(?:x|\*|×|·)?\s?10\s?\^?\s?\{?\(?(?P<power>[-+]?\d{1,3})\)?\}?)"
_NUMBER: Final = re.compile(
    rf"^(?P<sign>[-+±]?)\s?(?:(?P<whole>\d{{1,3}}(?:[, ]\d{{3}})+(?!\d)|\d{{1,18}})(?P<decimals>\.\d{{1,18}})?|(?P<bare>\.\d{{1,18}}))"
    rf"(?:e(?P<exponent>[-+]?\d{{1,3}})(?![a-z])|\s?(?:x|\*|×|·)\s?10\s?\^?\s?\{{?\(?(?P<power>[-+]?\d{{1,3}})\)?\}}?)?"
    r"(?:\s?/\s?(?P<denominator>\d{1,12})(?![\d.]))?"
    r"\s?(?P<unit>[^\d].{0,40}|)$"
)
_TEX_FRACTION: Final = re.compile(r"\\d?frac\s?\{(-?\d{1,12})\}\s?\{(\d{1,12})\}")
_WORDS: Final = {
    "zero": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7", "eight": "8", "nine": "9",
    "ten": "10", "eleven": "11", "twelve": "12", "thirteen": "13", "fourteen": "14", "fifteen": "15", "sixteen": "16", "seventeen": "17", "eighteen": "18",
    "nineteen": "19", "twenty": "20", "thirty": "30", "forty": "40", "fifty": "50", "a half": "1/2", "half": "1/2", "one half": "1/2", "a quarter": "1/4", "a third": "1/3",
}  # fmt: skip
_SCALES: Final = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9}
_UNITS: Final[dict[str, tuple[str, str]]] = {}
for _canonical, _names in {
    "V": "v volt volts", "A": "a amp amps ampere amperes", "W": "w watt watts", "Hz": "hz hertz", "m": "m meter meters metre metres",
    "s": "s sec secs second seconds", "g": "g gram grams gramme grammes", "J": "j joule joules", "N": "n newton newtons",
    "Pa": "pa pascal pascals", "ohm": "ohm ohms Ω ω", "F": "f farad farads", "bit": "bit bits", "B": "byte bytes", "dB": "db decibel decibels",
    "deg": "degree degrees deg °", "degC": "°c c degc celsius degree_celsius degrees_celsius", "degF": "°f fahrenheit degrees_fahrenheit",
    "K": "k kelvin kelvins", "percent": "% percent per_cent pct", "mol": "mol mole moles", "min": "min minute minutes", "h": "h hr hour hours",
    "L": "l liter liters litre litres", "g/mol": "g/mol grams_per_mole gram_per_mole g_mol^-1 g·mol^-1 g_per_mol", "m/s": "m/s meters_per_second metres_per_second m_s^-1",
    "ft/min": "ft/min feet_per_minute fpm", "kn": "kn", "lightspeed": "c speed_of_light times_the_speed_of_light", "ft": "ft feet foot", "in": "in inch inches",
    "amu": "amu u dalton daltons da", "year": "year years yr yrs", "day": "day days", "rpm": "rpm", "eV": "ev", "T": "tesla t",
}.items():  # fmt: skip
    for _name in _names.split():
        _UNITS.setdefault(_name.replace("_", " "), (_canonical, "0"))
_PREFIXES: Final = {
    "p": -12, "pico": -12, "n": -9, "nano": -9, "µ": -6, "μ": -6, "u": -6, "micro": -6, "m": -3, "milli": -3, "c": -2, "centi": -2,
    "k": 3, "kilo": 3, "mega": 6, "M": 6, "g": 9, "giga": 9, "d": -1, "deci": -1,
}  # fmt: skip
_PREFIXED: Final = ("V", "A", "W", "Hz", "m", "s", "g", "J", "N", "Pa", "ohm", "F", "L", "mol", "eV", "B", "bit")


class Quantity(NamedTuple):
    """A number and its unit; `unit` is canonical, `""` without one, `None` if it is not known."""

    value: Fraction
    unit: str | None
    unit_text: str


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
    if not unit_text:
        return Quantity(value, "", "")
    known = _UNITS.get(unit_text)
    if known is not None:
        if known[0] == "percent":
            return Quantity(value / 100, "", "%")
        return Quantity(value, known[0], unit_text)
    for prefix, power in _PREFIXES.items():
        if unit_text.startswith(prefix):
            known = _UNITS.get(unit_text[len(prefix) :].strip())
            if known is not None and known[0] in _PREFIXED:
                return Quantity(value * Fraction(10) ** power, known[0], unit_text)
    return Quantity(value, None, unit_text)


def same_quantity(given: str, target: str, asked: Collection[str] = ()) -> bool | None:
    """Whether two texts are the same quantity.

    Args:
        given: the answer.
        target: the gold answer.
        asked: the words of the question; a unit that it names may be missing on either side.

    Returns:
        `True` or `False` where both are numbers with units that can be compared; else `None`. Numbers within 2 % of each
        other may be one number, rounded: `None`.
    """
    one, other = read_quantity(given), read_quantity(target)
    if one is None or other is None:
        return None
    if one.unit == other.unit and one.unit is not None or one.unit_text == other.unit_text:
        return _same_value(one.value, other.value)
    bare, united = (one, other) if not one.unit_text else (other, one)
    if not bare.unit_text:
        plain = _strip_prefix_scale(united)
        if _names_unit(united, asked):
            return _same_value(bare.value, plain)
        return False if _same_value(bare.value, plain) is False and _same_value(bare.value, united.value) is False else None
    return False if _same_value(one.value, other.value) is False and None in (one.unit, other.unit) else None


def _strip_prefix_scale(quantity: Quantity) -> Fraction:
    """The number as it was written, without its unit's prefix."""
    if quantity.unit in _PREFIXED:
        for prefix, power in _PREFIXES.items():
            rest = quantity.unit_text[len(prefix) :].strip()
            if quantity.unit_text not in _UNITS and quantity.unit_text.startswith(prefix) and rest in _UNITS:
                return quantity.value / Fraction(10) ** power
    return quantity.value * 100 if quantity.unit_text == "%" else quantity.value


def _names_unit(quantity: Quantity, asked: Collection[str]) -> bool:
    words = set(re.findall(r"[^\W\d_]+|[%°]", quantity.unit_text))
    if not words or re.search(r"\d", quantity.unit_text):
        return False
    spelled = {"c": "celsius", "µv": "microvolts", "μv": "microvolts", "mv": "millivolts", "khz": "khz", "°c": "celsius", "°": "degrees", "%": "percent", "g": "grams"}
    named = {spelled.get(word, word) for word in words} | {spelled.get(quantity.unit_text, quantity.unit_text)}
    if quantity.unit_text == "g/mol":
        named = {"grams", "mole"}
        return named <= set(asked)
    return bool(named & set(asked)) or words <= set(asked)


def _same_value(one: Fraction, other: Fraction) -> bool | None:
    if one == other:
        return True
    if abs(one - other) * 50 <= abs(other):
        return None
    return False


# --- formulas ------------------------------------------------------------------------------------------------------

_FORMULA: Final = re.compile(r"[0-9a-zA-Z\\{}()\[\]^_+\-*/.,= πθωλµμ√×·]{1,120}")
_FUNCTIONS: Final = re.compile(r"\\?(?:sqrt|d?frac|tfrac|log|sin|cos|tan|exp|cdot|times|left|right|pi|theta|omega|lambda|mathrm|text)")
_PROSE: Final = re.compile(r"[a-z]{4}|[a-z]{2} [a-z]{2}")
_POINTS: Final = (0.734, 1.618, 2.414)


def same_formula(given: str, target: str) -> bool:
    """Whether two short formulas are equal, by their form or at three points.

    Plain and LaTeX notation of sums, products, powers, fractions, roots and logarithms; `O(...)` around either.
    What this cannot parse goes to math-verify, if it is installed.
    """
    if not (_looks_formal(given) or _looks_formal(target)):
        return False
    if not all(_FORMULA.fullmatch(text) and not _PROSE.search(_FUNCTIONS.sub(" ", text)) for text in (given, target)):
        return False
    one, other = _parse(given), _parse(target)
    if one is not None and other is not None:
        return one == other or _agree(one, other)
    return _math_verify(given, target)


def _looks_formal(text: str) -> bool:
    return bool(re.search(r"[\\^=+*/√]|\d[a-z]|\blog\b|^o\s?\(|\b[a-z] ?[+*/^-] ?[a-z]\b", text))


Node = tuple[object, ...]


class _Failed(Exception):
    """The text is no formula that this parser knows."""


_LEXER: Final = re.compile(r"\s*(?:(\d+(?:\.\d+)?)|\\?(sqrt|frac|dfrac|tfrac|log|ln|lg|sin|cos|tan|exp|cdot|times|pi|theta|omega|lambda)|(√)|([a-zµμπθωλ])|(\S))")


def _parse(text: str) -> Node | None:
    text = re.sub(r"\\(?:left|right|,|;|!)", "", text.strip().strip("$").replace("\\(", "").replace("\\)", "")).strip()
    text = re.sub(r"^(?:\\?[a-zωθλ]{1,6}(?:_\{?\w{1,4}\}?)?\s*=|o(?=\s?\())\s*", "", text, flags=re.IGNORECASE)
    text = re.sub(r"√\s?([a-z]{1,3})(?![a-z])", r"√(\1)", text)
    text = re.sub(r"\blog_?\{?([0-9])\}?", "log", text)
    tokens = [next(group for group in match.groups() if group is not None) for match in _LEXER.finditer(text)]
    if not tokens or len(tokens) > 60:
        return None
    try:
        parser = _Parser(tokens)
        node = parser.sum(0)
        return node if parser.done() else None
    except _Failed:
        return None


class _Parser:
    """Recursive descent over the tokens of a formula; depth and length are bounded."""

    def __init__(self, tokens: list[str]) -> None:
        self.tokens = tokens
        self.place = 0

    def done(self) -> bool:
        return self.place == len(self.tokens)

    def peek(self) -> str:
        return self.tokens[self.place] if self.place < len(self.tokens) else ""

    def take(self, *wanted: str) -> str:
        token = self.peek()
        if not token or (wanted and token not in wanted):
            raise _Failed
        self.place += 1
        return token

    def sum(self, depth: int) -> Node:
        if depth > 12:
            raise _Failed
        node: Node = ("neg", self.product(depth)) if self.peek() == "-" and self.take() else self.product(depth)
        while self.peek() in ("+", "-"):
            sign = self.take()
            right = self.product(depth)
            node = ("+", node, right if sign == "+" else ("neg", right))
        return node

    def product(self, depth: int) -> Node:
        node = self.power(depth)
        while True:
            token = self.peek()
            if token in ("*", "/", "×", "·", "cdot", "times"):
                self.take()
                node = ("/" if token == "/" else "*", node, self.power(depth))
            elif token and (token[0].isalnum() or token in ("(", "{", "\\", "√", "[")):
                node = ("*", node, self.power(depth))
            else:
                return node

    def power(self, depth: int) -> Node:
        base = self.atom(depth)
        if self.peek() == "^":
            self.take()
            negative = self.peek() == "-" and bool(self.take())
            exponent = self.atom(depth)
            return ("^", base, ("neg", exponent) if negative else exponent)
        return base

    def atom(self, depth: int) -> Node:
        if depth > 12:
            raise _Failed
        token = self.take()
        if token == "\\":
            token = self.take()
        if token in ("(", "{", "["):
            node = self.sum(depth + 1)
            self.take({"(": ")", "{": "}", "[": "]"}[token])
            return node
        if token in ("sqrt", "√"):
            return ("^", self.atom(depth + 1), ("num", "0.5"))
        if token in ("frac", "dfrac", "tfrac"):
            return ("/", self.atom(depth + 1), self.atom(depth + 1))
        if token in ("log", "ln", "lg", "sin", "cos", "tan", "exp"):
            return ("call", "log" if token in ("ln", "lg") else token, self.power(depth + 1))
        if token[0].isdigit():
            return ("num", token)
        if token.isalpha():
            return ("var", {"pi": "π", "theta": "θ", "omega": "ω", "lambda": "λ", "μ": "µ"}.get(token, token))
        raise _Failed


def _agree(one: Node, other: Node) -> bool:
    """Whether two formulas of the same variables have the same values at three points."""
    names = sorted(_variables(one))
    if names != sorted(_variables(other)):
        return False
    for shift, point in enumerate(_POINTS):
        values = {name: point + 0.37 * ((index + shift) % 7) for index, name in enumerate(names)}
        if not _close(_value(one, values), _value(other, values)):
            return False
    return True


def _close(one: float | None, other: float | None) -> bool:
    return one is not None and other is not None and abs(one - other) <= 1e-9 * max(1.0, abs(one), abs(other))


def _variables(node: Node) -> set[str]:
    if node[0] == "var":
        return {str(node[1])} - {"π"}
    found: set[str] = set()
    for child in node[1:]:
        if isinstance(child, tuple):
            found |= _variables(child)
    return found


def _value(node: Node, values: dict[str, float]) -> float | None:
    import math

    try:
        kind = node[0]
        if kind == "num":
            return float(str(node[1]))
        if kind == "var":
            return math.pi if node[1] == "π" else values[str(node[1])]
        if kind == "call":
            argument = _value(_child(node, 2), values)
            return None if argument is None else float(getattr(math, str(node[1]))(argument))
        left = _value(_child(node, 1), values)
        if left is None:
            return None
        if kind == "neg":
            return -left
        right = _value(_child(node, 2), values)
        if right is None or abs(left) > 1e12 or abs(right) > 1e12:
            return None
        if kind == "+":
            return left + right
        if kind == "*":
            return left * right
        if kind == "/":
            return left / right
        result = left**right
        return float(result) if isinstance(result, float) else None
    except (ArithmeticError, ValueError):
        return None


def _child(node: Node, index: int) -> Node:
    child = node[index]
    return child if isinstance(child, tuple) else ()


def _math_verify(given: str, target: str) -> bool:
    """math-verify's opinion on formulas without towers of powers, without its signal-based time limits."""
    if any(re.search(r"\d{5,}|\^[^\^]{0,20}\^|\^\s?\{?\s?-?\d{3,}|!", text) for text in (given, target)):
        return False
    try:
        from math_verify import parse, verify

        gold = parse(f"${target}$", parsing_timeout=None)
        return bool(gold) and bool(verify(gold, parse(f"${given}$", parsing_timeout=None), timeout_seconds=None))
    except Exception:  # an optional dependency that may be missing or fail in any way on odd input
        return False
