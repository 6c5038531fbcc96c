"""Bringing the tokens of all ranks together, with the graph kept on the local ones.

Imported lazily only: torch is imported at the top.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """Response tokens of a batch of sequences, as the kernel takes them.

    Attributes:
        hidden: [N, d].
        targets: [N].
        sequence: [N], numbers in 0..B-1.
        logprobs: [N], log-probability of each target, detached.
        prompt: [B], integers: sequences with the same number answer the same prompt.
    """

    hidden: Tensor
    targets: Tensor
    sequence: Tensor
    logprobs: Tensor
    prompt: Tensor

    @property
    def num_sequences(self) -> int:
        """B."""
        return len(self.prompt)


def gather_tokens(tokens: Tokens) -> Tokens:
    """The tokens of all ranks, in rank order; alone, the tokens themselves.

    Only the local rows keep their graph. Each rank then computes the same loss over all sequences and the gradient of
    it in its own rows; a trainer that averages gradients over ranks has to multiply the loss by their number.
    """
    if not (dist.is_available() and dist.is_initialized()) or dist.get_world_size() == 1:
        return tokens
    rank, world = dist.get_rank(), dist.get_world_size()
    sizes = torch.zeros(world, 2, dtype=torch.int64, device=tokens.hidden.device)
    sizes[rank, 0], sizes[rank, 1] = len(tokens.targets), tokens.num_sequences
    dist.all_reduce(sizes)
    lengths, counts = sizes[:, 0].tolist(), sizes[:, 1].tolist()
    hidden = _gather(tokens.hidden.detach(), lengths)
    hidden[rank] = tokens.hidden
    first = 0
    sequences = _gather(tokens.sequence, lengths)
    for number, count in enumerate(counts):
        sequences[number] = sequences[number] + first
        first += count
    return Tokens(
        hidden=torch.cat(hidden),
        targets=torch.cat(_gather(tokens.targets, lengths)),
        sequence=torch.cat(sequences),
        logprobs=torch.cat(_gather(tokens.logprobs, lengths)),
        prompt=torch.cat(_gather(tokens.prompt, counts)),
    )


def _gather(local: Tensor, lengths: list[int]) -> list[Tensor]:
    """Rows of every rank, padded to the longest for the transfer, without a graph."""
    padded = local.new_zeros((max(lengths), *local.shape[1:]))
    padded[: len(local)] = local
    parts = [torch.empty_like(padded) for _ in lengths]
    dist.all_gather(parts, padded)
    return [part[:length] for part, length in zip(parts, lengths, strict=True)]
