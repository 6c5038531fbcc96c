"""The `hf` engine: batched `generate` of Transformers, on CPU or CUDA.

Batches are planned from all requests, finished ones included, and a batch that holds an unfinished request is
generated whole: so a run that was killed and continued computes the same batches, hence the same tokens, as an
undisturbed one.
"""

from __future__ import annotations

import os
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import torch
from transformers import AutoModelForImageTextToText, AutoProcessor, GenerationConfig
from transformers.utils import logging as transformers_logging

from harness.checkpoints import Checkpoint
from harness.engines import Decoding, Request
from harness.engines.positions import correct_video_positions
from harness.errors import EngineError, MediaError, ModelError, UsageError
from harness.media import Video
from harness.types import Response

if TYPE_CHECKING:
    from PIL.Image import Image

_DTYPES: Final = {"bfloat16": torch.bfloat16, "float16": torch.float16, "float32": torch.float32}
_WINDOW_BATCHES: Final = 4
"""Batches whose requests are opened together and sorted by length, so that a batch holds little padding."""
_PIXELS_PER_TOKEN: Final = 28 * 28
_ONE_THREAD_PARAMETERS: Final = 20_000_000
"""Below this, products are so small that threads cost more than they give: on a busy machine ten times as much."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Prepared:
    request: Request
    images: list[Image]
    videos: list[Video]
    size: int
    error: str | None = None


class HfEngine:
    """A Transformers image-text-to-text model behind the engine protocol."""

    name = "hf"

    def __init__(
        self,
        checkpoint: Checkpoint,
        *,
        device: str = "auto",
        dtype: str = "auto",
        batch_size: int | None = None,
        max_pixels: int | None = None,
        attention: str = "sdpa",
        workers: int = 2,
    ) -> None:
        """Resolve device and precision; the model is loaded by `load`.

        Args:
            checkpoint: a checkpoint with a folder.
            device: a torch device, or `auto`: CUDA where it is, else CPU.
            dtype: `bfloat16`, `float16`, `float32`, or `auto`: bfloat16 where the device has it, float32 on CPU.
            batch_size: requests a batch; `None`: 16 on CUDA, 32 on CPU.
            max_pixels: cap on the pixels of an image or frame, `None`: what the processor says.
            attention: attention implementation of Transformers.
            workers: threads that open media while the model generates.

        Raises:
            ModelError: the checkpoint has no files.
            UsageError: the device does not exist, or a setting is out of range.
        """
        if checkpoint.folder is None:
            raise ModelError(f"model {checkpoint.name!r} has no files; the engine 'hf' needs a folder or a hub id.")
        if batch_size is not None and batch_size < 1:
            raise UsageError(f"--batch-size {batch_size} is not a positive number.")
        self._device = _resolve_device(device)
        self._dtype = _resolve_dtype(dtype, self._device)
        self._batch_size = batch_size or (16 if self._device.type == "cuda" else 32)
        self._max_pixels = max_pixels
        self._attention = attention
        self._pool = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="open-media")
        self._checkpoint = checkpoint

    def describe(self) -> Mapping[str, Any]:
        """Device type, precision, attention and pixel budget."""
        return {
            "device": self._device.type,
            "dtype": str(self._dtype).removeprefix("torch."),
            "attention": self._attention,
            "max_pixels": self._max_pixels,
            "batch_size": self._batch_size,
        }

    def load(self) -> None:
        """Load model and processor.

        Raises:
            ModelError: the checkpoint is of a kind that Transformers cannot load as an image-text-to-text model.
        """
        name, folder = self._checkpoint.name, self._checkpoint.folder
        transformers_logging.disable_progress_bar()
        try:
            self._processor = AutoProcessor.from_pretrained(folder)
            self._model = AutoModelForImageTextToText.from_pretrained(
                folder, dtype=self._dtype, attn_implementation=self._attention
            )
        except (OSError, ValueError, KeyError, ImportError, RuntimeError) as error:
            raise ModelError(
                f"model {name!r} cannot be loaded by the engine 'hf': {_one_line(error)} "
                "It loads what AutoModelForImageTextToText and AutoProcessor load."
            ) from error
        if getattr(self._processor, "chat_template", None) is None:
            raise ModelError(f"model {name!r} has no chat template in {folder}; the engine 'hf' needs one.")
        self._model.to(self._device).eval()
        correct_video_positions(self._model)
        if self._device.type == "cpu" and "OMP_NUM_THREADS" not in os.environ:
            small = sum(parameter.numel() for parameter in self._model.parameters()) < _ONE_THREAD_PARAMETERS
            if small:
                torch.set_num_threads(1)
        self._processor.tokenizer.padding_side = "left"
        if self._processor.tokenizer.pad_token_id is None:
            self._processor.tokenizer.pad_token = self._processor.tokenizer.eos_token

    def generate(self, requests: Iterable[Request], decoding: Decoding) -> Iterator[tuple[Request, Response]]:
        """Yield responses batch by batch; the media of the next window are opened while a window is generated."""
        windows = self._windows(requests)
        upcoming = self._open(next(windows, []))
        while upcoming:
            current = [future.result() for future in upcoming]
            upcoming = self._open(next(windows, []))
            for batch in self._batches(current):
                if all(item.request.finished for item in batch):
                    continue
                for item, response in self._generate_batch(batch, decoding):
                    if not item.request.finished:
                        yield item.request, response

    def close(self) -> None:
        """Drop the model and stop the threads."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._model = None
        if self._device.type == "cuda":
            torch.cuda.empty_cache()

    def _windows(self, requests: Iterable[Request]) -> Iterator[list[Request]]:
        iterator = iter(requests)
        while window := list(islice(iterator, self._batch_size * _WINDOW_BATCHES)):
            if not all(request.finished for request in window):
                yield window

    def _open(self, window: Sequence[Request]) -> list[Future[_Prepared]]:
        return [self._pool.submit(_prepare, request) for request in window]

    def _batches(self, window: Sequence[_Prepared]) -> Iterator[list[_Prepared]]:
        """Requests of one kind, one token budget and similar length together."""

        def shape(item: _Prepared) -> tuple[bool, bool, bool, int]:
            return item.error is not None, bool(item.videos), bool(item.images), item.request.max_new_tokens or 0

        ordered = sorted(window, key=lambda item: (shape(item), -item.size))
        start = 0
        while start < len(ordered):
            end = start
            while (
                end < len(ordered) and end - start < self._batch_size and shape(ordered[end]) == shape(ordered[start])
            ):
                end += 1
            yield ordered[start:end]
            start = end

    def _generate_batch(self, batch: Sequence[_Prepared], decoding: Decoding) -> Iterator[tuple[_Prepared, Response]]:
        """Generate a batch; on failure in halves, so that one bad sample costs itself and memory is found that fits."""
        if batch[0].error is not None:
            for item in batch:
                yield item, Response(sample_id=item.request.sample_id, text="", error=item.error)
            return
        try:
            responses = self._generate_together(batch, decoding)
        except torch.OutOfMemoryError as error:
            torch.cuda.empty_cache()
            failure = f"out of memory: {_one_line(error)} Lower --max-pixels or --max-new-tokens."
        except (ValueError, RuntimeError, IndexError, TypeError, StopIteration) as error:
            if self._device.type == "cuda" and not _device_is_alive(self._device):
                raise EngineError(
                    f"the GPU failed: {_one_line(error)} Finished samples are stored; run the same command again."
                ) from error
            failure = f"{type(error).__name__}: {_one_line(error)}"
        else:
            yield from zip(batch, responses, strict=True)
            return
        if len(batch) == 1:
            yield batch[0], Response(sample_id=batch[0].request.sample_id, text="", error=failure)
            return
        middle = len(batch) // 2
        yield from self._generate_batch(batch[:middle], decoding)
        yield from self._generate_batch(batch[middle:], decoding)

    @torch.inference_mode()
    def _generate_together(self, batch: Sequence[_Prepared], decoding: Decoding) -> list[Response]:
        start = time.monotonic()
        inputs = self._encode(batch).to(self._device)
        budget = batch[0].request.max_new_tokens or decoding.max_new_tokens
        defaults = self._model.generation_config
        config = GenerationConfig(
            max_new_tokens=budget,
            do_sample=decoding.temperature > 0,
            temperature=decoding.temperature if decoding.temperature > 0 else None,
            top_p=decoding.top_p if decoding.temperature > 0 else None,
            top_k=0 if decoding.temperature > 0 else None,
            repetition_penalty=1.0,
            eos_token_id=defaults.eos_token_id,
            pad_token_id=self._processor.tokenizer.pad_token_id,
            bos_token_id=defaults.bos_token_id,
        )
        if decoding.temperature > 0:
            first = batch[0].request
            torch.manual_seed(decoding.seed ^ zlib.crc32(f"{first.task}/{first.sample_id}".encode()))
        output = self._model.generate(**inputs, generation_config=config)
        prompt_length = inputs["input_ids"].shape[1]
        end_ids = _as_set(defaults.eos_token_id)
        seconds = time.monotonic() - start
        responses = []
        for index, item in enumerate(batch):
            tokens = output[index, prompt_length:].tolist()
            length = next((position + 1 for position, token in enumerate(tokens) if token in end_ids), None)
            kept = tokens[:length]
            responses.append(
                Response(
                    sample_id=item.request.sample_id,
                    text=self._processor.tokenizer.decode(kept, skip_special_tokens=True).strip(),
                    finish_reason="stop" if length is not None else "length",
                    prompt_tokens=int(inputs["attention_mask"][index].sum()),
                    completion_tokens=len(kept),
                    seconds=round(seconds, 4),
                )
            )
        return responses

    def _encode(self, batch: Sequence[_Prepared]) -> Any:
        texts = [self._processor.apply_chat_template(_messages(item), add_generation_prompt=True) for item in batch]
        images = [image for item in batch for image in item.images]
        videos = [video for item in batch for video in item.videos]
        arguments: dict[str, Any] = {"text": texts, "padding": True, "return_tensors": "pt"}
        size = {} if self._max_pixels is None else {"max_pixels": self._max_pixels}
        if images:
            arguments["images"] = images
            arguments["images_kwargs"] = size
        if videos:
            arguments["videos"] = [video.frames for video in videos]
            arguments["videos_kwargs"] = {
                **(
                    {} if self._max_pixels is None else {"max_pixels": self._max_pixels * max(map(_num_frames, videos))}
                ),
                "do_sample_frames": False,
                "video_metadata": [
                    {
                        "total_num_frames": video.total_frames,
                        "fps": video.fps,
                        "frames_indices": list(video.indices),
                        "duration": video.duration_s,
                    }
                    for video in videos
                ],
            }
        return self._processor(**arguments)


