"""`report.html`: scores, diagnostics as plots and tables, and a browser of all samples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from xml.etree.ElementTree import Element

from harness.core.files import write_atomically
from harness.core.types import RunRecord
from harness.diagnostics.attribution import CAUSES, DEFINITIONS
from harness.diagnostics.calibration import area_under_risk_coverage
from harness.diagnostics.calibration_metrics import confidence_bins, confidences
from harness.diagnostics.figures import Figure
from harness.reports.audit import agreements, disagreements
from harness.reports.conflict import ConflictMap, read_map
from harness.reports.diagnostics_report import PAGE, count_causes, figure_cells
from harness.reports.explaining import RuleCounts
from harness.reports.html import render, script_json
from harness.reports.page_data import page_data
from harness.reports.plots import CAUSE_TONES, Mark, bars, intervals, waterfall
from harness.reports.run_report import baseline_line, headline_rows
from harness.reports.text import number
from harness.reports.thumbnails import Thumbnails, make_thumbnails
from harness.runs.config import RUN
from harness.runs.folder import read_run

if TYPE_CHECKING:
    from harness.diagnostics.diagnose import Diagnosis
    from harness.diagnostics.evidence import Evidence
    from harness.media import OpenMedia

_LINKS: Final = 3
"""Examples in a table's cell; the list of samples has all."""

Captioned = tuple[str, str, Element]
"""A plot with its caption and a note."""


def write_page(folder: Path, diagnosis: Diagnosis, *, open_media: OpenMedia | None = None) -> Path:
    """Write `report.html` for a diagnosed run and give its path.

    Args:
        folder: the run folder; of an unfinished run the page has no scores.
        diagnosis: what was found in it.
        open_media: opens a sample's media for the thumbnails; `None`: there are none.

    Raises:
        StoreError: the folder cannot be written, or its `conflict.json` not be read.
    """
    run = read_run(folder) if (folder / RUN).exists() else None
    pictures = _pictures(diagnosis, open_media, run)
    name = folder.resolve().name
    page = render_page(diagnosis, run=run, name=name, pictures=pictures, conflict=read_map(folder))
    path = folder / PAGE
    write_atomically(path, page)
    return path


def _pictures(diagnosis: Diagnosis, open_media: OpenMedia | None, run: RunRecord | None) -> Thumbnails:
    if open_media is None:
        return Thumbnails(uris=[], of_sample={}, left_out=0, failed=0)
    # Wrong answers are what the page is looked at for: they come first while there is room.
    wrong_first = sorted(diagnosis.evidence, key=lambda item: item.is_right)
    facts = run.benchmarks if run is not None else {}
    shared = {task for task, of in facts.items() if of.clusters_share_media}
    return make_thumbnails((item.sample for item in wrong_first), open_media, shared=shared)


def render_page(
    diagnosis: Diagnosis, *, run: RunRecord | None, name: str, pictures: Thumbnails, conflict: ConflictMap | None = None
) -> str:
    """The page as text.

    Args:
        diagnosis: what was found.
        run: the run's record; `None` leaves the scores out.
        name: title of the page where there is no record.
        pictures: thumbnails.
        conflict: the sample-conflict map; `None` leaves it out.
    """
    by_task: dict[str, list[Evidence]] = {task: [] for task in diagnosis.attribution}
    for item in diagnosis.evidence:
        by_task[item.sample.task].append(item)
    parts = [
        (part, list(figures))
        for part, figures in groupby(diagnosis.figures, key=lambda figure: figure.metric.name.partition("/")[0])
    ]
    return render(
        "report.html",
        title=run.model if run is not None else name,
        facts=_facts(run, diagnosis),
        scores=None if run is None else headline_rows(run),
        baselines="" if run is None else baseline_line(run, diagnosis.blind_headlines),
        rules=_rules(diagnosis),
        audit=None if run is None or run.audit is None else (agreements(run.audit), disagreements(run.audit)),
        missing=diagnosis.missing,
        tasks=list(diagnosis.attribution),
        waterfalls=[(task, "", _waterfall(task, items, diagnosis)) for task, items in by_task.items()],
        causes=[(cause, counts, DEFINITIONS[cause]) for cause, counts in count_causes(diagnosis.attribution)],
        diagnostic_plots=[(_part_title(part), "%", _plot(part, figures)) for part, figures in parts],
        diagnostics=[(_part_title(part), [_row(part, figure) for figure in figures]) for part, figures in parts],
        reliability=list(_reliability(by_task)),
        conflict=conflict,
        conflict_plot=None if conflict is None else _histogram(conflict.histogram),
        judge=_judge(diagnosis),
        confusions=[(task, *_confusion(counts)) for task, counts in diagnosis.confusion.items()],
        pictures=pictures,
        data=script_json(page_data(diagnosis, pictures)),
    )


