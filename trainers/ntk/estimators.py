"""Ways to the similarity of samples: the exact kernel, approximations of it, and the proxy of the authors' code.

- `exact`: the kernel itself. Beside the LM head's N V d it takes N^2 V operations and N^2 + N x chunk memory.
- `top_tokens`: the kernel over the tokens of each sequence that the model was least sure of: the same with a smaller N.
- `sketch`: the kernel with residuals projected from V to k dimensions by a count sketch: N V (d + k) operations and no
  N^2, B k d + N x chunk memory; for batches of many tokens.
- `hidden`: cosine of mean hidden states, at no cost; not a kernel of gradients at all.

Imported lazily only: torch is imported at the top.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from trainers.ntk.gram import CHUNK_SIZE, check_shapes, ntk_cosine, ntk_gram, target_logprobs
from trainers.ntk.primitives import chunks, mean_weights, product, rows_of_chunk, wide_dtype
from trainers.settings import Estimator

MAX_TOKENS: Final = 64
SKETCH_SIZE: Final = 256


def ntk_similarity(
    hidden: Tensor,
    lm_head: Tensor,
    targets: Tensor,
    sequence: Tensor,
    num_sequences: int,
    *,
    estimator: Estimator = "exact",
    token_weights: Tensor | None = None,
    logprobs: Tensor | None = None,
    max_tokens: int = MAX_TOKENS,
    sketch_size: int = SKETCH_SIZE,
    seed: int = 0,
    chunk_size: int = CHUNK_SIZE,
) -> Tensor:
    """Cosine similarity of the sequences by one of the estimators.

    Args:
        hidden: [N, d], as in `ntk_gram`.
        lm_head: [V, d].
        targets: [N].
        sequence: [N].
        num_sequences: B.
        estimator: see the table of this module.
        token_weights: [N]; `None`: the mean over the tokens of each sequence.
        logprobs: [N], log-probability of each target, for `top_tokens`; `None`: computed.
        max_tokens: tokens that `top_tokens` keeps of each sequence.
        sketch_size: dimensions that `sketch` projects the vocabulary to.
        seed: of the projection.
        chunk_size: columns of the vocabulary that are held at a time.

    Returns:
        [B, B] in -1 to 1.

    Raises:
        UsageError: shapes that do not fit together.
    """
    check_shapes(hidden, lm_head, targets, sequence, num_sequences, chunk_size)
    if token_weights is None:
        token_weights = mean_weights(sequence, num_sequences, wide_dtype(hidden))
    if estimator == "hidden":
        features = mean_states(hidden, sequence, num_sequences)
        return ntk_cosine(features @ features.T)
    if estimator == "sketch":
        features = sketch_gradients(
            hidden, lm_head, targets, sequence, num_sequences, token_weights, sketch_size, seed, chunk_size
        ).flatten(1)
        return ntk_cosine(features @ features.T)
    if estimator == "top_tokens":
        if logprobs is None:
            logprobs = target_logprobs(hidden, lm_head, targets, chunk_size=chunk_size)
        kept = top_tokens(logprobs, sequence, max_tokens)
        hidden, targets, sequence, token_weights = hidden[kept], targets[kept], sequence[kept], token_weights[kept]
    return ntk_cosine(
        ntk_gram(hidden, lm_head, targets, sequence, num_sequences, token_weights=token_weights, chunk_size=chunk_size)
    )


def top_tokens(logprobs: Tensor, sequence: Tensor, max_tokens: int) -> Tensor:
    """The tokens of each sequence that carry most of its gradient.

    A token's residual has a norm between 1 - p and sqrt(2) (1 - p), p the probability of the target: the tokens with
    the lowest log-probability are the ones with the largest residual.

    Args:
        logprobs: [N].
        sequence: [N].
        max_tokens: tokens kept of each sequence.

    Returns:
        Numbers of the kept tokens, ascending.
    """
    by_surprise = torch.argsort(logprobs, stable=True)
    by_sequence = by_surprise[torch.argsort(sequence[by_surprise], stable=True)]
    ordered = sequence[by_sequence]
    first = torch.searchsorted(ordered, ordered, right=False)
    rank = torch.arange(len(ordered), device=ordered.device) - first
    return by_sequence[rank < max_tokens].sort().values


def mean_states(hidden: Tensor, sequence: Tensor, num_sequences: int) -> Tensor:
    """Mean hidden state of each sequence: [B, d], zero where it has no tokens."""
    wide = wide_dtype(hidden)
    weights = mean_weights(sequence, num_sequences, wide)
    total = torch.zeros(num_sequences, hidden.shape[1], dtype=wide, device=hidden.device)
    return total.index_add(0, sequence, hidden.to(wide) * weights[:, None])


def sketch_gradients(
    hidden: Tensor,
    lm_head: Tensor,
    targets: Tensor,
    sequence: Tensor,
    num_sequences: int,
    token_weights: Tensor,
    sketch_size: int,
    seed: int,
    chunk_size: int,
) -> Tensor:
    """The gradients G_i with their vocabulary side projected by a count sketch: [B, k, d].

    Each entry of the vocabulary is added, with a random sign, to one of k sums, so inner products are right on average
    with a standard error of about 1/sqrt(k) of the norms (Charikar, Chen and Farach-Colton, 2002).
    """
    wide = wide_dtype(hidden)
    generator = torch.Generator().manual_seed(seed)
    size = len(lm_head)
    bucket = torch.randint(0, sketch_size, (size,), generator=generator).to(hidden.device)
    sign = (torch.randint(0, 2, (size,), generator=generator) * 2 - 1).to(hidden.device, wide)

    def logsumexp(states: Tensor, weight: Tensor) -> Tensor:
        return product(states, weight.T, wide).logsumexp(1)

    def project(states: Tensor, weight: Tensor, total: Tensor, start: int) -> Tensor:
        probabilities = (product(states, weight.T, wide) - total[:, None]).exp()
        rows = rows_of_chunk(targets, start, len(weight))
        onehot = torch.zeros_like(probabilities)
        onehot[rows, targets[rows] - start] = 1.0
        matrix = torch.zeros(len(weight), sketch_size, dtype=wide, device=states.device)
        part = slice(start, start + len(weight))
        matrix.scatter_(1, bucket[part, None], sign[part, None])
        return (onehot - probabilities) @ matrix

    parts = [
        checkpoint(logsumexp, hidden, weight, use_reentrant=False, preserve_rng_state=False)
        for _, weight in chunks(lm_head, chunk_size)
    ]
    total = torch.stack(parts).logsumexp(0)
    sketched = torch.zeros(len(hidden), sketch_size, dtype=wide, device=hidden.device)
    for start, weight in chunks(lm_head, chunk_size):
        sketched = sketched + checkpoint(
            project, hidden, weight, total, start, use_reentrant=False, preserve_rng_state=False
        )
    weighted = sketched * token_weights.to(wide)[:, None]
    states = hidden.to(wide)
    members = (sequence == number for number in range(num_sequences))
    return torch.stack([weighted[member].T @ states[member] for member in members])
