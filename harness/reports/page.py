"""`report.html`: the verdict, its causes and all samples on the first screen, then the diagnostics."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby, islice
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any, Final
from xml.etree.ElementTree import Element

from harness.core.files import write_atomically
from harness.core.types import RunRecord
from harness.diagnostics.attribution import CAUSES, DEFINITIONS
from harness.diagnostics.calibration import BINS, aurc_terms, confidence_bins, confidences
from harness.diagnostics.diagnose import ALL
from harness.diagnostics.figures import Figure
from harness.reports.audit import agreements, disagreements
from harness.reports.conflict import ConflictMap, read_map
from harness.reports.diagnostics_report import PAGE, count_causes, figure_cells, why_absent
from harness.reports.explaining import RuleCounts
from harness.reports.html import render, script_json
from harness.reports.page_data import MOST_INSIDE, PARTS, STATES, files_of, page_data, wrong_first
from harness.reports.page_verdict import headline_title, summary, task_title, verdicts
from harness.reports.plots import Mark, bars, intervals
from harness.reports.run_report import headline_rows, provenance
from harness.reports.text import UNKNOWN, number
from harness.reports.thumbnails import Thumbnails, make_thumbnails
from harness.runs.folder import read_run
from harness.runs.records import RUN

if TYPE_CHECKING:
    from harness.diagnostics.diagnose import Diagnosis
    from harness.diagnostics.evidence import Evidence, Key
    from harness.media import OpenMedia

_LINKS: Final = 3
"""Examples in a table's cell; the list of samples has all."""
_CHARACTERS: Final = 300
"""Of a text in the table that stands for the samples where there is no script."""

Captioned = tuple[str, str, Element]
"""A plot with its caption and a note."""


def write_page(
    folder: Path, diagnosis: Diagnosis, *, open_media: OpenMedia | None = None, only: Collection[Key] | None = None
) -> Path:
    """Write `report.html` for a diagnosed run, with the samples of a large one in files beside it, and give its path.

    Args:
        folder: the run folder; of an unfinished run the page has no scores.
        diagnosis: what was found in it.
        open_media: opens a sample's media for the thumbnails; `None`: there are none.
        only: samples that a thinned page lists, with small thumbnails; its figures are over all. `None`: all of them.

    Raises:
        StoreError: the folder cannot be written, or its `conflict.json` not be read.
    """
    run = read_run(folder) if (folder / RUN).exists() else None
    listed = diagnosis if only is None else _thinned(diagnosis, only)
    pictures = _pictures(listed, open_media, run, small=only is not None)
    name = folder.resolve().name
    page, files = render_page(
        diagnosis,
        run=run,
        name=name,
        pictures=pictures,
        conflict=read_map(folder),
        most_inside=MOST_INSIDE,
        listed=listed,
    )
    path = folder / PAGE
    for beside, text in files.items():
        write_atomically(folder / PARTS / beside, text)
    write_atomically(path, page)
    for left in files_of(path)[1:]:
        if left.name not in files:
            left.unlink()
    return path


def _thinned(diagnosis: Diagnosis, only: Collection[Key]) -> Diagnosis:
    kept = [place for place, item in enumerate(diagnosis.evidence) if item.key in only]
    findings = [diagnosis.findings[place] for place in kept]
    return replace(diagnosis, evidence=[diagnosis.evidence[place] for place in kept], findings=findings)


def _pictures(diagnosis: Diagnosis, open_media: OpenMedia | None, run: RunRecord | None, *, small: bool) -> Thumbnails:
    if open_media is None:
        return Thumbnails(uris=[], words=[], of_sample={}, left_out=0, failed=0)
    facts = run.benchmarks if run is not None else {}
    shared = {task for task, of in facts.items() if of.clusters_share_media}
    return make_thumbnails((item.sample for item, _ in wrong_first(diagnosis)), open_media, shared=shared, small=small)


