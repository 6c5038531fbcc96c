"""An evaluation from its settings to its stored result: the run, its repeats, and the processes that share the work."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from harness.benchmarks.digests import digest_samples
from harness.core.collecting import collect_again
from harness.core.console import show
from harness.core.errors import EngineError, StoreError, UsageError
from harness.core.types import RunRecord, Sample
from harness.core.worlds import worlds
from harness.evaluation.asking import generate, reconsider, records_of
from harness.evaluation.plan import Plan, agree_on_plan, default_folder, with_seed
from harness.evaluation.progress import Progress
from harness.evaluation.provenance import git_commit, versions
from harness.evaluation.ranks import ALONE, Ranks
from harness.evaluation.selection import share_samples, too_few_clusters, what_limit_shows
from harness.evaluation.settings import EvalConfig
from harness.judges.answer import AnswerJudge, no_judge
from harness.judges.audit import AuditSample
from harness.runs.config import is_run_folder
from harness.runs.folder import RunFolder, Shard, read_run
from harness.runs.records import RUN, SampleKey, read_records
from harness.runs.removal import written

if TYPE_CHECKING:
    from harness.media import OpenMedia


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A finished evaluation.

    Attributes:
        run: its record.
        folder: the run folder.
        changed: folders of the runs, of this one and the repeats, in which anything was left to do.
        open_media: a sample to its decoded media. Raises `MediaError`.
        repeats: folders of the runs with the seeds that follow.
        failures: samples that could not be scored, those of the repeats too.
        failed_repeats: folders of the repeats that have such samples.
        unjudged: answers that the judge was to settle, or its audit asked about, and gave no verdict on.
        judge_problem: that in words, and why, if so.
    """

    run: RunRecord
    folder: Path
    changed: Sequence[Path]
    open_media: OpenMedia
    failures: int
    repeats: Sequence[Path] = ()
    failed_repeats: Sequence[Path] = ()
    unjudged: int = 0
    judge_problem: str | None = None

    @property
    def is_new(self) -> bool:
        """Whether anything was left to do, so that reports of it are out of date."""
        return bool(self.changed)


def evaluate(config: EvalConfig, ranks: Ranks = ALONE) -> Outcome:
    """Score a checkpoint, or go on with a run that was interrupted.

    With `config.repeats` k above 1 the questions are asked k times; the run is the first of them, and the others, with
    the seeds that follow, are runs in its folder `repeats`.

    Args:
        config: what is asked for.
        ranks: the processes that share the run, this one being rank 0; the others `run_worker`.

    Raises:
        HarnessError: see the tree in `harness.core.errors`; whatever was finished is stored and the same call goes on.
    """
    plan = agree_on_plan(config, ranks)
    for world in sorted({task.source for task in plan.tasks} & worlds().keys()) if config.data is None else ():
        show(
            f"data: those of {world}, which {plan.checkpoint.name} was trained in (--data names others)",
            file=sys.stderr,
        )
    if config.limit is not None:
        show(what_limit_shows(plan.samples, config.limit), file=sys.stderr)
    elif few := too_few_clusters(plan.samples):
        show(few, file=sys.stderr)
    for task in plan.tasks:
        if task.rubric is not None and plan.judge is None:
            show(no_judge(task.name), file=sys.stderr)
    return run_plan(plan, config, ranks)


def run_plan(plan: Plan, config: EvalConfig, ranks: Ranks = ALONE) -> Outcome:
    """Bring what was planned to its end, as `evaluate` does.

    Raises:
        HarnessError: see `evaluate`.
    """
    path, *repeats = folders_of(plan, config)
    if config.fresh:
        _refuse_to_delete(plan.reads, path)
    load_engine = cache(partial(_load, plan))
    try:
        run, is_new = _run(plan, config, path, load_engine, ranks, is_last=not repeats)
        failures, runs, changed = {path: count_failures(run)}, [run], [path] if is_new else []
        for k, repeat in enumerate(repeats, start=1):
            seeded, is_last = with_seed(plan, config.seed + k), repeat == repeats[-1]
            repeated, repeat_is_new = _run(seeded, config, repeat, load_engine, ranks, is_last=is_last)
            failures[repeat] = count_failures(repeated)
            runs.append(repeated)
            if repeat_is_new:
                changed.append(repeat)
    finally:
        collect_again()
        plan.engine.close()
        if plan.judge is not None:
            plan.judge.close()
    return Outcome(
        run=run,
        folder=path,
        changed=changed,
        open_media=_media_of(plan),
        failures=sum(failures.values()),
        repeats=repeats,
        failed_repeats=[repeat for repeat in repeats if failures[repeat]],
        unjudged=sum(_unjudged(plan.judge, runs).values()),
        judge_problem=_judge_problem(plan.judge, runs),
    )


