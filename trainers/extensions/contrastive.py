"""The contrastive term over the last-layer tangent kernel, see `trainers.ntk`, as an addition to the policy loss.

Across ranks all states are gathered, the graph stays on the local ones, and the loss is multiplied by the number of
ranks because gradients are averaged. Imported lazily only: torch and trl are imported at the top.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor
from trl.trainer.utils import maybe_gather_lm_head_ctx

from trainers.extensions import Extension, Forward
from trainers.ntk import Tokens, contrast, gather_tokens, ntk_similarity
from trainers.settings import NtkSettings


def contrastive(settings: NtkSettings) -> Extension:
    """The term with its weight."""
    return Extension(loss=partial(weighted_term, settings))


def weighted_term(settings: NtkSettings, trainer: Any, inputs: Mapping[str, Any], forward: Forward) -> Tensor:
    """The term over the responses that all ranks hold in this forward pass."""
    start = time.perf_counter()
    tokens = gather_tokens(_tokens(trainer.temperature, inputs, forward))
    weight = trainer.language_model.get_output_embeddings().weight
    with maybe_gather_lm_head_ctx(weight):
        # The representation is regularised, not the head: the head would learn to tell prompts apart by itself.
        head = weight.detach()
        head = head.full_tensor() if hasattr(head, "full_tensor") else head  # A shard under FSDP.
        similarity = ntk_similarity(tokens, head, settings)
    present = torch.bincount(tokens.sequence, minlength=tokens.num_sequences) > 0
    result = contrast(similarity, tokens.prompt, settings, present=present)
    trainer.record("ntk/loss", result.loss.item())
    for name, value in result.statistics.items():
        trainer.record(f"ntk/{name}", value)
    trainer.record("ntk/seconds", time.perf_counter() - start)
    ranks: int = trainer.accelerator.num_processes
    return settings.weight * result.loss * ranks


def _tokens(temperature: float, inputs: Mapping[str, Any], forward: Forward) -> Tokens:
    """The local response tokens; a state predicts the token after it."""
    ids, mask = inputs["completion_ids"], inputs["completion_mask"].bool()
    length = ids.size(1)
    sequence = torch.arange(len(ids), device=ids.device)[:, None].expand_as(ids)
    return Tokens(
        hidden=forward.states[:, -length - 1 : -1][mask] / temperature,
        targets=ids[mask],
        sequence=sequence[mask],
        logprobs=forward.logprobs.detach()[mask].float(),
        prompt=inputs["prompt_number"],
    )
