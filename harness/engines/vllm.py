"""The `vllm` engine: vLLM in process, fed continuously.

vLLM's `AsyncLLM` lives on an event loop of its own. Media are opened in a pool of threads while the model generates,
images and frames are handed over as they are, and a response is yielded as soon as it is finished. At most
`in_flight` requests are under way, so that memory does not grow with the run.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from functools import cached_property
from typing import Any, Final

from harness.core.collecting import collect_again
from harness.core.console import show
from harness.core.errors import AGAIN, EngineError, HarnessError, MediaError, ModelError, UsageError
from harness.core.types import Response
from harness.engines import Decoding, Request, VideoAs, check_positive, check_vllm, checked
from harness.engines.async_bridge import LoopThread, Put, put_failure, serve_groups
from harness.engines.checkpoints import Checkpoint
from harness.engines.guard import Guard
from harness.engines.inputs import begins_with_bos, choose_video_as, load_processor, size_limits
from harness.engines.preparation import Opened, default_workers, one_line, open_media, submission_groups
from harness.engines.threads import one_thread
from harness.engines.vllm_arguments import check_quantization, check_settings, engine_arguments
from harness.engines.vllm_errors import ErrorLog, advice
from harness.engines.vllm_platform import (
    check_attention,
    device_and_dtype,
    may_fork,
    set_environment,
    uncompiled,
    unpaired,
)
from harness.engines.vllm_requests import (
    check_videos,
    make_prompt,
    make_response,
    media_names,
    same_norms,
    sampling_parameters,
)
from harness.engines.weights import check_files

_GRACE_S: Final = 2.0
"""How long vLLM's processes may take to end before they are killed; there is nothing that they could lose."""
_kept_contexts: Final[list[Any]] = []


