"""What a model is given in training: rows as an evaluation asks them, by the same code, and responses after them.

Imported lazily only: torch is imported at the top.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor
from torch.nn.functional import pad
from torch.nn.utils.rnn import pad_sequence

from harness.answers.sections import open_section
from harness.core.errors import DataError, MediaError
from harness.core.types import PromptFormat
from harness.engines import Request, VideoAs
from harness.engines.inputs import chat_prompt, encode, layout, response_text
from harness.engines.preparation import Opened, one_line, open_media
from trainers.data.loading import as_request, parse_row

_KEPT: Final = 256
"""Rows whose pictures are kept decoded: a prompt is read once for each of its generations."""
_ASKED: Final = {"role": "user", "content": [{"type": "text", "text": "?"}]}
_PROBE: Final = "An answer."
_MIXED: Final = (
    "the family mixes up rows of different numbers of images or frames in one batch, and under ZeRO or FSDP they are "
    "not parted. Set train.per_device_train_batch_size=1, or train on rows of as many."
)
Fields = dict[str, Tensor]
Change = Callable[[Opened], Opened]
"""What becomes of media before they are shown; their number and sizes stay."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """A prompt whose media are open.

    Attributes:
        text: with a placeholder a medium.
        opened: the media.
    """

    text: str
    opened: Opened


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Prompts of a batch that are encoded together.

    Attributes:
        places: where they are in the batch.
        fields: what the processor makes of them, [B, T] where it is of tokens, padded on the left.
    """

    places: list[int]
    fields: Fields


class Rows:
    """Rows of training data to prompts, as an evaluation with the same settings would show them.

    Attributes:
        processor: of the model.
        video_as: how videos are shown.
        max_pixels: cap on the pixels of an image or frame; `None`: what the processor says.
        apart: prompts of other numbers of images and frames are encoded apart, which some families need. Where weights
            are sharded they cannot be: all processes take as many forward passes.
    """

    def __init__(
        self,
        processor: Any,
        root: Path,
        *,
        prompt_format: PromptFormat,
        num_frames: int,
        max_pixels: int | None,
        video_as: VideoAs,
    ) -> None:
        """Keep the settings.

        Args:
            processor: of the model.
            root: what media paths are relative to.
            prompt_format: what the model is asked to write.
            num_frames: frames of a video.
            max_pixels: cap on the pixels of an image or frame; `None`: what the processor says.
            video_as: how videos are shown.
        """
        self.processor, self.video_as, self.max_pixels, self.apart = processor, video_as, max_pixels, True
        self.request = partial(as_request, root=root, prompt_format=prompt_format, num_frames=num_frames)

        @lru_cache(maxsize=_KEPT)
        def prompt(row: str) -> Prompt:
            return show(processor, self.request(parse_row(row)), video_as)

        self.prompt = prompt

    def shown(self, rows: Sequence[str], changes: Sequence[Change | None] = ()) -> list[Prompt]:
        """The prompts of rows.

        Args:
            rows: as JSON.
            changes: of the media of each; empty: none.

        Raises:
            DataError: a medium of a row cannot be opened.
        """
        with _naming(rows):
            prompts = [self.prompt(row) for row in rows]
            return [
                prompt if change is None else replace(prompt, opened=change(prompt.opened))
                for prompt, change in zip(prompts, changes or [None] * len(rows), strict=True)
            ]

    def encode(self, rows: Sequence[str], changes: Sequence[Change | None] = ()) -> list[Group]:
        """Encode rows: the `shown` prompts, `encode_prompts`."""
        return self.encode_prompts(rows, self.shown(rows, changes))

    def encode_prompts(self, rows: Sequence[str], prompts: Sequence[Prompt]) -> list[Group]:
        """Encode the prompts of rows.

        Raises:
            DataError: a medium does not reach the model.
        """
        with _naming(rows):
            return encode_groups(self.processor, prompts, self.max_pixels, apart=self.apart)


@contextmanager
def _naming(rows: Sequence[str]) -> Iterator[None]:
    """Name the rows whose media fail."""
    try:
        yield
    except MediaError as error:
        names = ", ".join(dict.fromkeys(repr(parse_row(row).sample.id) for row in rows))
        raise DataError(f"of the training rows {names} one is not shown to the model: {error}") from error


def show(processor: Any, request: Request, video_as: VideoAs) -> Prompt:
    """Open the media of a request and word its prompt.

    Raises:
        MediaError: a medium cannot be read, or has no place in the prompt.
    """
    opened = open_media(request, video_as)
    return Prompt(text=chat_prompt(processor, request, opened), opened=opened)


def encode_groups(
    processor: Any, prompts: Sequence[Prompt], max_pixels: int | None, *, apart: bool = True
) -> list[Group]:
    """What a processor makes of prompts: those of as many images and frames together, or all, if that is the same.

    Raises:
        MediaError: a medium does not reach the model, or not as it would alone.
    """

    def encoded(places: list[int]) -> Group:
        texts, opened = [prompts[place].text for place in places], [prompts[place].opened for place in places]
        fields = encode(processor, texts, opened, max_pixels=max_pixels, padding_side="left")
        return Group(places=places, fields=dict(fields))

    groups: dict[Any, list[int]] = {}
    for place, prompt in enumerate(prompts):
        groups.setdefault(layout(prompt.opened), []).append(place)
    if apart or len(groups) == 1:
        return [encoded(places) for places in groups.values()]
    try:
        together = encoded(list(range(len(prompts))))
    except Exception as error:  # Processors raise what they come across.
        raise MediaError(f"{_MIXED} {one_line(error)}") from error
    told, mask = together.fields["input_ids"], together.fields["attention_mask"].bool()
    for place, *_ in groups.values():
        alone = encoded([place]).fields["input_ids"][0]
        if not torch.equal(told[place][mask[place]], alone) or "cross_attention_mask" in together.fields:
            raise MediaError(_MIXED)
    return [together]


