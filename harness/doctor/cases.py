"""What `harness doctor --engines` asks: images of many sizes, a turned photo, several images, text alone, videos.

Everything is drawn from seeds, so that two machines ask the same.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from harness.core.prompts import instruction
from harness.core.types import Media
from harness.engines import Request

if TYPE_CHECKING:
    from PIL.Image import Image

    from harness.media.videos import Video

_SIZES: Final = (
    (20, 20), (28, 28), (31, 31), (29, 57), (56, 28), (84, 84), (100, 84), (90, 120), (300, 40), (40, 300),
    (199, 201), (333, 777), (448, 448), (500, 499), (640, 480), (481, 641), (1000, 200), (1280, 720), (720, 1280),
)  # fmt: skip
"""Width and height; around multiples of the patches of common vision towers, narrow, and of cameras."""
_BLOCK: Final = 28
_COLOURS: Final = ("red", "blue", "green", "yellow", "purple", "orange")
_SHAPES: Final = ("circle", "square", "triangle")
_TASK: Final = "doctor"


class _Clip(NamedTuple):
    frames: int
    width: int
    height: int
    fps: float
    total: int


_VIDEOS: Final = {
    "a video of 2 s": _Clip(4, 84, 84, 2.0, 4),
    "a video of 8 s": _Clip(8, 56, 56, 25.0, 200),
    "a video of 30 s": _Clip(8, 224, 168, 24.0, 720),
    "a video of 100 s": _Clip(8, 112, 84, 24.0, 2400),
    "a video of one frame": _Clip(1, 84, 84, 24.0, 1),
}
"""Beyond some seconds, time stamps reach further than the frames are wide, which engines have placed text by."""


def make_cases() -> list[Request]:
    """The requests, in a fixed order, named by what they show."""
    cases: list[tuple[str, Callable[[int], list[Image | Video]], tuple[str, ...]]] = [
        (f"{width}x{height}", partial(_images, [(width, height)]), ("image",)) for width, height in _SIZES
    ]
    cases.append(("a turned photo", _turned_photo, ("image",)))
    cases.append(("two images", partial(_images, [(90, 60), (60, 90)]), ("image", "image")))
    cases.append(("text alone", partial(_images, []), ()))
    cases += [(name, partial(_video, clip), ("video",)) for name, clip in _VIDEOS.items()]
    return [_request(name, draw, kinds, number) for number, (name, draw, kinds) in enumerate(cases)]


def _request(name: str, draw: Callable[[int], list[Image | Video]], kinds: tuple[str, ...], number: int) -> Request:
    shows = "video" if "video" in kinds else "image"
    thing = f"{_COLOURS[number % len(_COLOURS)]} {_SHAPES[number % len(_SHAPES)]}"
    return Request(
        task=_TASK,
        sample_id=name,
        prompt=f"Is there a {thing} in the {shows}?\n{instruction('grounded', 'yes_no')}",
        media=tuple(
            Media(kind="video" if kind == "video" else "image", source=f"{name}[{index}]")
            for index, kind in enumerate(kinds)
        ),
        open_media=partial(draw, number),
    )


def _mosaic(width: int, height: int, seed: int) -> Image:
    """Coloured blocks of about the size of a visual token, so that a token in the wrong place shows."""
    import numpy as np
    from PIL import Image as PilImage

    shape = (max(1, height // _BLOCK), max(1, width // _BLOCK), 3)
    blocks = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    return PilImage.fromarray(blocks).resize((width, height), PilImage.Resampling.NEAREST)


def _images(sizes: Sequence[tuple[int, int]], seed: int) -> list[Image | Video]:
    return [_mosaic(width, height, seed + 1000 * index) for index, (width, height) in enumerate(sizes)]


def _turned_photo(seed: int) -> list[Image | Video]:
    """A camera's portrait: stored lying, with an EXIF orientation that turns it upright."""
    from PIL import Image as PilImage

    from harness.media.images import open_image

    exif = PilImage.Exif()
    exif[0x0112] = 6
    buffer = io.BytesIO()
    _mosaic(300, 120, seed).save(buffer, "JPEG", exif=exif, quality=95)
    return [open_image(buffer.getvalue(), name="a turned photo")]


def _video(clip: _Clip, seed: int) -> list[Image | Video]:
    import numpy as np

    from harness.media.videos import Video

    pictures = [np.asarray(_mosaic(clip.width, clip.height, seed * 100 + frame)) for frame in range(clip.frames)]
    video = Video(
        frames=np.stack(pictures),
        fps=clip.fps,
        indices=tuple(int(index) for index in np.linspace(0, clip.total - 1, clip.frames).round()),
        total_frames=clip.total,
        duration_s=clip.total / clip.fps,
    )
    return [video]
