"""Names of weights in checkpoints that were gathered from shards.

Imported lazily only: torch and safetensors are imported at the top.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from safetensors.torch import load_file, save_file
from transformers import TrainerCallback

from harness.core.files import write_atomically

_TWICE: Final = "model.model."


class MendsNames(TrainerCallback):  # type: ignore[misc]  # Transformers is not typed.
    """Mends the checkpoints of a run under DeepSpeed as they are saved."""

    def on_save(self, args: object, state: object, control: object, **_: object) -> None:
        """Mend the checkpoint that was saved last."""
        if state.is_world_process_zero:  # type: ignore[attr-defined]
            mend_names(Path(args.output_dir) / f"checkpoint-{state.global_step}")  # type: ignore[attr-defined]


def mend_names(folder: Path) -> None:
    """Take back a second prefix from the names of a checkpoint's weights.

    Under ZeRO-3 Transformers 5 brings names that are in their older form already into it once more:
    `model.model.layers...` for `model.layers...`. Transformers reads both, vLLM does not.
    """
    files = sorted(folder.glob("*.safetensors"))
    for file in files:
        weights = load_file(file)
        if any(name.startswith(_TWICE) for name in weights):
            temporary = file.with_suffix(".mended")
            save_file({_mended(name): value for name, value in weights.items()}, temporary, metadata={"format": "pt"})
            temporary.replace(file)
    for index in folder.glob("*.safetensors.index.json"):
        told = json.loads(index.read_text(encoding="utf-8"))
        told["weight_map"] = {_mended(name): shard for name, shard in told["weight_map"].items()}
        write_atomically(index, json.dumps(told, indent=2, sort_keys=True) + "\n")


def _mended(name: str) -> str:
    return name.removeprefix("model.") if name.startswith(_TWICE) else name
