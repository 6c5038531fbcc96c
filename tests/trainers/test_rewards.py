"""Rewards: the evaluation's own verdict, the sections, the judge, and what happens when one misbehaves."""

import sys

import pytest
from hostile_server import Answer, HostileServer

from harness.benchmarks.registry import get_benchmark
from harness.core.errors import ModelError, UsageError
from harness.core.types import Response, Sample
from harness.engines import http_client
from trainers.preparation import open_judge
from trainers.recipe import as_yaml, load_recipe
from trainers.reward_settings import JudgeSettings, RewardSettings
from trainers.rewards.functions import (
    Reward,
    Setup,
    accuracy,
    caption_reward,
    format_reward,
    length_penalty,
    repetition_penalty,
)
from trainers.rewards.graded import graded_accuracy, rouge, word_error_rate
from trainers.rewards.scoring import RewardError, build_rewards, load_function, score_missing

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
    verdicts = [get_benchmark(task).judge(evaluated, response(text)).status == "correct" for text in RESPONSES]
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
        (GROUNDED.format("yes").replace("<think>red", "<think>red <answer>no</answer>"), 0.0),
        (GROUNDED.format("yes").replace("<think>red", "<think>red <answer>"), 0.0),
        (GROUNDED.format("yes").replace("<think>red", "<think>red <think>"), 0.0),
        (GROUNDED.format("<answer>yes"), 0.0),
        ("<prethink>look</prethink> <caption>a</caption> <think>red</think> <answer>yes</answer>", 1.0),
    ],
)
def test_format_wants_each_section_once_and_in_order(text, reward):
    assert format_reward("grounded")([sample()], [response(text)]) == [reward]


def test_format_of_thinking():
    score = format_reward("think")
    texts = ["<think>a</think> <answer>b</answer>", "b", "a</think> <answer>b</answer>"]
    texts += [
        "a <answer>c</answer> d</think> <answer>b</answer>",
        "<think>a <answer>c</answer></think><answer>b</answer>",
    ]
    assert score([sample()] * 5, [response(text) for text in texts]) == [1.0, 0.0, 1.0, 0.0, 0.0]


def graded(grade, target, text):
    asked = Sample(
        id="s", task="train", target=target, answer_kind="open", question="What?", attributes={"grade": grade}
    )
    (value,) = graded_accuracy([asked], [response(text)])
    return value


@pytest.mark.parametrize(
    ("grade", "target", "answer", "reward"),
    [
        ("numerical", "3.14", "3.144", 1.0),  # Closer than half of a hundredth.
        ("numerical", "3.14", "3.146", 0.0),
        ("numerical", "3", "3.0 cm", 1.0),
        ("numerical", "0.0012", "0.0013", 0.0),  # Two decimals would call them equal.
        ("numerical", "0.0012", "0.00124", 1.0),
        ("numerical", "3 kg", "3 m", 0.0),
        ("numerical", "1/3", "one third", 1.0),
        ("regression", "50", "45", 0.9),
        ("regression", "50", "200", 0.0),
        ("regression", "-4", "-5 m", 0.75),
        ("regression", "5 km", "5 kg", 0.0),
        ("regression", "0", "0.0", 1.0),
        ("regression", "0", "1", 0.0),
        ("regression", "50", "many", 0.0),
        ("ocr", "EXIT ONLY LEFT LANE", "EXIT ONLY LANE", 0.75),  # One of four words is left out.
        ("ocr", "EXIT ONLY LEFT LANE", "exit ONLY RIGHT LANE", 0.5),
        ("ocr", "EXIT", "EXIT EXIT EXIT", 0.0),
        # 5 of 6 words, 3 of 5 bigrams, 5 words in order: (5/6 + 3/5 + 5/6) / 3.
        ("free_form", "The cat sat on the mat.", "the cat is on the mat", (5 / 6 + 3 / 5 + 5 / 6) / 3),
        ("free_form", "a black dog", "a dog", (4 / 5 + 0 + 4 / 5) / 3),
        ("free_form", "dog", "Dog!", 1.0),
        ("free_form", "dog", "cat", 0.0),
    ],
)
def test_graded_answers_earn_what_the_definitions_say(grade, target, answer, reward):
    assert graded(grade, target, f"<think>{target}</think><answer>{answer}</answer>") == pytest.approx(reward, abs=1e-6)


