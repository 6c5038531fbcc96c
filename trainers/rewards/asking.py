"""Asking a judge while a model is trained: one that does not answer is retried, reported, and in the end an error.

Without it the caption reward of a whole run would give no signal, and the method would be plain GRPO in silence.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from harness.core.errors import ModelError
from trainers.console import say

if TYPE_CHECKING:
    from harness.core.types import JudgeQuestion
    from harness.judges.caption import CaptionJudge

LEAVE_OUT: Final = "set the rewards that ask it to 0 (rewards.caption, rewards.visual_facts)"
PATIENCE: Final = 3
"""Batches in a row without an answer after which rewards are not asked for any further."""


class WatchedJudge:
    """A judge whose failures are counted by batch.

    A batch failed where the judge could not be used, or answered none of its questions. What the cache answers says
    nothing about the judge.
    """

    def __init__(self, judge: CaptionJudge, *, tolerant: bool) -> None:
        """Watch a judge.

        Args:
            judge: the judge.
            tolerant: whether batches without an answer are no error where the judge still answers an easy question:
                then the questions are to blame, as where all are about one sample that is too long for it.
        """
        self._judge = judge
        self._tolerant = tolerant
        self._failed = 0
        self._warned = False

    def ask(self, questions: Sequence[JudgeQuestion]) -> list[str | None]:
        """The judge's text on each question, in order; `None` where it failed.

        The first of the batches in a row that failed prints a warning.

        Raises:
            ModelError: it was the third.
        """
        answers = self._judge.ask(questions)
        problem = self._judge.problem
        if None in answers and (problem is not None or not any(answer is not None for answer in answers)):
            self._count(len(answers), sum(answer is None for answer in answers))
        elif problem is None and answers:
            self._failed, self._warned = 0, False
        return answers

    def _count(self, asked: int, missing: int) -> None:
        self._failed += 1
        why = why_not(self._judge)
        if not self._warned:
            self._warned = True
            say(
                f"warning: the judge did not answer {missing} of the {asked} questions of a batch: {why} Their caption "
                f"reward gives no signal; {PATIENCE} such batches in a row end the run."
            )
        if self._failed < PATIENCE:
            return
        if self._tolerant and answers_now(self._judge):
            self._failed = 0
            return
        raise ModelError(
            f"the judge did not answer in {PATIENCE} batches in a row: {why} What was reached is kept; start the judge "
            f"again and give the same command, or {LEAVE_OUT}."
        )


def answers_now(judge: CaptionJudge) -> bool:
    """Whether a judge answers an easy question, asked in words that no cache knows."""
    from harness.core.types import JudgeQuestion

    question = JudgeQuestion(
        question="Is there a red circle in the image?",
        caption=f"red circle top {secrets.token_hex(4)}",
        answer_kind="yes_no",
        choices=None,
    )
    return judge.ask([question]) != [None]


def why_not(judge: CaptionJudge) -> str:
    """Why a judge does not answer, as a sentence."""
    return judge.problem or "no reason is known; perhaps the questions are too long for it, or its answers are cut off."
