"""A run beside reported rows of its benchmarks: what was done in the same way, what differs, what is not said."""

from __future__ import annotations

import textwrap
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

from harness.core.console import show, to_json
from harness.core.errors import UsageError
from harness.core.worlds import worlds
from harness.reports.text import UNKNOWN, number, one_line, plain_table
from harness.runs.folder import read_run
from leaderboards.likeness import Comparison, Line, compare_protocols
from leaderboards.reference import ASPECTS, ReportedRow, read_reported, reference_files
from leaderboards.runs import StoredRun

_WIDTH: Final = 52
"""Characters of a cell; `--json` has all."""
_PAGE_WIDTH: Final = 120


def run_protocol_check(
    folder: Path, *, against: str | None = None, reference: Sequence[Path] | None = None, as_json: bool = False
) -> int:
    """Print how far a run and the reported rows of its benchmarks were had in the same way; exit code 0.

    Args:
        folder: the run.
        against: name of one reported row, or a part of it that no other has; `None`: all rows of the run's benchmarks.
        reference: files of reported numbers; `None`: those that come with the harness.
        as_json: print JSON instead of tables.

    Raises:
        StoreError: the folder is no finished run.
        DataError: a file of reported numbers is malformed.
        UsageError: there is no such row, or it is of other benchmarks.
    """
    run = StoredRun(folder=folder, record=read_run(folder))
    rows = _choose(read_reported(reference_files() if reference is None else reference), run, against)
    compared = list(compare_protocols(dict.fromkeys(run.record.tasks, run), rows))
    made_up = sorted({str(data.get("source")) for data in run.record.data.values()} & set(worlds()))
    if as_json:
        shown = {
            "run": run.record.id,
            "made_up_world": made_up[0] if made_up else None,
            "scores": {row.name: dict(row.values) for row in rows},
            "this_run": {"strict": _strict(run), "official": _official(run)},
            "compared": [asdict(comparison) for comparison in compared],
        }
        show(to_json(shown))
        return 0
    if not rows:
        show(f"Nothing is reported of {', '.join(run.record.tasks)}.")
        return 0
    _print_scores(run, rows)
    if made_up:
        show(f"\nThe questions of this run are those of the world {made_up[0]!r}: no published figure is of them.")
    if own := [facts.title for facts in run.record.benchmarks.values() if facts.own_data]:
        show(f"\n{'; '.join(own)}: no published figure is of these questions.")
    for comparison in compared:
        _print_comparison(comparison)
    return 0


def _choose(rows: Sequence[ReportedRow], run: StoredRun, against: str | None) -> list[ReportedRow]:
    shared = [row for row in rows if row.values.keys() & run.record.tasks.keys()]
    if against is None:
        return shared
    found = [row for row in rows if row.name == against]
    found = found or [row for row in rows if against.casefold() in row.name.casefold()]
    if len(found) != 1:
        names = "; ".join(row.name for row in found or rows)
        what = f"names {len(found)} reported rows" if found else "is none of the reported rows"
        raise UsageError(f"--against {against!r} {what}. Give one of: {names}.")
    if found[0] not in shared:
        raise UsageError(
            f"--against {found[0].name!r} reports {', '.join(found[0].values)}, and the run has "
            f"{', '.join(run.record.tasks)}: they have no benchmark in common."
        )
    return found


def _strict(run: StoredRun) -> dict[str, float | None]:
    return {task: result.metrics[result.headline].value for task, result in run.record.tasks.items()}


def _official(run: StoredRun) -> dict[str, float | None]:
    return {task: result.official.get(result.headline) for task, result in run.record.tasks.items()}


def _print_scores(run: StoredRun, rows: Sequence[ReportedRow]) -> None:
    tasks = [task for task in run.record.tasks if any(task in row.values for row in rows)]
    strict, official = _strict(run), _official(run)
    table = [
        [f"{one_line(run.record.id)}, strict", *(number(strict[task]) for task in tasks)],
        [f"{one_line(run.record.id)}, official", *(number(official[task]) for task in tasks)],
        *([f"{row.name} (reported)", *(number(row.values.get(task)) for task in tasks)] for row in rows),
    ]
    show(plain_table(["", *tasks], table, align=["left", *["right"] * len(tasks)]))


def _print_comparison(comparison: Comparison) -> None:
    show(f"\nBeside {'; '.join(comparison.rows)} ({comparison.source}):\n")
    sources = list(dict.fromkeys(line.reported.source for line in comparison.lines if line.reported is not None))
    if not sources:
        show("The source says nothing of how these figures were had.")
        return
    cells: dict[tuple[str, ...], list[str]] = defaultdict(list)  # Long texts of some tasks begin alike.
    for line in comparison.lines:
        if line.verdict != "not said":
            cells[line.verdict, line.aspect, _cell(line.run), _reported(line, sources)] += line.tasks
    table = [
        [verdict, _titled(aspect, of, comparison), mine, said] for (verdict, aspect, mine, said), of in cells.items()
    ]
    show(plain_table(["", "what", "this run", "reported"], table, align=["left"] * 4))
    for place, source in enumerate(sources, start=1):
        show(f"[{place}] {source}")
    silent: dict[str, list[str]] = defaultdict(list)
    for line in comparison.lines:
        if line.verdict == "not said":
            silent[line.aspect] += line.tasks
    if silent:
        told = "; ".join(_titled(aspect, of, comparison) for aspect, of in silent.items())
        show(textwrap.fill(f"Not said: {told}.", _PAGE_WIDTH))


def _titled(aspect: str, tasks: Sequence[str], comparison: Comparison) -> str:
    """An aspect in words, with the tasks that are meant where they are not all that it could be of."""
    of_all = {task for line in comparison.lines if line.aspect == aspect for task in line.tasks}
    return ASPECTS[aspect] + ("" if set(tasks) == of_all else f" ({', '.join(tasks)})")


def _reported(line: Line, sources: Sequence[str]) -> str:
    if line.reported is None:
        return UNKNOWN
    return f"{_cell(line.reported.value)} [{sources.index(line.reported.source) + 1}]"


def _cell(value: str | int | float | None) -> str:
    return UNKNOWN if value is None else textwrap.shorten(one_line(str(value)), _WIDTH, placeholder=" …")
