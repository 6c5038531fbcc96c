"""The evaluation loop: tasks -> samples -> responses -> verdicts, each sample stored as soon as it is finished."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from harness import __version__
from harness.checkpoints import Checkpoint, resolve_checkpoint
from harness.config import DEFAULT_MAX_NEW_TOKENS, EvalConfig
from harness.engines import ENGINES, Decoding, Engine, Request, make_engine
from harness.errors import EngineError, StoreError, UsageError
from harness.evaluation.progress import Progress
from harness.evaluation.report import write_report
from harness.evaluation.selection import choose_samples
from harness.store import RUN, RunFolder, SampleKey, read_records, read_run
from harness.types import PromptFormat, RunRecord, Sample, SampleRecord

if TYPE_CHECKING:
    from harness.answer_judge import AnswerJudge
    from harness.evaluation.tasks import TaskData

_VERSIONED: Final = ("torch", "transformers", "vllm", "lmms-eval", "datasets", "av", "pillow", "numpy")
_ALL_FAILED: Final = 32
"""Responses that fail in the same way, without one success, before the run is stopped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A finished evaluation.

    Attributes:
        run: its record.
        folder: the run folder.
        resumed: samples that an earlier session had finished.
        failures: samples that could not be scored.
        judge_problem: why the judge gave no verdict on some answers, if so.
        missing: what the diagnostics could not compute that a user may miss, one line each.
    """

    run: RunRecord
    folder: Path
    resumed: int
    failures: int
    judge_problem: str | None = None
    missing: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """What a run consists of, decided before the model is loaded."""

    checkpoint: Checkpoint
    prompt_format: PromptFormat
    decoding: Decoding
    engine_name: str
    engine: Engine
    judge: AnswerJudge | None
    tasks: Sequence[TaskData]
    samples: Mapping[str, Sequence[Sample]]
    settings: Mapping[str, Any]


def evaluate(config: EvalConfig) -> Outcome:
    """Score a checkpoint, or go on with a run that was interrupted.

    Raises:
        HarnessError: see the tree in `harness.errors`; whatever was finished is stored and the same call goes on.
    """
    plan = _plan(config)
    folder = RunFolder(config.out or _default_folder(plan), plan.settings, fresh=config.fresh)
    resumed = len(folder.finished)
    order = [(task.name, sample.id) for task in plan.tasks for sample in plan.samples[task.name]]
    try:
        _refuse_replaced_media(plan, folder)
        if any(key not in folder.finished for key in order):
            folder.reopen()
            plan.engine.load()
            _generate(plan, folder, order)
        elif (folder.path / RUN).exists():
            run = read_run(folder.path)
            if plan.judge is None or not any(result.unsettled for result in run.tasks.values()):
                return Outcome(run=run, folder=folder.path, resumed=resumed, failures=_failures(run))
        run = _finish(plan, config, folder, order)
    finally:
        folder.close()
        plan.engine.close()
        if plan.judge is not None:
            plan.judge.close()
    missing = _diagnose(plan, folder) if config.diagnose else ()
    write_report(run, folder.path)
    return Outcome(
        run=run,
        folder=folder.path,
        resumed=resumed,
        failures=_failures(run),
        judge_problem=_judge_problem(plan.judge),
        missing=missing,
    )


def _diagnose(plan: _Plan, folder: RunFolder) -> Sequence[str]:
    from harness.diagnostics.diagnose import diagnose

    tasks = {task.name: task for task in plan.tasks}
    return diagnose(folder.path, open_media=lambda sample: tasks[sample.task].open_media(sample.id)).missing


def _judge_problem(judge: AnswerJudge | None) -> str | None:
    if judge is None or not judge.failures:
        return None
    return f"the judge gave no verdict on {judge.failures} answers" + (f": {judge.problem}" if judge.problem else "")


def _refuse_replaced_media(plan: _Plan, folder: RunFolder) -> None:
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


def _plan(config: EvalConfig) -> _Plan:
    engine_name = _engine_name(config)
    if engine_name == "replay" and not _is_checkpoint(config.model):
        checkpoint = Checkpoint(name=config.model, folder=None)
    else:
        checkpoint = resolve_checkpoint(config.model, revision=config.revision)
    prompt_format: PromptFormat = (
        checkpoint.prompt_format or "direct" if config.prompt == "auto" else config.prompt  # type: ignore[assignment]
    )
    from harness.evaluation.data import digest_prompts
    from harness.evaluation.tasks import expand_tasks, load_task

    data = config.data or ("demo" if config.model == "demo" else "hub")
    tasks = [
        load_task(
            name, data=data, tasks_dir=config.tasks_dir, num_frames=config.num_frames, prompt_format=prompt_format
        )
        for name in expand_tasks(config.tasks, config.tasks_dir)
    ]
    engine = make_engine(engine_name, checkpoint, config.engine_options)
    decoding = Decoding(
        max_new_tokens=config.max_new_tokens or DEFAULT_MAX_NEW_TOKENS[prompt_format],
        temperature=config.temperature,
        top_p=config.top_p,
        seed=config.seed,
    )
    judge = _open_judge(config)
    samples = {task.name: choose_samples(task.samples, config.limit, config.seed) for task in tasks}
    # By content, not by place: a checkpoint or data set that was moved is still the same one.
    settings = {
        "model": {"weights": checkpoint.weights, "files": checkpoint.files},
        "prompt": prompt_format,
        "decoding": _decoding_settings(decoding),
        "seed": config.seed,
        "limit": config.limit,
        "num_frames": config.num_frames,
        "engine": engine_name,
        "engine_settings": dict(engine.describe()),
        "judge": judge.identity if judge is not None else None,
        "tasks": {
            task.name: {
                "version": task.version,
                "count": len(samples[task.name]),
                "prompts": digest_prompts(samples[task.name]),
            }
            for task in tasks
        },
    }
    return _Plan(
        checkpoint=checkpoint,
        prompt_format=prompt_format,
        decoding=decoding,
        engine_name=engine_name,
        engine=engine,
        judge=judge,
        tasks=tasks,
        samples=samples,
        settings=settings,
    )


def _decoding_settings(decoding: Decoding) -> dict[str, Any]:
    return {
        "max_new_tokens": decoding.max_new_tokens,
        "temperature": decoding.temperature,
        "top_p": decoding.top_p,
        "repetition_penalty": 1.0,
    }


def _engine_name(config: EvalConfig) -> str:
    if config.engine != "auto":
        if config.engine not in ENGINES:
            raise UsageError(f"engine {config.engine!r} does not exist. Choose one of: {', '.join(ENGINES)}, auto.")
        return config.engine
    return "replay" if config.engine_options.get("responses") is not None else "hf"


def _open_judge(config: EvalConfig) -> AnswerJudge | None:
    if config.judge is None:
        return None
    from harness.answer_judge import open_judge

    return open_judge(config.judge, base_url=config.judge_base_url)


def _is_checkpoint(model: str) -> bool:
    return model == "demo" or Path(model).expanduser().is_dir()


def _default_folder(plan: _Plan) -> Path:
    """`runs/NAME-DIGEST`, so that the same command finds its run again and another one does not meet it."""
    name = Path(plan.checkpoint.name).name if plan.checkpoint.folder else plan.checkpoint.name
    slug = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.") or "model"
    digest = hashlib.sha256(json.dumps(plan.settings, sort_keys=True).encode()).hexdigest()
    return Path("runs") / f"{slug}-{digest[:8]}"


def _requests(plan: _Plan, folder: RunFolder) -> Iterator[Request]:
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


def _generate(plan: _Plan, folder: RunFolder, order: Sequence[SampleKey]) -> None:
    samples = {(task.name, sample.id): sample for task in plan.tasks for sample in plan.samples[task.name]}
    tasks = {task.name: task for task in plan.tasks}
    failures: list[str] = []
    succeeded = False
    with Progress(total=len(order), done=len(folder.finished)) as progress:
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


def _stop_when_hopeless(failures: Sequence[str]) -> None:
    if len(failures) >= _ALL_FAILED and len(set(failures)) == 1:
        raise EngineError(
            f"the first {len(failures)} samples all failed: {failures[0]} Mend that and run the same command again."
        )


def _finish(plan: _Plan, config: EvalConfig, folder: RunFolder, order: Sequence[SampleKey]) -> RunRecord:
    from harness.evaluation.data import digest_samples

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
        decoding=_decoding_settings(plan.decoding),
        seed=config.seed,
        data={
            task.name: {
                "source": task.source,
                "count": len(plan.samples[task.name]),
                "digest": digest_samples(plan.samples[task.name]),
            }
            for task in plan.tasks
        },
        judge=plan.judge.identity if plan.judge is not None else None,
        versions=_versions(),
        git_commit=_git_commit(),
        started=folder.started,
        seconds=round(folder.seconds, 1),
        settings=plan.settings,
        tasks=results,
    )
    folder.complete(run)
    return run


def _failures(run: RunRecord) -> int:
    return sum(result.errors for result in run.tasks.values())


def _versions() -> dict[str, str]:
    found = {"harness": __version__}
    for package in _VERSIONED:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def _git_commit() -> str | None:
    """Commit of the checkout that the harness runs from, with `+` when its files were changed; `None` elsewhere."""
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return None
    try:
        commit, status = (
            subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, timeout=10, check=True).stdout
            for arguments in (["rev-parse", "HEAD"], ["status", "--porcelain", "--untracked-files=no"])
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return commit.strip() + ("+" if status.strip() else "")
