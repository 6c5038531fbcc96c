"""A board as Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from harness.reports.differences import SIGNS, change, verdict
from harness.reports.markdown import BREAK, escape, folded, link, picture, table
from harness.reports.text import UNKNOWN, count_tested, interval, number, span, web_address
from leaderboards.answers import answer, both_values
from leaderboards.board import Board, Cell, Column, Curve, Group, Row
from leaderboards.likeness import Likeness
from leaderboards.provenance import conditions, provenance, unlike_baseline
from leaderboards.reference import told_of

BLOCK: Final = "leaderboard"
"""Name of the block in a README or a model card."""
MOST_WORDS: Final = 149
MOST_NUMBERS: Final = 59
"""Of a block in a README: what a reader of ten seconds can take in."""
ORDER_NOTE = "Rows are ordered by the mean headline of {}, best first."
MARKS_NOTE = (
    "Last line of a cell: difference to the baseline on the same questions; ▲ better, ▼ worse, = no difference shown. "
    "In the table {}{}: \\* p < 0.05, \\*\\* p < "
    "0.01, \\*\\*\\* p < 0.001."
)
REPORTED_HEADS: Final = ("how it was had", "where ours differs")
UNLIKE_NOTE = "† Asked with another engine, decoding or size of images than the baseline."
HEADLINE_NOTE = "Figures are strict (no readable answer counts wrong), in percent, with 95 % intervals."
UNSETTLED_NOTE = (
    "Unsettled answers count wrong: no rule reads them, or tells whether an open one is right. The range is what a "
    "figure would be if all of them were wrong, or right."
)
THIN_NOTE: Final = (
    "A row does not lead, and stands below the others, where its samples without a response (errors) could move a "
    "score further than its interval reaches; without an interval, where they are more than 5 % of all."
)


def render_markdown(board: Board) -> str:
    """The whole board."""
    lines = [f"# {escape(board.title)}"]
    for group in board.groups:
        lines += ["", *group_lines(group, level=2)]
        lines += _curve_lines(group.curves)
        lines += ["", *folded("Where these figures come from", _provenance_lines(group))]
    if board.reported:
        lines += ["", "## Reported elsewhere", "", *reported_lines(board)]
    if board.notes:
        lines += ["", *(f"- {escape(note)}" for note in board.notes)]
    lines += ["", "<!-- harness-leaderboard -->"]
    return "\n".join(lines) + "\n"


def readme_block(
    board: Board,
    *,
    most: int,
    pictures: tuple[str, str] | None = None,
    page: str | None = None,
    screenshot: str | None = None,
) -> str:
    """What stands in a README, to be taken in within ten seconds: the first group, and of it no more than fits.

    Args:
        board: the board.
        most: rows to show; fewer where the block had more than `MOST_NUMBERS` numbers or `MOST_WORDS` words. The
            baseline is always shown.
        pictures: addresses of the light and the dark picture.
        page: address of the page.
        screenshot: address of a picture of the page.
    """
    while True:
        lines = list(_block_lines(board, most, pictures, page, screenshot))
        if most == 1 or _fits(lines):
            return "\n".join(lines) + "\n"
        most -= 1


def _fits(lines: Sequence[str]) -> bool:
    words, numbers = count_shown("\n".join(lines))
    return words <= MOST_WORDS and numbers <= MOST_NUMBERS


def count_shown(block: str) -> tuple[int, int]:
    """Words and numbers that a reader of a block sees, an interval being two numbers."""
    shown = re.sub(r"<[^>]*>|\]\([^)]*\)|[|*]|:?-{2,}:?", " ", block)
    return len(re.findall(r"[^\W\d_][\w'-]*", shown)), len(re.findall(r"\d+(?:[.,]\d+)*", shown))


def _block_lines(
    board: Board, most: int, pictures: tuple[str, str] | None, page: str | None, screenshot: str | None
) -> Iterator[str]:
    group = board.groups[0]
    if pictures is not None:
        yield from (picture(*pictures, "Scores of the checkpoints with 95 % intervals"), "")
    if verdict_ := _block_verdict(group):
        yield from (verdict_, "")
    rows = [row for place, row in enumerate(group.rows) if place < most or row.is_baseline]
    headers = ["", *(escape(column.title) for column in group.main_columns)]
    yield table(headers, [[_short_name(row), *(_short(row, of) for of in group.main_columns)] for row in rows])
    yield ""
    notes = [f"{_capitalised(group.title)}. Percent, with 95 % intervals."]
    if group.baseline is not None:
        notes += [f"▲ better, ▼ worse than {escape(group.baseline)}, = no difference shown, all tested together."]
    if len(rows) < len(group.rows) or len(board.groups) > 1:
        notes += ["The page has the rest."] if page is not None else ["More was measured."]
    yield f"<sub>{' '.join(notes)}</sub>"
    if page is not None:
        words = "The page: any pair of rows, and the questions behind every number"
        shown = words if screenshot is None else f'<img alt="{words}" src="{web_address(screenshot)}" width="720">'
        yield from ("", f"[{shown}]({web_address(page)})")


def _block_verdict(group: Group) -> str:
    """Which, whether it is real, and why, in a line; empty where nothing is said."""
    said = answer(group)
    if said is None:
        return ""
    rivals = f"; intervals overlap with those of {escape(said.rivals)}" if said.rivals else ""
    parts = [f"**{said.title}: {escape(said.ahead)}{rivals}.**"]
    leader, base = group.rows[0], group.base
    if base is not None and base is not leader:
        found: dict[str, list[str]] = {}
        for column in group.columns:
            delta = leader.cells[column.task].delta if column.task in leader.cells else None
            if delta is not None and delta.value is not None:
                shown = f" ({change(delta, column.scale)})" if delta.is_shown else ""
                found.setdefault(delta.verdict, []).append(f"{escape(column.title)}{shown}")
        told = [f"{verdict_} on {_listed(of)}" for verdict_, of in found.items()]
        parts += [f"Against {escape(base.label)}: {', '.join(told)}."] if told else []
    elif said.verdict:
        parts += [f"{said.verdict}."]
    if group.reasons is not None and group.reasons.row == leader.label and group.reasons.found:
        reason = group.reasons.found[0]
        more = "more" if (reason.difference.value or 0.0) > 0 else "fewer"
        parts += [f"Why, first of all: {more} {escape(reason.what)} ({both_values(reason.difference)})."]
    return " ".join(parts)


def _name(row: Row) -> str:
    name = f"**{escape(row.label)}** (baseline)" if row.is_baseline else escape(row.label)
    return name + (f" ({len(row.seeds)} seeds)" if row.seeds else "")


def _capitalised(title: str) -> str:
    return escape(title[:1].upper() + title[1:])


def _listed(names: Sequence[str]) -> str:
    return " and ".join([*([", ".join(names[:-1])] if len(names) > 1 else []), names[-1]])


def _short_name(row: Row) -> str:
    small = "baseline" if row.is_baseline else f"{len(row.seeds)}\N{NO-BREAK SPACE}seeds" if row.seeds else ""
    return escape(row.label) + (f"{BREAK}<sub>{small}</sub>" if small else "")


def _short(row: Row, column: Column) -> str:
    """A score with the sign of its difference, and in small its interval and how many samples failed."""
    cell = row.cells.get(column.task)
    if cell is None:
        return UNKNOWN
    metric, delta = cell.metric, cell.delta
    sign = "" if delta is None or delta.value is None else f" {SIGNS[delta.verdict]}"
    small = interval(metric.low, metric.high, column.scale)
    failed = f"{cell.result.errors} of {cell.result.samples} failed" if cell.result.errors else ""
    shown = f"**{number(metric.value, column.scale)}**{sign}"
    shown += "".join(f"{BREAK}<sub>{of}</sub>" for of in (small, failed) if of)
    return shown.replace(" ", "\N{NO-BREAK SPACE}")


def group_lines(group: Group, *, level: int) -> Iterator[str]:
    """Title, answer, table and notes of a group.

    Args:
        group: the group.
        level: of its heading.
    """
    yield f"{'#' * level} {_capitalised(group.title)}"
    yield ""
    if group.reason:
        yield f"Kept apart from the first table: {escape(group.reason)}."
        yield ""
    yield from answer_lines(group)
    yield group_table(group)
    yield ""
    yield " ".join(notes(group))


def answer_lines(group: Group) -> Iterator[str]:
    """What the group says, as a list; nothing where it says nothing."""
    said = answer(group)
    if said is None:
        return
    rivals = ""
    if said.rivals:
        rivals = f" {'Their' if said.level else 'Its'} intervals overlap with those of {escape(said.rivals)}."
    yield f"- **{said.title}:** {escape(', '.join([said.ahead, *said.scores]))}.{rivals}"
    if said.real:
        yield f"- **Is it real?** {escape(said.verdict)}. {' '.join(escape(sentence) for sentence in said.real)}"
    if said.why and group.reasons is not None and group.baseline is not None:
        of = f"{escape(group.reasons.row)} against {escape(group.baseline)}"
        yield f"- **Why ({of}):** {' '.join(map(escape, said.why))}"
    yield ""


def notes(group: Group) -> list[str]:
    """How the table is to be read."""
    ordered = group.order_title
    found = [HEADLINE_NOTE, ORDER_NOTE.format(escape(ordered))]
    if group.baseline is not None:
        found.append(
            MARKS_NOTE.format(count_tested(group.tests), ", with simultaneous 95 % intervals" * (group.tests > 1))
        )
    base = group.base
    if any(unlike_baseline(row, base) for row in group.rows):
        found.append(UNLIKE_NOTE)
    if note := unsettled_note(group):
        found.append(note)
    if group.has_thin:
        found.append(THIN_NOTE)
    return found


def unsettled_note(group: Group) -> str:
    """What unsettled answers are, in plain text; empty where a group has none."""
    if not group.has_unsettled:
        return ""
    return UNSETTLED_NOTE + (" ? marks a difference that they could turn over." if group.baseline is not None else "")


def group_table(group: Group) -> str:
    """The group's rows as a table."""
    has_causes = bool(group.attributed)
    headers = ["checkpoint"]
    headers += [f"{escape(column.title)}{BREAK}{escape(column.measure)}" for column in group.columns]
    headers += ["wrong because"] * has_causes
    counts = ["unanswered", *(["unsettled"] * group.has_unsettled), "errors"]
    headers += counts
    base = group.base
    rows = []
    for row in group.rows:
        name = _name(row) + (" †" if unlike_baseline(row, base) else "")
        cells = [name, *(_cell(row.cells.get(column.task), column) for column in group.columns)]
        cells += [_causes(row, group)] * has_causes
        tasks = [column.task for column in group.columns]
        cells += [escape(rate(row.share(counted, tasks))) for counted in counts]
        rows.append(cells)
    align = ["left", *["right"] * len(group.columns), *["left"] * has_causes, *["right"] * len(counts)]
    return table(headers, rows, align=align)


