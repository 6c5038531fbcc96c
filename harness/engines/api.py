"""The `api` engine: any OpenAI-compatible chat server, or several that serve the same model.

Images travel as data URLs. A vLLM server is recognised and given videos with their time stamps and what else it takes
beyond the standard, so that it computes what the engines in process compute; other servers are given the frames of a
video as images. The key is read from the environment and is neither stored nor logged.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, count
from typing import Any, Final, cast

from harness.core.errors import EngineError, MediaError, UnavailableError, UsageError
from harness.core.types import Response
from harness.engines import Decoding, Request, VideoAs, check_positive, checked, failed
from harness.engines.addresses import BASE_URL, read_addresses, read_key
from harness.engines.api_replies import make_responses
from harness.engines.async_bridge import LoopThread, Put, serve_groups
from harness.engines.checkpoints import SERVED, Checkpoint
from harness.engines.http_client import ChatClient, RequestFailed, Server
from harness.engines.inputs import video_metadata
from harness.engines.media_encoding import ImageFormat, frames_part, image_part, limit_pixels
from harness.engines.preparation import default_workers, open_media, request_seed, submission_groups
from harness.media.videos import frame_images

_IN_FLIGHT_A_SERVER: Final = 32
"""Requests under way: they keep a server's batches filled, and what waits longer in its queue may time out there."""
_FORMATS: Final = ("png", "jpeg")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Media:
    """The media of a group, encoded.

    Attributes:
        parts: of the content, in order.
        io: vLLM's `media_io_kwargs`: the time stamps of the video; `None` where none is sent.
    """

    parts: list[dict[str, Any]]
    io: dict[str, Any] | None


