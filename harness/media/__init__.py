"""Images and videos, opened strictly: a file that is not whole is an error."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from harness.core.types import Sample

if TYPE_CHECKING:
    from PIL.Image import Image

    from harness.media.videos import Video

OpenMedia = Callable[[Sample], "list[Image | Video]"]
"""A sample to its decoded media, in order. Raises `MediaError`."""
