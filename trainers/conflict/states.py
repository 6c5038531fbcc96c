"""The states from which a checkpoint predicts the tokens of given responses, teacher-forced.

Imported lazily only: torch is imported at the top.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from harness.core.types import PromptFormat
from harness.engines import Request, VideoAs
from harness.engines.inputs import chat_prompt, encode, layout
from harness.engines.preparation import Opened, open_media
from trainers.data.loading import as_request
from trainers.data.schema import Example
from trainers.ntk import Tokens

_TOGETHER: Final = {"cpu": 16, "cuda": 4}
"""Sequences a forward pass."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forced:
    """A prompt and the response that is put into the model's mouth.

    Attributes:
        request: the prompt.
        response: text of the model's turn.
        ended: the response ends with the end token; it was not cut off.
        number: sequences with the same number answer the same prompt.
    """

    request: Request
    response: str
    ended: bool
    number: int


def force_rows(rows: Sequence[Example], root: Path, *, prompt_format: PromptFormat, num_frames: int) -> list[Forced]:
    """Training rows with their own responses, each a prompt of its own.

    Args:
        rows: examples with a response.
        root: what media paths are relative to.
        prompt_format: what the model is asked to write.
        num_frames: frames of a video.
    """
    return [
        Forced(
            request=as_request(row, root, prompt_format=prompt_format, num_frames=num_frames),
            response=row.response or "",
            ended=True,
            number=number,
        )
        for number, row in enumerate(rows)
    ]


@torch.no_grad()
def force(
    model: Any,
    processor: Any,
    sequences: Sequence[Forced],
    *,
    max_pixels: int | None = None,
    video_as: VideoAs = "native",
) -> Tokens:
    """The response tokens of all sequences and the last-layer states that predict them.

    The model is left in the mode that it was in. Media are opened a batch at a time.

    Args:
        model: a Transformers image-text-to-text model.
        processor: its processor.
        sequences: B of them, each with at least one response token.
        max_pixels: cap on the pixels of an image or frame; `None`: what the processor says.
        video_as: how the model is shown videos.

    Returns:
        Tokens with `hidden` [N, d] as the LM head reads them and `sequence` in the order of `sequences`; `logprobs` are
        zeros, which the exact kernel does not read.

    Raises:
        MediaError: a medium cannot be read, or does not reach the model.
    """
    device = next(model.parameters()).device
    size = _TOGETHER.get(device.type, 1)
    was_training = model.training
    model.eval()
    hidden: list[Tensor] = []
    targets: list[Tensor] = []
    owner: list[Tensor] = []
    try:
        order = sorted(
            range(len(sequences)),
            key=lambda place: (len(sequences[place].request.media), len(sequences[place].request.prompt)),
        )
        for start in range(0, len(order), size):
            opened = {place: open_media(sequences[place].request, video_as) for place in order[start : start + size]}
            for places in _by_layout(opened):
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


def _by_layout(opened: Mapping[int, Opened]) -> Iterable[list[int]]:
    groups: dict[Any, list[int]] = {}
    for place, media in opened.items():
        groups.setdefault(layout(media), []).append(place)
    return groups.values()


def _encode(
    model: Any, processor: Any, batch: Sequence[tuple[Forced, Opened]], max_pixels: int | None
) -> tuple[dict[str, Tensor], Tensor, Tensor]:
    """Inputs of a forward pass, prompts padded on the left and responses on the right; the responses and their mask."""
    device = next(model.parameters()).device
    prompts = [chat_prompt(processor, item.request, opened) for item, opened in batch]
    opened = [of_one for _, of_one in batch]
    encoded = encode(processor, prompts, opened, max_pixels=max_pixels, padding_side="left")
    inputs = dict(encoded.to(device))
    rows = [torch.tensor(response_ids(model, processor, item), dtype=torch.long) for item, _ in batch]
    ids = pad_sequence(rows, batch_first=True).to(device)
    mask = pad_sequence([torch.ones_like(row) for row in rows], batch_first=True).to(device)
    for name, more in {"input_ids": ids, "attention_mask": mask, "mm_token_type_ids": torch.zeros_like(ids)}.items():
        if name in inputs:
            inputs[name] = torch.cat([inputs[name], more], dim=1)
    if (across := inputs.get("cross_attention_mask")) is not None:  # [B, T, images, tiles]: on as at the prompt's end.
        inputs["cross_attention_mask"] = torch.cat([across, across[:, -1:].expand(-1, ids.shape[1], -1, -1)], dim=1)
    return inputs, ids, mask.bool()
