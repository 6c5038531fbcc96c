"""Loading what is trained: model, processor, adapter. Imported lazily only: torch and transformers are imported."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import torch
import transformers
from packaging.version import Version
from transformers.utils import logging as transformers_logging

from harness.core.errors import ModelError, UsageError
from harness.engines import inputs
from harness.engines.checkpoints import Checkpoint
from harness.engines.hf_device import quantized
from harness.engines.model_fixes import follows
from harness.engines.weights import load_model as load_whole
from trainers.settings import LoraSettings, Recipe

_LOADS_ON_ONE_RANK: Final = "5.23"
_SCALES: Final = dict.fromkeys(("logit_scale", "output_multiplier", "lm_head_multiplier", "logits_scaling"), 1.0)
_NEUTRAL: Final[Mapping[str, float | None]] = {**_SCALES, "final_logit_softcapping": None}
"""Settings of a language model that TRL's head follows, with the values that change nothing."""


_TOWERS: Final = ("visual", "vision_tower", "vision_model", "image_tower", "video_tower", "audio_tower")
_OF_PHI4: Final = ("image_embed", "audio_embed")
TOWERS: Final = rf"(.*\.)?({'|'.join((*_TOWERS, *_OF_PHI4))})(\..*)?"
"""Names of modules of the parts that see or hear, over all families, and of what is in them."""


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Without Transformers' progress bars, and without its notes to TRL about names that will change."""
    transformers_logging.disable_progress_bar()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=FutureWarning, message=".*deprecated and will be removed in v6.*")
        yield


def load_model(recipe: Recipe, checkpoint: Checkpoint) -> Any:
    """The model to train, in the precision of `training_dtype`.

    Raises:
        ModelError: the checkpoint is of a kind that Transformers cannot load as an image-text-to-text model.
        UsageError: FSDP would load it on one rank alone, which this Transformers cannot.
    """
    _check_loading_on_ranks()
    arguments: dict[str, Any] = {"dtype": training_dtype(recipe)}
    if (attention := recipe.train.get("attn_implementation")) is not None:
        arguments["attn_implementation"] = attention
    if (bits := recipe.train.get("bits")) is not None:
        arguments["quantization_config"] = quantized(bits, torch.bfloat16)
    model = load_whole(checkpoint, **arguments)
    check_head(model, checkpoint.name)
    if checkpoint.adapter is not None:
        model.requires_grad_(True)  # PEFT froze what it merged the adapter into.
    if recipe.freeze_vision:
        for part in vision_parts(model, checkpoint):
            part.requires_grad_(False)
    return model


def check_head(model: Any, name: str) -> None:
    """Refuse a model whose last hidden states cannot be had, which training and the conflict map need.

    Raises:
        ModelError: it is one.
    """
    if model.base_model is model:
        raise ModelError(
            f"model {name!r} gives no last hidden states with Transformers {transformers.__version__}, which does not "
            "part its head from what is below. A later Transformers may: 5.23 does for Qwen2.5-Omni."
        )


def vision_parts(model: Any, checkpoint: Checkpoint) -> list[Any]:
    """The modules of a model that see or hear; Video-LLaVA has a tower for images and one for videos.

    Raises:
        ModelError: it has none that is known.
    """
    parts = [module for name, module in model.named_modules() if re.fullmatch(TOWERS, name)]
    if not parts:
        raise ModelError(f"model {checkpoint.name!r} has no part that freeze_vision could freeze. Set it to false.")
    return parts


@contextmanager
def without_unused_scales(model: Any) -> Iterator[None]:
    """Hide, while a trainer is made, what the configuration says of logits and the model does not do.

    TRL scales and caps the logits that it scores as the language model's configuration says. A multimodal model need
    not: Aya Vision's states are scaled already (`harness.engines.model_fixes`), and twice would be training on other
    probabilities than it generates with.
    """
    config = model.config.get_text_config()
    unused = {name: getattr(config, name) for name in _NEUTRAL if not follows(model, name) and hasattr(config, name)}
    for name in unused:
        setattr(config, name, _NEUTRAL[name])
    try:
        yield
    finally:
        for name, value in unused.items():
            setattr(config, name, value)


def _check_loading_on_ranks() -> None:
    """Refuse FSDP's loading on one rank alone where Transformers leaves the others with weights of zero."""
    efficient = os.environ.get("FSDP_CPU_RAM_EFFICIENT_LOADING", "").lower() in ("1", "true", "yes")
    if efficient and Version(transformers.__version__) < Version(_LOADS_ON_ONE_RANK):
        raise UsageError(
            f"fsdp_cpu_ram_efficient_loading trains other weights with Transformers {transformers.__version__}. Set it "
            f"to false (FSDP_CPU_RAM_EFFICIENT_LOADING=false), or install Transformers {_LOADS_ON_ONE_RANK}."
        )


