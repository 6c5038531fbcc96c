"""From samples to stored verdicts: each sample is judged and stored as soon as the engine has its response."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import Final

from harness.core.errors import UnavailableError
from harness.core.types import Response, Sample, SampleRecord
from harness.engines import Request
from harness.engines.preparation import of_same_media
from harness.evaluation.interrupts import Interrupts
from harness.evaluation.plan import Plan
from harness.evaluation.task_registry import TaskData
from harness.runs.asked import system_of
from harness.runs.folder import RunFolder, Shard
from harness.runs.records import read_records

_ALL_FAILED: Final = 32
"""Responses that fail in the same way, without one success, before the run is stopped: a batch of `hf` on CPU."""


def generate(
    plan: Plan, samples: Mapping[str, Sequence[Sample]], store: RunFolder | Shard, finished: Callable[[bool], None]
) -> None:
    """Have the unfinished ones of some samples answered, judge and store them.

    Args:
        plan: of the run; its engine is loaded.
        samples: by task; those that are finished are passed on to the engine as such.
        store: where the records go: a run folder, or one process's shard of it.
        finished: told after each sample whether it failed.

    Raises:
        EngineError: the engine died, or all it gives is one and the same error.
        StoreError: a record cannot be stored.
        KeyboardInterrupt: someone wants the end.
    """
    tasks = {task.name: task for task in plan.tasks}
    by_key = {(task, sample.id): sample for task, of_task in samples.items() for sample in of_task}
    failures: list[str] = []
    succeeded = False
    expected = store.failed if store.finished else ()  # What alone fails, and has failed, says nothing of the engine.
    with Interrupts() as interrupts:
        for request, response in plan.engine.generate(_requests(plan, samples, store), plan.decoding):
            _refuse_another_model(plan, response, store)
            sample = by_key[request.task, request.sample_id]
            verdict = tasks[request.task].judge(sample, response)
            store.append(SampleRecord(sample=sample, response=response, verdict=verdict))
            failed = verdict.status == "error"
            finished(failed)
            if not failed:
                succeeded = True
            elif not succeeded and (request.task, request.sample_id) not in expected:
                failures.append(response.error or verdict.reason or "")
                _stop_when_hopeless(failures)
            interrupts.check()


def _requests(plan: Plan, samples: Mapping[str, Sequence[Sample]], store: RunFolder | Shard) -> Iterator[Request]:
    """Those about one image or video next to each other, wherever the data have them: an engine opens it once."""
    for task in plan.tasks:
        requests = (
            make_request(plan, task, sample, finished=(task.name, sample.id) in store.finished)
            for sample in samples[task.name]
        )
        yield from chain.from_iterable(of_same_media(requests))


def make_request(plan: Plan, task: TaskData, sample: Sample, *, finished: bool = False) -> Request:
    """A sample as the engine sees it."""
    return Request(
        task=task.name,
        sample_id=sample.id,
        prompt=sample.prompt,
        media=tuple(map(task.by_content, sample.media)),
        open_media=partial(task.open_media, sample.id),
        max_new_tokens=plan.budgets[task.name],
        system=system_of(plan.settings, task.name),
        finished=finished,
    )


def _refuse_another_model(plan: Plan, response: Response, store: RunFolder | Shard) -> None:
    """A server's model is known by its name alone, behind which another one may have been put since."""
    if (
        plan.engine.name == "api"
        and response.model is not None
        and response.model not in (store.models or {response.model})
    ):
        raise UnavailableError(
            f"{response.model!r} answers as {plan.checkpoint.name}, and what is stored was answered by "
            f"{', '.join(map(repr, sorted(store.models)))}. Bring that back and run the same command again, or choose "
            "another folder with --out, or start over with --fresh."
        )


def _stop_when_hopeless(failures: Sequence[str]) -> None:
    if len(failures) >= _ALL_FAILED and len(set(failures)) == 1:
        raise UnavailableError(
            f"the first {len(failures)} samples all failed: {failures[0]} Mend that and run the same command again."
        )


def reconsider(plan: Plan, folder: RunFolder) -> None:
    """Replace the verdicts of which only all samples of a task tell that they are others.

    Raises:
        StoreError: the folder cannot be written.
    """
    others = {
        (task.name, name): verdict
        for task in plan.tasks
        if task.reconsider is not None
        for name, verdict in task.reconsider(records_of(folder, task)).items()
    }
    if others:
        stored = read_records(folder.path)
        folder.rewrite(replace(of, verdict=others.get((of.sample.task, of.sample.id), of.verdict)) for of in stored)


def records_of(folder: RunFolder, task: TaskData) -> Iterator[SampleRecord]:
    """The stored samples of one task."""
    return (record for record in read_records(folder.path) if record.sample.task == task.name)
