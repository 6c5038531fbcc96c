"""Device and precision of the `hf` engine.

Imported lazily only, by the `hf` engine: torch is imported at the top.
"""

from __future__ import annotations

import logging
from importlib.util import find_spec
from typing import Any, Final

import torch
from transformers import BitsAndBytesConfig
from transformers.utils import is_flash_attn_2_available

from harness.core.errors import ModelError, UsageError
from harness.engines import check_dtype
from harness.engines.checkpoints import Checkpoint
from harness.engines.kinds import is_quantized
from harness.engines.loaders import supports_flash_attention
from harness.engines.preparation import one_line

QUANTIZATIONS: Final = {"bnb-4bit": 4, "bnb-8bit": 8}
"""Bits of a weight, by what `--quantization` calls it."""


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
    check_dtype(dtype)
    resolved: torch.dtype = getattr(torch, dtype)
    return resolved


def resolve_attention(checkpoint: Checkpoint, device: torch.device, dtype: torch.dtype) -> str | None:
    """`flash_attention_2` where it is installed and checkpoint, device and precision have it, else `sdpa`.

    `None`, its own choice, for a checkpoint whose own code is run; and `sdpa` where the configuration cannot be read:
    loading it says what is wrong.
    """
    if checkpoint.trust_remote_code:
        return None
    if device.type != "cuda" or dtype == torch.float32 or not is_flash_attn_2_available():
        return "sdpa"
    try:
        return "flash_attention_2" if supports_flash_attention(checkpoint) else "sdpa"
    except ModelError:
        return "sdpa"


def placement(
    checkpoint: Checkpoint, device: torch.device, dtype: torch.dtype, device_map: str | None, quantization: str | None
) -> dict[str, Any]:
    """Arguments of `from_pretrained` that say where a model goes and how its weights are rounded on the way.

    Args:
        checkpoint: one with a folder.
        device: of what is quantised and not spread.
        dtype: in which quantised weights are multiplied.
        device_map: a way of Accelerate's to spread a model; `None`: it is not spread.
        quantization: a name of `QUANTIZATIONS`; `None`: it is loaded as it is.

    Returns:
        Nothing for a model that is brought to its device when it is loaded.

    Raises:
        UsageError: there is no such quantisation, the package for it is missing, or the checkpoint is quantised.
    """
    stored = is_quantized(checkpoint.folder) if checkpoint.folder is not None else False
    if device_map is not None:
        arguments: dict[str, Any] = {"device_map": device_map}
    else:  # What is quantised may not be moved later.
        arguments = {"device_map": {"": device}} if stored or quantization is not None else {}
    if quantization is None:
        return arguments
    if quantization not in QUANTIZATIONS:
        raise UsageError(
            f"--quantization {quantization!r} does not exist for the engine 'hf'. Choose one of: "
            f"{', '.join(QUANTIZATIONS)}."
        )
    if stored:
        raise UsageError(
            f"--quantization {quantization}: model {checkpoint.name!r} is quantised already. Leave it out."
        )
    if find_spec("bitsandbytes") is None:
        raise UsageError(
            f"--quantization {quantization} needs the package 'bitsandbytes', which is not installed: pip install "
            "bitsandbytes."
        )
    # It says of each layer that it computes in 16 bits.
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
    return {**arguments, "quantization_config": quantized(QUANTIZATIONS[quantization], dtype)}


def quantized(bits: int, dtype: torch.dtype) -> BitsAndBytesConfig:
    """The settings with which bitsandbytes rounds weights to 4 (NF4, twice quantised) or 8 bits, to multiply in."""
    return BitsAndBytesConfig(
        load_in_4bit=bits == 4,
        load_in_8bit=bits == 8,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_compute_dtype=dtype,
        bnb_4bit_use_double_quant=True,
    )


def move(model: Any, device: torch.device, name: str, advice: str) -> None:
    """Bring a model to a device.

    Args:
        model: of PyTorch.
        device: where it is to be.
        name: what the model is, for the error.
        advice: what to do where it is too large.

    Raises:
        ModelError: it does not fit there.
    """
    try:
        model.to(device)
    except torch.OutOfMemoryError as error:
        raise ModelError(f"{name} does not fit {device}: {one_line(error)} {advice}") from error


def is_alive(device: torch.device) -> bool:
    """Whether a CUDA device still works after an error."""
    try:
        torch.cuda.synchronize(device)
    except RuntimeError:
        return False
    return True
