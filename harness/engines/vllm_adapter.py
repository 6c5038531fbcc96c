"""An adapter (LoRA) in vLLM's terms."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

from harness.core.errors import ModelError
from harness.engines.checkpoints import weight_files

_LANGUAGE_MODEL = ".language_model."


def lora_arguments(adapter: Path) -> dict[str, Any]:
    """What vLLM's engine is told, so that it has room for an adapter.

    Raises:
        ModelError: vLLM would leave out a part of it: it adapts language models, and passes over what an adapter
            changes in the vision tower; or its rank is too high.
    """
    from safetensors import safe_open
    from vllm.config.lora import MaxLoRARanks

    merge = f"Make a model of it: 'harness merge {adapter} OUT'; or use --engine hf."
    for path in weight_files(adapter):
        if path.suffix != ".safetensors":
            raise ModelError(f"adapter {path} is not in safetensors, and is not read for vLLM. {merge}")
        with safe_open(path, framework="pt") as file:
            outside = sorted(key for key in file.keys() if _LANGUAGE_MODEL not in key)  # noqa: SIM118
        if outside:
            raise ModelError(
                f"adapter {adapter} changes {len(outside)} weights outside of the language model, e.g. {outside[0]}, "
                f"which vLLM would leave as they are. {merge}"
            )
    settings = json.loads((adapter / "adapter_config.json").read_text(encoding="utf-8"))
    rank = max([settings["r"], *(settings.get("rank_pattern") or {}).values()])
    known = [known for known in sorted(get_args(MaxLoRARanks)) if known >= rank]
    if not known:
        raise ModelError(f"adapter {adapter} has rank {rank}, which vLLM does not take. {merge}")
    return {"enable_lora": True, "max_loras": 1, "max_lora_rank": known[0]}
