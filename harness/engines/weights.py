"""Whether a checkpoint's weights are whole, and loading them: what is missing is never made up.

Transformers initialises what a file lacks at random, and goes on; so does a model with a weight that is no number.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from harness.core.errors import ModelError
from harness.engines.checkpoints import Checkpoint, read_index, weight_files, weight_indices
from harness.engines.loaders import check_quantizer, choose_class, load_config, refusal
from harness.engines.preparation import one_line

if TYPE_CHECKING:
    import torch

_NAMED: Final = 4
"""Weights that an error names."""
_COMPUTED: Final = ("rotary_emb.inv_freq", "position_ids")
"""Ends of names that old checkpoints hold and that models compute today."""


def load_model(checkpoint: Checkpoint, *, text_only: bool = False, **arguments: Any) -> Any:
    """A checkpoint's model as Transformers loads it, with an adapter merged into it; every weight from its files.

    What Transformers computes otherwise than it was trained with is fixed (`harness.engines.model_fixes`).

    Args:
        checkpoint: one with a folder.
        text_only: a language model is wanted; else one that takes images.
        **arguments: others of `from_pretrained`.

    Raises:
        ModelError: it is of a kind that Transformers cannot load, or takes code that is not trusted; or its weights
            are not whole or not those of its configuration: missing, superfluous, of another shape, not finite, cut
            off.
    """
    from transformers import AutoModelForCausalLM

    from harness.engines.model_fixes import fix_model

    name = checkpoint.name
    whole = load_config(checkpoint)
    auto, config = (AutoModelForCausalLM, whole) if text_only else choose_class(whole, checkpoint)
    try:
        check_quantizer(config, arguments.get("quantization_config"), arguments.get("device_map"))
        check_files(checkpoint)
        model, found = auto.from_pretrained(
            checkpoint.folder,
            config=config,
            trust_remote_code=checkpoint.trust_remote_code,
            output_loading_info=True,
            ignore_mismatched_sizes=True,
            **arguments,
        )
    except ModelError:
        raise
    except Exception as error:  # Of a checkpoint's own code: anything.
        raise refusal(checkpoint, checkpoint.folder, error) from error
    # Of a model of several parts one may be loaded; those of the others keep their names in the files.
    others = tuple(
        f"{part.removesuffix('_config')}."
        for part in (whole.sub_configs if config is not whole else ())
        if getattr(whole, part) is not config
    )
    superfluous = [
        key for key in found["unexpected_keys"] if not key.endswith(_COMPUTED) and not key.startswith(others)
    ]
    shapes = [f"{key} ({list(stored)} for {list(wanted)})" for key, stored, wanted in found["mismatched_keys"]]
    for keys, what in (
        (found["missing_keys"], "are missing, and would be random numbers"),
        (shapes, "have another shape than its configuration says"),
        (_unscaled(model), "are 8-bit floats without a scale, which they mean nothing without"),
        (superfluous, "have no place in it: they are of another model, or of a head that would not be used"),
    ):
        _refuse(name, checkpoint.folder, keys, what)
    if found.get("error_msgs"):
        raise ModelError(f"model {name!r} cannot be loaded: {'; '.join(map(str, found['error_msgs']))}")
    fix_model(model)
    if config is whole:  # A part of a model is not what the hub has.
        use_hub_names(model)
    return model if checkpoint.adapter is None else _merge(model, checkpoint)


def _unscaled(model: Any) -> list[str]:
    """Weights that should have been brought to the model's precision on loading, and were not."""
    quantizer = getattr(model, "hf_quantizer", None)
    if quantizer is not None and not getattr(quantizer.quantization_config, "dequantize", False):
        return []
    return [
        name for name, weight in model.named_parameters() if weight.is_floating_point() and weight.element_size() == 1
    ]


def use_hub_names(model: Any) -> None:
    """Have a model saved under the names that its family's weights have on the hub, which other loaders know.

    Transformers saves under those that it found; it reads some that vLLM does not (CLIP and SigLIP towers without
    `vision_model.`, as it saves a model that was made from a configuration).
    """
    from transformers.conversion_mapping import get_model_conversion_mapping

    if getattr(model, "hf_quantizer", None) is None:
        conversions = get_model_conversion_mapping(model, add_legacy=False)
        # Qwen2.5-Omni's are listed for the model and once more for its part, and would be undone twice.
        distinct = {(repr(one), getattr(one, "scope_prefix", None) or "") for one in conversions}
        if len(distinct) == len(conversions):
            model._weight_conversions = conversions