def test_graded_rewards_begin_where_there_is_an_answer():
    assert [graded(grade, "4", "<think>4") for grade in ("numerical", "regression", "ocr", "free_form")] == [0.0] * 4
    assert graded_accuracy([sample()] * 2, [response("yes"), response("", error="media")]) == [1.0, None]
    assert (word_error_rate("", "a b"), word_error_rate("a", ""), rouge("", "a"), rouge("", "")) == (1.0, 1.0, 0.0, 0.0)


def test_what_is_graded_is_a_setting():
    asked = Sample(
        id="s", task="train", target="50", answer_kind="open", question="?", attributes={"grade": "regression"}
    )
    for setting, reward in (("false", 0.0), ("true", 0.9)):
        recipe = load_recipe("demo/grpo", [f"accuracy.graded={setting}", "rewards.format=0"])
        (only,) = build_rewards(Setup(recipe=recipe, max_tokens=8, judge=None))
        assert only.score([asked], [response("<answer>45</answer>")]) == [pytest.approx(reward)]


class FakeJudge:
    """Answers yes where the caption says red; fails on demand."""

    problem = None

    def __init__(self):
        self.questions = []

    def ask(self, questions):
        self.questions += questions
        captions = [q.caption or "" for q in questions]
        return [None if "FAIL" in text else ("yes" if "red" in text else "no") for text in captions]


def test_caption_reward_is_the_judges_answer():
    judge = FakeJudge()
    captions = ["a red dog", "a blue dog", "FAIL", "", "the answer is yes, red"]
    responses = [response(f"<caption>{text}</caption><answer>no</answer>") for text in captions]
    assert caption_reward(judge, minus_blind=False)([sample()] * 5, responses) == [1.0, 0.0, None, 0.0, 0.0]
    assert [question.caption for question in judge.questions] == captions[
        :3
    ]  # An empty and a leaking one cost nothing.


class OpenJudge:
    """Says yes or no where the caption tells, else that it cannot be told; without a caption it guesses yes."""

    problem = None

    def __init__(self):
        self.blind = 0

    def ask(self, questions):
        self.blind += sum(question.caption is None for question in questions)
        return [
            "yes" if q.caption is None else next((w for w in ("yes", "no") if f"tells {w}" in q.caption), "unknown")
            for q in questions
        ]


def test_a_caption_earns_only_what_the_judge_would_not_guess():
    captions = ["tells yes", "tells no", "an image", "", "tells no; the answer is no"]
    for target, rewards in (("yes", [0.0, -1.0, 0.0, 0.0, -1.0]), ("no", [0.0, 1.0, 0.0, 0.0, 0.0])):
        judge = OpenJudge()
        assert caption_reward(judge)([sample(target=target)] * 5, told(*captions)) == rewards
    assert caption_reward(judge)([sample()], [response("", error="media")]) == [None]


def test_without_a_judgement_of_the_question_alone_there_is_no_signal():
    class Deaf(OpenJudge):
        def ask(self, questions):
            answers = super().ask(questions)
            return [None if q.caption is None else text for q, text in zip(questions, answers, strict=True)]

    assert caption_reward(Deaf())([sample()] * 3, told("tells yes", "", "so the answer is no")) == [None, 0.0, None]


class FailingJudge(FakeJudge):
    """Answers nothing but what it remembers while it is down."""

    def __init__(self, problem="connection refused."):
        super().__init__()
        self.down, self.why = True, problem

    def ask(self, questions):
        known = [self.down is False or "known" in (q.caption or "") for q in questions]
        if not all(known) or not self.down:
            self.problem = self.why if self.down else None
        return [answer if ok else None for answer, ok in zip(super().ask(questions), known, strict=True)]


def told(*captions):
    return [response(f"<caption>{text}</caption>") for text in captions]


def test_a_judge_that_is_down_is_reported_once_and_then_an_error(capsys):
    judge = FailingJudge()
    score = caption_reward(judge, minus_blind=False)
    assert score([sample()] * 3, told("a red dog", "red", "")) == [None, None, 0.0]
    assert score([sample()] * 2, told("a red dog", "a known red dog")) == [None, 1.0]  # From the cache: still down.
    assert score([sample()], told("a known red dog")) == [1.0]  # Nothing was asked.
    warning = capsys.readouterr().err
    assert warning.startswith("warning: the judge did not answer 2 of the 2 questions of a batch: connection refused. ")
    assert warning.count("\n") == 1
    with pytest.raises(ModelError, match="did not answer in 3 batches in a row: connection refused"):
        score([sample()], told("a blue dog"))


def test_a_judge_that_comes_back_in_time_is_no_error(capsys):
    judge = FailingJudge()
    score = caption_reward(judge, minus_blind=False)
    for _ in range(3):
        judge.down = True
        assert [score([sample()], told("a red dog")) for _ in range(2)] == [[None]] * 2
        judge.down = False
        assert score([sample()], told("a red dog")) == [1.0]
    assert capsys.readouterr().err.count("warning") == 3