def rate(share: float | None) -> str:
    """How many of 100 samples, in plain text; a few of thousands are more than none."""
    return "<0.1" if share and share < 0.0005 else number(share)


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
            escape(told_of(row, tasks)),
            escape(differs),
            link(row.source, row.url),
            row.date,
        ]
        for row, differs in zip(board.reported, reported_likeness(board), strict=True)
    ]
    yield (
        "*Reported* by their authors, not measured here: other prompts, data versions and scoring may lie behind them, "
        "so they are not compared with the rows above and no test includes them."
    )
    yield ""
    headers = ["model", *(escape(title) for title in tasks.values()), *REPORTED_HEADS, "source", "date"]
    align = ["left", *["right"] * len(tasks), *["left"] * 4]
    yield table(headers, rows, align=align)


def reported_likeness(board: Board) -> list[str]:
    """Of each reported row, in what its figures were had otherwise than those of the table that is most like it."""
    return [_likeness(of) for of in board.likeness] or [UNKNOWN] * len(board.reported)


def _likeness(of: Likeness | None) -> str:
    if of is None:
        return "not known: no row here has its benchmarks"
    if not of.is_told:
        return "not known: the source does not say how it was had"
    differs = "; ".join(of.differs) or "nothing that the source says"
    return f"{differs} (against “{of.table}”, the table most like it)"
