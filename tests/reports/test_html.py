"""Pages: every text is escaped, data cannot end their element, and the policy knows the scripts."""

from __future__ import annotations

import base64
import json
import re
from hashlib import sha256
from xml.etree.ElementTree import Element

import pytest

from harness.reports.html import render, script_json


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
    assert len(scripts) == 3
    known = {f"'sha256-{base64.b64encode(sha256(script.encode()).digest()).decode()}'" for script in scripts}
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    rules = dict(rule.split(" ", 1) for rule in policy[1].split("; "))
    assert rules["default-src"] == "'none'"
    assert set(rules["script-src"].split()) == known


def test_a_value_that_a_template_lacks_is_an_error() -> None:
    with pytest.raises(Exception, match="'groups' is undefined"):
        render("board.html", room="leaderboards", title="x", data="")
