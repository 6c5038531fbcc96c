"""The commands as functions: `harness.evaluate`, `harness.score`, `harness.compare`, `harness.leaderboard`.

Each gives back what the command prints, and raises where the command ends with exit code 2.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.console import show
from harness.core.errors import DataError, HarnessError, UsageError
from harness.core.files import to_path
from harness.core.types import Metric, RunRecord, SampleRecord, TaskResult
from harness.evaluation.settings import Texts, listed, read_config, read_names

if TYPE_CHECKING:
    from pandas import DataFrame

    from harness.evaluation.run import Outcome
    from harness.runs.comparison import TaskComparison
    from leaderboards.board import Board


@dataclass(frozen=True, kw_only=True)
class Run:
    """A finished run: the figures of a checkpoint on some tasks, and every sample behind them.

    Attributes:
        folder: where it is.
        record: what `run.json` says: model, settings, versions, figures.
    """

    folder: Path
    record: RunRecord

    @classmethod
    def load(cls, folder: Path | str) -> Run:
        """The run in a folder.

        Raises:
            StoreError: the folder holds no finished run.
        """
        from harness.runs.folder import read_run

        return cls(folder=to_path(folder), record=read_run(to_path(folder)))

    @cached_property
    def samples(self) -> Sequence[SampleRecord]:
        """Every sample with its response and both verdicts, in the order of the data.

        Raises:
            StoreError: they cannot be read.
        """
        from harness.runs.records import read_records

        return list(read_records(self.folder))

    @property
    def headlines(self) -> dict[str, Metric]:
        """The figure that stands for each task, with its interval."""
        return {name: result.metrics[result.headline] for name, result in self.record.tasks.items()}

    def to_pandas(self) -> DataFrame:
        """A row a sample: the fields of `Sample`, its attributes, `response`, `error`, those of `Verdict`, scores.

        An attribute or a score of the name of another column has one of its own, `attribute_NAME` or `score_NAME`.
        """
        from harness.reports.frames import samples_frame

        return samples_frame(self.samples)

    def __str__(self) -> str:
        """The table that `harness eval` prints."""
        from harness.reports.run_report import headline_table

        return f"{self.record.model}\n{headline_table(self.record)}"

    def _repr_html_(self) -> str:
        from html import escape

        from tabulate import tabulate

        from harness.reports.plots import Mark, intervals
        from harness.reports.run_report import headline_rows
        from harness.reports.svg import picture

        headers, rows = headline_rows(self.record)
        table = tabulate(rows, headers, tablefmt="html", disable_numparse=True)
        marks = [Mark(name, of.value, of.low, of.high) for name, of in self.headlines.items()]
        shown = picture([intervals(marks, title="Headlines, %", ends=(0.0, 1.0))], columns=1)
        return f"<p><b>{escape(self.record.model)}</b></p>{table}{shown}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """Recorded responses, scored.

    Attributes:
        result: the task's figures.
        samples: every sample with its response and both verdicts.
    """

    result: TaskResult
    samples: Sequence[SampleRecord]

    def to_pandas(self) -> DataFrame:
        """A row a sample, as of `Run.to_pandas`."""
        from harness.reports.frames import samples_frame

        return samples_frame(self.samples)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two runs over the same questions, task by task.

    Attributes:
        tasks: of each, the differences of its figures (b - a), and the samples that changed.
        notes: what else the runs differ in, so that a difference may be due to it: how they were asked, who judged
            them, tasks that only one of them has; and that one is not finished.
    """

    tasks: Sequence[TaskComparison]
    notes: Sequence[str]

    def to_pandas(self) -> DataFrame:
        """A row a figure: `task`, `metric`, `a`, `b`, `difference`, `low`, `high`, `p` and `verdict`, as shares."""
        import pandas

        return pandas.DataFrame(
            {
                "task": task.task,
                "metric": of.name,
                "a": of.a,
                "b": of.b,
                "difference": of.value,
                "low": of.low,
                "high": of.high,
                "p": of.p,
                "verdict": of.verdict,
            }
            for task in self.tasks
            for of in task.metrics
        )

    def __str__(self) -> str:
        """A line for each figure that is tested, and the notes."""
        from harness.reports.differences import in_words

        tested = [(task.task, of) for task in self.tasks for of in task.metrics if of.family]
        return "\n".join([*(f"{task} {of.name}: {in_words(of)}" for task, of in tested), *self.notes])


