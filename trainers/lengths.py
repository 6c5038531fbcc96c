"""How many tokens the longest row takes, found without decoding what all rows show.

Imported lazily only: torch is imported by `trainers.showing`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from harness.core.errors import DataError, UsageError
from harness.core.types import Media
from harness.engines.inputs import visual_ids
from trainers.data.schema import Example, row_from_example
from trainers.showing import Rows

_ENCODED: Final = 4
"""Rows that are encoded: those that take most tokens by the sizes of their pictures."""
_AREA: Final = 28**2
"""Pixels that become a token, of a processor that does not say how many it makes of an image."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Longest:
    """The row that takes most tokens.

    Attributes:
        row: its id.
        prompt: tokens of its prompt, media included.
        visual: of them, those that stand for pixels.
        response: tokens of the response that it holds, 0 where there is none.
    """

    row: str
    prompt: int
    visual: int
    response: int


def longest(examples: Sequence[Example], rows: Rows, root: Path) -> Longest:
    """The row that takes most tokens with its response.

    Rows are ranked by the tokens of their texts and of what their media become, for which the headers of files are
    read; the first ones are encoded, so that what is told is what training takes.

    Args:
        examples: rows, at least one.
        rows: shows the model the rows.
        root: what media paths are relative to.

    Raises:
        DataError: a medium is damaged, or does not reach the model.
    """
    tokenizer = rows.processor.tokenizer

    @cache
    def tokens_of(height: int, width: int) -> int:
        return _picture_tokens(rows.processor, height, width)

    def media_tokens(example: Example) -> int:
        frames = rows.request.keywords["num_frames"]
        return sum(
            tokens_of(*_size(root, media, example)) * (frames if media.kind == "video" else 1)
            for media in example.sample.media
        )

    with ThreadPoolExecutor(thread_name_prefix="sizes") as pool:
        seen = list(pool.map(media_tokens, examples))
    texts = [f"{row.sample.question} {row.sample.choices or ''} {row.response or ''}" for row in examples]
    spoken = [len(ids) for ids in tokenizer(texts, add_special_tokens=False)["input_ids"]]
    ranked = sorted(range(len(examples)), key=lambda place: seen[place] + spoken[place], reverse=True)
    measured = (_measure(examples[place], rows) for place in ranked[:_ENCODED])
    return max(measured, key=lambda row: row.prompt + row.response)


def fit_context(config: Any, row: Longest) -> None:
    """Have a colocated vLLM keep a cache for prompts and responses as they are, not for what the model has places for.

    Args:
        config: TRL's; `vllm_max_model_length` is set where it is not given.
        row: the longest one.

    Raises:
        UsageError: a length is given that the row does not fit into.
    """
    if not getattr(config, "use_vllm", False) or config.vllm_mode != "colocate":
        return
    needed = row.prompt + config.max_completion_length
    given = config.vllm_max_model_length
    if given is None:
        config.vllm_max_model_length = needed
    elif given < needed:
        raise UsageError(
            f"train.vllm_max_model_length={given}: row {row.row!r} takes {needed} tokens with its response. Leave it "
            "out, or lower data.max_pixels or train.max_completion_length."
        )


def _measure(example: Example, rows: Rows) -> Longest:
    (group,) = rows.encode([json.dumps(row_from_example(example))])
    ids = group.fields["input_ids"][0].tolist()
    pads = visual_ids(rows.processor)
    response = rows.processor.tokenizer(example.response)["input_ids"] if example.response else ()
    visual = sum(token in pads for token in ids)
    return Longest(row=example.sample.id, prompt=len(ids), visual=visual, response=len(response))


def _picture_tokens(processor: Any, height: int, width: int) -> int:
    """As the processor counts them; not all do."""
    if not hasattr(processor, "_get_num_multimodal_tokens"):
        return height * width // _AREA
    counted = processor._get_num_multimodal_tokens(image_sizes=[(height, width)])
    return int(counted["num_image_tokens"][0])


def _size(root: Path, media: Media, example: Example) -> tuple[int, int]:
    """Height and width by the header; which is which does not matter to a number of tokens."""
    import av
    from PIL import Image

    path = root / media.source
    try:
        if media.kind == "image":
            with Image.open(path) as image:
                return image.height, image.width
        with av.open(str(path)) as video:
            stream = video.streams.video[0]
            return stream.height, stream.width
    except (OSError, IndexError, Image.DecompressionBombError) as error:  # PyAV's errors are OSErrors, too.
        raise DataError(f"training row {example.sample.id!r}: {path} cannot be opened: {error}") from error
