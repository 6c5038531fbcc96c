"""The contrastive term over the last-layer tangent kernel, see `trainers.ntk`, as an addition to the policy loss.

It is that of an optimizer step, all passes of all ranks together, so that it does not depend on how a batch is cut.
Where a step has several passes they are taken once before, without gradients, for their states. Gradients are scaled by
the number of ranks, over which they are averaged. Imported lazily only: torch and trl are imported at the top.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from trl.trainer.utils import maybe_gather_lm_head_ctx

from trainers.extensions import Extension, Forward
from trainers.ntk import Term, Tokens, term_of_batch, tokens_to_compare
from trainers.settings import NtkSettings

Part = tuple[Tokens, Tensor | slice]
"""The tokens of a pass that are compared, and their places among its response tokens."""


def contrastive(settings: NtkSettings) -> Extension:
    """The term with its weight."""
    term = _StepTerm(settings)
    return Extension(begin=term.begin, loss=term.loss)


class _StepTerm:
    """The term of the current optimizer step."""

    def __init__(self, settings: NtkSettings) -> None:
        self._settings = settings
        self._term: Term | None = None
        self._kept: Sequence[Tensor | slice] = ()

    def begin(self, trainer: Any) -> None:
        """Look at all passes of a step that has several."""
        if trainer.passes > 1:
            start = time.perf_counter()
            self._compute(trainer, trainer.look_ahead(lambda *taken: self._part(trainer, *taken)), start)

    def loss(self, trainer: Any, inputs: Mapping[str, Any], forward: Forward) -> Tensor:
        """The weighted term, whose gradient is that of this pass alone."""
        if trainer.passes == 1:
            self._compute(trainer, [self._part(trainer, inputs, forward)], time.perf_counter())
        assert self._term is not None, "computed in the first pass of a step"
        place = trainer.current_pass
        hidden = _states(trainer, inputs, forward)[self._kept[place]]
        # The trainer divides by the number of passes, but each has all of its own gradient.
        total: Tensor = self._settings.weight * self._term.loss + trainer.passes * self._term.pull(place, hidden)
        return total

    def _part(self, trainer: Any, inputs: Mapping[str, Any], forward: Forward) -> Part:
        ids, mask = inputs["completion_ids"], inputs["completion_mask"].bool()
        sequence = torch.arange(len(ids), device=ids.device)[:, None].expand_as(ids)
        return tokens_to_compare(
            _states(trainer, inputs, forward).detach(),
            ids[mask],
            sequence[mask],
            forward.logprobs.detach()[mask].float(),
            inputs["prompt_number"],
            self._settings,
        )

    def _compute(self, trainer: Any, parts: Sequence[Part], start: float) -> None:
        weight = trainer.language_model.get_output_embeddings().weight
        with maybe_gather_lm_head_ctx(weight):
            # The representation is regularised, not the head: the head would learn to tell prompts apart by itself.
            head = weight.detach()
            head = head.full_tensor() if hasattr(head, "full_tensor") else head  # A shard under FSDP.
            scale = self._settings.weight * trainer.accelerator.num_processes
            self._term = term_of_batch([tokens for tokens, _ in parts], head, self._settings, scale=scale)
        self._kept = [kept for _, kept in parts]
        trainer.record("ntk/loss", self._term.loss.item())
        for name, value in self._term.statistics.items():
            trainer.record(f"ntk/{name}", value)
        trainer.record("ntk/seconds", time.perf_counter() - start)


def _states(trainer: Any, inputs: Mapping[str, Any], forward: Forward) -> Tensor:
    """The states of the response tokens, as the LM head reads them; a state predicts the token after it."""
    mask = inputs["completion_mask"].bool()
    states: Tensor = forward.states[:, -mask.size(1) - 1 : -1][mask] / trainer.temperature
    return states
