"""Rewards as TRL calls them and sums them up. Imported lazily only: torch is imported at the top."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from accelerate.utils import gather_object  # type: ignore[import-untyped]
from torch import Tensor

from harness.core.errors import HarnessError
from harness.core.types import Response
from trainers.data.loading import parse_row
from trainers.rewards.functions import Reward
from trainers.rewards.scoring import score_part


def fill_missing(rewards: Tensor, generations: int) -> Tensor:
    """Rewards without a signal (NaN) set to the mean of the others in their group and of their kind.

    TRL's sum takes NaN for 0, which would hold a judge's failure against a response; the mean leaves its advantage to
    its other rewards. Where a whole group has no signal of a kind, 0 for all of it changes no advantage; a response
    without any signal at all stays NaN and is left out by TRL.

    Args:
        rewards: [N, kinds of reward], groups of `generations` rows together.
        generations: responses of a prompt.
    """
    groups = rewards.view(-1, generations, rewards.shape[1])
    mean = torch.nanmean(groups, dim=1, keepdim=True).expand_as(groups)
    filled = torch.where(groups.isnan(), mean, groups).reshape_as(rewards)
    return torch.where(rewards.isnan().all(1, keepdim=True), rewards, filled)


class FailedTogetherError(Exception):
    """A reward failed in one rank or more, and is given up in all at the same place: together they can save.

    Attributes:
        failure: what happened here; `None`: nothing, it was in another rank, which says why.
        exit_code: of the failure.
    """

    def __init__(self, failure: HarnessError | None, exit_code: int) -> None:
        super().__init__(f"a reward failed, with exit code {exit_code}")
        self.failure = failure
        self.exit_code = exit_code


def _fail_together(failure: HarnessError | None) -> None:
    """Let no rank wait for one in which a reward failed. All of them have to call this."""
    codes = [code for code in gather_object([failure and failure.exit_code]) if code is not None]
    if codes:
        raise FailedTogetherError(failure, codes[0])


def as_trl_reward(reward: Reward, end_tokens: Sequence[int], *, begun: str = "") -> Callable[..., list[float | None]]:
    """A reward in the form that TRL calls: columns of a batch to rewards.

    Args:
        reward: the reward.
        end_tokens: a response that ends in one of them was not cut off.
        begun: the tag that the prompt has opened a response with; see `trainers.showing.response_begun`.

    What it gives raises `FailedTogetherError` in all ranks where the reward fails in one.
    """
    ends = frozenset(end_tokens)

    def function(
        prompts: Any, completions: Sequence[Any], completion_ids: Sequence[Sequence[int]], row: Sequence[str], **_: Any
    ) -> list[float | None]:
        samples = [parse_row(text).sample for text in row]
        responses = [
            Response(
                sample_id=sample.id,
                text=begun + (completion if isinstance(completion, str) else completion[0]["content"]).strip(),
                finish_reason="stop" if ids and ids[-1] in ends else "length",
                completion_tokens=len(ids),
            )
            for sample, completion, ids in zip(samples, completions, completion_ids, strict=True)
        ]
        failure, values = None, []
        try:
            values = score_part(reward, samples, responses)
        except HarnessError as error:
            failure = error
        _fail_together(failure)
        return values

    function.__name__ = reward.name
    return function


def empty_reward(name: str) -> Callable[..., list[float]]:
    """A reward in the form that TRL calls, of nothing: an extension fills it in."""

    def function(completions: Sequence[Any], **_: Any) -> list[float]:
        return [0.0] * len(completions)

    function.__name__ = name
    return function