def _load(plan: Plan) -> None:
    plan.engine.load()
    collect_again()


def count_failures(run: RunRecord) -> int:
    """Samples that could not be scored."""
    return sum(result.errors for result in run.tasks.values())


def run_worker(config: EvalConfig, ranks: Ranks) -> None:
    """Do another rank's part of `evaluate`: answer, judge and store a share of the samples.

    Raises:
        HarnessError: see `evaluate`.
    """
    work_on_plan(agree_on_plan(config, ranks), config, ranks)


def work_on_plan(plan: Plan, config: EvalConfig, ranks: Ranks) -> None:
    """Do another rank's part of `run_plan`, with the same plan.

    Raises:
        HarnessError: see `evaluate`.
    """
    if plan.judge is not None:
        plan.judge.close()
    load_engine = cache(partial(_load, plan))
    share = share_samples(plan.tasks, plan.samples, ranks.share)
    try:
        for k, path in enumerate(folders_of(plan, config)):
            stage = f"seed-{config.seed + k}"
            size_bytes = json.loads(ranks.wait_for(f"{stage}/opened"))
            if size_bytes is None:
                continue
            ranks.begin(stage)
            shard = Shard(path, ranks.rank, size_bytes)
            try:
                if _is_unfinished(share, shard.finished):
                    load_engine()

                    def finished(failed: bool) -> None:
                        ranks.count(failed=failed)
                        ranks.check()

                    generate(with_seed(plan, config.seed + k), share, shard, finished)
            finally:
                shard.close()
            ranks.gather(f"{stage}/generated")
    finally:
        plan.engine.close()


def folders_of(plan: Plan, config: EvalConfig) -> list[Path]:
    """The run folder, and those of its repeats."""
    path = config.out or default_folder(plan)
    return [path, *(path / "repeats" / f"seed-{config.seed + k}" for k in range(1, config.repeats))]


def _run(
    plan: Plan, config: EvalConfig, path: Path, load_engine: Callable[[], None], ranks: Ranks, *, is_last: bool
) -> tuple[RunRecord, bool]:
    """Bring the run in a folder to its end; give its record, and whether anything was left to do."""
    folder = RunFolder(path, plan.settings, fresh=config.fresh, ready=load_engine)
    order = [(task.name, sample.id) for task in plan.tasks for sample in plan.samples[task.name]]
    problem: EngineError | None = None
    try:
        _refuse_replaced_media(plan, folder)
        unfinished = _is_unfinished(plan.samples, folder.finished)
        stage = f"seed-{plan.decoding.seed}"
        ranks.begin(stage)
        ranks.publish(f"{stage}/opened", json.dumps(folder.size_bytes if unfinished else None))
        if unfinished:
            share = share_samples(plan.tasks, plan.samples, ranks.share)
            try:
                if _is_unfinished(share, folder.finished):
                    load_engine()
                _generate(plan, share, folder, ranks, stage)
            except EngineError as error:
                was_whole = not set(order) - folder.finished.keys() - folder.failed
                if (path / RUN).exists() or not was_whole or ranks.size > 1:
                    raise
                problem = error  # Only what had failed before was asked again: the run is as finished as it was.
        elif (path / RUN).exists():
            run = read_run(path)
            if not has_to_be_judged(plan, run):
                if plan.engine.name == "api":  # Whose weights are not known.
                    show(
                        f"nothing is asked: {path} holds this run, of {run.started[:10]}. If {plan.checkpoint.name} is "
                        "another model since, choose another folder with --out, or start over with --fresh.",
                        file=sys.stderr,
                    )
                return run, False
        if is_last and plan.judge is not None:
            plan.engine.close()  # A judge on this machine needs the memory.
        run = _finish(plan, folder, order)
        if problem is not None:
            raise problem
        return run, True
    finally:
        folder.close()


