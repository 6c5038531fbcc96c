"""The judge: a text-only LLM that answers a question from a caption alone.

It is used by the diagnostics and by the caption reward of the trainer, so that both mean the same. It sees no image: a
caption from which it answers right holds what the question needs. Questions are batched, asked once however often they
occur, and remembered on disk by content. A judge that fails gives `None`, never a wrong answer, and is counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress
from pathlib import Path
from typing import Final

from harness.answers.reading import read_answer
from harness.answers.sameness import same
from harness.core.types import JudgeQuestion, Sample
from harness.core.worlds import JudgeWording, worlds
from harness.engines import vllm_is_usable
from harness.engines.checkpoints import SERVED, resolve_checkpoint
from harness.judges.leaks import leaks_answer
from harness.judges.model import Asked, JudgeModel, local_model, served_model, trained_wording
from harness.judges.prompts import GENERAL

NOTHING: Final = ("none", "unknown")
"""What a judge replies where no answer follows from a text."""


class CaptionJudge:
    """A text-only LLM that answers questions from captions.

    Attributes:
        failures: questions so far that got no answer, repeated ones included.
    """

    def __init__(self, model: JudgeModel, wording: JudgeWording = GENERAL) -> None:
        """Make a judge of a model that is asked in the given words."""
        self.failures = 0
        self._model = model
        self._wording = wording

    @property
    def identity(self) -> str:
        """Model, fingerprint of its weights, and version of the prompt: two judges of one identity are the same."""
        return self._model.identity

    @property
    def problem(self) -> str | None:
        """Why it could not be used in the last call, such as a server that is down; `None` where it could."""
        return self._model.problem

    def ask(self, questions: Sequence[JudgeQuestion]) -> list[str | None]:
        """The judge's raw text on each question, in order; `None` where it failed."""
        asked: list[Asked[str]] = [(self._wording.word(question), str) for question in questions]
        found = self._model.ask(asked)
        self.failures += sum(answer is None for answer in found)
        return found

    def close(self) -> None:
        """Free the model and close the cache. Idempotent."""
        self._model.close()


def load_caption_judge(
    name: str,
    *,
    base_url: str | None = None,
    api_key_env: str | None = None,
    cache_dir: Path | None = None,
    engine: str = "auto",
    option: str = "--caption-judge-base-url",
) -> CaptionJudge:
    """Find a judge by name; its model is loaded with the first question that is not in the cache.

    Args:
        name: a world whose judge comes with it, such as `demo`; a folder or hub id of a text-only model; or
            `openai:MODEL` for a model behind a server.
        base_url: address of the server; `None`: `OPENAI_BASE_URL`, else OpenAI's own.
        api_key_env: variable that holds its key, see `harness.judges.model.served_model`.
        cache_dir: folder of the answers on disk; `None`: the harness's cache folder.
        engine: for a checkpoint: `vllm`, `hf`, or `auto`: vLLM where it is installed and there is a GPU.
        option: how the user names the address of the server.

    Raises:
        ModelError: there is no such checkpoint, or it is not complete.
        UsageError: an address is not one, or OpenAI's own has no key.
    """
    if name.startswith(SERVED):
        budget = GENERAL.max_new_tokens
        return CaptionJudge(
            served_model(
                name,
                GENERAL.version,
                max_new_tokens=budget,
                option=option,
                base_url=base_url,
                api_key_env=api_key_env,
                cache_dir=cache_dir,
            )
        )
    world = worlds().get(name)
    checkpoint = resolve_checkpoint(world.judge if world is not None and world.judge else name)
    wording = trained_wording(checkpoint)
    model = local_model(
        checkpoint,
        name,
        wording.version,
        max_new_tokens=wording.max_new_tokens,
        use_vllm=engine == "vllm" or (engine == "auto" and wording is GENERAL and vllm_is_usable()),
        cache_dir=cache_dir,
    )
    return CaptionJudge(model, wording)


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
    """Whether the judge answers each sample right from its caption alone.

    Returns:
        `True`, `False`, or `None` where the judge failed. An empty caption, and one that gives the answer away instead
        of describing (`harness.judges.leaks`), supports nothing and is not asked about.
    """
    described = [_describes(sample, caption) for sample, caption in samples_with_captions]
    answers = iter(_answers(judge, list(compress(samples_with_captions, described))))
    return [
        False if not describes else None if (answer := next(answers)) is None else is_right(sample, answer)
        for describes, (sample, _) in zip(described, samples_with_captions, strict=True)
    ]


def caption_gains(judge: CaptionJudge, samples_with_captions: Sequence[tuple[Sample, str]]) -> list[int | None]:
    """What each caption adds to the judge's being right: whether it is right with it, minus whether it is without.

    Where the judge says that nothing follows from a caption, what it answers is what it guesses without one, so that a
    caption that tells nothing gains 0, whether the guess is right or not.

    Returns:
        1 where the judge is right because of the caption; 0 where the caption makes no difference, as an empty one; -1
        where the judge is right without it, and is misled by it, or is given the answer in place of a description
        (`harness.judges.leaks`); `None` where the judge failed.
    """
    asked: list[tuple[int, str | None]] = []
    for place, (sample, caption) in enumerate(samples_with_captions):
        if caption.strip():
            asked += [(place, None), (place, caption)] if _describes(sample, caption) else [(place, None)]
    answers = _answers(judge, [(samples_with_captions[place][0], caption) for place, caption in asked])
    found = dict(zip(asked, answers, strict=True))
    gains: list[int | None] = []
    for place, (sample, caption) in enumerate(samples_with_captions):
        guess, told = found.get((place, None), ""), found.get((place, caption), _LEAK)
        if guess is None or told is None:
            gains.append(None)
        else:
            gains.append(is_right(sample, told or guess) - is_right(sample, guess) if caption.strip() else 0)
    return gains


_LEAK: Final = "(given away)"
"""Stands for the answer from a caption that gives one away: right nowhere."""


def _describes(sample: Sample, caption: str) -> bool:
    return bool(caption.strip()) and not leaks_answer(caption, sample.answer_kind, sample.choices)


def _answers(judge: CaptionJudge, asked: Sequence[tuple[Sample, str | None]]) -> list[str | None]:
    """The judge's answers; empty where it says that none follows, or what cannot be read, `None` where it failed."""
    questions = [question_from_caption(sample, caption) for sample, caption in asked]
    answers: list[str | None] = []
    for question, text in zip(questions, judge.ask(questions), strict=True):
        answer = None if text is None else read_judgement(text, question) or ""
        answers.append("" if answer is not None and answer.strip().lower() in NOTHING else answer)
    return answers
