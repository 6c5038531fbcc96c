"""A reward of one's own: a function of samples and responses.

cd examples/own_reward
harness train recipe.yaml --dry-run        # calls it on two made-up responses and prints what they earn
harness train recipe.yaml
"""

import re
from collections.abc import Sequence

from harness.answers.sections import split_sections
from harness.core.types import Response, Sample


def about_the_question(samples: Sequence[Sample], responses: Sequence[Response]) -> list[float | None]:
    """The share of a question's longer words that the caption mentions, 0 to 1.

    Args:
        samples: what was asked: `question`, `target`, `choices`, `media`.
        responses: to each of them: `text`, `completion_tokens`, `finish_reason`, `error`.

    Returns:
        A number for each response, in order; `None` where there is nothing to tell, which leaves the response's
        advantage to its other rewards.
    """
    rewards: list[float | None] = []
    for sample, response in zip(samples, responses, strict=True):
        asked = set(re.findall(r"\w{4,}", sample.question.lower()))
        told = set(re.findall(r"\w{4,}", (split_sections(response.text).caption or "").lower()))
        rewards.append(len(asked & told) / len(asked) if asked and response.error is None else None)
    return rewards
