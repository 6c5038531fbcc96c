"""What comes before generation: the order of requests, and opening their media."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from harness.core.errors import MediaError
from harness.core.secrets import received_text
from harness.core.types import MediaKind, Sample
from harness.engines import Decoding, Request, VideoAs

if TYPE_CHECKING:
    from PIL.Image import Image

    from harness.media.videos import Video

_WINDOW: Final = 512
"""Requests that are ordered together: enough to put the long ones first, few enough to start at once."""
_SHOWN: Final = 300
"""Characters of an error, some of which hold whole tensors."""
_SAME_LENGTH: Final = 256
"""Prompts whose lengths fall into one step of this many characters keep the order in which they came."""


Question = TypeVar("Question", Request, Sample)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """The media of one or several requests, decoded.

    Attributes:
        images: RGB images, in order.
        videos: sampled frames with their time stamps, in order.
        shown: as what each medium of the request is shown: itself, or an image a frame of a video.
    """

    images: list[Image]
    videos: list[Video]
    shown: tuple[tuple[MediaKind, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationRequest(Request):
    """A request whose media stand anywhere in a conversation.

    Attributes:
        messages: turns with `role` and `content`, a list of parts: `{"type": "text", "text": ...}` or the kind of a
            medium alone; the media follow in the same order in `media`. Takes the place of `prompt`.
    """

    messages: tuple[Mapping[str, Any], ...]


def submission_groups(requests: Iterable[Request], *, window: int = _WINDOW) -> Iterator[list[Request]]:
    """Unfinished requests in the order of submission, those of the same media together.

    A group is opened once and submitted together, so that the image and prefix caches of an engine hold what its
    members share. Within a window the groups with the longest expected work come first, so that the end of a run is
    not spent waiting for one long response; otherwise the order stays.

    Args:
        requests: all requests of a run, finished ones included; consumed a window at a time.
        window: requests that are ordered together.
    """
    unfinished = (request for request in requests if not request.finished)
    while chunk := list(islice(unfinished, window)):
        yield from sorted(of_same_media(chunk), key=_expected_work, reverse=True)


def of_same_media(questions: Iterable[Question]) -> list[list[Question]]:
    """Those about the same media together, in the order in which the first of each came."""
    groups: dict[tuple[Any, ...], list[Question]] = {}
    for number, question in enumerate(questions):
        key = (question.task, question.media) if question.media else (question.task, number)
        groups.setdefault(key, []).append(question)
    return list(groups.values())


def _expected_work(group: Sequence[Request]) -> tuple[int, int, int, int, int]:
    """Sort key: what is known of a group's cost before anything is opened."""
    first = group[0]
    videos = sum(media.kind == "video" for media in first.media)
    return (
        max(request.max_new_tokens or 0 for request in group),
        sum(request.n for request in group) - len(group),
        videos,
        len(first.media),
        max(len(request.prompt) for request in group) // _SAME_LENGTH,
    )


def open_media(request: Request, video_as: VideoAs = "native") -> Opened:
    """Open the media of a request.

    Args:
        request: the request.
        video_as: `frames`: each frame of a video is shown as an image.

    Raises:
        MediaError: an image or video cannot be read, or the data set gave another number of media than it named.
    """
    from harness.media.videos import frame_images

    opened = request.open_media()
    if len(opened) != len(request.media):
        raise MediaError(f"sample {request.sample_id!r} names {len(request.media)} media, {len(opened)} were opened.")
    images: list[Any] = []
    videos: list[Any] = []
    shown: list[tuple[MediaKind, ...]] = []
    image: MediaKind = "image"
    for reference, item in zip(request.media, opened, strict=True):
        if reference.kind == "image":
            images.append(item)
            shown.append(("image",))
        elif video_as == "frames":
            frames = frame_images(cast("Video", item))
            images += frames
            shown.append((image,) * len(frames))
        else:
            videos.append(item)
            shown.append(("video",))
    return Opened(images=images, videos=videos, shown=tuple(shown))


def default_workers() -> int:
    """Threads that open media: half of the cores, which leaves the others to the model; more than 8 wait for disks."""
    return min(8, max(2, (os.cpu_count() or 2) // 2))


def prompt_defect(request: Request) -> str | None:
    """Why no tokenizer takes a request's text, or `None`: half a character, which the JSON of a data file can hold."""
    texts = [request.prompt]
    if isinstance(request, ConversationRequest):
        texts = [part.get("text", "") for message in request.messages for part in message["content"]]
    try:
        "".join(texts).encode()
    except UnicodeEncodeError as error:
        half = f"U+{ord(error.object[error.start]):04X}"
        return f"prompt: the question of sample {request.sample_id!r} holds half a character ({half}). Mend the data."
    return None


def request_seed(request: Request, decoding: Decoding, index: int = 0) -> int:
    """Seed of response `index` of a request, so that its tokens do not depend on the order of the requests."""
    return (decoding.seed ^ zlib.crc32(f"{request.task}/{request.sample_id}".encode())) + index


def one_line(error: BaseException) -> str:
    """An error's text on one line: that of its first cause, and in brackets what was made of it."""
    texts: list[str] = []
    link: BaseException | None = error
    while link is not None:
        text = " ".join(str(link).split())
        if text and text not in texts:
            texts.insert(0, text)
        link = link.__cause__
    text = texts[0] if texts else type(error).__name__
    if len(texts) > 1:
        text += f" ({texts[-1]})"
    text = received_text(text)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
