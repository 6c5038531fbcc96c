"""What is printed holds nothing that a terminal obeys, and JSON stays what it was."""

import json
import re
from pathlib import Path

import pytest

from harness.core.console import clean, show, to_json

HOSTILE = "a\x1b[31mred\x1b]0;title\x07 b\u202egnp.exe\u2066 c\x9b2J d\x7f e\rf g\u200bh\u2028i\tj\ud800"


def test_controls_and_directions_are_replaced_one_for_one() -> None:
    shown = clean(HOSTILE + "\nline")
    assert len(shown) == len(HOSTILE) + 5
    assert shown.endswith("\nline")
    assert all(letter == "\n" or letter.isprintable() for letter in shown)
    assert clean("naïve 図\u3000x\xa0y — “fine”") == "naïve 図 x y — “fine”"


def test_json_says_what_it_said(capsys: pytest.CaptureFixture[str]) -> None:
    value = {HOSTILE: [HOSTILE, "図", 1.5, "\U000e0041 tag"]}
    text = to_json(value)
    assert json.loads(text) == value
    assert "図" in text
    show(text)
    assert json.loads(capsys.readouterr().out) == value


def test_nothing_is_printed_uncleaned() -> None:
    root = Path(__file__).parents[2]
    bare = [
        f"{path.relative_to(root)}: {line.strip()}"
        for room in ("harness", "trainers", "leaderboards")
        for path in (root / room).rglob("*.py")
        for line in path.read_text(encoding="utf-8").splitlines()
        if re.match(r"\s*print\(", line)
    ]
    allowed = ("core/console.py", "demo/build.py", "evaluation/progress.py", "explain_lines(")
    assert [line for line in bare if not any(name in line for name in allowed)] == []
