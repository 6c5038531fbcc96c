"""What a processor has made of an image or video, used again for the next question about it.

Imported lazily only, by the `hf` engine: torch is imported at the top.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import chain
from typing import Any, Final

import torch

_MOST_BYTES: Final = 2**28
"""Pixels that are kept. What comes once they are full is processed anew: a window is gone through in turn, where making
room for the latest would lose what comes next."""


class Processed:
    """The pixels of media that several prompts share, in the form that the model takes."""

    def __init__(self) -> None:
        """Start with none."""
        self._kept: dict[Any, tuple[Any, Any]] = {}
        self._bytes = 0
        self._separable = True

    @contextmanager
    def use(self, processor: Any) -> Iterator[None]:
        """Have a Transformers processor process each image and video once.

        A processor may make other shapes of media together than of each alone (padded to the largest of a batch); then
        they stay together.
        """
        parts = [getattr(processor, name, None) for name in ("image_processor", "video_processor")]
        own = [part for part in parts if part is not None] if self._separable else []
        for part in own:
            part.preprocess = partial(self._preprocess, part.preprocess)
        try:
            yield
        finally:
            for part in own:
                del part.preprocess

    def _preprocess(self, preprocess: Callable[..., Any], media: Any, *arguments: Any, **options: Any) -> Any:
        rows = media if isinstance(media, list | tuple) else [media]
        told = options.get("video_metadata")
        of_rows = [{}] * len(rows) if told is None else [{"video_metadata": part} for part in _parted(told, rows)]
        pieces = []
        for row, of_row in zip(rows, of_rows, strict=True):
            own = options | of_row
            key = (preprocess, *map(id, _leaves(row)), repr((arguments, own)))
            if key in self._kept:
                piece, _ = self._kept[key]
            else:
                piece = preprocess([row], *arguments, **own)
                size = sum(value.nbytes for value in piece.values() if isinstance(value, torch.Tensor))
                if self._bytes + size <= _MOST_BYTES:
                    self._bytes += size
                    self._kept[key] = piece, row  # The row too, since what is gone may give its `id` to another.
            pieces.append(piece)
        try:
            return type(pieces[0])({name: _joined([piece[name] for piece in pieces]) for name in pieces[0]})
        except (KeyError, TypeError, RuntimeError):
            self._separable = False
            return preprocess(media, *arguments, **options)


def _leaves(row: Any) -> list[Any]:
    return list(chain.from_iterable(map(_leaves, row))) if isinstance(row, list | tuple) else [row]


def _parted(told: Sequence[Any], rows: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """What is told of the videos of each row: an item a row, or one a video."""
    start = 0
    for row in rows:
        end = start + (1 if len(told) == len(rows) else len(_leaves(row)))
        yield told[start:end]
        start = end


def _joined(values: list[Any]) -> Any:
    """What a processor makes of several rows, from what it makes of each.

    Raises:
        RuntimeError: tensors of other shapes.
        TypeError: neither tensors nor lists.
    """
    if all(isinstance(value, torch.Tensor) for value in values):
        return torch.cat(values)
    if all(isinstance(value, list) for value in values):
        return list(chain.from_iterable(values))
    raise TypeError
