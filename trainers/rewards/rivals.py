"""Rewards of other published methods, in their definitions; standard library only.

- R1-VL (StepGRPO; github.com/jingyi0000/R1-VL, `src/r1-vl/src/open_r1/grpo.py`): `key_steps`, `step_validity`.
- Perception-R1 (github.com/tongxiao2002/Perception-R1, `verl/utils/reward_score/math_with_visual.py`): `visual_facts`.
- Vision-R1 (github.com/Osilly/Vision-R1): `hard_format`.

Where they differ from their sources is said at each.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, cast

from harness.answers.sections import SectionName, split_sections
from harness.core.errors import UsageError
from harness.core.types import JudgeQuestion, Response, Sample
from trainers.data import FACTS, KEY_STEPS
from trainers.rewards import Score
from trainers.rewards.asking import WatchedJudge

if TYPE_CHECKING:
    from harness.judges.caption import CaptionJudge

_STEP: Final = re.compile(r"### Step (\d+):\s*(.*?)(?=\n###|\Z)", re.DOTALL)
_PARTS: Final = ("### Image Description:", "### Rationales:", "### Step 1:", "### The final answer is:")


def key_steps(samples: Sequence[Sample], responses: Sequence[Response]) -> list[float | None]:
    """StepRAR: the share of a row's key steps that the response's reasoning holds, 0 to 1.

    A key step is found where any of its wordings is part of the text of all steps (`### Step 1:` and so on); the case
    of letters does not count. A response without such steps is held by its `<think>`, so that it can be used with the
    sections, too. A row without key steps gives no signal (in the source it earns 0: the same for its whole group).
    """
    return [
        None if response.error is not None or KEY_STEPS not in sample.attributes else _found(sample, response.text)
        for sample, response in zip(samples, responses, strict=True)
    ]


def _found(sample: Sample, text: str) -> float:
    steps = [match[2] for match in _STEP.finditer(text)] or [split_sections(text).think or ""]
    reasoning = " ".join(steps).lower()
    wanted: list[list[str]] = json.loads(sample.attributes[KEY_STEPS])
    return sum(any(wording.lower() in reasoning for wording in step) for step in wanted) / len(wanted)


def step_validity(sections: tuple[SectionName, ...]) -> Score:
    """StepRVR: 1 where description, rationales, steps and answer are all there, the steps 1 to n in order, else 0.

    They are told by the source's headings, `### Image Description:`, `### Rationales:`, `### Step 1:` and
    `### The final answer is:`, and the answer follows the last step. A response without steps is valid where it is
    exactly the sections that the prompt asks for.

    Args:
        sections: those; empty where it asks for none.
    """

    def score(samples: Sequence[Sample], responses: Sequence[Response]) -> list[float | None]:
        return [None if each.error is not None else float(_is_valid(each.text, sections)) for each in responses]

    return score


def _is_valid(text: str, sections: tuple[SectionName, ...]) -> bool:
    steps = list(_STEP.finditer(text))
    if not steps:
        return bool(sections) and split_sections(text).is_well_formed(sections)
    numbers = [int(match[1]) for match in steps]
    return (
        all(part in text for part in _PARTS)
        and numbers == [*range(1, len(numbers) + 1)]
        and text.index(_PARTS[-1]) > steps[-1].start()
    )


def visual_facts(judge: CaptionJudge | None, *, tolerant: bool = False) -> Score:
    """The share of a row's annotated facts that the judge finds in a response, 0 to 1: in its caption, if it has one.

    A fact is a statement; one that is written as a question is asked as it stands, and found where the judge says yes.
    The judge is asked one fact at a time (in the source all of a row at once), and remembers its answers. A row without
    facts gives no signal, nor does one of which the judge failed on any.

    Args:
        judge: sees no picture.
        tolerant: see `WatchedJudge`.

    Raises:
        UsageError: there is no judge.
    """
    from harness.judges.caption import read_judgement

    if judge is None:
        raise UsageError("rewards.visual_facts needs a judge: set judge.model (a checkpoint or openai:MODEL).")
    watched = cast("CaptionJudge", WatchedJudge(judge, tolerant=tolerant))  # Nothing but `ask` is called.

    def score(samples: Sequence[Sample], responses: Sequence[Response]) -> list[float | None]:
        asked = [
            [] if response.error is not None else _questions(sample, response.text)
            for sample, response in zip(samples, responses, strict=True)
        ]
        flat = [question for questions in asked for question in questions]
        told = zip(flat, watched.ask(flat) if flat else [], strict=True)
        answers = iter([None if text is None else read_judgement(text, question) == "yes" for question, text in told])
        return [_share([next(answers) for _ in questions]) for questions in asked]

    return score


def _questions(sample: Sample, text: str) -> list[JudgeQuestion]:
    facts: list[str] = json.loads(sample.attributes.get(FACTS, "[]"))
    seen = split_sections(text).caption or text
    return [
        JudgeQuestion(
            question=fact if fact.endswith("?") else f"Is this said: {fact}", caption=seen, answer_kind="yes_no"
        )
        for fact in facts
    ]


def _share(found: Sequence[bool | None]) -> float | None:
    known = [one for one in found if one is not None]
    return sum(known) / len(known) if found and len(known) == len(found) else None


def hard_format(accuracy: Score, form: Score) -> Score:
    """1 where the answer is right and the response in the format asked for, else 0: both at once, not their sum.

    Args:
        accuracy: the accuracy reward.
        form: the format reward.
    """

    def score(samples: Sequence[Sample], responses: Sequence[Response]) -> list[float | None]:
        pairs = zip(accuracy(samples, responses), form(samples, responses), strict=True)
        return [None if right is None or formed is None else right * formed for right, formed in pairs]

    return score
