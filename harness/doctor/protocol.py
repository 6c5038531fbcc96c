"""A run beside reported rows of its benchmarks: what was done in the same way, what differs, what is not said."""

from __future__ import annotations

import textwrap
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final, Literal

from harness.core.console import show, to_json
from harness.core.errors import UsageError
from harness.core.types import AnswerKind
from harness.core.worlds import worlds
from harness.reports.text import UNKNOWN, number, one_line, plain_table
from harness.runs.config import prompt_of
from harness.runs.folder import read_run
from harness.runs.records import read_records
from leaderboards.protocols import protocol_of, shown_as
from leaderboards.reference import ASPECTS, ReportedRow, Said, read_reported, reference_files
from leaderboards.runs import StoredRun

Verdict = Literal["differs", "same", "not said", "not known"]
_VERDICTS: Final[Sequence[Verdict]] = ("differs", "same", "not known", "not said")

_SECTIONS: Final[Mapping[str | None, str]] = {
    "direct": "none, the answer alone",
    "think": "<think> <answer>",
    "grounded": "<planning> <caption> <think> <answer>",
}
_ANSWER_AS: Final[Mapping[AnswerKind, str]] = {
    "yes_no": "yes or no",
    "choice": "a letter",
    "open": "a word or phrase",
    "caption": "a description",
}
_ASKING: Final = ("hf", "vllm", "api")
"""Engines that ask a model; of other runs nothing is known but responses and how they were read."""
_WIDTH: Final = 52
"""Characters of a cell; `--json` has all."""
_PAGE_WIDTH: Final = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One aspect of how a figure was had, in a run and in a source.

    Attributes:
        aspect: its key in `leaderboards.reference.ASPECTS`.
        tasks: of which this holds.
        verdict: `not said` where the source does not tell; else `not known` where the run does not.
        run: how it was in the run; `None`: not known.
        reported: what the source says; `None`: nothing.
    """

    aspect: str
    tasks: tuple[str, ...]
    verdict: Verdict
    run: str | int | float | None
    reported: Said | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A run beside reported rows of which a source says the same.

    Attributes:
        rows: names of the reported rows.
        tasks: that the run and one of the rows have.
        source: where they are reported.
        url: of the source.
        lines: by aspect, what differs first.
    """

    rows: tuple[str, ...]
    tasks: tuple[str, ...]
    source: str
    url: str | None
    lines: tuple[Line, ...]


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
    compared = list(_compare(run, rows))
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


def _compare(run: StoredRun, rows: Sequence[ReportedRow]) -> Iterator[Comparison]:
    """Comparisons in the order of the rows; rows of which a source says the same share one."""
    instructions = _instructions(run)
    groups: list[list[ReportedRow]] = []
    for row in rows:
        alike = [group for group in groups if (group[0].source, group[0].protocol) == (row.source, row.protocol)]
        if alike:
            alike[0].append(row)
        else:
            groups.append([row])
    for group in groups:
        tasks = tuple(task for task in run.record.tasks if any(task in row.values for row in group))
        lines = [line for aspect in ASPECTS for line in _lines(run, group[0], aspect, tasks, instructions)]
        yield Comparison(
            rows=tuple(row.name for row in group),
            tasks=tasks,
            source=group[0].source,
            url=group[0].url,
            lines=tuple(sorted(lines, key=lambda line: _VERDICTS.index(line.verdict))),
        )


def _lines(
    run: StoredRun, row: ReportedRow, aspect: str, tasks: Sequence[str], instructions: Mapping[str, Mapping[str, str]]
) -> Iterator[Line]:
    """An aspect's lines: one where it is the same for all tasks."""
    found: dict[Line, list[str]] = defaultdict(list)
    for task in tasks:
        if aspect in ("num_frames", "video_as") and run.record.benchmarks[task].media == "image":
            continue
        mine = _of_run(run, task, instructions.get(task, {}))[aspect]
        said = row.said(aspect, task)
        known = _readings(run, task) if aspect == "reading" else [] if mine is None else [mine]
        verdict: Verdict
        if said is None:
            verdict = "not said"
        elif not known:
            verdict = "not known"
        else:
            verdict = "same" if any(_is_same(one, said.value) for one in known) else "differs"
        if aspect == "figure" and verdict == "differs" and said is not None:
            metric = run.record.tasks[task].metrics.get(str(said.value))
            mine = f"{mine} ({metric.name} is {number(metric.value)})" if metric is not None else mine
        found[Line(aspect=aspect, tasks=(), verdict=verdict, run=mine, reported=said)].append(task)
    for line, of in found.items():
        yield replace(line, tasks=tuple(of))


def _is_same(mine: str | int | float, said: str | int | float) -> bool:
    """Equal numbers, or texts but for case; a quotation that ends in an ellipsis is compared as far as it goes."""
    if isinstance(mine, str) and isinstance(said, str):
        one, other = mine.casefold(), said.casefold()
        return one.startswith(other[:-1]) if other.endswith("…") else one == other
    return mine == said


def _instructions(run: StoredRun) -> dict[str, dict[str, str]]:
    """By task and kind of question, the line that ended its prompts, where they were in a format of ours."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for record in read_records(run.folder):
        sample = record.sample
        if sample.answer_kind not in found[sample.task] and sample.prompt:
            found[sample.task][sample.answer_kind] = sample.prompt.splitlines()[-1]
    return found


def _of_run(run: StoredRun, task: str, instructions: Mapping[str, str]) -> dict[str, str | int | float | None]:
    """How a run had its figure of a task, by aspect; `None` where it is not known."""
    record, protocol = run.record, protocol_of(run, task)
    result, data, settings = record.tasks[task], record.data[task], record.settings
    known: dict[str, str | int | float | None] = dict.fromkeys(ASPECTS)
    known |= {
        "data": str(data.get("source")),
        "questions": protocol.count,
        "reading": " and ".join(_readings(run, task)),
        "judge": record.judge or "none",
        "figure": result.headline,
    }
    if record.engine not in _ASKING:
        return known
    engine, described = settings.get("engine_settings") or {}, (settings.get("tasks") or {}).get(task, {})
    prompt = _SECTIONS.get(prompt_of(settings, task))
    return known | {
        "prompt": prompt,
        "instruction": " / ".join(instructions.values()) or None if prompt else None,
        "answer_as": " / ".join(words for kind, words in _ANSWER_AS.items() if kind in instructions)
        if prompt
        else None,
        "media": protocol.blind or "shown",
        "max_pixels": engine.get("max_pixels") or "the processor's own cap",
        "num_frames": protocol.num_frames,
        "video_as": shown_as(protocol.video_as) if protocol.video_as else None,
        "engine": record.engine,
        "dtype": engine.get("dtype"),
        **{name: record.decoding.get(name) for name in ("temperature", "top_p", "repetition_penalty")},
        "max_new_tokens": described.get("max_new_tokens", record.decoding.get("max_new_tokens")),
        "max_model_len": engine.get("max_model_len") or (None if record.engine == "api" else "no limit set"),
    }


def _readings(run: StoredRun, task: str) -> list[str]:
    """How the answers of a task were read: a source that names one of them has it in common with the run."""
    result = run.record.tasks[task]
    if result.means is not None:
        return ["the task's own"]
    return ["strict", *(["official"] if result.official.get(result.headline) is not None else [])]


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
