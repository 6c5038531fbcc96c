"""Ways to the similarity of samples: the exact kernel, approximations of it, and the proxy of the authors' code.

- `exact`: the kernel itself. Beside the LM head's N V d it takes N^2 V operations and N^2 + N x chunk memory.
- `top_tokens`: the kernel over the tokens of each sequence that the model was least sure of: the same with a smaller N.
- `sketch`: the kernel with residuals projected from V to k dimensions by a count sketch: N V (d + k) operations and no
  N^2, B k d + N x chunk memory; for batches of many tokens.
- `hidden`: cosine of mean hidden states, at no cost; not a kernel of gradients at all.

Imported lazily only: torch is imported at the top.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from trainers.ntk.gather import Tokens
from trainers.ntk.gram import check_shapes, ntk_cosine, ntk_gram
from trainers.ntk.primitives import chunks, mean_weights, product, rows_of_chunk, wide_dtype
from trainers.settings import NtkSettings


def ntk_similarity(tokens: Tokens, lm_head: Tensor, settings: NtkSettings) -> Tensor:
    """Cosine similarity of the sequences by one of the estimators.

    Args:
        tokens: N tokens of B sequences; their `logprobs` are read by `top_tokens` alone.
        lm_head: [V, d].
        settings: the estimator and what it is set to.

    Returns:
        [B, B] in -1 to 1.

    Raises:
        UsageError: shapes that do not fit together.
    """
    hidden, targets, sequence, count = tokens.hidden, tokens.targets, tokens.sequence, tokens.num_sequences
    check_shapes(hidden, lm_head, targets, sequence, count, settings.chunk_size)
    if settings.estimator in ("hidden", "sketch"):
        is_proxy = settings.estimator == "hidden"
        features = mean_states(tokens) if is_proxy else sketch_gradients(tokens, lm_head, settings).flatten(1)
        return ntk_cosine(features @ features.T)
    weights = mean_weights(sequence, count, wide_dtype(hidden))
    if settings.estimator == "top_tokens":
        kept = top_tokens(tokens.logprobs, sequence, settings.max_tokens)
        hidden, targets, sequence, weights = hidden[kept], targets[kept], sequence[kept], weights[kept]
    return ntk_cosine(
        ntk_gram(hidden, lm_head, targets, sequence, count, token_weights=weights, chunk_size=settings.chunk_size)
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


def mean_states(tokens: Tokens) -> Tensor:
    """Mean hidden state of each sequence: [B, d], zero where it has no tokens."""
    wide = wide_dtype(tokens.hidden)
    weights = mean_weights(tokens.sequence, tokens.num_sequences, wide)
    total = torch.zeros(tokens.num_sequences, tokens.hidden.shape[1], dtype=wide, device=tokens.hidden.device)
    return total.index_add(0, tokens.sequence, tokens.hidden.to(wide) * weights[:, None])


def sketch_gradients(tokens: Tokens, lm_head: Tensor, settings: NtkSettings, *, seed: int = 0) -> Tensor:
    """The gradients G_i with their vocabulary side projected by a count sketch: [B, k, d].

    Each entry of the vocabulary is added, with a random sign, to one of k sums, so inner products are right on average
    with a standard error of about 1/sqrt(k) of the norms (Charikar, Chen and Farach-Colton, 2002).
    """
    hidden, targets = tokens.hidden, tokens.targets
    wide = wide_dtype(hidden)
    generator = torch.Generator().manual_seed(seed)
    size, sketch_size, chunk_size = len(lm_head), settings.sketch_size, settings.chunk_size
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
    weighted = sketched * mean_weights(tokens.sequence, tokens.num_sequences, wide)[:, None]
    states = hidden.to(wide)
    members = (tokens.sequence == number for number in range(tokens.num_sequences))
    return torch.stack([weighted[member].T @ states[member] for member in members])
