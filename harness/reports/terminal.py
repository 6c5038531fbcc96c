"""A task's figures as JSON and as a table, and what did not work, in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from harness.core.console import show
from harness.core.types import TaskResult
from harness.reports.differences import change, verdict
from harness.reports.run_report import REPORT
from harness.reports.text import UNKNOWN, counted, error_of, factor_of, interval, number, plain_table, signed, span
from harness.runs.records import SAMPLES

if TYPE_CHECKING:
    from harness.evaluation.run import Outcome
    from harness.runs.comparison import TaskComparison

SHOWN: Final = 5
"""Ids that a line names; `--json` has all."""
_STORED: Final = ("value", "stderr", "low", "high", "n")
_RANGE: Final = ("n_unsettled", "if_wrong", "if_right")
_DIGITS: Final = 4
_PLAIN: Final = (1.0, _DIGITS)
"""How figures are shown: as shares, in which one of ten thousand samples can be seen."""
_FIGURES: Final = 2
"""Tested figures of a task that are shown by default."""


def problems(outcome: Outcome, *, max_failures: int) -> Iterator[str]:
    """What did not work in a finished evaluation: a judge that gave no verdicts, and samples that could not be scored.

    Args:
        outcome: of the evaluation.
        max_failures: failed samples that are tolerated.
    """
    if outcome.judge_problem is not None:
        end = "" if outcome.judge_problem.endswith((".", "?")) else "."
        yield f"{outcome.judge_problem}{end} Start the same run again to ask it again."
    if outcome.failures > max_failures:
        named = "; ".join(str(path / SAMPLES) for path in outcome.failed_repeats)
        yield (
            f"{outcome.failures} samples could not be scored (tolerated: {max_failures}); {outcome.folder / REPORT} "
            f"names them{f', and those of the repeats are in {named}' if named else ''}. Start the same run again to "
            "try them again."
        )


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
            error_of(metric.stderr, *_PLAIN),
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
    show(plain_table(headers, rows, align=["left"] + ["right"] * (len(headers) - 1)))
    show("* headline.  Standard errors and intervals are those of the strict value.")
    show(
        f"{result.samples} samples: {_rate(result.unanswered, result.samples)} unanswered (refused, empty or cut off; "
        f"counted wrong), {_rate(result.truncated, result.samples)} cut off, "
        f"{_rate(result.errors, result.samples)} errors (left out)"
    )
    if judge:
        show(f"judge of answers that the rules cannot read or settle: {judge}")
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
        show(f"unsettled, counted wrong ({why}): {'; '.join(parts)}")
        show("range: what the strict value would be if all of these were wrong, or right; --explain ID shows one")
    if result.disagreements:
        more = ", ..." if result.disagreements > len(differing) else ""
        counts = f"{result.disagreements} of {result.samples} samples"
        show(f"strict and official differ on {counts}: {', '.join(differing)}{more}")


def print_comparison(comparison: TaskComparison, *, full: bool) -> None:
    """Print one task's comparison for people, in eight lines at most.

    Args:
        comparison: of the task.
        full: print every figure too.
    """
    tested = [item for item in comparison.metrics if item.family]
    shown = [item for item in comparison.metrics if full or item.family] or comparison.metrics[:1]
    scales = {item.name: factor_of(item.scale) for item in comparison.metrics}
    left = comparison.left_out
    parts = (
        (left.only_a, "only in A"),
        (left.only_b, "only in B"),
        (left.errors, "without a response"),
        (left.incomplete, "of incomplete pairs or groups"),
    )
    without = ", ".join(f"{count} {what}" for count, what in parts if count)
    show(f"\n{comparison.task}: {counted(comparison.samples, 'sample')} in both{without and f'. Left out: {without}'}")
    rows = [
        [item.name, number(item.a, scale), number(item.b, scale), change(item, scale), verdict(item, scale)]
        for item in (shown if full else shown[:_FIGURES])
        for scale in [scales[item.name]]
    ]
    if full:
        headers = [
            "",
            "A",
            "B",
            "B - A",
            "",
        ]
        show(plain_table(headers, rows, align=["left", "right", "right", "right", "left"]))
    else:
        for name, a, b, difference, said in rows:
            show(f"  {name}: {a} → {b}, {difference}: {said}")
        if len(tested) > _FIGURES:
            show(f"  and {counted(len(tested) - _FIGURES, 'tested figure')} more; --all shows them")
    if any(comparison.unsettled):
        turned = [
            f"{item.name} (B - A from {signed(item.least, scale)} to {signed(item.greatest, scale)})"
            for item in shown
            for scale in [scales[item.name]]
            if item.could_turn
        ]
        says = f"could turn over {', '.join(turned[:_FIGURES])}" if turned else "cannot turn a difference over"
        answers = "{} answers in A and {} in B".format(*comparison.unsettled)
        show(f"  unsettled: {answers}, which no rule reads or settles; they {says}")
    for name, ids in (
        ("newly hallucinated", comparison.newly_hallucinated),
        ("broken", comparison.broken),
        ("fixed", comparison.fixed),
    ):
        show(f"  {name}: {len(ids)}{_examples(ids)}")


def _examples(ids: Sequence[str]) -> str:
    shown = ", ".join(ids[:SHOWN])
    return f" ({shown}{', ...' if len(ids) > SHOWN else ''})" if ids else ""


def _rate(count: int, total: int) -> str:
    return f"{count} ({number(count / total)} %)" if total else f"{count}"
