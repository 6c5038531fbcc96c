"""The placebo of the caption reward: everything as in it, but the judge reads another prompt's caption.

Imported lazily only.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from harness.core.types import Response, Sample
from trainers.rewards import Score
from trainers.rewards.functions import caption_reward


def other_caption(samples: Sequence[Sample], responses: Sequence[Response]) -> list[float | None]:
    """The caption reward of each question with the caption of a response to the next prompt of the batch.

    The responses to one prompt get the captions of different responses to the other, so that they are told apart as
    before, by what has nothing to do with them.
    """
    return _reward()(samples, rotate(samples, responses))


def rotate(samples: Sequence[Sample], responses: Sequence[Response]) -> list[Response]:
    """For each response one to the next prompt: its first for the first, its second for the second, and so on."""
    places: dict[str, list[int]] = {}
    for place, sample in enumerate(samples):
        places.setdefault(sample.id, []).append(place)
    groups = list(places.values())
    rotated = list(responses)
    for own, other in zip(groups, groups[1:] + groups[:1], strict=True):
        for number, place in enumerate(own):
            rotated[place] = responses[other[number % len(other)]]
    return rotated


@cache
def _reward() -> Score:
    from harness.judges.caption import load_caption_judge

    # A memory of its own, so that it does not live on what the caption reward's judge was asked. It is that of the
    # process: a second training in it asks less than the first, so that CPU seconds of placebos are a lower bound.
    judge = load_caption_judge("demo", cache_dir=Path(mkdtemp(prefix="harness-placebo-")))
    return caption_reward(judge, minus_blind=False)
