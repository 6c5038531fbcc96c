"""How the demo's judge is asked."""

from dataclasses import replace

import numpy as np
from support_diagnostics import draw_question

from harness.core.types import JudgeQuestion
from harness.demo.judge_wording import WORDING, plan_for
from harness.demo.questions import word_plan, word_question


def test_the_demo_judge_is_given_the_beginning_of_its_own_chain() -> None:
    question = JudgeQuestion(
        question="Is there a red circle in the image?", caption="red circle top", answer_kind="yes_no"
    )
    prompt = WORDING.word(question)
    assert prompt.user.startswith("Is there a red circle in the image?\nFirst plan between")
    assert prompt.begun == "<planning> look for red circle </planning> <caption> red circle top </caption>"
    assert WORDING.word(replace(question, caption=None)).begun.endswith("<caption> </caption>")
    thought = WORDING.word(replace(question, caption="red circle top", source="reasoning"))
    assert thought.begun.endswith("<think> red circle top </think> <answer>")


def test_the_demo_judge_plans_as_the_demo_model_does() -> None:
    rng = np.random.default_rng(0)
    for number in range(300):
        query, _ = draw_question(rng, ("pope", "videohallucer", "mmvu")[number % 3])
        assert plan_for(word_question(query)) == word_plan(query)
    assert plan_for("Which object changes first in the video?") == "look for first"
    assert plan_for("Which object moves in the video?") == "look for moves"
    assert plan_for("How many objects are in the image?") == "count all"
