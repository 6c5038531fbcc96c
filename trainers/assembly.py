"""Putting a recipe's parts together into a TRL trainer. Imported lazily only: torch and trl are imported at the top."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_type_hints

import torch
from transformers import AutoConfig, AutoModelForImageTextToText, PrinterCallback
from trl import GRPOConfig, SFTConfig, SFTTrainer

from harness.core.errors import DataError, UsageError
from harness.engines.checkpoints import Checkpoint
from trainers.callbacks import Lines, Provenance, Watch
from trainers.conflict.probe import ConflictProbe, probed_rows
from trainers.data.loading import build_dataset
from trainers.data.schema import Example
from trainers.grpo import ContrastiveGRPOTrainer, as_trl_reward, mend_image_pads
from trainers.models import adapter_config, load_model, load_processor, training_dtype
from trainers.names import MendsNames
from trainers.recipe import MODEL_ARGUMENTS, check_train_keys, check_train_values
from trainers.resuming import RestoresWeights
from trainers.rewards.scoring import build_rewards
from trainers.selection.decision import Rounds
from trainers.selection.rollouts import ROLLOUTS
from trainers.settings import Recipe

if TYPE_CHECKING:
    from harness.judges.caption import Judge


class ResumableSFTTrainer(RestoresWeights, SFTTrainer):  # type: ignore[misc]  # TRL is not typed.
    """TRL's trainer for supervised fine-tuning, with a resume that reads the weights."""


def check_recipe(recipe: Recipe, checkpoint: Checkpoint, output: Path, *, selects: bool) -> None:
    """Find what would stop selection, training or evaluation, before any of them is paid for; nothing is written.

    Args:
        recipe: the recipe.
        checkpoint: the checkpoint that training starts from.
        output: its output folder.
        selects: whether rows are selected.

    Raises:
        HarnessError: what is wrong, by the name of its setting.
    """
    from harness.evaluation.task_registry import expand_tasks

    build_config(recipe, output)  # Not kept: models are loaded under ZeRO-3 as long as such a configuration exists.
    training_dtype(recipe)
    for package, setting, is_used in (
        ("vllm", "train.use_vllm", recipe.algorithm == "grpo" and bool(recipe.train.get("use_vllm"))),
        ("vllm", "selection.engine", selects and recipe.selection.engine == "vllm"),
        ("vllm", "eval.engine", bool(recipe.eval.tasks) and recipe.eval.engine == "vllm"),
        ("bitsandbytes", "train.bits", recipe.train.get("bits") is not None),
    ):
        if is_used and find_spec(package) is None:
            raise UsageError(f"{setting} needs the package {package!r}, which is not installed: pip install {package}.")
    if selects:
        spent = recipe.selection
        Rounds(first=spent.first, step=spent.step, most=spent.most, tolerance=spent.tolerance, keep=spent.keep)
    _check_adapter(recipe, checkpoint)
    expand_tasks(recipe.eval.tasks)
    data = recipe.eval.data
    if recipe.eval.tasks and data not in (None, "hub", "demo") and not Path(str(data)).expanduser().is_dir():
        raise UsageError(f"eval.data {data} is no folder. Give a folder, hub or demo.")


def _check_adapter(recipe: Recipe, checkpoint: Checkpoint) -> None:
    """Try the adapter on a model without weights.

    Raises:
        UsageError: the model has no such layers, or PEFT is not installed.
    """
    adapter = adapter_config(recipe.lora)
    if adapter is None:
        return
    from peft import inject_adapter_in_model

    # The adapter that is trained is drawn with the numbers that it would have been drawn with.
    with torch.random.fork_rng(devices=[]), torch.device("meta"):
        model = AutoModelForImageTextToText.from_config(AutoConfig.from_pretrained(checkpoint.folder))
        try:
            inject_adapter_in_model(adapter, model)
        except ValueError as error:
            raise UsageError(
                f"lora.target_modules={recipe.lora.target_modules!r} does not fit the model: "
                f"{' '.join(str(error).split())}"
            ) from error


def check_rows(recipe: Recipe, output: Path, count: int, judge: Judge | None) -> None:
    """Check, once the data are read and the judge is open, that they fit rewards and batches.

    Args:
        recipe: the recipe.
        output: its output folder.
        count: rows of the data.
        judge: of the caption reward.

    Raises:
        DataError: fewer prompts than one batch holds.
        UsageError: see `trainers.rewards.scoring.build_rewards`.
    """
    if recipe.algorithm != "grpo":
        return
    config = build_config(recipe, output)
    build_rewards(recipe.rewards, prompt_format=recipe.prompt, max_tokens=config.max_completion_length, judge=judge)
    _check_count(config, count)


def build_config(recipe: Recipe, output: Path) -> Any:
    """TRL's configuration.

    Raises:
        UsageError: an unknown key of `train` (the nearest ones are named), a value of a wrong type or out of range, or
            values that do not fit together.
    """
    kind = GRPOConfig if recipe.algorithm == "grpo" else SFTConfig
    known = {item.name: item for item in fields(kind)}
    check_train_keys(recipe, list(known))
    check_train_values(recipe, get_type_hints(kind))
    arguments: dict[str, Any] = {
        "report_to": "none",
        "logging_steps": 1,
        "disable_tqdm": True,
        "use_cpu": not torch.cuda.is_available(),
        "bf16": torch.cuda.is_available(),
        **{key: value for key, value in recipe.train.items() if key not in MODEL_ARGUMENTS},
        "output_dir": str(output),
        "seed": recipe.seed,
        "remove_unused_columns": False,
    }
    for name in ("gradient_checkpointing", "gradient_checkpointing_kwargs"):
        # Newer versions of Transformers warn about these names, and TRL still sets the first one.
        if (newer := name.replace("gradient", "activation")) in known:
            value = arguments.pop(name, known[name].default)
            arguments.setdefault(newer, value)
    if recipe.algorithm == "grpo":
        arguments["reward_weights"] = list(recipe.rewards.weights().values())
    else:
        arguments.setdefault("max_length", None)  # Cutting a prompt would cut through its image.
    try:
        config = kind(**arguments)
    except (ValueError, TypeError) as error:
        raise UsageError(f"train: {' '.join(str(error).split())}") from error
    if config.eval_strategy != "no" or config.eval_on_start or config.save_strategy == "best":
        raise UsageError(
            "train.eval_strategy, train.eval_on_start and train.save_strategy=best need data to evaluate on, which a "
            "recipe has none of. Use eval.tasks with eval.every=true to evaluate each checkpoint that is saved."
        )
    if recipe.algorithm == "grpo":
        _check_batches(recipe, config)
    return config


