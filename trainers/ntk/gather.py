"""The tokens of a batch as the kernel takes them, and those of all ranks, with the graph kept on the local ones.

Imported lazily only: torch is imported at the top.
"""

from __future__ import annotations

from collections.abc import Sequence
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
        weights: [N], weight of each token's log-probability in its sequence, detached.
        prompt: [B], integers: sequences with the same number answer the same prompt.
    """

    hidden: Tensor
    targets: Tensor
    sequence: Tensor
    weights: Tensor
    prompt: Tensor

    @property
    def num_sequences(self) -> int:
        """B."""
        return len(self.prompt)


def join_tokens(parts: Sequence[Tokens]) -> Tokens:
    """The sequences of several batches as those of one, in their order."""
    firsts = [0]
    for part in parts:
        firsts.append(firsts[-1] + part.num_sequences)
    return Tokens(
        hidden=torch.cat([part.hidden for part in parts]),
        targets=torch.cat([part.targets for part in parts]),
        sequence=torch.cat([part.sequence + first for part, first in zip(parts, firsts, strict=False)]),
        weights=torch.cat([part.weights for part in parts]),
        prompt=torch.cat([part.prompt for part in parts]),
    )


def sizes_of_ranks(tokens: Tokens) -> list[tuple[int, int]] | None:
    """Tokens and sequences of each rank; `None`: there is one process. All ranks have to call it."""
    if not (dist.is_available() and dist.is_initialized()) or dist.get_world_size() == 1:
        return None
    sizes = torch.zeros(dist.get_world_size(), 2, dtype=torch.int64, device=tokens.hidden.device)
    sizes[dist.get_rank(), 0], sizes[dist.get_rank(), 1] = len(tokens.targets), tokens.num_sequences
    dist.all_reduce(sizes)
    return [(length, count) for length, count in sizes.tolist()]


def gather_tokens(tokens: Tokens, sizes: Sequence[tuple[int, int]]) -> Tokens:
    """The tokens of all ranks, in rank order; only the local states keep their graph.

    Args:
        tokens: of this rank.
        sizes: of all ranks, from `sizes_of_ranks`.
    """
    lengths, counts = [length for length, _ in sizes], [count for _, count in sizes]
    parts = zip(
        gather_rows(tokens.hidden, lengths),
        gather_rows(tokens.targets, lengths),
        gather_rows(tokens.sequence, lengths),
        gather_rows(tokens.weights, lengths),
        gather_rows(tokens.prompt, counts),
        strict=True,
    )
    names = ("hidden", "targets", "sequence", "weights", "prompt")
    return join_tokens([Tokens(**dict(zip(names, part, strict=True))) for part in parts])


def gather_rows(local: Tensor, lengths: Sequence[int]) -> list[Tensor]:
    """Rows of every rank, padded to the longest for the transfer; the local ones are the tensor itself."""
    padded = local.new_zeros((max(lengths), *local.shape[1:]))
    padded[: len(local)] = local.detach()
    parts = [torch.empty_like(padded) for _ in lengths]
    dist.all_gather(parts, padded)
    parts = [part[:length] for part, length in zip(parts, lengths, strict=True)]
    parts[dist.get_rank()] = local
    return parts
