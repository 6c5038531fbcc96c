"""Prompts with images for a colocated vLLM. Imported lazily only: trl is imported by `trainers.grpo`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from trl import GRPOTrainer

from trainers.grpo import TrainingError


def mend_image_pads(trainer: GRPOTrainer) -> None:
    """Give colocated vLLM one image pad a picture, and check what it makes of it.

    TRL hands vLLM prompts whose image pads are expanded already, with the images; vLLM expands them once more, so that
    responses are sampled from another prompt than the one that is scored (huggingface/trl#6294).

    Raises:
        TrainingError: by `generate`, when vLLM's own expansion is not the prompt that is scored.
    """
    engine = trainer.vllm_generation.llm
    pads = {
        token
        for name in ("_image_pad_token_id", "_video_pad_token_id")
        if (token := getattr(trainer, name, None)) is not None
    }
    generate = engine.generate

    def mended(prompts: Sequence[dict[str, Any]], *args: Any, **kwargs: Any) -> Any:
        scored = [list(prompt["prompt_token_ids"]) for prompt in prompts]
        outputs = generate(
            [
                {**prompt, "prompt_token_ids": collapse_pads(ids, pads)} if prompt.get("multi_modal_data") else prompt
                for prompt, ids in zip(prompts, scored, strict=True)
            ],
            *args,
            **kwargs,
        )
        for ids, output in zip(scored, outputs, strict=True):
            if list(output.prompt_token_ids) != ids:
                raise TrainingError(
                    f"vLLM expands an image to another prompt ({len(output.prompt_token_ids)} tokens) than the one "
                    f"that is scored ({len(ids)}). Set data.max_pixels so that both resize alike."
                )
        return outputs

    engine.generate = mended


def collapse_pads(ids: Sequence[int], pads: set[int]) -> list[int]:
    """Token ids with each run of one pad shortened to a single one."""
    return [token for place, token in enumerate(ids) if not (place and token in pads and ids[place - 1] == token)]
