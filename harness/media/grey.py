"""Media that show nothing: grey ones of the same size, for what language alone gives and for what a model sees."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from PIL.Image import Image

    from harness.media.videos import Video

_GREY: Final = 128
"""The middle of a channel: next to nothing after a processor's normalisation."""


def grey(medium: Image | Video) -> Image | Video:
    """A grey image of the same size, or a video of as many grey frames."""
    from PIL import Image as PilImage

    from harness.media.videos import Video

    if isinstance(medium, Video):
        import numpy as np

        return replace(medium, frames=np.full_like(medium.frames, _GREY))
    return PilImage.new("RGB", medium.size, (_GREY, _GREY, _GREY))
