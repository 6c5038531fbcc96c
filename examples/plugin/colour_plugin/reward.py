"""A reward: samples and their responses to a number each, or None where there is no signal."""

from collections.abc import Sequence

from harness.core.types import Response, Sample


def brief(samples: Sequence[Sample], responses: Sequence[Response]) -> list[float | None]:
    """1 for a response of at most 60 words, 0 for a longer one, nothing for an empty one."""
    return [float(len(words) <= 60) if (words := response.text.split()) else None for response in responses]
