"""The exact kernel for batches of many tokens: gradients formed for a piece of the vocabulary at a time.

`gram.py` compares every token with every other one, N^2 V operations and N^2 memory. Here the gradients G_i of all B
sequences are formed for a few rows of the LM head at a time, [B, rows, d], and their inner products added up: N V d and
B^2 V d operations and no N^2 at all. The result is the same; what is cheaper depends on N, d and B (`is_cheaper`). The
backward needs one pass as well: what its softmax subtracts is known only at its end, and enters linearly. Across ranks
each forms the gradients of its own sequences, of which a piece is gathered at a time: the states stay where they are.
Differentiable in the states alone. Imported lazily only: torch is imported at the top.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import torch
import torch.distributed as dist
from torch import Tensor

from trainers.ntk.gather import gather_rows
from trainers.ntk.primitives import chunks, product, rows_of_chunk, wide_dtype

MOST_NUMBERS: Final = 2**24
"""Numbers of the gradients that are held at a time."""


def is_cheaper(tokens: int, sequences: int, width: int) -> bool:
    """Whether this way takes fewer operations, forward and backward, than comparing all pairs of tokens."""
    return tokens**2 > 3 * tokens * width + sequences**2 * width


class GramByGradient(torch.autograd.Function):
    """Arguments of `ntk_gram`, in its order. Names as in `trainers.ntk.gram`; tokens are ordered by sequence."""

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
        counts: Sequence[int] | None,
    ) -> Tensor:
        """The kernel: [B, B], over the sequences of all ranks where `counts` has their numbers."""
        order = torch.argsort(sequence, stable=True)
        states, words = hidden[order], targets[order]
        lengths = torch.bincount(sequence, minlength=num_sequences).tolist()
        wide = wide_dtype(hidden)
        weighted = states.to(wide) * token_weights[order].to(wide)[:, None]
        logsumexp, rest, own = _normalise(states, lm_head, words, chunk_size)
        total = num_sequences if counts is None else sum(counts)
        rows = max(1, min(chunk_size, MOST_NUMBERS // (total * hidden.shape[1])))
        gram = torch.zeros(num_sequences, total, dtype=wide, device=hidden.device)
        for start, weight in chunks(lm_head, rows):
            residuals = -_others(states, weight, words, start, logsumexp)
            place = rows_of_chunk(words, start, len(weight))
            residuals[place, words[place] - start] = rest[place]
            gradients = _sum_by_sequence(residuals, weighted, lengths)
            gram.addmm_(gradients, _of_all_ranks(gradients, counts).T)
        ctx.save_for_backward(states, lm_head, words, token_weights[order].to(wide), logsumexp, rest, own, order)
        ctx.lengths, ctx.rows, ctx.counts = lengths, rows, counts
        return _of_all_ranks(gram, counts)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad_gram: Tensor) -> tuple[Tensor | None, ...]:
        """The gradient in the states: [N, d]."""
        states, lm_head, words, weights, logsumexp, rest, own, order = ctx.saved_tensors
        wide = wide_dtype(states)
        weighted = states.to(wide) * weights[:, None]
        pull = (grad_gram + grad_gram.T).to(wide)
        if ctx.counts is not None:
            pull = torch.split(pull, ctx.counts)[dist.get_rank()]
        explicit = torch.zeros_like(weighted)  # sum_v r_v (dK/dG)_v
        at_target = torch.zeros_like(rest)  # u_t[y_t]
        mean_word = torch.zeros_like(weighted)  # sum over others of p_v W_v
        pulled_word = torch.zeros_like(weighted)  # sum over others of p_v u_v W_v
        for start, weight in chunks(lm_head, ctx.rows):
            others = _others(states, weight, words, start, logsumexp)
            place = rows_of_chunk(words, start, len(weight))
            column = words[place] - start
            residuals = -others
            residuals[place, column] = rest[place]
            gradients = _sum_by_sequence(residuals, weighted, ctx.lengths)
            pulled = (pull @ _of_all_ranks(gradients, ctx.counts)).view(len(pull), len(weight), -1)
            # u_t = w_t (dK/dG_i) h_t, and the part of the states that stands in G_i itself.
            first = 0
            along_word = torch.empty_like(residuals)
            for number, length in enumerate(ctx.lengths):
                part = slice(first, first + length)
                along_word[part] = weighted[part] @ pulled[number].T
                explicit[part] += residuals[part] @ pulled[number]
                first += length
            at_target[place] = along_word[place, column]
            narrow = weight.dtype if weight.is_cuda else wide
            mean_word += product(others.to(narrow), weight, wide)
            pulled_word += product(others.mul_(along_word).to(narrow), weight, wide)
        explicit *= weights[:, None]
        along = (explicit * states.to(wide)).sum(1)  # r_t . u_t
        mean = at_target - along  # p_t . u_t
        grad = explicit + mean[:, None] * mean_word - pulled_word
        grad -= (own * along)[:, None] * lm_head[words].to(wide)
        unordered = torch.empty_like(grad)
        unordered[order] = grad
        return unordered.to(states.dtype), None, None, None, None, None, None, None


def _of_all_ranks(rows: Tensor, counts: Sequence[int] | None) -> Tensor:
    return rows if counts is None else torch.cat(gather_rows(rows, counts))


def _normalise(states: Tensor, lm_head: Tensor, words: Tensor, chunk_size: int) -> tuple[Tensor, Tensor, Tensor]:
    """Logarithm of the softmax's denominator, and the probabilities of everything but the target and of the target."""
    wide = wide_dtype(states)
    maximum = torch.full((len(states),), -torch.inf, dtype=wide, device=states.device)
    rest, target = torch.zeros_like(maximum), torch.zeros_like(maximum)
    for start, weight in chunks(lm_head, chunk_size):
        logits = product(states, weight.T, wide)
        place = rows_of_chunk(words, start, len(weight))
        column = words[place] - start
        target[place] = logits[place, column]
        before, maximum = maximum, torch.maximum(maximum, logits.amax(1))
        logits.sub_(maximum[:, None]).exp_()
        logits[place, column] = 0.0
        rest.mul_((before - maximum).exp_()).add_(logits.sum(1))
        del logits
    own = (target - maximum).exp_()
    total = rest + own
    return maximum + total.log(), rest / total, own / total


def _others(states: Tensor, weight: Tensor, words: Tensor, start: int, logsumexp: Tensor) -> Tensor:
    """Probabilities of a piece of the vocabulary, zero at the targets: [N, rows]."""
    others = product(states, weight.T, logsumexp.dtype).sub_(logsumexp[:, None]).exp_()
    place = rows_of_chunk(words, start, len(weight))
    others[place, words[place] - start] = 0.0
    return others


def _sum_by_sequence(residuals: Tensor, weighted: Tensor, lengths: list[int]) -> Tensor:
    """The gradients' piece, one row a sequence: [B, rows x d]."""
    gradients = torch.empty(
        len(lengths), residuals.shape[1], weighted.shape[1], dtype=weighted.dtype, device=weighted.device
    )
    first = 0
    for number, length in enumerate(lengths):
        part = slice(first, first + length)
        torch.mm(residuals[part].T, weighted[part], out=gradients[number])
        first += length
    return gradients.flatten(1)