def _rules(diagnosis: Diagnosis) -> tuple[list[str], list[list[Any]]]:
    counts = RuleCounts()
    for item in diagnosis.evidence:
        counts.add(item.verdict)
    return counts.rows()


def _facts(run: RunRecord | None, diagnosis: Diagnosis) -> list[str]:
    judge = f"judge {diagnosis.judge}" if diagnosis.judge else "no judge"
    if run is None:
        return ["unfinished run", judge]
    data = ", ".join(f"{task} ({of.get('source')})" for task, of in run.data.items())
    weights = f"weights {run.weights or 'not known'}"
    return [run.started, f"engine {run.engine}", f"prompt {run.prompt_format}", data, judge, weights]


def _waterfall(task: str, items: Sequence[Evidence], diagnosis: Diagnosis) -> Element:
    counts = diagnosis.attribution[task]
    tones = zip(CAUSES, CAUSE_TONES, strict=True)
    steps: list[tuple[str, int, str]] = [
        (cause, int(counts[cause]["n"]), tone) for cause, tone in tones if cause in counts
    ]
    errors = sum(item.record.response.error is not None for item in items)
    if errors:
        steps.insert(0, ("no response", errors, "worse"))
    return waterfall(len(items), steps, title=f"from all samples of {task} to the right ones")


def _part_title(part: str) -> str:
    return part if part != "all" else "all tasks"


def _plot(part: str, figures: Sequence[Figure]) -> Element:
    marks = [_mark(figure) for figure in figures if figure.spec.plotted and figure.metric.value is not None]
    return intervals(marks, title=f"diagnostics of {part}, in percent, with 95 % intervals", ends=(0.0, 1.0))


def _mark(figure: Figure) -> Mark:
    return Mark(figure.spec.title, figure.metric.value, figure.metric.low, figure.metric.high)


def _row(part: str, figure: Figure) -> dict[str, Any]:
    return {
        "name": figure.spec.title,
        "cells": None if figure.metric.value is None else figure_cells(figure.to_json()),
        "reason": figure.reason or "not known",
        "examples": [(key, key if part == "all" else f"{part}/{key}") for key in figure.examples[:_LINKS]],
        "definition": figure.spec.definition,
    }


def _reliability(by_task: Mapping[str, Sequence[Evidence]]) -> Iterator[Captioned]:
    for task, items in by_task.items():
        judged = confidences(items)
        if not judged:
            continue
        area = area_under_risk_coverage([item.confidence for item in judged], [item.right for item in judged])
        found = confidence_bins(judged)
        most = max(one.n for one in found)
        shown = [
            (
                *(one.low, one.high, one.accuracy, 0.25 + 0.75 * one.n / most),
                f"confidence {number(one.confidence)} %: {number(one.accuracy)} % of {one.n} right",
            )
            for one in found
        ]
        plot = bars(shown, title=f"reliability of {task}", across_is="confidence, %", ends=(0.0, 1.0), most=1.0)
        yield task, f"{len(judged)} answers, AURC {number(area)} %", plot


def _histogram(counts: Sequence[int]) -> Element:
    step = 2 / max(len(counts), 1)
    edges = [-1 + step * place for place in range(len(counts))]
    shown = [
        # The square root keeps the few pairs of the tails in sight.
        (low, low + step, count**0.5, 1.0, f"{low:.2f} to {low + step:.2f}: {count} pairs")
        for low, count in zip(edges, counts, strict=True)
    ]
    return bars(shown, title="pairs by similarity, square-root scale", across_is="cosine", ends=(-1.0, 1.0))


def _judge(diagnosis: Diagnosis) -> dict[str, Any] | None:
    if diagnosis.check is None:
        return None
    asked = diagnosis.asked
    marks = [_mark(figure) for figure in diagnosis.check.figures if figure.metric.value is not None]
    return {
        "name": diagnosis.judge or "",
        "asked": f"{asked.questions} questions, {asked.failures} not answered." if asked is not None else "",
        "plots": [("accuracy", "%", intervals(marks, title="accuracy of the judge", ends=(0.0, 1.0)))],
    }


def _confusion(table: Mapping[str, Mapping[str, int]]) -> tuple[list[str], list[tuple[str, list[tuple[int, int]]]]]:
    """Names, and rows of counts with their share of the row in percent: rows are the truth, columns what was found."""
    known = {*table, *(name for row in table.values() for name in row)}
    names = [name for name in ("right", *CAUSES) if name in known]
    rows = []
    for true in names:
        row = table.get(true, {})
        whole = sum(row.values()) or 1
        rows.append((true, [(row.get(found, 0), round(100 * row.get(found, 0) / whole)) for found in names]))
    return names, rows
