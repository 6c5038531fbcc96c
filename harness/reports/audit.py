"""The reading audit as people see it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from harness.core.types import Audit
from harness.reports.markdown import code, escape, table
from harness.reports.text import UNKNOWN, interval, name_some, number, one_line, plain_table

_SHOWN: Final = 5
"""Disagreements that a terminal shows; the report and `--json` have all."""
_KINDS: Final = {"yes_no": "yes/no", "choice": "choice", "open": "open"}
_HEADERS: Final = ("reading audit", "the judge agrees %", "95 % interval", "asked", "failed", "read by rules")


def audit_table(audit: Audit) -> str:
    """The agreement of judge and rules for a terminal, one row a kind of question; empty where no rule read any."""
    if not audit.kinds:
        return ""
    rows = plain_table(list(_HEADERS), _rows(audit), align=["left"] + ["right"] * (len(_HEADERS) - 1))
    differing = [
        f"{one.sample_id} (the rules: {one_line(one.read)}; the judge: {one_line(one.judge)})"
        for one in audit.disagreements
    ]
    return f"{rows}\nthey differ on {name_some(differing, _SHOWN)}" if differing else rows


def audit_lines(audit: Audit) -> Iterator[str]:
    """The audit as a section of `report.md`, with every answer on which judge and rules disagree."""
    yield "## Reading audit"
    yield ""
    yield (
        f"Of the answers that rules read, up to {audit.wanted} of each kind, drawn at random, went to the judge too. "
        "It may err itself: look at the answers on which the two disagree. Those on which it failed are left out."
    )
    yield ""
    yield table(list(_HEADERS), _rows(audit))
    if audit.disagreements:
        yield ""
        rows = [
            [f"{code(one.task)} {code(one.sample_id)}", escape(one.rule), escape(one.read), escape(one.judge)]
            for one in audit.disagreements
        ]
        yield table(["sample", "rule", "the rules read", "the judge reads"], rows, align=["left"] * 4)


def _rows(audit: Audit) -> list[list[object]]:
    return [
        [
            _KINDS.get(kind, kind),
            number(agreement.value),
            interval(agreement.low, agreement.high) or UNKNOWN,
            agreement.n + agreement.failures,
            agreement.failures,
            agreement.read,
        ]
        for kind, agreement in audit.kinds.items()
    ]
