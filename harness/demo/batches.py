"""From examples to tensors, without the detour over the processor.

Training makes some hundred thousand examples; the processor would cost more time than the model. Ids, pixel values,
grids and rotary positions made here equal those of the real processor and of `get_rope_index`: a test compares them.

Imported lazily only: numpy, torch and transformers are imported at the top.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor
from transformers.models.qwen2_5_vl import modeling_qwen2_5_vl as qwen

from harness.demo.rendering import Pixels
from harness.demo.tokenizer import MERGE, PATCH, TEMPORAL_PATCH, VOCABULARY
from harness.demo.world import GRID

IGNORE: Final = -100
_IDS: Final = {token: index for index, token in enumerate(VOCABULARY)}
_SIDE_PATCHES: Final = GRID * MERGE
FRAME_PATCHES: Final = _SIDE_PATCHES**2
IMAGE_GRID: Final = (1, _SIDE_PATCHES, _SIDE_PATCHES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One training example.

    Attributes:
        frames: uint8 [T, H, W, 3], one frame per temporal patch (1 for an image); `None` for text only.
        prompt: expanded chat text up to the response.
        response: response text with its end token.
        skip_caption: give no loss to the caption (nothing to see: text only).
        skip_keys: give no loss to the token after each `<think>` (a drill's choice of what to look up next).
    """

    frames: Pixels | None
    prompt: str
    response: str
    skip_caption: bool = False
    skip_keys: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Right-padded tensors of examples that all have an image, all a video, or none.

    Attributes:
        ids: [B, L].
        labels: [B, L], `IGNORE` where there is no loss.
        positions: [3, B, L] rotary positions (time, height, width).
        pixels: [patches, channels x temporal patch x patch x patch], or `None`.
        grid: [B, 3] time, height and width in patches, or `None`.
    """

    ids: Tensor
    labels: Tensor
    positions: Tensor
    pixels: Tensor | None
    grid: Tensor | None


def patchify(frames: Pixels) -> npt.NDArray[np.float32]:
    """Frames [T, H, W, 3], each standing for a whole temporal patch, as [T x patches, pixels of a patch]."""
    scaled: npt.NDArray[np.float32] = ((frames.astype(np.float32) / 255 - 0.5) / 0.5).astype(np.float32)
    states = scaled.shape[0]
    doubled = np.repeat(scaled.transpose(0, 3, 1, 2)[:, None], TEMPORAL_PATCH, axis=1)
    cells = doubled.reshape(states, TEMPORAL_PATCH, 3, GRID, MERGE, PATCH, GRID, MERGE, PATCH)
    patches = cells.transpose(0, 3, 6, 4, 7, 2, 1, 5, 8)
    return np.ascontiguousarray(patches, np.float32).reshape(states * FRAME_PATCHES, -1)


def rotary_positions(ids: Sequence[int], *, late: bool = False) -> npt.NDArray[np.int64]:
    """Positions [3, L] of a sequence with at most one image or video, one second per temporal patch.

    Args:
        ids: token ids.
        late: let the text after a video start after the video's last moment too, as some engines do; by default it
            starts after its height, as `get_rope_index` has it.
    """
    array = np.asarray(ids)
    media = np.flatnonzero((array == _IDS["<|image_pad|>"]) | (array == _IDS["<|video_pad|>"]))
    positions = np.tile(np.arange(len(array)), (3, 1))
    if len(media):
        start, count = int(media[0]), len(media)
        order = np.arange(count)
        positions[:, media] = start + np.stack([order // GRID**2, order // GRID % GRID, order % GRID])
        extent = max(GRID, count // GRID**2) if late else GRID
        positions[:, start + count :] -= count - extent
    return positions


def collate(tokenizer: Any, examples: Sequence[Example], *, late: bool = False) -> Batch:
    """Tensors of a batch; the examples must be of one medium. `late` as in `rotary_positions`."""
    prompts = tokenizer([example.prompt for example in examples])["input_ids"]
    responses = tokenizer([example.response for example in examples])["input_ids"]
    length = max(len(p) + len(r) for p, r in zip(prompts, responses, strict=True))
    ids = np.full((len(examples), length), _IDS["<|endoftext|>"], np.int64)
    labels = np.full_like(ids, IGNORE)
    positions = np.zeros((3, *ids.shape), np.int64)
    for row, (example, prompt, response) in enumerate(zip(examples, prompts, responses, strict=True)):
        sequence = prompt + response
        ids[row, : len(sequence)] = sequence
        labels[row, len(prompt) : len(sequence)] = response
        if example.skip_caption and _IDS["</caption>"] in response:
            begin = len(prompt) + response.index(_IDS["<caption>"]) + 1
            labels[row, begin : len(prompt) + response.index(_IDS["</caption>"]) + 1] = IGNORE
        if example.skip_keys:
            labels[row, 1:][ids[row, :-1] == _IDS["<think>"]] = IGNORE
        positions[:, row, : len(sequence)] = rotary_positions(sequence, late=late)
    frames = [example.frames for example in examples if example.frames is not None]
    grids = [[len(item), _SIDE_PATCHES, _SIDE_PATCHES] for item in frames]
    return Batch(
        ids=torch.from_numpy(ids),
        labels=torch.from_numpy(labels),
        positions=torch.from_numpy(positions),
        pixels=torch.from_numpy(patchify(np.concatenate(frames))) if frames else None,
        grid=torch.tensor(grids) if frames else None,
    )


def hidden_states(model: Any, batch: Batch) -> Tensor:
    """Last hidden states [B, L, d] of a batch."""
    embeddings = model.model.language_model.embed_tokens(batch.ids)
    if batch.pixels is not None:
        features = model.model.visual(batch.pixels, batch.grid).pooler_output
        media = (batch.ids == _IDS["<|image_pad|>"]) | (batch.ids == _IDS["<|video_pad|>"])
        embeddings = embeddings.masked_scatter(media[..., None], features.to(embeddings.dtype))
    output = model.model.language_model(inputs_embeds=embeddings, position_ids=batch.positions, use_cache=False)
    states: Tensor = output.last_hidden_state
    return states


def token_losses(model: Any, batch: Batch) -> Tensor:
    """Cross-entropy of each labelled token, [N]."""
    hidden = hidden_states(model, batch)[:, :-1]
    labels = batch.labels[:, 1:]
    chosen = labels != IGNORE
    return F.cross_entropy(model.lm_head(hidden[chosen]), labels[chosen], reduction="none")


def _attend_by_frame(
    self: Any, hidden_states: Tensor, cu_seqlens: Tensor, position_embeddings: Any = None, **_: Any
) -> Tensor:
    """Vision attention of equally long frames in one call instead of one call a frame."""
    total = hidden_states.shape[0]
    query, key, value = self.qkv(hidden_states).reshape(total, 3, self.num_heads, -1).unbind(1)
    query, key = qwen.apply_rotary_pos_emb_vision(query, key, *position_embeddings)
    frames = len(cu_seqlens) - 1

    def split(tensor: Tensor) -> Tensor:
        return tensor.reshape(frames, total // frames, self.num_heads, -1).transpose(1, 2)

    attended = F.scaled_dot_product_attention(split(query), split(key), split(value), scale=self.scaling)
    output: Tensor = self.proj(attended.transpose(1, 2).reshape(total, -1))
    return output


def _embed_patches(self: Any, hidden_states: Tensor) -> Tensor:
    """The patch embedding's convolution as the matrix product that it is."""
    return F.linear(hidden_states.reshape(hidden_states.shape[0], -1), self.proj.weight.view(self.embed_dim, -1))


@contextmanager
def fast_vision() -> Iterator[None]:
    """Faster vision forward passes for training on a CPU, with the same values; undone at the end."""
    attention, embedding = qwen.Qwen2_5_VLVisionAttention, qwen.Qwen2_5_VisionPatchEmbed
    saved = attention.forward, embedding.forward
    attention.forward, embedding.forward = _attend_by_frame, _embed_patches
    try:
        yield
    finally:
        attention.forward, embedding.forward = saved
