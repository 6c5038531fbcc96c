"""The diagnostics as a section of `report.md`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from harness.diagnostics.attribution import CAUSES, DEFINITIONS
from harness.diagnostics.run_folder import read_diagnostics
from harness.reports.conflict import conflict_lines, conflict_summary
from harness.reports.markdown import code, escape, table
from harness.reports.text import UNKNOWN, interval, number, with_error

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
    for part in dict.fromkeys(name.split("/", 1)[0] for name in data["metrics"]):
        yield f"### Diagnostics of {escape(part)}" if part != "all" else "### Diagnostics over all tasks"
        yield ""
        yield from _figures(part, data["metrics"])
        yield ""
    yield from conflict_lines(folder)
    if data["judge"] is not None:
        yield from _judge(data["judge"])
        yield ""


def _attribution(attribution: Mapping[str, Any]) -> Iterator[str]:
    tasks = list(attribution)
    rows = [
        [
            cause,
            *(attribution[task].get(cause, {}).get("n", UNKNOWN) for task in tasks),
            escape(DEFINITIONS[cause]),
            _ids([id for task in tasks for id in attribution[task].get(cause, {}).get("examples", [])]),
        ]
        for cause in CAUSES
    ]
    align = ["left", *["right"] * len(tasks), "left", "left"]
    yield table(["wrong answers", *map(escape, tasks), "which means", "e.g."], rows, align=align)


def _figures(part: str, metrics: Mapping[str, Any]) -> Iterator[str]:
    rows = []
    absent: dict[str, list[str]] = {}
    for name, figure in metrics.items():
        prefix, _, measure = name.partition("/")
        if prefix != part or measure.startswith("wrong_"):
            continue
        if figure["value"] is None:
            absent.setdefault(figure.get("reason", "not known"), []).append(measure)
            continue
        scale = factor(figure["scale"])
        rows.append(
            [
                escape(measure),
                number(figure["value"], scale),
                number(figure["stderr"], scale),
                interval(figure["low"], figure["high"], scale) or UNKNOWN,
                figure["n"],
                _ids(figure["examples"]),
            ]
        )
    align = ["left", *["right"] * 4, "left"]
    yield table(["figure", "% or number", "s.e.", "95 % interval", "n", "e.g."], rows, align=align)
    for reason, names in absent.items():
        yield ""
        yield f"{escape(', '.join(names))}: {escape(reason)}."


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


def factor(scale: str) -> float:
    """What a figure of that scale, `share` or `number`, is multiplied by for showing."""
    return 100.0 if scale == "share" else 1.0


def _ids(ids: Sequence[str]) -> str:
    return ", ".join(map(code, ids[:_EXAMPLES])) or UNKNOWN


def cause_table(folder: Path) -> str | None:
    """The causes of a run's wrong answers, for a terminal; `None` where nothing could be told, as of direct answers.

    Raises:
        StoreError: `diagnostics.json` cannot be read.
    """
    from tabulate import tabulate

    data = read_diagnostics(folder)
    if data is None or not data["attribution"]:
        return None
    tasks = list(data["attribution"])
    if not any(cause in data["attribution"][task] for task in tasks for cause in ("perception", "reasoning")):
        return None
    causes = [
        [cause, *(data["attribution"][task].get(cause, {}).get("n", UNKNOWN) for task in tasks)] for cause in CAUSES
    ]
    return tabulate(causes, headers=["wrong answers", *tasks], disable_numparse=True, stralign="right")


def summary_lines(folder: Path) -> Iterator[str]:
    """The diagnostics of a run for a terminal: causes, and the figures that have a value.

    Raises:
        StoreError: `diagnostics.json` cannot be read.
    """
    from tabulate import tabulate

    data = read_diagnostics(folder)
    if data is None:
        return
    tasks = list(data["attribution"])
    yield cause_table(folder) or ""
    measures = dict.fromkeys(
        name.split("/", 1)[1] for name in data["metrics"] if not name.split("/", 1)[1].startswith("wrong_")
    )
    rows = []
    for measure in measures:
        figures = [data["metrics"].get(f"{task}/{measure}", {}) for task in tasks]
        if any(figure.get("value") is not None for figure in figures):
            rows.append([measure, *(_with_error(figure) for figure in figures)])
    yield ""
    yield tabulate(rows, headers=["figure (% ± s.e.)", *tasks], disable_numparse=True, stralign="right")
    yield from conflict_summary(folder)
    page = folder / PAGE
    if page.exists():
        yield ""
        yield f"report: {page}"


def _with_error(figure: Mapping[str, Any]) -> str:
    return with_error(figure.get("value"), figure.get("stderr"), factor(figure.get("scale", "share")))
