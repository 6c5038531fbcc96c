"""A task's figures as JSON and as a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from harness.core.types import TaskResult

if TYPE_CHECKING:
    from harness.runs.comparison import TaskComparison

SHOWN = 5


def task_json(result: TaskResult) -> dict[str, Any]:
    """A task's figures, as `harness score --json` prints them; `None` (null) is what is not known."""
    headline = result.metrics.get(result.headline)
    return {
        "task": result.task,
        "headline": {
            "metric": result.headline,
            "value": headline.value if headline else None,
            "stderr": headline.stderr if headline else None,
        },
        "metrics": {
            name: {
                "value": metric.value,
                "stderr": metric.stderr,
                "low": metric.low,
                "high": metric.high,
                "n": metric.n,
            }
            for name, metric in result.metrics.items()
        },
        "official": dict(result.official),
        "samples": result.samples,
        "unanswered": result.unanswered,
        "truncated": result.truncated,
        "errors": result.errors,
        "unsettled": result.unsettled,
        "disagreements": result.disagreements,
    }


def print_task(result: TaskResult, differing: list[str], *, judge: str | None) -> None:
    """Print a task's figures for people.

    Args:
        result: the figures.
        differing: ids of the first few samples on which the two verdicts differ.
        judge: identity of the judge that was asked about what the rules could not settle.
    """
    from tabulate import tabulate

    rows = [
        [
            metric.name + (" *" if metric.name == result.headline else ""),
            show(metric.value),
            show(metric.stderr),
            f"{show(metric.low)} .. {show(metric.high)}" if metric.low is not None else "-",
            show(result.official.get(metric.name)),
            metric.n,
            metric.n_unanswered,
        ]
        for metric in result.metrics.values()
    ]
    headers = [result.task, "strict", "stderr", "95 % interval", "official", "n", "unanswered"]
    print(tabulate(rows, headers=headers, disable_numparse=True, colalign=["left"] + ["right"] * 6))
    print("* headline.  Standard errors and intervals are those of the strict value.")
    print(
        f"{result.samples} samples: {_rate(result.unanswered, result.samples)} unanswered (counted wrong), "
        f"{_rate(result.truncated, result.samples)} cut off, {_rate(result.errors, result.samples)} errors (left out)"
    )
    if judge:
        print(f"judge of open-ended answers: {judge}")
    if result.unsettled:
        why = "the judge gave no verdict" if judge else "no judge was given; see --judge"
        print(f"{result.unsettled} answers that no rule settles, counted wrong ({why})")
    if result.disagreements:
        more = ", ..." if result.disagreements > len(differing) else ""
        counts = f"{result.disagreements} of {result.samples} samples"
        print(f"strict and official differ on {counts}: {', '.join(differing)}{more}")


def print_comparison(comparison: TaskComparison) -> None:
    """Print one task's comparison for people."""
    from tabulate import tabulate

    left = comparison.left_out
    print(
        f"\n{comparison.task}: {comparison.samples} samples in both. Left out: {left.only_a} only in A, "
        f"{left.only_b} only in B, {left.errors} without a response, {left.incomplete} of incomplete pairs or groups."
    )
    rows = [
        [
            item.name,
            show(item.a),
            show(item.b),
            "-" if item.difference is None else f"{item.difference:+.4f}",
            f"{item.low:+.4f} .. {item.high:+.4f}" if item.low is not None and item.high is not None else "-",
            show_p(item.p),
            show_p(item.p_holm),
            item.test or "-",
            "-" if item.n_for_point is None else item.n_for_point,
        ]
        for item in comparison.metrics
    ]
    headers = ["", "A", "B", "B - A", "95 % interval", "p", "p (Holm)", "test", "n for 1 point"]
    if rows:
        print(tabulate(rows, headers=headers, disable_numparse=True, colalign=["left"] + ["right"] * 8))
    for name, ids in (
        ("fixed", comparison.fixed),
        ("broken", comparison.broken),
        ("newly hallucinated", comparison.newly_hallucinated),
    ):
        print(f"{name}: {len(ids)}{_examples(ids)}")


def _examples(ids: Sequence[str]) -> str:
    shown = ", ".join(ids[:SHOWN])
    return f" ({shown}{', ...' if len(ids) > SHOWN else ''})" if ids else ""


def show(value: float | None, digits: int = 4) -> str:
    """A figure for a table; `-` when it is not known."""
    return "-" if value is None else f"{value:.{digits}f}"


def show_p(value: float | None) -> str:
    """A p-value for a table; `-` when nothing was tested."""
    return "<0.0001" if value is not None and value < 0.0001 else show(value)


def _rate(count: int, total: int) -> str:
    return f"{count} ({100 * count / total:.1f} %)" if total else f"{count}"
