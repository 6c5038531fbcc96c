"""Ways to the similarity of samples: the exact kernel, approximations of it, and the proxy of the authors' code.

- `exact`: the kernel itself. Beside the LM head's N V d it takes N^2 V operations and N^2 + N x chunk memory.
- `top_tokens`: the kernel over the tokens of each sequence that the model was least sure of: the same with a smaller N.
- `hidden`: cosine of mean hidden states, at no cost; not a kernel of gradients at all.

Imported lazily only: torch is imported at the top.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from trainers.ntk.by_gradient import is_cheaper
from trainers.ntk.gather import Tokens, gather_rows, gather_tokens
from trainers.ntk.gram import check_shapes, ntk_cosine, ntk_gram
from trainers.ntk.primitives import mean_weights, wide_dtype
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
    if settings.estimator == "hidden":
        features = mean_states(tokens)
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
