"""Putting a recipe's parts together into a TRL trainer. Imported lazily only: torch and trl are imported at the top."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from transformers import PrinterCallback, set_seed
from transformers.integrations.integration_utils import (
    INTEGRATION_TO_CALLBACK,
    get_available_reporting_integrations,
)
from trl import SFTTrainer

from harness.core.errors import DataError, UsageError
from harness.core.worlds import worlds
from harness.engines.checkpoints import Checkpoint
from harness.engines.inputs import choose_video_as
from harness.engines.loaders import choose_class, empty_model, load_config
from harness.engines.vllm_arguments import LANGUAGE_MODEL, lora_room
from trainers.callbacks import Completes, CosineKl, CountsCpu, EndsAtBudget, Lines, Watch
from trainers.conflict.probe import ConflictProbe, probed_rows
from trainers.console import say
from trainers.data.loading import build_dataset, parse_row
from trainers.data.schema import Example, row_from_example
from trainers.evaluation import check_while_training, evaluating, tasks_dir_of
from trainers.extensions.chosen import check_data, chosen
from trainers.grpo import ExtendedGRPOTrainer
from trainers.image_pads import check_image_pads, mend_image_pads, vllm_capped
from trainers.lengths import fit_context, longest
from trainers.models import (
    adapter_config,
    load_model,
    load_processor,
    training_dtype,
    widen_adapter,
    without_unused_scales,
)
from trainers.plan.machine import Machine, sharding_of
from trainers.preparation import choose_engine
from trainers.ranks import is_main_rank
from trainers.recipe import nearest
from trainers.resuming import RestoresWeights
from trainers.rewards.functions import REWARDS, Reward, Setup
from trainers.rewards.in_trl import as_trl_reward, empty_reward
from trainers.rewards.policy import PolicyJudge, check_whole
from trainers.rewards.scoring import build_rewards, load_function, try_rewards
from trainers.selection.rollouts import ROLLOUTS
from trainers.settings import POLICY, Recipe
from trainers.showing import Rows, end_tokens, response_ids, take_groups, with_responses
from trainers.trl_config import build_config
from trainers.trl_vllm import check_server, comparable_logprobs
from trainers.weight_names import MendsNames

if TYPE_CHECKING:
    from harness.judges.caption import CaptionJudge


class ResumableSFTTrainer(RestoresWeights, SFTTrainer):  # type: ignore[misc]  # TRL is not typed.
    """TRL's trainer for supervised fine-tuning, with a resume that reads the weights."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Collator:
    """Rows to a batch: prompts as an evaluation asks them, and the responses to learn.

    Attributes:
        rows: shows the model the rows.
        ends: tokens that end a response.
    """

    rows: Rows
    ends: Sequence[int]

    def __call__(self, features: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """A batch with `labels` of the responses alone."""
        rows = [feature["row"] for feature in features]
        responses = [response_ids(self.rows.processor, self.ends, parse_row(row).response or "") for row in rows]
        inputs, mask = with_responses(self.rows.encode(rows), responses)
        ids = inputs["input_ids"]
        labels = torch.full_like(ids, -100)
        labels[:, -mask.shape[1] :][mask] = ids[:, -mask.shape[1] :][mask]
        return {**inputs, "labels": labels}


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
    # Not kept: models are loaded under ZeRO-3 as long as such a configuration exists.
    _check_trackers(build_config(recipe, output, gpus=machine.gpus if machine else None).report_to)
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
    if (adapter := adapter_config(recipe.lora)) is not None:
        from peft import inject_adapter_in_model

        with torch.device("meta"):  # Without weights.
            model = empty_model(checkpoint)
            try:
                inject_adapter_in_model(adapter, model)
            except ValueError as error:
                said = " ".join(str(error).split())
                raise UsageError(
                    f"lora.target_modules={recipe.lora.target_modules!r} does not fit the model: {said}"
                ) from error
        if (
            evaluates
            and (recipe.eval.every or recipe.eval.best)
            and choose_engine(recipe, recipe.eval.engine, None)[0] == "vllm"
        ):
            _check_adapter([name for name, _ in model.named_parameters() if "lora_" in name], recipe.lora.rank)
    expand_tasks(recipe.eval.tasks, tasks_dir_of(recipe))
    _check_sharding(recipe, build_config(recipe, output), machine)
    data = recipe.eval.data
    if recipe.eval.tasks and data not in (None, "hub", *worlds()) and not Path(str(data)).expanduser().is_dir():
        raise UsageError(f"eval.data {data} is no folder. Give a folder or one of: hub, {', '.join(worlds())}.")


def _check_sharding(recipe: Recipe, config: Any, machine: Machine | None) -> None:
    """Refuse what asks a model whose weights will be divided, by the launcher that is or, of a plan, will be."""
    planned = "none" if machine is None else machine.sharding
    sharding = sharding_of(recipe, config) if planned == "none" else planned
    if recipe.needs_judge and recipe.judge.model == POLICY:
        check_whole(sharded=sharding != "none")
    check_while_training(recipe, config, sharding)


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
        count = _kept(recipe, len(examples))
        rewards = _rewards(recipe, config, count, judge)
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


def _kept(recipe: Recipe, count: int) -> int:
    """Most rows that are trained on."""
    if not recipe.selects:
        return count
    medium = round(recipe.selection.keep * count)
    return medium if recipe.selection.subset == "medium" else count - medium


def show_rows(recipe: Recipe, checkpoint: Checkpoint, processor: Any, root: Path) -> Rows:
    """How a recipe shows the model its data."""
    return Rows(
        processor,
        root,
        prompt_format=recipe.prompt,
        num_frames=recipe.data.num_frames,
        max_pixels=recipe.data.max_pixels,
        video_as=choose_video_as(processor, recipe.data.video_as, checkpoint.name),
    )


def _rewards(recipe: Recipe, config: Any, count: int, judge: CaptionJudge | None) -> list[Reward]:
    prompts = config.generation_batch_size // config.num_generations
    if count < prompts:
        raise DataError(
            f"{count} rows to train on, but a batch of responses holds {prompts} prompts: no step would be taken. Use "
            "more data, lower train.per_device_train_batch_size, or raise selection.keep."
        )
    budget: int = config.max_completion_length
    return build_rewards(Setup(recipe=recipe, max_tokens=budget, judge=judge))


def build_trainer(
    recipe: Recipe,
    config: Any,
    checkpoint: Checkpoint,
    examples: list[Example],
    root: Path,
    *,
    judge: CaptionJudge | None,
    facts: Mapping[str, Any],
) -> Any:
    """The trainer, model loaded.

    Raises:
        DataError: fewer prompts than one batch holds.
        HarnessError: the model cannot be loaded, or the settings do not fit together.
    """
    assert checkpoint.folder is not None, "a resolved one has a folder"
    supervised = recipe.algorithm == "sft"
    set_seed(recipe.seed)  # TRL's comes after an adapter was drawn, with what a selection has left of the numbers.
    keep, config.save_total_limit = config.save_total_limit, None
    processor = load_processor(checkpoint, recipe.data.max_pixels)
    model = load_model(recipe, checkpoint)
    take_groups(model)
    ends = end_tokens(model, processor)
    rows = show_rows(recipe, checkpoint, processor, root)
    colocated = not supervised and config.use_vllm and config.vllm_mode == "colocate"
    if colocated:
        fit_context(config, longest(examples, rows, root))
    arguments: dict[str, Any] = {
        "model": model,
        "args": config,
        "train_dataset": build_dataset(examples, prompt_format=recipe.prompt),
        "processing_class": processor,
        "callbacks": [CountsCpu(), Watch(), Lines()],
        "peft_config": adapter_config(recipe.lora),
    }
    trainer: Any
    with without_unused_scales(model):
        if supervised:
            trainer = ResumableSFTTrainer(**arguments, data_collator=Collator(rows=rows, ends=ends))
        else:
            rewards = [as_trl_reward(reward, ends) for reward in _rewards(recipe, config, len(examples), judge)]
            extensions = chosen(recipe)
            bonuses = [name for extension in extensions for name in extension.bonuses]
            config.reward_weights = [*config.reward_weights, *(1.0 for _ in bonuses)]
            with vllm_capped(rows) if colocated else nullcontext(), comparable_logprobs(config):
                trainer = ExtendedGRPOTrainer(
                    **arguments,
                    reward_funcs=[*rewards, *map(empty_reward, bonuses)],
                    rows=rows,
                    extensions=extensions,
                    max_logprob_gap=recipe.max_logprob_gap,
                )
    sharded = trainer.is_deepspeed_enabled or trainer.is_fsdp_enabled
    rows.apart = not sharded
    if recipe.train.get("bits") and not trainer.is_deepspeed_enabled:  # Whose optimiser has a copy in float32.
        widen_adapter(trainer.model)
    if not supervised:
        check_server(trainer, config)
        if recipe.kl_schedule == "cosine":
            trainer.add_callback(CosineKl(trainer))
    if isinstance(judge, PolicyJudge):
        judge.follow(trainer.accelerator.unwrap_model(trainer.model), sharded=sharded)
    if colocated:
        mend_image_pads(trainer, rows)
    if not supervised and trainer.ref_model is not None and checkpoint.adapter is not None:
        if sharded:
            raise UsageError(
                f"model {checkpoint.name!r} is an adapter, and the reference model of train.beta would be its base. "
                f"Merge it first: harness merge {checkpoint.name} OUT, and train from OUT."
            )
        trainer.accelerator.unwrap_model(trainer.ref_model).load_state_dict(model.state_dict())
    if recipe.max_rollouts is not None:
        trainer.add_callback(EndsAtBudget(recipe.max_rollouts))
    trainer.remove_callback(PrinterCallback)  # `Lines` takes its place.
    rollouts = Path(config.output_dir) / "selection" / ROLLOUTS
    probed = probed_rows(examples, rollouts, recipe.conflict_rows, recipe.seed)
    if len(probed) >= 2 and not sharded:  # One process has all weights.
        trainer.add_callback(ConflictProbe(probed, rows))
    if trainer.is_deepspeed_enabled:
        trainer.add_callback(MendsNames())
    if recipe.eval.every_steps is not None:
        trainer.add_callback(evaluating(recipe, trainer))
    trainer.add_callback(Completes(facts, keep))
    return trainer
