"""Which samples `--limit` keeps: whole groups, spread over the subsets, the same for every checkpoint."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence

from harness.types import Sample


def choose_samples(samples: Sequence[Sample], limit: int | None, seed: int) -> list[Sample]:
    """At least `limit` samples, in their order.

    Pairs and rotation groups are kept whole, since half a pair scores nothing. Subsets take turns, so that every split
    is there; within a subset the order is drawn from `seed` and the group's id alone, so that a larger limit contains a
    smaller one.

    Args:
        samples: all samples of one task.
        limit: how many to keep; `None` keeps all. The last group kept may exceed it.
        seed: of the draw.
    """
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


def _draw(seed: int, key: str) -> bytes:
    return hashlib.blake2b(f"{seed}/{key}".encode(), digest_size=16).digest()
