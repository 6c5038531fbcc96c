"""From a recipe's settings to rewards, and from responses to rewards; a reward that misbehaves is named."""

from __future__ import annotations

import importlib
import math
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any, Final

from harness.core.errors import HarnessError, UsageError
from harness.core.plugins import plugins
from harness.core.types import Response, Sample
from trainers.rewards import Score
from trainers.rewards.functions import REWARDS, Reward, Setup

_REHEARSED: Final = (
    "Nothing was trained yet. It is called with a list of samples and one of their responses, and gives a list with a "
    "number, or None for no signal, for each: docs/training.md has an example."
)


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


def build_rewards(setup: Setup) -> list[Reward]:
    """The rewards of a recipe.

    Raises:
        UsageError: nothing counts, a function is not found, or a reward does not fit the prompt format or lacks its
            judge.
    """
    weights = setup.recipe.rewards.weights()
    if not weights:
        raise UsageError("rewards: every weight is 0. Give at least rewards.accuracy=1.")
    return [
        Reward(name=name, weight=weight, score=REWARDS[name](setup) if name in REWARDS else load_function(name))
        for name, weight in weights.items()
    ]


def load_function(name: str) -> Score:
    """A reward of a user's own: it takes samples and their responses, and gives a number or `None` for each.

    Args:
        name: `module:function`, of a module that Python finds, or that is in the current folder; or the name of one of
            an installed package.

    Raises:
        UsageError: there is no such module or function.
    """
    module, _, function = (plugins("rewards")[name].value if ":" not in name else name).partition(":")
    if (here := os.getcwd()) not in sys.path:
        sys.path.append(here)
    try:
        found = getattr(importlib.import_module(module), function)
    except AttributeError as error:
        raise UsageError(f"rewards.{name}: {error}. Name a function of the module.") from error
    except (Exception, SystemExit) as error:  # Whatever the module does when it is imported.
        raise UsageError(
            f"rewards.{name}: the module {module!r} cannot be imported: {type(error).__name__}: {error}. It is looked "
            "for where Python looks for modules, and in the current folder."
        ) from error
    if not callable(found):
        raise UsageError(f"rewards.{name} is a {type(found).__name__}, not a function of samples and responses.")
    score: Score = found
    return score


def try_rewards(rewards: Sequence[Reward], sample: Sample) -> dict[str, tuple[float | None, ...]]:
    """Call the rewards that are a user's own on two made-up responses to a question, before anything is spent.

    Args:
        rewards: of a recipe.
        sample: the question.

    Returns:
        By reward, what a whole response with the right answer earns, and one that was cut off before it said anything.

    Raises:
        RewardError: one raises, or does not give a finite number or `None` for each.
    """
    sections = f"<planning> look </planning> <caption> {sample.question} </caption> <think> seen </think>"
    whole = Response(
        sample_id=sample.id,
        text=f"{sections} <answer> {sample.target} </answer>",
        finish_reason="stop",
        completion_tokens=24,
    )
    cut_off = Response(sample_id=sample.id, text="", finish_reason="length", completion_tokens=24)
    return {
        reward.name: tuple(score_part(reward, [sample, sample], [whole, cut_off], advice=_REHEARSED))
        for reward in rewards
        if reward.name not in REWARDS
    }


def score_part(
    reward: Reward,
    samples: Sequence[Sample],
    responses: Sequence[Response],
    *,
    advice: str = "The step is not taken; mend the reward and resume.",
) -> list[float | None]:
    """One reward on a batch.

    Args:
        reward: the reward.
        samples: what was asked.
        responses: to them.
        advice: how an error ends.

    Raises:
        RewardError: the reward raised, or gave a value that is neither a finite number nor `None`; it and the sample
            are named.
    """
    try:
        values: list[Any] = list(reward.score(samples, responses))
    except HarnessError:
        raise
    except (Exception, SystemExit) as error:
        raise _misbehaved(
            reward,
            f"raised {type(error).__name__}: {error} on a batch that starts with sample {samples[0].id!r}",
            advice,
        ) from error
    if len(values) != len(samples):
        raise _misbehaved(reward, f"gave {len(values)} values for {len(samples)} responses", advice)
    for sample, value in zip(samples, values, strict=True):
        if fault := _fault(value):
            raise _misbehaved(
                reward, f"is {fault} for sample {sample.id!r}, neither a finite number nor None (no signal)", advice
            )
    return [None if value is None else float(value) for value in values]


def _fault(value: Any) -> str | None:
    try:
        good = value is None or (isinstance(value, Real) and math.isfinite(value))
    except OverflowError:  # A whole number, of more digits than Python prints perhaps.
        return "too large for a float"
    return None if good else repr(value)


def _misbehaved(reward: Reward, what: str, advice: str) -> RewardError:
    error = RewardError(f"reward '{reward.name}' {what}. {advice}")
    if reward.name not in REWARDS:  # A user's own.
        error.exit_code = UsageError.exit_code
    return error


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
    weights = {reward.name: reward.weight for reward in rewards}
    return [Scored(parts=one, total=add_up(weights, one)) for one in parts], failure


def add_up_group(weights: Sequence[float], group: Sequence[Sequence[float | None]]) -> list[float]:
    """Weighted sums of what the responses to one prompt earned, as training counts them (`in_trl.fill_missing`).

    A reward without a signal counts as the mean of its others in the group, as 0 where it has none; responses without
    any signal are left out.

    Args:
        weights: of the rewards.
        group: rewards of each response, in the order of the weights.
    """
    rated = [parts for parts in group if any(part is not None for part in parts)]
    means = []
    for column in zip(*rated, strict=True):
        known = [part for part in column if part is not None]
        means.append(sum(known) / len(known) if known else 0.0)
    totals = []
    for parts in rated:
        total = 0.0
        for weight, part, mean in zip(weights, parts, means, strict=True):
            total += weight * (mean if part is None else part)
        totals.append(total)
    return totals


def add_up(weights: Mapping[str, float], parts: Mapping[str, float | None]) -> float | None:
    """The weighted sum of rewards; `None` where one of them gave no signal."""
    total = 0.0
    for name, weight in weights.items():
        if (value := parts[name]) is None:
            return None
        total += weight * value
    return total
