"""Pages: every text is escaped, data cannot end their element, and the policy knows the scripts."""

from __future__ import annotations

import base64
import json
import re
from hashlib import sha256
from pathlib import Path
from xml.etree.ElementTree import Element

import pytest

from harness.reports.html import render, script_json

ROOT = Path(__file__).parents[2]


def test_script_json_cannot_end_its_element() -> None:
    encoded = str(script_json({"a": "</script><!--&\u2028"}))
    assert not set("<>&") & set(encoded)
    assert json.loads(encoded) == {"a": "</script><!--&\u2028"}


def test_a_page_shows_every_text_as_text_and_its_policy_knows_its_scripts() -> None:
    hostile = "<script>alert(1)</script>\u202e \"' \x07 & \ud83d"
    plot = Element("svg")
    plot.text = hostile
    page = render(
        "board.html",
        room="leaderboards",
        title=hostile,
        groups=[],
        files=[],
        reported=[],
        notes=[hostile, plot],
        data=script_json({"a": hostile}),
    )
    assert "<script>alert" not in page
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") == 4
    assert not {"\u202e", "\x07"} & set(page.partition('<script type="application/json"')[0].partition("<svg>")[0])
    scripts = re.findall(r"<script>(.*?)</script>", page, flags=re.S)
    assert len(scripts) == 4
    known = {f"'sha256-{base64.b64encode(sha256(script.encode()).digest()).decode()}'" for script in scripts}
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    rules = dict(rule.split(" ", 1) for rule in policy[1].split("; "))
    assert set(rules.pop("script-src").split()) == known
    assert rules == {
        "default-src": "'none'",  # So nothing is fetched, framed, connected to or embedded.
        "frame-src": "file: &#39;self&#39;",  # Reports of the runs, in a sandbox.
        "base-uri": "'none'",  # These two do not follow from it.
        "form-action": "'none'",
        "img-src": "data:",
        "style-src": "'unsafe-inline'",
    }


def test_every_page_has_the_policy_and_needs_nothing_that_it_forbids() -> None:
    templates = [
        path for room in ("harness", "leaderboards", "trainers") for path in (ROOT / room).rglob("templates/*")
    ]
    pages = [path for path in templates if path.suffix == ".html" and "<html" in path.read_text()]
    assert [path.name for path in pages] == ["base.html"]
    for path in templates:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"\beval\(|new Function\b|javascript:|set(?:Timeout|Interval)\(\s*[\"'`]", text), path
        if path.suffix == ".html":
            is_part = text.startswith("{% macro")
            assert path.name in ("base.html", "macros.html") or is_part or text.startswith('{% extends "base.html" %}')
            assert not re.search(r"<[^>{]*\son\w+\s*=", text), path


def test_nothing_else_in_the_rooms_writes_a_page() -> None:
    """A page that is put together elsewhere would lack the policy."""
    rooms = (path for room in ("harness", "leaderboards", "trainers") for path in (ROOT / room).rglob("*.py"))
    assert [path for path in rooms if re.search(r"<!doctype|<html\b|<body\b", path.read_text(), re.IGNORECASE)] == []


def test_a_value_that_a_template_lacks_is_an_error() -> None:
    with pytest.raises(Exception, match="'groups' is undefined"):
        render("board.html", room="leaderboards", title="x", data="")
