"""The sizes of a model that its memory depends on, counted on the meta device: nothing is loaded.

Imported lazily only: torch is imported at the top.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from harness.core.errors import ModelError
from harness.engines.checkpoints import Checkpoint
from harness.engines.loaders import empty_model
from harness.engines.sizes import cache_bytes
from trainers.models import TOWERS


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """Layers of a transformer, all alike.

    Attributes:
        layers: how many.
        width: numbers of a token between layers.
        inner: numbers of a token within the feed-forward part.
        queries: numbers of a token's queries.
        keys: numbers of its keys, as many as of its values.
        norms: numbers of a token that are normalised.
    """

    layers: int
    width: int
    inner: int
    queries: int
    keys: int
    norms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSizes:
    """A model's sizes, in numbers, not bytes.

    Attributes:
        total: parameters, tied ones once.
        seeing: of them, those of towers that see or hear.
        linear: of them, those of linear layers but for the head: what `train.bits` quantises.
        layer: those of one layer of the language model.
        adapted: inputs and outputs of the linear layers that an adapter changes, summed: its parameters a rank.
        vocabulary: rows of the head.
        text: the language model.
        vision: the tower that sees; `None` where its configuration does not tell.
        patches: of the tower, that become one token.
        cache: keys and values of a token in all layers.
    """

    total: int
    seeing: int
    linear: int
    layer: int
    adapted: int
    vocabulary: int
    text: Stack
    vision: Stack | None
    patches: int
    cache: int


def measure(checkpoint: Checkpoint) -> ModelSizes:
    """Count a checkpoint's model.

    Raises:
        ModelError: its configuration does not tell its layers.
    """
    model = empty_model(checkpoint)
    model.tie_weights()
    config = model.config
    text, seen = config.get_text_config(), getattr(config, "vision_config", None)
    cache = cache_bytes(config, 1)
    if cache is None:
        raise ModelError(
            f"model {checkpoint.name!r}: its configuration does not tell the layers and heads of attention."
        )
    layers, heads = text.num_hidden_layers, text.num_attention_heads
    size = getattr(text, "head_dim", None) or text.hidden_size // heads
    linear = {name: module for name, module in model.named_modules() if isinstance(module, nn.Linear)}
    head = model.get_output_embeddings()
    inside = {name: module for name, module in linear.items() if module is not head}
    queries, keys = heads * size, cache // (2 * layers)
    layer = _layer(model, layers, text.hidden_size)
    towers = [module for name, module in model.named_modules() if re.fullmatch(TOWERS, name)]
    return ModelSizes(
        total=_count(model.parameters()),
        seeing=_count(parameter for tower in towers for parameter in tower.parameters()),
        linear=_count(module.weight for module in inside.values()),
        layer=_count(layer.parameters()),
        adapted=sum(
            module.in_features + module.out_features
            for name, module in inside.items()
            if not re.fullmatch(TOWERS, name)
        ),
        vocabulary=head.weight.shape[0],
        text=Stack(
            layers=layers,
            width=text.hidden_size,
            inner=_inner(text),
            queries=queries,
            keys=keys,
            norms=_norms(layer, text.hidden_size, queries, keys),
        ),
        vision=_vision(model, seen),
        patches=(getattr(seen, "spatial_merge_size", None) or 1) ** 2,
        cache=cache,
    )


def _count(parameters: Iterable[torch.Tensor]) -> int:
    return sum({id(parameter): parameter.numel() for parameter in parameters}.values())


def _layer(model: Any, layers: int, width: int) -> nn.Module:
    """One of the layers of a stack: of the lists of as many modules, the one whose modules normalise that width."""
    stacks = (module[0] for module in model.modules() if isinstance(module, nn.ModuleList) and len(module) == layers)
    return max(
        stacks, key=lambda layer: (_norms(layer, width, 0, 0), _count(layer.parameters())), default=nn.Identity()
    )


def _norms(layer: nn.Module, width: int, queries: int, keys: int) -> int:
    numbers = 0
    for name, module in layer.named_modules():
        if "norm" in type(module).__name__.lower() and getattr(module, "weight", None) is not None:
            here = {"q_norm": queries, "k_norm": keys}.get(name.rpartition(".")[2])
            numbers += here if here is not None else width * (module.weight.numel() == width)
    return numbers


def _inner(text: Any) -> int:
    """Of a mixture of experts, as many as a token goes through."""
    experts = getattr(text, "num_experts_per_tok", None)
    each = getattr(text, "moe_intermediate_size", None)
    return int(experts * each if experts and each else text.intermediate_size)


def _vision(model: Any, config: Any) -> Stack | None:
    width = getattr(config, "embed_dim", None) or getattr(config, "hidden_size", None)
    layers = getattr(config, "num_hidden_layers", None) or getattr(config, "depth", None)
    if not (isinstance(width, int) and isinstance(layers, int)):
        return None
    inner = getattr(config, "intermediate_size", None) or int(width * getattr(config, "mlp_ratio", 4))
    norms = _norms(_layer(model, layers, width), width, width, width)
    return Stack(layers=layers, width=width, inner=inner, queries=width, keys=width, norms=norms)