class ApiEngine:
    """A model behind OpenAI-compatible servers, behind the engine protocol."""

    name = "api"

    def __init__(
        self,
        checkpoint: Checkpoint,
        any_temperature: bool = False,
        option: str = BASE_URL,
        *,
        base_url: str | Sequence[str] | None = None,
        api_key_env: str | None = None,
        max_pixels: int | None = None,
        image_format: str = "png",
        video_as: VideoAs | None = None,
        timeout_s: float = 300.0,
        attempts: int = 8,
        in_flight: int | None = None,
        workers: int | None = None,
    ) -> None:
        """Check the settings; nothing is sent before `load`.

        Args:
            checkpoint: named `openai:MODEL`; it needs no folder.
            any_temperature: see `harness.engines.http_client.ChatClient`.
            option: how the user names the addresses.
            base_url: one or several addresses, each ending where `/chat/completions` is appended; requests go to them
                in turn, those about one image or video to the same. `None`: `OPENAI_BASE_URL`, else OpenAI's own.
            api_key_env: environment variable that holds the servers' key; `None`: `OPENAI_API_KEY`; empty: they have
                none.
            max_pixels: cap on the pixels of an image or frame, `None`: as they are.
            image_format: `png`, lossless, or `jpeg`, smaller.
            video_as: `native`: as videos with their time stamps, which vLLM servers take that run with
                `--trust-request-mm-kwargs`; `frames`: as images; `None`: as videos where all are vLLM servers.
            timeout_s: seconds that one attempt may take.
            attempts: attempts a request; a time-out counts as three.
            in_flight: requests under way at a time; `None`: 32 a server.
            workers: threads that open and encode media; `None`: by the number of cores.

        Raises:
            UsageError: no model is named, an address is not one, its key is missing, or a setting is out of range.
        """
        model = checkpoint.name.removeprefix(SERVED)
        if not model:
            raise UsageError("no model named after 'openai:'. Give one that the server knows, e.g. openai:gpt-4o.")
        if image_format not in _FORMATS:
            raise UsageError(f"image_format {image_format!r} does not exist. Choose one of: {', '.join(_FORMATS)}.")
        check_positive(
            {
                "--max-pixels": max_pixels,
                "timeout_s": timeout_s,
                "attempts": attempts,
                "in_flight": in_flight,
                "workers": workers,
            }
        )
        key_variable, key = read_key(api_key_env)
        addresses = read_addresses(base_url, key, option)
        self._model = model
        self._max_pixels = max_pixels
        self._wanted_video_as = video_as
        self._image_format = cast("ImageFormat", image_format)
        self._in_flight = in_flight or _IN_FLIGHT_A_SERVER * len(addresses)
        self._workers = workers or default_workers()
        self._most_choices: int | None = None
        self._loop: LoopThread | None = None
        self._client = ChatClient(
            addresses,
            model,
            key_variable=key_variable,
            option=option,
            timeout_s=timeout_s,
            attempts=attempts,
            connections=self._in_flight,
            any_temperature=any_temperature,
        )

    def describe(self) -> Mapping[str, Any]:
        """Pixel budget and how media are sent; not the addresses, which may change between two sessions of a run."""
        return {"max_pixels": self._max_pixels, "image_format": self._image_format}

    @cached_property
    def video_as(self) -> VideoAs:
        """How the model is shown videos; unless the user says `frames`, the servers are asked what they are."""
        if self._wanted_video_as == "frames":
            return "frames"
        self.load()
        return "native" if self._client.all_vllm else "frames"

    def load(self) -> None:
        """Ask the servers whether they serve the model. Idempotent.

        Raises:
            UsageError: an address is wrong, with the address that was tried, the key is refused, or a server does not
                take videos as the settings say.
            ModelError: a server does not have the model.
        """
        if self._loop is not None:
            return
        self._loop = LoopThread("api-loop")
        self._pool = ThreadPoolExecutor(max_workers=self._workers, thread_name_prefix="open-media")
        try:
            self._loop.submit(self._client.check()).result()
            if self._wanted_video_as == "native" and not self._client.all_vllm:
                raise UsageError("--video-as native: only vLLM servers take videos. Use --video-as frames.")
        except BaseException:
            self.close()
            raise

    def generate(self, requests: Iterable[Request], decoding: Decoding) -> Iterator[tuple[Request, Response]]:
        """Yield each request with its response as soon as it is finished, in any order.

        Raises:
            UnavailableError: the servers do not answer any more, or refuse the model or the key.
            UsageError: several responses of a request are wanted without sampling.
        """
        if self._loop is None:
            raise EngineError("the engine 'api' is not loaded.")
        _ = self.video_as  # Before threads ask for it.
        opening = asyncio.Semaphore(2 * self._workers)
        turns = count()

        async def serve(group: Sequence[Request], put: Put) -> None:
            await self._serve(group, decoding, opening, next(turns), put)

        groups = submission_groups(checked(requests, decoding))
        yield from serve_groups(self._loop, groups, serve, self._in_flight)

    def close(self) -> None:
        """Close connections and threads. Idempotent."""
        loop, self._loop = self._loop, None
        if loop is None:
            return
        self._pool.shutdown(wait=False, cancel_futures=True)
        loop.submit(self._client.close()).result()
        loop.stop()

    async def _serve(
        self, group: Sequence[Request], decoding: Decoding, opening: asyncio.Semaphore, turn: int, put: Put
    ) -> None:
        start = time.monotonic()
        async with opening:
            media = await asyncio.get_running_loop().run_in_executor(self._pool, self._encode, group[0])

        async def complete(request: Request, first: int, count: int) -> bool:
            """Put `count` responses, in one request as far as the servers give several; whether a server gave any."""
            most = self._most_choices
            if most is not None and count > most:
                return await split(request, first, count, most)

            def build(server: Server) -> dict[str, Any]:
                fields = self._fields(request, media, decoding, server, first)
                return fields if count == 1 else fields | {"n": count}

            try:
                reply = await self._client.complete(build, turn)
            except RequestFailed as error:
                if error.refused and count > 1:  # Perhaps for asking several; one alone will tell.
                    if await complete(request, first, 1):
                        self._most_choices = 1
                        return await split(request, first + 1, count - 1, 1)
                    first, count = first + 1, count - 1
                if media.io is not None and "media_io_kwargs" in str(error):
                    raise UnavailableError(
                        f"the vLLM server does not take the time stamps of videos ({error}) Start it with "
                        "--trust-request-mm-kwargs, or send frames as images: --video-as frames."
                    ) from error
                for _ in range(count):
                    put(request, failed(request, str(error)))
                return False
            responses = make_responses(request, reply, time.monotonic() - start)
            for response in responses:
                put(request, response)
            if len(responses) < count:
                self._most_choices = min(most or count, len(responses))
                await split(request, first + len(responses), count - len(responses), len(responses))
            return True

        async def split(request: Request, first: int, count: int, step: int) -> bool:
            starts = range(first, first + count, step)
            return await _together([complete(request, at, min(step, first + count - at)) for at in starts])

        await _together([complete(request, 0, request.n) for request in group])

    def _encode(self, request: Request) -> _Media:
        opened = open_media(request, self.video_as)
        if len(opened.videos) > 1:
            raise MediaError("vLLM servers take the time stamps of one video a request. Use --video-as frames.")
        images, videos = iter(opened.images), iter(opened.videos)
        parts: list[dict[str, Any]] = []
        for kind in chain.from_iterable(opened.shown):
            if kind == "image":
                parts.append(image_part(limit_pixels(next(images), self._max_pixels), self._image_format))
            else:
                frames = [limit_pixels(frame, self._max_pixels) for frame in frame_images(next(videos))]
                parts.append(frames_part(frames, self._image_format))
        # vLLM keeps at most `num_frames` of the frames that it is sent, 32 unless told.
        stamps = [video_metadata(video) | {"num_frames": -1} for video in opened.videos]
        return _Media(parts=parts, io={"video": stamps[0]} if stamps else None)

    def _fields(
        self, request: Request, media: _Media, decoding: Decoding, server: Server, index: int
    ) -> dict[str, Any]:
        content = [*media.parts, {"type": "text", "text": request.prompt}]
        system = [] if request.system is None else [{"role": "system", "content": request.system}]
        fields: dict[str, Any] = {
            "messages": [*system, {"role": "user", "content": content}],
            "max_tokens": request.max_new_tokens or decoding.max_new_tokens,
            "temperature": decoding.temperature,
        }
        if decoding.logprobs:
            fields["logprobs"] = True
        if decoding.temperature > 0:
            fields |= {"top_p": decoding.top_p, "seed": request_seed(request, decoding, index)}
        if server.is_vllm:
            if server.max_model_len is not None:  # vLLM refuses a budget that no response could use up.
                fields["max_tokens"] = min(fields["max_tokens"], server.max_model_len)
            # Else vLLM fills these in from the checkpoint's own generation settings.
            fields |= {"top_p": fields.get("top_p", 1.0), "top_k": -1, "min_p": 0.0, "repetition_penalty": 1.0}
            if media.io is not None:
                fields["media_io_kwargs"] = media.io
            if request.observe is not None:
                fields["return_token_ids"] = True
        if decoding.top_k and decoding.temperature > 0:  # OpenAI itself has neither of these, and says so.
            fields["top_k"] = decoding.top_k
        if decoding.repetition_penalty != 1:
            fields["repetition_penalty"] = decoding.repetition_penalty
        return fields


async def _together(parts: Sequence[Coroutine[Any, Any, bool]]) -> bool:
    """Wait for all parts, whatever happens to one of them; then raise the first error, or say whether any is true."""
    outcomes = await asyncio.gather(*parts, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome
    return any(outcomes)
