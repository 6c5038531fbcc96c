"""Rewards: the evaluation's own verdict, the sections, the judge, and what happens when one misbehaves."""

import pytest

from harness.errors import UsageError
from harness.scoring import get_scoring
from harness.types import Response, Sample
from trainers.rewards import (
    Reward,
    RewardSettings,
    accuracy,
    build_rewards,
    caption_reward,
    format_reward,
    length_penalty,
    repetition_penalty,
    score_rollouts,
)
from trainers.rewards.scoring import RewardError

GROUNDED = "<planning>look</planning> <caption>a red dog</caption> <think>red</think> <answer>{}</answer>"


def sample(kind="yes_no", target="yes", choices=None, task="train"):
    return Sample(id="s", task=task, target=target, answer_kind=kind, question="Is it red?", choices=choices)


def response(text, tokens=10, **fields):
    return Response(sample_id="s", text=text, completion_tokens=tokens, **fields)


RESPONSES = [
    GROUNDED.format("yes"), GROUNDED.format("no"), "yes", "No.", "", "maybe", "The answer is (B).", "B", "A, B, C",
    "<think>yes", "<answer>3.50</answer>", "3.5", "about 7", "<answer>A</answer>", "yes or no",
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "target", "choices", "task"),
    [
        ("yes_no", "yes", None, "pope"),
        ("yes_no", "no", None, "videohallucer"),
        ("choice", "B", {"A": "cat", "B": "dog"}, "mmbench"),
        ("choice", "A", {"A": "cat", "B": "dog"}, "mmvu"),
        ("open", "3.5", None, "mmvu"),
    ],
)
def test_accuracy_is_the_evaluations_verdict(kind, target, choices, task):
    asked = sample(kind, target, choices)
    evaluated = sample(kind, target, choices, task)
    verdicts = [get_scoring(task).judge(evaluated, response(text)).status == "correct" for text in RESPONSES]
    assert accuracy([asked] * len(RESPONSES), [response(text) for text in RESPONSES]) == [float(v) for v in verdicts]
    assert len(set(verdicts)) == 2


def test_a_missing_response_has_no_reward():
    failed = response("", error="media: missing")
    assert accuracy([sample()], [failed]) == [None]
    assert format_reward("grounded")([sample()], [failed]) == [None]


@pytest.mark.parametrize(
    ("text", "reward"),
    [
        (GROUNDED.format("yes"), 1.0),
        (GROUNDED.format(""), 0.0),
        (GROUNDED.format("yes") + " and so on", 0.0),
        (GROUNDED.format("yes").replace("<planning>look</planning>", ""), 0.0),
        (GROUNDED.format("yes") * 2, 0.0),
        ("<caption>a</caption> <planning>look</planning> <think>red</think> <answer>yes</answer>", 0.0),
        ("<prethink>look</prethink> <caption>a</caption> <think>red</think> <answer>yes</answer>", 1.0),
    ],
)
def test_format_wants_each_section_once_and_in_order(text, reward):
    assert format_reward("grounded")([sample()], [response(text)]) == [reward]


def test_format_of_thinking():
    score = format_reward("think")
    assert score([sample()] * 2, [response("<think>a</think> <answer>b</answer>"), response("b")]) == [1.0, 0.0]


class FakeJudge:
    """Answers yes where the caption says red; fails on demand."""

    def __init__(self):
        self.questions = []

    def ask(self, questions):
        self.questions += questions
        return [None if "FAIL" in q.caption else ("yes" if "red" in q.caption else "no") for q in questions]


def test_caption_reward_is_the_judges_answer():
    judge = FakeJudge()
    captions = ["a red dog", "a blue dog", "FAIL", "", "the answer is yes, red"]
    responses = [response(f"<caption>{text}</caption><answer>no</answer>") for text in captions]
    assert caption_reward(judge)([sample()] * 5, responses) == [1.0, 0.0, None, 0.0, 0.0]
    assert [question.caption for question in judge.questions] == captions[
        :3
    ]  # An empty and a leaking one cost nothing.


def test_length_penalty_is_linear_beyond_the_soft_limit():
    score = length_penalty(100, 200)
    assert score([sample()] * 4, [response("", tokens) for tokens in (50, 100, 150, 400)]) == [0.0, 0.0, -0.5, -1.0]


def test_repetition_penalty_counts_repeated_spans():
    score = repetition_penalty(2)
    texts = ["a b c", "a b a b a b", "one"]
    # Bigrams: ab bc; ab ba ab ba ab, of which two are distinct; none.
    assert score([sample()] * 3, [response(text) for text in texts]) == [0.0, pytest.approx(-0.6), 0.0]


def test_total_is_weighted_and_missing_where_a_part_is():
    settings = RewardSettings(accuracy=1.0, format=0.1, caption=0.5)
    rewards = build_rewards(settings, prompt_format="grounded", max_tokens=64, judge=FakeJudge())
    failing = GROUNDED.format("yes").replace("a red dog", "FAIL")
    scored = score_rollouts(rewards, [sample()] * 2, [response(GROUNDED.format("yes")), response(failing)])
    assert scored[0].total == pytest.approx(1.6)
    assert scored[1].parts == {"accuracy": 1.0, "format": 1.0, "caption": None}
    assert scored[1].total is None


@pytest.mark.parametrize(
    ("score", "message"),
    [
        (lambda s, r: [float("nan")], "reward 'mine' is nan for sample 's'"),
        (lambda s, r: [float("inf")], "is inf"),
        (lambda s, r: [], "gave 0 values for 1"),
        (lambda s, r: 1 / 0, "reward 'mine' raised ZeroDivisionError"),
    ],
)
def test_a_reward_that_misbehaves_is_named(score, message):
    with pytest.raises(RewardError, match=message):
        score_rollouts([Reward(name="mine", weight=1.0, score=score)], [sample()], [response("yes")])


@pytest.mark.parametrize(
    ("changes", "arguments", "message"),
    [
        ({"accuracy": 0, "format": 0, "caption": 0}, {}, "every weight is 0"),
        ({"accuracy": float("nan")}, {}, "not a finite number"),
        ({}, {"judge": None}, "needs a judge"),
        ({}, {"prompt_format": "think"}, "needs captions"),
        ({"caption": 0}, {"prompt_format": "direct"}, "needs sections"),
        ({"length": 0.1, "length_soft": 64}, {}, "length_soft"),
    ],
)
def test_rewards_that_do_not_fit_are_refused(changes, arguments, message):
    given = {"prompt_format": "grounded", "max_tokens": 64, "judge": FakeJudge(), **arguments}
    with pytest.raises(UsageError, match=message):
        build_rewards(RewardSettings(**changes), **given)
