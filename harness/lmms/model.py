"""A model of lmms-eval that generates with the `vllm` engine.

Imported lazily only, by lmms-eval, which it imports at the top.
"""

from __future__ import annotations

import json
import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any, NoReturn

from lmms_eval.api.instance import GenerationResult, Instance, TokenCounts
from lmms_eval.api.model import lmms
from tqdm import tqdm

from harness.core.errors import ModelError, UsageError
from harness.core.types import Media, MediaKind
from harness.engines import Decoding, Engine, Request
from harness.engines.checkpoints import resolve_checkpoint
from harness.engines.kinds import TRUSTING
from harness.engines.preparation import ConversationRequest
from harness.media.images import open_image
from harness.media.videos import Video, open_video

_DEFAULT_MAX_NEW_TOKENS = 1024
_logger = logging.getLogger(__name__)


class HarnessVllm(lmms):  # type: ignore[misc]  # lmms-eval has no types.
    """Gives stock lmms-eval the speed of the `vllm` engine for every task that it has.

    Settings of a task that the `vllm` backend of lmms-eval leaves out (`until`) are left out here too.
    """

    is_simple = False

    def __init__(
        self,
        model: str | None = None,
        pretrained: str | None = None,
        tensor_parallel_size: int = 1,
        data_parallel_size: int = 1,
        gpu_memory_utilization: float | None = None,
        max_model_len: int | None = None,
        max_pixels: int | None = None,
        dtype: str = "auto",
        nframes: int = 8,
        batch_size: int | str | None = None,
        max_batch_size: int | None = None,
        device: str | None = None,
        trust_remote_code: bool | str = False,
        **engine_args: Any,
    ) -> None:
        """Load the model.

        Args:
            model: local folder or hub id.
            pretrained: the same, under the name that other models of lmms-eval use.
            tensor_parallel_size: devices that share one copy of the model.
            data_parallel_size: copies of the model.
            gpu_memory_utilization: share of the device's memory.
            max_model_len: longest prompt and response together, in tokens.
            max_pixels: cap on the pixels of an image or frame.
            dtype: precision.
            nframes: frames a video, spread evenly.
            batch_size: not used: requests are batched by vLLM as they come.
            max_batch_size: not used.
            device: not used: vLLM finds its device.
            trust_remote_code: Python code that comes with the model may be run.
            engine_args: further arguments of vLLM; JSON texts are parsed.

        Raises:
            HarnessError: the model cannot be loaded, or an argument is wrong.
        """
        super().__init__()
        del batch_size, max_batch_size, device
        from harness.engines.vllm import VllmEngine

        name = model or pretrained
        if name is None:
            raise UsageError("no model named. Give --model_args model=FOLDER.")
        self._num_frames = nframes
        try:
            self._engine: Engine = VllmEngine(
                resolve_checkpoint(name, trust_remote_code=_is_true("trust_remote_code", trust_remote_code)),
                dtype=dtype,
                max_pixels=max_pixels,
                max_model_len=max_model_len,
                tensor_parallel=tensor_parallel_size,
                data_parallel=data_parallel_size,
                gpu_memory_utilization=gpu_memory_utilization,
                engine_args={key: _parsed(value) for key, value in engine_args.items()},
            )
            self._engine.load()
        except ModelError as error:
            raise ModelError(str(error).replace(TRUSTING, "trust_remote_code=True to --model_args")) from error

    def generate_until(self, requests: list[Instance]) -> list[GenerationResult]:
        """Responses in the order of the requests; the text of a sample that failed is empty, and its error logged."""
        return answer(self._engine, requests, self.task_dict, self._num_frames)

    def generate_until_multi_round(self, requests: list[Instance]) -> NoReturn:
        """Tasks of several rounds are not supported."""
        raise NotImplementedError("harness_vllm has no multi-round generation; use --model vllm for this task.")

    def loglikelihood(self, requests: list[Instance]) -> NoReturn:
        """Tasks that compare likelihoods are not supported."""
        raise NotImplementedError("harness_vllm has no loglikelihood; use another model for this task.")

    def clean(self) -> None:
        """Stop vLLM."""
        self._engine.close()


