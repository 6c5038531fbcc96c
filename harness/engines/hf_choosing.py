"""Choosing the next token of each row of a batch, and keeping how probable the model held it.

Imported lazily only, by the `hf` engine: torch and Transformers are imported at the top.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from transformers import LogitsProcessor

from harness.engines.contrasts import Contrast
from harness.engines.hf_contrast import contrasted


class TokenChooser(LogitsProcessor):  # type: ignore[misc]  # Transformers has no types.
    """Greedy choice, or a draw whose random numbers belong to the row.

    Placed last in Transformers' `generate` without sampling, it leaves one token of each row to choose. Random numbers
    are drawn for each row from its own seed, before anything else: a row's tokens depend neither on the other rows nor
    on how many there are, save for rounding. Only the log-probability of the chosen token is kept of each step.
    """

    def __init__(
        self,
        seeds: Sequence[int] | None,
        *,
        max_new_tokens: int,
        temperature: float = 1.0,
        top_p: float = 1.0,
        top_k: int = 0,
        repetition_penalty: float = 1.0,
        mask: torch.Tensor | None = None,
        contrast: Contrast | None = None,
    ) -> None:
        """Draw the random numbers.

        Args:
            seeds: [B], one a row; `None`: greedy.
            max_new_tokens: steps at most.
            temperature: above 0; only used with seeds.
            top_p: nucleus mass, 0 to 1; only used with seeds.
            top_k: how many of the most probable tokens are drawn from; 0: all.
            repetition_penalty: see `penalise`.
            mask: [B, P], 1 where the prompt has a token, 0 where it is padded; only used with a penalty.
            contrast: the batch has B rows more, see `harness.engines.hf_contrast`, by which those before are chosen.
        """
        self._contrast = contrast
        self._penalty = repetition_penalty
        self._mask = mask
        self._temperature = temperature
        self._top_p = top_p
        self._top_k = top_k
        self._logprobs: list[torch.Tensor] = []
        self._uniform: torch.Tensor | None = None
        if seeds is not None:
            rows = [
                torch.rand(max_new_tokens, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
                for seed in seeds
            ]
            self._uniform = torch.stack(rows, dim=1)

    def __call__(self, input_ids: torch.LongTensor, scores: torch.Tensor) -> torch.Tensor:
        """Scores [B, V], raw logits in float32, to scores whose greatest is the chosen token; [2B, V] with contrast."""
        ids: torch.Tensor = input_ids
        wanted = scores
        if self._contrast is not None:
            (scores, other), (ids, _) = scores.chunk(2), ids.chunk(2)
            wanted = contrasted(self._contrast, scores, other, len(self._logprobs) + 1)
        if self._penalty != 1 and self._mask is not None:
            wanted = penalise(wanted, ids, self._mask, self._penalty)
        if self._uniform is None:
            chosen = wanted.argmax(dim=-1, keepdim=True)
        else:
            uniform = self._uniform[len(self._logprobs)].to(scores.device).unsqueeze(1)
            chosen = draw(wanted / self._temperature, uniform, self._top_p, self._top_k)
        self._logprobs.append((scores.gather(1, chosen) - scores.logsumexp(dim=-1, keepdim=True)).squeeze(1))
        if self._uniform is None and self._contrast is None:
            return wanted
        only = torch.full_like(scores, -torch.inf).scatter(1, chosen, 0.0)
        return only if self._contrast is None else torch.cat([only, only])

    def logprobs(self) -> list[list[float]]:
        """[B, T], log-probability of each chosen token under the raw logits; what follows a row's end is of no use."""
        return torch.stack(self._logprobs, dim=1).tolist()


def penalise(scores: torch.Tensor, input_ids: torch.Tensor, mask: torch.Tensor, penalty: float) -> torch.Tensor:
    """Make tokens that are there already less probable: what is above 0 is divided, what is below is multiplied.

    Transformers' own processor counts the padding of a batch among the tokens, and with it often the end token.

    Args:
        scores: [B, V], logits.
        input_ids: [B, P + T], prompt and what was generated.
        mask: [B, P], 0 where the prompt is padded.
        penalty: above 1 against repetition.
    """
    new = mask.new_ones(len(mask), input_ids.shape[1] - mask.shape[1])
    counts = torch.zeros(scores.shape, dtype=torch.int32, device=scores.device)
    counts.scatter_add_(1, input_ids, torch.cat([mask, new], dim=1).int())
    return torch.where(counts > 0, torch.where(scores > 0, scores / penalty, scores * penalty), scores)


def draw(logits: torch.Tensor, uniform: torch.Tensor, top_p: float, top_k: int = 0) -> torch.Tensor:
    """Tokens [B, 1] drawn by inverting the cumulative distribution.

    Args:
        logits: [B, V].
        uniform: [B, 1], random numbers from 0 to 1 (exclusive) in float64.
        top_p: the least set of most probable tokens that has this mass is drawn from.
        top_k: so many of the most probable tokens are left before that, and those as probable as the last; 0: all.
    """
    if 0 < top_k < logits.shape[-1]:
        logits = logits.masked_fill(logits < logits.topk(top_k).values[:, -1:], -torch.inf)
    probabilities = logits.softmax(dim=-1)
    order = None
    if top_p < 1:
        probabilities, order = probabilities.sort(dim=-1, descending=True, stable=True)
        before = probabilities.cumsum(dim=-1, dtype=torch.float64) - probabilities
        # The most probable token always stays, so that top_p = 0 is greedy.
        probabilities = probabilities.masked_fill(before >= max(top_p, torch.finfo(torch.float64).tiny), 0.0)
    cumulative = probabilities.cumsum(dim=-1, dtype=torch.float64)
    place = torch.searchsorted(cumulative, uniform * cumulative[:, -1:], right=True)
    place = place.clamp(max=logits.shape[-1] - 1)
    return place if order is None else order.gather(1, place)