def test_single_questions_without_an_answer_are_no_outage(capsys):
    score = caption_reward(FakeJudge(), minus_blind=False)
    for _ in range(9):
        assert score([sample()] * 2, told("FAIL", "a red dog")) == [None, 1.0]
    assert capsys.readouterr().err == ""


def test_a_judge_that_answers_nothing_asked_is_an_error_unless_the_questions_are_to_blame(capsys):
    strict, tolerant = (caption_reward(FakeJudge(), tolerant=value, minus_blind=False) for value in (False, True))
    for _ in range(2):
        assert strict([sample()], told("FAIL")) == [None]
    with pytest.raises(ModelError, match="no reason is known"):
        strict([sample()], told("FAIL"))
    capsys.readouterr()
    for _ in range(9):
        assert tolerant([sample()], told("FAIL")) == [None]
    assert capsys.readouterr().err.count("warning") == 1
    down = caption_reward(FailingJudge(None), tolerant=True, minus_blind=False)
    with pytest.raises(ModelError, match="did not answer"):
        [down([sample()], told("red")) for _ in range(3)]


def test_a_served_judge_that_is_down_at_the_start_is_an_error_whatever_is_remembered(tmp_path, monkeypatch):
    monkeypatch.setattr(http_client, "_FIRST_DELAY_S", 0.001)
    monkeypatch.setattr(http_client, "_LONGEST_DELAY_S", 0.01)
    with HostileServer(lambda *_: Answer(text="no")) as server:
        recipe = load_recipe(
            "demo/method", ["judge.model=openai:m", f"judge.base_url={server.base_url}", f"judge.cache={tmp_path}"]
        )
        for _ in range(2):
            open_judge(recipe).close()
        assert len(server.bodies) == 2
    with pytest.raises(ModelError, match=r"the judge 'openai:m' does not answer: .*Start it"):
        open_judge(recipe)
    open_judge(recipe, ask=False).close()
    with pytest.raises(UsageError, match="needs a judge"):
        open_judge(recipe.model_copy(update={"judge": JudgeSettings()}))


def test_length_penalty_is_linear_beyond_the_soft_limit():
    score = length_penalty(100, 200)
    assert score([sample()] * 4, [response("", tokens) for tokens in (50, 100, 150, 400)]) == [0.0, 0.0, -0.5, -1.0]


def test_repetition_penalty_counts_repeated_spans():
    score = repetition_penalty(2)
    texts = ["a b c", "a b A b a B", "one"]
    # Bigrams: ab bc; ab ba ab ba ab, of which two are distinct; none.
    assert score([sample()] * 3, [response(text) for text in texts]) == [0.0, pytest.approx(-0.6), 0.0]


def built(settings, prompt="grounded", **changes):
    recipe = load_recipe("demo/method").model_copy(update={"rewards": settings, "prompt": prompt})
    return build_rewards(Setup(**{"recipe": recipe, "max_tokens": 64, "judge": FakeJudge(), **changes}))


def score_rollouts(rewards, samples, responses):
    scored, failure = score_missing(rewards, samples, responses, [{}] * len(samples))
    if failure is not None:
        raise failure
    return scored


def test_total_is_weighted_and_missing_where_a_part_is():
    settings = RewardSettings(accuracy=1.0, format=0.1, caption=0.5)
    rewards = built(settings)
    failing = GROUNDED.format("yes").replace("a red dog", "FAIL")
    scored = score_rollouts(rewards, [sample()] * 2, [response(GROUNDED.format("yes")), response(failing)])
    assert scored[0].total == pytest.approx(1.6)
    assert scored[1].parts == {"accuracy": 1.0, "format": 1.0, "caption": None}
    assert scored[1].total is None


def test_what_is_known_of_a_response_is_not_scored_again():
    asked = []

    def count(samples, responses):
        asked.append(len(responses))
        return [0.5] * len(responses)

    def breaks(samples, responses):
        raise RewardError("broken")

    rewards = [Reward(name="one", weight=2.0, score=count), Reward(name="two", weight=1.0, score=count)]
    known = [{"one": 1.0, "two": None}, {"one": None, "two": None}, {"one": 1.0, "two": 0.0}]
    scored, failure = score_missing(rewards, [sample()] * 3, [response("yes")] * 3, known)
    assert [item.total for item in scored] == [2.5, 1.5, 2.0]
    assert asked == [1, 2]
    assert failure is None
    rewards[0] = Reward(name="one", weight=2.0, score=breaks)
    scored, failure = score_missing(rewards, [sample()] * 3, [response("yes")] * 3, known)
    assert [item.total for item in scored] == [2.5, None, 2.0]
    assert scored[1].parts == {"one": None, "two": 0.5}
    assert str(failure) == "broken"