class VllmEngine:
    """A vLLM engine behind the engine protocol."""

    name = "vllm"

    def __init__(
        self,
        checkpoint: Checkpoint,
        *,
        dtype: str = "auto",
        max_pixels: int | None = None,
        video_as: VideoAs | None = None,
        max_model_len: int | None = None,
        tensor_parallel: int = 1,
        pipeline_parallel: int = 1,
        data_parallel: int = 1,
        distributed_executor: str | None = None,
        gpu_memory_utilization: float | None = None,
        quantization: str | None = None,
        engine_args: Mapping[str, Any] | None = None,
        in_flight: int | None = None,
        workers: int | None = None,
    ) -> None:
        """Check the settings; the model is loaded by `load`.

        Args:
            checkpoint: a checkpoint with a folder.
            dtype: `bfloat16`, `float16`, `float32`, or `auto`: bfloat16 where the device has it, float32 on CPU.
            max_pixels: cap on the pixels of an image or frame, `None`: what the processor says.
            video_as: how videos are shown; `None`: as videos where the family takes them, else as images.
            max_model_len: longest prompt and response together, in tokens; `None`: what the checkpoint says.
            tensor_parallel: devices that share one copy of the model.
            pipeline_parallel: parts that the layers of a copy are cut into, each on `tensor_parallel` devices.
            data_parallel: copies of the model.
            distributed_executor: how the devices of a copy work together: `mp`, processes of this machine, or `ray`, a
                cluster; `None`: vLLM chooses.
            gpu_memory_utilization: share of the device's memory that vLLM may take, above 0 to 1.
            quantization: how vLLM quantises weights on loading, by its own name; `None`: they stay as they are.
            engine_args: further arguments of vLLM's `AsyncEngineArgs` by name.
            in_flight: requests under way at a time; `None`: somewhat more than vLLM runs in one step.
            workers: threads that open media; `None`: by the number of cores.

        Raises:
            ModelError: the checkpoint has no files.
            UsageError: vLLM is not installed, or a setting is out of range.
        """
        check_vllm("engine 'vllm'")
        if checkpoint.folder is None:
            raise ModelError(f"model {checkpoint.name!r} has no files; the engine 'vllm' needs a folder or a hub id.")
        check_positive({"in_flight": in_flight, "workers": workers})
        self._settings: dict[str, Any] = {
            "max_pixels": max_pixels,
            "max_model_len": max_model_len,
            "tensor_parallel": tensor_parallel,
            "pipeline_parallel": pipeline_parallel,
            "data_parallel": data_parallel,
            "distributed_executor": distributed_executor,
            "gpu_memory_utilization": gpu_memory_utilization,
            "quantization": quantization,
        }
        self._engine_args = dict(engine_args or {})
        check_settings(dtype, self._settings, self._engine_args)
        self._checkpoint = checkpoint
        self._dtype = dtype
        self._max_pixels = max_pixels
        self._wanted_video_as = video_as
        self._in_flight = in_flight
        self._workers = workers or default_workers()
        self._torch_was_there = "torch" in sys.modules
        set_environment()
        check_quantization(quantization)
        self._engine: Any = None
        self._adapter: Any = None
        self._loop: LoopThread | None = None
        self._errors = ErrorLog()

    def describe(self) -> Mapping[str, Any]:
        """Device type, precision, pixel budget, length limit, how a copy is divided, and vLLM's own arguments.

        Where a copy is divided, sums are taken in another order, which in 16 bits can change late tokens.
        """
        device, dtype = device_and_dtype(self._dtype)
        parts = {name: self._settings[name] for name in ("tensor_parallel", "pipeline_parallel")}
        special = {
            "quantization": self._settings["quantization"],
            "trust_remote_code": self._checkpoint.trust_remote_code or None,
        }
        return {
            "device": device,
            "dtype": dtype,
            "max_pixels": self._max_pixels,
            "max_model_len": self._settings["max_model_len"],
            **{name: number for name, number in parts.items() if number > 1},
            **{name: value for name, value in special.items() if value is not None},
            "engine_args": {name: str(value) for name, value in sorted(self._engine_args.items())},
        }

    @cached_property
    def _processor(self) -> Any:
        return load_processor(self._checkpoint)

    @cached_property
    def video_as(self) -> VideoAs:
        """How the model is shown videos, from its processor and chat template."""
        return choose_video_as(self._processor, self._wanted_video_as, self._checkpoint.name)

    def load(self) -> None:
        """Start vLLM and load model and processor; may be called from any thread.

        Raises:
            ModelError: vLLM cannot load this checkpoint, or its weights are not whole.
            UsageError: vLLM does not know one of the engine arguments, or their values do not go together.
        """
        device, dtype = device_and_dtype(self._dtype)
        name = self._checkpoint.name
        if (found := unpaired()) is not None:
            show(f"warning: {found[0]}: some models fail, or answer otherwise. {found[1]}", file=sys.stderr)
        # Whether the engine's process may be forked must be asked before any thread of our own is started.
        fork = device == "cpu" and may_fork(torch_was_there=self._torch_was_there)
        self._loop = LoopThread("vllm-loop")
        self._pool = ThreadPoolExecutor(max_workers=self._workers, thread_name_prefix="open-media")
        try:
            with one_thread() if fork else nullcontext():  # A fork does not survive the threads of a parallel region.
                check_files(self._checkpoint)
            self._loop.submit(self._start(self._arguments(device, dtype), fork)).result()
        except HarnessError:
            self.close()
            raise
        except Exception as error:
            self.close()
            cause = self._errors.cause(error)
            raise ModelError(
                f"model {name!r} cannot be loaded by the engine 'vllm': {cause} {advice(cause)}"
            ) from error
        self._tokenizer: Any = self._processor.tokenizer
        most = self._engine.vllm_config.scheduler_config.max_num_seqs * self._settings["data_parallel"]
        self._in_flight = self._in_flight or most + most // 4

    async def _start(self, arguments: Mapping[str, Any], fork: bool) -> None:
        from vllm.engine.arg_utils import AsyncEngineArgs
        from vllm.usage.usage_lib import UsageContext
        from vllm.v1.engine.async_llm import AsyncLLM

        try:
            engine_arguments = AsyncEngineArgs(model=str(self._checkpoint.folder), **arguments)
        except TypeError as error:
            raise UsageError(f"vLLM refuses --engine-arg: {one_line(error)}") from error
        if self._checkpoint.adapter is not None:
            from vllm.lora.request import LoRARequest

            self._adapter = LoRARequest(self._checkpoint.name, 1, str(self._checkpoint.adapter))
        before = set(multiprocessing.active_children())
        with self._errors.start(several_machines=self._settings["distributed_executor"] == "ray"):
            config = engine_arguments.create_engine_config(UsageContext.ENGINE_CONTEXT)
            check_attention(self._checkpoint.name, config.model_config)
            if fork:  # Only now: making the configuration has set another method.
                os.environ["VLLM_WORKER_MULTIPROC_METHOD"] = "fork"
            collect_again()
            with uncompiled(config.device_config.device_type, self._engine_args):
                self._engine = AsyncLLM.from_vllm_config(config, disable_log_stats=True)
        started = set(multiprocessing.active_children()) - before
        self._guard = Guard(child.pid for child in started if child.pid is not None)
        if self._adapter is not None:
            await self._add_adapter()

    async def _add_adapter(self) -> None:
        """Have vLLM take the adapter now; else it would try with the first prompt, and every sample would fail."""
        try:
            await self._engine.add_lora(self._adapter)
        except Exception as error:
            raise ModelError(
                f"vLLM does not take the adapter {self._checkpoint.name!r}: {one_line(error)} Make a model of it: "
                f"'harness merge {self._checkpoint.name} OUT'; or use --engine hf."
            ) from error

    def generate(self, requests: Iterable[Request], decoding: Decoding) -> Iterator[tuple[Request, Response]]:
        """Yield each request with a response as soon as all of its responses are finished, in any order.

        Raises:
            EngineError: vLLM died; what it had finished before was yielded.
            UsageError: several responses of a request are wanted without sampling.
        """
        if self._engine is None or self._loop is None or self._in_flight is None:
            raise EngineError("the engine 'vllm' is not loaded.")
        opening = asyncio.Semaphore(2 * self._workers)

        async def serve(group: Sequence[Request], put: Put) -> None:
            await self._serve(group, decoding, opening, put)

        groups = submission_groups(checked(requests, decoding))
        yield from serve_groups(self._loop, groups, serve, self._in_flight)

    def close(self) -> None:
        """Stop vLLM, its processes and the threads. Idempotent."""
        loop, self._loop = self._loop, None
        if loop is None:
            return
        self._pool.shutdown(wait=False, cancel_futures=True)
        loop.stop(self._shut_down)

    def _shut_down(self) -> None:
        engine, self._engine = self._engine, None
        if engine is None:
            return
        # Collecting a ZeroMQ context ends it, which blocks for ever where messages were on their way to a process that
        # was killed. Kept, it is left alone until the program ends.
        core = getattr(engine, "engine_core", None)
        for owner in (core, getattr(core, "resources", None)):
            _kept_contexts.append(getattr(owner, "ctx", None))
        engine.shutdown(timeout=_GRACE_S)
        self._guard.release()

    def _arguments(self, device: str, dtype: str) -> dict[str, Any]:
        from vllm.engine.arg_utils import AsyncEngineArgs

        arguments = engine_arguments(self._checkpoint, self._settings, device, dtype)
        # Each prompt has its own; this one makes vLLM keep memory for what fits into it. A processor that counts the
        # frames of a video together cannot be told before their number is known.
        whole, others = (size_limits(self._processor, self._max_pixels, frames) for frames in (1, 2))
        if whole and whole == others:
            arguments["mm_processor_kwargs"] = {"max_pixels": self._max_pixels}
        if not same_norms(self._processor) and hasattr(AsyncEngineArgs, "mm_device_do_normalize"):
            arguments["mm_device_do_normalize"] = False  # On the device vLLM has one mean for images and videos.
        return arguments | self._engine_args

    async def _serve(
        self,
        group: Sequence[Request],
        decoding: Decoding,
        opening: asyncio.Semaphore,
        put: Put,
        *,
        last: bool = False,
    ) -> None:
        """Open the media of a group once and hand its requests to vLLM in order."""
        start = time.monotonic()
        loop = asyncio.get_running_loop()
        generating: dict[asyncio.Task[bool], Request] = {}
        async with opening:
            opened, names = await loop.run_in_executor(self._pool, self._open, group[0])
            for request in group:
                try:
                    inputs = await self._render(request, opened, names)
                except MediaError as error:
                    put_failure(put, request, f"media: {error}")
                    continue
                except Exception as error:
                    put_failure(put, request, f"prompt: {one_line(error)}")
                    continue
                # Nothing may be awaited between the two: vLLM's image cache relies on requests reaching the engine in
                # the order in which they were rendered.
                generation = self._generate_one(inputs, request, decoding, start, put, last)
                generating[loop.create_task(generation)] = request
            del opened
        outcomes = await asyncio.gather(*generating, return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
        again = [request for request, done in zip(generating.values(), outcomes, strict=True) if not done]
        if again:
            await self._serve(again, decoding, opening, put, last=True)

    def _open(self, request: Request) -> tuple[Opened, Mapping[str, Sequence[str]]]:
        opened = open_media(request, self.video_as)
        return opened, media_names(opened)

    async def _render(self, request: Request, opened: Opened, names: Mapping[str, Sequence[str]]) -> Any:
        """Tokens and pixels of a request, as vLLM's engine takes them."""
        check_videos(self._engine.vllm_config.model_config.hf_config.model_type, opened)
        renderer = self._engine.renderer
        prompt = make_prompt(self._processor, request, opened, names, self._max_pixels)
        tokens = renderer.default_cmpl_tok_params
        if begins_with_bos(self._tokenizer, prompt["prompt"]):
            tokens = tokens.with_kwargs(add_special_tokens=False)
        (inputs,) = await renderer.render_cmpl_async([prompt], tokens)
        return inputs

    async def _generate_one(
        self, inputs: Any, request: Request, decoding: Decoding, start: float, put: Put, last: bool
    ) -> bool:
        """Put the responses of a request; `False` when it is to be tried again, which `last` rules out."""
        parameters = sampling_parameters(request, decoding)
        final: Any = None
        try:
            async for output in self._engine.generate(
                inputs, parameters, f"{request.task}/{request.sample_id}", lora_request=self._adapter
            ):
                final = output
        except Exception as error:
            if self._engine is None or self._engine.errored:
                raise EngineError(
                    f"vLLM died: {self._errors.cause(error)} {AGAIN} "
                    "If memory was short, lower --gpu-memory-utilization, --max-model-len or --max-pixels."
                ) from error
            put_failure(put, request, f"{type(error).__name__}: {one_line(error)}")
            return True
        broken = [item.finish_reason for item in final.outputs if item.finish_reason not in ("stop", "length")]
        if broken and not last:  # E.g. an image that has left vLLM's cache and must be sent once more.
            return False
        for item in final.outputs:
            if item.finish_reason in ("stop", "length"):
                seconds = time.monotonic() - start
                put(request, make_response(request, final, item, seconds, self._processor))
        if broken:
            put_failure(put, request, f"vLLM ended the response with {broken[0]!r}")
        return True
