"""A board as one self-contained HTML page: it fetches nothing, and opens from a disk as from a server."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from harness.reports.text import interval, number, one_line, p_value, signed, web_address
from leaderboards.answers import Answer, answer
from leaderboards.board import Board, Curve, Delta, Group
from leaderboards.page_data import Link, page_json
from leaderboards.plots import MAX_ROWS, plot_arrows, plot_attribution, plot_curves, plot_scores
from leaderboards.provenance import conditions
from leaderboards.svg import MAX_LINES, inline

MOST_BYTES: Final = 2_900_000
"""Size that a page should not exceed."""
_PLOTTED_GROUPS: Final = 4
_ASSETS: Final = Path(__file__).parent / "assets"


def render_page(board: Board, link: Link, files: Sequence[str] = ()) -> str:
    """The page.

    Args:
        board: the board.
        link: addresses of the runs' reports.
        files: names of files beside the page that it offers for download.
    """
    body = "\n".join(_body(board, files))
    style = _asset("tabulator.min.css") + _asset("page.css")
    script = _asset("tabulator.min.js")
    behaviour = _asset("page.js")
    used = sum(len(part.encode()) for part in (body, style, script, behaviour))
    data = page_json(board, link, MOST_BYTES - used)
    title = hypertext(board.title)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<main>
{body}
</main>
<dialog id="details" aria-label="Details of a checkpoint"></dialog>
<script type="application/json" id="board-data">{data}</script>
<script>{script}</script>
<script>{behaviour}</script>
</body>
</html>
"""


def hypertext(text: str) -> str:
    """A foreign text as plain text in HTML content or in a quoted attribute."""
    return html.escape(one_line(text), quote=True)


def _asset(name: str) -> str:
    return (_ASSETS / name).read_text(encoding="utf-8")


def _body(board: Board, files: Sequence[str]) -> Iterator[str]:
    yield f"<h1>{hypertext(board.title)}</h1>"
    if len(board.groups) > 1 or board.reported:
        yield "<nav class='small'>"
        for place, group in enumerate(board.groups):
            yield f"<a href='#group-{place}'>{hypertext(group.title)}</a>"
        yield "<a href='#reported'>Reported elsewhere</a>" if board.reported else ""
        yield "</nav>"
    for place, group in enumerate(board.groups):
        curves = board.curves[place] if place < len(board.curves) else ()
        yield from _group(place, group, curves, files if place == 0 else ())
    if board.reported:
        yield from _reported(board)
    for note in board.notes:
        yield f"<p class='muted'>{hypertext(note)}</p>"


def _group(place: int, group: Group, curves: Sequence[Curve], files: Sequence[str]) -> Iterator[str]:
    yield f"<h2 id='group-{place}'>{hypertext(group.title[:1].upper() + group.title[1:])}</h2>"
    if group.reason:
        yield f"<p class='apart'>Kept apart from the first table, not to be compared: {hypertext(group.reason)}.</p>"
    said = answer(group)
    if said is not None:
        yield from _answer(group, said)
    yield from _tools(place, group, files)
    yield f"<div id='table-{place}'><noscript>The table needs JavaScript.</noscript></div>"
    yield from _legend(group)
    yield "<details><summary>Conditions shared by all rows</summary><ul class='small'>"
    for name, value in conditions(group):
        yield f"<li>{hypertext(name)}: {hypertext(value)}</li>"
    yield "</ul></details>"
    if place < _PLOTTED_GROUPS:
        yield from _plots(place, group, curves)


def _answer(group: Group, said: Answer) -> Iterator[str]:
    yield "<div class='answers'>"
    yield "<section><h3>Which hallucinates least?</h3>"
    yield f"<div class='lead'>{hypertext(said.leader)}</div><ul>"
    yield "".join(f"<li>{hypertext(score)}</li>" for score in said.scores) + "</ul>"
    if said.rivals:
        named = ", ".join(hypertext(label) for label in said.rivals[:3])
        more = f" and {len(said.rivals) - 3} more" if len(said.rivals) > 3 else ""
        yield f"<div class='small muted'>Its intervals overlap with those of {named}{more}.</div>"
    yield "</section><section><h3>Is that real?</h3>"
    yield from _real(group, said)
    yield "</section><section><h3>Why?</h3>"
    if said.why:
        yield "<dl class='shifts'>"
        yield "".join(f"<dt>{hypertext(shift.what)}</dt><dd>{hypertext(shift.text)}</dd>" for shift in said.why)
        yield "</dl>"
    else:
        yield "<div class='muted'>No diagnostics are stored with these runs.</div>"
    yield "</section></div>"


