"""What comes before generation: the order of requests, opening their media, and the text of the prompt."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from inspect import signature
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from harness.core.errors import MediaError, ModelError
from harness.engines import Decoding, Request

if TYPE_CHECKING:
    from PIL.Image import Image

    from harness.media.videos import Video

_WINDOW: Final = 512
"""Requests that are ordered together: enough to put the long ones first, few enough to start at once."""
_SHOWN: Final = 300
"""Characters of an error, some of which hold whole tensors."""
_SAME_LENGTH: Final = 256
"""Prompts whose lengths fall into one step of this many characters keep the order in which they came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """The media of one or several requests, decoded.

    Attributes:
        images: RGB images, in order.
        videos: sampled frames with their time stamps, in order.
    """

    images: list[Image]
    videos: list[Video]


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
        groups: dict[tuple[Any, ...], list[Request]] = {}
        for number, request in enumerate(chunk):
            key = (request.task, request.media) if request.media else (request.task, number)
            groups.setdefault(key, []).append(request)
        yield from sorted(groups.values(), key=_expected_work, reverse=True)


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


def open_media(request: Request) -> Opened:
    """Open the media of a request.

    Raises:
        MediaError: an image or video cannot be read, or the data set gave another number of media than it named.
    """
    opened = request.open_media()
    if len(opened) != len(request.media):
        raise MediaError(f"sample {request.sample_id!r} names {len(request.media)} media, {len(opened)} were opened.")
    images: list[Any] = []
    videos: list[Any] = []
    for reference, item in zip(request.media, opened, strict=True):
        (videos if reference.kind == "video" else images).append(item)
    return Opened(images=images, videos=videos)


def default_workers() -> int:
    """Threads that open media: half of the cores, which leaves the others to the model; more than 8 wait for disks."""
    return min(8, max(2, (os.cpu_count() or 2) // 2))


def prompt_defect(request: Request) -> str | None:
    """Why no tokenizer takes a request's text, or `None`: half a character, which the JSON of a data file can hold."""
    parts = (part for message in chat_messages(request) for part in message["content"])
    try:
        "".join(part.get("text", "") for part in parts).encode()
    except UnicodeEncodeError as error:
        half = f"U+{ord(error.object[error.start]):04X}"
        return f"prompt: the question of sample {request.sample_id!r} holds half a character ({half}). Mend the data."
    return None


def chat_messages(request: Request) -> list[dict[str, Any]]:
    """The conversation as a chat template takes it: one user turn, media first, unless the request says otherwise."""
    if isinstance(request, ConversationRequest):
        return [dict(message) for message in request.messages]
    content: list[dict[str, Any]] = [{"type": media.kind} for media in request.media]
    content.append({"type": "text", "text": request.prompt})
    return [{"role": "user", "content": content}]


def chat_prompt(processor: Any, request: Request) -> str:
    """The prompt as text: one placeholder a medium, not expanded, ending where the model's turn begins.

    Args:
        processor: a Transformers processor or tokenizer with a chat template.
        request: the request.
    """
    prompt: str = processor.apply_chat_template(chat_messages(request), tokenize=False, add_generation_prompt=True)
    return prompt


def request_seed(request: Request, decoding: Decoding, index: int = 0) -> int:
    """Seed of response `index` of a request, so that its tokens do not depend on the order of the requests."""
    return (decoding.seed ^ zlib.crc32(f"{request.task}/{request.sample_id}".encode())) + index


def size_limits(processor: Any, max_pixels: int | None, num_frames: int) -> dict[str, dict[str, Any]]:
    """Processor arguments that cap the pixels of images and frames.

    Args:
        processor: a Transformers processor.
        max_pixels: most pixels of an image or frame; `None`: what the processor says.
        num_frames: frames a video, for processors that cap a video as a whole.

    Returns:
        `size` for `images_kwargs` and `videos_kwargs`, with a smallest size that is no larger than the cap; empty
        without a cap.

    Raises:
        ModelError: the processor resizes in another way than by a number of pixels.
    """
    if max_pixels is None:
        return {}
    limits = {}
    for name, part in (("images_kwargs", "image_processor"), ("videos_kwargs", "video_processor")):
        member = getattr(processor, part, None)
        if member is None:
            continue
        size = dict(member.size or {})
        if not hasattr(member, "merge_size") or not {"shortest_edge", "longest_edge"} <= size.keys():
            raise ModelError(
                f"--max-pixels: the {type(member).__name__} of this model does not resize by a number of pixels. "
                "Leave it out, or set the size in the checkpoint's processor configuration."
            )
        whole = max_pixels * _frames_counted(member, num_frames)
        limits[name] = {"size": {"shortest_edge": min(size["shortest_edge"], whole), "longest_edge": whole}}
    return limits


def _frames_counted(member: Any, num_frames: int) -> int:
    """How many frames an image or video processor counts together when it compares pixels with its size.

    Most count each for itself. Qwen3-VL and GLM-4V count those of a video together, which their `smart_resize` is told
    the number of, and GLM-4V the two frames that it makes of an image; VideoLLaMA 3 divides by it.
    """
    resize = getattr(import_module(type(member).__module__), "smart_resize", None)
    if resize is not None and "num_frames" in signature(resize).parameters:
        return num_frames if "Video" in type(member).__name__ else int(member.temporal_patch_size)
    return num_frames if "VideoLlama3Video" in type(member).__name__ else 1


def encode(
    processor: Any,
    texts: Sequence[str],
    images: Sequence[Image],
    videos: Sequence[Video],
    *,
    max_pixels: int | None,
    num_frames: int,
    **options: Any,
) -> Any:
    """What a processor makes of a batch: texts, padded, and the media that they have placeholders for.

    Args:
        processor: a Transformers processor.
        texts: prompts with their placeholders.
        images: of all prompts, in order.
        videos: of all prompts, in order; their frames are taken as they are.
        max_pixels: see `size_limits`.
        num_frames: see `size_limits`.
        **options: others of the processor.
    """
    limits = size_limits(processor, max_pixels, num_frames)
    arguments: dict[str, Any] = {"text": list(texts), "padding": True, "return_tensors": "pt", **options}
    if images:
        arguments |= {"images": list(images), "images_kwargs": limits.get("images_kwargs", {})}
    if videos:
        told = {"do_sample_frames": False, "video_metadata": [video_metadata(video) for video in videos]}
        arguments["videos"] = [video.frames for video in videos]
        arguments["videos_kwargs"] = {**limits.get("videos_kwargs", {}), **told}
    return processor(**arguments)


def video_metadata(video: Video) -> dict[str, Any]:
    """Time stamps of sampled frames, under the names of Transformers' `VideoMetadata`."""
    return {
        "total_num_frames": int(video.total_frames),
        "fps": float(video.fps),
        "duration": float(video.duration_s),
        "frames_indices": [int(index) for index in video.indices],
    }


def one_line(error: BaseException, *, limit: int = _SHOWN) -> str:
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
    return text if len(text) <= limit else text[: limit - 1] + "…"
