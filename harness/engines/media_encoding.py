"""Images and frames as data URLs.

Imported lazily only, by the `api` engine.
"""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from PIL.Image import Image

ImageFormat = Literal["png", "jpeg"]


def limit_pixels(image: Image, max_pixels: int | None) -> Image:
    """The image, scaled down to at most `max_pixels` pixels with its proportions kept."""
    from PIL import Image as PilImage

    if max_pixels is None or image.width * image.height <= max_pixels:
        return image
    scale = math.sqrt(max_pixels / (image.width * image.height))
    size = max(1, math.floor(image.width * scale)), max(1, math.floor(image.height * scale))
    return image.resize(size, PilImage.Resampling.BICUBIC)


def encode_image(image: Image, image_format: ImageFormat) -> str:
    """Base64 of an encoded image: `png` keeps every pixel, `jpeg` (quality 95, no chroma subsampling) is smaller."""
    buffer = io.BytesIO()
    if image_format == "png":
        image.save(buffer, "PNG", compress_level=1)  # Lossless at every level; bytes are cheaper than time here.
    else:
        image.save(buffer, "JPEG", quality=95, subsampling=0)
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def image_part(image: Image, image_format: ImageFormat) -> dict[str, Any]:
    """A content part that holds an image."""
    url = f"data:image/{image_format};base64,{encode_image(image, image_format)}"
    return {"type": "image_url", "image_url": {"url": url}}


def frames_part(frames: Sequence[Image], image_format: ImageFormat) -> dict[str, Any]:
    """A content part that holds a video as vLLM takes it: encoded frames in one URL, whatever their format."""
    url = "data:video/jpeg;base64," + ",".join(encode_image(frame, image_format) for frame in frames)
    return {"type": "video_url", "video_url": {"url": url}}
