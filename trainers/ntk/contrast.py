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

from trainers.settings import EmptyRows

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


def contrast(
    similarity: Tensor,
    prompt: Tensor,
    *,
    threshold: float | None = None,
    quantile: float | None = None,
    temperature: float = 0.5,
    empty_rows: EmptyRows = "skip",
    present: Tensor | None = None,
) -> Contrast:
    """The contrastive loss over a batch of samples.

    Args:
        similarity: [B, B], e.g. from `ntk_similarity`.
        prompt: [B], integers: samples with the same number answer the same prompt.
        threshold: similarity at or below which a pair is a positive. Give this or `quantile`.
        quantile: 0 to 1; the threshold is this quantile of the batch's pairs.
        temperature: tau.
        empty_rows: what becomes of an anchor without positives: `skip`, or `least_similar`, which takes its least
            similar sample as the positive, as the authors' code does.
        present: [B], bool: samples that count, e.g. that have tokens; `None`: all.
    """
    pairs = prompt[:, None] != prompt[None, :]
    if present is not None:
        pairs = pairs & present[:, None] & present[None, :]
    values = similarity.detach()
    if quantile is not None:
        # `torch.quantile` refuses long inputs; a batch has few pairs, and sorting them costs nothing.
        ordered = values[pairs].sort().values
        cut = float(ordered[_place(len(ordered), quantile)]) if len(ordered) else float("nan")
    else:
        assert threshold is not None, "give one of threshold and quantile"
        cut = threshold
    positives = pairs & (values <= cut)
    anchors = pairs.any(1)
    empty = anchors & ~positives.any(1)
    statistics = _statistics(values[pairs], positives, pairs, anchors, empty, cut)
    if empty_rows == "least_similar":
        least = values.masked_fill(~pairs, torch.inf).argmin(1)
        positives = positives.clone()
        positives[empty, least[empty]] = True
    else:
        anchors = anchors & ~empty
    statistics["anchors"] = float(anchors.sum())
    if not anchors.any():
        return Contrast(loss=similarity.sum() * 0.0, statistics=statistics)
    # Rows without positives would give infinities, whose gradient is NaN even where the row is not used.
    scaled = similarity[anchors] / temperature
    above = scaled.masked_fill(~positives[anchors], -torch.inf).logsumexp(1)
    below = scaled.masked_fill(~pairs[anchors], -torch.inf).logsumexp(1)
    return Contrast(loss=(below - above).mean(), statistics=statistics)


def _place(count: int, quantile: float) -> int:
    """Position of a quantile among `count` sorted values: the lowest with at least that share at or below it."""
    return max(0, math.ceil(quantile * count) - 1)


def _statistics(
    values: Tensor, positives: Tensor, pairs: Tensor, anchors: Tensor, empty: Tensor, cut: float
) -> dict[str, float]:
    nan = float("nan")
    count = len(values)
    ordered = values.sort().values
    statistics = {f"q{round(100 * level):02d}": nan for level in QUANTILES}
    if count:
        statistics = {f"q{round(100 * level):02d}": float(ordered[_place(count, level)]) for level in QUANTILES}
    return {
        "threshold": cut,
        "positives": float(positives.sum() / pairs.sum()) if count else nan,
        "empty_rows": float(empty.sum() / anchors.sum()) if count else nan,
        "pairs": float(count),
        **statistics,
        "max": float(ordered[-1]) if count else nan,
    }
