"""Batches of the `hf` engine: what belongs together, and how many rows fit into memory.

Imported lazily only, by the `hf` engine: torch is imported at the top.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import torch

from harness.core.errors import HarnessError, MediaError
from harness.engines import Request, VideoAs
from harness.engines.inputs import layout
from harness.engines.preparation import Opened, one_line, open_media, prompt_defect

_PIXELS_PER_TOKEN: Final = 28 * 28
_FRAMES_PER_TOKEN: Final = 2
_CHARACTERS_PER_TOKEN: Final = 4
"""These three as in Qwen2.5-VL and English text: an order of lengths is all that is wanted of them."""
_ON_CUDA: Final = 16
"""Rows of the first batch; what they take decides how many follow, see `BatchSize`."""
_ON_CPU: Final = 32
"""Rows a batch where memory is not measured: the number stays, so that a continued run computes the same batches."""
_MOST: Final = 256
"""Rows a batch: beyond, padding and the wait for the longest row cost more than a larger product saves."""
_FILLED: Final = 0.9
"""Share of the free memory that a batch of twice the rows may be expected to take; allocators lose some."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A row of a batch: response `row` of a request, whose media are open.

    Attributes:
        request: the request.
        row: which of its responses.
        opened: its media; `None` where it could not be prepared.
        size: about its length in tokens.
        error: why it could not be prepared.
    """

    request: Request
    row: int = 0
    opened: Opened | None
    size: int
    error: str | None = None


def prepare(requests: Sequence[Request], video_as: VideoAs = "native") -> list[Prepared]:
    """Open the media that requests share; whatever is wrong with one of them costs no other.

    Args:
        requests: about the same media, which are opened once.
        video_as: how videos are shown.

    Raises:
        HarnessError: other than of one medium, which ends the run.
    """
    defects = [prompt_defect(request) for request in requests]
    opened = failure = None
    sizes = [0] * len(requests)
    try:
        if None in defects:
            opened = open_media(requests[0], video_as)
            sizes = [_tokens(request, opened) for request in requests]
    except MediaError as error:
        failure = f"media: {error}"
    except HarnessError:
        raise
    except Exception as error:
        failure = f"{type(error).__name__}: {one_line(error)}"
    return [
        Prepared(request=request, opened=opened, size=size)
        if defect is None and failure is None
        else Prepared(request=request, opened=None, size=0, error=defect or failure)
        for request, size, defect in zip(requests, sizes, defects, strict=True)
    ]


def _tokens(request: Request, opened: Opened) -> int:
    pixels = sum(image.width * image.height for image in opened.images)
    pixels += sum(video.frames[..., 0].size // _FRAMES_PER_TOKEN for video in opened.videos)
    return pixels // _PIXELS_PER_TOKEN + len(request.prompt) // _CHARACTERS_PER_TOKEN


class BatchSize:
    """How many rows a batch has.

    On CUDA without a given size, where the model is on one device, it doubles after a full batch as long as the memory
    that this one took leaves room for twice as much, and halves when memory runs out. Else it stays, so that a
    continued run plans the batches of an undisturbed one.
    """

    def __init__(self, given: int | None, device: torch.device, *, spread: bool = False) -> None:
        """Start.

        Args:
            given: rows a batch; `None`: 16 on CUDA, to begin with, 32 on CPU.
            device: where batches run.
            spread: the model may be on others too, whose memory is not looked at.
        """
        self.grows = given is None and device.type == "cuda" and not spread
        self.rows = given or (_ON_CUDA if device.type == "cuda" else _ON_CPU)
        self._device = device
        self._most = _MOST
        self._before = 0

    def begin(self) -> None:
        """Look at the memory before a batch."""
        if self.grows:
            torch.cuda.reset_peak_memory_stats(self._device)
            self._before = torch.cuda.memory_allocated(self._device)

    def succeeded(self, rows: int) -> None:
        """A batch went through: perhaps more fit."""
        if not self.grows:
            return
        peak = torch.cuda.max_memory_allocated(self._device)
        free, _ = torch.cuda.mem_get_info(self._device)
        kept = torch.cuda.memory_reserved(self._device) - torch.cuda.memory_allocated(self._device)
        self.learn(rows, taken=peak - self._before, available=free + kept)

    def learn(self, rows: int, *, taken: int, available: int) -> None:
        """Double the rows if twice the memory that a full batch has taken is available.

        Args:
            rows: of the batch that went through.
            taken: bytes that it took beside what had been there.
            available: bytes that a batch may take.
        """
        if rows >= self.rows and 2 * taken <= _FILLED * available:
            self.rows = min(2 * self.rows, self._most)

    def ran_out(self, rows: int) -> None:
        """Memory ran out on a batch of so many rows: none as large is tried again."""
        if self.grows:
            self._most = max(1, min(self._most, rows // 2))
            self.rows = min(self.rows, self._most)


def plan_batches(window: Iterable[Prepared], size: BatchSize) -> Iterator[list[Prepared]]:
    """Rows of as many images and frames, one token budget and similar length together; a request has a row a response.

    Args:
        window: requests that are planned together.
        size: asked before each batch.
    """

    def shape(item: Prepared) -> tuple[bool, tuple[int, tuple[int, ...]], int]:
        return item.opened is None, layout(item.opened) if item.opened else (0, ()), item.request.max_new_tokens or 0

    rows = (replace(item, row=row) for item in window for row in range(item.request.n))
    ordered = sorted(rows, key=lambda item: (shape(item), -item.size))
    start = 0
    while start < len(ordered):
        end, most = start, size.rows
        while end < len(ordered) and end - start < most and shape(ordered[end]) == shape(ordered[start]):
            end += 1
        yield ordered[start:end]
        start = end