def evaluate(model: str, tasks: Texts, *, diagnosed: bool = True, track: Texts = (), **settings: Any) -> Run:
    """Score a checkpoint, diagnose it, and write the run with its reports; a run that was interrupted goes on.

    Args:
        model: local folder, hub id, `demo`, or `openai:NAME`.
        tasks: names of tasks.
        diagnosed: whether to say why wrong answers went wrong.
        track: trackers that the results are sent to: `wandb`, `trackio`, `mlflow`, `tensorboard`.
        settings: others of `harness.evaluation.settings.EvalConfig`, by name; paths may be texts.

    Returns:
        the run; samples without a response are counted in it, and do not raise.

    Warns:
        UserWarning: more samples than `max_failures` could not be scored, a judge gave no verdicts, or a tracker was
            not sent the results.

    Raises:
        HarnessError: a setting is wrong, or something asked for does not exist; what was finished is stored.
    """
    from harness.diagnostics.specs import diagnostics
    from harness.evaluation.run import evaluate as run_evaluation
    from harness.reports.terminal import problems
    from harness.reports.tracking import check_trackers, track_outcome

    config = read_config({"model": model, "tasks": read_names(tasks), **settings})
    trackers = check_trackers(read_names(track))
    if diagnosed:
        diagnostics()  # A package whose diagnostic is broken is named before anything is asked.
    outcome = run_evaluation(config)
    for line in explain(outcome, conflict=False, diagnosed=diagnosed):
        show(f"missing: {line}", file=sys.stderr)
    for problem in (*track_outcome(outcome, trackers), *problems(outcome, max_failures=config.max_failures)):
        warnings.warn(problem, stacklevel=2)
    return Run(folder=outcome.folder, record=outcome.run)


def explain(outcome: Outcome, *, conflict: bool, diagnosed: bool) -> list[str]:
    """Map the conflict, diagnose and report a finished evaluation, as far as that is asked for and not done.

    Returns:
        what could not be computed, in words.
    """
    from harness.diagnostics.conflict import CONFLICT_SAMPLES, read_conflict
    from harness.diagnostics.diagnose import diagnose
    from harness.reports.writing import are_current, write_reports

    missing: list[str] = []
    is_new = outcome.is_new
    if conflict and (is_new or read_conflict(outcome.folder) is None):
        from trainers.conflict.run import map_run

        try:
            map_run(outcome.folder, open_media=outcome.open_media, samples=CONFLICT_SAMPLES, model=None)
            is_new = True
        except HarnessError as error:  # The run itself is complete, and is reported.
            missing.append(f"sample conflict: {error}")
    if is_new or not are_current(outcome.folder, outcome.repeats, diagnosed=diagnosed):
        diagnosis = diagnose(outcome.folder, repeats=outcome.repeats) if diagnosed else None
        write_reports(outcome.folder, diagnosis, open_media=outcome.open_media)
        missing += diagnosis.missing if diagnosis is not None else ()
    return missing


