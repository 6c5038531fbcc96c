"""The responses of a run judged again, by the benchmark of now or by one with other labels of the same questions."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from harness.benchmarks.digests import digest_prompts, of_own_data
from harness.benchmarks.fetch import locate
from harness.benchmarks.labels import HUB, read_labels
from harness.benchmarks.record import Benchmark
from harness.benchmarks.verdicts import with_target
from harness.core.console import show
from harness.core.errors import DataError
from harness.core.types import CLOSED, JUDGE, Response, RunRecord, Sample, SampleRecord, Verdict
from harness.core.worlds import worlds
from harness.engines import Decoding
from harness.engines.checkpoints import Checkpoint
from harness.evaluation.imports import Recorded
from harness.evaluation.plan import Plan, open_judge
from harness.evaluation.recorded import find_benchmark
from harness.evaluation.settings import EvalConfig
from harness.evaluation.task_registry import TaskData, benchmark_task
from harness.runs.asked import said_of
from harness.runs.folder import read_run
from harness.runs.records import read_records


def plan_rescored(config: EvalConfig, folder: Path) -> Plan:
    """Plan a run of the responses of another one, which is asked nothing again.

    All that the model was asked with is the other run's, so that the new one stands where that would. Its settings
    name the other run (`rescored`). What the answer judge said there stands, unless another judge is given. Where
    it was about another question, or an open answer or description that has another target now, nothing of it stands, a
    warning says so, and the new run has no judge.

    Args:
        config: names one task; `data` is where files of labels are that stand apart from the rows, and where the run's
            data came from if `None`: the hub's have them in the harness's cache folder.
        folder: of a finished run.

    Raises:
        StoreError: `folder` holds no finished run.
        UsageError: there is no such task, or none that is a benchmark.
        DataError: the run has none of the benchmark's questions, or the labels are not there or of other questions.
    """
    (name,) = config.tasks
    benchmark = find_benchmark(name, None, config.tasks_dir)
    run = read_run(folder)
    asked_as = _task_of(run, benchmark, folder)
    task, responses, told_by = _take_up(run, asked_as, benchmark, folder, config)
    judge = open_judge(config)
    settings = {
        **run.settings,
        "judge": judge.identity if judge is not None else told_by,
        "tasks": {
            name: {
                **said_of(run.settings, asked_as),
                "version": task.version,
                "count": len(task.samples),
                "prompts": digest_prompts(task.samples),
            }
        },
        "rescored": {"run": run.id, "seal": run.seal, "task": asked_as},
    }
    return Plan(
        checkpoint=Checkpoint(name=run.model, folder=None, weights=run.weights, training=run.training),
        prompt_format=run.prompt_format,
        decoding=Decoding(max_new_tokens=1, seed=run.seed),  # Nothing is decoded.
        budgets={name: 1},
        engine_name=run.engine,
        engine=Recorded(name=run.id, responses=responses, allow_missing=False, digest="", unknown=[]),
        judge=judge,
        audit=config.audit,
        tasks=[task],
        samples={name: task.samples},
        settings={**settings, "decoding": run.decoding},
        reads=[folder],
    )


def _task_of(run: RunRecord, benchmark: Benchmark, folder: Path) -> str:
    """The task of a run that asked a benchmark's questions."""
    names = [benchmark.name, *([benchmark.asks_as] if benchmark.asks_as is not None else [])]
    task = next((name for name in names if name in run.tasks), None)
    if task is None:
        raise DataError(f"{folder} has {', '.join(run.tasks)}, and no questions of {' or '.join(names)}.")
    return task


def _take_up(
    run: RunRecord, asked_as: str, benchmark: Benchmark, folder: Path, config: EvalConfig
) -> tuple[TaskData, Mapping[str, Response], str | None]:
    """The benchmark's task of the questions that a run asked, their responses, and the judge whose verdicts stand."""
    asked_from = str(run.data[asked_as]["source"])
    source = config.data or asked_from
    if run.benchmarks[asked_as].own_data:
        benchmark = of_own_data(benchmark, asked_from)
    place = None
    if source in worlds() or (config.data is not None and config.data != "hub"):
        place, source, _ = locate(benchmark, source)
    labels = read_labels(benchmark, place, HUB if source == "hub" else source)
    latest = {record.sample.id: record for record in read_records(folder) if record.sample.task == asked_as}
    found: list[SampleRecord] = []
    told: dict[str, Verdict] = {}
    lost = 0
    for record in latest.values():
        sample = labels.label(replace(record.sample, task=benchmark.name))
        if sample is None:
            continue
        found.append(replace(record, sample=sample))
        if config.judge is None and _was_told(record, benchmark):
            told[sample.id] = record.verdict
            lost += not _is_of(record.sample, sample)
    labels.refuse_unused()
    told_by = run.judge
    if lost:
        show(
            f"warning: {lost} verdicts of the judge of {folder} are of other questions or targets than now: none of "
            "its verdicts is kept. Give --judge MODEL.",
            file=sys.stderr,
        )
        told, told_by = {}, None
    task = replace(
        benchmark_task(benchmark, [record.sample for record in found], asked_from),
        judge=partial(_judge, benchmark, told),
        labels=labels.source,
    )
    return task, {record.sample.id: record.response for record in found}, told_by


def _was_told(record: SampleRecord, benchmark: Benchmark) -> bool:
    """Whether a verdict is of the answer judge, or of its failing where only a judge gives numbers."""
    return record.verdict.rule == JUDGE or (benchmark.rubric is not None and bool(record.verdict.scores))


def _is_of(before: Sample, now: Sample) -> bool:
    """Whether what a judge said of a question says as much of the present one.

    What it read as an answer of a closed set says nothing of its being right.
    """
    return before.question == now.question and (now.answer_kind in CLOSED or before.target == now.target)


def _judge(benchmark: Benchmark, told: Mapping[str, Verdict], sample: Sample, response: Response) -> Verdict:
    said = told.get(sample.id)
    if said is not None and sample.answer_kind not in CLOSED:
        return said
    verdict = benchmark.judge(sample, response)
    if said is None:
        return verdict
    kept = replace(verdict, answer=said.answer, rule=JUDGE, status=said.status, reason=said.reason)
    return with_target(kept, sample.target)
