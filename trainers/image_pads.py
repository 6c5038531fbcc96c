"""Prompts with images for a colocated vLLM. Imported lazily only: trl is imported by `trainers.grpo`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from trl import GRPOTrainer

from harness.core.errors import UsageError
from harness.engines.inputs import begins_with_bos, size_limits, visual_ids
from trainers.grpo import TrainingError
from trainers.showing import Rows


def check_image_pads(rows: Rows, row: str) -> None:
    """Refuse images that `mend_image_pads` cannot hand to vLLM, before anything is spent.

    Args:
        rows: shows the model its rows.
        row: as JSON.

    Raises:
        UsageError: an image becomes other tokens than a run of its placeholder, or two images one run.
    """
    (group,) = rows.encode([row])
    ids = group.fields["input_ids"][0].tolist()
    text, tokenizer = rows.prompt(row).text, rows.processor.tokenizer
    bare = tokenizer(text, add_special_tokens=not begins_with_bos(tokenizer, text))["input_ids"]
    if collapse_pads(ids, visual_ids(rows.processor)) != bare:
        raise UsageError(
            f"train.use_vllm: the {type(rows.processor).__name__} of this model does not make one run of one token of "
            "each image, and TRL cannot hand others to vLLM. Set train.use_vllm=false."
        )


def vllm_cap(rows: Rows) -> dict[str, Any]:
    """Arguments with which vLLM knows the cap on the pixels of an image.

    Each prompt has its own cap (`mend_image_pads`), but without one vLLM would try itself on the largest image that the
    checkpoint's processor lets through, 12.8 million pixels in Qwen2.5-VL, and keep its cache of images and its share
    of the memory for that.
    """
    size = size_limits(rows.processor, rows.max_pixels, 1).get("images_kwargs")
    return {"mm_processor_kwargs": size} if size else {}


def mend_image_pads(trainer: GRPOTrainer, rows: Rows) -> None:
    """Give colocated vLLM one image pad a picture and the cap on its pixels, and check what it makes of it.

    TRL hands vLLM prompts whose image pads are expanded already, with the images; vLLM expands them once more, so that
    responses are sampled from another prompt than the one that is scored (huggingface/trl#6294). It resizes images as
    the checkpoint's processor says, which knows nothing of `data.max_pixels`.

    Args:
        trainer: whose vLLM is started.
        rows: shows the model its rows.

    Raises:
        TrainingError: by `generate`, when vLLM's own expansion is not the prompt that is scored.
    """
    engine = trainer.vllm_generation.llm
    pads = visual_ids(rows.processor)
    sized = vllm_cap(rows)
    generate = engine.generate

    def mended(prompts: Sequence[dict[str, Any]], *args: Any, **kwargs: Any) -> Any:
        scored = [list(prompt["prompt_token_ids"]) for prompt in prompts]
        outputs = generate(
            [
                {**prompt, "prompt_token_ids": collapse_pads(ids, pads), **sized}
                if prompt.get("multi_modal_data")
                else prompt
                for prompt, ids in zip(prompts, scored, strict=True)
            ],
            *args,
            **kwargs,
        )
        for ids, output in zip(scored, outputs, strict=True):
            if list(output.prompt_token_ids) != ids:
                raise TrainingError(
                    f"vLLM expands an image to another prompt ({len(output.prompt_token_ids)} tokens) than the one "
                    f"that is scored ({len(ids)}): it does not resize as the processor does. Set train.use_vllm=false."
                )
        return outputs

    engine.generate = mended


def collapse_pads(ids: Sequence[int], pads: set[int]) -> list[int]:
    """Token ids with each run of one pad shortened to a single one."""
    return [token for place, token in enumerate(ids) if not (place and token in pads and ids[place - 1] == token)]
