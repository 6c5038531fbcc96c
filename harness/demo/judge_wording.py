"""How the demo's judge is asked: in the demo model's own chain, begun up to the caption."""

from __future__ import annotations

import re
from typing import Final

from harness.core.prompts import build_prompt
from harness.core.types import JudgePrompt, JudgeQuestion, Sample
from harness.core.worlds import JudgeWording
from harness.demo.world import SHAPES


def _word(question: JudgeQuestion) -> JudgePrompt:
    """The chain, begun up to the caption; reasoning is put where the model would write its own."""
    sample = Sample(
        id="judge",
        task="judge",
        target="",
        answer_kind=question.answer_kind,
        question=question.question,
        choices=question.choices,
    )
    told = (question.caption or "").strip()
    begun = f"<planning> {plan_for(question.question)} </planning> "
    if question.source == "reasoning":
        begun += f"<caption> </caption> <think> {told} </think> <answer>"
    else:
        begun += f"<caption> {told} </caption>" if told else "<caption> </caption>"
    return JudgePrompt(build_prompt(sample, "grounded"), begun)


def plan_for(question: str) -> str:
    """What the demo model plans to look for, from the question alone."""
    for pattern, plan in _PLANS:
        match = pattern.match(question)
        if match is not None:
            return plan.format(*match.groups())
    return "count all"


_NAMED: Final = rf"(\w+ (?:{'|'.join(SHAPES)}))\b"
_PLANS: Final = tuple(
    (re.compile(pattern), plan)
    for pattern, plan in (
        (r"(?:What color is the object|Which object is) at the ([\w-]+)", "look at the {0}"),
        (r"Which object changes (first|last)", "look for {0}"),
        (r"Which object (moves|turns|appears|disappears)", "look for {0}"),
        (rf".*?\b{_NAMED}", "look for {0}"),
    )
)

WORDING: Final = JudgeWording(version="demo-1", word=_word, max_new_tokens=32)
