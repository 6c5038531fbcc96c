"""From run folders to a board: read, group, compare with the baseline, draw curves, add reported rows."""

from __future__ import annotations

import difflib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from harness.core.errors import StoreError, UsageError
from harness.core.worlds import worlds
from harness.reports.text import counted, name_some
from leaderboards.board import Board, Group, Row
from leaderboards.curves import draw_curves
from leaderboards.deltas import compare_group
from leaderboards.grouping import RowsOf, group_runs
from leaderboards.likeness import Likeness, find_nearest
from leaderboards.naming import identity, unusual_decoding
from leaderboards.reference import read_reported, reference_files
from leaderboards.runs import StoredRun, load_runs
from leaderboards.trainings import gather, notes_on_seeds

_NAMED: Final = 6
"""Checkpoints or problems that a message names: as many as its reader can choose from at a glance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardConfig:
    """What a board is built from.

    Attributes:
        runs: run folders, or folders that hold run folders.
        baseline: label, model name, run id, or first digits of the weights of the checkpoint that the others are
            compared with; `None`: the page's reader chooses one.
        rows_of: a row per training (its last checkpoint, all seeds together), per checkpoint, or per run.
        references: files of reported numbers; `None`: those that come with the harness, unless all runs are over
            made-up worlds; empty: none.
        title: heading of the board.
        tasks_dir: folder of tasks beside the harness's own; `None`: there is none.
    """

    runs: Sequence[Path]
    baseline: str | None = None
    rows_of: RowsOf = "trainings"
    references: Sequence[Path] | None = None
    title: str = "Leaderboard"
    tasks_dir: Path | None = None


def build_board(config: BoardConfig) -> Board:
    """Build a board.

    Raises:
        UsageError: no finished run was found, or the baseline is unknown or names several checkpoints.
        DataError: a file of reported numbers is malformed.
    """
    runs, problems = load_runs(config.runs, config.tasks_dir)
    if not runs:
        more = f" And {len(problems) - _NAMED} more." if len(problems) > _NAMED else ""
        named = " ".join(problems[:_NAMED]) + more
        raise UsageError(f"no finished run in {', '.join(map(str, config.runs))}; 'harness eval' writes them. {named}")
    groups = [replace(group, curves=draw_curves(group)) for group in group_runs(runs, rows_of=config.rows_of)]
    notes = list(_older_runs(runs, groups))
    if config.rows_of == "trainings":
        groups = _gather(groups, config.baseline)
        notes += [note for group in groups for note in notes_on_seeds(group)]
    key = None if config.baseline is None else find_checkpoint(groups, config.baseline, "--baseline").key
    compared = [compare_group(group, key, config.tasks_dir) for group in groups]
    groups = [group for group, _ in compared]
    problems += [problem for _, found in compared for problem in found]
    if key is not None:
        notes += [
            f"The baseline has no run under the conditions of “{group.title}”: nothing is compared there."
            for group in groups
            if group.baseline is None
        ]
    notes += [note for group in groups for note in _judges(group)]
    references = config.references
    if references is None:
        # Figures over the real benchmarks say nothing beside figures over made-up worlds.
        references = [] if all(_is_of_worlds(run) for run in runs) else reference_files()
    # What is reported of a benchmark says nothing beside other questions that were asked under its name.
    shown = {column.task for group in groups for column in group.columns if not column.facts.own_data}
    reported = [row for row in read_reported(references) if shown & set(row.values)]
    likeness: Sequence[Likeness | None] = ()
    try:
        likeness = find_nearest({group.title: _runs_by_task(group) for group in groups}, reported)
    except StoreError as error:
        problems.append(str(error))
    return Board(
        title=config.title,
        groups=groups,
        reported=reported,
        likeness=likeness,
        notes=notes,
        problems=list(dict.fromkeys(problems)),
    )


def _gather(groups: Sequence[Group], baseline: str | None) -> list[Group]:
    """A row for each training; a baseline that is an earlier checkpoint of one keeps a row of its own."""
    gathered = [gather(group) for group in groups]
    if baseline is None:
        return gathered
    try:
        find_checkpoint(gathered, baseline, "--baseline")
    except UsageError:
        kept = find_checkpoint(groups, baseline, "--baseline").key
        return [gather(group, {kept}) for group in groups]
    return gathered


def _older_runs(runs: Sequence[StoredRun], groups: Sequence[Group]) -> Iterator[str]:
    """Where only a name tells which model answered, how many runs gave way to a later one of the name."""
    rows = [row for group in groups for row in group.rows]
    shown = {(cell.run.folder, task) for row in rows for task, cell in row.cells.items()}
    labels = {(identity(run), row.decoding): row.label for row in rows for run in row.runs}
    older = Counter(
        labels[identity(run), unusual_decoding(run.record.decoding)]
        for run in runs
        if run.record.weights is None and any((run.folder, task) not in shown for task in run.record.tasks)
    )
    for label, number in older.items():
        yield (
            f"{counted(number, 'older run')} of “{label}” {'is' if number == 1 else 'are'} not shown in full: only the "
            "name says that the same model answered. --rows-of runs shows each."
        )


def _judges(group: Group) -> Iterator[str]:
    """A warning where figures that rest on a judge rest on different ones."""
    diagnosed = [run.diagnostics for row in group.rows for run in row.runs if run.diagnostics is not None]
    judges = sorted({diagnostics.judge or "none" for diagnostics in diagnosed})
    if len(judges) > 1:
        yield (
            f"The diagnostics of “{group.title}” rest on different judges ({', '.join(judges)}): caption figures and "
            "attributions of rows with another judge do not compare."
        )


def _runs_by_task(group: Group) -> dict[str, StoredRun]:
    """A run of each benchmark that papers may report: of the baseline or the first row, where it has one."""
    rows = [group.base or group.rows[0], *group.rows]
    tasks = [column.task for column in group.columns if not column.facts.own_data]
    return {task: row.cells[task].run for task in tasks for row in reversed(rows) if task in row.cells}


def _is_of_worlds(run: StoredRun) -> bool:
    return all(data.get("source") in worlds() for data in run.record.data.values())


def find_checkpoint(groups: Sequence[Group], name: str, option: str) -> Row:
    """The row (of the first group that has one) of the checkpoint that a name means, whichever group has that name.

    Args:
        groups: where to look.
        name: label, run id, model name, end of the label, or first digits of the weights.
        option: which option gave the name, for messages.

    Raises:
        UsageError: it means none, or several.
    """
    rows: dict[str, list[Row]] = defaultdict(list)
    for group in groups:
        for row in group.rows:
            rows[row.key].append(row)
    tests: Sequence[Callable[[Row], bool]] = (
        lambda row: row.label == name,
        lambda row: any(run.record.id == name for run in row.runs),
        lambda row: any(run.record.model == name for run in row.runs),
        lambda row: row.label.rpartition("/")[2] == name or name in row.other_names,
        lambda row: len(name) >= 4 and (row.fingerprint or "").startswith(name.removeprefix("sha256:")[:12]),
    )
    for test in tests:
        matching = (same[0] for same in rows.values() if any(test(row) for row in same))
        found = sorted(matching, key=lambda row: row.label)
        found = [row for row in found if not row.decoding] or found  # A checkpoint's name means it as it is.
        if len(found) == 1:
            return found[0]
        if found:
            labels = name_some([repr(row.label) for row in found], _NAMED)
            raise UsageError(f"{option} {name!r} names {len(found)} checkpoints: {labels}. Give one of these labels.")
    known = [same[0].label for same in rows.values()]
    raise UsageError(f"{option} {name!r} is none of the checkpoints.{_suggest(name, known)}")


def _suggest(name: str, known: Sequence[str]) -> str:
    labels = sorted(known)
    near = difflib.get_close_matches(name, labels, n=1)
    if near:
        return f" Did you mean {near[0]!r}?"
    return f" There are: {name_some(labels, _NAMED)}."
