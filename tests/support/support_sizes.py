"""Configurations of models in the sizes that people train, as their `config.json` files on the hub have them.

The sizes are those of Qwen/Qwen2.5-VL-3B-Instruct, Qwen/Qwen2.5-VL-7B-Instruct, Qwen/Qwen3-VL-4B-Instruct and
Qwen/Qwen3-VL-8B-Instruct; `WEIGHTS` are the numbers of parameters that the hub shows for their safetensors, which a
test holds the configurations to. No weights: a folder of a few kilobytes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

WEIGHTS: Final = {
    "qwen2_5_vl_3b": 3_754_622_976,
    "qwen2_5_vl_7b": 8_292_166_656,
    "qwen3_vl_4b": 4_437_815_808,
    "qwen3_vl_8b": 8_767_123_696,
}
_TEXT: Final = ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads")
_SIZES: Final[dict[str, tuple[tuple[int, ...], int, bool]]] = {
    "qwen2_5_vl_3b": ((2048, 11008, 36, 16, 2), 151936, True),
    "qwen2_5_vl_7b": ((3584, 18944, 28, 28, 4), 152064, False),
    "qwen3_vl_4b": ((2560, 9728, 36, 32, 8), 151936, True),
    "qwen3_vl_8b": ((4096, 12288, 36, 32, 8), 151936, False),
}
_QWEN3_VISION: Final = {
    "qwen3_vl_4b": {
        "depth": 24,
        "hidden_size": 1024,
        "intermediate_size": 4096,
        "deepstack_visual_indexes": [5, 11, 17],
    },
    "qwen3_vl_8b": {
        "depth": 27,
        "hidden_size": 1152,
        "intermediate_size": 4304,
        "deepstack_visual_indexes": [8, 16, 24],
    },
}


def config_of(name: str, **text: Any) -> Any:
    """A model's configuration; `text` replaces settings of its language model."""
    import transformers as hf

    numbers, vocabulary, tied = _SIZES[name]
    older = name.startswith("qwen2_5")
    sections = [16, 24, 24] if older else [24, 20, 20]
    rope = {"rope_type": "default", "rope_theta": 1e6 if older else 5e6, "mrope_section": sections}
    told = {
        **dict(zip(_TEXT, numbers, strict=True)),
        "vocab_size": vocabulary,
        "max_position_embeddings": 128000 if older else 262144,
        "tie_word_embeddings": tied,
        "rope_parameters": rope if older else {**rope, "mrope_interleaved": True},
        **({} if older else {"head_dim": 128}),
        **text,
    }
    seeing = (
        {"depth": 32, "hidden_size": 1280, "intermediate_size": 3420, "patch_size": 14}
        if older
        else {**_QWEN3_VISION[name], "patch_size": 16}
    )
    kind = hf.Qwen2_5_VLConfig if older else hf.Qwen3VLConfig
    architecture = "Qwen2_5_VLForConditionalGeneration" if older else "Qwen3VLForConditionalGeneration"
    return kind(
        text_config=told,
        vision_config={**seeing, "num_heads": 16, "out_hidden_size": told["hidden_size"]},
        tie_word_embeddings=tied,
        architectures=[architecture],
    )


def write_config(name: str, folder: Path) -> Path:
    """A folder with the configuration alone."""
    config_of(name).save_pretrained(folder)
    return folder
