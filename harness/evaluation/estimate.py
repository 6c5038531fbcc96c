"""What an evaluation will ask for, before it is spent: samples, tokens, memory and time."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from harness.core.errors import HarnessError, ModelError
from harness.core.types import Sample
from harness.engines.sizes import PACE, cache_bytes
from harness.evaluation.asking import make_request
from harness.evaluation.plan import Plan, with_seed
from harness.evaluation.task_registry import TaskData
from harness.runs.config import earlier_sessions
from harness.runs.records import SAMPLES, SampleKey, latest, shards

_MEASURED: Final = 8
"""Prompts of a task that are made and counted."""
_BYTES: Final[Mapping[str, int]] = {"float32": 4, "bfloat16": 2, "float16": 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskEstimate:
    """What one task asks for.

    Attributes:
        task: plain task name.
        samples: that are asked, those of repeats too.
        stored: of them, those whose response the run folder has.
        prompt_tokens: of a prompt, media included, the mean of a few; `None` where no processor is here to tell.
        budget: tokens of a response at most.
    """

    task: str
    samples: int
    stored: int
    prompt_tokens: float | None
    budget: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What an evaluation asks for.

    Attributes:
        tasks: each of them.
        weight_bytes: of the checkpoint's files; `None` where there are none here.
        cache_bytes: that a token of context takes in the attention's cache; `None` where the configuration does not
            tell.
    """

    tasks: Sequence[TaskEstimate]
    weight_bytes: int | None
    cache_bytes: int | None

    def lines(self) -> Iterator[str]:
        """Tokens, memory and time in words."""
        left = sum(task.samples - task.stored for task in self.tasks)
        most = sum((task.samples - task.stored) * task.budget for task in self.tasks)
        told = [task for task in self.tasks if task.prompt_tokens is not None]
        if len(told) == len(self.tasks):
            prompts = sum((task.samples - task.stored) * (task.prompt_tokens or 0.0) for task in told)
            yield f"tokens: {left:,} prompts of about {prompts:,.0f} in all, and at most {most:,} generated"
        else:
            yield f"tokens: {left:,} prompts, and at most {most:,} generated"
        if self.weight_bytes is not None:
            cache = f", and {self.cache_bytes / 1000:,.1f} kB a token of context" if self.cache_bytes else ""
            longest = max((task.prompt_tokens or 0.0) + task.budget for task in self.tasks)
            one = f", {self.cache_bytes * longest / 1e6:,.0f} MB a sample at its longest" if self.cache_bytes else ""
            yield f"memory: weights {self.weight_bytes / 1e6:,.0f} MB as they are stored{cache}{one}"
        minutes = math.ceil(most / PACE / 60)
        yield f"time: at {PACE:,} generated tokens a second, and every response at its longest, {minutes:,} min"


def estimate(plan: Plan, folders: Sequence[Path], *, fresh: bool = False) -> Estimate:
    """What is left of a run and its repeats; nothing is loaded but the processor.

    Args:
        plan: of the run.
        folders: the run folder, and those of its repeats, which may be there or not.
        fresh: what is stored will be thrown away.

    Raises:
        HarnessError: what is stored cannot be read, or is of other settings.
    """
    there = [] if fresh else [folder for folder in folders if (folder / SAMPLES).exists()]
    for folder in there[:1]:
        earlier_sessions(folder, with_seed(plan, plan.decoding.seed + folders.index(folder)).settings)
    stored = Counter(key for folder in there for key in _finished(folder))
    processor = _processor(plan)
    tasks = [
        TaskEstimate(
            task=task.name,
            samples=len(plan.samples[task.name]) * len(folders),
            stored=sum(stored[task.name, sample.id] for sample in plan.samples[task.name]),
            prompt_tokens=None if processor is None else _prompt_tokens(plan, task, processor),
            budget=plan.budgets[task.name],
        )
        for task in plan.tasks
    ]
    return Estimate(tasks=tasks, weight_bytes=_weight_bytes(plan), cache_bytes=_cache_bytes(plan))


def _finished(folder: Path) -> set[SampleKey]:
    return {key for file in (folder / SAMPLES, *shards(folder)) for key in latest(file).finished}


def _processor(plan: Plan) -> Any:
    if plan.checkpoint.folder is None or plan.engine_name not in ("hf", "vllm"):
        return None
    from harness.engines.inputs import load_processor

    return load_processor(plan.checkpoint)


def _prompt_tokens(plan: Plan, task: TaskData, processor: Any) -> float | None:
    from harness.engines.inputs import chat_prompt, encode
    from harness.engines.preparation import open_media

    counts = []
    for sample in _spread(plan.samples[task.name]):
        request = make_request(plan, task, sample)
        try:
            opened = open_media(request, plan.engine.video_as or "native")
            prompt = chat_prompt(processor, request, opened)
            inputs = encode(processor, [prompt], [opened], max_pixels=plan.engine.describe().get("max_pixels"))
        except HarnessError:  # The run itself will tell of it.
            continue
        counts.append(inputs["input_ids"].shape[1])
    return sum(counts) / len(counts) if counts else None


def _spread(samples: Sequence[Sample]) -> Sequence[Sample]:
    return samples[:: max(1, len(samples) // _MEASURED)][:_MEASURED]


def _weight_bytes(plan: Plan) -> int | None:
    if plan.checkpoint.folder is None:
        return None
    from harness.engines.checkpoints import weight_files

    return sum(path.stat().st_size for path in weight_files(plan.checkpoint.folder))


def _cache_bytes(plan: Plan) -> int | None:
    """Keys and values of every layer."""
    if plan.checkpoint.folder is None:
        return None
    from harness.engines.loaders import load_config

    try:
        config = load_config(plan.checkpoint)
    except ModelError:
        return None
    width = _BYTES.get(str(plan.engine.describe().get("dtype")))
    return None if width is None else cache_bytes(config, width)