def _prepare(request: Request) -> _Prepared:
    try:
        media = request.open_media()
    except MediaError as error:
        return _Prepared(request=request, images=[], videos=[], size=0, error=f"media: {error}")
    images = [item for item in media if not isinstance(item, Video)]
    videos = [item for item in media if isinstance(item, Video)]
    pixels = sum(image.width * image.height for image in images)
    pixels += sum(video.frames.shape[0] * video.frames.shape[1] * video.frames.shape[2] // 2 for video in videos)
    size = pixels // _PIXELS_PER_TOKEN + len(request.prompt) // 4
    return _Prepared(request=request, images=images, videos=videos, size=size)


def _messages(item: _Prepared) -> list[dict[str, Any]]:
    content: list[dict[str, Any]] = [{"type": media.kind} for media in item.request.media]
    content.append({"type": "text", "text": item.request.prompt})
    return [{"role": "user", "content": content}]


def _num_frames(video: Video) -> int:
    return int(video.frames.shape[0])


def _as_set(token_ids: int | Sequence[int] | None) -> set[int]:
    if token_ids is None:
        return set()
    return {token_ids} if isinstance(token_ids, int) else set(token_ids)


def _resolve_device(device: str) -> torch.device:
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        resolved = torch.device(device)
        torch.empty(0, device=resolved)
    except (RuntimeError, AssertionError) as error:
        raise UsageError(f"device {device!r} is not available here: {_one_line(error)} Try --device cpu.") from error
    return resolved


def _resolve_dtype(dtype: str, device: torch.device) -> torch.dtype:
    if dtype == "auto":
        if device.type == "cuda":
            return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
        return torch.float32
    if dtype not in _DTYPES:
        raise UsageError(f"dtype {dtype!r} does not exist. Choose one of: {', '.join(_DTYPES)}, auto.")
    return _DTYPES[dtype]


def _device_is_alive(device: torch.device) -> bool:
    try:
        torch.cuda.synchronize(device)
    except RuntimeError:
        return False
    return True


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 300 else text[:299] + "…"
