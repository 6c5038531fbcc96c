"""Ways to the similarity of samples: the exact kernel, approximations of it, and the proxy of the authors' code.

- `exact`: the kernel itself. Beside the LM head's N V d it takes N^2 V operations and N^2 + N x chunk memory.
- `top_tokens`: the kernel over the tokens of each sequence that the model was least sure of: the same with a smaller N.
- `sketch`: the kernel with residuals projected from V to k dimensions by a count sketch: N V (d + k) operations and no
  N^2, B k d + N x chunk memory; for batches of many tokens.
- `hidden`: cosine of mean hidden states, at no cost; not a kernel of gradients at all.

Imported lazily only: torch is imported at the top.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from trainers.ntk.by_gradient import is_cheaper
from trainers.ntk.gather import Tokens, gather_rows, gather_tokens
from trainers.ntk.gram import check_shapes, ntk_cosine, ntk_gram
from trainers.ntk.primitives import chunks, mean_weights, product, rows_of_chunk, wide_dtype
from trainers.settings import NtkSettings


def tokens_to_compare(
    hidden: Tensor, targets: Tensor, sequence: Tensor, logprobs: Tensor, prompt: Tensor, settings: NtkSettings
) -> tuple[Tokens, Tensor | slice]:
    """The tokens of a batch that an estimator reads, and their places among all.

    Args:
        hidden: [N, d].
        targets: [N].
        sequence: [N].
        logprobs: [N], log-probability of each target; read by `top_tokens` alone.
        prompt: [B].
        settings: the estimator, and how many tokens of a sequence it keeps.
    """
    weights = mean_weights(sequence, len(prompt), wide_dtype(hidden))
    is_part = settings.estimator == "top_tokens"
    kept = top_tokens(logprobs, sequence, settings.max_tokens) if is_part else slice(None)
    tokens = Tokens(
        hidden=hidden[kept], targets=targets[kept], sequence=sequence[kept], weights=weights[kept], prompt=prompt
    )
    return tokens, kept


def ntk_similarity(
    tokens: Tokens, lm_head: Tensor, settings: NtkSettings, sizes: Sequence[tuple[int, int]] | None = None
) -> Tensor:
    """Cosine similarity of the sequences by one of the estimators.

    Args:
        tokens: those that the estimator reads, from `tokens_to_compare`.
        lm_head: [V, d].
        settings: the estimator and what it is set to.
        sizes: tokens and sequences of each rank, from `sizes_of_ranks`, where sequences of all ranks are compared;
            `None`: those of this process alone. What is gathered is what is small: features, or few tokens; of many
            tokens the gradients, a piece of the vocabulary at a time, so that no rank holds the states of another.

    Returns:
        [B, B] in -1 to 1, the same on every rank; differentiable in the states of this one.

    Raises:
        UsageError: shapes that do not fit together.
    """
    hidden, targets, sequence, count = tokens.hidden, tokens.targets, tokens.sequence, tokens.num_sequences
    check_shapes(hidden, lm_head, targets, sequence, count, settings.chunk_size)
    counts = None if sizes is None else [number for _, number in sizes]
    if settings.estimator in ("hidden", "sketch"):
        is_proxy = settings.estimator == "hidden"
        features = mean_states(tokens) if is_proxy else sketch_gradients(tokens, lm_head, settings).flatten(1)
        features = features if counts is None else torch.cat(gather_rows(features, counts))
        return ntk_cosine(features @ features.T)
    if sizes is not None:
        length, every = (sum(column) for column in zip(*sizes, strict=True))
        if not is_cheaper(length, every, hidden.shape[1]):
            tokens, counts = gather_tokens(tokens, sizes), None
    return ntk_cosine(
        ntk_gram(
            tokens.hidden,
            lm_head,
            tokens.targets,
            tokens.sequence,
            tokens.num_sequences,
            token_weights=tokens.weights,
            chunk_size=settings.chunk_size,
            counts=counts,
        )
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
    total = torch.zeros(tokens.num_sequences, tokens.hidden.shape[1], dtype=wide, device=tokens.hidden.device)
    return total.index_add(0, tokens.sequence, tokens.hidden.to(wide) * tokens.weights[:, None])


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
    weighted = sketched * tokens.weights[:, None]
    states = hidden.to(wide)
    members = (tokens.sequence == number for number in range(tokens.num_sequences))
    return torch.stack([weighted[member].T @ states[member] for member in members])
