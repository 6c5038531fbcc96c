"""What a reader sees after a run: a table on the terminal and `report.md` in the run folder."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from harness.core.files import write_atomically
from harness.core.types import Metric, RunRecord, SampleRecord, TaskResult
from harness.reports.diagnostics_report import diagnostics_lines
from harness.runs.folder import read_records

REPORT: Final = "report.md"
_SHOWN: Final = 20
"""Failed or disputed samples that the report names; `samples.jsonl` has all of them."""
_RESPONSE_CHARACTERS: Final = 90


def scale_of(values: Iterable[float | None]) -> float:
    """What the values of one metric are multiplied by for showing: 100, or 1 where one is no share.

    lmms-eval's own tasks may have sums of points as figures. The ends of intervals say nothing of this: those of a
    share may lie beyond 1.
    """
    return 100.0 if all(value is None or abs(value) <= 1 for value in values) else 1.0


def score_headers(metrics: Iterable[Metric]) -> tuple[str, str, str]:
    """Headers over the cells of `score_cells`: percent, unless a metric is no share."""
    if all(scale_of([metric.value]) == 100 for metric in metrics):
        return "%", "95 % interval", "official %"
    return "% or number", "95 % interval", "official"


def score_cells(metric: Metric, official: float | None) -> tuple[str, str, str]:
    """Value, 95 % interval and official value of a metric; a dash for what is not known.

    Args:
        metric: the strict metric.
        official: the published evaluator's value.
    """
    scale = scale_of([metric.value])
    ends = "–"
    if metric.low is not None and metric.high is not None:
        ends = f"[{_number(metric.low, scale)}, {_number(metric.high, scale)}]"
    return _number(metric.value, scale), ends, _number(official, scale)


def headlines(run: RunRecord) -> list[Metric]:
    """The headline of each task of a run."""
    return [result.metrics[result.headline] for result in run.tasks.values()]


def _number(value: float | None, scale: float) -> str:
    return "–" if value is None else f"{scale * value:.1f}"


def headline_table(run: RunRecord, *, style: str = "simple") -> str:
    """One row a task: the strict headline with its interval, the official value, and what qualifies them.

    Args:
        run: a finished run.
        style: a format of tabulate, e.g. `simple` or `github`.
    """
    from tabulate import tabulate

    open_ended = any(result.unsettled for result in run.tasks.values())
    rows = []
    for result in run.tasks.values():
        metric = result.metrics[result.headline]
        rows.append(
            [
                result.task,
                result.headline,
                *score_cells(metric, result.official.get(result.headline)),
                result.samples,
                result.unanswered,
                result.truncated,
                result.errors,
                result.disagreements,
                *([result.unsettled] if open_ended else []),
            ]
        )
    headers = ["task", "metric", *score_headers(headlines(run))]
    headers += ["samples", "unanswered", "cut off", "errors", "disputed", *(["unsettled"] if open_ended else [])]
    return tabulate(rows, headers=headers, tablefmt=style, disable_numparse=True, stralign="right")


def write_report(run: RunRecord, folder: Path) -> Path:
    """Write `report.md` for a finished run and give its path."""
    path = folder / REPORT
    write_atomically(path, "\n".join(_report_lines(run, folder)) + "\n")
    return path


def _report_lines(run: RunRecord, folder: Path) -> Iterator[str]:
    yield f"# {escape_markdown(run.model)}"
    yield ""
    yield headline_table(run, style="github")
    yield ""
    yield (
        "Strict scores: what each response means; no readable answer counts wrong. Official: what the benchmark's own "
        "evaluator gives on the same responses. Unsettled: open-ended answers that no rule settles; they count wrong "
        "until a judge is given (`--judge`). Intervals are 95 %, clustered by image, video or question group. "
        "Disputed samples are right under one reading and wrong under the other. Samples with an error are not scored."
    )
    for result in run.tasks.values():
        yield ""
        yield f"## {result.task}"
        yield ""
        yield _metrics_table(result)
    yield ""
    yield from diagnostics_lines(folder)
    failed, disputed = _notable(read_records(folder))
    total_failed = sum(result.errors for result in run.tasks.values())
    total_disputed = sum(result.disagreements for result in run.tasks.values())
    if failed:
        yield ""
        yield f"## Samples that could not be scored ({total_failed})"
        yield ""
        yield from (
            f"- `{record.sample.task}` `{record.sample.id}`: {_text(record.response.error or record.verdict.reason)}"
            for record in failed
        )
        yield from _rest(total_failed, len(failed))
    if disputed:
        yield ""
        yield f"## Samples on which strict and official verdict differ ({total_disputed})"
        yield ""
        yield _disputed_table(disputed)
        yield from _rest(total_disputed, len(disputed))
    yield ""
    yield "## Provenance"
    yield ""
    yield from (f"- {name}: {value}" for name, value in _provenance(run))


def _metrics_table(result: TaskResult) -> str:
    from tabulate import tabulate

    rows = []
    for name, metric in result.metrics.items():
        value, ends, official = score_cells(metric, result.official.get(name))
        stderr = _number(metric.stderr, scale_of([metric.value]))
        rows.append([escape_markdown(name), value, stderr, ends, official, metric.n])
    value_header, *other_headers = score_headers(result.metrics.values())
    headers = ["metric", value_header, "s.e.", *other_headers, "n"]
    return tabulate(rows, headers=headers, tablefmt="github", disable_numparse=True)


def _notable(records: Iterable[SampleRecord]) -> tuple[list[SampleRecord], list[SampleRecord]]:
    failed: list[SampleRecord] = []
    disputed: list[SampleRecord] = []
    for record in records:
        if record.verdict.status == "error":
            if len(failed) < _SHOWN:
                failed.append(record)
        elif (
            record.verdict.official is not None
            and record.verdict.official != (record.verdict.status == "correct")
            and len(disputed) < _SHOWN
        ):
            disputed.append(record)
    return failed, disputed


def _disputed_table(records: Sequence[SampleRecord]) -> str:
    from tabulate import tabulate

    rows = [
        [
            f"`{record.sample.task}` `{record.sample.id}`",
            record.sample.target,
            record.verdict.answer or "–",
            "right" if record.verdict.official else "wrong",
            _text(record.response.text),
        ]
        for record in records
    ]
    return tabulate(rows, headers=["sample", "gold", "read", "official", "response"], tablefmt="github")


def _rest(total: int, shown: int) -> Iterator[str]:
    if total > shown:
        yield ""
        yield f"… and {total - shown} more in `samples.jsonl`."


def _provenance(run: RunRecord) -> Iterator[tuple[str, str]]:
    yield "model", escape_markdown(run.model)
    yield "weights", run.weights or "not known"
    engine_settings = {key: value for key, value in run.settings["engine_settings"].items() if value is not None}
    yield "engine", ", ".join([run.engine, *(f"{key} {value}" for key, value in engine_settings.items())])
    yield "prompt", run.prompt_format
    yield "decoding", ", ".join(f"{key} {value}" for key, value in run.decoding.items())
    yield "seed", str(run.seed)
    for task, data in run.data.items():
        yield f"data of {task}", ", ".join(f"{key} {escape_markdown(str(value))}" for key, value in data.items())
    yield "judge", run.judge or "none"
    yield "versions", ", ".join(f"{name} {version}" for name, version in run.versions.items())
    yield "commit", run.git_commit or "not known"
    yield "started", run.started
    yield "duration", f"{run.seconds:.0f} s"


def escape_markdown(text: str) -> str:
    """Make a foreign text harmless in a Markdown paragraph or table cell."""
    for character in "\\`*_[]<>|#":
        text = text.replace(character, f"\\{character}")
    return text


def _text(text: str | None) -> str:
    line = " ".join((text or "").split())
    if len(line) > _RESPONSE_CHARACTERS:
        line = line[: _RESPONSE_CHARACTERS - 1] + "…"
    return escape_markdown(line) or "(empty)"
