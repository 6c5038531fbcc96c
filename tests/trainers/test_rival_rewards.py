"""Rewards of other published methods, on values that were computed by hand."""

import json
import weakref
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from harness.core.errors import DataError, UsageError
from harness.core.prompts import SECTIONS
from harness.core.types import Response, Sample
from harness.engines.checkpoints import resolve_checkpoint
from harness.engines.weights import load_model
from harness.judges.caption import caption_supports
from trainers.callbacks import CosineKl
from trainers.data.schema import example_from_row, row_from_example
from trainers.preparation import open_judge
from trainers.recipe import load_recipe
from trainers.rewards.functions import REWARDS, Setup, accuracy, format_reward
from trainers.rewards.rivals import hard_format, key_steps, step_validity, visual_facts

STEPPED = """\
### Image Description:
A right triangle.
### Rationales:
Pythagoras.
### Step 1:
The LEGS are 3 and 4.
### Step 2:
9 + 16 = 25, whose root is 5.
### The final answer is:
5"""
GROUNDED = "<planning>look</planning> <caption>a red dog</caption> <think>Legs 3 and 4</think> <answer>5</answer>"


def asked(**attributes):
    told = {name: json.dumps(value) for name, value in attributes.items()}
    return Sample(id="s", task="train", target="5", answer_kind="open", question="How long?", attributes=told)


def told(text):
    return Response(sample_id="s", text=text)


def value(reward, sample, text):
    (one,) = reward([sample], [told(text)])
    return one


def test_a_key_step_is_found_by_any_of_its_wordings_in_the_steps():
    sample = asked(key_steps=[["legs are 3 and 4"], ["hypotenuse", "root is 5"], ["right triangle"], ["the final"]])
    assert value(key_steps, sample, STEPPED) == 0.5  # Description and answer are no steps.
    assert value(key_steps, sample, STEPPED.replace("root is 5", "it is 5")) == 0.25
    assert value(key_steps, asked(key_steps=[["legs"], ["dog"]]), GROUNDED) == 0.5  # The thinking, not the caption.
    assert value(key_steps, asked(), STEPPED) is None
    assert key_steps([sample], [Response(sample_id="s", text="", error="media: missing")]) == [None]


@pytest.mark.parametrize(
    ("text", "reward"),
    [
        (STEPPED, 1.0),
        (STEPPED.replace("### Rationales:", ""), 0.0),
        (STEPPED.replace("### Step 2:", "### Step 3:"), 0.0),
        (STEPPED.replace("### Step 1:", "### Step 0:"), 0.0),
        ("### The final answer is:\n5\n" + STEPPED.replace("### The final answer is:\n5", ""), 0.0),
        (GROUNDED, 1.0),
        (GROUNDED.replace("<caption>a red dog</caption> ", ""), 0.0),
        ("5", 0.0),
    ],
)
def test_steps_are_valid_where_all_is_there_and_in_order(text, reward):
    assert value(step_validity(SECTIONS["grounded"]), asked(), text) == reward


def test_a_response_without_steps_is_valid_in_the_sections_that_are_asked_for():
    thought = "<think>Legs 3 and 4</think> <answer>5</answer>"
    assert value(step_validity(SECTIONS["think"]), asked(), thought) == 1.0
    assert value(step_validity(SECTIONS["direct"]), asked(), "5") == 0.0
    assert value(step_validity(SECTIONS["direct"]), asked(), STEPPED) == 1.0


class Judge:
    """Says yes to what the caption holds word for word, and fails on what it is told to."""

    problem = None

    def __init__(self, fails=()):
        self.asked, self.fails = [], fails

    def ask(self, questions):
        self.asked += questions
        return [
            None
            if each.question in self.fails
            else "yes"
            if "red dog" in each.caption and "red" in each.question
            else "no"
            for each in questions
        ]


def test_a_loop_costs_twice_a_right_answer_in_perception_r1():
    rewards = load_recipe("demo/grpo", ["methods/perception_r1"]).rewards
    assert (rewards.repetition, rewards.repetition_span) == (2.0, 20)  # `ngram_max_penalty` -2, `ngram_size` 20.


