"""What a model is shown: prompt and media as its processor takes them, and whether all of them got there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from inspect import signature
from typing import TYPE_CHECKING, Any, Final

from harness.answers.sections import open_section
from harness.core.errors import MediaError, ModelError, UsageError
from harness.core.types import MediaKind
from harness.engines import Request, VideoAs
from harness.engines.checkpoints import Checkpoint
from harness.engines.kinds import no_template
from harness.engines.loaders import refusal
from harness.engines.preparation import ConversationRequest, Opened, one_line

if TYPE_CHECKING:
    from harness.media.videos import Video

_KINDS: Final[tuple[MediaKind, ...]] = ("image", "video")
_ROWS_A_MEDIUM: Final = {"image": ("image_grid_thw", "image_sizes"), "video": ("video_grid_thw",)}
"""Tensors with a row a medium, where a processor makes them."""
_PROMPT_END: Final = 32
"""Tokens of a prompt that hold the longest tag that it may end with."""
_OWN_INTERFACE: Final = (
    "Its prompts are made in a way of its own, which Transformers does not know; vLLM knows those of many: "
    "vllm serve it with --trust-remote-code, and ask with --model openai:NAME --base-url URL."
)


def load_processor(checkpoint: Checkpoint) -> Any:
    """A checkpoint's processor, padding on the left.

    Raises:
        ModelError: it cannot be loaded, takes code that is not trusted, has no chat template, or takes text alone.
    """
    from transformers import AutoProcessor

    name, folder, trusted = checkpoint.name, checkpoint.processor_folder, checkpoint.trust_remote_code
    try:
        processor = AutoProcessor.from_pretrained(folder, padding_side="left", trust_remote_code=trusted)
    except Exception as error:  # Of a checkpoint's own code: anything.
        raise refusal(checkpoint, folder, error, "the processor of ") from error
    if getattr(processor, "image_processor", None) is None:
        raise ModelError(
            f"model {name!r} takes no images: {folder} holds a {type(processor).__name__} without an image processor. "
            + (_OWN_INTERFACE if trusted else "Of a multimodal model, fetch preprocessor_config.json too.")
        )
    if getattr(processor, "chat_template", None) is None:
        processor.chat_template = getattr(processor.tokenizer, "chat_template", None)  # Where older files keep it.
    if processor.chat_template is None:
        raise no_template(name, folder)
    if not _has_place(processor, "image"):
        raise ModelError(f"model {name!r}: the chat template in {folder} has no place for images. {_OWN_INTERFACE}")
    if processor.tokenizer.pad_token_id is None:
        processor.tokenizer.pad_token = processor.tokenizer.eos_token
    return processor


def takes_videos(processor: Any) -> bool:
    """Whether a family has videos of its own: a processor for them, and a chat template with a place for one."""
    return getattr(processor, "video_processor", None) is not None and _has_place(processor, "video")


def _has_place(processor: Any, kind: MediaKind) -> bool:
    text: dict[str, Any] = {"type": "text", "text": "?"}
    try:
        shown, alone = (
            processor.apply_chat_template([{"role": "user", "content": content}], tokenize=False)
            for content in ([{"type": kind}, text], [text])
        )
    except Exception:  # Templates raise whatever Jinja, or their author, thought of.
        return False
    # A template that takes plain text alone writes the parts of a turn out, in Python's own spelling.
    return bool(shown != alone) and repr({"type": kind}) not in shown


def choose_video_as(processor: Any, wanted: VideoAs | None, name: str) -> VideoAs:
    """How a model is shown videos: as videos where its family takes them, else frame by frame, as images.

    Args:
        processor: of the checkpoint.
        wanted: what the user asks for; `None`: nothing.
        name: of the checkpoint, for errors.

    Raises:
        UsageError: videos are wanted of a family that would not see them.
    """
    if wanted == "frames":
        return "frames"
    if takes_videos(processor):
        return "native"
    if wanted == "native":
        raise UsageError(
            f"--video-as native: model {name!r} takes no videos; its {type(processor).__name__} or its chat template "
            "would leave them out. Use --video-as frames, which shows their frames as images."
        )
    return "frames"


def chat_messages(request: Request, opened: Opened) -> list[dict[str, Any]]:
    """The conversation as a chat template takes it: one user turn, media first, unless the request says otherwise.

    Args:
        request: the request.
        opened: its media; a video that is shown as images has a part an image.
    """
    shown = iter(opened.shown)
    if not isinstance(request, ConversationRequest):
        content = [{"type": kind} for kinds in shown for kind in kinds]
        user = {"role": "user", "content": [*content, {"type": "text", "text": request.prompt}]}
        if request.system is None:
            return [user]
        return [{"role": "system", "content": [{"type": "text", "text": request.system}]}, user]
    messages = []
    for message in request.messages:
        parts: list[Mapping[str, Any]] = []
        for part in message["content"]:
            parts += [part] if part["type"] == "text" else [{"type": kind} for kind in next(shown)]
        messages.append({**message, "content": parts})
    return messages


def chat_prompt(processor: Any, request: Request, opened: Opened) -> str:
    """The prompt as text: one placeholder a medium, not expanded, ending where the model's turn begins.

    Args:
        processor: a Transformers processor or tokenizer with a chat template.
        request: the request.
        opened: its media.

    Raises:
        MediaError: the prompt has not one place for each medium.
    """
    messages = chat_messages(request, opened)
    try:
        prompt: str = processor.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    except Exception as error:
        raise MediaError(f"the model's chat template refuses the prompt: {one_line(error)}") from error
    for kind, media in (("image", opened.images), ("video", opened.videos)):
        token = getattr(processor, f"{kind}_token", None)
        place = getattr(token, "content", token)
        if place is None:  # How many there are is not known; that there is one shows.
            alone = chat_messages(request, replace(opened, shown=((),) * len(opened.shown)))
            bare = processor.apply_chat_template(alone, tokenize=False, add_generation_prompt=True) if media else ""
            places = 0 if bare == prompt else len(media)
        else:
            places = prompt.count(place)
        if places < len(media):
            raise MediaError(f"the model's chat template has a place for {places} of {len(media)} {kind}s.")
        if places > len(media):
            raise MediaError(
                f"the question holds {place!r}, which in this model's prompts stands for {kind}s. Mend the data."
            )
    return prompt


def response_text(tokenizer: Any, prompt: Sequence[int], response: Sequence[int]) -> str:
    """What a model says: the text of its tokens, behind the tag that its prompt ends with, if there is one.

    The chat templates of models that always think open the thinking, and a response that is cut off before it closes
    it would look like an answer. A tag that is a special token is left out, as its closing one is.

    Args:
        tokenizer: a Transformers tokenizer.
        prompt: tokens of the prompt, without padding behind them.
        response: generated tokens.
    """
    text: str = tokenizer.decode(response, skip_special_tokens=True)
    return open_section(tokenizer.decode(prompt[-_PROMPT_END:], skip_special_tokens=True)) + text.strip()


def begins_with_bos(tokenizer: Any, prompt: str) -> bool:
    """Whether a chat template has written the first token, so that the tokenizer must not add it once more."""
    bos = tokenizer.bos_token
    return bool(bos) and prompt.startswith(bos)


def encode(
    processor: Any, prompts: Sequence[str], opened: Sequence[Opened], *, max_pixels: int | None, **options: Any
) -> Any:
    """What a processor makes of a batch: texts, padded, and their media.

    Args:
        processor: a Transformers processor.
        prompts: B texts with their placeholders.
        opened: the media of each, as many images and as many videos of as many frames in all of them: some
            processors mix up others (see `layout`).
        max_pixels: see `size_limits`.
        **options: others of the processor.

    Raises:
        MediaError: a medium of a prompt has become no visual tokens, or no pixels.
    """
    of_rows = [[long_enough(processor, video) for video in item.videos] for item in opened]
    videos = [video for row in of_rows for video in row]
    limits = size_limits(processor, max_pixels, min((len(video.frames) for video in videos), default=1))
    arguments: dict[str, Any] = {"text": list(prompts), "padding": True, "return_tensors": "pt", **options}
    if begins_with_bos(processor.tokenizer, prompts[0]):
        arguments["add_special_tokens"] = False
    if any(item.images for item in opened):
        arguments |= {"images": [item.images for item in opened], "images_kwargs": limits.get("images_kwargs", {})}
    if videos:
        told = {"do_sample_frames": False, "video_metadata": [video_metadata(video) for video in videos]}
        frames = [[video.frames for video in row] for row in of_rows]
        # SmolVLM's processor of Transformers 5.19 takes them by row alone; some others cannot tell an empty first row.
        arguments["videos"] = frames if all(frames) else [video for row in frames for video in row]
        arguments["videos_kwargs"] = {**limits.get("videos_kwargs", {}), **told}
    inputs = processor(**arguments)
    _check_shown(processor, inputs, opened)
    return inputs


def layout(opened: Opened) -> tuple[int, tuple[int, ...]]:
    """Number of images, and frames of each video: prompts share a batch where these are equal."""
    return len(opened.images), tuple(len(video.frames) for video in opened.videos)


def _check_shown(processor: Any, inputs: Any, opened: Sequence[Opened]) -> None:
    """Refuse a batch of which a row has fewer visual tokens than media, or whose pixels are of other media.

    That pixels and visual tokens fit together one by one, Transformers' models check themselves.
    """
    for found, item in zip(count_visual(processor, inputs["input_ids"].tolist()), opened, strict=True):
        wanted = len(item.images) + len(item.videos)
        if found is not None and (found < wanted or (found and not wanted)):
            raise MediaError(f"{wanted} images and videos became {found} visual tokens.")
    for kind in _KINDS:
        wanted = sum(len(item.images if kind == "image" else item.videos) for item in opened)
        if wanted and not any("pixel_values" in name for name in inputs):
            raise MediaError(f"the processor made no pixels of {wanted} {kind}s.")
        for name in _ROWS_A_MEDIUM[kind]:
            if name in inputs and len(inputs[name]) != wanted:
                raise MediaError(f"the processor made pixels of {len(inputs[name])} {kind}s of {wanted}.")


def count_visual(processor: Any, rows: Sequence[Sequence[int]]) -> list[int | None]:
    """How many tokens of each prompt stand for pixels; `None` where the processor has none that tell."""
    ids = visual_ids(processor)
    return [sum(token in ids for token in row) if ids else None for row in rows]


def visual_ids(processor: Any) -> set[int]:
    """Tokens that stand for pixels."""
    ids: set[Any] = set()
    for kind in _KINDS:
        ids |= {getattr(owner, f"{kind}_token_id", None) for owner in (processor, processor.tokenizer)}
        ids |= set(getattr(processor, f"{kind}_token_ids", None) or ())
    return ids - {None}


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
    if _counts_frames(member):
        return num_frames if "Video" in type(member).__name__ else int(member.temporal_patch_size)
    return num_frames if "VideoLlama3Video" in type(member).__name__ else 1


def _counts_frames(member: Any) -> bool:
    resize = getattr(import_module(type(member).__module__), "smart_resize", None)
    return resize is not None and "num_frames" in signature(resize).parameters


def video_metadata(video: Video) -> dict[str, Any]:
    """Time stamps of sampled frames, under the names of Transformers' `VideoMetadata`."""
    return {
        "total_num_frames": int(video.total_frames),
        "fps": float(video.fps),
        "duration": float(video.duration_s),
        "frames_indices": [int(index) for index in video.indices],
    }


def long_enough(processor: Any, video: Video) -> Video:
    """A video of one frame with that frame twice, for families whose processors take no shorter ones."""
    import numpy as np

    if len(video.frames) > 1 or not _counts_frames(processor.video_processor):
        return video
    return replace(video, frames=np.repeat(video.frames, 2, axis=0), indices=video.indices * 2)
