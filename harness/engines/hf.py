"""The `hf` engine: batched `generate` of Transformers, on CPU or CUDA.

Batches of a fixed size are planned from all requests, finished ones included, and a batch that holds an unfinished
request is generated whole: so a run that was killed and continued computes the same batches, hence the same tokens, as
an undisturbed one. Batches that grow with the memory of a GPU hold unfinished requests only.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from functools import cached_property, partial
from itertools import islice
from typing import Any, Final, cast

import torch
from transformers import GenerationConfig, LogitsProcessorList
from transformers.utils import logging as transformers_logging

from harness.core.console import show
from harness.core.errors import AGAIN, EngineError, HarnessError, MediaError, ModelError, UsageError
from harness.core.types import Response
from harness.engines import Decoding, Request, Tokens, VideoAs, check_positive, checked, failed
from harness.engines.checkpoints import Checkpoint
from harness.engines.contrasts import Contrast
from harness.engines.hf_batches import BatchSize, Prepared, plan_batches, prepare
from harness.engines.hf_choosing import TokenChooser
from harness.engines.hf_contrast import check_hidden, cost_on, doubled
from harness.engines.hf_device import is_alive, move, placement, resolve_attention, resolve_device, resolve_dtype
from harness.engines.hf_generation import generate
from harness.engines.inputs import (
    chat_prompt,
    choose_video_as,
    count_visual,
    encode,
    load_processor,
    response_text,
    size_limits,
    visual_ids,
)
from harness.engines.logprobs import NOT_FINITE, answer_logprobs_of_ids, are_finite
from harness.engines.preparation import of_same_media, one_line, request_seed
from harness.engines.processed import Processed
from harness.engines.threads import threads_for
from harness.engines.weights import load_model

_WINDOW_BATCHES: Final = 4
"""Batches whose requests are opened together and sorted by length, so that a batch holds little padding."""
_MOST_OPEN: Final = 256
"""Requests whose media are opened together, unless a batch has more; the next as many are opened meanwhile."""
_SMALLER: Final = "Spread it with --device-map auto, round it with --quantization bnb-4bit, or use --device cpu."
_MEASURED: Final = 2
"""Which batch the cost of a contrast is measured on: the first also pays for what is set up once."""


class HfEngine:
    """A Transformers image-text-to-text model behind the engine protocol."""

    name = "hf"

    def __init__(
        self,
        checkpoint: Checkpoint,
        live: bool = False,
        *,
        device: str = "auto",
        dtype: str = "auto",
        batch_size: int | None = None,
        max_pixels: int | None = None,
        video_as: VideoAs | None = None,
        attention: str = "auto",
        device_map: str | None = None,
        quantization: str | None = None,
        workers: int = 2,
        model: torch.nn.Module | None = None,
    ) -> None:
        """Resolve device and precision; the model is loaded by `load`.

        Args:
            checkpoint: a checkpoint with a folder.
            live: `model` is being trained: its device, precision and attention are the engine's, and stay as they are.
            device: a torch device, or `auto`: CUDA where it is, else CPU.
            dtype: `bfloat16`, `float16`, `float32`, or `auto`: bfloat16 where the device has it, float32 on CPU.
            batch_size: responses a batch; `None`: on CUDA 16, and more as memory allows where all of the
                model is on one device; 32 on CPU.
            max_pixels: cap on the pixels of an image or frame, `None`: what the processor says.
            video_as: how videos are shown; `None`: as videos where the family takes them, else as images.
            attention: attention implementation of Transformers; `auto`: FlashAttention 2 where it is installed and the
                model, device and precision have it, else PyTorch's own, which has its kernels too; the choice of the
                checkpoint's own code where that is trusted.
            device_map: how Accelerate spreads the model over devices, and over memory and disk what does not fit them;
                `None`: all of it is on `device`.
            quantization: `bnb-4bit` or `bnb-8bit`: weights are rounded on loading; `None`: they stay as they are.
            workers: threads that open media while the model generates.
            model: the checkpoint's model where `weights.load_model` has put it in memory already, as for training; it
                is brought to the device and precision of the engine in place. `None`: loaded from the checkpoint.

        Raises:
            ModelError: the checkpoint has no files.
            UsageError: the device does not exist, a setting is out of range, or a package that it takes is missing.
        """
        if checkpoint.folder is None:
            raise ModelError(f"model {checkpoint.name!r} has no files; the engine 'hf' needs a folder or a hub id.")
        check_positive({"--batch-size": batch_size, "--max-pixels": max_pixels, "workers": workers})
        if device_map is not None and device != "auto":
            raise UsageError("--device and --device-map exclude each other: a map chooses the devices itself.")
        self._given = cast("Any", model)
        self._device = self._given.device if live else resolve_device(device)
        self._dtype = self._given.dtype if live else resolve_dtype(dtype, self._device)
        self._placement = placement(checkpoint, self._device, self._dtype, device_map, quantization)
        self._device_map, self._quantization = device_map, quantization
        self._batch_size = BatchSize(batch_size, self._device, spread=device_map is not None)
        self._max_pixels = max_pixels
        self._wanted_video_as = video_as
        self._attention = resolve_attention(checkpoint, self._device, self._dtype) if attention == "auto" else attention
        if live:
            self._attention = self._given.config._attn_implementation
        self._live = live
        self._pool = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="open-media")
        self._checkpoint = checkpoint
        self._contrasted = 0
        self._processed: Processed | None = None

    def describe(self) -> Mapping[str, Any]:
        """Device type, precision, attention and pixel budget, and what is out of the ordinary."""
        special = {
            "device_map": self._device_map,
            "quantization": self._quantization,
            "trust_remote_code": self._checkpoint.trust_remote_code or None,
            "live": self._live or None,
        }
        return {
            "device": self._device.type,
            "dtype": str(self._dtype).removeprefix("torch."),
            "attention": self._attention,
            "max_pixels": self._max_pixels,
            "batch_size": None if self._batch_size.grows else self._batch_size.rows,
            **{name: value for name, value in special.items() if value is not None},
        }

    @cached_property
    def _processor(self) -> Any:
        return load_processor(self._checkpoint)

    @cached_property
    def video_as(self) -> VideoAs:
        """How the model is shown videos, from its processor and chat template."""
        return choose_video_as(self._processor, self._wanted_video_as, self._checkpoint.name)

    def load(self) -> None:
        """Load model and processor.

        Raises:
            ModelError: the checkpoint cannot be loaded or is not whole (see `harness.engines.weights`), it does not fit
                the device, or its processor does not resize by a number of pixels and there is a cap on them.
        """
        transformers_logging.disable_progress_bar()
        size_limits(self._processor, self._max_pixels, 1)
        self._model, self._given = self._given, None
        if self._model is None:
            given: dict[str, Any] = {} if self._attention is None else {"attn_implementation": self._attention}
            self._model = load_model(self._checkpoint, dtype=self._dtype, **given, **self._placement)
        elif not self._live:
            if self._attention is not None:
                self._model.set_attn_implementation(self._attention)
            for parameter in self._model.parameters():  # Not buffers: rotary frequencies stay in float32.
                if parameter.is_floating_point():
                    parameter.data = parameter.data.to(self._dtype)
        if not self._placement and not self._live:
            move(self._model, self._device, f"model {self._checkpoint.name!r}", _SMALLER)
        self._model.eval()
        self._threads = threads_for(self._model, self._device.type)

    def generate(self, requests: Iterable[Request], decoding: Decoding) -> Iterator[tuple[Request, Response]]:
        """Yield responses batch by batch; the media of the next window are opened while a window is generated."""
        windows = self._windows(checked(requests, decoding))
        upcoming = self._open(next(windows, []))
        while upcoming:
            current = [item for future in upcoming for item in future.result()]
            is_shared = sum(item.request.n for item in current) > len(upcoming)
            self._processed = Processed() if is_shared else None
            upcoming = self._open(next(windows, []))
            for batch in plan_batches(current, self._batch_size):
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
        if self._batch_size.grows:  # No batch is composed again as it was: what is finished need not be.
            iterator = (request for request in iterator if not request.finished)
        while window := list(islice(iterator, self._window())):
            if not all(request.finished for request in window):
                yield window

    def _window(self) -> int:
        rows = self._batch_size.rows
        return max(rows, min(rows * _WINDOW_BATCHES, _MOST_OPEN))

    def _open(self, window: Sequence[Request]) -> list[Future[list[Prepared]]]:
        return [self._pool.submit(prepare, requests, self.video_as) for requests in of_same_media(window)]

    def _generate_batch(self, batch: Sequence[Prepared], decoding: Decoding) -> Iterator[tuple[Prepared, Response]]:
        """Generate a batch; on failure in halves, so that one bad sample costs itself and memory is found that fits."""
        if batch[0].error is not None:
            for item in batch:
                yield item, failed(item.request, item.error or "")
            return
        self._batch_size.begin()
        try:
            # What training meets again, as a cache of positions may be, must not be of inference mode.
            with self._threads(), torch.no_grad() if self._live else torch.inference_mode():
                responses = self._generate_together(batch, decoding)
        except torch.OutOfMemoryError as error:
            torch.cuda.empty_cache()
            self._batch_size.ran_out(len(batch))
            failure = f"out of memory: {one_line(error)} Lower --max-pixels or --max-new-tokens."
        except MediaError as error:
            failure = f"media: {error}"
        except HarnessError:
            raise
        except Exception as error:
            if self._device.type == "cuda" and not is_alive(self._device):
                raise EngineError(f"the GPU failed: {one_line(error)} {AGAIN}") from error
            failure = f"{type(error).__name__}: {one_line(error)}"
        else:
            self._batch_size.succeeded(len(batch))
            yield from zip(batch, responses, strict=True)
            return
        if len(batch) == 1:
            yield batch[0], failed(batch[0].request, failure)
            return
        middle = len(batch) // 2
        yield from self._generate_batch(batch[:middle], decoding)
        yield from self._generate_batch(batch[middle:], decoding)

    def _generate_together(self, batch: Sequence[Prepared], decoding: Decoding) -> list[Response]:
        start = time.monotonic()
        inputs = self._encode(batch).to(self._device)
        contrast = decoding.contrast if batch[0].request.media else None
        given = inputs if contrast is None else self._doubled(inputs, batch, decoding, contrast)
        budget = batch[0].request.max_new_tokens or decoding.max_new_tokens
        ends = _as_set(self._model.generation_config.eos_token_id) or {self._processor.tokenizer.eos_token_id}
        config = GenerationConfig(
            max_new_tokens=budget,
            do_sample=False,  # The chooser draws.
            eos_token_id=sorted(ends),
            pad_token_id=self._processor.tokenizer.pad_token_id,
        )
        sampled = decoding.temperature > 0
        choosing = partial(
            TokenChooser,
            [request_seed(item.request, decoding, item.row) for item in batch] if sampled else None,
            max_new_tokens=budget,
            temperature=decoding.temperature,
            top_p=decoding.top_p,
            top_k=decoding.top_k,
            repetition_penalty=decoding.repetition_penalty,
            mask=inputs["attention_mask"],
        )
        chooser = choosing(contrast=contrast)
        begin = time.monotonic()
        output = generate(self._model, config, **given, logits_processor=LogitsProcessorList([chooser]))
        took = time.monotonic() - begin
        logprobs = chooser.logprobs()
        prompt_length = inputs["input_ids"].shape[1]
        prompts = inputs["input_ids"].tolist()
        visual = count_visual(self._processor, prompts)
        seconds = time.monotonic() - start
        self._contrasted += contrast is not None
        if contrast is not None and self._contrasted == _MEASURED:
            processors = LogitsProcessorList([choosing()])
            plainly = partial(generate, self._model, config, **inputs, logits_processor=processors)
            made = output[: len(batch), prompt_length:]
            show(cost_on(contrast, lambda: plainly()[:, prompt_length:], ends, made, took), file=sys.stderr)
        responses = []
        for index, item in enumerate(batch):
            tokens = output[index, prompt_length:].tolist()
            length = next((position + 1 for position, token in enumerate(tokens) if token in ends), None)
            kept = tokens[:length]
            of_kept = logprobs[index][:length]
            if not are_finite(of_kept):
                responses.append(failed(item.request, NOT_FINITE))
                continue
            of_answer = None
            if decoding.logprobs:
                of_answer = answer_logprobs_of_ids(kept, of_kept, self._processor.tokenizer)
                if item.request.observe is not None:
                    item.request.observe(Tokens(ids=tuple(kept), logprobs=tuple(of_kept)))
            responses.append(
                Response(
                    sample_id=item.request.sample_id,
                    text=response_text(self._processor.tokenizer, prompts[index], kept),
                    finish_reason="stop" if length is not None else "length",
                    prompt_tokens=int(inputs["attention_mask"][index].sum()),
                    visual_tokens=visual[index],
                    completion_tokens=len(kept),
                    seconds=round(seconds, 4),
                    answer_logprobs=of_answer,
                    batch_size=len(batch),
                )
            )
        return responses

    def _doubled(
        self, inputs: Any, batch: Sequence[Prepared], decoding: Decoding, contrast: Contrast
    ) -> Mapping[str, Any]:
        check_hidden(contrast, self._model.config.get_text_config())
        return doubled(
            inputs,
            contrast,
            [request_seed(item.request, decoding, item.row) for item in batch],
            lambda row: self._encode([batch[row]]),
            visual_ids(self._processor),
            getattr(self._processor.image_processor, "temporal_patch_size", 1),
        )

    def _encode(self, batch: Sequence[Prepared]) -> Any:
        opened = [item.opened for item in batch if item.opened is not None]
        prompts = [chat_prompt(self._processor, item.request, of) for item, of in zip(batch, opened, strict=True)]
        with self._processed.use(self._processor) if self._processed else nullcontext():
            return encode(self._processor, prompts, opened, max_pixels=self._max_pixels)


def _as_set(token_ids: int | Sequence[int] | None) -> set[int]:
    if token_ids is None:
        return set()
    return {token_ids} if isinstance(token_ids, int) else set(token_ids)
