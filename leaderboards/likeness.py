"""How far a run and reported rows of its benchmarks were had in the same way."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from harness.reports.text import number
from harness.runs.asked import how_asked, sections_of
from harness.runs.records import read_records
from leaderboards.protocols import capped_at, protocol_of, shown_as
from leaderboards.reference import ASPECTS, ReportedRow, Said
from leaderboards.runs import StoredRun

Verdict = Literal["differs", "same", "not said", "not known"]
_VERDICTS: Final[Sequence[Verdict]] = ("differs", "same", "not known", "not said")

_ANSWER_AS: Final[Mapping[str, str]] = {
    "yes_no": "yes or no",
    "letters": "a letter (A. yes, B. no)",
    "choice": "a letter",
    "open": "a word or phrase",
    "caption": "a description",
}
_ASKING: Final = ("hf", "vllm", "api")
"""Engines that ask a model; of other runs nothing is known but responses and how they were read."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Likeness:
    """How the figures of a reported row were had otherwise than those of a table.

    Attributes:
        table: its title.
        differs: what differs, in words.
        is_told: whether the source says anything of how its figures were had.
    """

    table: str
    differs: Sequence[str]
    is_told: bool


def compare_protocols(runs: Mapping[str, StoredRun], rows: Sequence[ReportedRow]) -> Iterator[Comparison]:
    """Runs beside reported rows, in their order; rows of which a source says the same share a comparison.

    Args:
        runs: of each task the run whose figure of it is compared.
        rows: reported rows.

    Raises:
        StoreError: a run's samples, whose prompts tell what was asked for, cannot be read.
    """
    told = {folder: _instructions(run) for folder, run in {run.folder: run for run in runs.values()}.items()}
    instructions = {task: told[run.folder].get(task, {}) for task, run in runs.items()}
    groups: list[list[ReportedRow]] = []
    for row in rows:
        alike = [group for group in groups if (group[0].source, group[0].protocol) == (row.source, row.protocol)]
        if alike:
            alike[0].append(row)
        else:
            groups.append([row])
    for group in groups:
        tasks = tuple(task for task in runs if any(task in row.values for row in group))
        lines = [line for aspect in ASPECTS for line in _lines(runs, group[0], aspect, tasks, instructions)]
        yield Comparison(
            rows=tuple(row.name for row in group),
            tasks=tasks,
            source=group[0].source,
            url=group[0].url,
            lines=tuple(sorted(lines, key=lambda line: _VERDICTS.index(line.verdict))),
        )


def _lines(
    runs: Mapping[str, StoredRun],
    row: ReportedRow,
    aspect: str,
    tasks: Sequence[str],
    instructions: Mapping[str, Mapping[str, str]],
) -> Iterator[Line]:
    """An aspect's lines: one where it is the same for all tasks."""
    found: dict[Line, list[str]] = defaultdict(list)
    for task in tasks:
        run = runs[task]
        if aspect in ("num_frames", "video_as") and run.record.benchmarks[task].media == "image":
            continue
        mine = _of_run(run, task, instructions[task])[aspect]
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
        kind = "letters" if sample.as_letters else sample.answer_kind
        if kind not in found[sample.task] and sample.prompt:
            found[sample.task][kind] = sample.prompt.splitlines()[-1]
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
    engine, asked = settings.get("engine_settings") or {}, how_asked(settings, task, None)
    decoding = asked.get("decoding", {})
    if (sections := sections_of(settings, task)) is not None:
        known |= {
            "prompt": " ".join(f"<{name}>" for name in sections) or "none, the answer alone",
            "instruction": " / ".join(instructions.values()) or None,
            "answer_as": " / ".join(words for kind, words in _ANSWER_AS.items() if kind in instructions),
        }
    return known | {
        "media": protocol.blind or "shown",
        "max_pixels": capped_at(asked.get("max_pixels")),
        "num_frames": protocol.num_frames,
        "video_as": shown_as(protocol.video_as) if protocol.video_as else None,
        "engine": record.engine,
        "dtype": engine.get("dtype"),
        **{name: decoding.get(name) for name in ("temperature", "top_p", "repetition_penalty")},
        "top_k": decoding.get("top_k") or 0,
        "contrast": decoding.get("contrast") or "none",
        "max_new_tokens": decoding.get("max_new_tokens"),
        "max_model_len": engine.get("max_model_len") or (None if record.engine == "api" else "no limit set"),
    }


def _readings(run: StoredRun, task: str) -> list[str]:
    """How the answers of a task were read: a source that names one of them has it in common with the run."""
    result = run.record.tasks[task]
    if result.means is not None:
        return ["the task's own"]
    return ["strict", *(["official"] if result.official.get(result.headline) is not None else [])]


def find_nearest(tables: Mapping[str, Mapping[str, StoredRun]], rows: Sequence[ReportedRow]) -> list[Likeness | None]:
    """For each reported row the table whose figures were had most like its own; `None`: none has its benchmarks.

    Args:
        tables: by the title of each table, a run of each of its tasks.
        rows: reported rows.

    Raises:
        StoreError: see `compare_protocols`.
    """
    nearest: dict[tuple[str, str], Likeness] = {}
    for title, runs in tables.items():
        shared = [row for row in rows if row.values.keys() & runs.keys()]
        for comparison in compare_protocols(runs, shared):
            found = Likeness(
                table=title,
                differs=[_in_words(line, comparison) for line in comparison.lines if line.verdict == "differs"],
                is_told=any(line.verdict != "not said" for line in comparison.lines),
            )
            for name in comparison.rows:
                best = nearest.get((comparison.source, name))
                if best is None or len(found.differs) < len(best.differs):
                    nearest[comparison.source, name] = found
    return [nearest.get((row.source, row.name)) for row in rows]


def _in_words(line: Line, comparison: Comparison) -> str:
    said = "" if line.reported is None else str(line.reported.value)
    of = "" if set(line.tasks) == set(comparison.tasks) else f" ({', '.join(line.tasks)})"
    # An instruction is too long to be shown twice.
    values = "" if line.aspect == "instruction" else f": {said}, here {line.run}"
    return f"{ASPECTS[line.aspect]}{of}{values}"
