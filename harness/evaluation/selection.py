"""Which samples `--limit` keeps, what they can show, and which a process does when several share a run."""

from __future__ import annotations

import hashlib
import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from harness.core.types import Sample
from harness.engines.preparation import of_same_media

if TYPE_CHECKING:
    from harness.evaluation.task_registry import TaskData


def choose_samples(samples: Sequence[Sample], limit: float | None, seed: int) -> list[Sample]:
    """At least `limit` samples, in their order.

    Pairs and rotation groups are kept whole, since half a pair scores nothing. Subsets take turns, so that every split
    is there; within a subset the order is drawn from `seed` and the group's id alone, so that a larger limit contains a
    smaller one.

    Args:
        samples: all samples of one task.
        limit: how many to keep, below 1 as a share of them; `None` keeps all. The last group kept may exceed it.
        seed: of the draw.
    """
    if limit is not None and limit < 1:
        limit = math.ceil(limit * len(samples))
    if limit is None or limit >= len(samples):
        return list(samples)
    groups: dict[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        groups[sample.group if sample.group is not None else sample.id].append(sample)
    by_subset: dict[str, list[str]] = defaultdict(list)
    for key, members in groups.items():
        by_subset[members[0].subset or ""].append(key)
    queues = [sorted(keys, key=lambda key: _draw(seed, key), reverse=True) for _, keys in sorted(by_subset.items())]
    kept: set[str] = set()
    count = 0
    while count < limit:
        for queue in queues:
            if queue and count < limit:
                key = queue.pop()
                kept.add(key)
                count += len(groups[key])
    return [sample for sample in samples if (sample.group if sample.group is not None else sample.id) in kept]


def what_limit_shows(samples: Mapping[str, Sequence[Sample]], limit: float) -> str:
    """From which difference on two runs over such samples differ beyond chance, in one line.

    Args:
        samples: by task, those that are kept.
        limit: as it was asked for.
    """
    from harness.statistics.power import CORRELATION, DISAGREEMENT, assumed, design_effect, mean_size, shown_by

    told = []
    for task, of_task in samples.items():
        units = {sample.group or sample.id: sample.cluster or sample.group or sample.id for sample in of_task}
        size = mean_size(Counter(units.values()).values())
        least = shown_by(len(units), assumed(DISAGREEMENT, design=design_effect(size), cluster_size=size))
        told.append(f"{task} {'none, being too few' if least is None else f'{100 * least:.1f} points'}")
    return (
        f"--limit {limit:g}: the least difference that two such runs show (80 % power, if they disagree on "
        f"{100 * DISAGREEMENT:g} % of the answers, correlated by {CORRELATION:g} within an image or video): "
        f"{', '.join(told)}. See 'harness power'."
    )


def too_few_clusters(samples: Mapping[str, Sequence[Sample]]) -> str:
    """Which tasks no two runs can be compared on by a test, in one line; empty where there is none.

    Args:
        samples: by task, those that are asked.
    """
    from harness.statistics.differences import FEWEST_CLUSTERS

    held = {
        task: len({sample.cluster or sample.group or sample.id for sample in of_task})
        for task, of_task in samples.items()
    }
    told = [f"{task} has {count}" for task, count in held.items() if count < FEWEST_CLUSTERS]
    if not told:
        return ""
    return (
        f"No difference between runs can be tested on such questions: a paired test needs {FEWEST_CLUSTERS} images, "
        f"videos or groups of questions at least, and {', '.join(told)}. See 'harness power'."
    )


def share_samples(
    tasks: Sequence[TaskData], samples: Mapping[str, Sequence[Sample]], share: tuple[int, int] | None
) -> dict[str, list[Sample]]:
    """One process's part of a run's samples, in their order.

    Samples of one image or video, or of copies of it, stay together: they are opened and encoded once. Each lot goes to
    the process that has the fewest samples of its task so far, then of all tasks, so that the parts are alike.

    Args:
        tasks: whose samples they are.
        samples: by task.
        share: number of the part, and how many there are; `None`: nothing.
    """
    if share is None:
        return {}
    rank, size = share
    total = [0] * size
    shares: dict[str, list[Sample]] = {}
    for task in tasks:
        count = [0] * size
        mine: set[str] = set()
        known = (replace(one, media=tuple(map(task.by_content, one.media))) for one in samples[task.name])
        for lot in of_same_media(known):
            taker = min(range(size), key=lambda one: (count[one], total[one], one))
            count[taker] += len(lot)
            total[taker] += len(lot)
            if taker == rank:
                mine.update(sample.id for sample in lot)
        shares[task.name] = [sample for sample in samples[task.name] if sample.id in mine]
    return shares


def _draw(seed: int, key: str) -> bytes:
    return hashlib.blake2b(f"{seed}/{key}".encode(), digest_size=16).digest()
