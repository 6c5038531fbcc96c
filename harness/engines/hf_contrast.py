"""The two branches of contrastive decoding in one batch: each row twice, as it is and without its image.

The second half has keys and values of its own, as every row has, and is given the tokens that the first half chooses:
one forward pass of twice the rows, whatever the family. Transformers' own processor of logits with a second branch
(`UnbatchedClassifierFreeGuidanceLogitsProcessor`) takes token ids alone: no pixels, padding or positions of a family.

Imported lazily only, by the `hf` engine: torch is imported at the top.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Sequence
from typing import Any, Final

import torch

from harness.core.errors import MediaError, UsageError
from harness.engines.contrasts import Contrast

_STEPS: Final = 1000
_GREATEST_EXPONENT: Final = 60.0
"""exp of this outweighs whatever two branches agree on, and float32 still has room for its products."""


def contrasted(contrast: Contrast, logits: torch.Tensor, other: torch.Tensor, step: int) -> torch.Tensor:
    """Scores to choose the next token by, see `Contrast`.

    Args:
        contrast: the method.
        logits: [B, V], with the image, float32.
        other: [B, V], of the other branch.
        step: number of the token, from 1.
    """
    if contrast.method == "vcd":
        scores = (1 + contrast.alpha) * logits - contrast.alpha * other
    else:
        mine, its = logits.log_softmax(dim=-1), other.log_softmax(dim=-1)
        unsure = mine.amax(dim=-1, keepdim=True) < math.log(contrast.threshold or math.ulp(0.0))
        scores = mine + math.expm1(min(contrast.decay * step, _GREATEST_EXPONENT)) * unsure * (mine - its)
    if contrast.beta:
        plausible = logits >= math.log(contrast.beta) + logits.amax(dim=-1, keepdim=True)
        scores = scores.masked_fill(~plausible, -torch.inf)
    return scores


def doubled(
    inputs: Any, contrast: Contrast, seeds: Sequence[int], alone: Callable[[int], Any], visual: set[int], merged: int
) -> dict[str, Any]:
    """What a processor made of B rows, with B rows after them that do not see what they see.

    Args:
        inputs: tensors of B rows, or of their images in order.
        contrast: the method.
        seeds: [B], of each row's noise.
        alone: a row's number to what the processor makes of it alone.
        visual: tokens that stand for pixels.
        merged: frames that a patch of an image holds; they are one image, and have one noise.

    Raises:
        MediaError: it is not known which pixels are of which row, or which tokens stand for them.
    """
    twice = {name: torch.cat([value, value]) for name, value in inputs.items()}
    count = len(inputs["input_ids"])
    if contrast.method == "m3id":
        shown = torch.isin(inputs["input_ids"], torch.tensor(sorted(visual), device=inputs["input_ids"].device))
        if not bool(shown.any(dim=1).all()):
            raise MediaError(
                "--decoding m3id: no tokens of the prompt stand for the image, so that none can be hidden."
            )
        twice["attention_mask"][count:][shown] = 0
        return twice
    rows = [inputs] if count == 1 else [alone(row) for row in range(count)]
    for name, value in inputs.items():
        if "pixel_values" in name and value.is_floating_point():
            frames = merged if name == "pixel_values" and value.dim() == 2 else 1
            twice[name][len(value) :] = _noised(value, [row[name] for row in rows], contrast, seeds, frames)
    return twice


def cost_on(
    contrast: Contrast, plainly: Callable[[], torch.Tensor], ends: Collection[int], made: torch.Tensor, took: float
) -> str:
    """What a contrast costs, as a line: the same batch is generated once more without it.

    Args:
        contrast: the method.
        plainly: generates the batch without it, [B, T'].
        ends: tokens that end a response.
        made: [B, T], tokens that were generated with it.
        took: seconds that this took.
    """
    begin = time.monotonic()
    without = plainly()
    took_plainly = time.monotonic() - begin
    mine, plain = (_count(tokens, ends) / max(of, 1e-9) for tokens, of in ((made, took), (without, took_plainly)))
    return (
        f"--decoding {contrast}: 2 forward passes a token, of one batch; {mine:,.0f} tokens/s, {plain:,.0f} without it "
        f"({mine / plain:.2f} times as many), on the second batch"
    )


def _count(tokens: torch.Tensor, ends: Collection[int]) -> int:
    """Tokens of [B, T] up to the first end of each row, that included; padding may be the end token too."""
    is_end = torch.isin(tokens, torch.tensor(sorted(ends), device=tokens.device)).long()
    return int((is_end.cumsum(dim=1) - is_end == 0).sum())


def check_hidden(contrast: Contrast, config: Any) -> None:
    """Refuse to hide an image where it is seen otherwise than by tokens of the prompt.

    Args:
        contrast: the method.
        config: of the model's language part.

    Raises:
        UsageError: it is so.
    """
    if contrast.method == "m3id" and getattr(config, "cross_attention_layers", None):
        raise UsageError(
            "--decoding m3id: this model sees images by cross-attention, beside its prompt, where they cannot be "
            "hidden. Use --decoding vcd."
        )


def _noised(
    pixels: torch.Tensor, rows: Sequence[torch.Tensor], contrast: Contrast, seeds: Sequence[int], frames: int
) -> torch.Tensor:
    """Normalised pixels after a number of diffusion steps; each row's noise is its own, whatever the row is with."""
    if sum(map(len, rows)) != len(pixels):
        raise MediaError("--decoding vcd: the processor does not tell which pixels are of which sample.")
    betas = torch.linspace(-6, 6, _STEPS).sigmoid() * (0.5e-2 - 1e-5) + 1e-5
    kept = (1 - betas).cumprod(0)[contrast.noise_step]
    noised, start = pixels.clone(), 0
    for row, seed in zip(rows, seeds, strict=True):
        shape = (len(row), 3, 1, row[0].numel() // 3 // frames) if frames > 1 else tuple(row.shape)
        noise = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
        if frames > 1:
            noise = noise.expand(-1, -1, frames, -1).reshape(row.shape)
        # What is padded to the largest image of a batch has no noise, as it has none alone.
        place = (slice(start, start + len(row)), *(slice(0, size) for size in row.shape[1:]))
        noised[place] = kept.sqrt() * pixels[place] + (1 - kept).sqrt() * noise.to(pixels)
        start += len(row)
    return noised
