"""The evaluation loop: tasks -> samples -> responses -> verdicts, each sample stored as soon as it is finished."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from harness.config import EvalConfig
from harness.engines import Request
from harness.errors import EngineError, StoreError
from harness.evaluation.data import digest_samples
from harness.evaluation.interrupts import Interrupts
from harness.evaluation.plan import Plan, decoding_settings, default_folder, make_plan, with_seed
from harness.evaluation.progress import Progress
from harness.evaluation.provenance import git_commit, versions
from harness.evaluation.report import write_report
from harness.store import RUN, RunFolder, SampleKey, read_records, read_run
from harness.types import RunRecord, SampleRecord

if TYPE_CHECKING:
    from harness.answer_judge import AnswerJudge

_ALL_FAILED: Final = 32
"""Responses that fail in the same way, without one success, before the run is stopped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A finished evaluation.

    Attributes:
        run: its record.
        folder: the run folder.
        failures: samples that could not be scored.
        judge_problem: why the judge gave no verdict on some answers, if so.
        missing: what the diagnostics could not compute that a user may miss, one line each.
    """

    run: RunRecord
    folder: Path
    failures: int
    judge_problem: str | None = None
    missing: Sequence[str] = ()


def evaluate(config: EvalConfig) -> Outcome:
    """Score a checkpoint, or go on with a run that was interrupted.

    With `config.samples` k above 1 the questions are asked k times; the run is the first of them, and the others, with
    the seeds that follow, are runs in its folder `repeats`.

    Raises:
        HarnessError: see the tree in `harness.errors`; whatever was finished is stored and the same call goes on.
    """
    plan = make_plan(config)
    path = config.out or default_folder(plan)
    load_engine = cache(plan.engine.load)
    repeats = [path / "repeats" / f"seed-{config.seed + k}" for k in range(1, config.samples)]
    try:
        run, is_new = _run(plan, config, path, load_engine)
        for k, repeat in enumerate(repeats, start=1):
            is_new |= _run(with_seed(plan, config.seed + k), config, repeat, load_engine)[1]
    finally:
        plan.engine.close()
        if plan.judge is not None:
            plan.judge.close()
    missing: Sequence[str] = ()
    if is_new:
        if config.diagnose:
            missing = _diagnose(plan, path, repeats)
        write_report(run, path)
    return Outcome(
        run=run,
        folder=path,
        failures=sum(result.errors for result in run.tasks.values()),
        judge_problem=_judge_problem(plan.judge),
        missing=missing,
    )


def _run(plan: Plan, config: EvalConfig, path: Path, load_engine: Callable[[], None]) -> tuple[RunRecord, bool]:
    """Bring the run in a folder to its end; give its record, and whether anything was left to do."""
    folder = RunFolder(path, plan.settings, fresh=config.fresh)
    order = [(task.name, sample.id) for task in plan.tasks for sample in plan.samples[task.name]]
    try:
        _refuse_replaced_media(plan, folder)
        if any(key not in folder.finished for key in order):
            folder.reopen()
            load_engine()
            _generate(plan, folder, order)
        elif (path / RUN).exists():
            run = read_run(path)
            if plan.judge is None or not any(result.unsettled for result in run.tasks.values()):
                return run, False
        return _finish(plan, folder, order), True
    finally:
        folder.close()


def _diagnose(plan: Plan, path: Path, repeats: Sequence[Path]) -> Sequence[str]:
    from harness.diagnostics.diagnose import diagnose

    tasks = {task.name: task for task in plan.tasks}
    return diagnose(path, repeats=repeats, open_media=lambda sample: tasks[sample.task].open_media(sample.id)).missing


def _judge_problem(judge: AnswerJudge | None) -> str | None:
    if judge is None or not judge.failures:
        return None
    return f"the judge gave no verdict on {judge.failures} answers" + (f": {judge.problem}" if judge.problem else "")


def _refuse_replaced_media(plan: Plan, folder: RunFolder) -> None:
    """A finished sample was about the media of its time. Those of failed samples may have been mended since."""
    replaced = []
    for task in plan.tasks:
        for sample in plan.samples[task.name]:
            now = tuple(medium.size_bytes for medium in sample.media)
            if folder.finished.get((task.name, sample.id), now) != now:
                replaced.append(f"{task.name} {sample.id}")
    if replaced:
        raise StoreError(
            f"{folder.path} holds a run on other media ({len(replaced)} replaced since, e.g. of {replaced[0]}). "
            "Choose another folder with --out, or start over with --fresh."
        )


def _requests(plan: Plan, folder: RunFolder) -> Iterator[Request]:
    for task in plan.tasks:
        for sample in plan.samples[task.name]:
            yield Request(
                task=task.name,
                sample_id=sample.id,
                prompt=sample.prompt,
                media=sample.media,
                open_media=partial(task.open_media, sample.id),
                max_new_tokens=task.max_new_tokens,
                finished=(task.name, sample.id) in folder.finished,
            )


def _generate(plan: Plan, folder: RunFolder, order: Sequence[SampleKey]) -> None:
    samples = {(task.name, sample.id): sample for task in plan.tasks for sample in plan.samples[task.name]}
    tasks = {task.name: task for task in plan.tasks}
    failures: list[str] = []
    succeeded = False
    with Interrupts() as interrupts, Progress(total=len(order), done=len(folder.finished)) as progress:
        for request, response in plan.engine.generate(_requests(plan, folder), plan.decoding):
            sample = samples[request.task, request.sample_id]
            verdict = tasks[request.task].judge(sample, response)
            folder.append(SampleRecord(sample=sample, response=response, verdict=verdict))
            failed = verdict.status == "error"
            progress.advance(failed=failed)
            if not failed:
                succeeded = True
            elif not succeeded:
                failures.append(response.error or verdict.reason or "")
                _stop_when_hopeless(failures)
            interrupts.check()


def _stop_when_hopeless(failures: Sequence[str]) -> None:
    if len(failures) >= _ALL_FAILED and len(set(failures)) == 1:
        raise EngineError(
            f"the first {len(failures)} samples all failed: {failures[0]} Mend that and run the same command again."
        )


def _finish(plan: Plan, folder: RunFolder, order: Sequence[SampleKey]) -> RunRecord:
    folder.sort(order)
    if plan.judge is not None:
        folder.rewrite(plan.judge.settle(read_records(folder.path)))
    results = {
        task.name: task.summarise(record for record in read_records(folder.path) if record.sample.task == task.name)
        for task in plan.tasks
    }
    run = RunRecord(
        id=folder.path.resolve().name,
        model=plan.checkpoint.name,
        weights=plan.checkpoint.weights,
        engine=plan.engine_name,
        prompt_format=plan.prompt_format,
        decoding=decoding_settings(plan.decoding),
        seed=plan.decoding.seed,
        data={
            task.name: {
                "source": task.source,
                "count": len(plan.samples[task.name]),
                "digest": digest_samples(plan.samples[task.name]),
            }
            for task in plan.tasks
        },
        judge=plan.judge.identity if plan.judge is not None else None,
        versions=versions(),
        git_commit=git_commit(),
        started=folder.started,
        seconds=round(folder.seconds, 1),
        settings=plan.settings,
        tasks=results,
    )
    folder.complete(run)
    return run
