"""Transformers' `generate`, with nothing about tokens left to a checkpoint's own generation settings.

Imported lazily only, by what runs a model of Transformers: torch and Transformers are imported at the top.
"""

from __future__ import annotations

from typing import Any, Final

import torch
from transformers import GenerationConfig

_KEPT: Final = frozenset(
    {
        *("bos_token_id", "eos_token_id", "pad_token_id", "decoder_start_token_id"),
        *("use_cache", "cache_implementation", "cache_config", "compile_config", "disable_compile"),
    }
)
"""Fields that say which special tokens there are, or how the same tokens are computed."""


def generate(model: Any, settings: GenerationConfig, **inputs: Any) -> torch.Tensor:
    """What a model generates by these settings alone.

    Transformers takes each field that they leave open from the model's own `generation_config`: beams, n-grams or
    tokens that may not be, a least length. For this call the model has none of that, nor has a part that generates for
    it. It has it again afterwards: a model that is trained is saved with it.

    Args:
        model: of Transformers.
        settings: what decides the tokens.
        **inputs: others of `generate`, tensors of B rows with P tokens among them.

    Returns:
        [B, P + T], ids of the prompt's tokens and of those that follow.
    """
    parts = [part for part in model.modules() if isinstance(vars(part).get("generation_config"), GenerationConfig)]
    own = [part.generation_config for part in parts]
    try:
        for part in parts:
            part.generation_config = _undecided(part.generation_config)
        tokens: torch.Tensor = model.generate(**inputs, generation_config=settings)
    finally:
        for part, config in zip(parts, own, strict=True):
            part.generation_config = config
    return tokens


def _undecided(own: GenerationConfig) -> GenerationConfig:
    """A model's settings without what decides tokens; a field that only a checkpoint's own code knows stays."""
    known = vars(GenerationConfig()).keys() - _KEPT
    return GenerationConfig(**{name: value for name, value in vars(own).items() if name not in known})
