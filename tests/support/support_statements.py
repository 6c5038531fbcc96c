"""Statements about differences, as people read them: none of their parts may contradict another."""

from __future__ import annotations

import re

SHOWN = ("better", "worse", "changed")
DELTA = re.compile(r"(?P<sign>[▲▼=≠])? ?(?P<value>[+−]?\d+\.\d+)(?: \\?\[(?P<low>−?[\d.]+), (?P<high>−?[\d.]+)\\?\])?")


def number(text: str) -> float:
    return float(text.replace("−", "-"))


def check_text(sign: str | None, low: str | None, high: str | None, stars: str, where: str) -> None:
    """What is printed: a sign, an interval, stars."""
    if low is None or high is None:
        assert (sign, stars) in ((None, ""), ("", "")), where
        return
    excludes = not number(low) <= 0 <= number(high)
    assert excludes == bool(stars) == (sign in ("▲", "▼", "≠")), where
    assert number(low) <= number(high), where


def check_words(text: str, where: str) -> None:
    """A difference in words: `+4.3 [2.1, 6.5], better (p < 0.001)`."""
    match = DELTA.search(text)
    assert match is not None, where
    said = re.search(r"\b(better|worse|changed|no difference shown|not tested)\b", text)
    assert said is not None, where
    p = re.search(r"\(p (?P<less><|=) (?P<p>[\d.]+)", text)
    assert (p is None) == (said[1] == "not tested"), where
    if p is None:
        return
    below = float(p["p"]) <= 0.05 if p["less"] == "<" else float(p["p"]) < 0.05
    excludes = not number(match["low"]) <= 0 <= number(match["high"])
    assert (said[1] in SHOWN) == below == excludes, where
    assert ("excluded" in text) == (said[1] == "no difference shown"), where
