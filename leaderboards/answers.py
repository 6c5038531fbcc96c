"""The answer that a board gives: which checkpoint hallucinates least, whether that is real, and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from harness.reports.text import interval, name_some, number, p_value, signed
from leaderboards.board import Column, Delta, Group, Row
from leaderboards.runs import Figure
from leaderboards.terms import ALL_TASKS, order_causes

_NAMED: Final = 3
"""Rivals that a sentence names; the table shows the others."""
_OUTCOMES: Final = ("on", "worse on", "not beyond chance on", "not tested on", "not compared on")
"""What a verdict says of benchmarks, in its order; the first is where the leader is better beyond chance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """A share of the baseline's and of the leader's answers.

    Attributes:
        what: what the answers have in common, in plain text that the caller must escape.
        before: share of the baseline's; `None` where there is none.
        after: share of the leader's.
    """

    what: str
    before: float | None
    after: float | None

    @property
    def text(self) -> str:
        """Both shares in percent: `10.8 → 5.3 %`."""
        start = "" if self.before is None else f"{number(self.before)} → "
        return f"{start}{number(self.after)} %"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a group says, as sentences of plain text that the caller must escape.

    Attributes:
        title: what the leader does best.
        leader: label of the row that hallucinates least, or scores best where no benchmark is about hallucination.
        scores: its headlines on the benchmarks that order the rows.
        rivals: labels of rows that its intervals do not set apart from it on any of them, the first few; empty: none.
        verdict: whether the lead over the baseline is more than chance, in a few words; empty without a baseline.
        real: what the paired tests against the baseline say; empty without a baseline.
        why: in what the leader differs from the baseline, or how it goes wrong; empty where nothing is known.
    """

    title: str
    leader: str
    scores: Sequence[str]
    rivals: str
    verdict: str
    real: Sequence[str]
    why: Sequence[Shift]


def answer(group: Group) -> Answer | None:
    """The answer of a group; `None` where it has one row only, or none with all benchmarks that order it."""
    if len(group.rows) < 2 or group.rows[0].score(group.ordered_by) is None:
        return None
    leader = group.rows[0]
    baseline = group.base
    columns = [column for column in group.columns if column.task in group.ordered_by]
    return Answer(
        title="Hallucinates least" if _is_about_hallucination(group) else "Scores best",
        leader=leader.label,
        scores=[_score(leader, column) for column in columns],
        rivals=name_some([row.label for row in group.rows[1:] if _overlaps(leader, row, group.ordered_by)], _NAMED),
        verdict="" if baseline is None else _verdict(leader, baseline, columns),
        real=list(_real(group, leader, baseline)),
        why=list(_why(leader, None if baseline is leader else baseline, group)),
    )


def _is_about_hallucination(group: Group) -> bool:
    return any(column.facts.hallucination for column in group.columns)


def _score(row: Row, column: Column) -> str:
    metric = row.cells[column.task].metric
    shown = f"{column.title} {number(metric.value, column.scale)} {interval(metric.low, metric.high, column.scale)}"
    return shown.strip()


def _overlaps(leader: Row, row: Row, tasks: Sequence[str]) -> bool:
    if row.score(tasks) is None:
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
        tested = [row for row in others if _is_tested(row, group.ordered_by)]
        worse = sum(_is_worse(row, group.ordered_by) for row in tested)
        if tested:
            what = "hallucinate more" if _is_about_hallucination(group) else "are worse"
            yield f"Of {len(tested)} others, {worse} {what} beyond chance on at least one benchmark."
        turned = [
            row.label for row in others if any(cell.delta and cell.delta.could_turn for cell in row.cells.values())
        ]
        if turned:
            yield f"Unsettled answers could turn a difference over for {name_some(turned, _NAMED)}."
        if len(tested) < len(others):
            yield f"{len(others) - len(tested)} {'more' if tested else 'others'} could not be compared."
        return
    for column in group.columns:
        cell = leader.cells.get(column.task)
        if cell is not None and cell.delta is not None and cell.delta.value is not None:
            yield f"{column.title}: {delta_in_words(cell.delta, column.scale)}."


def _verdict(leader: Row, baseline: Row, columns: Sequence[Column]) -> str:
    if leader is baseline:
        return "The baseline is not beaten"
    found: dict[str, list[str]] = {outcome: [] for outcome in _OUTCOMES}
    for column in columns:
        found[_outcome(leader.cells[column.task].delta)].append(column.title)
    parts = [f"{outcome} {' and '.join(titles)}" for outcome, titles in found.items() if titles]
    verdict = ", ".join(parts)
    return f"Yes, {verdict}" if len(found["on"]) == len(columns) else verdict[:1].upper() + verdict[1:]


def _outcome(delta: Delta | None) -> str:
    if delta is None or delta.value is None:
        return "not compared on"
    if delta.p_adjusted is None:
        return "not tested on"
    if not delta.is_real:
        return "not beyond chance on"
    return "on" if delta.tone == "better" else "worse on"


def _is_tested(row: Row, tasks: Sequence[str]) -> bool:
    deltas = [row.cells[task].delta for task in tasks if task in row.cells]
    return any(delta is not None and delta.p_adjusted is not None for delta in deltas)


def _is_worse(row: Row, tasks: Sequence[str]) -> bool:
    deltas = [row.cells[task].delta for task in tasks if task in row.cells]
    return any(delta is not None and delta.tone == "worse" for delta in deltas)


def delta_in_words(delta: Delta, scale: float) -> str:
    """A delta as a reader says it: `+4.3 [2.1, 6.5], beyond chance (p < 0.001)`."""
    shown = f"{signed(delta.value, scale)} {interval(delta.low, delta.high, scale)}".strip()
    note = f" ({delta.note})" if delta.p_adjusted is None and delta.note else ""
    doubt = "; unsettled answers could turn it over" if delta.could_turn else ""
    return f"{shown}, {chance(delta)}{note}{doubt}"


def chance(delta: Delta) -> str:
    """Whether chance explains a difference, in words."""
    if delta.p_adjusted is None:
        return "not tested"
    p = p_value(delta.p_adjusted)
    return f"{'beyond' if delta.is_real else 'within'} chance (p {p if p.startswith('<') else f'= {p}'})"


def _why(leader: Row, baseline: Row | None, group: Group) -> Iterator[Shift]:
    after = leader.attribution(group.attributed)
    before = baseline.attribution(group.attributed) if baseline else {}
    for cause in order_causes({**before, **after}):
        shares = (before.get(cause, 0.0) if before else None, after.get(cause, 0.0) if after else None)
        if any(shares):
            what = f"wrong by {cause}" if cause != "unattributed" else "wrong, cause not known"
            yield Shift(what=what, before=shares[0], after=shares[1])
    for name in group.diagnostics:
        now = leader.diagnostics.get(name)
        if now is not None and now.hallucination:
            then = baseline.diagnostics.get(name) if baseline else None
            part = name.rpartition("/")[0]
            what = now.hallucination if part == ALL_TASKS else f"{now.hallucination} ({group.titles.get(part, part)})"
            yield Shift(what=what, before=_value(then), after=now.metric.value)
    for column in group.columns:
        task = column.task
        for name, what in column.facts.telling.items() if task in group.ordered_by else ():
            then_ = baseline.cells[task].result.metrics.get(name) if baseline and task in baseline.cells else None
            now_ = leader.cells[task].result.metrics.get(name)
            if now_ is not None and now_.value is not None:
                yield Shift(what=what, before=then_.value if then_ else None, after=now_.value)


def _value(figure: Figure | None) -> float | None:
    return None if figure is None else figure.metric.value
