"""Putting a recipe's parts together into a TRL trainer. Imported lazily only: torch and trl are imported at the top."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from transformers import PrinterCallback, set_seed
from trl import SFTTrainer

from harness.core.errors import DataError, UsageError
from harness.engines.checkpoints import Checkpoint
from harness.engines.inputs import choose_video_as
from trainers.callbacks import Completes, CosineKl, CountsCpu, EndsAtBudget, Lines, Watch
from trainers.conflict.probe import ConflictProbe, probed_rows
from trainers.data.loading import build_dataset, parse_row
from trainers.data.schema import Example
from trainers.evaluation import evaluating
from trainers.extensions.chosen import chosen
from trainers.grpo import ExtendedGRPOTrainer
from trainers.image_pads import mend_image_pads, vllm_cap
from trainers.lengths import fit_context, longest
from trainers.models import adapter_config, load_model, load_processor, widen_adapter, without_unused_scales
from trainers.resuming import RestoresWeights
from trainers.rewards.functions import Reward, Setup
from trainers.rewards.in_trl import as_trl_reward, empty_reward
from trainers.rewards.policy import PolicyJudge
from trainers.rewards.scoring import build_rewards
from trainers.selection.rollouts import ROLLOUTS
from trainers.settings import Recipe
from trainers.showing import Rows, end_tokens, response_begun, response_ids, take_groups, with_responses
from trainers.trl_vllm import check_server, comparable_logprobs, starting_vllm
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


def recipe_rewards(recipe: Recipe, config: Any, count: int, judge: CaptionJudge | None) -> list[Reward]:
    """The rewards of a recipe.

    Args:
        recipe: the recipe.
        config: of TRL, of the recipe.
        count: rows to train on.
        judge: of captions.

    Raises:
        DataError: fewer rows than the prompts of a batch.
        UsageError: see `trainers.rewards.scoring.build_rewards`.
    """
    prompts = config.generation_batch_size // config.num_generations
    if count < prompts:
        raise DataError(
            f"{count} rows to train on, but a batch of responses holds {prompts} prompts: no step would be taken. Use "
            "more data, lower train.per_device_train_batch_size, or raise selection.keep."
        )
    budget: int = config.max_completion_length
    return build_rewards(Setup(recipe=recipe, max_tokens=budget, judge=judge))


@contextmanager
def _named_refusals() -> Iterator[None]:
    """What TRL or Transformers refuse of a configuration once the model is there is the user's to mend.

    Raises:
        UsageError: says what.
    """
    try:
        yield
    except (ValueError, NotImplementedError, ImportError) as error:
        raise UsageError(f"train: {' '.join(str(error).split())}") from error


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
    with without_unused_scales(model), _named_refusals():
        if supervised:
            trainer = ResumableSFTTrainer(**arguments, data_collator=Collator(rows=rows, ends=ends))
        else:
            begun = response_begun(processor)
            rewards = [
                as_trl_reward(reward, ends, begun=begun)
                for reward in recipe_rewards(recipe, config, len(examples), judge)
            ]
            extensions = chosen(recipe)
            bonuses = [name for extension in extensions for name in extension.bonuses]
            config.reward_weights = [*config.reward_weights, *(1.0 for _ in bonuses)]
            with starting_vllm(config, vllm_cap(rows) | comparable_logprobs(config)):
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
        trainer.accelerator.unwrap_model(trainer.ref_model).load_state_dict(model.state_dict())
    if recipe.max_rollouts is not None:
        trainer.add_callback(EndsAtBudget(recipe.max_rollouts))
    trainer.remove_callback(PrinterCallback)  # `Lines` takes its place.
    if recipe.conflict_rows and not sharded:  # One process has all weights.
        rollouts = Path(config.output_dir) / "selection" / ROLLOUTS
        probed = probed_rows(examples, rollouts, recipe.conflict_rows, recipe.seed)
        if len(probed) >= 2:
            trainer.add_callback(ConflictProbe(probed, rows))
    if trainer.is_deepspeed_enabled:
        trainer.add_callback(MendsNames())
    if recipe.eval.every_steps is not None:
        trainer.add_callback(evaluating(recipe, trainer))
    trainer.add_callback(Completes(facts, keep))
    return trainer
