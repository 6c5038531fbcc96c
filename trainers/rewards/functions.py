"""The rewards, each a function of an example's sample and a response; standard library only.

A reward is a number, or `None` where there is no signal: a judge that is down does not mean that a caption is bad.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from harness.answers.sections import split_sections
from harness.benchmarks.verdicts import judge_response
from harness.core.errors import UsageError
from harness.core.prompts import SECTIONS
from harness.core.types import PromptFormat, Response, Sample
from trainers.data import FACTS, KEY_STEPS
from trainers.rewards import Score
from trainers.rewards.asking import WatchedJudge
from trainers.rewards.graded import graded_accuracy
from trainers.rewards.rivals import hard_format, key_steps, step_validity, visual_facts
from trainers.settings import Recipe

if TYPE_CHECKING:
    from harness.judges.caption import CaptionJudge


@dataclass(frozen=True, slots=True, kw_only=True)
class Reward:
    """A reward and what it counts.

    Attributes:
        name: one of `REWARDS`, or `module:function` of a user's own.
        weight: factor in the sum.
        score: samples and their responses to rewards, in order.
    """

    name: str
    weight: float
    score: Score


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What rewards are made from.

    Attributes:
        recipe: whose rewards they are.
        max_tokens: token budget of a response.
        judge: for the caption reward.
        tolerant: whether the caption reward puts up with questions that the judge cannot answer, batches of them too.
    """

    recipe: Recipe
    max_tokens: int
    judge: CaptionJudge | None
    tolerant: bool = False


def accuracy(samples: Sequence[Sample], responses: Sequence[Response]) -> list[float | None]:
    """1 where the evaluation's strict verdict is `correct`, else 0; `None` where there is no response.

    Open-ended answers are settled by the rules, numbers and mathematics among them; what the rules cannot settle counts
    wrong, as it does in an evaluation without a judge.
    """
    verdicts = (judge_response(sample, response) for sample, response in zip(samples, responses, strict=True))
    return [None if item.status == "error" else float(item.status == "correct") for item in verdicts]


def accuracy_reward(recipe: Recipe) -> Score:
    """The accuracy reward as a recipe wants it: graded, or right and wrong alone."""
    return graded_accuracy if recipe.accuracy.graded else accuracy


def _each(one: Callable[[Response], float | None]) -> Score:
    """A reward that looks at each response alone, and has no signal where there is none."""

    def score(samples: Sequence[Sample], responses: Sequence[Response]) -> list[float | None]:
        return [None if response.error is not None else one(response) for response in responses]

    return score


def format_reward(prompt_format: PromptFormat) -> Score:
    """1 where a response is exactly the sections that the format asks for: each once, in order, closed, not empty.

    None may hold the tags of another one: an `<answer>` within `<think>` is refused, and so is a nested section.

    Raises:
        UsageError: the format asks for none.
    """
    names = SECTIONS[prompt_format]
    if not names:
        raise UsageError("rewards.format needs sections: set prompt to grounded or think, or rewards.format=0.")
    return _each(lambda response: float(split_sections(response.text).is_well_formed(names)))


def caption_reward(
    judge: CaptionJudge | None,
    *,
    prompt_format: PromptFormat = "grounded",
    minus_blind: bool = True,
    tolerant: bool = False,
) -> Score:
    """What a caption is worth to the judge, which answers from it alone. It has two forms.

    - `minus_blind`: 1, 0 or -1, see `harness.judges.caption.caption_gains`. A caption earns only where the judge is
      wrong without one, loses only where it misleads, and one that tells nothing earns 0. (If what the judge is right
      about without a caption were just subtracted, all responses to a question would lose the same, and no advantage
      would change.)
    - else 1 where the judge is right, 0 where it is not, where the caption gives the answer away, or there is none.

    Where the judge failed there is no signal: `None`; where it fails batch after batch the reward raises (see
    `trainers.rewards.asking`). The judge batches, asks each question once, and remembers its answers on disk, so that
    `minus_blind` costs one short question for each row of the data, however many responses there are to it.

    Args:
        judge: the judge.
        prompt_format: what the model is asked to write.
        minus_blind: which form.
        tolerant: see `WatchedJudge`.

    Raises:
        UsageError: there is no judge, or the model is not asked for captions.
    """
    from harness.judges.caption import caption_gains, caption_supports

    if prompt_format != "grounded":
        raise UsageError("rewards.caption needs captions: set prompt=grounded, or rewards.caption=0.")
    if judge is None:
        raise UsageError("rewards.caption needs a judge: set judge.model (a checkpoint or openai:MODEL).")
    watched = cast("CaptionJudge", WatchedJudge(judge, tolerant=tolerant))  # Nothing but `ask` is called.
    worth = caption_gains if minus_blind else caption_supports

    def score(samples: Sequence[Sample], responses: Sequence[Response]) -> list[float | None]:
        captions = [
            (sample, split_sections(response.text).caption or "")
            for sample, response in zip(samples, responses, strict=True)
        ]
        return [
            None if value is None or response.error is not None else float(value)
            for value, response in zip(worth(watched, captions), responses, strict=True)
        ]

    return score


def length_penalty(soft_tokens: int, max_tokens: int) -> Score:
    """0 up to `soft_tokens`, falling linearly to -1 at `max_tokens` (soft overlong punishment, DAPO, arXiv 2503.14476).

    Args:
        soft_tokens: response tokens that are free.
        max_tokens: response tokens from which the penalty is whole.

    Raises:
        UsageError: the first is not between 0 and the second.
    """
    if not 0 < soft_tokens < max_tokens:
        raise UsageError(f"rewards.length_soft {soft_tokens} must be between 0 and the token budget {max_tokens}.")

    def one(response: Response) -> float | None:
        if response.completion_tokens is None:
            return None
        over = (response.completion_tokens - soft_tokens) / (max_tokens - soft_tokens)
        return -min(1.0, max(0.0, over))

    return _each(one)


def repetition_penalty(span: int = 4) -> Score:
    """Minus the share of word n-grams that occurred before in the response: 0 without repetition, towards -1 in a loop.

    Args:
        span: words of an n-gram, in whatever case.
    """

    def one(response: Response) -> float:
        words = response.text.lower().split()
        total = len(words) - span + 1
        if total < 1:
            return 0.0
        distinct = len({tuple(words[start : start + span]) for start in range(total)})
        return distinct / total - 1.0

    return _each(one)


REWARDS: Final[Mapping[str, Callable[[Setup], Score]]] = {
    "accuracy": lambda setup: accuracy_reward(setup.recipe),
    "format": lambda setup: format_reward(setup.recipe.prompt),
    "caption": lambda setup: caption_reward(
        setup.judge,
        prompt_format=setup.recipe.prompt,
        minus_blind=setup.recipe.caption.minus_blind,
        tolerant=setup.tolerant,
    ),
    "hard_format": lambda setup: hard_format(accuracy, format_reward(setup.recipe.prompt)),
    "key_steps": lambda setup: key_steps,
    "step_validity": lambda setup: step_validity(SECTIONS[setup.recipe.prompt]),
    "visual_facts": lambda setup: visual_facts(setup.judge, tolerant=setup.tolerant),
    "length": lambda setup: length_penalty(setup.recipe.rewards.length_soft, setup.max_tokens),
    "repetition": lambda setup: repetition_penalty(setup.recipe.rewards.repetition_span),
}
"""The rewards by the names that recipes give them."""
ANNOTATIONS: Final[Mapping[str, str]] = {"key_steps": KEY_STEPS, "visual_facts": FACTS}
"""Attributes of a sample without which a reward never gives a signal."""
