"""What methods add to GRPO, a file a method: each is an `Extension`, and `trainers.grpo` calls its functions.

Extensions know nothing of one another. What they draw comes from `drawing.generator`, so that a resumed run draws the
same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

    from trainers.showing import Change

Input = Mapping[str, Any]
"""A row of the data set as TRL reads it: `row`, its JSON, and `prompt`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """The responses of a batch that this rank holds; the lists may be changed in place before they are scored.

    Attributes:
        first: place of the first of them among those of all ranks; groups are consecutive there.
        inputs: what was asked, an input a response.
        prompt_ids: tokens of each prompt.
        completion_ids: tokens of each response.
        logprobs: of the tokens as they were sampled, by vLLM; `None`: not known.
    """

    first: int
    inputs: list[Input]
    prompt_ids: list[list[int]]
    completion_ids: list[list[int]]
    logprobs: list[list[float | None]] | None


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

    A batch goes through them in this order; `None`: nothing is done there.

    Attributes:
        shown: what becomes of the media of a row when a response is sampled, not when it is scored; takes the place of
            the response in the batch of all ranks, and the row.
        sampled: what is done with a batch of responses before any of them is scored.
        bonuses: rewards that `rewarded` fills in, beside the recipe's, of weight 1.
        rewarded: what rewards become before groups are normalised; takes the batch and [N, kinds] of all ranks.
        scored: what is kept of a batch for the loss beside TRL's tensors, [B, ...] or lists; takes those.
        begin: what is done before the first pass of an optimizer step.
        loss: what is added to the loss of a forward pass; takes the inputs of the pass and what it gave. The trainer
            divides by the passes of a step, as TRL does.
    """

    shown: Callable[[Any, int, str], Change | None] | None = None
    sampled: Callable[[Any, Batch], None] | None = None
    bonuses: Sequence[str] = ()
    rewarded: Callable[[Any, Batch, Tensor], Tensor] | None = None
    scored: Callable[[Any, Mapping[str, Any]], dict[str, Any]] | None = None
    begin: Callable[[Any], None] | None = None
    loss: Callable[[Any, Mapping[str, Any], Forward], Tensor] | None = None
