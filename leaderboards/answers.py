"""The answer that a board gives: which checkpoint hallucinates least, whether that is real, and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isclose
from typing import Final

from harness.reports.differences import change, in_words
from harness.reports.text import counted, factor_of, interval, name_some, number
from harness.statistics.differences import Difference
from leaderboards.board import Column, Group, Row

_NAMED: Final = 3
"""Rivals that a sentence names; the table shows the others."""
_NOT_COMPARED: Final = "not compared"
_ORDER: Final = ("better", "worse", "changed", "no difference shown", "not tested", _NOT_COMPARED)
_SHOWN: Final = {"better", "worse", "changed"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a group says, as sentences of plain text that the caller must escape.

    Attributes:
        title: what the leader does best.
        leader: label of the row that hallucinates least, or scores best where no benchmark is about hallucination.
        level: labels of the other rows that have its mean score.
        scores: its headlines on the benchmarks that order the rows, those that all level rows share.
        rivals: labels of rows that its intervals do not set apart from it on any of them, the first few; empty: none.
        verdict: what is shown of the lead over the baseline, in a few words; empty without a baseline.
        real: what the paired tests against the baseline say; empty without a baseline.
        why: what changed between the baseline and the best row beside it beyond chance, or that nothing did; empty
            where nothing could be looked at.
    """

    title: str
    leader: str
    level: Sequence[str]
    scores: Sequence[str]
    rivals: str
    verdict: str
    real: Sequence[str]
    why: Sequence[str]

    @property
    def ahead(self) -> str:
        """The leader, or that no row is ahead and which ones are level."""
        if not self.level:
            return self.leader
        return f"no row is ahead (level: {name_some([self.leader, *self.level], _NAMED)})"


def answer(group: Group) -> Answer | None:
    """The answer of a group; `None` where it has one row only, or none with all benchmarks that order it.

    A row too many of whose samples have no response (`Cell.is_thin`) is none with all benchmarks.
    """
    if len(group.rows) < 2 or group.rows[0].score(group.ordered_by) is None:
        return None
    leader = group.rows[0]
    baseline = group.base
    columns = [column for column in group.columns if column.task in group.ordered_by]
    level = [row for row in group.rows[1:] if _is_level(leader, row, group.ordered_by)]
    others = group.rows[1 + len(level) :]  # Rows stand in the order of their scores.
    same = [of for of in columns if all(_is_level(leader, row, [of.task]) for row in level)]
    return Answer(
        title="Fewest hallucinations measured" if _is_about_hallucination(group) else "Best scores measured",
        leader=leader.label,
        level=[row.label for row in level],
        scores=[_score(leader, column) for column in same],
        rivals=name_some([row.label for row in others if _is_rival(leader, row, group.ordered_by)], _NAMED),
        verdict="" if baseline is None else _verdict(leader, baseline, columns, level),
        real=list(_real(group, leader, baseline)),
        why=list(_why(group)),
    )


def _is_about_hallucination(group: Group) -> bool:
    return any(column.facts.hallucination for column in group.columns)


def _score(row: Row, column: Column) -> str:
    metric = row.cells[column.task].metric
    shown = f"{column.title} {number(metric.value, column.scale)} {interval(metric.low, metric.high, column.scale)}"
    return shown.strip()


def _is_level(leader: Row, row: Row, tasks: Sequence[str]) -> bool:
    best, score = leader.score(tasks), row.score(tasks)
    return best is not None and score is not None and isclose(best, score, abs_tol=1e-12)


def _is_rival(leader: Row, row: Row, tasks: Sequence[str]) -> bool:
    """Whether only intervals could set a row apart from the leader, and they do not."""
    tested = row.is_baseline or leader.is_baseline
    if row.score(tasks) is None or (tested and _verdicts(row if leader.is_baseline else leader, tasks) & _SHOWN):
        return False
    for task in tasks:
        best, other = leader.cells[task].metric, row.cells[task].metric
        if best.low is not None and other.high is not None and other.high < best.low:
            return False
    return True


def _real(group: Group, leader: Row, baseline: Row | None) -> Iterator[str]:
    if baseline is None:
        return
    if baseline is leader:
        others = [row for row in group.rows if row is not baseline]
        tested = [row for row in others if _verdicts(row, group.ordered_by) - {"not tested", _NOT_COMPARED}]
        for verdict in ("worse", "better"):
            found = [row for row in tested if verdict in _verdicts(row, group.ordered_by)]
            if found:
                of = counted(len(tested), "other")
                yield f"{verdict.capitalize()} on at least one benchmark: {len(found)} of {of}."
        if tested and not any(_verdicts(row, group.ordered_by) & {"worse", "better"} for row in tested):
            yield f"No difference shown to any of {counted(len(tested), 'other')}."
        turned = [
            row.label for row in others if any(cell.delta and cell.delta.could_turn for cell in row.cells.values())
        ]
        if turned:
            yield f"Unsettled answers could turn a difference over for {name_some(turned, _NAMED)}."
        if len(tested) < len(others):
            left = [row for row in others if row not in tested]
            notes = [cell.delta.note for row in left for cell in row.cells.values() if cell.delta and cell.delta.note]
            why = f" ({notes[0].partition('; ')[0]})" if notes else ""
            yield f"{f'{len(left)} more' if tested else counted(len(left), 'other')} could not be compared{why}."
        return
    for column in group.columns:
        cell = leader.cells.get(column.task)
        if cell is not None and cell.delta is not None and cell.delta.value is not None:
            yield f"{column.title}: {in_words(cell.delta, column.scale)}."


def _verdict(leader: Row, baseline: Row, columns: Sequence[Column], level: Sequence[Row]) -> str:
    if leader is baseline and level:
        return f"The baseline is level with {name_some([row.label for row in level], _NAMED)}"
    if leader is baseline:
        return "The baseline scores best"
    found: dict[str, list[str]] = {}
    for column in columns:
        (verdict,) = _verdicts(leader, [column.task])
        found.setdefault(verdict, []).append(column.title)
    parts = [f"{of} on {' and '.join(found[of])}" for of in _ORDER if of in found]
    verdict = ", ".join(parts)
    return verdict[:1].upper() + verdict[1:]


def _verdicts(row: Row, tasks: Sequence[str]) -> set[str]:
    """What is said of a row on some benchmarks."""
    deltas = [row.cells[task].delta if task in row.cells else None for task in tasks]
    return {_NOT_COMPARED if delta is None or delta.value is None else delta.verdict for delta in deltas}


def _why(group: Group) -> Iterator[str]:
    reasons = group.reasons
    if reasons is None:
        return
    for reason in reasons.found:
        difference = reason.difference
        more = "More" if (difference.value or 0.0) > 0 else "Fewer"
        example = ""
        if reason.example is not None:
            task, name = reason.example
            example = f", e.g. {name} of {group.titles.get(task, task)}"
        moved = change(difference, factor_of(difference.scale))
        yield f"{more} {reason.what}: {both_values(difference)}, {moved}{example}."
    if not reasons.family:
        yield "No change that was looked at could be tested."
    elif not reasons.found:
        of = f"None of {reasons.family} changes" if reasons.family > 1 else "No change"
        yield f"{of} that {'were' if reasons.family > 1 else 'was'} looked at is beyond chance."


def both_values(difference: Difference) -> str:
    """The values of both sides: `44.0 → 97.3 %`, or `2.2 → 5.3` where they are no shares."""
    scale = factor_of(difference.scale)
    return f"{number(difference.a, scale)} → {number(difference.b, scale)}" + " %" * (difference.scale == "share")