def _real(group: Group, said: Answer) -> Iterator[str]:
    if group.baseline is None:
        yield "<div class='muted'>No baseline has a run under these conditions, so nothing is compared.</div>"
        return
    yield f"<div class='lead'>{hypertext(said.verdict)}</div>"
    if group.baseline == said.leader:
        yield "".join(f"<div>{hypertext(sentence)}</div>" for sentence in said.real)
        return
    leader = group.rows[0]
    yield f"<div class='small muted'>against {hypertext(group.baseline)}, paired, "
    yield f"Holm over {group.tests} tests</div><ul>"
    for column in group.columns:
        cell = leader.cells.get(column.task)
        if cell is not None and cell.delta is not None and cell.delta.value is not None:
            yield f"<li>{hypertext(column.title)} {_delta(cell.delta, column.scale)}</li>"
    yield "</ul>"


def _delta(delta: Delta, scale: float) -> str:
    shown = f"{signed(delta.value, scale)} <span class='ends'>{interval(delta.low, delta.high, scale)}</span>"
    if delta.p_adjusted is None:
        return f"{shown} <span class='muted small'>not tested</span>"
    p = p_value(delta.p_adjusted)
    p = hypertext(f"p {p}" if p.startswith("<") else f"p = {p}")
    tone, sign, which = "plain", "=", "within"
    if delta.is_real:
        which = "beyond"
        tone, sign = ("better", "▲") if (delta.value or 0) > 0 else ("worse", "▼")
    emphasis = " real" if delta.is_real else ""
    verdict = f"<span class='muted small verdict'>{which} chance, {p}</span>"
    return f"<span class='{tone}{emphasis}'>{sign} {shown}</span> {verdict}"


def _tools(place: int, group: Group, files: Sequence[str]) -> Iterator[str]:
    views = [("scores", "Scores"), ("provenance", "Provenance")]
    if group.diagnostics:
        views.insert(1, ("diagnostics", "Diagnostics"))
    yield f"<div class='tools'><fieldset id='views-{place}'><legend>Columns</legend>"
    for value, name in views:
        checked = " checked" if value == "scores" else ""
        yield f"<label><input type='radio' name='view-{place}' value='{value}'{checked}>{name}</label>"
    yield "</fieldset>"
    yield f"<span class='muted small'>{len(group.rows)} checkpoints; a name opens its details</span>"
    if files:
        links = "".join(
            f"<a href='{web_address(name)}'>{hypertext(name.rpartition('.')[2].upper())}</a>" for name in files
        )
        yield f"<span class='downloads'>Download {links}</span>"
    yield "</div>"


def _legend(group: Group) -> Iterator[str]:
    ordered = hypertext(group.order_title)
    yield (
        "<p class='legend'>Strict scores in percent (no readable answer counts wrong) with 95 % intervals; "
        f"ordered by the mean of {ordered}, best first."
    )
    if group.baseline is not None:
        yield (
            "Dashed line: the baseline. <span class='better'>▲ better</span> and <span class='worse'>▼ worse</span> "
            "than the baseline beyond chance (* p &lt; 0.05, ** p &lt; 0.01, *** p &lt; 0.001, paired on the same "
            f"questions, Holm's correction over {group.tests} tests); = within chance."
        )
    yield "</p>"
    causes = group.causes
    if causes:
        keys = "".join(
            f"<span><i style='background:var(--series-{place % 8 + 1})'></i>{hypertext(cause)}</span>"
            for place, cause in enumerate(causes)
        )
        yield f"<p class='legend'>Where a wrong answer went wrong: <span class='keys'>{keys}</span></p>"