def has_to_be_judged(plan: Plan, run: RunRecord) -> bool:
    """Whether the judge of a finished run failed on answers, or was asked for another audit."""
    if plan.judge is None:
        return False
    failed = run.audit is not None and any(agreement.failures for agreement in run.audit.kinds.values())
    wanted = run.audit.wanted if run.audit is not None else 0
    return failed or wanted != plan.audit or any(result.unsettled for result in run.tasks.values())


def _generate(plan: Plan, share: Mapping[str, Sequence[Sample]], folder: RunFolder, ranks: Ranks, stage: str) -> None:
    """Answer rank 0's share of the samples, and wait until the other ranks have answered theirs."""
    total = sum(map(len, plan.samples.values()))
    with Progress(total=total, done=len(folder.finished)) as progress:

        def follow() -> None:
            progress.follow(*ranks.others)

        def finished(failed: bool) -> None:
            progress.advance(failed=failed)
            follow()
            ranks.check()

        if _is_unfinished(share, folder.finished):
            generate(plan, share, folder, finished)
        ranks.gather(f"{stage}/generated", follow)
    folder.take_up_shards()


def _is_unfinished(samples: Mapping[str, Sequence[Sample]], finished: Collection[SampleKey]) -> bool:
    return any((task, sample.id) not in finished for task, of_task in samples.items() for sample in of_task)


def _media_of(plan: Plan) -> OpenMedia:
    tasks = {task.name: task for task in plan.tasks}
    return lambda sample: tasks[sample.task].open_media(sample.id)


def _unjudged(judge: AnswerJudge | None, runs: Sequence[RunRecord]) -> dict[str, int]:
    if judge is None:
        return {}
    audits = [run.audit for run in runs if run.audit is not None]
    audited = sum(agreement.failures for audit in audits for agreement in audit.kinds.values())
    return {"answers": judge.failures, "answers of the audit": audited}


def _judge_problem(judge: AnswerJudge | None, runs: Sequence[RunRecord]) -> str | None:
    told = " and ".join(f"{count} {what}" for what, count in _unjudged(judge, runs).items() if count)
    if judge is None or not told:
        return None
    return f"the judge gave no verdict on {told}" + (f": {judge.problem}" if judge.problem else "")


def _refuse_to_delete(reads: Sequence[Path], path: Path) -> None:
    """Starting over deletes what the old run wrote before anything is read for the new one."""
    gone = [file.resolve() for file in written(path)] if is_run_folder(path) else []
    inside = (place for place in reads if place.resolve().is_relative_to(path.resolve()))
    lost = next((place for place in inside if any(file.is_relative_to(place.resolve()) for file in gone)), None)
    if lost is not None:
        raise UsageError(
            f"--fresh would delete {lost}, which the new run is made of. Choose another folder with --out."
        )


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


def _finish(plan: Plan, folder: RunFolder, order: Sequence[SampleKey]) -> RunRecord:
    folder.sort(order)
    reconsider(plan, folder)
    drawn = AuditSample(plan.audit, plan.decoding.seed)
    if plan.judge is not None:
        rubrics = {task.name: task.rubric for task in plan.tasks if task.rubric is not None}
        folder.rewrite(drawn.watch(plan.judge.settle(read_records(folder.path), rubrics)))
    results = {}
    for task in plan.tasks:
        result = task.summarise(records_of(folder, task))
        results[task.name] = replace(result, baselines=task.baselines(plan.samples[task.name]))
    run = RunRecord(
        id=folder.path.resolve().name,
        model=plan.checkpoint.name,
        weights=plan.checkpoint.weights,
        engine=plan.engine_name,
        prompt_format=plan.prompt_format,
        decoding=plan.settings["decoding"],
        seed=plan.decoding.seed,
        data={
            task.name: {
                "source": task.source,
                **({"labels": task.labels} if task.labels else {}),
                "count": len(plan.samples[task.name]),
                "digest": digest_samples(plan.samples[task.name]),
            }
            for task in plan.tasks
        },
        judge=plan.settings["judge"],
        versions=versions(),
        git_commit=git_commit(),
        started=folder.started,
        seconds=round(folder.seconds, 1),
        batch_size=max((record.response.batch_size or 0 for record in read_records(folder.path)), default=0) or None,
        settings=plan.settings,
        tasks=results,
        benchmarks={task.name: task.facts for task in plan.tasks},
        training=plan.checkpoint.training,
        audit=drawn.audit(plan.judge) if plan.judge is not None and plan.audit else None,
    )
    return folder.complete(run)
