"""Which runs may stand in one table, and why the others may not."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Literal, NamedTuple

from harness.core.types import BenchmarkFacts, Metric
from harness.reports.text import scale_of
from leaderboards.board import Cell, Column, Group, Row, judged_again
from leaderboards.naming import (
    fingerprint,
    identity,
    label_checkpoints,
    short_names,
    training_step,
    unusual_decoding,
)
from leaderboards.protocols import Protocol, differences, protocol_of
from leaderboards.runs import StoredRun
from leaderboards.terms import ALL_TASKS

RowsOf = Literal["trainings", "checkpoints", "runs"]


class _Terms(NamedTuple):
    """What all runs of a group have in common."""

    prompt: str
    limit: float | None
    blind: str | None


class _Result(NamedTuple):
    """One task of one run."""

    key: str
    task: str
    run: StoredRun
    protocol: Protocol
    limit: float | None

    @property
    def terms(self) -> _Terms:
        return _Terms(self.protocol.prompt, self.limit, self.protocol.blind)


def group_runs(runs: Sequence[StoredRun], *, rows_of: RowsOf = "checkpoints") -> list[Group]:
    """Sort runs into groups of which every column was had under one protocol.

    Runs of another prompt format or limit, and runs that were not shown the media, never share a group with others;
    where these are equal, results of a task over other data, of another task version, other frames per video or
    another judge go into a group of their own. In a group, a checkpoint has a row for each decoding, and the latest run
    of that and a task counts. Groups that were shown the media come first, of these those over whole data, of these the
    largest.

    Args:
        runs: finished runs.
        rows_of: `runs` for a row per run, else a row per checkpoint (see `leaderboards.trainings`).
    """
    models, other_names = _names(runs)
    labels = _label_rows(runs, label_checkpoints(models), rows_of)
    tables: dict[tuple[_Terms, int], list[_Result]] = defaultdict(list)
    for terms, layered in _layers(_results(runs, rows_of)).items():
        for layer, result in layered:
            tables[terms, layer].append(result)
    groups: list[tuple[Group, _Terms]] = []
    for (terms, _), results in tables.items():
        columns = _columns(results)
        rows = _rows(results, [column.task for column in columns], labels, other_names)
        group = Group(title=_title(terms), reason=None, limit=terms.limit, columns=columns, rows=rows, ordered_by=())
        groups.append((with_rows(group, rows), terms))
    groups.sort(key=_group_order)
    return _with_reasons(groups)


def _group_order(pair: tuple[Group, _Terms]) -> tuple[bool, bool, int, int, str, str]:
    """Groups that were shown the media first, then those over all questions, with more results, over more questions."""
    group, terms = pair
    results = sum(len(row.cells) for row in group.rows)
    questions = sum(column.protocol.count for column in group.columns)
    protocols = repr([column.protocol for column in group.columns])
    return terms.blind is not None, terms.limit is not None, -results, -questions, group.title, protocols


def _names(runs: Sequence[StoredRun]) -> tuple[dict[str, str], dict[str, list[str]]]:
    """Identity to the name of its latest run, and to the other names that it was given."""
    models: dict[str, str] = {}
    others: dict[str, list[str]] = defaultdict(list)
    for run in sorted(runs, key=lambda run: run.age):
        key = identity(run)
        before = models.get(key)
        if before is not None and before != run.record.model:
            others[key].append(before)
        models[key] = run.record.model
    names = label_checkpoints({f"{key}\n{name}": name for key, names in others.items() for name in names})
    return models, {
        key: sorted({names[f"{key}\n{name}"] for name in given if name != models[key]}) for key, given in others.items()
    }


def _label_rows(runs: Sequence[StoredRun], names: Mapping[str, str], rows_of: RowsOf) -> dict[str, str]:
    """A label for each row: the name of its checkpoint, its decoding if that is unusual, and the id of a row's run."""
    labels = {_row_key(run, rows_of): ", ".join(filter(None, (names[identity(run)], _decoding(run)))) for run in runs}
    if rows_of != "runs":
        return labels
    named = Counter((identity(run), run.record.id) for run in runs)
    places = short_names([str(run.folder) for run in runs])
    for run in runs:
        is_told_apart = named[identity(run), run.record.id] == 1
        labels[_row_key(run, rows_of)] += f" ({run.record.id if is_told_apart else places[str(run.folder)]})"
    return labels


