"""Run folders from what is kept of the experiment: the verdict on every question, and the answer that was read.

Whole responses are not kept (4 MB a run). A rebuilt run has the answers in their place, so that its figures are those
of the run that it stands for; what needs a response (the published evaluators' reading, caption, thinking) is not
there. Imported lazily only.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from harness.benchmarks.digests import digest_samples
from harness.benchmarks.registry import get_benchmark
from harness.core.errors import StoreError
from harness.core.types import Response, Sample, SampleRecord, TaskResult, Verdict
from harness.demo.checking import TASKS
from harness.demo.experiment.measuring import compress_verdicts
from harness.demo.experiment.results import SEED_FREE, Results, read_records, read_samples
from harness.demo.experiment.settings import MAX_NEW_TOKENS
from harness.diagnostics.run_folder import DIAGNOSTICS, FINDINGS
from harness.engines.checkpoints import Checkpoint
from harness.runs import records as stored_records
from harness.runs.folder import RunFolder

if TYPE_CHECKING:
    from harness.evaluation.plan import Plan
    from harness.evaluation.run import Outcome
    from harness.evaluation.settings import EvalConfig

NOTE: Final = (
    "Of these runs the answers were kept, not the whole responses: a sample shows the answer that was read. The "
    "published evaluators' reading, captions, and causes of wrong answers are not known."
)

_LISTED: Final = 8
"""Questions of each task in a report: thirty reports of them, with their pictures, are a few megabytes."""
_Answers = Mapping[tuple[str, str], SampleRecord]
"""By task and sample id."""


def rebuild_runs(results: Results, held_out: Path, out: Path) -> list[Outcome]:
    """Write the run folders `ROW-seed-N` of some rows.

    Args:
        results: what is kept, by row and seed.
        held_out: folder of the held-out questions.
        out: where the folders are written.

    Raises:
        StoreError: the questions are others, or an answer is read otherwise today than when it was stored.
    """
    return [
        _rebuild(name, seed, stored, held_out, out / f"{name}-seed-{seed}")
        for name, seeds in results.items()
        for seed, stored in seeds.items()
    ]


def _rebuild(name: str, seed: int, stored: Mapping[str, Any], held_out: Path, folder: Path) -> Outcome:
    from harness.evaluation.run import run_plan
    from harness.evaluation.settings import EvalConfig

    answers = {
        (task, record.sample.id): record
        for task, verdicts in stored["verdicts"].items()
        for record in read_records(read_samples(held_out, task), verdicts)
    }
    with TemporaryDirectory() as scratch:
        recording = Path(scratch) / "answers.jsonl"
        recording.write_text("".join(map(_line, answers.values())), encoding="utf-8")
        config = EvalConfig(
            model=name if name == SEED_FREE else f"{name}/seed-{seed}/final",
            tasks=TASKS,
            data=str(held_out),
            prompt="grounded",
            engine="replay",
            engine_options={"responses": recording},
            max_new_tokens=MAX_NEW_TOKENS,
            out=folder,
        )
        plan = _plan(config, name, seed, stored, answers)
        outcome = run_plan(plan, config)
    if compress_verdicts(list(stored_records.read_records(folder))) != stored["verdicts"]:
        raise StoreError(f"{name}, seed {seed}: answers are read otherwise than when they were stored.")
    run = replace(
        outcome.run,
        started=stored["started"],
        seconds=stored["cpu_seconds"]["evaluation"],
        git_commit=stored["commit"],
        seal=None,
    )
    opened = RunFolder(folder, plan.settings)
    try:
        return replace(outcome, run=opened.complete(run))
    finally:
        opened.close()


def write_thinned_reports(outcomes: Sequence[Outcome]) -> None:
    """Write a report into each run folder, with the same few questions in all: those on which the rows differ most."""
    from harness.diagnostics.diagnose import diagnose
    from harness.reports.writing import write_reports

    right: dict[tuple[str, str], dict[str, list[bool]]] = {}
    for outcome in outcomes:
        for record in stored_records.read_records(outcome.folder):
            key = (record.sample.task, record.sample.id)
            of_rows = right.setdefault(key, {})
            of_rows.setdefault(outcome.folder.name.rpartition("-seed-")[0], []).append(
                record.verdict.status == "correct"
            )

    def agreement(key: tuple[str, str]) -> float:
        shares = [fmean(of) for of in right[key].values()]
        return min(shares) - max(shares)

    only = {key for task in TASKS for key in sorted((of for of in right if of[0] == task), key=agreement)[:_LISTED]}
    for outcome in outcomes:
        diagnosis = diagnose(outcome.folder)
        write_reports(outcome.folder, diagnosis, open_media=outcome.open_media, only=only)
        for left in (DIAGNOSTICS, FINDINGS):
            (outcome.folder / left).unlink()  # Nothing but a missing answer can be told without responses.


def _line(record: SampleRecord) -> str:
    line = {"task": record.sample.task, "id": record.sample.id, "response": record.verdict.answer or ""}
    return json.dumps(line, ensure_ascii=False) + "\n"


def _plan(config: EvalConfig, name: str, seed: int, stored: Mapping[str, Any], answers: _Answers) -> Plan:
    """The plan of the recording, with what is known of the checkpoint that gave the answers."""
    from harness.evaluation.plan import make_plan

    plan = make_plan(config)
    for task, samples in plan.samples.items():
        if digest_samples(samples) != stored["data"][task]["digest"]:
            raise StoreError(f"{name}, seed {seed}: it was asked other questions of {task} than those that are drawn.")
    settings, training = stored["settings"], None
    if name != SEED_FREE:
        training = {"recipe": name, "data": str(settings["pool"]), "seed": seed, "step": stored["updates"]}
    return replace(
        plan,
        checkpoint=Checkpoint(name=config.model, folder=None, weights=stored["weights"], training=training),
        tasks=[
            replace(
                task,
                judge=partial(_judge, task.judge, answers),
                summarise=partial(_summarise, task.summarise),
                facts=replace(task.facts, title=get_benchmark(task.name).title),  # As on the experiment's own page.
            )
            for task in plan.tasks
        ],
        settings={**plan.settings, "model": {**plan.settings["model"], "weights": stored["weights"]}},
    )


def _judge(
    judge: Callable[[Sample, Response], Verdict], answers: _Answers, sample: Sample, response: Response
) -> Verdict:
    """The strict verdict alone: a published evaluator, or who looked for an answer in vain, read the whole response."""
    verdict = replace(judge(sample, response), official=None, official_answer=None)
    stored = answers[sample.task, sample.id].verdict
    return stored if stored.status == "not_understood" else verdict


def _summarise(
    summarise: Callable[[Iterable[SampleRecord]], TaskResult], records: Iterable[SampleRecord]
) -> TaskResult:
    result = summarise(records)
    return replace(result, official=dict.fromkeys(result.official))
