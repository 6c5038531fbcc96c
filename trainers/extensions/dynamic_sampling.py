"""Dynamic sampling: groups without a signal are sampled again, with other prompts (DAPO, Yu et al., arXiv 2503.14476).

A group of which all responses are right, or all wrong, has no advantages but those of rewards for its form. It is told
by the accuracy, since a shaped reward hardly ever is the same for all. DAPO's code samples whole batches until one is
full; here the groups without a signal are sampled alone, by all ranks together. Imported lazily only: torch is imported
at the top.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from accelerate.utils import gather_object  # type: ignore[import-untyped]

from trainers.extensions import Batch, Extension, Input
from trainers.extensions.drawing import generator
from trainers.method_settings import DynamicSamplingSettings


def dynamic_sampling(settings: DynamicSamplingSettings) -> Extension:
    """Sampling again, after a batch was sampled."""
    return Extension(sampled=partial(sample_again, settings.rounds))


def sample_again(rounds: int, trainer: Any, batch: Batch) -> None:
    """Replace the groups of a batch that have no signal; what has none after the last round stays.

    All ranks see the accuracies of all groups and take the same decisions.
    """
    size: int = trainer.num_generations
    local = len(batch.inputs)
    accuracy = gather_object(trainer.accuracy(batch.inputs, batch.completion_ids))
    taken = set(gather_object([each["row"] for each in batch.inputs]))
    again = 0
    for number in range(rounds):
        silent = without_signal(accuracy, size)
        others = other_prompts(
            trainer.train_dataset, len(silent), taken, generator("dynamic", trainer.args.seed, trainer.moment, number)
        )
        if not others:
            break
        taken |= {each["row"] for each in others}
        groups = silent[: len(others)]
        again += len(groups)
        places = [group * size + item for group in groups for item in range(size)]
        inputs = [each for each in others for _ in range(size)]
        sampled = trainer.sample(inputs, places)
        for place, value in zip(places, trainer.accuracy(inputs, [ids for _, ids, _ in sampled]), strict=True):
            accuracy[place] = value
        for place, each, (prompt, ids, logprobs) in zip(places, inputs, sampled, strict=True):
            if 0 <= (here := place - batch.first) < local:
                batch.inputs[here], batch.prompt_ids[here], batch.completion_ids[here] = each, prompt, ids
                if batch.logprobs is not None:
                    batch.logprobs[here] = logprobs
    trainer.record("dynamic_sampling/groups_sampled_again", again)
    trainer.record("dynamic_sampling/without_signal", len(without_signal(accuracy, size)) / (len(accuracy) / size))


def without_signal(accuracy: Sequence[float], size: int) -> list[int]:
    """Groups of which all accuracies that there are, are the same.

    Args:
        accuracy: of the responses, groups together; NaN: there is none.
        size: responses of a group.
    """
    groups = torch.tensor(accuracy, dtype=torch.float64).view(-1, size)
    spread = groups.nan_to_num(-torch.inf).amax(1) - groups.nan_to_num(torch.inf).amin(1)
    return (~(spread > 0)).nonzero()[:, 0].tolist()


def other_prompts(dataset: Any, count: int, taken: set[str], random: np.random.Generator) -> list[Input]:
    """Rows of a data set in a random order, without those that are taken; fewer where there are no more."""
    found: list[Input] = []
    order = iter(random.permutation(len(dataset)).tolist() if count else [])
    while len(found) < count and (place := next(order, None)) is not None:
        if (row := dataset[place])["row"] not in taken:
            found.append(row)
    return found
