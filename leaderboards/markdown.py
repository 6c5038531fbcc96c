"""A board as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from harness.reports.differences import SIGNS, change, verdict
from harness.reports.markdown import BREAK, escape, folded, link, picture, table
from harness.reports.text import UNKNOWN, interval, number, span, web_address
from leaderboards.answers import answer
from leaderboards.board import Board, Cell, Column, Curve, Group, Row
from leaderboards.provenance import conditions, provenance, unlike_baseline

BLOCK: Final = "leaderboard"
"""Name of the block in a README or a model card."""
ORDER_NOTE = "Rows are ordered by the mean headline of {}, best first."
MARKS_NOTE = (
    "Last line of a cell: difference to the baseline on the same questions; ▲ better, ▼ worse, = no difference shown. "
    "The {} differences of the table are tested together, with simultaneous 95 % intervals: \\* p < 0.05, \\*\\* p < "
    "0.01, \\*\\*\\* p < 0.001."
)
UNLIKE_NOTE = "† Asked with another engine or decoding than the baseline."
HEADLINE_NOTE = "Figures are strict (no readable answer counts wrong), in percent, with 95 % intervals."
UNSETTLED_NOTE = (
    "Unsettled answers count wrong: no rule reads them, or tells whether an open one is right. The range is what a "
    "figure would be if all of them were wrong, or right."
)


def render_markdown(board: Board) -> str:
    """The whole board."""
    lines = [f"# {escape(board.title)}"]
    for number_, group in enumerate(board.groups):
        lines += ["", *group_lines(group, level=2)]
        lines += [*_curve_lines(board.curves[number_] if number_ < len(board.curves) else ())]
        lines += ["", *folded("Where these figures come from", _provenance_lines(group))]
    if board.reported:
        lines += ["", "## Reported elsewhere", "", *reported_lines(board)]
    if board.notes:
        lines += ["", *(f"- {escape(note)}" for note in board.notes)]
    lines += ["", "<!-- harness-leaderboard -->"]
    return "\n".join(lines) + "\n"


def readme_block(board: Board, *, most: int, pictures: tuple[str, str] | None = None, page: str | None = None) -> str:
    """What stands in a README.

    Args:
        board: the board.
        most: rows to show of each group.
        pictures: addresses of the light and the dark picture.
        page: address of the page.
    """
    lines: list[str] = []
    if pictures is not None:
        lines += [picture(*pictures, "Scores of the checkpoints with 95 % intervals"), ""]
    for group in board.groups:
        lines += [*group_lines(group, level=3, most=most), ""]
    lines += [f"- {escape(note)}" for note in board.notes]
    if page is not None:
        lines += ["", f"[Full leaderboard: sortable, with plots and provenance]({web_address(page)})"]
    return "\n".join(lines) + "\n"


def group_lines(group: Group, *, level: int, most: int | None = None) -> Iterator[str]:
    """Title, answer, table and notes of a group.

    Args:
        group: the group.
        level: of its heading.
        most: rows to show; `None` shows all. The baseline is always shown.
    """
    yield f"{'#' * level} {escape(group.title[:1].upper() + group.title[1:])}"
    yield ""
    if group.reason:
        yield f"Kept apart from the first table: {escape(group.reason)}."
        yield ""
    yield from answer_lines(group)
    yield group_table(group, most=most)
    yield ""
    if most is not None and len(group.rows) > most:
        yield f"The first {most} of {len(group.rows)} checkpoints. "
    yield " ".join(notes(group))


def answer_lines(group: Group) -> Iterator[str]:
    """What the group says, as a list; nothing where it says nothing."""
    said = answer(group)
    if said is None:
        return
    rivals = ""
    if said.rivals:
        rivals = f" Its intervals overlap with those of {escape(said.rivals)}."
    yield f"- **{said.title}:** {escape(said.leader)}, {escape(', '.join(said.scores))}.{rivals}"
    if said.real:
        yield f"- **Is it real?** {escape(said.verdict)}. {' '.join(escape(sentence) for sentence in said.real)}"
    if said.why:
        yield f"- **Why:** {' '.join(map(escape, said.why))}"
    yield ""


def notes(group: Group) -> list[str]:
    """How the table is to be read."""
    ordered = group.order_title
    found = [HEADLINE_NOTE, ORDER_NOTE.format(escape(ordered))]
    if group.baseline is not None:
        found.append(MARKS_NOTE.format(group.tests))
    base = group.base
    if any(unlike_baseline(row, base) for row in group.rows):
        found.append(UNLIKE_NOTE)
    if note := unsettled_note(group):
        found.append(note)
    return found


def unsettled_note(group: Group) -> str:
    """What unsettled answers are, in plain text; empty where a group has none."""
    if not group.has_unsettled:
        return ""
    return UNSETTLED_NOTE + (" ? marks a difference that they could turn over." if group.baseline is not None else "")


def group_table(group: Group, *, most: int | None = None) -> str:
    """The group's rows as a table."""
    has_causes = bool(group.attributed)
    headers = ["checkpoint"]
    headers += [f"{escape(column.title)}{BREAK}{escape(column.measure)}" for column in group.columns]
    headers += ["wrong because"] * has_causes
    counts = ["unanswered", *(["unsettled"] * group.has_unsettled), "errors"]
    headers += counts
    base = group.base
    rows = []
    for row in shown_rows(group, most):
        name = f"**{escape(row.label)}** (baseline)" if row.is_baseline else escape(row.label)
        name += f" ({len(row.seeds)} seeds)" if row.seeds else ""
        name += " †" if unlike_baseline(row, base) else ""
        cells = [name, *(_cell(row.cells.get(column.task), column) for column in group.columns)]
        cells += [_causes(row, group)] * has_causes
        tasks = [column.task for column in group.columns]
        cells += [number(row.share(counted, tasks)) for counted in counts]
        rows.append(cells)
    align = ["left", *["right"] * len(group.columns), *["left"] * has_causes, *["right"] * len(counts)]
    return table(headers, rows, align=align)


