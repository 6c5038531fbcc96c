"""From a recipe's settings to rewards, and from responses to rewards; a reward that misbehaves is named."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.core.errors import HarnessError, UsageError
from harness.core.types import PromptFormat, Response, Sample
from trainers.rewards.functions import (
    SECTIONS,
    Reward,
    Score,
    accuracy,
    caption_reward,
    format_reward,
    length_penalty,
    repetition_penalty,
)
from trainers.settings import RewardSettings

if TYPE_CHECKING:
    from harness.judges.caption import Judge


class RewardError(HarnessError):
    """A reward raised, or gave something that is not a number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """What one response earned.

    Attributes:
        parts: reward by name, unweighted; `None` where it gave no signal.
        total: the weighted sum; `None` where any part gave no signal, since a sum without it would compare with no
            other.
    """

    parts: Mapping[str, float | None]
    total: float | None


def build_rewards(
    settings: RewardSettings,
    *,
    prompt_format: PromptFormat,
    max_tokens: int,
    judge: Judge | None,
    tolerant: bool = False,
) -> list[Reward]:
    """The rewards of a recipe.

    Args:
        settings: weights and settings.
        prompt_format: what the model is asked to write.
        max_tokens: token budget of a response.
        judge: for the caption reward.
        tolerant: whether the caption reward puts up with questions that the judge cannot answer, batches of them too.

    Raises:
        UsageError: nothing counts, or a reward does not fit the prompt format or lacks its judge.
    """
    weights = settings.weights()
    if not weights:
        raise UsageError("rewards: every weight is 0. Give at least rewards.accuracy=1.")
    if "format" in weights and not SECTIONS[prompt_format]:
        raise UsageError("rewards.format needs sections: set prompt to grounded or think, or rewards.format=0.")
    if "caption" in weights:
        if prompt_format != "grounded":
            raise UsageError("rewards.caption needs captions: set prompt=grounded, or rewards.caption=0.")
        if judge is None:
            raise UsageError("rewards.caption needs a judge: set judge.model (a checkpoint or openai:MODEL).")
    if "length" in weights and not 0 < settings.length_soft < max_tokens:
        raise UsageError(
            f"rewards.length_soft {settings.length_soft} must be between 0 and the token budget {max_tokens}."
        )
    scores: dict[str, Callable[[], Score]] = {
        "accuracy": lambda: accuracy,
        "format": lambda: format_reward(prompt_format),
        "caption": lambda: caption_reward(_given(judge), tolerant=tolerant),
        "length": lambda: length_penalty(settings.length_soft, max_tokens),
        "repetition": lambda: repetition_penalty(settings.repetition_span),
    }
    return [Reward(name=name, weight=weight, score=scores[name]()) for name, weight in weights.items()]


def _given(judge: Judge | None) -> Judge:
    assert judge is not None, "checked by build_rewards"
    return judge


def score_part(reward: Reward, samples: Sequence[Sample], responses: Sequence[Response]) -> list[float | None]:
    """One reward on a batch.

    Raises:
        RewardError: the reward raised, or gave a value that is neither a finite number nor `None`; it and the sample
            are named.
    """
    try:
        values = reward.score(samples, responses)
    except HarnessError:
        raise
    except Exception as error:
        raise RewardError(
            f"reward '{reward.name}' raised {type(error).__name__}: {error} on a batch that starts with sample "
            f"{samples[0].id!r}. The step is not taken; mend the reward and resume."
        ) from error
    if len(values) != len(samples):
        raise RewardError(f"reward '{reward.name}' gave {len(values)} values for {len(samples)} responses.")
    for sample, value in zip(samples, values, strict=True):
        if value is not None and not math.isfinite(value):
            raise RewardError(
                f"reward '{reward.name}' is {value} for sample {sample.id!r}. The step is not taken; mend the reward "
                "and resume. A reward without a signal gives None."
            )
    return values


def score_rollouts(rewards: Sequence[Reward], samples: Sequence[Sample], responses: Sequence[Response]) -> list[Scored]:
    """All rewards of a batch.

    Raises:
        RewardError: see `score_part`.
    """
    scored, failure = score_missing(rewards, samples, responses, [{}] * len(samples))
    if failure is not None:
        raise failure
    return scored


def score_missing(
    rewards: Sequence[Reward],
    samples: Sequence[Sample],
    responses: Sequence[Response],
    known: Sequence[Mapping[str, float | None]],
) -> tuple[list[Scored], HarnessError | None]:
    """The rewards of a batch that are not known yet.

    Args:
        rewards: the rewards.
        samples: what was asked.
        responses: to them.
        known: rewards by name that each response has; what is `None` or lacking is scored.

    Returns:
        Each response's rewards, and the first error: the reward that raised it gives no signal, the others count.
    """
    parts = [dict(one) for one in known]
    failure: HarnessError | None = None
    for reward in rewards:
        places = [place for place, one in enumerate(parts) if one.get(reward.name) is None]
        values: list[float | None] = [None] * len(places)
        try:
            if places:
                values = score_part(reward, [samples[at] for at in places], [responses[at] for at in places])
        except HarnessError as error:
            failure = failure or error
        for place, value in zip(places, values, strict=True):
            parts[place][reward.name] = value
    return [Scored(parts=one, total=_add_up(rewards, one)) for one in parts], failure


def _add_up(rewards: Sequence[Reward], parts: Mapping[str, float | None]) -> float | None:
    total = 0.0
    for reward in rewards:
        value = parts[reward.name]
        if value is None:
            return None
        total += reward.weight * value
    return total