def load_processor(checkpoint: Checkpoint, max_pixels: int | None) -> Any:
    """The processor, padding on the left, with a cap on the pixels of an image.

    Raises:
        ModelError: it cannot be loaded, has no chat template, or does not resize by a number of pixels.
    """
    processor = inputs.load_processor(checkpoint)
    if max_pixels is not None:
        try:
            limits = inputs.size_limits(processor, max_pixels, 1)
        except ModelError as error:
            raise ModelError(str(error).replace("--max-pixels", "data.max_pixels")) from error
        processor.image_processor.size = limits["images_kwargs"]["size"]  # It is saved with what is trained.
    return processor


def adapter_config(lora: LoraSettings) -> Any:
    """PEFT's configuration of the adapter, or `None` to train all weights.

    Raises:
        UsageError: PEFT is not installed.
    """
    if lora.rank == 0:
        return None
    try:
        from peft import LoraConfig
    except ModuleNotFoundError as error:
        raise UsageError("lora.rank needs the package 'peft', which is not installed: pip install peft.") from error
    return LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=lora.target_modules,
        # Towers keep their weights: their layers have the same names in some models and no use for an adapter.
        exclude_modules=TOWERS,
        task_type="CAUSAL_LM",
    )


def save_whole_model(model: Any, processor: Any, folder: Path) -> Any:
    """Save a checkpoint that an engine can load, and give its model: an adapter is merged into its base."""
    if hasattr(model, "merge_and_unload"):
        model = model.merge_and_unload()
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return model


def training_dtype(recipe: Recipe, *, on_gpu: bool | None = None, has_master: bool | None = None) -> torch.dtype:
    """Precision of the weights: `train.dtype`, else float32 on CPU and where they are trained, bfloat16 elsewhere.

    A weight in bfloat16 has 8 significant bits: AdamW's step of 1e-6 is below half of its last one as soon as the
    weight is above 5e-4, and is lost in rounding, every time. What is trained is therefore held in float32 and computed
    with in bfloat16 (`train.bf16`, autocast), unless a sharding keeps a float32 copy itself. PEFT makes adapters in
    float32.

    Args:
        recipe: resolved.
        on_gpu: whether it runs on a GPU; `None`: as this process would.
        has_master: whether weights are sharded with such a copy; `None`: as in this process.

    Raises:
        UsageError: `train.dtype` has 16 bits, and nothing would be learned.
    """
    on_gpu = torch.cuda.is_available() if on_gpu is None else on_gpu
    has_master = keeps_master(recipe) if has_master is None else has_master
    whole = not (recipe.lora.rank or has_master)
    name = recipe.train.get("dtype") or ("float32" if whole or not on_gpu else "bfloat16")
    dtype: torch.dtype = getattr(torch, name)
    if whole and dtype.itemsize < torch.float32.itemsize:
        raise UsageError(
            f"train.dtype={name}: weights of 16 bits without a copy in 32 do not move at a learning rate of "
            f"{recipe.train.get('learning_rate', 'this kind')}. Leave it out (float32, computed in bfloat16 with "
            "train.bf16=true), set lora.rank, or launch under ZeRO or FSDP, which keep a copy."
        )
    return dtype


def keeps_master(recipe: Recipe) -> bool:
    """Whether the weights that are trained have a float32 copy beside those that are loaded.

    DeepSpeed's optimiser makes one of what it is given in 16 bits (Rajbhandari et al. 2020, section 3.1), and
    Accelerate 1.15 casts what FSDP trains to float32 where precision is mixed (`fsdp2_prepare_model`, `prepare_model`).
    """
    train = recipe.train
    if train.get("deepspeed") or os.environ.get("ACCELERATE_USE_DEEPSPEED") == "true":
        return True
    mixed = (
        train.get("bf16", torch.cuda.is_available())
        or train.get("fp16")
        or os.environ.get("ACCELERATE_MIXED_PRECISION", "no") != "no"
    )
    return uses_fsdp(recipe) and bool(mixed)


def uses_fsdp(recipe: Recipe) -> bool:
    """Whether the recipe, or the launcher of this process, asks for FSDP."""
    return bool(recipe.train.get("fsdp")) or os.environ.get("ACCELERATE_USE_FSDP") == "true"


def widen_adapter(model: Any) -> None:
    """Hold an adapter in float32: TRL makes that of a quantised model bfloat16, which small steps do not move."""
    for parameter in model.parameters():
        if parameter.requires_grad and parameter.is_floating_point():
            parameter.data = parameter.data.float()
