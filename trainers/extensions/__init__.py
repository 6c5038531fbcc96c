"""What methods add to GRPO, a file a method: each is an `Extension`, and `trainers.grpo` calls its functions.

Extensions are called in the order of `recipe_extensions`, and know nothing of one another.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

    from trainers.settings import Recipe


@dataclass(frozen=True, slots=True, kw_only=True)
class Forward:
    """What the forward pass of the policy loss gave, with its graph.

    Attributes:
        states: [B, T, H], the last hidden states of prompts and responses; the last C are those of response tokens.
        logprobs: [B, C], of the sampled tokens, at the temperature of sampling.
    """

    states: Tensor
    logprobs: Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Extension:
    """Functions that the trainer, `trainers.grpo.ExtendedGRPOTrainer`, calls with itself as the first argument.

    Attributes:
        begin: called before the first pass of an optimizer step; `None`: nothing is.
        loss: what is added to the loss of a forward pass; takes the inputs of the pass and what it gave. The trainer
            divides by the passes of a step, as TRL does; `None`: nothing is added.
    """

    begin: Callable[[Any], None] | None = None
    loss: Callable[[Any, Mapping[str, Any], Forward], Tensor] | None = None


def recipe_extensions(recipe: Recipe) -> list[Extension]:
    """The extensions that a recipe switches on."""
    from trainers.extensions.contrastive import contrastive

    return [contrastive(recipe.ntk)] if recipe.ntk.weight else []