@pytest.mark.parametrize(
    ("score", "message"),
    [
        (lambda s, r: [float("nan")], "reward 'mine' is nan for sample 's'"),
        (lambda s, r: [float("inf")], "is inf"),
        (lambda s, r: ["1"], "is '1' for sample 's', neither a finite number nor None"),
        (lambda s, r: None, "raised TypeError: 'NoneType' object is not iterable"),
        (lambda s, r: [], "gave 0 values for 1"),
        (lambda s, r: 1 / 0, "reward 'mine' raised ZeroDivisionError"),
        (lambda s, r: sys.exit("no picture"), "reward 'mine' raised SystemExit: no picture"),
        (lambda s, r: [10**5000], "is too large for a float for sample 's', neither a finite number nor None"),
    ],
)
def test_a_reward_that_misbehaves_is_named(score, message):
    with pytest.raises(RewardError, match=message):
        score_rollouts([Reward(name="mine", weight=1.0, score=score)], [sample()], [response("yes")])


@pytest.mark.parametrize(
    ("changes", "arguments", "message"),
    [
        ({"accuracy": 0, "format": 0, "caption": 0}, {}, "every weight is 0"),
        ({}, {"judge": None}, "needs a judge"),
        ({}, {"prompt": "think"}, "needs captions"),
        ({"caption": 0}, {"prompt": "direct"}, "needs sections"),
        ({"length": 0.1, "length_soft": 64}, {}, "length_soft"),
    ],
)
def test_rewards_that_do_not_fit_are_refused(changes, arguments, message):
    with pytest.raises(UsageError, match=message):
        built(RewardSettings(**changes), **arguments)


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """A module of the user's in the current folder."""
    (tmp_path / "toy_rewards.py").write_text(
        "NUMBER = 1\n"
        "def brief(samples, responses):\n"
        "    return [None if r.error else float(len(r.text) < 4) for r in responses]\n"
        "def breaks(samples, responses):\n    raise LookupError(samples[0].target)\n"
    )
    (tmp_path / "broken_rewards.py").write_text("1 / 0\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    for name in ("toy_rewards", "broken_rewards"):
        sys.modules.pop(name, None)


def test_a_users_function_is_a_reward_by_its_name(toy):
    recipe = load_recipe("demo/grpo", ["rewards.toy_rewards:brief=0.5", "rewards.repetition=1"])
    assert recipe.rewards.weights() == {"accuracy": 1.0, "format": 0.1, "repetition": 1.0, "toy_rewards:brief": 0.5}
    (toy / "stored.yaml").write_text(as_yaml(recipe))
    assert load_recipe(str(toy / "stored.yaml")) == recipe
    rewards = built(recipe.rewards, judge=None)
    asked = [sample()] * 3
    scored = score_rollouts(rewards, asked, [response("yes"), response("it is"), response("", error="media: missing")])
    assert [item.parts["toy_rewards:brief"] for item in scored] == [1.0, 0.0, None]
    assert scored[0].total == pytest.approx(1.0 + 0.5)
    assert (
        load_recipe("demo/grpo", ["rewards.some.package.module:function=2"]).rewards.weights()[
            "some.package.module:function"
        ]
        == 2.0
    )


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no_such_module:brief", r"rewards\.no_such_module:brief: the module 'no_such_module' cannot be imported"),
        ("broken_rewards:brief", "cannot be imported: ZeroDivisionError"),
        ("toy_rewards:brif", "rewards.toy_rewards:brif: module 'toy_rewards' has no attribute 'brif'"),
        ("toy_rewards:NUMBER", "is a int, not a function"),
    ],
)
def test_a_users_function_that_is_not_there_is_named(name, message, toy):
    with pytest.raises(UsageError, match=message):
        load_function(name)


def test_a_users_function_that_breaks_is_the_users_mistake(toy):
    settings = RewardSettings(accuracy=0, format=0, caption=0, **{"toy_rewards:breaks": 1.0})
    rewards = built(settings, prompt="direct", judge=None)
    with pytest.raises(RewardError, match="reward 'toy_rewards:breaks' raised LookupError: yes") as caught:
        score_rollouts(rewards, [sample()], [response("yes")])
    assert caught.value.exit_code == 2