def _decoding(run: StoredRun) -> str:
    return unusual_decoding(run.record.decoding)


def _row_key(run: StoredRun, rows_of: RowsOf) -> str:
    parts = (identity(run), str(run.folder) if rows_of == "runs" else _decoding(run))
    return "\n".join(filter(None, parts))


def _results(runs: Iterable[StoredRun], rows_of: RowsOf) -> list[_Result]:
    """The latest result of each row, task and protocol."""
    ordered = sorted(runs, key=lambda run: run.age)
    whole = {
        (task, protocol_of(run, task).digest)
        for run in ordered
        if run.record.settings.get("limit") is None
        for task in run.record.tasks
    }
    latest: dict[tuple[str, str, Protocol, float | None], _Result] = {}
    for run in ordered:
        for task in run.record.tasks:
            protocol = protocol_of(run, task)
            # A limit above the number of questions leaves nothing out.
            cut = protocol.digest is None or (task, protocol.digest) not in whole
            limit = run.record.settings.get("limit") if cut else None
            result = _Result(_row_key(run, rows_of), task, run, protocol, limit)
            latest[result.key, task, protocol, result.limit] = result
    return list(latest.values())


def _layers(results: Sequence[_Result]) -> dict[_Terms, list[tuple[int, _Result]]]:
    """By prompt format, limit and blindness: each result with the rank of its protocol among those of its task.

    The protocol that most rows share comes first, so that the first layer is the largest table that can be made.
    """
    by_terms: dict[_Terms, list[_Result]] = defaultdict(list)
    for result in results:
        by_terms[result.terms].append(result)
    layered: dict[_Terms, list[tuple[int, _Result]]] = {}
    for terms, members in by_terms.items():
        shared = Counter((result.task, result.protocol) for result in members)
        ranks: dict[tuple[str, Protocol], int] = {}
        taken: Counter[str] = Counter()
        for task, protocol in sorted(shared, key=lambda pair: (-shared[pair], -pair[1].count, repr(pair))):
            ranks[task, protocol] = taken[task]
            taken[task] += 1
        layered[terms] = [(ranks[result.task, result.protocol], result) for result in members]
    return layered


def _columns(results: Sequence[_Result]) -> list[Column]:
    protocols: dict[str, Protocol] = {}
    facts: dict[str, BenchmarkFacts] = {}
    metrics: dict[str, list[Metric]] = defaultdict(list)
    for result in results:
        protocols[result.task] = result.protocol
        facts[result.task] = result.run.record.benchmarks[result.task]
        metrics[result.task].append(result.run.record.tasks[result.task].metrics[result.protocol.headline])
    return [
        Column(task=task, protocol=protocols[task], facts=facts[task], scale=scale_of(*metrics[task]))
        for task in sorted(protocols, key=lambda task: (not facts[task].hallucination, task))
    ]


def _rows(
    results: Sequence[_Result],
    tasks: Sequence[str],
    labels: Mapping[str, str],
    other_names: Mapping[str, Sequence[str]],
) -> list[Row]:
    cells: dict[str, dict[str, Cell]] = defaultdict(dict)
    for result in results:
        cells[result.key][result.task] = Cell(run=result.run, result=result.run.record.tasks[result.task])
    rows = []
    for key, by_task in cells.items():
        ordered = {task: by_task[task] for task in tasks if task in by_task}
        latest = max((cell.run for cell in ordered.values()), key=lambda run: run.age)
        step, decoded = training_step(latest.record.model), _decoding(latest)
        if step is not None and decoded:
            step = step._replace(run=f"{step.run}, {decoded}")
        rows.append(
            Row(
                key=key,
                label=labels[key],
                fingerprint=fingerprint(key.partition("\n")[0]),
                step=step,
                cells=ordered,
                other_names=tuple(other_names.get(key.removesuffix(f"\n{decoded}"), ())),
                decoding=decoded,
            )
        )
    return rows


