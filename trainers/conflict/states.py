"""The states from which a checkpoint predicts the tokens of given responses, teacher-forced.

Imported lazily only: torch is imported at the top.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from harness.core.prompts import build_prompt
from harness.core.types import PromptFormat
from harness.engines.preparation import encode
from harness.media.videos import Video
from trainers.data.loading import open_pictures
from trainers.data.schema import Example
from trainers.ntk import Tokens

if TYPE_CHECKING:
    from PIL.Image import Image

_TOGETHER: Final = {"cpu": 16, "cuda": 4}
"""Sequences a forward pass."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forced:
    """A prompt and the response that is put into the model's mouth.

    Attributes:
        prompt: text of the user's turn, after its media.
        kinds: `image` or `video` of each medium, in order.
        open_media: opens them. Raises `MediaError` for this sample alone.
        response: text of the model's turn.
        ended: the response ends with the end token; it was not cut off.
        number: sequences with the same number answer the same prompt.
    """

    prompt: str
    kinds: tuple[str, ...]
    open_media: Callable[[], Sequence[Image | Video]]
    response: str
    ended: bool
    number: int


def force_rows(rows: Sequence[Example], root: Path, *, prompt_format: PromptFormat, num_frames: int) -> list[Forced]:
    """Training rows with their own responses, each a prompt of its own.

    Args:
        rows: examples with a response.
        root: what media paths are relative to.
        prompt_format: what the model is asked to write.
        num_frames: frames of a video, shown as images.
    """
    return [
        Forced(
            prompt=build_prompt(row.sample, prompt_format),
            kinds=tuple(
                "image" for media in row.sample.media for _ in range(num_frames if media.kind == "video" else 1)
            ),
            open_media=partial(open_pictures, row, root, num_frames),
            response=row.response or "",
            ended=True,
            number=number,
        )
        for number, row in enumerate(rows)
    ]


@torch.no_grad()
def force(model: Any, processor: Any, sequences: Sequence[Forced], *, max_pixels: int | None = None) -> Tokens:
    """The response tokens of all sequences and the last-layer states that predict them.

    The model is left in the mode that it was in. Media are opened a batch at a time.

    Args:
        model: a Transformers image-text-to-text model.
        processor: its processor.
        sequences: B of them, each with at least one response token.
        max_pixels: cap on the pixels of an image or frame; `None`: what the processor says.

    Returns:
        Tokens with `hidden` [N, d] as the LM head reads them and `sequence` in the order of `sequences`; `logprobs` are
        zeros, which the exact kernel does not read.

    Raises:
        MediaError: a medium cannot be read.
    """
    device = next(model.parameters()).device
    size = _TOGETHER.get(device.type, 1)
    was_training = model.training
    model.eval()
    hidden: list[Tensor] = []
    targets: list[Tensor] = []
    owner: list[Tensor] = []
    try:
        # A batch holds one kind of media: processors pad images and videos in different ways.
        order = sorted(range(len(sequences)), key=lambda place: (sequences[place].kinds, len(sequences[place].prompt)))
        for start in range(0, len(order), size):
            opened = {place: sequences[place].open_media() for place in order[start : start + size]}
            for places in _by_frames(opened):
                batch = [(sequences[place], opened[place]) for place in places]
                inputs, ids, mask = _encode(model, processor, batch, max_pixels)
                states = model.base_model(**inputs, use_cache=False).last_hidden_state
                states = states[:, -ids.shape[1] - 1 : -1]  # A state predicts the token after it.
                hidden.append(states[mask])
                targets.append(ids[mask])
                owner.append(torch.tensor(places, device=device)[:, None].expand_as(ids)[mask])
    finally:
        model.train(was_training)
    words = torch.cat(targets)
    return Tokens(
        hidden=torch.cat(hidden),
        targets=words,
        sequence=torch.cat(owner),
        logprobs=torch.zeros(len(words), device=device),
        prompt=torch.tensor([item.number for item in sequences], device=device),
    )


def response_ids(model: Any, processor: Any, sequence: Forced) -> list[int]:
    """The tokens of a response, with the end token where it ended."""
    ids: list[int] = processor.tokenizer(sequence.response, add_special_tokens=False)["input_ids"]
    if not sequence.ended:
        return ids
    ends = model.generation_config.eos_token_id
    known = [ends] if isinstance(ends, int) else list(ends or [])
    own = processor.tokenizer.eos_token_id  # Of several ends the one that closes a turn.
    return [*ids, own if own in known or not known else known[0]]


def _by_frames(opened: Mapping[int, Sequence[Image | Video]]) -> Iterable[list[int]]:
    """Videos of as many frames together: a cap is that of a frame, but some processors cap a video as a whole."""
    groups: dict[tuple[int, ...], list[int]] = {}
    for place, media in opened.items():
        groups.setdefault(tuple(len(item.frames) for item in media if isinstance(item, Video)), []).append(place)
    return groups.values()


def _encode(
    model: Any, processor: Any, batch: Sequence[tuple[Forced, Sequence[Image | Video]]], max_pixels: int | None
) -> tuple[dict[str, Tensor], Tensor, Tensor]:
    """Inputs of a forward pass, prompts padded on the left and responses on the right; the responses and their mask."""
    device = next(model.parameters()).device
    texts: list[str] = []
    images: list[Any] = []
    videos: list[Any] = []
    for item, media in batch:
        content: list[dict[str, Any]] = [{"type": kind} for kind in item.kinds]
        messages = [{"role": "user", "content": [*content, {"type": "text", "text": item.prompt}]}]
        texts.append(processor.apply_chat_template(messages, add_generation_prompt=True, tokenize=False))
        for medium in media:
            (videos if isinstance(medium, Video) else images).append(medium)
    frames = max((len(video.frames) for video in videos), default=1)
    encoded = encode(processor, texts, images, videos, max_pixels=max_pixels, num_frames=frames, padding_side="left")
    inputs = dict(encoded.to(device))
    rows = [torch.tensor(response_ids(model, processor, item), dtype=torch.long) for item, _ in batch]
    ids = pad_sequence(rows, batch_first=True).to(device)
    mask = pad_sequence([torch.ones_like(row) for row in rows], batch_first=True).to(device)
    for name, more in {"input_ids": ids, "attention_mask": mask, "mm_token_type_ids": torch.zeros_like(ids)}.items():
        if name in inputs:
            inputs[name] = torch.cat([inputs[name], more], dim=1)
    return inputs, ids, mask.bool()
