"""Device and precision of the `hf` engine.

Imported lazily only, by the `hf` engine: torch is imported at the top.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import torch
from transformers import AutoConfig
from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING
from transformers.utils import is_flash_attn_2_available

from harness.core.errors import UsageError
from harness.engines.preparation import one_line

_DTYPES: Final = {"bfloat16": torch.bfloat16, "float16": torch.float16, "float32": torch.float32}


def resolve_device(device: str) -> torch.device:
    """A torch device by its name; `auto` is CUDA where it is, else CPU.

    Raises:
        UsageError: there is no such device here.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        resolved = torch.device(device)
        torch.empty(0, device=resolved)
    except (RuntimeError, AssertionError) as error:
        raise UsageError(f"device {device!r} is not available here: {one_line(error)} Try --device cpu.") from error
    return resolved


def resolve_dtype(dtype: str, device: torch.device) -> torch.dtype:
    """A precision by its name; `auto` is bfloat16 where the device has it, float32 on CPU.

    Raises:
        UsageError: there is no such precision.
    """
    if dtype == "auto":
        if device.type == "cuda":
            return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
        return torch.float32
    if dtype not in _DTYPES:
        raise UsageError(f"dtype {dtype!r} does not exist. Choose one of: {', '.join(_DTYPES)}, auto.")
    return _DTYPES[dtype]


def resolve_attention(folder: Path, device: torch.device, dtype: torch.dtype) -> str:
    """`flash_attention_2` where it is installed and checkpoint, device and precision have it, else `sdpa`.

    A checkpoint whose configuration cannot be read gets `sdpa`: loading it says what is wrong.
    """
    if device.type != "cuda" or dtype == torch.float32 or not is_flash_attn_2_available():
        return "sdpa"
    try:
        config = AutoConfig.from_pretrained(folder)
        model_class = MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING[type(config)]
    except (OSError, ValueError, KeyError):
        return "sdpa"
    return "flash_attention_2" if getattr(model_class, "_supports_flash_attn", False) else "sdpa"


def is_alive(device: torch.device) -> bool:
    """Whether a CUDA device still works after an error."""
    try:
        torch.cuda.synchronize(device)
    except RuntimeError:
        return False
    return True
