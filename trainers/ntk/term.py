"""The contrastive term of an optimizer step, however its batch is cut into micro-batches and over ranks.

The term compares all sequences with all others, so it is no sum over micro-batches. Its gradient in the states is
computed once, from the states of all of them, and each micro-batch's backward adds the states times this gradient, as
in GradCache (Gao et al., 2021, arXiv 2101.06983). Imported lazily only: torch is imported at the top.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from trainers.ntk.contrast import contrast
from trainers.ntk.estimators import ntk_similarity
from trainers.ntk.gather import Tokens, gather_rows, join_tokens, sizes_of_ranks
from trainers.settings import NtkSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """The term of a batch, without a graph.

    Attributes:
        loss: a scalar, the same on every rank.
        statistics: see `Contrast`.
        gradients: of each micro-batch of this rank, the gradient in its states, [N, d].
    """

    loss: Tensor
    statistics: Mapping[str, float]
    gradients: Sequence[Tensor]

    def pull(self, place: int, hidden: Tensor) -> Tensor:
        """A zero whose backward gives the states of a micro-batch their gradient.

        Args:
            place: number of the micro-batch.
            hidden: [N, d], its states with their graph.
        """
        product = (hidden.float() * self.gradients[place].float()).sum()
        return product - product.detach()


def term_of_batch(parts: Sequence[Tokens], lm_head: Tensor, settings: NtkSettings, *, scale: float = 1.0) -> Term:
    """The term over all micro-batches of all ranks. All ranks have to call it.

    Every rank computes the same loss and the gradient of it in its own states alone: a trainer that averages gradients
    over ranks has to scale by their number.

    Args:
        parts: the micro-batches of this rank; no graph is needed.
        lm_head: [V, d].
        settings: of the term.
        scale: factor on the gradients.
    """
    tokens = join_tokens(parts)
    hidden = tokens.hidden.detach().requires_grad_()
    sizes = sizes_of_ranks(tokens)
    present = torch.bincount(tokens.sequence, minlength=tokens.num_sequences) > 0
    prompt = tokens.prompt
    if sizes is not None:
        counts = [count for _, count in sizes]
        prompt, present = (torch.cat(gather_rows(item, counts)) for item in (prompt, present))
    with torch.enable_grad():
        similarity = ntk_similarity(replace(tokens, hidden=hidden), lm_head, settings, sizes)
        result = contrast(similarity, prompt, settings, present=present)
    (gradient,) = torch.autograd.grad(result.loss * scale, hidden)
    gradients = torch.split(gradient, [len(part.targets) for part in parts])
    return Term(loss=result.loss.detach(), statistics=result.statistics, gradients=gradients)
