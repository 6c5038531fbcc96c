"""The exact last-layer neural tangent kernel between sequences, streamed over the vocabulary.

The log-probability of sequence i, weighted over its tokens, is `sum_t w_t log p_t[y_t]` with `p_t = softmax(W h_t)`.
Its gradient with respect to the LM head `W` is

    G_i = sum_{t in i} w_t r_t h_t^T,    r_t = e_{y_t} - p_t,

a matrix of V x d that is never formed: the kernel needs inner products alone,

    K_ij = <G_i, G_j> = sum_{t in i, s in j} w_t w_s (r_t . r_s) (h_t . h_s).

`r_t . r_s` is accumulated over chunks of the vocabulary with an online softmax: memory is N^2 + N x chunk, never N x V.
For batches of many tokens `by_gradient.py` gives the same in another order of operations. Neither forward nor backward
subtracts numbers near one: the residual at the target is the sum of all other probabilities, so that a token which the
model is almost sure of keeps its relative precision in float32. Imported lazily only: torch is imported at the top.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import torch
from torch import Tensor

from harness.core.errors import UsageError
from trainers.ntk.by_gradient import GramByGradient, is_cheaper
from trainers.ntk.primitives import chunks, mean_weights, product, rows_of_chunk, wide_dtype

CHUNK_SIZE: Final = 16384


def ntk_gram(
    hidden: Tensor,
    lm_head: Tensor,
    targets: Tensor,
    sequence: Tensor,
    num_sequences: int,
    *,
    token_weights: Tensor | None = None,
    chunk_size: int = CHUNK_SIZE,
    counts: Sequence[int] | None = None,
) -> Tensor:
    """Gram matrix of the gradients of the sequences' log-probabilities with respect to the LM head.

    Exact, and differentiable once in `hidden` alone. Tokens are compared in pairs, or, where that is cheaper, the
    gradients themselves are formed for a piece of the vocabulary at a time. Sums are kept in float64 for float64 inputs
    and in float32 otherwise; a head of another precision is cast a chunk at a time.

    Args:
        hidden: [N, d], the states that the LM head turned into the logits of N response tokens. States of a run that
            samples at a temperature are divided by it first.
        lm_head: [V, d], weight of the LM head.
        targets: [N], integers in 0..V-1, the token that followed each state.
        sequence: [N], integers in 0..B-1, the sequence that each token belongs to, in any order.
        num_sequences: B. A sequence without tokens has a row of zeros.
        token_weights: [N], weight of each token's log-probability in its sequence; `None`: one over the sequence's
            length, which makes it the mean log-probability. Not differentiated.
        chunk_size: columns of the vocabulary that are held at a time.
        counts: sequences of each rank, where those of all ranks are compared and each gives its own; all have to call.

    Returns:
        [B, B], B over all ranks, symmetric and positive semidefinite, float64 for float64 inputs, else float32.

    Raises:
        UsageError: shapes do not fit together.
    """
    check_shapes(hidden, lm_head, targets, sequence, num_sequences, chunk_size)
    if token_weights is None:
        token_weights = mean_weights(sequence, num_sequences, wide_dtype(hidden))
    elif token_weights.shape != targets.shape:
        raise UsageError(f"token_weights has shape {list(token_weights.shape)}, targets {list(targets.shape)}.")
    arguments = (hidden, lm_head, targets, sequence, token_weights.detach(), num_sequences, chunk_size)
    gram: Tensor
    if counts is not None or is_cheaper(len(hidden), num_sequences, hidden.shape[1]):
        gram = GramByGradient.apply(*arguments, counts)
    else:
        gram = _StreamedGram.apply(*arguments)
    return gram


def ntk_cosine(gram: Tensor) -> Tensor:
    """Cosine similarity from a Gram matrix: `K_ij / sqrt(K_ii K_jj)`.

    Args:
        gram: [B, B].

    Returns:
        [B, B] in -1 to 1, symmetric; rows and columns of sequences without a gradient are zero.
    """
    squares = gram.diagonal()
    # The backward holds K_ii^(-3/2), which must be finite: an infinity makes NaN even of a loss that is exactly 0.
    least: float = torch.finfo(gram.dtype).tiny ** (2 / 3)
    present = squares > least
    scale = torch.where(present, squares, torch.ones_like(squares)).rsqrt() * present
    cosine = gram * scale[:, None] * scale[None, :]
    return (cosine + cosine.T) / 2  # To the bit: of a pair at a quantile, both directions are at or below it, or none.


def check_shapes(
    hidden: Tensor, lm_head: Tensor, targets: Tensor, sequence: Tensor, num_sequences: int, chunk_size: int
) -> None:
    """Refuse inputs that do not fit together.

    Raises:
        UsageError: names the argument.
    """
    if hidden.ndim != 2 or lm_head.ndim != 2 or hidden.shape[1] != lm_head.shape[1]:
        raise UsageError(
            f"hidden {list(hidden.shape)} and lm_head {list(lm_head.shape)} do not fit: expected [N, d] and [V, d]."
        )
    for name, value in (("targets", targets), ("sequence", sequence)):
        if value.shape != hidden.shape[:1]:
            raise UsageError(f"{name} has shape {list(value.shape)}, expected [{len(hidden)}].")
    if num_sequences < 1 or chunk_size < 1:
        raise UsageError(f"num_sequences {num_sequences} and chunk_size {chunk_size} must be at least 1.")


class _StreamedGram(torch.autograd.Function):
    """Forward in one pass over the vocabulary, backward in another one.

    Names: `others` is exp(logit - maximum) with the target's own entry set to zero, [N, chunk]; `rest` the probability
    of everything but the target, which is the residual at the target; `crossed[t, s]` the probability that token s
    gives to the target of token t, zero where the two targets are the same.
    """

    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        lm_head: Tensor,
        targets: Tensor,
        sequence: Tensor,
        token_weights: Tensor,
        num_sequences: int,
        chunk_size: int,
    ) -> Tensor:
        wide = wide_dtype(hidden)
        count = len(hidden)
        maximum = torch.full((count,), -torch.inf, dtype=wide, device=hidden.device)
        rest = torch.zeros_like(maximum)
        own = torch.zeros_like(maximum)
        residuals = torch.zeros(count, count, dtype=wide, device=hidden.device)
        crossed = torch.zeros_like(residuals)
        for start, weight in chunks(lm_head, chunk_size):
            others = product(hidden, weight.T, wide)
            before, maximum = maximum, torch.maximum(maximum, others.amax(1))
            others.sub_(maximum[:, None]).exp_()
            if start:
                shrink = (before - maximum).exp_()
                for total in (rest, own):
                    total.mul_(shrink)
                crossed.mul_(shrink[None, :])
                residuals.mul_(shrink[:, None]).mul_(shrink[None, :])
            rows = rows_of_chunk(targets, start, len(weight))
            columns = targets[rows] - start
            own[rows] = others[rows, columns]
            others[rows, columns] = 0.0
            crossed[rows] = others[:, columns].T
            rest.add_(others.sum(1))
            residuals.addmm_(others, others.T)
            del others
        scale = (rest + own).reciprocal()
        rest, own = rest * scale, own * scale
        logsumexp = maximum - scale.log()
        crossed.mul_(scale[None, :])
        residuals.mul_(scale[:, None]).mul_(scale[None, :])
        at_target = rest[:, None] * crossed  # r_t[y_t] p_s[y_t]
        residuals.sub_(at_target).sub_(at_target.T)
        same = targets[:, None] == targets[None, :]
        residuals.add_(same * (rest[:, None] * rest[None, :]))
        # The residual of token s at the target of token t.
        at_target = torch.where(same, rest[None, :], crossed.neg_())
        weights = token_weights.to(wide)
        states = hidden.to(wide) * weights[:, None]
        pairs = (states @ states.T).mul_(residuals)
        ctx.save_for_backward(hidden, lm_head, targets, sequence, weights, logsumexp, rest, own, residuals, at_target)
        ctx.chunk_size = chunk_size
        member = torch.zeros(num_sequences, count, dtype=wide, device=hidden.device).scatter_(0, sequence[None, :], 1.0)
        return member @ pairs @ member.T

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad_gram: Tensor) -> tuple[Tensor | None, ...]:
        hidden, lm_head, targets, sequence, weights, logsumexp, rest, own, residuals, at_target = ctx.saved_tensors
        wide = wide_dtype(hidden)
        weighted = hidden.to(wide) * weights[:, None]
        # Each pair of tokens occurs twice in K, as (t, s) and (s, t).
        pull = (grad_gram + grad_gram.T).to(wide)[sequence][:, sequence]
        pulled = pull * residuals
        grad_hidden = (pulled @ weighted).mul_(weights[:, None])
        along = (grad_hidden * hidden.to(wide)).sum(1)  # r_t . u_t, see below
        del pulled
        pull.mul_(weighted @ weighted.T)
        # u_t = sum_s pull_ts r_s is dK/dr_t; what it adds to the logits is p (p.u - u) with p = e_y - r.
        mean = torch.einsum("ts,ts->t", pull, at_target) - along  # p_t . u_t
        for start, weight in chunks(lm_head, ctx.chunk_size):
            others = product(hidden, weight.T, wide).sub_(logsumexp[:, None]).exp_()
            rows = rows_of_chunk(targets, start, len(weight))
            columns = targets[rows] - start
            others[rows, columns] = 0.0
            grad_logits = torch.addmm(mean[:, None], pull, others)
            grad_logits.index_add_(1, columns, pull[:, rows] * rest[rows], alpha=-1)
            grad_logits.mul_(others)
            del others
            grad_logits[rows, columns] = -own[rows] * along[rows]
            grad_logits = grad_logits.to(weight.dtype) if weight.is_cuda else grad_logits
            grad_hidden.add_(product(grad_logits, weight, wide))
            del grad_logits
        return grad_hidden.to(hidden.dtype), None, None, None, None, None, None