def _plots(place: int, group: Group, curves: Sequence[Curve]) -> Iterator[str]:
    figures: list[str] = []
    for number_, column in enumerate(group.columns):
        title = hypertext(column.title)
        scores = plot_scores(group, column)
        if scores is not None:
            figures.append(
                _figure(scores, f"s{place}-{number_}", title, f"{hypertext(column.measure)}, 95 % intervals")
            )
    for number_, column in enumerate(group.columns):
        arrows = plot_arrows(group, column)
        if arrows is not None:
            title = f"{hypertext(column.title)}: from the baseline"
            figures.append(_figure(arrows, f"a{place}-{number_}", title, "colour: beyond chance; grey: within"))
    stacks = plot_attribution(group)
    if stacks is not None:
        figures.append(_figure(stacks, f"w{place}", "Where wrong answers went wrong", "% of all answers"))
    if figures:
        yield "<h3>Plots</h3><div class='plots'>" + "".join(figures) + "</div>"
    if len(group.rows) > MAX_ROWS:
        yield f"<p class='legend'>Plots show the first {MAX_ROWS} rows of the table, and the baseline.</p>"
    if curves:
        yield "<h3>Training runs, checkpoint by checkpoint</h3>"
        yield from _rises(curves)
        yield "<div class='plots'>" + "".join(_curve_figures(place, group, curves)) + "</div>"


def _figure(svg: str, prefix: str, title: str, note: str) -> str:
    return f"<figure><figcaption>{title}<span>{note}</span></figcaption>{inline(svg, prefix, title)}</figure>"


def _curve_figures(place: int, group: Group, curves: Sequence[Curve]) -> Iterator[str]:
    columns = {column.title: column for column in group.columns}
    base = next((row for row in group.rows if row.is_baseline), None)
    for number_, figure in enumerate(dict.fromkeys(curve.figure for curve in curves)):
        column = columns.get(figure)
        cell = base.cells.get(column.task) if base is not None and column is not None else None
        members = [curve for curve in curves if curve.figure == figure]
        svg = plot_curves(members, None if cell is None else cell.metric.value)
        if svg is not None:
            note = f"{hypertext(members[0].measure)}{', %' if members[0].scale == 100 else ''}"
            yield _figure(svg, f"c{place}-{number_}", hypertext(figure), note)


def _rises(curves: Sequence[Curve]) -> Iterator[str]:
    rising = [curve for curve in curves if curve.rises_from is not None]
    trainings = len({curve.run for curve in curves})
    if trainings > MAX_LINES:
        yield f"<p class='legend'>Curves show the first {MAX_LINES} of {trainings} training runs by name.</p>"
    yield "<ul>"
    for curve in rising:
        yield (
            f"<li><b>{hypertext(curve.run)}</b>, {hypertext(curve.figure)}: hallucination rises after step "
            f"{curve.rises_from}, beyond chance from step {curve.rises_by} on.</li>"
        )
    if not rising:
        yield "<li>No training run shows a rise of hallucination beyond chance.</li>"
    yield (
        "</ul><p class='legend'>A rise is beyond chance from the first step from which on every checkpoint's interval "
        "lies wholly below the best checkpoint's (dotted line).</p>"
    )


def _reported(board: Board) -> Iterator[str]:
    tasks = board.reported_titles
    yield "<h2 id='reported'>Reported elsewhere</h2>"
    yield (
        "<p><i>Reported</i> by their authors, not measured here: other prompts, data versions and scoring may lie "
        "behind them, so they are not compared with the rows above and no test includes them.</p>"
    )
    yield "<div class='scroll'><table class='plain-table reported'><thead><tr><th>model</th>"
    yield "".join(f"<th>{hypertext(title)}</th>" for title in tasks.values())
    yield "<th class='left'>source</th><th class='left'>date</th></tr></thead><tbody>"
    for row in board.reported:
        note = f"<div class='small muted'>{hypertext(row.note)}</div>" if row.note else ""
        yield f"<tr><td>{hypertext(row.name)} <span class='tag'>reported</span>{note}</td>"
        yield "".join(f"<td>{number(row.values.get(task))}</td>" for task in tasks)
        source = hypertext(row.source)
        if row.url:
            source = f"<a href='{web_address(row.url)}'>{source}</a>"
        yield f"<td class='left'>{source}</td><td class='left'>{hypertext(row.date)}</td></tr>"
    yield "</tbody></table></div>"
