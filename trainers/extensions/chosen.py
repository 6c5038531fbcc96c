"""The extensions of a recipe, and whether they fit it. Imported lazily only: torch and trl are imported below."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from harness.core.errors import UsageError
from trainers.extensions import Extension
from trainers.rewards.functions import ANNOTATIONS

if TYPE_CHECKING:
    from trainers.data.schema import Example
    from trainers.settings import Recipe


def chosen(recipe: Recipe) -> list[Extension]:
    """The extensions that a recipe switches on, in the order in which they are called."""
    from trainers.extensions.contrastive import contrastive
    from trainers.extensions.dynamic_sampling import dynamic_sampling
    from trainers.extensions.noisy_rollout import noisy_rollout
    from trainers.extensions.papo import papo
    from trainers.extensions.t_grpo import t_grpo

    extensions = []
    if recipe.noisy_rollout.enabled:
        extensions.append(noisy_rollout(recipe.noisy_rollout))
    if recipe.dynamic_sampling.enabled:
        extensions.append(dynamic_sampling(recipe.dynamic_sampling))
    if recipe.t_grpo.enabled:
        extensions.append(t_grpo(recipe.t_grpo))
    if recipe.papo.enabled:
        extensions.append(papo(recipe.papo))
    if recipe.ntk.weight:
        extensions.append(contrastive(recipe.ntk))
    return extensions


def check_chosen(recipe: Recipe, config: Any) -> None:
    """Refuse extensions that a recipe leaves without what they need.

    Args:
        recipe: the recipe.
        config: of TRL, of the recipe.

    Raises:
        UsageError: names the settings that do not fit together.
    """
    names = [name for name in ("dynamic_sampling", "papo", "t_grpo", "noisy_rollout") if getattr(recipe, name).enabled]
    if names and recipe.algorithm != "grpo":
        raise UsageError(f"{names[0]}: it is a part of grpo, and algorithm={recipe.algorithm} samples nothing.")
    if recipe.max_rollouts is not None and recipe.algorithm != "grpo":
        raise UsageError(f"max_rollouts: algorithm={recipe.algorithm} samples nothing. Set train.max_steps.")
    if recipe.kl_schedule != "constant" and not (recipe.algorithm == "grpo" and config.beta):
        raise UsageError("kl_schedule: there is no KL term. It is a part of grpo: set train.beta above 0.")
    for name in ("dynamic_sampling", "t_grpo"):
        if name in names and not recipe.rewards.accuracy:
            raise UsageError(f"{name}: it goes by the accuracy of responses. Set rewards.accuracy above 0.")
    for name in ("t_grpo", "noisy_rollout"):
        if name in names and config.num_generations % 2:
            raise UsageError(
                f"{name}: half of a group is sampled otherwise, and train.num_generations={config.num_generations} is "
                "odd. Give an even number."
            )
    if "t_grpo" in names and config.multi_objective_aggregation != "sum_then_normalize":
        raise UsageError(
            "t_grpo: its bonuses are of a size that is meant for the sum of rewards, and "
            f"train.multi_objective_aggregation={config.multi_objective_aggregation} scales each of them to 1. Leave "
            "it out."
        )
    if "t_grpo" in names and recipe.data.num_frames < 2:
        raise UsageError("t_grpo: data.num_frames=1 leaves no order of frames to shuffle. Give more.")
    if "noisy_rollout" in names and config.use_vllm and config.off_policy_mask_threshold is not None:
        raise UsageError(
            "noisy_rollout: train.off_policy_mask_threshold compares how responses were sampled with how they are "
            "scored, which differs here on purpose. Leave it out."
        )


def check_data(recipe: Recipe, examples: Sequence[Example], count: int, prompts: int) -> None:
    """Refuse extensions and rewards that do nothing on the data of a recipe.

    Args:
        recipe: the recipe.
        examples: of the data.
        count: most of them that are trained on.
        prompts: of a batch of responses.

    Raises:
        UsageError: names the setting, and what the data lack.
    """
    kinds = {media.kind for example in examples for media in example.sample.media}
    if recipe.t_grpo.enabled and "video" not in kinds:
        raise UsageError("t_grpo: it shuffles the frames of videos, and no row has one. Set t_grpo.enabled=false.")
    for name in ("papo", "noisy_rollout"):
        if getattr(recipe, name).enabled and not kinds:
            raise UsageError(f"{name}: it changes images, and no row has one. Set {name}.enabled=false.")
    for reward, field in ANNOTATIONS.items():
        if getattr(recipe.rewards, reward) and not any(field in example.sample.attributes for example in examples):
            raise UsageError(f"rewards.{reward}: no row has {field!r}. Add them, or set rewards.{reward}=0.")
    if recipe.dynamic_sampling.enabled and count <= prompts:
        raise UsageError(
            f"dynamic_sampling: a batch holds all {count} prompts, and there are no others to sample. Give "
            "more rows, or lower train.per_device_train_batch_size."
        )