def check_files(checkpoint: Checkpoint) -> None:
    """Read all weights of a checkpoint once.

    Raises:
        ModelError: a file is cut off or lacks what the index says, or a weight is not a finite number.
    """
    for folder in (checkpoint.folder, checkpoint.adapter):
        if folder is None:
            continue
        there: set[tuple[str, str]] = set()
        broken: list[str] = []
        for path in weight_files(folder):
            for key, tensor in _tensors(checkpoint.name, path):
                there.add((key, path.name))
                if not _is_finite(tensor):
                    broken.append(key)
        _refuse(checkpoint.name, folder, broken, "are not finite numbers (NaN or infinite)")
        for index in weight_indices(folder):
            told = read_index(index).items()
            lacking = [f"{key} (not in {file})" for key, file in told if (key, file) not in there]
            _refuse(
                checkpoint.name, folder, lacking, f"are not where {index.name} says; shards of several checkpoints?"
            )


def _tensors(name: str, path: Path) -> Iterator[tuple[str, torch.Tensor]]:
    """The weights of a file, one at a time; none of a format that is not read here."""
    import torch
    from safetensors import safe_open

    try:
        if path.suffix == ".safetensors":
            with safe_open(path, framework="pt") as file:
                for key in file.keys():  # noqa: SIM118  # Not a mapping.
                    yield key, file.get_tensor(key)
        elif path.suffix in (".bin", ".pt"):
            stored = torch.load(path, map_location="cpu", mmap=True, weights_only=True)
            if not isinstance(stored, dict):
                raise ValueError(f"it holds a {type(stored).__name__}, no weights by name.")
            for key, tensor in stored.items():
                if isinstance(tensor, torch.Tensor):
                    yield key, tensor
    except Exception as error:  # What reads damaged pickles and archives raises anything.
        raise ModelError(
            f"model {name!r}: {path} cannot be read: {one_line(error)} Was the download or save cut off? "
            "Fetch or save the checkpoint again."
        ) from error


def _is_finite(tensor: torch.Tensor) -> bool:
    import torch

    if not tensor.is_floating_point() or not tensor.numel():
        return True
    if tensor.element_size() == 1:  # 8-bit floats have no arithmetic.
        tensor = tensor.float()
    return bool(torch.isfinite(torch.stack(torch.aminmax(tensor))).all())


def _refuse(name: str, folder: Path | None, keys: Iterable[str], what: str) -> None:
    found = sorted(keys)
    if found:
        more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
        raise ModelError(
            f"model {name!r}: {len(found)} of the weights in {folder} {what}: {', '.join(found[:_NAMED])}{more}."
        )


def _merge(model: Any, checkpoint: Checkpoint) -> Any:
    """The model with the checkpoint's adapter added to its weights."""
    try:
        from peft import PeftConfig, PeftModel
    except ModuleNotFoundError as error:
        raise ModelError(
            f"model {checkpoint.name!r} is an adapter, which takes the package 'peft': pip install peft."
        ) from error
    try:
        with warnings.catch_warnings():  # PEFT asks Transformers for what has another name by now.
            warnings.filterwarnings("ignore", category=FutureWarning, message=".*will be removed in v6.*")
            adapted = PeftModel(model, PeftConfig.from_pretrained(checkpoint.adapter))
            found = adapted.load_adapter(str(checkpoint.adapter), adapter_name="default")
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise ModelError(f"adapter {checkpoint.name!r} does not fit its base model: {one_line(error)}") from error
    _refuse(checkpoint.name, checkpoint.adapter, found.unexpected_keys, "have no place in the base model")
    lacking = [key for key in found.missing_keys if "default" in key]
    _refuse(checkpoint.name, checkpoint.adapter, lacking, "are missing, and would be random numbers or nothing")
    return adapted.merge_and_unload()
