"""Whether two short formulas are equal. A small parser of its own; input is never evaluated as code."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, Final

# Formulas of benchmarks have up to 19 characters; what is far longer is working, or prose with an equals sign.
_FORMULA: Final = re.compile(r"[0-9a-zA-Z\\{}()\[\]^_+\-*/.,= πθωλµμ√×·]{1,120}")
_FUNCTIONS: Final = re.compile(
    r"\\?(?:sqrt|d?frac|tfrac|log|sin|cos|tan|exp|cdot|times|left|right|pi|theta|omega|lambda|mathrm|text)"
)
_PROSE: Final = re.compile(r"[a-z]{4}|[a-z]{2} [a-z]{2}")
_POINTS: Final = (0.734, 1.618, 2.414)
"""Where formulas are compared: below and above one, and no root of anything that is asked."""
_APART: Final = 0.37
"""Between the values of two variables, so that exchanging them shows."""
_MOST_TOKENS: Final = 60
_DEEPEST: Final = 12
"""Half of what `_FORMULA` lets through, and more brackets in brackets than anyone writes: they bound the recursion."""
_LARGEST: Final = 1e12
"""Of an intermediate value: towers of powers are not worth computing, and floats are too coarse beyond."""


def same_formula(given: str, target: str) -> bool:
    """Whether two short formulas are equal, by their form or at three points.

    Plain and LaTeX notation of sums, products, powers, fractions, roots and logarithms; `O(...)` or `name =` around
    either. What this cannot parse is equal to nothing. Any text will do; the time does not grow with it, since longer
    ones than `_FORMULA` takes are none.
    """
    if not (_looks_formal(given) or _looks_formal(target)):
        return False
    if not all(_FORMULA.fullmatch(text) and not _PROSE.search(_FUNCTIONS.sub(" ", text)) for text in (given, target)):
        return False
    one, other = _parse(given), _parse(target)
    return one is not None and other is not None and (one == other or _agree(one, other))


def _looks_formal(text: str) -> bool:
    return bool(re.search(r"[\\^=+*/√]|\d[a-z]|\blog\b|^o\s?\(|\b[a-z] ?[+*/^-] ?[a-z]\b", text))


Node = tuple[Any, ...]


class _Failed(Exception):
    """The text is no formula that this parser knows."""


_LEXER: Final = re.compile(
    r"\s*(?:(\d+(?:\.\d+)?)|\\?(sqrt|frac|dfrac|tfrac|log|ln|lg|sin|cos|tan|exp|cdot|times|pi|theta|omega|lambda)"
    r"|(√)|([a-zµμπθωλ](?:_(?:\{\w{1,4}\}|\w))?)|(\S))"
)


def _parse(text: str) -> Node | None:
    text = re.sub(r"\\(?:left|right|,|;|!)", "", text.strip().strip("$").replace("\\(", "").replace("\\)", "")).strip()
    text = re.sub(r"^(?:\\?[a-zωθλ]{1,6}(?:_\{?\w{1,4}\}?|\(\w\))?\s*=|o(?=\s?\())\s*", "", text, flags=re.IGNORECASE)
    text = re.sub(r"(?<=frac)\s?(\d)\s?(\d)", r"{\1}{\2}", text)
    text = re.sub(r"√\s?([a-z]{1,3})(?![a-z])", r"√(\1)", text)
    text = re.sub(r"\blog_?\{?([0-9])\}?", "log", text)
    tokens = [next(group for group in match.groups() if group is not None) for match in _LEXER.finditer(text)]
    if not tokens or len(tokens) > _MOST_TOKENS:
        return None
    try:
        parser = _Parser(tokens)
        node = parser.sum(0)
        return None if parser.peek() else node
    except _Failed:
        return None


class _Parser:
    """Recursive descent over the tokens of a formula; depth and length are bounded."""

    def __init__(self, tokens: list[str]) -> None:
        self.tokens = tokens
        self.place = 0

    def peek(self) -> str:
        return self.tokens[self.place] if self.place < len(self.tokens) else ""

    def take(self, *wanted: str) -> str:
        token = self.peek()
        if not token or (wanted and token not in wanted):
            raise _Failed
        self.place += 1
        return token

    def sum(self, depth: int) -> Node:
        if depth > _DEEPEST:
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
        if depth > _DEEPEST:
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
        if token[0].isalpha():
            token = token.replace("{", "").replace("}", "")  # x_{1} is x_1.
            return ("var", {"pi": "π", "theta": "θ", "omega": "ω", "lambda": "λ", "μ": "µ"}.get(token, token))
        raise _Failed


def _agree(one: Node, other: Node) -> bool:
    """Whether two formulas of the same variables have the same values at three points."""
    names = sorted(_variables(one))
    if names != sorted(_variables(other)):
        return False
    try:
        for shift, point in enumerate(_POINTS):
            values = {name: point + _APART * ((index + shift) % 7) for index, name in enumerate(names)}
            if not math.isclose(_value(one, values), _value(other, values), rel_tol=1e-9, abs_tol=1e-9):
                return False
    except (ArithmeticError, ValueError):
        return False
    return True


def _variables(node: Node) -> set[str]:
    if node[0] == "var":
        return {node[1]} - {"π"}
    return set().union(*(_variables(child) for child in node[1:] if isinstance(child, tuple)))


def _value(node: Node, values: Mapping[str, float]) -> float:
    """The value of a formula; ArithmeticError or ValueError where it has none, or one too great to compare."""
    kind = node[0]
    if kind == "num":
        return float(node[1])
    if kind == "var":
        return math.pi if node[1] == "π" else values[node[1]]
    if kind == "call":
        return float(getattr(math, node[1])(_value(node[2], values)))
    if kind == "neg":
        return -_value(node[1], values)
    left, right = _value(node[1], values), _value(node[2], values)
    if abs(left) > _LARGEST or abs(right) > _LARGEST:
        raise OverflowError
    if kind == "+":
        return left + right
    if kind == "*":
        return left * right
    result = left / right if kind == "/" else left**right
    if not isinstance(result, float):
        raise ValueError  # the root of a negative number
    return result
