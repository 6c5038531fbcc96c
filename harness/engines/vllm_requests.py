"""Requests and responses in vLLM's terms."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

from harness.core.errors import MediaError
from harness.core.types import Response
from harness.engines import Decoding, Request, Tokens, failed
from harness.engines.inputs import (
    chat_prompt,
    count_visual,
    long_enough,
    response_text,
    size_limits,
    video_metadata,
)
from harness.engines.logprobs import NOT_FINITE, answer_logprobs_of_ids, are_finite
from harness.engines.preparation import Opened, request_seed

_OTHERWISE: Final = ("video_llama_3",)
"""Types of which vLLM 0.32 answers otherwise than Transformers, with log-probabilities up to 0.9 apart."""


def media_names(opened: Opened) -> dict[str, list[str]]:
    """What vLLM keeps media under: digests of their content, which it else takes anew for each question about them."""
    import numpy as np

    def name(pixels: Any, *told: Any) -> str:
        digest = hashlib.sha256(repr((pixels.shape, *told)).encode())
        digest.update(np.ascontiguousarray(pixels).data)
        return digest.hexdigest()

    images = [name(np.asarray(image)) for image in opened.images]
    videos = [name(video.frames, video_metadata(video)) for video in opened.videos]
    return {kind: names for kind, names in (("image", images), ("video", videos)) if names}


def make_prompt(
    processor: Any, request: Request, opened: Opened, names: Mapping[str, Sequence[str]], max_pixels: int | None
) -> dict[str, Any]:
    """A prompt as vLLM's renderer takes it: text with one placeholder a medium, and the media as they are.

    Args:
        processor: of the checkpoint.
        request: the request.
        opened: its media.
        names: see `media_names`.
        max_pixels: cap on the pixels of an image or frame; `None`: what the processor says.

    Raises:
        MediaError: the prompt has not one place for each medium.
    """
    prompt: dict[str, Any] = {"prompt": chat_prompt(processor, request, opened)}
    media: dict[str, Any] = {}
    if opened.images:
        media["image"] = opened.images
    videos = [long_enough(processor, video) for video in opened.videos]
    if videos:
        # Frames were sampled already; without metadata, time stamps would be made up.
        media["video"] = [
            (video.frames, video_metadata(video) | {"do_sample_frames": False, "video_backend": "pyav"})
            for video in videos
        ]
    if media:
        prompt |= {"multi_modal_data": media, "multi_modal_uuids": names}
        frames = min((len(video.frames) for video in videos), default=1)
        limits = size_limits(processor, max_pixels, frames)
        # Kind by kind only where a prompt has both: vLLM before 0.32 tells Qwen3-VL's videos the size a second time.
        if limits and len(media) == 1:
            (limits,) = (limits.get(f"{kind}s_kwargs", {}) for kind in media)
        if limits:
            prompt["mm_processor_kwargs"] = limits
    return prompt


def check_videos(model_type: str, opened: Opened) -> None:
    """Refuse videos of a family of which vLLM computes something else than the model does, and says nothing.

    Args:
        model_type: of the model's configuration.
        opened: the media of a request.

    Raises:
        MediaError: there are videos, of such a family.
    """
    if opened.videos and model_type in _OTHERWISE:
        raise MediaError(
            f"vLLM computes other things about videos than a model of type {model_type} does. Use --video-as frames, "
            "or --engine hf."
        )


def same_norms(processor: Any) -> bool:
    """Whether a processor, as far as it takes videos, brings them to the same mean and deviation as images."""
    parts = [getattr(processor, f"{kind}_processor", None) for kind in ("image", "video")]
    norms = {
        tuple(tuple(getattr(part, name, None) or ()) for name in ("image_mean", "image_std"))
        for part in parts
        if part is not None
    }
    return len(norms) == 1


def sampling_parameters(request: Request, decoding: Decoding) -> Any:
    """The `SamplingParams` of a request for vLLM; nothing is left to the checkpoint's own generation settings."""
    from vllm import SamplingParams
    from vllm.sampling_params import RequestOutputKind

    sampled = decoding.temperature > 0
    return SamplingParams(
        n=request.n,  # Response i of it is drawn with seed + i.
        temperature=decoding.temperature,
        top_p=decoding.top_p if sampled else 1.0,
        top_k=decoding.top_k if sampled else 0,
        repetition_penalty=decoding.repetition_penalty,
        max_tokens=request.max_new_tokens or decoding.max_new_tokens,
        seed=request_seed(request, decoding) if sampled else None,
        logprobs=0 if decoding.logprobs else None,  # 0: that of the chosen token alone.
        flat_logprobs=decoding.logprobs,
        detokenize=False,  # Token by token it costs more than all the rest; a whole response is decoded at once.
        output_kind=RequestOutputKind.FINAL_ONLY,
    )


def make_response(request: Request, output: Any, completion: Any, seconds: float, processor: Any) -> Response:
    """The response in one completion of a finished `RequestOutput` of vLLM; failed where its logits were no numbers."""
    ids, tokenizer = tuple(completion.token_ids), processor.tokenizer
    of_answer = None
    if (flat := completion.logprobs) is not None:
        logprobs = tuple(flat.logprobs[start] for start in flat.start_indices)
        if not are_finite(logprobs):
            return failed(request, NOT_FINITE)
        of_answer = answer_logprobs_of_ids(ids, logprobs, tokenizer)
        if request.observe is not None:
            request.observe(Tokens(ids=ids, logprobs=logprobs))
    return Response(
        sample_id=request.sample_id,
        text=response_text(tokenizer, output.prompt_token_ids, ids),
        finish_reason=completion.finish_reason,
        prompt_tokens=len(output.prompt_token_ids),
        visual_tokens=count_visual(processor, [output.prompt_token_ids])[0],
        completion_tokens=len(ids),
        seconds=round(seconds, 4),
        answer_logprobs=of_answer,
    )
