"""Changing images and frames in pixels, before a processor makes patches of them, so that it suits all families.

Imported lazily only: numpy is imported at the top.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from PIL import Image

from harness.engines.preparation import Opened

Pixels = npt.NDArray[np.uint8]
"""[height, width, 3], RGB."""

_SCHEDULE = 1 / (1 + np.exp(-np.linspace(-6, 6, 1000))) * (0.5e-2 - 1e-5) + 1e-5
"""Variance that each of the 1,000 steps of a diffusion adds, a sigmoid of the step (Leng et al., CVPR 2024)."""
_KEPT = np.cumprod(1 - _SCHEDULE)
"""Share of an image's variance that is left after each step."""


def each_picture(opened: Opened, change: Callable[[Pixels], Pixels]) -> Opened:
    """Media with every image and every frame changed."""
    return replace(
        opened,
        images=[Image.fromarray(change(np.asarray(image))) for image in opened.images],
        videos=[replace(video, frames=np.stack([change(frame) for frame in video.frames])) for video in opened.videos],
    )


def mask_patches(pixels: Pixels, side: float, share: float, random: np.random.Generator) -> Pixels:
    """Black out patches of an image, each with the same probability.

    Args:
        pixels: of the image.
        side: of a patch, in pixels; those at the right and lower edge may be smaller.
        share: probability that a patch is black.
        random: draws which.
    """
    rows, columns = ((np.arange(size) / side).astype(int) for size in pixels.shape[:2])
    black = random.random((rows[-1] + 1, columns[-1] + 1)) < share
    masked = pixels.copy()
    masked[black[rows[:, None], columns[None, :]]] = 0
    return masked


def add_noise(pixels: Pixels, step: int, random: np.random.Generator) -> Pixels:
    """An image after some steps of a diffusion: sqrt(a) x + sqrt(1 - a) e, with x and e's deviation in -1 .. 1.

    Args:
        pixels: of the image.
        step: of the diffusion, 1 to 1,000.
        random: draws e.
    """
    kept = _KEPT[step - 1]
    noised = np.sqrt(kept) * (pixels / 127.5 - 1) + np.sqrt(1 - kept) * random.standard_normal(pixels.shape)
    rounded: Pixels = np.round((noised.clip(-1, 1) + 1) * 127.5).astype(np.uint8)
    return rounded