def answer(
    engine: Engine, instances: Sequence[Instance], task_dict: Mapping[str, Any], num_frames: int
) -> list[GenerationResult]:
    """Generate for instances of lmms-eval.

    Args:
        engine: a loaded engine.
        instances: chat instances: context, `doc_to_messages`, generation settings, document id, task, split.
        task_dict: documents by task and split.
        num_frames: frames a video.

    Returns:
        A result an instance, in order.
    """
    by_decoding: dict[Decoding, list[Request]] = defaultdict(list)
    for number, instance in enumerate(instances):
        decoding, conversation = _convert(number, instance, task_dict, num_frames)
        by_decoding[decoding].append(conversation)
    results = [GenerationResult(text="")] * len(instances)
    with tqdm(total=len(instances), desc="Model Responding") as progress:
        for decoding, requests in by_decoding.items():
            for request, response in engine.generate(requests, decoding):
                if response.error is not None:
                    _logger.error("task %s, instance %s: %s", request.task, request.sample_id, response.error)
                counts = TokenCounts(input_tokens=response.prompt_tokens, output_tokens=response.completion_tokens)
                results[int(request.sample_id)] = GenerationResult(text=response.text, token_counts=counts)
                progress.update()
    return results


def _convert(
    number: int, instance: Instance, task_dict: Mapping[str, Any], num_frames: int
) -> tuple[Decoding, ConversationRequest]:
    _, to_messages, settings, doc_id, task, split = instance.arguments
    settings = settings or {}
    messages: list[dict[str, Any]] = []
    media: list[Media] = []
    sources: list[Any] = []
    for message in to_messages(task_dict[task][split][doc_id]):
        content: list[dict[str, Any]] = []
        for part in message["content"]:
            if part["type"] == "text":
                content.append({"type": "text", "text": part["text"]})
                continue
            kind: MediaKind = "video" if part["type"] == "video" else "image"
            content.append({"type": kind})
            media.append(Media(kind=kind, source=f"{split}[{doc_id}][{len(media)}]"))
            sources.append(part["url"])
        messages.append({"role": message["role"], "content": content})
    temperature = float(settings.get("temperature") or 0.0) if settings.get("do_sample", True) else 0.0
    decoding = Decoding(
        max_new_tokens=int(settings.get("max_new_tokens") or _DEFAULT_MAX_NEW_TOKENS),
        temperature=temperature,
        top_p=float(settings.get("top_p") or 1.0) if temperature > 0 else 1.0,
        logprobs=False,  # There is no place for them.
    )
    return decoding, ConversationRequest(
        task=task,
        sample_id=str(number),
        prompt="",
        media=tuple(media),
        open_media=partial(_open, tuple(media), tuple(sources), num_frames),
        messages=tuple(messages),
    )


def _open(media: Iterable[Media], sources: Iterable[Any], num_frames: int) -> list[Any]:
    opened: list[Any] = []
    for reference, source in zip(media, sources, strict=True):
        if reference.kind == "image":
            opened.append(open_image(source, name=reference.source))
        elif isinstance(source, Video):
            opened.append(source)
        else:
            opened.append(open_video(source, num_frames))
    return opened


def _is_true(name: str, value: bool | str) -> bool:
    text = str(value).lower()
    if text not in ("true", "false"):
        raise UsageError(f"--model_args {name}={value}: give True or False.")
    return text == "true"


def _parsed(value: Any) -> Any:
    if not isinstance(value, str) or not value.startswith(("{", "[")):
        return value
    try:
        return json.loads(value)
    except json.JSONDecodeError as error:
        raise UsageError(f"--model_args: {value!r} is not JSON: {error}.") from error
