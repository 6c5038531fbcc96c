"""By which class of Transformers a checkpoint's model is loaded; code that comes with it is run only where trusted."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from harness.core.errors import ModelError
from harness.engines.checkpoints import Checkpoint
from harness.engines.kinds import untrusted
from harness.engines.preparation import one_line

_NATIVE: Final = ("AutoModelForImageTextToText", "AutoModelForMultimodalLM")
"""Classes of models that take images and write text; the second has those that hear, too."""
_OWN: Final = (*_NATIVE, "AutoModelForCausalLM", "AutoModel")
"""What checkpoints with code of their own file their model under, the most specific first."""


def load_config(checkpoint: Checkpoint) -> Any:
    """A checkpoint's configuration, as Transformers reads it.

    Raises:
        ModelError: it cannot be read, or takes code that is not trusted.
    """
    from transformers import AutoConfig

    try:
        return AutoConfig.from_pretrained(checkpoint.folder, trust_remote_code=checkpoint.trust_remote_code)
    except Exception as error:
        raise refusal(checkpoint, checkpoint.folder, error) from error


def refusal(checkpoint: Checkpoint, folder: Path | None, error: Exception, what: str = "") -> ModelError:
    """What is said of a checkpoint that a library does not load.

    Args:
        checkpoint: the checkpoint.
        folder: where its files are.
        error: the library's.
        what: the part of it that was to be loaded, such as "the processor of "; empty: all of it.
    """
    if not checkpoint.trust_remote_code and "trust_remote_code" in str(error):
        return untrusted(checkpoint.name, folder)
    if isinstance(error, ModuleNotFoundError) and error.name is not None:
        return ModelError(
            f"{what}model {checkpoint.name!r} cannot be loaded: it needs the package {error.name!r}, which is not "
            f"installed: pip install {error.name}."
        )
    by = ", which runs its own code," if checkpoint.trust_remote_code else ""
    return ModelError(f"{what}model {checkpoint.name!r}{by} in {folder} cannot be loaded: {one_line(error)}")


def choose_class(config: Any, checkpoint: Checkpoint) -> tuple[Any, Any]:
    """The class of Transformers that loads a model that takes images, and the configuration that it is loaded with.

    The checkpoint's own code comes first where it is trusted. Of a model that also speaks, the part that writes is
    loaded alone.

    Args:
        config: of the checkpoint.
        checkpoint: the checkpoint.

    Raises:
        ModelError: there is no such class.
    """
    import transformers

    own = getattr(config, "auto_map", None) or {}
    if checkpoint.trust_remote_code:
        for name in _OWN:
            if name in own:
                return getattr(transformers, name), config
    first, *_ = candidates = [getattr(transformers, name) for name in _NATIVE]
    if type(config) not in first._model_mapping:
        for part in (getattr(config, name) for name in config.sub_configs):
            if type(part) in first._model_mapping:
                return first, part
    for candidate in candidates:
        if type(config) in candidate._model_mapping:
            return candidate, config
    if own and not checkpoint.trust_remote_code:
        raise untrusted(checkpoint.name, checkpoint.folder)
    raise ModelError(
        f"model {checkpoint.name!r} is of the type {config.model_type!r}, for which this Transformers "
        f"({transformers.__version__}) has no class that takes images and writes text. Try --engine vllm, or a server "
        "with --base-url."
    )


def check_quantizer(config: Any, quantization_config: Any, device_map: Any) -> None:
    """Let Transformers say what it lacks for a quantised model, or one to be quantised, before weights are read.

    Args:
        config: of the model.
        quantization_config: how it is to be quantised; `None`: as it is stored.
        device_map: where its weights go.

    Raises:
        ImportError, RuntimeError, ValueError: a package or a device is missing.
    """
    from transformers.quantizers import AutoHfQuantizer

    stored = getattr(config, "quantization_config", None) or getattr(
        config.get_text_config(decoder=True), "quantization_config", None
    )
    told = quantization_config or (stored if stored and AutoHfQuantizer.supports_quant_method(stored) else None)
    if told is not None:
        quantizer = AutoHfQuantizer.from_config(told, pre_quantized=stored is not None)
        quantizer.validate_environment(device_map=device_map, weights_only=True)


def empty_model(checkpoint: Checkpoint) -> Any:
    """A checkpoint's model without weights, as large as it is: its tensors are on the meta device.

    Raises:
        ModelError: see `load_config` and `choose_class`.
    """
    import torch

    auto, config = choose_class(load_config(checkpoint), checkpoint)
    try:
        with torch.device("meta"):
            return auto.from_config(config, trust_remote_code=checkpoint.trust_remote_code)
    except Exception as error:
        raise refusal(checkpoint, checkpoint.folder, error) from error


def supports_flash_attention(checkpoint: Checkpoint) -> bool:
    """Whether Transformers has FlashAttention for a checkpoint's model.

    Raises:
        ModelError: see `load_config` and `choose_class`.
    """
    auto, config = choose_class(load_config(checkpoint), checkpoint)
    known = type(config) in auto._model_mapping
    return known and bool(getattr(auto._model_mapping[type(config)], "_supports_flash_attn", False))
