"""The diagnostics as a section of `report.md`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from harness.diagnostics.attribution import CAUSES, DEFINITIONS, Cause
from harness.diagnostics.figures import Figure
from harness.diagnostics.run_folder import DIAGNOSTICS, FINDINGS, read_diagnostics, read_figures
from harness.reports.conflict import conflict_lines, conflict_summary
from harness.reports.markdown import code, escape, table
from harness.reports.text import UNKNOWN, error_of, interval, number, plain_table, with_error

PAGE: Final = "report.html"
"""The page of a diagnosed run, in its folder."""
_EXAMPLES: Final = 3
"""Ids in a table's cell; `diagnostics.json` has more."""


def diagnostics_lines(folder: Path) -> Iterator[str]:
    """The lines of the diagnostics section of a run's `report.md`; none where the run was not diagnosed.

    Raises:
        StoreError: `diagnostics.json` cannot be read.
    """
    data = read_diagnostics(folder)
    if data is None:
        return
    yield "## Why it went wrong"
    yield ""
    if (folder / PAGE).exists():
        yield f"Every sample with its sections and images: [{PAGE}]({PAGE})."
        yield ""
    for line in data["missing"]:
        yield f"- Missing: {escape(line)}"
    if data["missing"]:
        yield ""
    if data["attribution"]:
        yield from _attribution(data["attribution"])
        yield ""
    for part, figures in groupby(read_figures(folder, data).values(), key=lambda of: of.metric.name.partition("/")[0]):
        yield f"### Diagnostics of {escape(part)}" if part != "all" else "### Diagnostics over all tasks"
        yield ""
        yield from _figures(figures)
        yield ""
    yield from conflict_lines(folder)
    if data["judge"] is not None:
        yield from _judge(data["judge"])
        yield ""


def _attribution(attribution: Mapping[str, Any]) -> Iterator[str]:
    rows = []
    for cause, counts in count_causes(attribution):
        examples = [key for causes in attribution.values() for key in causes.get(cause, {}).get("examples", [])]
        rows.append([cause, *counts, escape(DEFINITIONS[cause]), _ids(examples)])
    align = ["left", *["right"] * len(attribution), "left", "left"]
    yield table(["wrong answers", *map(escape, attribution), "which means", "e.g."], rows, align=align)


def count_causes(attribution: Mapping[str, Any]) -> list[tuple[Cause, list[Any]]]:
    """Each cause with its wrong answers in each task; a dash where a task was not told apart so far."""
    return [(cause, [of[cause]["n"] if cause in of else UNKNOWN for of in attribution.values()]) for cause in CAUSES]


def _figures(figures: Iterable[Figure]) -> Iterator[str]:
    kept = [of for of in figures if not of.spec.name.startswith("wrong_")]
    rows = [[escape(of.spec.title), *figure_cells(of), _ids(of.examples)] for of in kept if of.metric.value is not None]
    align = ["left", *["right"] * 4, "left"]
    yield table(["figure", "% or number", "s.e.", "95 % interval", "n", "e.g."], rows, align=align)
    for reason, names in why_absent(kept):
        yield ""
        yield f"{escape(names)}: {escape(reason)}."


def why_absent(figures: Iterable[Figure]) -> list[tuple[str, str]]:
    """Why figures have no value, and their titles."""
    names: dict[str, list[str]] = {}
    for figure in figures:
        if figure.metric.value is None:
            names.setdefault(figure.reason or "not known", []).append(figure.spec.title)
    return [(reason, ", ".join(of)) for reason, of in names.items()]


def _judge(judge: Mapping[str, Any]) -> Iterator[str]:
    identity = escape(judge["identity"])
    yield f"Judge: {identity}; {judge['questions']} questions, {judge['failures']} not answered."
    checks = [
        f"{name.split('/')[1].replace('_', ' ')} {number(figure['value'])} % (n = {figure['n']})"
        for name, figure in judge.get("check", {}).items()
        if figure["value"] is not None
    ]
    if checks:
        yield ""
        yield f"Accuracy of the judge: {'; '.join(checks)}."


def figure_cells(figure: Figure) -> list[Any]:
    """Value, standard error, interval and number of samples of a figure."""
    metric, scale = figure.metric, figure.spec.factor
    ends = interval(metric.low, metric.high, scale) or UNKNOWN
    return [number(metric.value, scale), error_of(metric.stderr, scale), ends, metric.n]


def _ids(ids: Sequence[str]) -> str:
    return ", ".join(map(code, ids[:_EXAMPLES])) or UNKNOWN


def cause_table(folder: Path) -> str | None:
    """The causes of a run's wrong answers, for a terminal; `None` where nothing could be told, as of direct answers.

    Raises:
        StoreError: `diagnostics.json` cannot be read.
    """
    attribution = (read_diagnostics(folder) or {}).get("attribution") or {}
    if not any({"perception", "reasoning"} & causes.keys() for causes in attribution.values()):
        return None
    rows = [[cause, *counts] for cause, counts in count_causes(attribution)]
    return plain_table(["wrong answers", *attribution], rows)


def summary_lines(folder: Path) -> Iterator[str]:
    """The diagnostics of a run for a terminal: causes, and the figures that have a value.

    Raises:
        StoreError: `diagnostics.json` cannot be read.
    """
    data = read_diagnostics(folder)
    if data is None:
        return
    tasks = list(data["attribution"])
    yield cause_table(folder) or ""
    rows, figures = [], read_figures(folder, data)
    for spec in {figure.spec.name: figure.spec for figure in figures.values()}.values():
        found = [figures.get(f"{task}/{spec.name}") for task in tasks]
        metrics = [None if of is None or of.metric.value is None else of.metric for of in found]
        if not spec.name.startswith("wrong_") and any(metrics):
            shown = (with_error(of.value, of.stderr, spec.factor) if of else UNKNOWN for of in metrics)
            rows.append([spec.title, *shown])
    yield ""
    yield plain_table(["figure (% ± s.e.)", *tasks], rows)
    yield from conflict_summary(folder)
    yield from ("", f"figures: {folder / DIAGNOSTICS}", f"findings: {folder / FINDINGS}")
    if (folder / PAGE).exists():
        yield f"report: {folder / PAGE}"