def test_visual_facts_are_the_share_that_the_judge_finds():
    judge = Judge()
    reward = visual_facts(judge)
    sample = asked(facts=["The dog is red.", "Is there a cat?"])
    assert value(reward, sample, GROUNDED) == 0.5
    assert [(each.question, each.caption) for each in judge.asked] == [
        ("Is this said: The dog is red.", "a red dog"),
        ("Is there a cat?", "a red dog"),
    ]
    assert value(reward, sample, "I see a red dog.") == 0.5
    assert value(reward, asked(), GROUNDED) is None
    assert value(visual_facts(Judge(fails=["Is there a cat?"])), sample, GROUNDED) is None
    with pytest.raises(UsageError, match=r"rewards\.visual_facts needs a judge"):
        visual_facts(None)


def test_hard_format_is_whole_or_nothing_though_accuracy_is_graded():
    recipe = load_recipe("demo/grpo", ["accuracy.graded=true"])
    reward = REWARDS["hard_format"](Setup(recipe=recipe, max_tokens=9, judge=None))
    near = replace(asked(), target="a red car", attributes={"grade": "free_form"})
    assert value(reward, near, GROUNDED.replace("<answer>5", "<answer>a red dog")) == 0.0


def test_hard_format_wants_both_at_once():
    reward = hard_format(accuracy, format_reward("grounded"))
    assert value(reward, asked(), GROUNDED) == 1.0
    assert value(reward, asked(), GROUNDED.replace("<answer>5", "<answer>6")) == 0.0
    assert value(reward, asked(), "<answer>5</answer>") == 0.0


ROW = {"id": 1, "question": "How long?", "answer": "5", "answer_kind": "open"}


def test_rows_keep_key_steps_and_facts():
    row = {**ROW, "key_steps": ["legs", ["root", "hypotenuse"]], "facts": ["A triangle."]}
    kept = row_from_example(example_from_row(row, "here"))
    assert kept["key_steps"] == [["legs"], ["root", "hypotenuse"]]
    assert kept["facts"] == ["A triangle."]
    assert row_from_example(example_from_row(kept, "here")) == kept
    with pytest.raises(DataError, match="here: field 'key_steps': a key step has no wording"):
        example_from_row({**ROW, "key_steps": [[]]}, "here")
    with pytest.raises(DataError, match="here: field 'facts': expected a list of statements, got"):
        example_from_row({**ROW, "facts": "A triangle."}, "here")


def test_the_policy_judges_its_own_captions_as_it_is_at_the_moment():
    checkpoint = resolve_checkpoint("demo")
    recipe = load_recipe("demo/grpo", ["judge.model=policy", "rewards.caption=0.1", "caption.minus_blind=false"])
    judge = open_judge(recipe)
    seen = Sample(
        id="s", task="train", target="yes", answer_kind="yes_no", question="Is there a green star in the image?"
    )
    captions = [(seen, "green star left ; purple square center"), (seen, "red circle left"), (seen, "")]
    before = caption_supports(judge, captions)
    assert before == [True, False, False]
    model = load_model(checkpoint, dtype=torch.float32).train()
    judge.follow(model, sharded=False)
    random = torch.get_rng_state()
    assert caption_supports(judge, captions) == before
    assert torch.equal(torch.get_rng_state(), random)
    assert model.training
    with torch.no_grad():
        for weight in model.parameters():
            weight.zero_()
    assert caption_supports(judge, captions) == [False, False, False]  # Nothing is remembered.
    judge.close()


def test_a_policy_that_was_judge_is_let_go_of():
    """Asked or not: it would stay on the GPU beside what evaluates it."""
    judge = open_judge(load_recipe("demo/grpo", ["judge.model=policy"]))
    model = torch.nn.Linear(1, 1)
    held = weakref.ref(model)
    judge.follow(model, sharded=False)
    del model
    assert held() is not None
    judge.close()
    assert held() is None


def test_the_weight_of_kl_falls_along_half_a_cosine():
    trainer = SimpleNamespace(beta=0.04)
    callback = CosineKl(trainer)
    betas = []
    for step in (0, 1, 2, 3):
        callback.on_step_begin(None, SimpleNamespace(global_step=step, max_steps=4), None)
        betas.append(trainer.beta)
    assert betas == pytest.approx([0.04, 0.034142, 0.02, 0.005858], abs=1e-6)
