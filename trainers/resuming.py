"""Resuming with the weights that were saved. Imported lazily only: torch is imported at the top."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from harness.core.errors import StoreError


class RestoresWeights:
    """Mixed into a TRL trainer: reads a checkpoint's weights as `from_pretrained` does.

    Transformers saves some models under older names of their weights (Qwen2.5-VL among them) and its trainer reads a
    checkpoint by its present ones: nothing matches, a warning is printed, and training goes on from the weights of the
    start. Adapters and sharded checkpoints are read by the trainer itself.
    """

    def create_model_card(self, *_: Any, **__: Any) -> None:
        """None: `harness.json` says what a checkpoint was made of, and TRL's knows neither model nor data."""

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        folder, target = Path(resume_from_checkpoint), self.model if model is None else model  # type: ignore[attr-defined]
        sharded = self.is_deepspeed_enabled or self.is_fsdp_enabled  # type: ignore[attr-defined]
        if sharded or not (folder / "config.json").is_file():
            super()._load_from_checkpoint(resume_from_checkpoint, model)  # type: ignore[misc]
            return
        loaded, info = type(target).from_pretrained(folder, dtype=target.dtype, output_loading_info=True)
        if info["missing_keys"]:
            raise StoreError(
                f"{folder} lacks weights of the model, e.g. {sorted(info['missing_keys'])[0]}. Delete this checkpoint "
                "to resume from the one before."
            )
        with torch.no_grad():
            target.load_state_dict(loaded.state_dict())
