"""What a checkpoint is by its configuration files: looked at first, as reading its weights can take minutes."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from harness.core.errors import ModelError
from harness.core.reading import parse_json, read_text

PROCESSOR_FILES: Final = ("processor_config.json", "preprocessor_config.json")
TRUSTING: Final = "--trust-remote-code (in a recipe: trust_remote_code: true)"
"""How a checkpoint's own code is trusted; what is asked in another way says it in another way."""
_TEMPLATE_FILES: Final = ("chat_template.jinja", "chat_template.json")
_TEMPLATE_HOLDERS: Final = ("processor_config.json", "tokenizer_config.json")
_LOOKS: Final = ("vision", "visual", "image", "mm_")
"""Parts of the names under which configurations of models that take images say so."""


def check_own_code(name: str, folder: Path) -> None:
    """Refuse a checkpoint that only code of its own can load; none of that is run.

    Raises:
        ModelError: it needs `--trust-remote-code`.
    """
    config = _read(folder / "config.json")
    if config.get("auto_map"):
        from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES

        if config.get("model_type") not in CONFIG_MAPPING_NAMES:
            raise untrusted(name, folder)


def check_sees(name: str, folder: Path, processor_folder: Path) -> None:
    """Refuse a checkpoint that cannot be asked about images.

    Args:
        name: of the checkpoint, for errors.
        folder: where its configuration is.
        processor_folder: where processor, tokenizer and chat template are.

    Raises:
        ModelError: a text-only model, or one without the files of its processor or its chat template.
    """
    if not any((processor_folder / file).is_file() for file in PROCESSOR_FILES):
        if not any(part in key for key in _keys(_read(folder / "config.json")) for part in _LOOKS):
            raise ModelError(
                f"model {name!r} is a text-only model, which cannot be asked about images: its config.json knows of "
                f"none. It can be a judge: --judge hf:{name}."
            )
        raise ModelError(
            f"model {name!r} has no processor: neither {' nor '.join(PROCESSOR_FILES)} is in {processor_folder}. Copy "
            "the files of the processor there from the model that it was made from."
        )
    if not _has_template(processor_folder):
        raise no_template(name, processor_folder)


def is_quantized(folder: Path) -> bool:
    """Whether a checkpoint's weights are stored rounded to fewer bits (AWQ, GPTQ, FP8, compressed-tensors, ...)."""
    config = _read(folder / "config.json")
    parts = [config, *(value for value in config.values() if isinstance(value, dict))]
    return any(part.get("quantization_config") for part in parts)


def untrusted(name: str, folder: Path | None) -> ModelError:
    """What is said of a checkpoint with code of its own that is not trusted."""
    return ModelError(
        f"model {name!r} needs Python code of its own (*.py in {folder}), which could do anything on this machine and "
        f"was not run. Read it, and if you trust it, add {TRUSTING}."
    )


def no_template(name: str, folder: Path | None) -> ModelError:
    """What is said of a checkpoint without a chat template."""
    return ModelError(
        f"model {name!r} has no chat template in {folder}; without one the prompt that it was trained with is not "
        "known. Put its chat_template.jinja there."
    )


def _has_template(folder: Path) -> bool:
    return any((folder / file).is_file() for file in _TEMPLATE_FILES) or any(
        _read(folder / file).get("chat_template") for file in _TEMPLATE_HOLDERS
    )


def _keys(config: dict[str, Any]) -> list[str]:
    return [*config, *(key for value in config.values() if isinstance(value, dict) for key in value)]


def _read(path: Path) -> dict[str, Any]:
    """A JSON file; empty where there is none, or a damaged one, of which its reader will tell."""
    try:
        found = parse_json(read_text(path))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
