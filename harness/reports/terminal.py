"""A task's figures as JSON and as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from harness.core.types import TaskResult
from harness.reports.text import UNKNOWN, interval, number, p_value, plain_table, signed

if TYPE_CHECKING:
    from harness.runs.comparison import TaskComparison

SHOWN: Final = 5
"""Ids that a line names; `--json` has all."""
_STORED: Final = ("value", "stderr", "low", "high", "n")
_DIGITS: Final = 4
_PLAIN: Final = (1.0, _DIGITS)
"""How figures are shown: as shares, in which one of ten thousand samples can be seen."""


def task_json(result: TaskResult) -> dict[str, Any]:
    """A task's figures, as `harness score --json` prints them; `None` (null) is what is not known."""
    stored = asdict(result)
    headline = stored["metrics"].get(result.headline, {})
    return stored | {
        "headline": {"metric": result.headline, "value": headline.get("value"), "stderr": headline.get("stderr")},
        "metrics": {name: {key: of[key] for key in _STORED} for name, of in stored["metrics"].items()},
    }


def print_task(result: TaskResult, differing: list[str], *, judge: str | None) -> None:
    """Print a task's figures for people.

    Args:
        result: the figures.
        differing: ids of the first few samples on which the two verdicts differ.
        judge: identity of the judge that was asked about what the rules could not settle.
    """
    rows = [
        [
            metric.name + (" *" if metric.name == result.headline else ""),
            number(metric.value, *_PLAIN),
            number(metric.stderr, *_PLAIN),
            interval(metric.low, metric.high, *_PLAIN) or UNKNOWN,
            number(result.official.get(metric.name), *_PLAIN),
            metric.n,
            metric.n_unanswered,
        ]
        for metric in result.metrics.values()
    ]
    headers = [result.task, "strict", "stderr", "95 % interval", "official", "n", "unanswered"]
    print(plain_table(headers, rows, align=["left"] + ["right"] * 6))
    print("* headline.  Standard errors and intervals are those of the strict value.")
    print(
        f"{result.samples} samples: {_rate(result.unanswered, result.samples)} unanswered (counted wrong), "
        f"{_rate(result.truncated, result.samples)} cut off, {_rate(result.errors, result.samples)} errors (left out)"
    )
    if judge:
        print(f"judge of answers that the rules cannot read or settle: {judge}")
    if result.unsettled:
        why = "the judge gave no verdict" if judge else "no judge was given; see --judge"
        print(f"{result.unsettled} answers that no rule settles, counted wrong ({why})")
    if result.disagreements:
        more = ", ..." if result.disagreements > len(differing) else ""
        counts = f"{result.disagreements} of {result.samples} samples"
        print(f"strict and official differ on {counts}: {', '.join(differing)}{more}")


def print_comparison(comparison: TaskComparison) -> None:
    """Print one task's comparison for people."""
    left = comparison.left_out
    print(
        f"\n{comparison.task}: {comparison.samples} samples in both. Left out: {left.only_a} only in A, "
        f"{left.only_b} only in B, {left.errors} without a response, {left.incomplete} of incomplete pairs or groups."
    )
    rows = [
        [
            item.name,
            number(item.a, *_PLAIN),
            number(item.b, *_PLAIN),
            signed(item.difference, *_PLAIN),
            interval(item.low, item.high, *_PLAIN) or UNKNOWN,
            p_value(item.p, _DIGITS),
            p_value(item.p_holm, _DIGITS),
            item.test or UNKNOWN,
            UNKNOWN if item.n_for_point is None else item.n_for_point,
        ]
        for item in comparison.metrics
    ]
    headers = ["", "A", "B", "B - A", "95 % interval", "p", "p (Holm)", "test", "n for 1 point"]
    if rows:
        print(plain_table(headers, rows, align=["left"] + ["right"] * 8))
    for name, ids in (
        ("fixed", comparison.fixed),
        ("broken", comparison.broken),
        ("newly hallucinated", comparison.newly_hallucinated),
    ):
        print(f"{name}: {len(ids)}{_examples(ids)}")


def _examples(ids: Sequence[str]) -> str:
    shown = ", ".join(ids[:SHOWN])
    return f" ({shown}{', ...' if len(ids) > SHOWN else ''})" if ids else ""


def _rate(count: int, total: int) -> str:
    return f"{count} ({number(count / total)} %)" if total else f"{count}"
