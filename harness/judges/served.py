"""Judges behind an OpenAI-compatible server, through the `api` engine: its retries, time-outs and rate limits.

Imported lazily only: the engine imports httpx.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Final

from harness.core.errors import EngineError, HarnessError, without_samples
from harness.core.types import JudgePrompt
from harness.engines import Decoding, Request
from harness.engines.addresses import goes_with_openai_key
from harness.engines.api import ApiEngine
from harness.engines.checkpoints import Checkpoint

_CALLS: Final = 3
"""Calls in a row that got no answer from a server which could not be used, after which it is not asked again: each
waits for the retries of a request, and an evaluation may have many calls left."""


class ServedJudge:
    """A model that a server serves, greedy unless the server refuses that, as those of models that reason first do.

    Attributes:
        problem: why the server could not be used in the last call, if so. The next call asks it again, until three in a
            row had no answer.
    """

    def __init__(
        self,
        name: str,
        *,
        base_url: str | None,
        api_key_env: str | None,
        option: str,
        max_new_tokens: int,
    ) -> None:
        """Check the settings; nothing is sent before the first question.

        Args:
            name: `openai:MODEL`.
            base_url: one or several addresses, separated by commas; `None`: `OPENAI_BASE_URL`, else OpenAI's own.
            api_key_env: environment variable that holds the server's key; `None`: `OPENAI_API_KEY` for the address that
                it goes with, and no key for any other.
            option: how the user names the addresses.
            max_new_tokens: token budget of an answer.

        Raises:
            UsageError: no model is named, an address is not one, or OpenAI's own has no key.
        """
        if api_key_env is None and not goes_with_openai_key(base_url, option):
            api_key_env = ""

        def make() -> ApiEngine:
            return ApiEngine(
                Checkpoint(name=name, folder=None),
                any_temperature=True,
                option=option,
                base_url=base_url,
                api_key_env=api_key_env,
                in_flight=32,
                attempts=5,  # A time-out counts as three.
                timeout_s=60.0,
            )

        self.problem: str | None = None
        self._make = make
        self._engine = make()
        self._loaded = False
        self._failed_calls = 0
        self._decoding = Decoding(max_new_tokens=max_new_tokens, logprobs=False)

    def complete(self, prompts: Sequence[JudgePrompt]) -> Iterator[tuple[int, str | None]]:
        """Yield the place of each prompt with the model's text as it comes in; `None` where the server failed.

        A server that is down costs the time of one request: what is left then gets no answer and `problem` says why.
        """
        if not prompts or self._failed_calls >= _CALLS:
            return
        try:
            self._load()
            requests = map(_request, range(len(prompts)), prompts)
            for request, response in self._engine.generate(requests, self._decoding):
                # An answer of one word that was cut off is a thinking that did not end.
                failed = response.error is not None or response.finish_reason == "length"
                if not failed:
                    self._failed_calls = 0
                yield int(request.sample_id), None if failed else response.text
        except HarnessError as error:
            self._failed_calls += 1
            self.problem = without_samples(error)
        else:
            self._failed_calls = 0
            self.problem = None

    def _load(self) -> None:
        if self._loaded:
            return
        try:
            self._engine.load()
        except HarnessError:
            self._engine = self._make()  # One that could not be loaded has closed its connections for good.
            raise
        self._loaded = True

    def close(self) -> None:
        """Close the connections."""
        if self._loaded:
            with suppress(EngineError):
                self._engine.close()
            self._loaded = False


def _request(index: int, prompt: JudgePrompt) -> Request:
    return Request(task="judge", sample_id=str(index), prompt=prompt.user, media=(), open_media=list)