def with_rows(group: Group, rows: Sequence[Row]) -> Group:
    """The group with other rows: in their order, by the columns that one of them has, and what they compare by."""
    ordered_by = _order_by([column for column in group.columns if any(column.task in row.cells for row in rows)])
    return replace(
        group,
        rows=sorted(rows, key=lambda row: _order_of(row, ordered_by)),
        ordered_by=ordered_by,
        diagnostics=_comparable_figures(rows),
        attributed=[column.task for column in group.columns if _everywhere_attributed(column.task, rows)],
    )


def _order_by(columns: Sequence[Column]) -> tuple[str, ...]:
    again = judged_again(columns, {column.task for column in columns})
    about = tuple(column.task for column in columns if column.facts.hallucination and column.task not in again)
    return about or tuple(column.task for column in columns[:1])


def _order_of(row: Row, tasks: Sequence[str]) -> tuple[int, float, str]:
    """What sorts rows: those with all benchmarks of the order, best first; then those with some; then by name.

    A benchmark of which too many samples have no response (`Cell.is_thin`) is as one that a row does not have.
    """
    full = row.score(tasks)
    if full is not None:
        return 0, -full, row.label
    some = [value for task in tasks if (value := row.score([task])) is not None]
    return 2 - bool(some), -max(some, default=0.0), row.label


def _comparable_figures(rows: Sequence[Row]) -> list[str]:
    """Names of diagnostic figures by which rows can be compared, in the order in which runs list them.

    Figures over all tasks of a run are comparable where all runs with diagnostics have the same tasks; otherwise the
    headline figures of each task are shown.
    """
    diagnosed = [run for row in rows for run in row.runs if run.diagnostics is not None]
    figures = {name: figure for row in rows for name, figure in row.diagnostics.items()}
    names = list(figures)
    if len({frozenset(run.record.tasks) for run in diagnosed}) == 1:
        parts = {name.partition("/")[0] for name in names}
        part = ALL_TASKS if ALL_TASKS in parts else next(iter(sorted(parts)), "")
        return [name for name in names if name.startswith(f"{part}/") and not name.startswith(f"{part}/wrong_")]
    return [name for name, of in figures.items() if of.spec.headline and not name.startswith(f"{ALL_TASKS}/")]


def _everywhere_attributed(task: str, rows: Sequence[Row]) -> bool:
    known = [row.attributed for row in rows if row.attributed]
    return bool(known) and all(task in tasks for tasks in known)


def _title(terms: _Terms) -> str:
    title = f"{terms.prompt} prompt, {_questions(terms.limit)}"
    return title if terms.blind is None else f"{title}, images and videos {terms.blind}"


def _questions(limit: float | None) -> str:
    return "all questions" if limit is None else f"--limit {limit}"


def _with_reasons(groups: Sequence[tuple[Group, _Terms]]) -> list[Group]:
    """Say of every group but the first what sets it apart, and number titles that would be alike."""
    if not groups:
        return []
    first, first_terms = groups[0]
    result = [first]
    titles = Counter([first.title])
    for group, terms in groups[1:]:
        titles[group.title] += 1
        repeated = titles[group.title]
        result.append(
            replace(
                group,
                title=group.title if repeated == 1 else f"{group.title}, {_ordinal(repeated)} set of conditions",
                reason="; ".join(_differences(group, terms, first, first_terms)),
            )
        )
    return result


def _ordinal(number: int) -> str:
    return {2: "second", 3: "third"}.get(number, f"{number}th")


def _differences(group: Group, terms: _Terms, first: Group, first_terms: _Terms) -> list[str]:
    found = []
    if terms.prompt != first_terms.prompt:
        found.append(f"prompt format {terms.prompt}, not {first_terms.prompt}")
    if terms.limit != first_terms.limit:
        found.append(f"{_questions(terms.limit)}, not {_questions(first_terms.limit)}")
    if terms.blind != first_terms.blind:
        found.append(f"images and videos {terms.blind or 'shown'}, not {first_terms.blind or 'shown'}")
    others = {column.task: column.protocol for column in first.columns}
    for column in group.columns:
        other = others.get(column.task)
        if other is not None:
            found += [f"{column.title}: {what}" for what in differences(column.protocol, other)]
    return found
