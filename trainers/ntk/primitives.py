"""What both ways to the kernel share. Imported lazily only: torch is imported at the top."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor


def mean_weights(sequence: Tensor, num_sequences: int, dtype: torch.dtype) -> Tensor:
    """One over the length of each token's sequence: [N]."""
    lengths = torch.bincount(sequence, minlength=num_sequences)
    return lengths[sequence].to(dtype).reciprocal()


def wide_dtype(hidden: Tensor) -> torch.dtype:
    """The precision in which sums are kept."""
    return torch.float64 if hidden.dtype == torch.float64 else torch.float32


def chunks(lm_head: Tensor, chunk_size: int) -> Iterator[tuple[int, Tensor]]:
    """The head in pieces of `chunk_size` rows, each with the number of its first row."""
    for start in range(0, len(lm_head), chunk_size):
        yield start, lm_head[start : start + chunk_size]


def rows_of_chunk(targets: Tensor, start: int, size: int) -> Tensor:
    """Tokens whose target lies in a chunk: their numbers."""
    return ((targets >= start) & (targets < start + size)).nonzero().squeeze(1)


def product(left: Tensor, right: Tensor, wide: torch.dtype) -> Tensor:
    """Matrix product in wide precision; on CUDA the tensor cores multiply half precision and sum in float32."""
    if left.dtype == right.dtype == wide:
        return left @ right
    if left.is_cuda and left.dtype == right.dtype and wide == torch.float32:
        return torch.mm(left, right, out_dtype=torch.float32)
    return left.to(wide) @ right.to(wide)
