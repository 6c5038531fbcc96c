"""What would stop a training, found before any of it is paid for. Imported lazily only: torch and trl are imported."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from transformers import Trainer, get_scheduler
from transformers.integrations.integration_utils import (
    INTEGRATION_TO_CALLBACK,
    get_available_reporting_integrations,
)

from harness.core.errors import UsageError
from harness.core.worlds import worlds
from harness.engines.checkpoints import Checkpoint
from harness.engines.loaders import choose_class, empty_model, load_config
from harness.engines.vllm_arguments import LANGUAGE_MODEL, lora_room
from trainers.assembly import recipe_rewards, show_rows
from trainers.console import say
from trainers.data.schema import Example, row_from_example
from trainers.evaluation import check_while_training, tasks_dir_of
from trainers.extensions.chosen import check_data
from trainers.image_pads import check_image_pads
from trainers.models import adapter_config, load_processor, training_dtype, vision_parts
from trainers.plan.machine import Machine, sharding_of
from trainers.preparation import choose_engine
from trainers.ranks import is_main_rank
from trainers.recipe import nearest
from trainers.rewards.functions import REWARDS
from trainers.rewards.policy import check_whole
from trainers.rewards.scoring import load_function, try_rewards
from trainers.settings import POLICY, Recipe
from trainers.trl_config import build_config

if TYPE_CHECKING:
    from harness.judges.caption import CaptionJudge


def check_recipe(
    recipe: Recipe, checkpoint: Checkpoint, output: Path, *, selects: bool, machine: Machine | None = None
) -> None:
    """Find what would stop selection, training or evaluation, before any of them is paid for; nothing is written.

    Args:
        recipe: the recipe.
        checkpoint: the checkpoint that training starts from.
        output: its output folder.
        selects: whether rows are selected.
        machine: that it is planned for; `None`: this one, as a launcher made use of it.

    Raises:
        HarnessError: what is wrong, by the name of its setting.
    """
    from harness.evaluation.task_registry import expand_tasks

    train, evaluates = recipe.train, bool(recipe.eval.tasks)
    optimiser = str(train.get("optim", ""))
    of_torchao = optimiser in ("adamw_torch_4bit", "adamw_torch_8bit")
    for package, setting, is_used in (
        ("vllm", "train.use_vllm", recipe.algorithm == "grpo" and bool(train.get("use_vllm"))),
        ("vllm", "selection.engine", selects and recipe.selection.engine == "vllm"),
        ("vllm", "eval.engine", evaluates and recipe.eval.engine == "vllm"),
        ("bitsandbytes", "train.bits", train.get("bits") in (4, 8)),
        ("torchao", "train.optim", of_torchao),
        (
            "bitsandbytes",
            "train.optim",
            not of_torchao and any(part in optimiser for part in ("bnb", "8bit", "paged")),
        ),
        ("deepspeed", "train.deepspeed", train.get("deepspeed") is not None),
        ("liger_kernel", "train.use_liger_kernel", bool(train.get("use_liger_kernel"))),
        ("flash_attn", "train.attn_implementation", train.get("attn_implementation") == "flash_attention_2"),
    ):
        if is_used and find_spec(package) is None:
            raise UsageError(f"{setting} needs the package {package!r}, which is not installed: pip install {package}.")
    gpus = machine.gpus if machine else None
    config = build_config(recipe, output, gpus=gpus)
    _check_trackers(config.report_to)
    _check_optimiser(config, checkpoint)
    del config  # Models are loaded under ZeRO-3 as long as such a configuration exists.
    training_dtype(recipe, has_master=None if machine is None else machine.sharding != "none")
    if recipe.algorithm == "grpo":
        for reward in recipe.rewards.weights().keys() - REWARDS.keys():
            load_function(reward)
        _, config = choose_class(load_config(checkpoint), checkpoint)
        if not hasattr(config, "image_token_id"):
            raise UsageError(
                f"model {checkpoint.name!r} cannot be trained with grpo: TRL asks for image_token_id, which its "
                f"{type(config).__name__} has not. Use sft."
            )
    if recipe.lora.rank and checkpoint.adapter is not None:  # PEFT's record of the base would leave its weights out.
        raise UsageError(
            f"model {checkpoint.name!r} is an adapter, and lora.rank {recipe.lora.rank} would put another one on it. "
            f"Merge it first: harness merge {checkpoint.name} OUT, and train from OUT."
        )
    if recipe.freeze_vision:
        vision_parts(empty_model(checkpoint), checkpoint)
    if (adapter := adapter_config(recipe.lora)) is not None:
        from peft import inject_adapter_in_model

        with torch.device("meta"):  # Without weights.
            model = empty_model(checkpoint)
            try:
                inject_adapter_in_model(adapter, model)
            except (ValueError, re.error) as error:
                said = " ".join(str(error).split())
                raise UsageError(
                    f"lora.target_modules={recipe.lora.target_modules!r} does not fit the model: {said}. It is a list "
                    "of names, or a regular expression of whole names, such as '.*q_proj'."
                ) from error
        if (
            evaluates
            and (recipe.eval.every or recipe.eval.best)
            and choose_engine(recipe, recipe.eval.engine, None)[0] == "vllm"
        ):
            _check_adapter([name for name, _ in model.named_parameters() if "lora_" in name], recipe.lora.rank)
    expand_tasks(recipe.eval.tasks, tasks_dir_of(recipe))
    _check_sharding(recipe, checkpoint, build_config(recipe, output, gpus=gpus), machine)
    data = recipe.eval.data
    if recipe.eval.tasks and data not in (None, "hub", *worlds()) and not Path(str(data)).expanduser().is_dir():
        raise UsageError(f"eval.data {data} is no folder. Give a folder or one of: hub, {', '.join(worlds())}.")


def _check_sharding(recipe: Recipe, checkpoint: Checkpoint, config: Any, machine: Machine | None) -> None:
    """Refuse what needs a model whose weights will be divided, by the launcher that is or, of a plan, will be."""
    planned = "none" if machine is None else machine.sharding
    sharding = sharding_of(recipe, config) if planned == "none" else planned
    if recipe.needs_judge and recipe.judge.model == POLICY:
        check_whole(sharded=sharding != "none")
    check_while_training(recipe, config, sharding)
    if sharding != "none" and recipe.algorithm == "grpo" and config.beta and checkpoint.adapter is not None:
        raise UsageError(
            f"model {checkpoint.name!r} is an adapter, and the reference model of train.beta would be its base. "
            f"Merge it first: harness merge {checkpoint.name} OUT, and train from OUT."
        )


def _check_adapter(names: Sequence[str], rank: int) -> None:
    """Refuse an adapter whose checkpoints vLLM would not take, after training."""
    if lora_room(rank) is None:
        raise UsageError(
            f"eval.every: vLLM takes no adapter of lora.rank={rank}. Set less, eval.engine=hf, or eval.every=false."
        )
    outside = [name for name in names if LANGUAGE_MODEL not in name]
    if outside:
        raise UsageError(
            f"eval.every: vLLM takes adapters of language models alone, and lora.target_modules changes {outside[0]}. "
            "Set eval.engine=hf, or eval.every=false."
        )


def _check_optimiser(config: Any, checkpoint: Checkpoint) -> None:
    """Refuse an optimiser or a schedule that cannot be made, as Transformers makes it: it would say so after selection.

    Both are made of one parameter, and optimisers that need the whole model not at all.
    """
    parameter = [torch.nn.Parameter(torch.zeros(1))]
    looks = config.optim_target_modules is not None or config.optim in ("lomo", "adalomo")  # At the model's layers.
    try:
        optimiser, arguments = Trainer.get_optimizer_cls_and_kwargs(config, empty_model(checkpoint) if looks else None)
        whole = arguments.keys() & {"model", "params", "optimizer_dict"}
        if not whole and isinstance(optimiser, type) and issubclass(optimiser, torch.optim.Optimizer):
            optimiser(parameter, **arguments)
        get_scheduler(
            config.lr_scheduler_type,
            torch.optim.SGD(parameter),
            num_warmup_steps=0,
            num_training_steps=max(config.max_steps, 1),
            scheduler_specific_kwargs=config.lr_scheduler_kwargs,
        )
    except (ValueError, TypeError, ImportError, NotImplementedError) as error:
        raise UsageError(f"train.optim or train.lr_scheduler_type: {' '.join(str(error).split())}") from error


def _check_trackers(names: Sequence[str]) -> None:
    """Refuse trackers that Transformers does not know, or that are not installed: it would say so after selection."""
    unchecked = {"flyte"}  # Of which Transformers does not say whether it is there.
    for name in names:
        if name not in INTEGRATION_TO_CALLBACK:
            known = nearest(name, sorted(INTEGRATION_TO_CALLBACK), "There are")
            raise UsageError(f"train.report_to={name!r}: there is no such tracker.{known}")
        if name not in {*get_available_reporting_integrations(), *unchecked}:
            raise UsageError(f"train.report_to={name!r}: the tracker is not installed: pip install {name}.")


def check_rows(
    recipe: Recipe,
    checkpoint: Checkpoint,
    output: Path,
    examples: Sequence[Example],
    root: Path,
    *,
    judge: CaptionJudge | None,
    machine: Machine | None = None,
) -> None:
    """Check, once the data are read and the judge is open, that they fit rewards and batches, and can be shown.

    Args:
        recipe: the recipe.
        checkpoint: the checkpoint that training starts from.
        output: its output folder.
        examples: the data; of those with the same kinds of media the first is shown.
        root: what media paths are relative to.
        judge: of the caption reward.
        machine: that it is planned for; `None`: this one.

    Raises:
        DataError: fewer prompts than one batch holds, or media that do not reach the model.
        ModelError: the processor cannot be loaded, or does not resize by a number of pixels.
        RewardError: see `trainers.rewards.scoring.try_rewards`.
        UsageError: images that vLLM cannot be handed; see `trainers.rewards.scoring.build_rewards`.
    """
    if recipe.algorithm == "grpo":
        config = build_config(recipe, output, gpus=machine.gpus if machine else None)
        count = recipe.kept(len(examples))
        rewards = recipe_rewards(recipe, config, count, judge)
        for name, earned in try_rewards(rewards, examples[0].sample).items():
            right, empty = ("nothing" if value is None else f"{value:g}" for value in earned)
            if is_main_rank():
                say(f"reward {name}: {right} for a made-up response with the right answer, {empty} for an empty one")
        check_data(recipe, examples, count, config.generation_batch_size // config.num_generations)
    rows = show_rows(recipe, checkpoint, load_processor(checkpoint, recipe.data.max_pixels), root)
    first = {tuple(media.kind for media in example.sample.media): example for example in reversed(examples)}
    if rows.video_as == "native" and recipe.train.get("use_vllm") and any("video" in kinds for kinds in first):
        raise UsageError("train.use_vllm: TRL hands images alone to vLLM. Set data.video_as=frames, or use_vllm=false.")
    for example in first.values():
        row = json.dumps(row_from_example(example))
        rows.encode([row])
        if recipe.train.get("use_vllm"):
            check_image_pads(rows, row)
