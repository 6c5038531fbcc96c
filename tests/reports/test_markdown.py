"""Markdown: foreign texts stay text, and tables keep their columns."""

from __future__ import annotations

import re

import pytest
from support_leaderboards import HOSTILE

from harness.reports.markdown import code, escape, link, table


@pytest.mark.parametrize("text", HOSTILE)
def test_foreign_texts_stay_one_cell_of_plain_text(text: str) -> None:
    for cell in (escape(text), code(text)):
        assert "\n" not in cell
        assert len(re.findall(r"(?<!\\)\|", cell)) == 0
    shown = escape(text)
    assert not set("<>") & set(shown)
    assert not re.search(r"(?<!\\)[`*_\[\]$~]", shown)


def test_names_are_code_unless_code_cannot_hold_them() -> None:
    assert code("random/1") == "`random/1`"
    assert code("a`b") == "a\\`b"
    assert code("a|b") == "a\\|b"
    assert code("") == ""


def test_links_cannot_be_left() -> None:
    assert link("a](b", "https://x.y/(z)") == "[a\\](b](https://x.y/%28z%29)"
    assert link("a*b", None) == "a\\*b"


def test_a_table_aligns_its_columns_and_is_nothing_without_rows() -> None:
    assert table(["a", "b"], [["x", 1], ["yy", "2.0"]]).splitlines()[1] == "|:----|----:|"
    assert table(["a", "b"], [["x", "1"]], align=["left", "left"]).splitlines()[1] == "|:----|:----|"
    assert table(["a"], []) == ""