def build_trainer(
    recipe: Recipe,
    config: Any,
    checkpoint: Checkpoint,
    examples: list[Example],
    root: Path,
    *,
    judge: Judge | None,
    facts: Mapping[str, Any],
) -> Any:
    """The trainer, model loaded.

    Raises:
        DataError: fewer prompts than one batch holds.
        HarnessError: the model cannot be loaded, or the settings do not fit together.
    """
    assert checkpoint.folder is not None, "resolve_checkpoint gives a folder"
    dataset = build_dataset(
        examples,
        root,
        prompt_format=recipe.prompt,
        num_frames=recipe.data.num_frames,
        supervised=recipe.algorithm == "sft",
    )
    processor = load_processor(recipe, checkpoint.folder)
    shared: dict[str, Any] = {
        "model": load_model(recipe, checkpoint),
        "args": config,
        "train_dataset": dataset,
        "processing_class": processor,
        "callbacks": [Provenance(facts), Watch(), Lines()],
        "peft_config": adapter_config(recipe.lora),
    }
    if recipe.algorithm == "sft":
        return _finish(ResumableSFTTrainer(**shared), recipe, examples, root)
    _check_count(config, len(examples))
    rewards = build_rewards(
        recipe.rewards, prompt_format=recipe.prompt, max_tokens=config.max_completion_length, judge=judge
    )
    ends = end_tokens(shared["model"], processor)
    trainer = ContrastiveGRPOTrainer(
        **shared,
        reward_funcs=[as_trl_reward(reward, ends) for reward in rewards],
        ntk=recipe.ntk,
        max_logprob_gap=recipe.max_logprob_gap,
    )
    if config.use_vllm and config.vllm_mode == "colocate":
        mend_image_pads(trainer)
    return _finish(trainer, recipe, examples, root)


def _finish(trainer: Any, recipe: Recipe, examples: list[Example], root: Path) -> Any:
    """Add what depends on how the weights are held: where one process has them all, the similarity of some rows."""
    trainer.remove_callback(PrinterCallback)  # `Lines` takes its place.
    rollouts = Path(trainer.args.output_dir) / "selection" / ROLLOUTS
    rows = probed_rows(examples, rollouts, recipe.conflict_rows, recipe.seed)
    if len(rows) >= 2 and not (trainer.is_deepspeed_enabled or trainer.is_fsdp_enabled):
        probe = ConflictProbe(
            rows, root, trainer.processing_class, prompt_format=recipe.prompt, num_frames=recipe.data.num_frames
        )
        trainer.add_callback(probe)
    if trainer.is_deepspeed_enabled:
        trainer.add_callback(MendsNames())
    return trainer


def end_tokens(model: Any, processor: Any) -> list[int]:
    """The tokens that end a response."""
    ends = model.generation_config.eos_token_id
    listed = [ends] if isinstance(ends, int) else list(ends or [])
    return [*listed, processor.tokenizer.eos_token_id]


def steps_per_generation(config: Any) -> int:
    """Optimiser steps that one batch of responses is used for."""
    passes: int = config.steps_per_generation * config.num_iterations
    accumulated: int = config.gradient_accumulation_steps
    return max(1, -(-passes // accumulated))


def _check_count(config: Any, count: int) -> None:
    prompts = config.generation_batch_size // config.num_generations
    if count < prompts:
        raise DataError(
            f"{count} rows to train on, but a batch of responses holds {prompts} prompts: no step would be taken. Use "
            "more data, lower train.per_device_train_batch_size, or raise selection.keep."
        )


def _check_batches(recipe: Recipe, config: Any) -> None:
    """Refuse what would train wrongly in silence.

    Raises:
        UsageError: names the setting to change.
    """
    world = config.world_size
    together = config.per_device_train_batch_size * world
    prompts = config.generation_batch_size // config.num_generations
    if recipe.ntk.weight and prompts < 2:
        raise UsageError(
            f"ntk: a generation batch of {config.generation_batch_size} responses holds {prompts} prompt, pairs need "
            "two. Raise train.per_device_train_batch_size or train.gradient_accumulation_steps, or set ntk.weight=0."
        )
    if recipe.ntk.weight and together < 2:
        raise UsageError(
            "ntk: a forward pass holds one response; pairs need two. Raise train.per_device_train_batch_size, or set "
            "ntk.weight=0."
        )
    used = steps_per_generation(config)
    saves = config.save_strategy == "steps" and config.save_steps >= 1
    if saves and int(config.save_steps) % used:
        raise UsageError(
            f"train.save_steps {int(config.save_steps)} is not a multiple of the {used} steps that a batch of "
            "responses is used for; a run resumed in between would sample other responses. Choose a multiple."
        )
