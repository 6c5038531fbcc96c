"""The first screen of the report page: how good the answers are, against not looking, and why they are wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from harness.core.types import RunRecord, TaskResult
from harness.diagnostics.attribution import CAUSES, DEFINITIONS
from harness.reports.plots import CAUSE_TONES
from harness.reports.run_report import floor_of, range_cell
from harness.reports.text import interval, number, scale_of

if TYPE_CHECKING:
    from harness.diagnostics.diagnose import Diagnosis
    from harness.diagnostics.evidence import Evidence


def summary(diagnosis: Diagnosis) -> str:
    """How many answers are wrong, and what most of them went wrong in."""
    asked = len(diagnosis.evidence)
    failed = sum(item.record.response.error is not None for item in diagnosis.evidence)
    wrong = sum(not item.is_right for item in diagnosis.evidence) - failed
    line = f"{wrong} of {asked - failed} answers are wrong."
    if failed:
        line += f" Of {failed} more samples there is no response."
    totals = {cause: sum(of.get(cause, {}).get("n", 0) for of in diagnosis.attribution.values()) for cause in CAUSES}
    unknown = totals.pop("unattributed")
    cause = max(totals, key=lambda of: totals[of])
    if totals[cause]:
        line += f" {totals[cause]} of them went wrong in {cause}: {DEFINITIONS[cause]}."
    elif unknown:
        line += " What they went wrong in could not be told."
    return line


def verdicts(diagnosis: Diagnosis, run: RunRecord | None) -> Iterator[dict[str, Any]]:
    """One row a task: its headline, what is had without looking, and its wrong answers by cause.

    Args:
        diagnosis: what was found.
        run: the run's record; `None`: there are no scores.
    """
    by_task: dict[str, list[Evidence]] = {task: [] for task in diagnosis.attribution}
    for item in diagnosis.evidence:
        by_task[item.sample.task].append(item)
    for task, items in by_task.items():
        result = run.tasks.get(task) if run is not None else None
        yield {
            "task": task,
            "title": task_title(run, task),
            **_wrong(items, diagnosis.attribution[task]),
            "score": None if run is None or result is None else _score(run, result, diagnosis.blind_headlines),
        }


def task_title(run: RunRecord | None, task: str) -> str:
    """A task as its authors write it."""
    facts = run.benchmarks.get(task) if run is not None else None
    return facts.title if facts is not None else task


def headline_title(run: RunRecord, result: TaskResult) -> str:
    """The headline of a task in words."""
    facts = run.benchmarks.get(result.task)
    return facts.headline_title if facts is not None and facts.headline_title else result.headline


def _score(run: RunRecord, result: TaskResult, blind: Mapping[str, float | None]) -> dict[str, Any]:
    metric = result.metrics[result.headline]
    scale = scale_of(metric)
    unit = " %" if scale == 100 else ""
    floor = floor_of(result, blind)
    told = {name: value for name, value in floor.values.items() if value is not None}
    notes = []
    if result.unsettled:
        notes.append(f"{range_cell(metric)} if a judge settled {result.unsettled} more")
    official = result.official.get(result.headline)
    if official is not None and number(official, scale) != number(metric.value, scale):
        notes.append(f"{number(official, scale)} by the official scoring")
    return {
        "measure": headline_title(run, result),
        "value": number(metric.value, scale) + unit,
        "ends": interval(metric.low, metric.high, scale),
        "places": {
            name: None if place is None or scale != 100 else round(min(max(100 * place, 0), 100), 2)
            for name, place in (("value", metric.value), ("low", metric.low), ("high", metric.high))
        },
        "without": [(name, round(100 * value, 2)) for name, value in told.items()],
        "told": ", ".join(f"{name} {number(value, scale)}{unit}" for name, value in told.items()) or "not known",
        "is_beyond": floor.is_beyond,
        "notes": notes,
    }


def _wrong(items: Sequence[Evidence], causes: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    failed = sum(item.record.response.error is not None for item in items)
    answered = len(items) - failed
    counts = [
        (cause, tone, int(causes[cause]["n"]), round(100 * causes[cause]["n"] / answered, 2))
        for cause, tone in zip(CAUSES, CAUSE_TONES, strict=True)
        if cause in causes and causes[cause]["n"]
    ]
    return {"wrong": sum(count for *_, count, _ in counts), "answered": answered, "failed": failed, "causes": counts}
