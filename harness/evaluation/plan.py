"""What a run consists of, decided before the model is loaded."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from harness.benchmarks.digests import digest_prompts
from harness.core.errors import UsageError
from harness.core.formats import find_format, is_own
from harness.core.prompts import AUTO, LETTERS, OWN, take_apart
from harness.core.types import PromptFormat, Sample
from harness.core.worlds import world_of_checkpoint
from harness.engines import Decoding, Engine, check_engine, make_engine, vllm_is_usable
from harness.engines.checkpoints import SERVED, Checkpoint, resolve_checkpoint
from harness.engines.contrasts import read_contrast
from harness.engines.replay import ReplayEngine
from harness.evaluation.blind import blind_media
from harness.evaluation.ranks import ALONE, Ranks
from harness.evaluation.selection import choose_samples
from harness.evaluation.settings import DEFAULT_MAX_NEW_TOKENS, EvalConfig
from harness.evaluation.task_registry import TaskData, expand_tasks, load_task
from harness.runs.config import name_differences

if TYPE_CHECKING:
    from harness.judges.answer import AnswerJudge

_NAME_CHARACTERS: Final = 100
"""Of a model in the name of its run's folder: file systems take 255 bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run consists of.

    Attributes:
        checkpoint: the model.
        prompt_format: resolved, never `auto`, a user's with its digest, with `-letters` where that is asked for; `own`
            where no task is asked in a format of ours or the user's.
        decoding: what decides the tokens.
        budgets: by task, tokens of a response.
        engine_name: resolved, never `auto`.
        engine: its settings checked, its model not loaded yet.
        judge: of answers that the rules cannot read or settle, or `None`.
        audit: answers of each kind of question that it is asked about although rules read them.
        tasks: in the order of the report.
        samples: by task, those that are asked.
        settings: what two sessions of one run must agree on; by content, not by place, so that a checkpoint or data
            set that was moved is still the same one.
        reads: files and folders that the run is made of.
    """

    checkpoint: Checkpoint
    prompt_format: str
    decoding: Decoding
    budgets: Mapping[str, int]
    engine_name: str
    engine: Engine
    judge: AnswerJudge | None
    audit: int
    tasks: Sequence[TaskData]
    samples: Mapping[str, Sequence[Sample]]
    settings: Mapping[str, Any]
    reads: Sequence[Path] = ()


def agree_on_plan(config: EvalConfig, ranks: Ranks) -> Plan:
    """Make the same plan on every rank, on rank 0 first: what it fetches, the others find.

    Raises:
        HarnessError: see `make_plan`.
        UsageError: this rank has other weights, data or settings than rank 0.
    """
    if ranks.rank == 0:
        plan = make_plan(config, ranks)
        ranks.publish("plan", json.dumps(plan.settings))
        return plan
    settings = json.loads(ranks.wait_for("plan"))
    plan = make_plan(config, ranks)
    different = name_differences(settings, json.loads(json.dumps(plan.settings)), "rank 0", f"rank {ranks.rank}")
    if different:
        raise UsageError(
            f"the processes of this run do not agree ({different}). Give all machines the same model and data."
        )
    return plan


def make_plan(config: EvalConfig, ranks: Ranks = ALONE) -> Plan:
    """Resolve checkpoint, tasks and engine, and check that they fit.

    Args:
        config: what is asked for.
        ranks: the processes that share the run.

    Raises:
        HarnessError: something that was asked for does not exist or does not fit.
    """
    names = expand_tasks(config.tasks, config.tasks_dir)  # First: a misspelt one should not wait for what is slow.
    engine_name = _engine_name(config)
    if config.revision is not None and (config.model.startswith(SERVED) or _is_checkpoint(config.model)):
        raise UsageError(
            f"--revision {config.revision}: {config.model!r} is no id on the hub, whose revisions have names. Leave it "
            "out."
        )
    if config.model.startswith(SERVED) or (engine_name == "replay" and not _is_checkpoint(config.model)):
        if config.trust_remote_code:
            raise UsageError(
                f"--trust-remote-code: engine {engine_name!r} loads no checkpoint; a server decides for itself."
            )
        checkpoint = Checkpoint(name=config.model, folder=None)
    else:
        checkpoint = resolve_checkpoint(
            config.model,
            revision=config.revision,
            trust_remote_code=config.trust_remote_code,
            sees=engine_name != "replay",
        )
    asked_in, letters = take_apart(config.prompt)
    own = find_format(asked_in) if is_own(asked_in) else None
    prompt_format: PromptFormat = (
        own.like if own is not None else checkpoint.prompt_format or "direct" if asked_in == AUTO else asked_in  # type: ignore[assignment]
    )
    tasks = [
        blind_media(
            load_task(
                name,
                data=config.data,
                world=checkpoint.world,
                tasks_dir=config.tasks_dir,
                allow_outside=config.allow_outside,
                num_frames=config.num_frames,
                prompt_format=own or prompt_format,
                letters=letters,
            ),
            config.blind,
        )
        for name in names
    ]
    if engine_name == "auto":  # Last: to look for a GPU takes torch, and who has misspelt something should not wait.
        engine_name = "vllm" if ranks.size == 1 and vllm_is_usable() else "hf"
    engine = make_engine(engine_name, checkpoint, engine_options_of(config.engine_options, engine_name, ranks))
    default = config.max_new_tokens or DEFAULT_MAX_NEW_TOKENS[prompt_format]
    budget = config.max_new_tokens or (own and own.max_new_tokens) or default
    budgets = {
        task.name: (None if task.has_own_budget else config.max_new_tokens)
        or task.max_new_tokens
        or (default if task.has_own_prompts else budget)
        for task in tasks
    }
    ours = [task for task in tasks if not task.has_own_prompts]
    if letters and not any(sample.as_letters for task in ours for sample in task.samples):
        raise UsageError(
            f"--prompt {config.prompt}: none of {', '.join(names)} has yes/no questions to be asked as letters. "
            f"Use --prompt {asked_in}."
        )
    name = prompt_format if own is None else own.name
    prompt = f"{name}-{LETTERS}" if letters else name
    decoding = Decoding(
        max_new_tokens=budget if ours else max(budgets.values()),
        temperature=config.temperature,
        top_p=config.top_p,
        top_k=config.top_k,
        repetition_penalty=config.repetition_penalty,
        seed=config.seed,
        contrast=None if config.decoding is None else read_contrast(config.decoding),
    )
    judge = open_judge(config)
    samples = {task.name: choose_samples(task.samples, config.limit, config.seed) for task in tasks}
    if isinstance(engine, ReplayEngine):
        engine.refuse_others(chain.from_iterable(samples.values()))
    settings = {
        "model": {
            "weights": checkpoint.weights,
            "files": checkpoint.files,
            "served": checkpoint.name if engine_name == "api" else None,
        },
        "prompt": prompt if ours else OWN,
        **({"format": asdict(own)} if own is not None and ours else {}),
        "system_prompt": config.system_prompt,
        "decoding": decoding_settings(decoding),
        "seed": config.seed,
        "limit": config.limit,
        "num_frames": config.num_frames,
        "video_as": engine.video_as if _has_videos(samples) else None,
        "blind": config.blind,
        "engine": engine_name,
        "engine_settings": dict(engine.describe()),
        "judge": judge.identity if judge is not None else None,
        "tasks": {
            task.name: {
                "version": task.version,
                "count": len(samples[task.name]),
                "prompts": digest_prompts(samples[task.name]),
                **({"prompt": OWN} if task.has_own_prompts else {}),
                **({"max_new_tokens": budgets[task.name]} if task.has_own_prompts or task.has_own_budget else {}),
            }
            for task in tasks
        },
    }
    return Plan(
        checkpoint=checkpoint,
        prompt_format=prompt if ours else OWN,
        decoding=decoding,
        budgets=budgets,
        engine_name=engine_name,
        engine=engine,
        judge=judge,
        audit=config.audit,
        tasks=tasks,
        samples=samples,
        settings=settings,
        reads=list(_places(config, checkpoint)),
    )


def _places(config: EvalConfig, checkpoint: Checkpoint) -> Iterator[Path]:
    named = (config.engine_options.get("responses"), config.data, checkpoint.folder, config.tasks_dir, *config.tasks)
    yield from (place for name in named if name is not None and (place := Path(name)).exists())


def with_seed(plan: Plan, seed: int) -> Plan:
    """The same questions, sampled with another seed."""
    return replace(plan, decoding=replace(plan.decoding, seed=seed), settings={**plan.settings, "seed": seed})


def decoding_settings(decoding: Decoding) -> dict[str, Any]:
    """Decoding as it is recorded."""
    return {
        "max_new_tokens": decoding.max_new_tokens,
        "temperature": decoding.temperature,
        "top_p": decoding.top_p,
        "top_k": decoding.top_k or None,
        "repetition_penalty": decoding.repetition_penalty,
        **({} if decoding.contrast is None else {"contrast": str(decoding.contrast)}),
    }


def default_folder(plan: Plan) -> Path:
    """`runs/NAME-DIGEST`, so that the same command finds its run again and another one does not meet it."""
    name = Path(plan.checkpoint.name).name if plan.checkpoint.folder else plan.checkpoint.name
    slug = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")[:_NAME_CHARACTERS] or "model"
    digest = hashlib.sha256(json.dumps(plan.settings, sort_keys=True).encode()).hexdigest()
    return Path("runs") / f"{slug}-{digest[:8]}"


def engine_options_of(options: Mapping[str, Any], engine_name: str, ranks: Ranks) -> Mapping[str, Any]:
    """An engine's settings on one of several processes. All ranks have to call it.

    Each process of a machine has a device of its own; vLLM shares its work between devices itself, so that the first
    process of a machine has an engine with a copy for each of the others, which wait.

    Raises:
        UsageError: the settings say otherwise how devices are used, or there is none for this process.
    """
    if ranks.size == 1:
        return options
    if options.get("device_map") is not None:
        raise UsageError(
            f"--device-map spreads one copy of the model over all devices: run one process, not {ranks.size}."
        )
    if engine_name == "vllm":
        for name in ("tensor_parallel", "pipeline_parallel", "data_parallel"):
            if options.get(name) not in (None, 1):
                raise UsageError(
                    f"--{name.replace('_', '-')} shares the devices of a machine between the parts and copies of one "
                    f"engine: run one process, not {ranks.size}."
                )
        return {**options, "data_parallel": ranks.one_a_machine()}
    if engine_name != "hf" or options.get("device", "auto") not in ("auto", "cuda"):
        return options
    import torch

    if not torch.cuda.is_available():
        return options
    if ranks.local_rank >= torch.cuda.device_count():
        raise UsageError(
            f"there is no GPU for process {ranks.local_rank} of this machine: it has {torch.cuda.device_count()}. "
            "Start at most one process a GPU."
        )
    torch.cuda.set_device(ranks.local_rank)  # Else every process takes some memory of the first one.
    return {**options, "device": f"cuda:{ranks.local_rank}"}


def _engine_name(config: EvalConfig) -> str:
    """The engine that is asked for, or `auto`: the one of a checkpoint that this machine has."""
    served = config.model.startswith(SERVED)
    if config.decoding is not None:
        if served or config.engine not in ("auto", "hf"):
            raise UsageError(
                f"--decoding {config.decoding}: each token takes the model's logits with and without the image, which "
                f"engine {'api' if served else config.engine!r} does not give. Use --engine hf and a checkpoint."
            )
        return "hf"
    if config.engine != "auto":
        check_engine(config.engine)
        if served != (config.engine == "api") and config.engine != "replay":
            raise UsageError(
                f"engine {config.engine!r} does not serve model {config.model!r}: engine 'api' and models named "
                f"{SERVED}NAME go together."
            )
        return config.engine
    if config.engine_options.get("responses") is not None:
        return "replay"
    return "api" if served else "auto"


def _has_videos(samples: Mapping[str, Sequence[Sample]]) -> bool:
    return any(media.kind == "video" for of_task in samples.values() for sample in of_task for media in sample.media)


def open_judge(config: EvalConfig) -> AnswerJudge | None:
    """The judge that is asked for, if any."""
    if config.judge is None:
        return None
    from harness.engines.addresses import KEY_VARIABLE, goes_with_openai_key
    from harness.judges.answer import JUDGE_BASE_URL, open_answer_judge

    options = config.engine_options
    if (
        os.environ.get(KEY_VARIABLE)
        and config.model.startswith(SERVED)
        and config.judge.startswith(SERVED)
        and options.get("api_key_env") is config.judge_api_key_env is None
        and goes_with_openai_key(config.judge_base_url, JUDGE_BASE_URL)
        and not goes_with_openai_key(options.get("base_url"))
    ):
        raise UsageError(
            f"both the server of --base-url and the judge's would be sent {KEY_VARIABLE}. Say whose it is: name the "
            "variable of the one with --api-key-env ('' for no key), or that of the other with --judge-api-key-env."
        )
    return open_answer_judge(config.judge, base_url=config.judge_base_url, api_key_env=config.judge_api_key_env)


def _is_checkpoint(model: str) -> bool:
    return world_of_checkpoint(model) is not None or os.path.isdir(os.path.expanduser(model))
