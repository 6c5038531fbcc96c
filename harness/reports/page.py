"""`report.html`: scores, diagnostics as plots and tables, and a browser of all samples, in one file that opens offline.

Nothing is loaded from anywhere: style, script, data and thumbnails are in the file, and its content security policy
forbids the rest. Texts of models and data are escaped in the static part, and set as text by the script.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from hashlib import sha256
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from harness.core.files import write_atomically
from harness.core.types import RunRecord
from harness.diagnostics.attribution import CAUSES, DEFINITIONS
from harness.diagnostics.calibration_metrics import reliability_section
from harness.diagnostics.conflict import conflict_section
from harness.diagnostics.figures import Figure
from harness.diagnostics.run_folder import PAGE
from harness.reports.diagnostics_report import factor
from harness.reports.page_data import embed, page_data
from harness.reports.page_script import SCRIPT
from harness.reports.page_style import STYLE
from harness.reports.plots import confusion, intervals, waterfall
from harness.reports.run_report import headlines, score_cells, score_headers
from harness.reports.text import UNKNOWN, interval, number
from harness.reports.thumbnails import Thumbnails, make_thumbnails
from harness.runs.folder import RUN, read_run

if TYPE_CHECKING:
    from harness.diagnostics.diagnose import Diagnosis
    from harness.diagnostics.evidence import Evidence
    from harness.media import OpenMedia

_LINKS: Final = 3


def write_page(folder: Path, diagnosis: Diagnosis, *, open_media: OpenMedia | None = None) -> Path:
    """Write `report.html` for a diagnosed run and give its path.

    Args:
        folder: the run folder; of an unfinished run the page has no scores.
        diagnosis: what was found in it.
        open_media: opens a sample's media for the thumbnails; `None`: there are none.

    Raises:
        StoreError: the folder cannot be written.
    """
    run = read_run(folder) if (folder / RUN).exists() else None
    pictures = _pictures(diagnosis, open_media, run)
    path = folder / PAGE
    conflict = conflict_section(folder)
    page = render_page(diagnosis, run=run, name=folder.resolve().name, pictures=pictures, conflict=conflict)
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
    diagnosis: Diagnosis, *, run: RunRecord | None, name: str, pictures: Thumbnails, conflict: str = ""
) -> str:
    """The page as text.

    Args:
        diagnosis: what was found.
        run: the run's record; `None` leaves the scores out.
        name: title of the page where there is no record.
        pictures: thumbnails.
        conflict: the section of the sample-conflict map, as HTML; empty leaves it out.
    """
    title = escape(run.model if run is not None else name)
    script_hash = base64.b64encode(sha256(SCRIPT.encode()).digest()).decode()
    policy = f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{script_hash}'"
    body = "\n".join(_body(diagnosis, run, name, pictures, conflict))
    page = (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{title}</title>\n'
        f"<style>{STYLE}</style>\n</head>\n<body>\n{body}\n"
        f'<script type="application/json" id="data">{embed(page_data(diagnosis, pictures))}</script>\n'
        f"<script>{SCRIPT}</script>\n</body>\n</html>\n"
    )
    # Half a surrogate pair, as a response cut inside an emoji may hold, has no place in a file.
    return page.encode("utf-8", "replace").decode("utf-8")


def _body(diagnosis: Diagnosis, run: RunRecord | None, name: str, pictures: Thumbnails, conflict: str) -> Iterator[str]:
    yield f"<header><h1>{escape(run.model if run is not None else name)}</h1>{_provenance(run, diagnosis)}</header>"
    yield "<main>"
    if run is not None:
        yield f"<h2>Scores</h2>{_scores(run)}"
    for line in diagnosis.missing:
        yield f'<p class="dim">Missing: {escape(line)}</p>'
    yield '<h2>Where it went wrong</h2><div class="plots">'
    for task in diagnosis.attribution:
        items = [item for item in diagnosis.evidence if item.sample.task == task]
        yield f"<figure><figcaption>{escape(task)}</figcaption>{_waterfall(task, items, diagnosis)}</figure>"
    yield "</div>"
    yield _causes(diagnosis)
    yield "<h2>Diagnostics</h2>"
    parts: dict[str, list[Figure]] = {}
    for figure in diagnosis.figures:
        parts.setdefault(figure.metric.name.split("/", 1)[0], []).append(figure)
    yield '<div class="plots">'
    for part, figures in parts.items():
        title = escape(part) if part != "all" else "all tasks"
        yield f"<figure><figcaption>{title}</figcaption>{_plot(part, figures)}</figure>"
    yield "</div>"
    for part, figures in parts.items():
        title = escape(part) if part != "all" else "all tasks"
        table = f'<div class="scroll">{_table(part, figures)}</div>'
        yield f"<details><summary>{title}: definitions, intervals and examples</summary>{table}</details>"
    yield reliability_section(diagnosis.evidence)
    yield conflict
    if diagnosis.check is not None:
        yield f"<h2>The judge</h2>{_check(diagnosis)}"
    for task, counts in diagnosis.confusion.items():
        yield f"<h3>Causes in {escape(task)}: by the demo world's rules (rows) and by the judge (columns)</h3>"
        yield f'<div class="plots">{confusion(counts, ("right", *CAUSES), title=f"causes in {task}")}</div>'
    yield _browser(pictures)
    yield "</main>"


def _provenance(run: RunRecord | None, diagnosis: Diagnosis) -> str:
    judge = f"judge {diagnosis.judge}" if diagnosis.judge else "no judge"
    if run is None:
        return f'<p class="dim">unfinished run · {escape(judge)}</p>'
    data = ", ".join(f"{task} ({of.get('source')})" for task, of in run.data.items())
    facts = [
        run.started,
        f"engine {run.engine}",
        f"prompt {run.prompt_format}",
        data,
        judge,
        f"weights {run.weights or 'not known'}",
    ]
    return f'<p class="dim">{" · ".join(escape(str(fact)) for fact in facts)}</p>'


def _scores(run: RunRecord) -> str:
    titles = ("task", "metric", *score_headers(headlines(run)), "samples", "unanswered", "cut off", "errors")
    head = "".join(f"<th>{title}</th>" for title in titles)
    rows = []
    for task, result in run.tasks.items():
        name = result.headline
        scores = score_cells(result.metrics[name], result.official.get(name))
        cells = [task, name, *scores, result.samples, result.unanswered, result.truncated, result.errors]
        rows.append("<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in cells) + "</tr>")
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'


def _waterfall(task: str, items: Sequence[Evidence], diagnosis: Diagnosis) -> str:
    counts = diagnosis.attribution[task]
    steps: list[tuple[str, int]] = [(cause, int(counts[cause]["n"])) for cause in CAUSES if cause in counts]
    errors = sum(item.record.response.error is not None for item in items)
    if errors:
        steps.insert(0, ("no response", errors))
    return waterfall(len(items), steps, title=f"{task}: from all samples to right answers")


def _causes(diagnosis: Diagnosis) -> str:
    rows = []
    for cause in CAUSES:
        links = []
        for task, counts in diagnosis.attribution.items():
            if cause in counts:
                n = counts[cause]["n"]
                links.append(
                    f'<td><a href="#browser" data-cause="{cause}" data-task="{escape(task, quote=True)}">{n}</a></td>'
                )
            else:
                links.append("<td>–</td>")
        rows.append(f'<tr><td>{cause}</td>{"".join(links)}<td class="words">{escape(DEFINITIONS[cause])}</td></tr>')
    head = "".join(f"<th>{escape(task)}</th>" for task in diagnosis.attribution)
    return (
        f'<div class="scroll"><table><thead><tr><th>wrong answers</th>{head}<th class="words">meaning</th></tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _plot(part: str, figures: Sequence[Figure]) -> str:
    rows = [
        (figure.spec.title, figure.metric.value, figure.metric.low, figure.metric.high)
        for figure in figures
        if figure.spec.plotted and figure.metric.value is not None
    ]
    return intervals(rows, title=f"diagnostics of {part}, in percent, with 95 % intervals")


def _table(part: str, figures: Sequence[Figure]) -> str:
    rows = []
    for figure in figures:
        metric, spec, scale = figure.metric, figure.spec, factor(figure.spec.scale)
        if metric.value is None:
            cells = f'<td colspan="4" class="words">{escape(figure.reason or "not known")}</td>'
        else:
            ends = interval(metric.low, metric.high, scale) or UNKNOWN
            values = (number(metric.value, scale), number(metric.stderr, scale), ends, str(metric.n))
            cells = "".join(f"<td>{escape(value)}</td>" for value in values)
        links = " ".join(_link(part, example) for example in figure.examples[:_LINKS])
        words = f'<td class="words">{escape(spec.definition)}</td>'
        rows.append(f"<tr><td>{escape(spec.title)}</td>{cells}<td>{links}</td>{words}</tr>")
    head = "".join(f"<th>{title}</th>" for title in ("figure", "% or number", "s.e.", "95 % interval", "n", "e.g."))
    head += '<th class="words">definition</th>'
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _link(part: str, example: str) -> str:
    target = example if part == "all" else f"{part}/{example}"
    return f'<a href="#{escape(quote(target, safe=""), quote=True)}">{escape(example)}</a>'


def _check(diagnosis: Diagnosis) -> str:
    assert diagnosis.check is not None
    rows = [
        (
            figure.metric.name.split("/", 1)[1].replace("_", " "),
            figure.metric.value,
            figure.metric.low,
            figure.metric.high,
        )
        for figure in diagnosis.check.figures
        if figure.metric.value is not None
    ]
    asked = diagnosis.asked
    counted = f"{asked.questions} questions, {asked.failures} not answered. " if asked is not None else ""
    return (
        f'<p class="dim">{escape(diagnosis.judge or "")}</p><p>{counted}Accuracy with true captions (should be near '
        f"100 %), with those of other images, and with none (should be about equal):</p>"
        f'<div class="plots">{intervals(rows, title="accuracy of the judge")}</div>'
    )


def _browser(pictures: Thumbnails) -> str:
    selects = "".join(
        f'<label for="f-{name}">{label}<select id="f-{name}"></select></label>'
        for name, label in (
            ("task", "task"),
            ("subset", "subset"),
            ("verdict", "verdict"),
            ("cause", "went wrong in"),
            ("flag", "shows"),
        )
    )
    notes = []
    if pictures.left_out:
        notes.append(f"{pictures.left_out} samples have no picture, to keep the page small.")
    if pictures.failed:
        notes.append(f"The media of {pictures.failed} samples could not be opened.")
    return (
        f'<section id="browser"><h2>Samples</h2><div class="filters">{selects}'
        '<label for="f-text">text<input id="f-text" type="search" placeholder="question, response, id"></label>'
        '<button id="reset" type="button">all samples</button><span id="count" class="dim" role="status"></span></div>'
        f'<p class="dim">{" ".join(notes)}</p>'
        '<div class="split"><div id="list" role="listbox" tabindex="0" aria-label="samples">'
        '<div id="spacer" role="presentation"></div></div><div id="detail" aria-live="polite"></div></div></section>'
    )
