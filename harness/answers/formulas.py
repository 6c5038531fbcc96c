"""Whether two short formulas are equal, by math-verify (SymPy), which is loaded with the first pair of them."""

from __future__ import annotations

import logging
import re
from typing import Final

_LENGTH: Final = 80
"""Characters of a formula; what is longer is working, or prose with a sign of equality."""
_FORMAL: Final = re.compile(r"[\\^=+*/√()]|\d\s?-\s?\d")
_PROSE: Final = re.compile(r"'|[a-z]{4}|[a-z]{2} [a-z]{2}")
_NAMES: Final = re.compile(
    r"\\?(?:sqrt|[dt]?frac|log|sin|cos|tan|exp|cdot|times|left|right|pi|theta|omega|lambda|mathrm|text)"
)
_COSTLY: Final = re.compile(r"\^[({\s]{0,3}[\w.]+[)}\s]{0,3}\^|\^\s?[({]?\s?-?\d{4}|\d{40}|!")
"""Towers and large powers, which SymPy would compute."""


def same_formula(given: str, wanted: str) -> bool:
    """Whether two texts are equal formulas, in plain or LaTeX notation; what is none is equal to nothing."""
    if not any(_FORMAL.search(text) for text in (given, wanted)):
        return False
    for text in (given, wanted):
        if len(text) > _LENGTH or _PROSE.search(_NAMES.sub(" ", text)) or _COSTLY.search(text):
            return False
    from math_verify import parse, verify

    logging.getLogger("math_verify").setLevel(logging.CRITICAL)
    try:
        one, other = (parse(f"${_latex(text)}$", parsing_timeout=None) for text in (given, wanted))
        return bool(one and other and verify(other, one, timeout_seconds=None))
    except Exception:  # SymPy fails in many ways on what is no formula.
        return False


def _latex(text: str) -> str:
    text = re.sub(r"√\s?(\w+|\([^()]*\))", r"\\sqrt{\1}", text.strip().strip("$"))
    text = re.sub(r"(?<![\\\w])sqrt\s?\(([^()]*)\)", r"\\sqrt{\1}", text)
    text = re.sub(r"^(?:o(?=\s?\()|[a-z]\s?(?:\([a-z]\))?\s?=)", "", text)
    return re.sub(r"(?<![\\\w])log", r"\\log", text)
