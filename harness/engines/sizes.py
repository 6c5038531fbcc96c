"""What a token of context takes in a model's cache, and how fast tokens are taken to come where nobody has measured."""

from __future__ import annotations

from typing import Any, Final

PACE: Final = 1000
"""Generated tokens a second at which a time is told where none is known."""


def cache_bytes(config: Any, itemsize: int) -> int | None:
    """Bytes of the keys and values of a token in all layers, as vLLM counts them (`AttentionSpec.page_size_bytes`).

    Args:
        config: a model's configuration, as Transformers reads it.
        itemsize: bytes of a number in the cache.

    Returns:
        `None` where the configuration does not tell.
    """
    text = config.get_text_config()
    queries = getattr(text, "num_attention_heads", None)
    heads = getattr(text, "num_key_value_heads", None) or queries
    size = getattr(text, "head_dim", None)
    if size is None and queries:
        size = text.hidden_size // queries
    layers = getattr(text, "num_hidden_layers", None)
    return 2 * layers * heads * size * itemsize if layers and heads and size else None