def score(
    task: Path | str,
    samples: Path | str | Iterable[Mapping[str, Any]] | None,
    responses: Path | str | Mapping[str, str],
    *,
    tasks_dir: Path | str | None = None,
) -> Scores:
    """Score recorded responses, without a model.

    Args:
        task: a benchmark, or a table of questions.
        samples: its questions, with the field names of its data set: rows, or a file of JSON lines; `None`: those of
            the table.
        responses: sample id to response, or a file of JSON lines with `id` and `response`.
        tasks_dir: folder of tasks beside the harness's own.

    Raises:
        UsageError: no such benchmark, no table where `samples` is `None`, or what is no samples or responses.
        DataError: there are no samples, a row is malformed, or ids are missing, unknown or there twice.
    """
    from harness.benchmarks.tables import read_table
    from harness.evaluation.recorded import find_benchmark, judge_recorded, judge_rows
    from harness.statistics import summarise

    benchmark = find_benchmark(str(task), None, _path(tasks_dir))
    if samples is None:
        if (table := benchmark.source.table) is None:
            raise UsageError(f"samples is None, and {task!r} is no table that holds them. Give rows, or a file.")
        samples = read_table(table).rows if isinstance(responses, Mapping) else table
    if isinstance(samples, Path | str) and isinstance(responses, Path | str):
        records = list(judge_recorded(benchmark, to_path(samples), to_path(responses)))
    elif not isinstance(samples, Path | str | Iterable) or not isinstance(responses, Path | str | Mapping):
        raise UsageError(
            f"samples are a {type(samples).__name__} and responses a {type(responses).__name__}. Give rows and a "
            "mapping of sample id to response, or two files."
        )
    elif isinstance(samples, Path | str) or isinstance(responses, Path | str):
        raise DataError("samples and responses are two files, or neither is one. Read the one that is.")
    else:
        records = judge_rows(benchmark, samples, responses)
    return Scores(result=summarise(benchmark, records), samples=records)


def compare(
    a: Run | Path | str, b: Run | Path | str, *, metrics: Texts = "headline", tasks_dir: Path | str | None = None
) -> Comparison:
    """Compare two runs on the samples that both have; paired, with one interval, p-value and verdict a figure.

    Args:
        a: the run before, or its folder.
        b: the run after.
        metrics: patterns of the figures that are tested, all together; the others are described.
        tasks_dir: folder of tasks beside the harness's own.

    Raises:
        HarnessError: see `harness.runs.comparison.compare_runs` and `harness.benchmarks.plain.scored_in`.
    """
    from harness.benchmarks.plain import scored_in
    from harness.diagnostics.other_runs import find_unlike
    from harness.runs.comparison import compare_runs

    first, second = map(_folder, (a, b))
    scored = scored_in((first, second), _path(tasks_dir))
    tasks = compare_runs(first, second, scored, metrics=",".join(read_names(metrics)))
    return Comparison(tasks=tasks, notes=list(find_unlike(first, second, [of.task for of in tasks]).lines()))


def leaderboard(
    runs: Run | Path | str | Iterable[Run | Path | str],
    *,
    baseline: str | None = None,
    out: Path | str | None = None,
    title: str = "Leaderboard",
    tasks_dir: Path | str | None = None,
) -> Board:
    """A comparison of many runs.

    Args:
        runs: runs, their folders, or folders that hold such; or one of these.
        baseline: label, model or run id of the checkpoint that the others are compared with.
        out: folder to write tables and page to.
        title: heading.
        tasks_dir: folder of tasks beside the harness's own.

    Warns:
        UserWarning: a folder had to be left out.

    Raises:
        HarnessError: see `leaderboards.build.build_board`; `out` cannot be written.
    """
    from leaderboards.build import BoardConfig, build_board
    from leaderboards.outputs import write_board

    folders = [_folder(of) for of in listed(runs)]
    if not folders:
        raise UsageError("runs is empty. Give runs, their folders, or folders that hold such.")
    board = build_board(BoardConfig(runs=folders, baseline=baseline, title=title, tasks_dir=_path(tasks_dir)))
    if out is not None:
        write_board(board, to_path(out))
    for problem in board.problems:
        warnings.warn(f"left out: {problem}", stacklevel=2)
    return board


def _folder(run: Run | Path | str) -> Path:
    if not isinstance(run, Run | Path | str):
        raise UsageError(f"{run!r} is no run. Give a harness.Run, or its folder.")
    return run.folder if isinstance(run, Run) else to_path(run)


def _path(of: Path | str | None) -> Path | None:
    return None if of is None else to_path(of)
