"""The policy as its own judge: the model that is trained answers from its caption alone, without the picture.

That is the caption reward of Visionary-R1 (github.com/maifoundations/Visionary-R1), but for how the policy is asked: in
its own format, its response begun up to the caption, where the source has a prompt of its own. Imported lazily only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from trl import GRPOConfig

from harness.core.errors import UsageError
from harness.core.prompts import build_prompt
from harness.core.types import JudgePrompt, JudgeQuestion, Sample
from harness.core.worlds import JudgeWording
from harness.engines.checkpoints import Checkpoint
from harness.evaluation.live import undisturbed
from harness.judges.caption import CaptionJudge
from harness.judges.local import TransformersJudge
from harness.judges.model import JudgeModel
from trainers.settings import POLICY, Recipe


class PolicyJudge(CaptionJudge):
    """A judge that changes as the policy does; its answers are not kept."""

    def __init__(self, recipe: Recipe, checkpoint: Checkpoint) -> None:
        """Ask the start until training begins.

        Args:
            recipe: what the model is asked to write.
            checkpoint: that training starts from.

        Raises:
            UsageError: it is not asked for captions.
        """
        if recipe.prompt != "grounded":
            raise UsageError("judge.model=policy judges captions: set prompt=grounded, or name another judge.")
        budget = recipe.train.get("max_completion_length") or GRPOConfig.max_completion_length
        wording = JudgeWording(version=POLICY, word=_word, max_new_tokens=budget)
        self._policy = _Policy(checkpoint, budget)
        super().__init__(JudgeModel(lambda: self._policy, identity=POLICY), wording)

    def follow(self, model: Any, *, sharded: bool) -> None:
        """Ask this model from now on.

        Args:
            model: the one that is trained.
            sharded: its weights are, or will be, divided among processes.

        Raises:
            UsageError: they are.
        """
        check_whole(sharded=sharded)
        self._policy.model, self._policy.judge = model, None

    def close(self) -> None:
        """Let go of the model, asked or not. Idempotent."""
        super().close()
        self._policy.close()


def check_whole(*, sharded: bool) -> None:
    """Refuse a policy that cannot be asked.

    Raises:
        UsageError: its weights are divided.
    """
    if sharded:
        raise UsageError(
            "judge.model=policy: the model's weights are divided among processes (ZeRO, FSDP): it cannot be asked. "
            "Name another judge, or train with replicas."
        )


def _word(question: JudgeQuestion) -> JudgePrompt:
    """The question as the model is asked it, and its response up to the end of the caption."""
    sample = Sample(
        id=POLICY,
        task=POLICY,
        target="",
        answer_kind=question.answer_kind,
        question=question.question,
        choices=question.choices,
    )
    begun = f"<planning> </planning> <caption> {(question.caption or '').strip()} </caption>"
    return JudgePrompt(build_prompt(sample, "grounded"), begun)


class _Policy:
    """The model, asked as a judge is (`harness.judges.model.Backend`)."""

    problem: str | None = None

    def __init__(self, checkpoint: Checkpoint, max_new_tokens: int) -> None:
        self.model: Any = None
        self.judge: TransformersJudge | None = None
        self._checkpoint, self._budget = checkpoint, max_new_tokens

    def complete(self, prompts: Sequence[JudgePrompt]) -> Iterator[tuple[int, str | None]]:
        if self.judge is None:
            self.judge = TransformersJudge(self._checkpoint, max_new_tokens=self._budget, sees=True, model=self.model)
        if self.model is None:
            return self.judge.complete(prompts)
        with undisturbed(self.model):
            self.model.eval()
            return iter(list(self.judge.complete(prompts)))

    def close(self) -> None:
        self.model = self.judge = None
