"""A board as LaTeX tables in the style of booktabs."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Final

from harness.reports.text import number, one_line, signed
from leaderboards.board import Board, Cell, Column, Group

_SPECIAL: Final = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "–": "--",
    "…": r"\dots{}",
    "·": r"\textperiodcentered{}",
    "\ufffd": "?",
}
_PREAMBLE: Final = (
    "% Needs \\usepackage{booktabs}; names in other than Latin letters need XeLaTeX or LuaLaTeX.\n"
    "% One table per group of runs that may be compared; written by harness-leaderboard."
)


def escape(text: str) -> str:
    """A foreign text as plain text in LaTeX."""
    return "".join(_SPECIAL.get(character, character) for character in one_line(text))


def render_latex(board: Board) -> str:
    """The whole board: a `table` per group, and one of reported figures."""
    lines = [_PREAMBLE]
    for group in board.groups:
        lines += ["", *_group_lines(group)]
    if board.reported:
        lines += ["", *_reported_lines(board)]
    return "\n".join(lines) + "\n"


def _group_lines(group: Group) -> Iterator[str]:
    yield r"\begin{table}"
    yield r"  \centering\small"
    yield rf"  \caption{{{_caption(group)}}}"
    yield rf"  \begin{{tabular}}{{l{'r' * len(group.columns)}}}"
    yield r"    \toprule"
    yield "    " + " & ".join(["Checkpoint", *(escape(column.title) for column in group.columns)]) + r" \\"
    yield "    " + " & ".join(["", *(_small(escape(column.measure)) for column in group.columns)]) + r" \\"
    yield r"    \midrule"
    best = {column.task: _best(group, column) for column in group.columns}
    for row in group.rows:
        name = escape(row.label) + (r" \emph{(baseline)}" if row.is_baseline else "")
        cells = [_cell(row.cells.get(column.task), column, best[column.task]) for column in group.columns]
        yield "    " + " & ".join([name, *cells]) + r" \\"
        if group.baseline is not None:
            differences = [_difference(row.cells.get(column.task), column) for column in group.columns]
            if any(differences):
                yield "    " + " & ".join(["", *differences]) + r" \\"
    yield r"    \bottomrule"
    yield r"  \end{tabular}"
    yield r"\end{table}"


def _caption(group: Group) -> str:
    text = (
        f"{escape(group.title[:1].upper() + group.title[1:])}. Strict scores in percent with half the width of their "
        r"95\,\% interval; the best of a column is bold."
    )
    if group.baseline is not None:
        text += (
            f" Below: difference to {escape(group.baseline)}, paired on the same questions; $^{{*}}p<0.05$, "
            f"$^{{**}}p<0.01$, $^{{***}}p<0.001$, adjusted for {group.tests} tests."
        )
    return text


def _best(group: Group, column: Column) -> float | None:
    values = [row.cells[column.task].score for row in group.rows if column.task in row.cells]
    return max((value for value in values if value is not None), default=None)


def _small(text: str) -> str:
    return rf"{{\footnotesize {text}}}"


def _number(text: str) -> str:
    return text.replace("−", "$-$")


def _cell(cell: Cell | None, column: Column, best: float | None) -> str:
    if cell is None or cell.metric.value is None:
        return "--"
    metric = cell.metric
    shown = _number(number(metric.value, column.scale))
    if best is not None and cell.score == best:
        shown = rf"\textbf{{{shown}}}"
    if metric.low is not None and metric.high is not None:
        shown += " " + _small(rf"$\pm${number((metric.high - metric.low) / 2, column.scale)}")
    if cell.result.errors:
        shown += " " + _small(f"({cell.result.errors} of {cell.result.samples} failed)")
    return shown


def _difference(cell: Cell | None, column: Column) -> str:
    if cell is None or cell.delta is None or cell.delta.value is None:
        return ""
    stars = f"^{{{cell.delta.stars}}}" if cell.delta.stars else ""
    return _small(f"${signed(cell.delta.value, column.scale).replace('−', '-')}{stars}$")


def _reported_lines(board: Board) -> Iterator[str]:
    tasks = board.reported_titles
    yield r"\begin{table}"
    yield r"  \centering\small"
    yield r"  \caption{Figures as \emph{reported} by their authors, not measured here and not part of any test.}"
    yield rf"  \begin{{tabular}}{{l{'r' * len(tasks)}}}"
    yield r"    \toprule"
    yield "    " + " & ".join(["Model", *(escape(title) for title in tasks.values())]) + r" \\"
    for source, rows in groupby(board.reported, key=lambda row: (row.source, row.date)):
        yield r"    \midrule"
        heading = rf"\emph{{reported in {escape(source[0])}, {escape(source[1])}}}"
        yield rf"    \multicolumn{{{len(tasks) + 1}}}{{l}}{{{heading}}} \\"
        for row in rows:
            values = [number(row.values[task]) if task in row.values else "--" for task in tasks]
            yield "    " + " & ".join([escape(row.name), *values]) + r" \\"
    yield r"    \bottomrule"
    yield r"  \end{tabular}"
    yield r"\end{table}"
