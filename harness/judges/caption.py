"""The judge: a text-only LLM that answers a question from a caption alone.

It is used by the diagnostics and by the caption reward of the trainer, so that both mean the same. It sees no image: a
caption from which it answers right holds what the question needs. Questions are batched, asked once however often they
occur, and remembered on disk by content. A judge that fails gives `None`, never a wrong answer, and is counted.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from harness.answers.reading import read_answer
from harness.answers.sameness import same
from harness.core.errors import ModelError
from harness.core.files import cache_folder
from harness.core.types import JudgePrompt, JudgeQuestion, Sample
from harness.core.worlds import JudgeWording, worlds
from harness.engines.checkpoints import SERVED, resolve_checkpoint
from harness.judges.backend import Backend
from harness.judges.cache import AnswerCache, content_key
from harness.judges.leaks import leaks_answer
from harness.judges.prompts import GENERAL, find_wording

if TYPE_CHECKING:
    from harness.engines.checkpoints import Checkpoint

_STORE_EVERY: Final = 256
"""New answers after which the cache is written, so that an interrupted judge loses little."""


class CaptionJudge:
    """A text-only LLM that answers questions from captions.

    Attributes:
        identity: model, fingerprint of its weights, and version of the prompt: two judges of one identity are the same.
        failures: questions so far that got no answer, repeated ones included.
        problem: why it could not be used in the last call, such as a server that is down; `None` where it could.
    """

    def __init__(
        self,
        load: Callable[[], Backend],
        *,
        identity: str,
        wording: JudgeWording = GENERAL,
        cache: AnswerCache | None = None,
        where: str = "",
    ) -> None:
        """Make a judge; its model is loaded with the first question that is not in the cache.

        Args:
            load: loads the model.
            identity: see the class.
            wording: of the prompts.
            cache: answers on disk; `None` keeps none.
            where: an address, which tells apart models of one name; part of the cache's keys, not of the identity.
        """
        self.identity = identity
        self.failures = 0
        self.problem: str | None = None
        self._load = load
        self._wording = wording
        self._cache = cache
        self._where = where
        self._backend: Backend | None = None

    def ask(self, questions: Sequence[JudgeQuestion]) -> list[str | None]:
        """The judge's raw text on each question, in order; `None` where it failed."""
        prompts = [self._wording.word(question) for question in questions]
        keys = [content_key(self.identity, self._where, prompt.user, prompt.begun) for prompt in prompts]
        distinct = dict(zip(keys, prompts, strict=True))
        answers = self._cache.read(list(distinct)) if self._cache is not None else {}
        answers.update(self._ask_model({key: prompt for key, prompt in distinct.items() if key not in answers}))
        found = [answers.get(key) for key in keys]
        self.failures += sum(answer is None for answer in found)
        return found

    def _ask_model(self, unknown: Mapping[bytes, JudgePrompt]) -> dict[bytes, str]:
        answers: dict[bytes, str] = {}
        if not unknown:
            return answers
        if self._backend is None:
            self._backend = self._load()
        keys = list(unknown)
        fresh: dict[bytes, str] = {}
        for index, text in self._backend.complete(list(unknown.values())):
            if text is None:
                continue
            answers[keys[index]] = fresh[keys[index]] = text
            if len(fresh) >= _STORE_EVERY:
                self._remember(fresh)
        self._remember(fresh)
        self.problem = self._backend.problem
        return answers

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


def load_caption_judge(
    name: str, *, base_url: str | None = None, cache_dir: Path | None = None, engine: str = "auto"
) -> CaptionJudge:
    """Find a judge by name; its model is loaded with the first question that is not in the cache.

    Args:
        name: a world whose judge comes with it, such as `demo`; a folder or hub id of a text-only model; or
            `openai:MODEL` for a model behind a server.
        base_url: address of the server; `None`: `OPENAI_BASE_URL`, else OpenAI's own.
        cache_dir: folder of the answers on disk; `None`: the harness's cache folder.
        engine: for a checkpoint: `vllm`, `hf`, or `auto`: vLLM where it is installed and there is a GPU.

    Raises:
        ModelError: there is no such checkpoint, or it is not complete.
        UsageError: an address is not one, or OpenAI's own has no key.
    """
    cache = AnswerCache(cache_dir or cache_folder())
    if name.startswith(SERVED):
        from harness.judges.served import ServedJudge

        backend = ServedJudge(name, base_url=base_url, max_new_tokens=GENERAL.max_new_tokens)
        return CaptionJudge(
            lambda: backend, identity=f"{name} prompt:{GENERAL.version}", cache=cache, where=base_url or ""
        )
    world = worlds().get(name)
    checkpoint = resolve_checkpoint(world.judge if world is not None and world.judge else name)
    wording = trained_wording(checkpoint)
    identity = f"{name} {checkpoint.weights} files:{checkpoint.files} prompt:{wording.version}"

    def load() -> Backend:
        from harness.engines import vllm_is_usable
        from harness.judges.local import TransformersJudge, VllmJudge

        use_vllm = engine == "vllm" or (engine == "auto" and wording is GENERAL and vllm_is_usable())
        kind = VllmJudge if use_vllm else TransformersJudge
        return kind(checkpoint, max_new_tokens=wording.max_new_tokens)

    return CaptionJudge(load, identity=identity, wording=wording, cache=cache)


def trained_wording(checkpoint: Checkpoint) -> JudgeWording:
    """The words in which a judge wants to be asked: `judge_prompt` of the checkpoint's `harness.json`, else `general`.

    Raises:
        ModelError: the file is malformed or names no known wording.
    """
    path = (checkpoint.folder or Path()) / "harness.json"
    if not path.is_file():
        return GENERAL
    try:
        name = json.loads(path.read_text(encoding="utf-8")).get("judge_prompt", "general")
    except (ValueError, AttributeError) as error:
        raise ModelError(f"{path} is not a JSON object: {error}. Mend or delete it.") from error
    return find_wording(str(name), str(path))


def question_from_caption(sample: Sample, caption: str | None) -> JudgeQuestion:
    """A sample's question, to be answered from a caption alone; `None` asks without one."""
    return JudgeQuestion(
        question=sample.question, caption=caption, answer_kind=sample.answer_kind, choices=sample.choices
    )


def read_judgement(text: str, question: JudgeQuestion) -> str | None:
    """The answer in a judge's text, by the reader of all answers; `None` when it answers nothing."""
    return read_answer(text, question.answer_kind, question.choices, question.question).answer


def is_right(sample: Sample, answer: str | None) -> bool:
    """Whether a judge's answer is the target: equal, or for open-ended questions settled as right by the rules."""
    if answer is None:
        return False
    return same(answer, sample.target) is True if sample.answer_kind == "open" else answer == sample.target


def caption_supports(judge: CaptionJudge, samples_with_captions: Sequence[tuple[Sample, str]]) -> list[bool | None]:
    """Whether the judge answers each sample right from its caption alone: the caption reward.

    Returns:
        `True`, `False`, or `None` where the judge failed. An empty caption, and one that gives the answer away instead
        of describing (`harness.judges.leaks`), supports nothing and is not asked about.
    """
    supported: list[bool | None] = [False] * len(samples_with_captions)
    places, questions = [], []
    for place, (sample, caption) in enumerate(samples_with_captions):
        if caption.strip() and not leaks_answer(caption, sample.answer_kind, sample.choices):
            places.append(place)
            questions.append(question_from_caption(sample, caption))
    for place, question, text in zip(places, questions, judge.ask(questions), strict=True):
        sample = samples_with_captions[place][0]
        supported[place] = None if text is None else is_right(sample, read_judgement(text, question))
    return supported
