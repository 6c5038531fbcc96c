"""The diagnostics as a section of `report.md`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from harness.diagnostics.attribution import CAUSES, DEFINITIONS
from harness.diagnostics.run_folder import PAGE, read_diagnostics

_EXAMPLES: Final = 3


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
        yield f"- Missing: {escape_markdown(line)}"
    if data["missing"]:
        yield ""
    if data["attribution"]:
        yield from _attribution(data["attribution"])
        yield ""
    for part in dict.fromkeys(name.split("/", 1)[0] for name in data["metrics"]):
        yield f"### Diagnostics of {part}" if part != "all" else "### Diagnostics over all tasks"
        yield ""
        yield from _figures(part, data["metrics"])
        yield ""
    from harness.diagnostics.conflict import conflict_lines

    yield from conflict_lines(folder)
    if data["judge"] is not None:
        yield from _judge(data["judge"])
        yield ""


def _attribution(attribution: Mapping[str, Any]) -> Iterator[str]:
    tasks = list(attribution)
    yield from table(
        ["wrong answers", *tasks, "which means", "e.g."],
        [
            [
                cause,
                *(str(attribution[task][cause]["n"]) if cause in attribution[task] else "–" for task in tasks),
                DEFINITIONS[cause],
                _ids([id for task in tasks for id in attribution[task].get(cause, {}).get("examples", [])]),
            ]
            for cause in CAUSES
        ],
    )


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
        rows.append(
            [
                escape_markdown(measure),
                show(figure["value"], figure["scale"]),
                show(figure["stderr"], figure["scale"]),
                f"[{show(figure['low'], figure['scale'])}, {show(figure['high'], figure['scale'])}]"
                if figure["low"] is not None
                else "–",
                str(figure["n"]),
                _ids(figure["examples"]),
            ]
        )
    yield from table(["figure", "% or number", "s.e.", "95 % interval", "n", "e.g."], rows)
    for reason, names in absent.items():
        yield ""
        yield f"{escape_markdown(', '.join(names))}: {escape_markdown(reason)}."


def _judge(judge: Mapping[str, Any]) -> Iterator[str]:
    identity = escape_markdown(judge["identity"])
    yield f"Judge: {identity}; {judge['questions']} questions, {judge['failures']} not answered."
    checks = [
        f"{name.split('/')[1].replace('_', ' ')} {show(figure['value'], 'share')} % (n = {figure['n']})"
        for name, figure in judge.get("check", {}).items()
        if figure["value"] is not None
    ]
    if checks:
        yield ""
        yield f"Accuracy of the judge: {'; '.join(checks)}."


def show(value: float | None, scale: str) -> str:
    """A share in percent with one digit, a number with one digit, a dash for what is not known."""
    if value is None:
        return "–"
    return f"{100 * value:.1f}" if scale == "share" else f"{value:.1f}"


def table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """The lines of a table; none without rows."""
    if not rows:
        return
    yield f"| {' | '.join(headers)} |"
    yield f"|{'---|' * len(headers)}"
    yield from (f"| {' | '.join(row)} |" for row in rows)


def _ids(ids: Sequence[str]) -> str:
    return ", ".join(f"`{id.replace('`', '').replace('|', '/')}`" for id in ids[:_EXAMPLES]) or "–"


def escape_markdown(text: str) -> str:
    """A text that shows as itself."""
    for character in "\\`*_[]<>|#":
        text = text.replace(character, f"\\{character}")
    return text


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
    causes = [[cause, *(data["attribution"][task].get(cause, {}).get("n", "–") for task in tasks)] for cause in CAUSES]
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
    from harness.diagnostics.conflict import conflict_summary

    yield from conflict_summary(folder)
    page = folder / PAGE
    if page.exists():
        yield ""
        yield f"report: {page}"


def _with_error(figure: Mapping[str, Any]) -> str:
    if figure.get("value") is None:
        return "–"
    value = show(figure["value"], figure["scale"])
    return value if figure["stderr"] is None else f"{value} ± {show(figure['stderr'], figure['scale'])}"