def continued(fields: Mapping[str, Tensor], before: int, after: int) -> Fields:
    """What a processor made of prompts, with room for padding before them and for responses after them.

    Args:
        fields: of B prompts of T tokens. Of tokens are those of [B, T, ...] that hold whole numbers: padding is zeros
            there, and a response's tokens are as the prompt's last one, which is text.
        before: tokens of padding.
        after: tokens of the responses.
    """
    size = fields["input_ids"].shape

    def longer(value: Tensor) -> Tensor:
        if value.shape[:2] != size or value.is_floating_point():
            return value
        value = pad(value, (0, 0) * (value.dim() - 2) + (before, 0))
        return torch.cat([value, value[:, -1:].expand(-1, after, *value.shape[2:])], dim=1)

    return {name: longer(value) for name, value in fields.items()}


def with_responses(groups: Sequence[Group], responses: Sequence[Sequence[int]]) -> tuple[dict[str, Any], Tensor]:
    """Inputs of a forward pass: prompts padded on the left, responses on the right.

    Args:
        groups: of B prompts.
        responses: tokens of each.

    Returns:
        The inputs of a model that `takes_groups`, and [B, C], which tokens of the last C are of responses.
    """
    rows = [torch.tensor(list(ids), dtype=torch.long) for ids in responses]
    ids = pad_sequence(rows, batch_first=True)
    mask = pad_sequence([torch.ones_like(row) for row in rows], batch_first=True)
    width = max(group.fields["input_ids"].shape[1] for group in groups)
    inputs: dict[str, Any] = {
        name: ids.new_zeros(len(rows), width + ids.shape[1]) for name in ("input_ids", "attention_mask")
    }
    for group in groups:
        for name, prompts in inputs.items():
            found = group.fields[name]
            prompts[group.places, width - found.shape[1] : width] = found
    inputs["input_ids"][:, width:], inputs["attention_mask"][:, width:] = ids, mask
    return {**inputs, **media_fields(groups, width, ids.shape[1])}, mask.bool()


def media_fields(groups: Sequence[Group], width: int, after: int) -> dict[str, Any]:
    """What a model is given beside token ids and their mask: as the processor names it, or `groups` of it.

    Args:
        groups: of a batch.
        width: tokens that the prompts of the batch are padded to.
        after: tokens of the responses.
    """
    parts = []
    for group in groups:
        longer = continued(group.fields, width - group.fields["input_ids"].shape[1], after)
        parts.append({name: value for name, value in longer.items() if name not in ("input_ids", "attention_mask")})
    if len(groups) == 1:
        return parts[0]
    return {"groups": [(torch.tensor(group.places), part) for group, part in zip(groups, parts, strict=True)]}


def take_groups(model: Any) -> None:
    """Make the part of a model below its head take `groups`, see `media_fields`: in turn, within one forward pass."""
    backbone = model.base_model
    forward = backbone.forward

    def forward_in_groups(*arguments: Any, groups: Sequence[tuple[Tensor, Fields]] | None = None, **inputs: Any) -> Any:
        if groups is None:
            return forward(*arguments, **inputs)
        tokens = {name: inputs.pop(name) for name in ("input_ids", "attention_mask")}
        outputs = [
            forward(**{name: value[places] for name, value in tokens.items()}, **fields, **inputs)
            for places, fields in groups
        ]
        order = torch.cat([places for places, _ in groups]).argsort()
        outputs[-1].last_hidden_state = torch.cat([output.last_hidden_state for output in outputs])[order]
        return outputs[-1]

    backbone.forward = forward_in_groups


def end_tokens(model: Any, processor: Any) -> list[int]:
    """The tokens that end a response."""
    ends = model.generation_config.eos_token_id
    listed = [ends] if isinstance(ends, int) else list(ends or [])
    return [*listed, processor.tokenizer.eos_token_id]


def response_begun(processor: Any) -> str:
    """The tag that the chat template opens every response with, as the engines show it; empty: none."""
    prompt = processor.apply_chat_template([_ASKED], tokenize=False, add_generation_prompt=True)
    ids = processor.tokenizer(prompt, add_special_tokens=False)["input_ids"]
    return response_text(processor.tokenizer, ids, [])


def response_ids(processor: Any, ends: Sequence[int], response: str, *, ended: bool = True) -> list[int]:
    """The tokens of a response as the model is to generate them.

    They begin with the space that the chat template sets before a response, without the tag that it has opened already,
    and end with the first end token that it sets behind one, or the tokenizer's; what follows that is never generated.

    Args:
        processor: with a chat template.
        ends: tokens that end a response, the tokenizer's own last.
        response: its text.
        ended: it was not cut off.
    """
    answer = {"role": "assistant", "content": [{"type": "text", "text": _PROBE}]}
    start, close = "", ""
    prompt = processor.apply_chat_template([_ASKED], tokenize=False, add_generation_prompt=True)
    if opened := open_section(prompt).strip():
        response = response.removeprefix(opened).lstrip()
    try:
        whole = processor.apply_chat_template([_ASKED, answer], tokenize=False)
    except Exception:  # Templates raise whatever Jinja, or their author, thought of.
        whole = ""
    if whole.startswith(prompt) and _PROBE in whole[len(prompt) :]:
        start, _, close = whole[len(prompt) :].partition(_PROBE)
    ids, closing = (
        processor.tokenizer(text, add_special_tokens=False)["input_ids"]
        for text in ((start if start.isspace() else "") + response, close)
    )
    end = next((token for token in closing if token in ends), ends[-1])
    return [*ids, end] if ended else list(ids)
