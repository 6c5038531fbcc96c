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
    rows = plain_table(*agreements(audit), align=["left"] + ["right"] * (len(_HEADERS) - 1))
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
    yield table(*agreements(audit))
    if audit.disagreements:
        yield ""
        headers, rows = disagreements(audit)
        cells = [[f"{code(task)} {code(sample)}", *map(escape, rest)] for task, sample, *rest in rows]
        yield table(["sample", *headers[2:]], cells, align=["left"] * 4)


def disagreements(audit: Audit) -> tuple[list[str], list[list[str]]]:
    """Headers, and one row for each answer that the judge reads otherwise."""
    rows = [[one.task, one.sample_id, one.rule, one.read, one.judge] for one in audit.disagreements]
    return ["task", "sample", "rule", "the rules read", "the judge reads"], rows


def agreements(audit: Audit) -> tuple[list[str], list[list[object]]]:
    """Headers, and one row for each kind of question."""
    return list(_HEADERS), [
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
