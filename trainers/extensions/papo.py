"""PAPO: the policy is pushed away from what it would say with the image masked (Wang et al., arXiv 2507.06448).

    loss - gamma mean k3(log p_masked - log p) + eta1 H[p_masked] + eta2 H[p],   k3(d) = e^d - d - 1

The means are over the response tokens of a forward pass, H is minus the mean log-probability of the sampled tokens, and
p_masked is scored once for a batch, before it is trained on and without a gradient, as is the default of the authors'
code: H[p_masked] therefore changes the loss that is logged, and no gradient. Imported lazily only: torch is imported at
the top.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from math import sqrt
from typing import Any, Final

from torch import Tensor

from harness.engines.preparation import Opened
from trainers.extensions import Extension, Forward
from trainers.extensions.drawing import generator
from trainers.extensions.pixels import Pixels, each_picture, mask_patches
from trainers.method_settings import PapoSettings

_MASKED: Final = "masked_logprobs"
_FAR: Final = 20.0
"""Differences of log-probabilities are cut to this much before they are exponents."""
_MOST: Final = 10.0
"""More than this counts as this."""


def papo(settings: PapoSettings) -> Extension:
    """The terms, and the scoring that they need."""
    return Extension(scored=partial(score_masked, settings), loss=partial(perception_term, settings))


def score_masked(settings: PapoSettings, trainer: Any, output: Mapping[str, Any]) -> dict[str, Any]:
    """Log-probabilities of a batch's responses with the images masked, those of a row alike for all its responses."""
    most = trainer.rows.max_pixels
    changes = [
        partial(mask_media, settings, most, ("mask", trainer.args.seed, trainer.moment, row)) for row in output["row"]
    ]
    return {_MASKED: trainer.score(output, changes)}


def mask_media(settings: PapoSettings, most: int | None, drawn: tuple[object, ...], opened: Opened) -> Opened:
    """Media with patches of each image and frame black.

    Args:
        settings: how large and how many.
        most: pixels to which an image is scaled down before it is shown; its patches are larger by as much.
        drawn: what the random numbers are of.
        opened: the media.
    """
    random = generator(*drawn)

    def masked(pixels: Pixels) -> Pixels:
        scale = sqrt(max(1.0, pixels.shape[0] * pixels.shape[1] / most)) if most else 1.0
        return mask_patches(pixels, settings.patch * scale, settings.masked, random)

    return each_picture(opened, masked)


def perception_term(settings: PapoSettings, trainer: Any, inputs: Mapping[str, Any], forward: Forward) -> Tensor:
    """What is added to the loss of a forward pass."""
    mask = inputs["completion_mask"].bool()
    logprobs, masked = forward.logprobs[mask], inputs[_MASKED][mask]
    count = max(1, len(logprobs))
    kl = k3(masked - logprobs).sum() / count
    entropy, masked_entropy = -logprobs.sum() / count, -masked.sum() / count
    for name, value in (("kl", kl), ("entropy", entropy), ("masked_entropy", masked_entropy)):
        trainer.record(f"papo/{name}", value.item())
    term: Tensor = -settings.weight * kl + settings.masked_entropy * masked_entropy + settings.entropy * entropy
    return term


def k3(difference: Tensor) -> Tensor:
    """An estimate of a KL divergence that is never negative, cut to what training bears.

    Args:
        difference: log q - log p of what p has sampled (Schulman, "Approximating KL divergence", 2020).
    """
    cut = difference.clamp(-_FAR, _FAR)
    return (cut.exp() - cut - 1).clamp(max=_MOST)
