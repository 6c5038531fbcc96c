"""A task's figures as JSON and as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from harness.core.types import TaskResult
from harness.reports.text import UNKNOWN, interval, number, p_value, plain_table, signed, span

if TYPE_CHECKING:
    from harness.runs.comparison import TaskComparison

SHOWN: Final = 5
"""Ids that a line names; `--json` has all."""
_STORED: Final = ("value", "stderr", "low", "high", "n")
_RANGE: Final = ("n_unsettled", "if_wrong", "if_right")
_DIGITS: Final = 4
_PLAIN: Final = (1.0, _DIGITS)
"""How figures are shown: as shares, in which one of ten thousand samples can be seen."""


def task_json(result: TaskResult) -> dict[str, Any]:
    """A task's figures, as `harness score --json` prints them; `None` (null) is what is not known."""
    stored = asdict(result)
    headline = stored["metrics"].get(result.headline, {})
    keys = (*_STORED, *_RANGE) if result.unsettled else _STORED
    return stored | {
        "headline": {"metric": result.headline, "value": headline.get("value"), "stderr": headline.get("stderr")},
        "metrics": {name: {key: of[key] for key in keys} for name, of in stored["metrics"].items()},
    }


def print_task(result: TaskResult, differing: list[str], *, judge: str | None) -> None:
    """Print a task's figures for people.

    Args:
        result: the figures.
        differing: ids of the first few samples on which the two verdicts differ.
        judge: identity of the judge that was asked about what the rules could not settle.
    """
    unsettled = result.unsettled > 0
    rows = [
        [
            metric.name + (" *" if metric.name == result.headline else ""),
            number(metric.value, *_PLAIN),
            *([span(metric.range, *_PLAIN) or UNKNOWN] * unsettled),
            number(metric.stderr, *_PLAIN),
            interval(metric.low, metric.high, *_PLAIN) or UNKNOWN,
            number(result.official.get(metric.name), *_PLAIN),
            metric.n,
            metric.n_unanswered,
            *([metric.n_unsettled] * unsettled),
        ]
        for metric in result.metrics.values()
    ]
    headers = [result.task, "strict", *(["range"] * unsettled), "stderr", "95 % interval", "official", "n"]
    headers += ["unanswered", *(["unsettled"] * unsettled)]
    print(plain_table(headers, rows, align=["left"] + ["right"] * (len(headers) - 1)))
    print("* headline.  Standard errors and intervals are those of the strict value.")
    print(
        f"{result.samples} samples: {_rate(result.unanswered, result.samples)} unanswered (refused, empty or cut off; "
        f"counted wrong), {_rate(result.truncated, result.samples)} cut off, "
        f"{_rate(result.errors, result.samples)} errors (left out)"
    )
    if judge:
        print(f"judge of answers that the rules cannot read or settle: {judge}")
    if unsettled:
        why = "the judge gave no verdict" if judge else "no judge was given; see --judge"
        parts = [
            f"{_rate(count, result.samples)} {what}"
            for count, what in (
                (result.not_understood, "not understood, no rule reads them"),
                (result.undecided, "undecided, no rule tells whether they are right"),
            )
            if count
        ]
        print(f"unsettled, counted wrong ({why}): {'; '.join(parts)}")
        print("range: what the strict value would be if all of these were wrong, or right; --explain ID shows one")
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
    if any(comparison.unsettled):
        print("{} answers in A and {} in B are not understood or undecided.".format(*comparison.unsettled), end=" ")
        turned = [
            f"{item.name} (B - A from {signed(item.least, *_PLAIN)} to {signed(item.greatest, *_PLAIN)})"
            for item in comparison.metrics
            if item.could_turn
        ]
        says = "could turn the verdict over on" if turned else "cannot turn over a difference of this table."
        print(f"Read otherwise, they {says}{_examples(turned)}")
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
