"""What a reader sees after a run: a table on the terminal and `report.md` in the run folder."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from harness.core.errors import StoreError
from harness.core.files import write_atomically
from harness.core.types import Metric, RunRecord, SampleRecord, TaskResult
from harness.diagnostics.run_folder import read_diagnostics
from harness.reports.audit import audit_lines
from harness.reports.diagnostics_report import diagnostics_lines
from harness.reports.explaining import RuleCounts
from harness.reports.markdown import code, escape, table
from harness.reports.text import UNKNOWN, error_of, interval, number, one_line, plain_table, scale_of, span
from harness.runs.records import read_records

REPORT: Final = "report.md"
_SHOWN: Final = 20
"""Failed or disputed samples that the report names; `samples.jsonl` has all of them."""
_OFFICIAL: Final = {True: "right", False: "wrong", None: UNKNOWN}
_RESPONSE_CHARACTERS: Final = 90
"""Of a response in a table: as many as a line of a page holds beside the other columns."""


def score_headers(metrics: Iterable[Metric]) -> tuple[str, str, str]:
    """Headers over the cells of `score_cells`: percent, unless a metric is no share."""
    if all(scale_of(metric) == 100 for metric in metrics):
        return "%", "95 % interval", "official %"
    return "% or number", "95 % interval", "official"


def score_cells(metric: Metric, official: float | None) -> tuple[str, str, str]:
    """Value, 95 % interval and official value of a metric; a dash for what is not known.

    Args:
        metric: the strict metric.
        official: the published evaluator's value.
    """
    scale = scale_of(metric)
    ends = interval(metric.low, metric.high, scale) or UNKNOWN
    return number(metric.value, scale), ends, number(official, scale)


def headline_table(run: RunRecord) -> str:
    """The headlines of a run for a terminal, one row a task."""
    return plain_table(*headline_rows(run))


def headline_rows(run: RunRecord) -> tuple[list[str], list[list[Any]]]:
    """Headers, and one row a task: the strict headline with its interval, the official value, and what qualifies them.

    Args:
        run: a finished run.
    """
    results = run.tasks.values()
    headlines = [result.metrics[result.headline] for result in results]
    recorded = [metric.name for result in results for metric in _theirs(run, result)]
    counts = {"samples": "samples", "unanswered": "unanswered"}
    rare = {"not_understood": "not understood", "undecided": "undecided"}  # Most runs have none of these.
    counts |= {name: title for name, title in rare.items() if any(getattr(result, name) for result in results)}
    counts |= {"truncated": "cut off", "errors": "errors", "disagreements": "disputed"}
    has_ranges = any(metric.range for metric in headlines)
    headers = ["task", "metric", *score_headers(headlines), *(["range"] * has_ranges), *recorded, *counts.values()]
    rows: list[list[Any]] = []
    for result, metric in zip(results, headlines, strict=True):
        cells = [*score_cells(metric, result.official.get(result.headline)), *([range_cell(metric)] * has_ranges)]
        cells += [score_cells(theirs, None)[0] for theirs in _theirs(run, result)]
        rows.append([result.task, result.headline, *cells, *(getattr(result, name) for name in counts)])
    return headers, rows


def range_cell(metric: Metric) -> str:
    """What a metric would be if all unsettled answers were wrong, and right; a dash where that is not known."""
    return span(metric.range, scale_of(metric)) or UNKNOWN


def _theirs(run: RunRecord, result: TaskResult) -> list[Metric]:
    """What the scoring of another harness gave, in a run of its log, which is of one task."""
    return [metric for name, metric in result.metrics.items() if name.startswith(f"{run.engine}/")]


def baseline_line(run: RunRecord, blind: Mapping[str, float | None]) -> str:
    """What is had without looking at the same questions, and which tasks' headlines are not beyond it.

    Args:
        run: a finished run.
        blind: headline by task of the same model without images or videos, where that is known.

    Returns:
        the headlines of constant responses and of the blind run, the tasks whose interval reaches down to the best of
        these, and those that ask other questions than their name says; empty where no task has any.
    """
    told, below = [], []
    for task, result in run.tasks.items():
        floor = floor_of(result, blind)
        if floor.values:
            scale = scale_of(result.metrics[result.headline])
            told.append(f"{task} {', '.join(f'{name} {number(value, scale)}' for name, value in floor.values.items())}")
        if floor.is_beyond is False:
            below.append(f"{task} ({floor.best})")
    lines = [f"For comparison, without looking: {'; '.join(told)}."] if told else []
    if below:
        lines.append(f"By the interval not beyond that, so that nothing shows any looking: {', '.join(below)}.")
    if own := [f"{task} is {facts.title}" for task, facts in run.benchmarks.items() if facts.own_data]:
        lines.append(f"{'; '.join(own)}: no published figure is of these questions.")
    return " ".join(lines)


class Floor(NamedTuple):
    """What is had without looking.

    Attributes:
        values: headlines of constant responses and of the blind run, by name.
        best: name of the best that is known; empty: there is none.
        is_beyond: whether the headline's interval lies above it; `None` where that is not known.
    """

    values: Mapping[str, float | None]
    best: str
    is_beyond: bool | None


def floor_of(result: TaskResult, blind: Mapping[str, float | None]) -> Floor:
    """What is had without looking at the questions of a task.

    Args:
        result: of the task.
        blind: see `baseline_line`.
    """
    values = {**result.baselines, **({"blind": blind[result.task]} if result.task in blind else {})}
    known = {name: value for name, value in values.items() if value is not None}
    best = max(known, key=lambda name: known[name], default="")
    headline = result.metrics[result.headline]
    least = headline.value if headline.low is None else headline.low
    return Floor(values, best, least > known[best] if best and least is not None else None)


def blind_headlines(folder: Path) -> dict[str, float | None]:
    """The headlines of the blind run that a run was diagnosed with; none without one.

    Raises:
        StoreError: `diagnostics.json` cannot be read.
    """
    return dict((read_diagnostics(folder) or {}).get("blind_headlines") or {})


def write_report(run: RunRecord, folder: Path) -> Path:
    """Write `report.md` for a finished run and give its path."""
    path = folder / REPORT
    write_atomically(path, "\n".join(_report_lines(run, folder)) + "\n")
    return path


def _report_lines(run: RunRecord, folder: Path) -> Iterator[str]:
    yield f"# {escape(run.model)}"
    yield ""
    headers, rows = headline_rows(run)
    align = ["left", "left", *["right"] * (len(headers) - 2)]
    yield table(headers, [[escape(task), escape(metric), *cells] for task, metric, *cells in rows], align=align)
    yield ""
    blind, why = _diagnosis(folder)
    if line := baseline_line(run, blind):
        yield escape(line)
        yield ""
    yield (
        "Strict scores: what each response means; unanswered (refused, empty or cut off) counts wrong. Official: what "
        "the benchmark's own evaluator gives on the same responses. Intervals are 95 %, clustered by image, video or "
        "question group. Disputed samples are right under one reading and wrong under the other. Samples with an error "
        "are not scored."
    )
    if any(result.unsettled for result in run.tasks.values()):
        yield ""
        yield (
            "Not understood: no rule reads the answer. Undecided: an open answer that the rules can call neither right "
            "nor wrong. Both count wrong until a judge is given (`--judge`); the range is what a score would be if all "
            "of them were wrong, or right. `harness score --run RUN --explain ID` shows how an answer was read."
        )
    for result in run.tasks.values():
        yield ""
        yield f"## {escape(result.task)}"
        yield ""
        yield _metrics_table(result)
    if run.audit is not None and run.audit.kinds:
        yield ""
        yield from audit_lines(run.audit)
    yield ""
    yield from why
    rules = RuleCounts()
    failed, unsettled, disputed = _notable(read_records(folder), rules)
    headers, rows = rules.rows()
    if rows:
        yield ""
        yield "## What the scores rest on"
        yield ""
        cells = [[escape(rule), escape(words), *counts] for rule, words, *counts in rows]
        yield table(headers, cells, align=["left", "left", *["right"] * (len(headers) - 2)])
    total_failed = sum(result.errors for result in run.tasks.values())
    if failed:
        yield ""
        yield f"## Samples that could not be scored ({total_failed})"
        yield ""
        yield from (f"- {_name(record)}: {_text(record.response.error or record.verdict.reason)}" for record in failed)
        yield from _rest(total_failed, len(failed))
    for title, counted, shown in (
        ("Answers that no rule reads or settles", "unsettled", unsettled),
        ("Samples on which strict and official verdict differ", "disagreements", disputed),
    ):
        if shown:
            total = sum(getattr(result, counted) for result in run.tasks.values())
            yield ""
            yield f"## {title} ({total})"
            yield ""
            yield _verdict_table(shown)
            yield from _rest(total, len(shown))
    yield ""
    yield "## Provenance"
    yield ""
    yield from (f"- {escape(name)}: {escape(value)}" for name, value in provenance(run))


def _diagnosis(folder: Path) -> tuple[dict[str, float | None], Iterable[str]]:
    """The headlines of the blind run, and the lines of the diagnostics, or of why there are none that can be used."""
    try:
        return blind_headlines(folder), diagnostics_lines(folder)
    except StoreError as error:
        return {}, ["## Why it went wrong", "", escape(str(error)), ""]


def _metrics_table(result: TaskResult) -> str:
    has_ranges = any(metric.range for metric in result.metrics.values())
    rows = []
    for name, metric in result.metrics.items():
        value, ends, official = score_cells(metric, result.official.get(name))
        stderr = error_of(metric.stderr, scale_of(metric))
        rows.append([escape(name), value, stderr, ends, official, *([range_cell(metric)] * has_ranges), metric.n])
    value_header, *other_headers = score_headers(result.metrics.values())
    return table(["metric", value_header, "s.e.", *other_headers, *(["range"] * has_ranges), "n"], rows)


def _notable(records: Iterable[SampleRecord], rules: RuleCounts) -> tuple[list[SampleRecord], ...]:
    """The first few records that failed, that are unsettled, and that are disputed; all are counted by their rules."""
    notable: tuple[list[SampleRecord], ...] = ([], [], [])
    for record in records:
        verdict = record.verdict
        rules.add(verdict)
        for shown, belongs in zip(
            notable, (verdict.status == "error", verdict.is_unsettled, verdict.is_disputed), strict=True
        ):
            if belongs and len(shown) < _SHOWN:
                shown.append(record)
    return notable


def _verdict_table(records: Sequence[SampleRecord]) -> str:
    rows = [
        [
            _name(record),
            _text(record.sample.target),
            escape(record.verdict.answer or UNKNOWN),
            _OFFICIAL[record.verdict.official],
            _text(record.response.text),
        ]
        for record in records
    ]
    headers = ["sample", "gold", "read", "official", "response"]
    return table(headers, rows, align=["left"] * len(headers))


def _name(record: SampleRecord) -> str:
    return f"{code(record.sample.task)} {code(record.sample.id)}"


def _rest(total: int, shown: int) -> Iterator[str]:
    if total > shown:
        yield ""
        yield f"… and {total - shown} more in `samples.jsonl`."


def provenance(run: RunRecord) -> Iterator[tuple[str, str]]:
    """What a run was made with, by name."""
    yield "model", run.model
    yield "weights", run.weights or "not known"
    described = run.settings.get("engine_settings") or {}  # A run of recorded responses may have none.
    engine_settings = {key: value for key, value in described.items() if value is not None}
    yield "engine", ", ".join([run.engine, *(f"{key} {value}" for key, value in engine_settings.items())])
    if run.batch_size is not None:
        yield "largest batch", f"{run.batch_size} responses"
    yield "prompt", run.prompt_format
    if isinstance(own := run.settings.get("format"), Mapping):
        yield "text of the prompt", ", ".join(f"{key} {own[key]!r}" for key in own if key != "name")
    if (system := run.settings.get("system_prompt")) is not None:
        yield "system prompt", repr(system)
    for task, asked in (run.settings.get("tasks") or {}).items():
        if "max_new_tokens" in asked:
            asked_as = f"{asked['prompt']}, " if "prompt" in asked else ""
            yield f"prompt of {task}", f"{asked_as}{asked['max_new_tokens']} new tokens at most"
    if (video_as := run.settings.get("video_as")) is not None:
        yield (
            "videos",
            f"{run.settings['num_frames']} frames, shown as {'images' if video_as == 'frames' else 'videos'}",
        )
    yield "decoding", ", ".join(f"{key} {value}" for key, value in run.decoding.items())
    yield "seed", str(run.seed)
    for task, data in run.data.items():
        yield f"data of {task}", ", ".join(f"{key} {value}" for key, value in data.items())
    if isinstance(rescored := run.settings.get("rescored"), Mapping):
        yield "responses", f"of the run {rescored.get('run')} (task {rescored.get('task')}), judged again"
    yield "judge", run.judge or "none"
    yield "versions", ", ".join(f"{name} {version}" for name, version in run.versions.items())
    yield "commit", run.git_commit or "not known"
    yield "started", run.started
    yield "duration", f"{run.seconds:.0f} s"


def _text(text: str | None) -> str:
    line = one_line(text or "")
    if len(line) > _RESPONSE_CHARACTERS:
        line = line[: _RESPONSE_CHARACTERS - 1] + "…"
    return escape(line) or "(empty)"
