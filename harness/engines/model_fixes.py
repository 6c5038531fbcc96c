"""Fixes of what Transformers computes otherwise than a model was trained with.

Imported lazily only, where a model is loaded: torch is imported at the top.
"""

from __future__ import annotations

from inspect import unwrap
from itertools import groupby
from typing import Any

import torch


def fix_model(model: Any) -> None:
    """Make a model that was just loaded compute what it was trained to; once a model, whatever uses it afterwards.

    Args:
        model: a Transformers model; changed in place.
    """
    fix_mrope(model)
    fix_vision_attention(model)
    fix_logit_scale(model)


def fix_positions(
    position_ids: torch.Tensor, mm_token_type_ids: torch.Tensor, attention_mask: torch.Tensor | None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Move what follows an image or video to the positions after its last one.

    Qwen2-VL and Qwen2.5-VL were trained with text that starts at the highest position of the vision tokens before it,
    plus one. Transformers 5.23 starts it at `start + max(height, width)` of the grid, which lies *inside* any video
    whose time stamps reach further than its grid is wide; positions that are right already stay as they are.

    Args:
        position_ids: [3, B, T], of time, height and width, as the model computes them.
        mm_token_type_ids: [B, T], 0 text, 1 image, 2 video.
        attention_mask: [B, T], 0 where the sequence is padded, or `None`.

    Returns:
        Fixed positions [3, B, T], and [B, 1], what is added to a token's index to continue them.
    """
    fixed = position_ids.clone()
    deltas = []
    for row in range(position_ids.shape[1]):
        kept = slice(None) if attention_mask is None else attention_mask[row].bool()
        positions = position_ids[:, row, kept].clone()
        start, after = 0, 0
        for _, run in groupby(mm_token_type_ids[row][kept].tolist()):
            end = start + len(list(run))
            positions[:, start:] += max(0, after - int(positions[:, start:end].min()))
            after = int(positions[:, start:end].max()) + 1
            start = end
        fixed[:, row, kept] = positions
        deltas.append(after - positions.shape[1])
    return fixed, torch.tensor(deltas, device=position_ids.device).unsqueeze(1)


def fix_mrope(model: Any) -> None:
    """Make a loaded Qwen2-VL or Qwen2.5-VL place text after videos as it was trained to; any other model is left alone.

    Args:
        model: a Transformers image-text-to-text model; changed in place.
    """
    if getattr(model.config, "model_type", None) not in ("qwen2_vl", "qwen2_5_vl"):
        return
    backbone = model.model
    compute = backbone.get_rope_index

    def get_rope_index(
        input_ids: torch.Tensor,
        mm_token_type_ids: torch.Tensor,
        *arguments: Any,
        attention_mask: torch.Tensor | None = None,
        **options: Any,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        position_ids, _ = compute(input_ids, mm_token_type_ids, *arguments, attention_mask=attention_mask, **options)
        return fix_positions(position_ids, mm_token_type_ids, attention_mask)

    backbone.get_rope_index = get_rope_index


def fix_vision_attention(model: Any) -> None:
    """Let each patch of an image see all others in Phi-4-multimodal; any other model is left alone.

    Transformers 5.23 marks the attention of its vision tower as causal. That holds wherever no patch is masked, as for
    an image that fills its tiles, and not where one is: so its output hung on what shared the batch.

    Args:
        model: a Transformers model; changed in place.
    """
    if getattr(model.config, "model_type", None) != "phi4_multimodal":
        return
    for module in model.model.embed_tokens_extend.image_embed.img_processor.modules():
        if hasattr(module, "is_causal"):
            module.is_causal = False


def fix_logit_scale(model: Any) -> None:
    """Scale the logits of Cohere's multimodal models as their language models were trained to; others are left alone.

    Transformers since 4.52 has the heads of Aya Vision and Command A Vision without the `logit_scale` of their language
    model: the likeliest token stays the same, every probability is another. The states that the head reads are scaled,
    which comes to the same logits: so trainers that apply the head's weight themselves have them too, and kernels of
    its gradients, which are proportional to the scaled states.

    Args:
        model: a Transformers model; changed in place.
    """
    scale = getattr(getattr(model.config, "text_config", None), "logit_scale", None)
    if not isinstance(scale, int | float) or follows(model, "logit_scale") or model.base_model is model:
        return

    def scaled(_module: Any, _inputs: Any, output: Any) -> Any:
        output.last_hidden_state = output.last_hidden_state * scale
        return output

    model.base_model.register_forward_hook(scaled)


def follows(model: Any, setting: str) -> bool:
    """Whether the way of a Transformers model to its logits reads a setting of that name."""
    return setting in unwrap(type(model).forward).__code__.co_names