def shown_rows(group: Group, most: int | None) -> Sequence[Row]:
    """The first rows, and the baseline."""
    if most is None:
        return group.rows
    return [row for place, row in enumerate(group.rows) if place < most or row.is_baseline]


def _cell(cell: Cell | None, column: Column) -> str:
    if cell is None:
        return UNKNOWN
    metric = cell.metric
    spread = "" if cell.spread is None else f" ± {number(cell.spread, column.scale)}"
    shown = (
        f"**{number(metric.value, column.scale)}**{spread} {interval(metric.low, metric.high, column.scale)}".strip()
    )
    if metric.range:
        shown += f"{BREAK}range {span(metric.range, column.scale)}"
    delta = cell.delta
    if delta is None or delta.value is None:
        return shown
    parts = [SIGNS[delta.verdict], change(delta, column.scale)]
    parts += [escape(delta.stars), "?" * delta.could_turn]
    return f"{shown}{BREAK}{' '.join(part for part in parts if part)}"


def _causes(row: Row, group: Group) -> str:
    shares = row.attribution(group.attributed).items()
    return ", ".join(f"{escape(cause)} {number(share)}" for cause, share in shares if share) or UNKNOWN


def _curve_lines(curves: Sequence[Curve]) -> Iterator[str]:
    rising = [curve for curve in curves if curve.rises_from is not None]
    if rising:
        yield ""
    for curve in rising:
        yield (
            f"- {escape(curve.run)}, {escape(curve.figure)}: hallucination rises after step {curve.rises_from}, "
            f"beyond chance from step {curve.rises_by} on."
        )


def _provenance_lines(group: Group) -> Iterator[str]:
    for name, value in conditions(group):
        yield f"- {escape(name)}: {escape(value)}"
    yield ""
    base = group.base
    rows = [[escape(row.label), *(escape(value) for _, value in provenance(row, base))] for row in group.rows]
    headers = ["checkpoint", *(name for name, _ in provenance(group.rows[0], base))]
    yield table(headers, rows, align=["left"] * len(headers))
    if group.baseline is not None:
        yield ""
        tests = [
            [
                escape(row.label),
                escape(column.title),
                escape(change(delta, column.scale)),
                escape(verdict(delta, column.scale)),
                delta.n,
            ]
            for row in group.rows
            for column in group.columns
            if column.task in row.cells and (delta := row.cells[column.task].delta) is not None
        ]
        headers = ["checkpoint", "task", "difference", "verdict", "n"]
        yield table(headers, tests, align=["left"] * len(headers))


def reported_lines(board: Board) -> Iterator[str]:
    """Reported rows as a table, with the sentence that keeps them apart."""
    tasks = board.reported_titles
    rows = [
        [
            f"{escape(row.name)} *(reported)*" + (f"{BREAK}{escape(row.note)}" if row.note else ""),
            *(number(row.values.get(task)) for task in tasks),
            link(row.source, row.url),
            row.date,
        ]
        for row in board.reported
    ]
    yield (
        "*Reported* by their authors, not measured here: other prompts, data versions and scoring may lie behind them, "
        "so they are not compared with the rows above and no test includes them."
    )
    yield ""
    headers = ["model", *(escape(title) for title in tasks.values()), "source", "date"]
    align = ["left", *["right"] * len(tasks), "left", "left"]
    yield table(headers, rows, align=align)
