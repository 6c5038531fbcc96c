"""What a similarity map says: quantiles, shares with their errors, means by part, and the pairs at either end.

Imported lazily only: numpy is imported at the top.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

THRESHOLD: Final = 0.54
"""Similarity below which the paper pulls a pair together: Pan et al., AAAI 2026, arXiv 2601.06224."""
LEVELS: Final = (0.05, 0.25, 0.5, 0.75, 0.95)
_BINS: Final = 40
_PAIRS: Final = 10
"""Pairs that are named at either end."""


def describe(
    similarity: Floats, names: Sequence[tuple[str, str]], parts: Sequence[str], prompts: Sequence[Any],
    clusters: Sequence[Any],
) -> dict[str, Any]:  # fmt: skip
    """The figures of a map, JSON-able.

    Args:
        similarity: [B, B], cosines.
        names: task and sample id of each sample.
        parts: the part of the data that each sample belongs to, such as `TASK/SUBSET`.
        prompts: what each sample was asked; pairs with equal ones do not count.
        clusters: samples of one cluster, such as an image, are left out together by the jackknife.

    Returns:
        `pairs`, `quantiles`, `least`, `greatest`; `mean`, `below_threshold` and `opposed` (share of pairs with a
        cosine below 0) with a `value` and a `stderr`; `histogram`, counts of equal bins from -1 to 1; `blocks`,
        `conflicting`, `alike`, `samples`.
    """
    _, prompt = np.unique(np.array([repr(item) for item in prompts]), return_inverse=True)
    counted = prompt[:, None] != prompt[None, :]
    one, other = np.nonzero(np.triu(counted, 1))
    values = similarity[one, other]
    order = np.argsort(values, kind="stable")
    counts, _ = np.histogram(np.clip(values, -1, 1), bins=_BINS, range=(-1, 1))

    def share(mark: Callable[[Floats], Floats]) -> dict[str, float | None]:
        return jackknife(mark(similarity), counted, clusters)

    def pairs(places: NDArray[np.int64]) -> list[dict[str, Any]]:
        named: dict[frozenset[int], dict[str, Any]] = {}
        for k in places:
            # A prompt that occurs in several parts of the data would fill the list with one pair.
            named.setdefault(
                frozenset((int(prompt[one[k]]), int(prompt[other[k]]))),
                {"one": _name(names[one[k]]), "other": _name(names[other[k]]), "cosine": round(float(values[k]), 4)},
            )
            if len(named) == _PAIRS:
                break
        return list(named.values())

    lengths = counted.sum(1)
    means = (similarity * counted).sum(1) / np.maximum(lengths, 1)
    return {
        "pairs": len(values),
        "quantiles": {
            f"p{round(100 * level):02d}": round(float(np.quantile(values, level)), 4) for level in LEVELS
        } if len(values) else {},
        "least": round(float(values.min()), 4) if len(values) else None,
        "greatest": round(float(values.max()), 4) if len(values) else None,
        "mean": share(lambda map_: map_),
        "threshold": THRESHOLD,
        "below_threshold": share(lambda map_: (map_ < THRESHOLD).astype(float)),
        "opposed": share(lambda map_: (map_ < 0).astype(float)),
        "histogram": counts.tolist(),
        "blocks": _blocks(similarity, counted, parts),
        "conflicting": pairs(order),
        "alike": pairs(order[::-1]),
        "samples": [
            {**_name(name), "part": part, "mean": round(float(mean), 4) if length else None}
            for name, part, mean, length in zip(names, parts, means, lengths, strict=True)
        ],
    }  # fmt: skip


def jackknife(values: Floats, counted: Flags, clusters: Sequence[Any]) -> dict[str, float | None]:
    """Mean over the pairs that count, with its standard error.

    The pairs share samples, so the error is that of the delete-one-cluster jackknife of a mean over pairs:
    `sqrt((G - 1) / G sum_g (m_g - m)^2)`, `m_g` the mean over the pairs without a member in cluster g and m the mean of
    the `m_g` (Efron and Stein, 1981).

    Args:
        values: [B, B], symmetric.
        counted: [B, B], symmetric: pairs that count.
        clusters: [B].

    Returns:
        `value`, `None` without pairs; `stderr`, `None` with fewer than three clusters.
    """
    kept = np.where(counted, values, 0.0)
    total, number = float(kept.sum()), float(counted.sum())
    if not number:
        return {"value": None, "stderr": None}
    _, group = np.unique(np.array([repr(item) for item in clusters]), return_inverse=True)
    groups = int(group.max()) + 1
    # What goes with a cluster: twice its rows, less what of them lies between its own members, counted once too often.
    inside = group[:, None] == group[None, :]
    rows, row_counts = kept.sum(1), counted.sum(1)
    own, own_counts = (kept * inside).sum(1), (counted & inside).sum(1)
    lost = np.bincount(group, 2 * rows - own, groups)
    lost_counts = np.bincount(group, 2 * row_counts - own_counts, groups)
    left = number - lost_counts
    if groups < 3 or (left <= 0).any():
        return {"value": round(total / number, 6), "stderr": None}
    means = (total - lost) / left
    error = float(np.sqrt((groups - 1) / groups * ((means - means.mean()) ** 2).sum()))
    return {"value": round(total / number, 6), "stderr": round(error, 6)}


def _blocks(similarity: Floats, counted: Flags, parts: Sequence[str]) -> list[dict[str, Any]]:
    """Mean similarity within and between the parts, each pair of parts once."""
    names = list(dict.fromkeys(parts))
    part = np.array(parts)
    blocks = []
    for place, one in enumerate(names):
        for other in names[place:]:
            inside = counted & ((part == one)[:, None] & (part == other)[None, :])
            number = int(inside.sum())
            mean = float(similarity[inside].mean()) if number else None
            blocks.append(
                {
                    "one": one,
                    "other": other,
                    "pairs": number // 2 if one == other else number,
                    "mean": None if mean is None else round(mean, 4),
                }
            )
    return blocks


def _name(name: tuple[str, str]) -> dict[str, str]:
    return {"task": name[0], "id": name[1]}
