"""The states from which a checkpoint predicts the tokens of given responses, teacher-forced.

Imported lazily only: torch is imported at the top.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import torch
from torch import Tensor

from harness.engines import Request, VideoAs
from trainers.data.schema import Example
from trainers.models import check_head
from trainers.ntk import Tokens
from trainers.ntk.primitives import mean_weights, wide_dtype
from trainers.showing import Rows, encode_groups, end_tokens, response_ids, show, with_responses

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


def force_rows(examples: Sequence[Example], rows: Rows) -> list[Forced]:
    """Training rows with their own responses, each a prompt of its own.

    Args:
        examples: rows with a response.
        rows: asks them.
    """
    return [
        Forced(request=rows.request(example), response=example.response or "", ended=True, number=number)
        for number, example in enumerate(examples)
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
        Tokens with `hidden` [N, d] as the LM head reads them and `sequence` in the order of `sequences`.

    Raises:
        MediaError: a medium cannot be read, or does not reach the model.
        ModelError: the model gives no last hidden states.
    """
    check_head(model, model.name_or_path)
    # Where a model is spread, its first layers' device; what lies on disk has none.
    device = next(weight.device for weight in model.parameters() if not weight.is_meta)
    ends = end_tokens(model, processor)
    responses = [response_ids(processor, ends, item.response, ended=item.ended) for item in sequences]
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
            batch = order[start : start + size]
            prompts = [show(processor, sequences[place].request, video_as) for place in batch]
            for group in encode_groups(processor, prompts, max_pixels):
                places = [batch[place] for place in group.places]
                whole = replace(group, places=list(range(len(places))))
                inputs, mask = with_responses([whole], [responses[place] for place in places])
                inputs = {name: value.to(device) for name, value in inputs.items()}
                states = model.base_model(**inputs, use_cache=False).last_hidden_state.to(device)
                length = mask.shape[1]
                hidden.append(states[:, -length - 1 : -1][mask])  # A state predicts the token after it.
                targets.append(inputs["input_ids"][:, -length:][mask])
                owner.append(torch.tensor(places, device=device)[:, None].expand(mask.shape)[mask])
    finally:
        model.train(was_training)
    states, owners = torch.cat(hidden), torch.cat(owner)
    return Tokens(
        hidden=states,
        targets=torch.cat(targets),
        sequence=owners,
        weights=mean_weights(owners, len(sequences), wide_dtype(states)),
        prompt=torch.tensor([item.number for item in sequences], device=device),
    )
