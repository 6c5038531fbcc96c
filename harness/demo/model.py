"""The architecture of the demo checkpoint: Qwen2.5-VL with 1.2 million parameters.

Imported lazily only: torch and transformers are imported at the top.
"""

from __future__ import annotations

from typing import Any, Final

import torch
from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

from harness.demo.tokenizer import MERGE, PATCH, TEMPORAL_PATCH, VOCABULARY

HIDDEN: Final = 128
LAYERS: Final = 4
VISION_HIDDEN: Final = 96
VISION_LAYERS: Final = 2
VOCABULARY_SIZE: Final = 32 * -(-len(VOCABULARY) // 32)


def build_config() -> Qwen2_5_VLConfig:
    """The configuration; ids come from the tokenizer's vocabulary."""
    ids = {token: index for index, token in enumerate(VOCABULARY)}
    text = {
        "vocab_size": VOCABULARY_SIZE,
        "hidden_size": HIDDEN,
        "intermediate_size": HIDDEN * 5 // 2,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 1024,
        "rms_norm_eps": 1e-6,
        "rope_parameters": {"rope_type": "default", "mrope_section": [4, 6, 6], "rope_theta": 10000.0},
        "tie_word_embeddings": True,
        "bos_token_id": ids["<|im_start|>"],
        "eos_token_id": ids["<|im_end|>"],
        "pad_token_id": ids["<|endoftext|>"],
    }
    vision = {
        "depth": VISION_LAYERS,
        "hidden_size": VISION_HIDDEN,
        "intermediate_size": VISION_HIDDEN * 2,
        "num_heads": VISION_HIDDEN // 32,
        "patch_size": PATCH,
        "spatial_merge_size": MERGE,
        "temporal_patch_size": TEMPORAL_PATCH,
        "window_size": 112,
        "out_hidden_size": HIDDEN,
        "fullatt_block_indexes": list(range(VISION_LAYERS)),
        "tokens_per_second": 1,
    }
    return Qwen2_5_VLConfig(
        text_config=text,
        vision_config=vision,
        image_token_id=ids["<|image_pad|>"],
        video_token_id=ids["<|video_pad|>"],
        vision_start_token_id=ids["<|vision_start|>"],
        vision_end_token_id=ids["<|vision_end|>"],
        tie_word_embeddings=True,
        dtype="float32",
    )


def build_model(seed: int) -> Any:
    """An untrained model; `seed` decides its weights."""
    torch.manual_seed(seed)
    model = Qwen2_5_VLForConditionalGeneration(build_config())
    config = model.generation_config
    config.eos_token_id = [model.config.text_config.eos_token_id]
    config.pad_token_id = model.config.text_config.pad_token_id
    config.do_sample = False
    return model
