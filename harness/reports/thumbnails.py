"""Small pictures of the samples' images and videos as data URIs, each medium once, within a budget of bytes."""

from __future__ import annotations

import base64
import io
import os
import time
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from harness.core.errors import MediaError
from harness.core.types import Sample
from harness.media.bounds import time_limit

if TYPE_CHECKING:
    from PIL.Image import Image

    from harness.media.videos import Video

_SIDE: Final = 224
_FRAME_SIDE: Final = 128
_SMALL: Final = 56
_FRAMES: Final = 4
_QUALITY: Final = 75
"""Sides in pixels, frames of a video and JPEG quality with which a medium takes about 8 KB and is still recognised."""
BUDGET_BYTES: Final = 24_000_000
"""Thumbnails of 2,000 to 4,000 media: more would make the page slow to open."""
BUDGET_S: Final = 120.0
"""Slow media, such as long videos, must not hold up a report."""
_THREADS: Final = min(8, os.cpu_count() or 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Thumbnails:
    """The pictures of a page.

    Attributes:
        uris: data URIs, each medium once.
        words: how large each medium is, and of a video which frames the model was shown.
        of_sample: task and sample id to the places of its pictures in `uris`.
        left_out: samples without a picture because bytes or time were spent.
        failed: samples whose media could not be opened.
    """

    uris: list[str]
    words: list[str]
    of_sample: dict[tuple[str, str], list[int]]
    left_out: int
    failed: int


def make_thumbnails(
    samples: Iterable[Sample],
    open_media: Callable[[Sample], list[Image | Video]],
    *,
    shared: Collection[str] = (),
    small: bool = False,
    budget_bytes: int = BUDGET_BYTES,
    budget_s: float = BUDGET_S,
) -> Thumbnails:
    """Thumbnails of the samples' media, the first samples first; frames of a video side by side.

    Samples that name the same media share their pictures, as do those of one cluster where a benchmark says that they
    show the same, though each row holds a copy.

    Args:
        samples: in the order in which they may claim the budget.
        open_media: opens a sample's media; called from several threads. Raises `MediaError`.
        shared: tasks whose samples show the same media throughout a cluster.
        small: whether they are so small that they are just recognised.
        budget_bytes: after which no more are made.
        budget_s: seconds after which no more are made.
    """
    asked = list(samples)
    first: dict[tuple[Any, ...], Sample] = {}
    for sample in asked:
        first.setdefault(_same_media(sample, shared), sample)
    made: list[tuple[str, str]] = []
    known: dict[tuple[Any, ...], list[int] | None] = {}
    spent, start = 0, time.monotonic()
    waiting = iter(first.items())
    with ThreadPoolExecutor(max_workers=_THREADS, thread_name_prefix="thumbnails") as pool:
        while (
            spent < budget_bytes and time.monotonic() - start < budget_s and (some := list(islice(waiting, _THREADS)))
        ):
            left_s = start + budget_s - time.monotonic()
            encode_in_time = partial(_encode_all, open_media=open_media, small=small, seconds=left_s)
            encoded = pool.map(encode_in_time, [sample for _, sample in some])
            for (key, _), pictures in zip(some, encoded, strict=True):
                known[key] = None if pictures is None else list(range(len(made), len(made) + len(pictures)))
                made += pictures or ()
                spent += sum(len(uri) for uri, _ in pictures or ())
    of_sample: dict[tuple[str, str], list[int]] = {}
    for sample in asked:
        places = known.get(_same_media(sample, shared))
        if places is not None:
            of_sample[sample.task, sample.id] = places
    keys = [_same_media(sample, shared) for sample in asked]
    return Thumbnails(
        uris=[uri for uri, _ in made],
        words=[words for _, words in made],
        of_sample=of_sample,
        left_out=sum(key not in known for key in keys),
        failed=sum(key in known and known[key] is None for key in keys),
    )


def _encode_all(
    sample: Sample, open_media: Callable[[Sample], list[Image | Video]], small: bool, seconds: float
) -> list[tuple[str, str]] | None:
    try:
        with time_limit(seconds):
            return [(encode(medium, small=small), _describe(medium)) for medium in open_media(sample)]
    except MediaError:
        return None


def _same_media(sample: Sample, shared: Collection[str]) -> tuple[Any, ...]:
    """What samples with the same pictures have in common."""
    if sample.task in shared and sample.cluster is not None:
        return sample.task, sample.cluster
    return sample.task, *(medium.source for medium in sample.media)


def encode(medium: Image | Video, *, small: bool = False) -> str:
    """A medium as the data URI of a small JPEG."""
    from PIL import Image as images

    from harness.media.videos import Video

    side, frame_side = (_SMALL, _SMALL) if small else (_SIDE, _FRAME_SIDE)
    if isinstance(medium, Video):
        picture = _strip(medium, frame_side)
    else:
        picture = medium.convert("RGB")
        picture.thumbnail((side, side), images.Resampling.LANCZOS)
    stream = io.BytesIO()
    picture.save(stream, format="JPEG", quality=_QUALITY, optimize=True)
    return f"data:image/jpeg;base64,{base64.b64encode(stream.getvalue()).decode()}"


def _describe(medium: Image | Video) -> str:
    from harness.media.videos import Video

    if not isinstance(medium, Video):
        return f"image, {medium.width} × {medium.height} pixels"
    count, height, width = medium.frames.shape[:3]
    return f"{count} of {medium.total_frames} frames in {medium.duration_s:.1f} s, {width} × {height} pixels"


def _strip(video: Video, side: int) -> Image:
    """Up to four frames, evenly spread, side by side."""
    from PIL import Image as images

    count = len(video.frames)
    places = [round(step * (count - 1) / max(1, min(_FRAMES, count) - 1)) for step in range(min(_FRAMES, count))]
    frames = [images.fromarray(video.frames[place]) for place in places]
    for frame in frames:
        frame.thumbnail((side, side), images.Resampling.LANCZOS)
    strip = images.new("RGB", (sum(frame.width + 2 for frame in frames) - 2, max(frame.height for frame in frames)))
    x = 0
    for frame in frames:
        strip.paste(frame, (x, 0))
        x += frame.width + 2
    return strip
