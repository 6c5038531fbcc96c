"""The contrastive term: an InfoNCE loss over the similarities of samples.

    L = -1/|A| sum_{i in A} log( sum_{j in P(i)} exp(s_ij / tau) / sum_{k in D(i)} exp(s_ik / tau) )

D(i) are the samples of other prompts, P(i) the ones among them whose similarity is at or below the threshold: they are
pulled towards i, and the ones above it, whose gradients already agree, are pushed apart ("Ground What You See", Pan et
al., AAAI 2026, arXiv 2601.06224). Deviations from the paper: responses to the same prompt never form a pair, since a
prompt is not in conflict with itself; an anchor whose P(i) is empty is left out by default instead of being pulled
towards a sample that is too similar already; and A are the anchors that take part, not all samples.
Imported lazily only: torch is imported at the top.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from trainers.settings import NtkSettings

QUANTILES: Final = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrast:
    """The loss of one batch and what it rests on.

    Attributes:
        loss: a scalar with a graph; zero where no anchor takes part.
        statistics: name to value, for the log: `threshold`, `positives` (share of pairs at or below it), `empty_rows`
            (share of anchors without a positive), `anchors` (samples that take part), `pairs`, and quantiles of the
            similarity `q05` to `q95` with `max`. Shares and quantiles are NaN where there are no pairs.
    """

    loss: Tensor
    statistics: Mapping[str, float]


def contrast(similarity: Tensor, prompt: Tensor, settings: NtkSettings, *, present: Tensor | None = None) -> Contrast:
    """The contrastive loss over a batch of samples.

    Args:
        similarity: [B, B], e.g. from `ntk_similarity`.
        prompt: [B], integers: samples with the same number answer the same prompt.
        settings: threshold or quantile, temperature, and what becomes of an anchor without positives: `least_similar`
            takes its least similar sample as the positive, as the authors' code does.
        present: [B], bool: samples that count, e.g. that have tokens; `None`: all.
    """
    pairs = prompt[:, None] != prompt[None, :]
    if present is not None:
        pairs = pairs & present[:, None] & present[None, :]
    values = similarity.detach()
    # `torch.quantile` refuses long inputs; a batch has few pairs, and sorting them costs nothing.
    ordered = values[pairs].sort().values
    nan, count = float("nan"), len(ordered)
    if settings.quantile is not None:
        cut = float(ordered[_place(count, settings.quantile)]) if count else nan
    else:
        assert settings.threshold is not None, "a recipe gives one of threshold and quantile"
        cut = settings.threshold
    positives = pairs & (values <= cut)
    anchors = pairs.any(1)
    empty = anchors & ~positives.any(1)
    places = {f"q{round(100 * level):02d}": _place(count, level) for level in QUANTILES} | {"max": count - 1}
    statistics = {
        "threshold": cut,
        "positives": float(positives.sum() / count) if count else nan,
        "empty_rows": float(empty.sum() / anchors.sum()) if count else nan,
        "pairs": float(count),
        **{name: float(ordered[place]) if count else nan for name, place in places.items()},
    }
    if settings.empty_rows == "least_similar":
        least = values.masked_fill(~pairs, torch.inf).argmin(1)
        positives = positives.clone()
        positives[empty, least[empty]] = True
    else:
        anchors = anchors & ~empty
    statistics["anchors"] = float(anchors.sum())
    if not anchors.any():
        return Contrast(loss=similarity.sum() * 0.0, statistics=statistics)
    # Rows without positives would give infinities, whose gradient is NaN even where the row is not used.
    scaled = similarity[anchors] / settings.temperature
    above = scaled.masked_fill(~positives[anchors], -torch.inf).logsumexp(1)
    below = scaled.masked_fill(~pairs[anchors], -torch.inf).logsumexp(1)
    return Contrast(loss=(below - above).mean(), statistics=statistics)


def _place(count: int, quantile: float) -> int:
    """Position of a quantile among `count` sorted values: the lowest with at least that share at or below it."""
    return max(0, math.ceil(quantile * count) - 1)