def render_page(
    diagnosis: Diagnosis,
    *,
    run: RunRecord | None,
    name: str,
    pictures: Thumbnails,
    conflict: ConflictMap | None = None,
    most_inside: int = MOST_INSIDE,
    listed: Diagnosis | None = None,
) -> tuple[str, dict[str, str]]:
    """The page as text, and the texts of the files beside it that it loads, by name.

    Args:
        diagnosis: what was found.
        run: the run's record; `None` leaves the scores out.
        name: title of the page where there is no record.
        pictures: thumbnails.
        conflict: the sample-conflict map; `None` leaves it out.
        most_inside: samples that the page itself holds.
        listed: the part of the diagnosis whose samples are listed; `None`: the whole.
    """
    listed = listed or diagnosis
    data, files = page_data(listed, pictures, run, most_inside=most_inside)
    parts = [
        (task_title(run, part) if part != ALL else "all benchmarks", list(figures))
        for part, figures in groupby(diagnosis.figures, key=lambda figure: figure.metric.name.partition("/")[0])
    ]
    page = render(
        "report.html",
        title=run.model if run is not None else name,
        facts=_facts(run, diagnosis),
        summary=summary(diagnosis),
        verdicts=list(verdicts(diagnosis, run)),
        samples=[_plain_row(item, run) for item, _ in islice(wrong_first(listed), most_inside)],
        count=len(listed.evidence),
        left_out=len(diagnosis.evidence) - len(listed.evidence),
        tasks=[(task, task_title(run, task)) for task in diagnosis.attribution],
        causes=[(cause, counts, DEFINITIONS[cause]) for cause, counts in count_causes(diagnosis.attribution)],
        missing=diagnosis.missing,
        diagnostic_plots=[(title, "", _plot(title, figures)) for title, figures in parts],
        diagnostics=[
            (title, [_row(figure) for figure in figures if figure.metric.value is not None], why_absent(figures))
            for title, figures in parts
        ],
        reliability=list(_reliability(diagnosis, run)),
        conflict=conflict,
        conflict_plot=None if conflict is None else _histogram(conflict.histogram),
        judge=_judge(diagnosis),
        confusions=[(task_title(run, task), *_confusion(counts)) for task, counts in diagnosis.confusion.items()],
        rules=_rules(diagnosis),
        audit=None if run is None or run.audit is None else (agreements(run.audit), disagreements(run.audit)),
        scores=None if run is None else _scores(run),
        provenance=[] if run is None else list(provenance(run)),
        pictures=pictures,
        data=script_json(data),
        lazy=bool(files),
    )
    return page, files


def _facts(run: RunRecord | None, diagnosis: Diagnosis) -> list[str]:
    judge = f"judge {diagnosis.judge}" if diagnosis.judge else "no judge"
    if run is None:
        return ["unfinished run", judge]
    return [run.started[:10], f"{run.prompt_format} prompt", f"engine {run.engine}", judge]


def _scores(run: RunRecord) -> tuple[list[str], list[list[Any]]]:
    """The headlines with all counts, in words."""
    headers, rows = headline_rows(run)
    named = [
        [task_title(run, result.task), headline_title(run, result), *cells]
        for result, (_, _, *cells) in zip(run.tasks.values(), rows, strict=True)
    ]
    return ["benchmark", *headers[1:]], named


def _plain_row(item: Evidence, run: RunRecord | None) -> dict[str, Any]:
    sample, verdict, response = item.sample, item.verdict, item.record.response
    texts = (sample.question, sample.target, verdict.answer or UNKNOWN, response.error or response.text)
    return {
        "key": f"{sample.task}/{sample.id}",
        "name": f"{task_title(run, sample.task)} · {sample.id}",
        "state": STATES[verdict.status],
        "cells": [text[:_CHARACTERS] for text in texts],
    }


def _rules(diagnosis: Diagnosis) -> tuple[list[str], list[list[Any]]]:
    counts = RuleCounts()
    for item in diagnosis.evidence:
        counts.add(item.verdict)
    return counts.rows()


def _plot(title: str, figures: Sequence[Figure]) -> Element:
    marks = [_mark(figure) for figure in figures if figure.spec.plotted and figure.metric.value is not None]
    return intervals(marks, title=f"diagnostics of {title}, in percent, with 95 % intervals", ends=(0.0, 1.0))


def _mark(figure: Figure) -> Mark:
    return Mark(figure.spec.title, figure.metric.value, figure.metric.low, figure.metric.high)


def _row(figure: Figure) -> dict[str, Any]:
    part = figure.metric.name.partition("/")[0]
    return {
        "name": figure.spec.title,
        "cells": figure_cells(figure),
        "examples": [(key, key if part == ALL else f"{part}/{key}") for key in figure.examples[:_LINKS]],
        "definition": figure.spec.definition,
    }


def _reliability(diagnosis: Diagnosis, run: RunRecord | None) -> Iterator[Captioned]:
    for task in diagnosis.attribution:
        judged = confidences([item for item in diagnosis.evidence if item.sample.task == task])
        if not judged:
            continue
        title = task_title(run, task)
        found = confidence_bins(judged)
        most = max(one.n for one in found)
        shown = [
            (
                *(one.place / BINS, (one.place + 1) / BINS, one.accuracy, 0.25 + 0.75 * one.n / most),
                f"confidence {number(one.confidence)} %: {number(one.accuracy)} % of {one.n} right",
            )
            for one in found
        ]
        plot = bars(shown, title=f"reliability of {title}", across_is="confidence, %", ends=(0.0, 1.0), most=1.0)
        yield title, f"{len(judged)} answers, AURC {number(fmean(aurc_terms(judged)))} %", plot


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
