"""What a judge asks: a model that is loaded with the first question that was not asked before.

Its replies are kept on disk by content, so that a question to the same judge is asked once on this machine.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from harness.core.files import cache_folder
from harness.core.types import JudgePrompt
from harness.core.worlds import JudgeWording
from harness.engines import check_vllm
from harness.judges.cache import AnswerCache, content_key
from harness.judges.prompts import GENERAL, find_wording

if TYPE_CHECKING:
    from harness.engines.checkpoints import Checkpoint

_STORE_EVERY: Final = 256
"""New replies after which the cache is written, so that an interrupted judge loses little."""

Meaning = TypeVar("Meaning")
Asked = tuple[JudgePrompt, Callable[[str], Meaning | None]]
"""A prompt, and what a reply to it means: `None` for one that cannot be read."""


class Backend(Protocol):
    """What it runs on: `harness.judges.local` on this machine, `harness.judges.served` behind a server.

    Attributes:
        problem: why it could not be used in the last call, such as a server that is down; `None` where it could.
    """

    problem: str | None

    def complete(self, prompts: Sequence[JudgePrompt]) -> Iterator[tuple[int, str | None]]:
        """Yield the place of each prompt with the model's text, in any order; leave out or `None` what failed."""
        ...

    def close(self) -> None:
        """Free what it holds."""
        ...


class JudgeModel:
    """A judge's model with its cache.

    Attributes:
        identity: model, fingerprint of its weights, and version of the prompt: replies of one identity are comparable.
        problem: why it could not be used in the last call, such as a server that is down; `None` where it could.
    """

    def __init__(
        self, load: Callable[[], Backend], *, identity: str, cache: AnswerCache | None = None, where: str = ""
    ) -> None:
        """Keep what is needed to load it.

        Args:
            load: loads the model.
            identity: see the class.
            cache: replies on disk; `None` keeps none.
            where: an address, which tells apart models of one name; part of the cache's keys, not of the identity.
        """
        self.identity = identity
        self.problem: str | None = None
        self._load = load
        self._cache = cache
        self._where = where
        self._backend: Backend | None = None

    def ask(self, asked: Sequence[Asked[Meaning]]) -> list[Meaning | None]:
        """What the replies mean, in order; `None` where there was none, or one that cannot be read.

        A reply that cannot be read is not kept: another time the model may give a better one.
        """
        keys = [content_key(self.identity, self._where, prompt.user, prompt.begun) for prompt, _ in asked]
        distinct = dict(zip(keys, asked, strict=True))
        known = self._cache.read(list(distinct)) if self._cache is not None else {}
        found = {key: meaning for key, text in known.items() if (meaning := distinct[key][1](text)) is not None}
        found |= self._ask_model({key: one for key, one in distinct.items() if key not in found})
        return [found.get(key) for key in keys]

    def _ask_model(self, unknown: Mapping[bytes, Asked[Meaning]]) -> dict[bytes, Meaning]:
        found: dict[bytes, Meaning] = {}
        if not unknown:
            return found
        if self._backend is None:
            self._backend = self._load()
        keys = list(unknown)
        fresh: dict[bytes, str] = {}
        for index, text in self._backend.complete([prompt for prompt, _ in unknown.values()]):
            meaning = unknown[keys[index]][1](text) if text is not None else None
            if text is None or meaning is None:
                continue
            found[keys[index]], fresh[keys[index]] = meaning, text
            if len(fresh) >= _STORE_EVERY:
                self._remember(fresh)
        self._remember(fresh)
        self.problem = self._backend.problem
        return found

    def _remember(self, fresh: dict[bytes, str]) -> None:
        if self._cache is not None:
            self._cache.write(fresh)
        fresh.clear()

    def close(self) -> None:
        """Free the model and close the cache. Idempotent."""
        backend, self._backend = self._backend, None
        if backend is not None:
            backend.close()
        if self._cache is not None:
            self._cache.close()


def served_model(
    name: str,
    version: str,
    *,
    max_new_tokens: int,
    option: str,
    base_url: str | None = None,
    api_key_env: str | None = None,
    cache_dir: Path | None = None,
) -> JudgeModel:
    """A model behind an OpenAI-compatible server; nothing is sent before the first question.

    Args:
        name: `openai:MODEL`.
        version: of the prompts.
        max_new_tokens: token budget of a reply.
        option: how the user names the address of the server.
        base_url: address of the server; `None`: `OPENAI_BASE_URL`, else OpenAI's own.
        api_key_env: environment variable that holds the server's key; `None`: `OPENAI_API_KEY` for the address that it
            goes with, and no key for any other.
        cache_dir: folder of the replies on disk; `None`: the harness's cache folder.

    Raises:
        UsageError: an address is not one, or OpenAI's own has no key.
    """
    from harness.engines.addresses import URL_VARIABLE
    from harness.judges.served import ServedJudge

    backend = ServedJudge(
        name, base_url=base_url, api_key_env=api_key_env, option=option, max_new_tokens=max_new_tokens
    )
    cache = AnswerCache(cache_dir or cache_folder())
    where = base_url or os.environ.get(URL_VARIABLE, "")
    return JudgeModel(lambda: backend, identity=f"{name} prompt:{version}", cache=cache, where=where)


def local_model(
    checkpoint: Checkpoint,
    name: str,
    version: str,
    *,
    max_new_tokens: int,
    use_vllm: bool,
    memory: float = 0.3,
    cache_dir: Path | None = None,
) -> JudgeModel:
    """A checkpoint on this machine.

    Args:
        checkpoint: a checkpoint with a folder.
        name: what its identity calls it.
        version: of the prompts.
        max_new_tokens: token budget of a reply.
        use_vllm: whether vLLM runs it, not Transformers.
        memory: share of the GPU's memory that vLLM takes.
        cache_dir: see `served_model`.

    Raises:
        UsageError: vLLM is to run it, and is not installed.
    """
    if use_vllm:
        check_vllm(f"judge {name!r}")

    def load() -> Backend:
        from harness.judges.local import TransformersJudge, VllmJudge

        if use_vllm:
            return VllmJudge(checkpoint, max_new_tokens=max_new_tokens, memory=memory)
        return TransformersJudge(checkpoint, max_new_tokens=max_new_tokens)

    identity = f"{name} {checkpoint.weights} files:{checkpoint.files} prompt:{version}"
    return JudgeModel(load, identity=identity, cache=AnswerCache(cache_dir or cache_folder()))


def trained_wording(checkpoint: Checkpoint) -> JudgeWording:
    """The words in which a judge wants to be asked: `judge_prompt` of the checkpoint's `harness.json`, else `general`.

    Raises:
        ModelError: the file is malformed or names no known wording.
    """
    path = (checkpoint.folder or Path()) / "harness.json"
    if not path.is_file():
        return GENERAL
    from harness.engines.checkpoints import read_object

    return find_wording(str(read_object(path).get("judge_prompt", "general")), str(path))
