"""A run from responses that another harness recorded, judged and figured as if the questions had just been asked."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from harness.benchmarks.digests import digest_prompts
from harness.benchmarks.plain import OwnScores
from harness.core.prompts import OWN
from harness.core.types import Response, Sample, SampleRecord, ScoreMean, TaskResult, Verdict
from harness.engines import Decoding, Request, failed
from harness.engines.checkpoints import Checkpoint
from harness.evaluation.joining import join_log
from harness.evaluation.logs import Entry, read_log
from harness.evaluation.plan import Plan, open_judge
from harness.evaluation.settings import EvalConfig
from harness.evaluation.task_registry import TaskData
from harness.lmms.scores import highest


@dataclass(slots=True, kw_only=True)
class Recorded:
    """An engine that has all its responses: those of another harness's log.

    Attributes:
        name: of the other harness.
        responses: by sample id.
        allow_missing: whether a sample without one counts as unanswered; else it is an error of that sample.
        digest: of what the log says.
        unknown: places of responses to questions that are not among those that are asked.
    """

    name: str
    responses: Mapping[str, Response]
    allow_missing: bool
    digest: str
    unknown: Sequence[str]

    @property
    def video_as(self) -> None:
        """The log does not tell."""

    def describe(self) -> Mapping[str, Any]:
        """The recording's content, so that a run is not continued with another one, and what of it was of no use."""
        return {"recording": self.digest, "responses_without_question": len(self.unknown) or None}

    def load(self) -> None:
        """Nothing to load."""

    def generate(self, requests: Iterable[Request], decoding: Decoding) -> Iterator[tuple[Request, Response]]:
        """Yield the recorded responses first: a run that begins with many failures is stopped."""
        missing = []
        for request in requests:
            if request.sample_id not in self.responses:
                missing.append(request)
            elif not request.finished:
                yield request, self.responses[request.sample_id]
        for request in missing:
            if not request.finished and self.allow_missing:
                yield request, Response(sample_id=request.sample_id, text="")
            elif not request.finished:
                yield request, failed(request, f"no response in the log of {self.name}")

    def close(self) -> None:
        """Nothing to free."""


def plan_recorded(
    config: EvalConfig, source: str, files: Sequence[Path], *, rows: Path | None = None, allow_missing: bool = False
) -> tuple[Plan, list[str]]:
    """Plan the run of a log: its questions, an engine that has the responses, and the log's own scores beside ours.

    Args:
        config: names one task; an empty `model` is the one that the log names; `data` is where the questions are.
        source: the other harness, a name of `harness.evaluation.logs.FORMATS`.
        files: of its log.
        rows: JSON lines with the data set's field names, in place of `data`; `None` for both: the log's own questions.
        allow_missing: take a question without a response as unanswered, not as one that could not be scored.

    Returns:
        the plan, and what its user has to know of the log.

    Raises:
        UsageError, DataError: a file is malformed, or see `join_log`.
    """
    entries = [entry for file in files for entry in read_log(source, file)]
    task, answers, unknown = join_log(config, source, rows, entries)
    scores = {name: {f"{source}/{key}": score for key, score in of.scores.items()} for name, of in answers.items()}
    samples = [
        replace(sample, prompt=asked)
        if (asked := answers[sample.id].asked if sample.id in answers else None)
        else sample
        for sample in task.samples
    ]
    task = replace(
        task,
        samples=samples,
        judge=partial(_judge, task.judge, scores),
        summarise=partial(_summarise, task, f"{source}/"),
        has_own_prompts=True,
    )
    model = config.model or next((entry.model for entry in entries if entry.model), None) or files[0].stem
    engine = Recorded(
        name=source,
        responses={name: _response(name, entry) for name, entry in answers.items()},
        allow_missing=allow_missing,
        digest=_digest(answers),
        unknown=unknown,
    )
    judge = open_judge(config)
    settings = {
        "model": {"weights": None, "files": None, "served": model},
        "prompt": OWN,
        "decoding": {},  # The log does not tell it.
        "seed": config.seed,
        "limit": None,
        "num_frames": None,
        "video_as": None,
        "blind": None,
        "engine": source,
        "engine_settings": {**engine.describe(), "allow_missing": allow_missing},
        "judge": judge.identity if judge is not None else None,
        "tasks": {
            task.name: {"version": task.version, "count": len(samples), "prompts": digest_prompts(samples)},
        },
    }
    plan = Plan(
        checkpoint=Checkpoint(name=model, folder=None),
        prompt_format=OWN,
        decoding=Decoding(max_new_tokens=1),  # Nothing is decoded.
        budgets={task.name: 1},
        engine_name=source,
        engine=engine,
        judge=judge,
        audit=config.audit,
        tasks=[task],
        samples={task.name: samples},
        settings=settings,
        reads=[*files, *([rows] if rows is not None else [])],
    )
    return plan, list(_warnings(task, unknown))


def _warnings(task: TaskData, unknown: Sequence[str]) -> Iterator[str]:
    if unknown:
        yield (
            f"{len(unknown)} responses answer no question of {task.source}, and count nowhere; the first is at "
            f"{unknown[0]}."
        )
    if not any(sample.cluster for sample in task.samples):
        yield (
            "nothing tells which questions share an image or video, so that intervals take all of them for independent "
            "and may be too narrow. Give the benchmark's data with --data or --samples."
        )


def _response(name: str, entry: Entry) -> Response:
    return Response(sample_id=name, text=entry.text or "", finish_reason=entry.finish_reason, error=entry.error)


def _digest(answers: Mapping[str, Entry]) -> str:
    total = hashlib.sha256()
    for name, entry in sorted(answers.items()):
        line = json.dumps([name, entry.text, entry.error, entry.finish_reason, dict(entry.scores)], ensure_ascii=False)
        total.update(line.encode(errors="backslashreplace") + b"\n")
    return f"sha256:{total.hexdigest()}"


def _judge(
    judge: Callable[[Sample, Response], Verdict],
    scores: Mapping[str, Mapping[str, float]],
    sample: Sample,
    response: Response,
) -> Verdict:
    verdict = judge(sample, response)
    return replace(verdict, scores={**verdict.scores, **scores.get(sample.id, {})})


def _summarise(task: TaskData, prefix: str, records: Iterable[SampleRecord]) -> TaskResult:
    """The task's figures, and the mean of what the other harness's own scoring gave the same responses."""
    from harness.statistics import summarise

    records = list(records)
    result = task.summarise(records)
    theirs: dict[str, list[float]] = {}
    for record in records:
        for name, score in record.verdict.scores.items():
            if name.startswith(prefix):  # A task of lmms-eval's kind has scores of its own.
                theirs.setdefault(name, []).append(score)
    means = {name: ScoreMean(score=name, high=highest(scores)) for name, scores in theirs.items()}
    # Its table counts what failed as well.
    counted = (replace(record, verdict=replace(record.verdict, status="incorrect")) for record in records)
    figures = summarise(OwnScores(name=task.name, headline="", means=means), counted).metrics
    return replace(
        result,
        metrics={**result.metrics, **figures},
        official={**result.official, **dict.fromkeys(figures)},
    )
