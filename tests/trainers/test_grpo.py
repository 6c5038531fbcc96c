"""The parts of the GRPO trainer that need no model: missing rewards, image pads, rewards in TRL's form, warnings."""

import json
import math
import random
from types import SimpleNamespace

import pytest
import torch
from trl import GRPOTrainer

from harness.core.types import Sample
from trainers.callbacks import Watch
from trainers.curves import draw_curves
from trainers.data.schema import Example, row_from_example
from trainers.extensions import Extension
from trainers.grpo import ExtendedGRPOTrainer, TrainingError
from trainers.image_pads import collapse_pads, mend_image_pads
from trainers.rewards import in_trl
from trainers.rewards.functions import Reward
from trainers.rewards.in_trl import as_trl_reward, fill_missing
from trainers.rewards.scoring import add_up_group

NAN = math.nan


def test_missing_rewards_take_the_mean_of_their_group():
    rewards = torch.tensor([[1.0, NAN], [0.0, 1.0], [1.0, 0.0], [NAN, NAN], [1.0, NAN], [0.0, NAN]])
    filled = fill_missing(rewards, 3)
    expected = [[1.0, 0.5], [0.0, 1.0], [1.0, 0.0], [NAN, NAN], [1.0, NAN], [0.0, NAN]]
    torch.testing.assert_close(filled, torch.tensor(expected), equal_nan=True)


def test_a_selection_sums_rewards_as_training_does():
    draw = random.Random(0)
    for _ in range(200):
        count, weights = draw.randrange(1, 6), [draw.choice((0.1, 1.0, 0.5)) for _ in range(3)]
        group = [[draw.choice((None, 0.0, 1.0, 0.3)) for _ in weights] for _ in range(count)]
        known = torch.tensor([[NAN if part is None else part for part in parts] for parts in group])
        filled = fill_missing(known, count)
        kept = filled[~filled.isnan().all(1)]
        assert add_up_group(weights, group) == pytest.approx((kept * torch.tensor(weights)).nansum(1).tolist())


def test_pads_collapse_by_run():
    assert collapse_pads([1, 7, 7, 7, 2, 7, 7, 8, 8, 3, 3], {7, 8}) == [1, 7, 2, 7, 8, 3, 3]
    assert collapse_pads([7, 7], {7}) == [7]


class FakeVllm:
    """Expands each single pad to a number of them, as vLLM does."""

    def __init__(self, size):
        self.size, self.seen = size, []

    def generate(self, prompts, **_):
        self.seen += prompts
        return [
            SimpleNamespace(
                prompt_token_ids=[
                    t for token in p["prompt_token_ids"] for t in [token] * (self.size if token == 7 else 1)
                ]
                if p.get("multi_modal_data")
                else p["prompt_token_ids"]
            )
            for p in prompts
        ]


def mend(engine, max_pixels=None):
    images = SimpleNamespace(size={"shortest_edge": 64, "longest_edge": 4096}, merge_size=2)
    processor = SimpleNamespace(image_token_id=7, tokenizer=None, image_processor=images)
    trainer = SimpleNamespace(vllm_generation=SimpleNamespace(llm=engine))
    mend_image_pads(trainer, SimpleNamespace(processor=processor, max_pixels=max_pixels))


def test_image_pads_are_mended_and_checked():
    engine = FakeVllm(3)
    mend(engine, max_pixels=1024)
    prompts = [
        {"prompt_token_ids": [1, 7, 7, 7, 2], "multi_modal_data": {"image": ["picture"]}},
        {"prompt_token_ids": [1, 7, 7, 2]},  # Text that happens to hold pads is left alone.
    ]
    engine.generate(prompts, sampling_params=None)
    assert [prompt["prompt_token_ids"] for prompt in engine.seen] == [[1, 7, 2], [1, 7, 7, 2]]
    size = {"size": {"shortest_edge": 64, "longest_edge": 1024}}
    assert [prompt.get("mm_processor_kwargs") for prompt in engine.seen] == [size, None]
    assert prompts[0]["prompt_token_ids"] == [1, 7, 7, 7, 2]


def test_another_expansion_than_the_scored_one_stops():
    engine = FakeVllm(4)
    mend(engine)
    with pytest.raises(TrainingError, match=r"another prompt \(6 tokens\) than the one that is scored \(5\)"):
        engine.generate([{"prompt_token_ids": [1, 7, 7, 7, 2], "multi_modal_data": {"image": ["picture"]}}])


def test_rewards_see_samples_text_and_truncation():
    seen = []

    def score(samples, responses):
        seen.extend(zip(samples, responses, strict=True))
        return [1.0] * len(samples)

    sample = Sample(id="a", task="train", target="yes", answer_kind="yes_no", question="?")
    row = json.dumps(row_from_example(Example(sample=sample)))
    function = as_trl_reward(Reward(name="mine", weight=1.0, score=score), [9], begun="<think>\n")
    completions = [[{"role": "assistant", "content": " yes "}], "no"]
    given = function(
        prompts=["p", "p"], completions=completions, completion_ids=[[4, 9], [4, 4]], row=[row, row], log=0
    )
    assert given == [1.0, 1.0]
    assert function.__name__ == "mine"
    assert [(r.text, r.finish_reason, r.completion_tokens) for _, r in seen] == [
        ("<think>\nyes", "stop", 2),
        ("<think>\nno", "length", 2),
    ]
    assert seen[0][0] == sample


@pytest.mark.parametrize("fails_here", [True, False])
def test_a_reward_that_fails_in_one_rank_is_given_up_in_all(fails_here, monkeypatch):
    monkeypatch.setattr(in_trl, "gather_object", lambda told: [*told, None if fails_here else 3])
    sample = Sample(id="a", task="train", target="x", answer_kind="open", question="?")
    row = json.dumps(row_from_example(Example(sample=sample)))
    score = (lambda samples, responses: 1 / 0) if fails_here else (lambda samples, responses: [1.0])
    with pytest.raises(in_trl.FailedTogetherError) as caught:
        as_trl_reward(Reward(name="mine", weight=1.0, score=score), [9])(
            prompts=["p"], completions=["x"], completion_ids=[[9]], row=[row]
        )
    assert caught.value.exit_code == (2 if fails_here else 3)
    assert ("ZeroDivisionError" in str(caught.value.failure)) == fails_here


def logged(watch, count, **logs):
    state = SimpleNamespace(is_world_process_zero=True, global_step=1)
    for _ in range(count):
        watch.on_log(None, state, None, logs=logs)


INERT = {"ntk/positives": 1.0, "ntk/threshold": 0.54, "ntk/q05": -0.1, "ntk/q50": 0.0, "ntk/q95": 0.2, "ntk/max": 0.4}


def test_an_inert_threshold_is_warned_of_once_after_20_steps(capsys):
    watch = Watch()
    logged(watch, 19, **INERT)
    assert capsys.readouterr().err == ""
    logged(watch, 30, **INERT)
    text = capsys.readouterr().err
    assert text.count("warning") == 1
    assert "ntk.threshold=0.54 is above every similarity" in text
    assert "q95 0.2, max 0.4" in text


def test_a_step_that_is_not_inert_starts_the_count_anew(capsys):
    watch = Watch()
    logged(watch, 19, **INERT)
    logged(watch, 1, **{**INERT, "ntk/positives": 0.9})
    logged(watch, 19, **INERT)
    assert capsys.readouterr().err == ""


def test_constant_groups_are_warned_of_with_their_share(capsys):
    watch = Watch()
    logged(watch, 10, constant_groups=1.0)
    logged(watch, 10, constant_groups=0.9)
    assert "95% of the groups" in capsys.readouterr().err
    quiet = Watch()
    logged(quiet, 40, constant_groups=0.5)
    assert capsys.readouterr().err == ""


def test_curves_leave_out_what_has_no_two_points():
    history = [{"step": 1, "loss": 1.0, "reward": NAN}, {"step": 2, "loss": 0.5, "reward": 1.0}, {"train_loss": 3}]
    history[1]["rewards/mine/mean"] = history[2]["rewards/mine/mean"] = 0.5
    history[2]["step"] = 3
    text = draw_curves(history)
    assert ">loss<" in text
    assert ">rewards/mine/mean<" in text  # A reward of the user's own.
    assert ">reward<" not in text
    assert draw_curves(history[:1]) == ""


def noisy_trainer(monkeypatch, **more):
    """A trainer of groups of two, without a model, whose second responses are sampled with other media."""
    change = Extension(shown=lambda trainer, place, row: (lambda opened: (row, opened)) if place % 2 else None)
    trainer = object.__new__(ExtendedGRPOTrainer)
    trainer.__dict__ |= {
        "_extensions": [change], "num_generations": 2, "use_vllm": True, "_changes": (), "_drawn": (-1, 0),
        "state": SimpleNamespace(global_step=0, stateful_callbacks={}), "_metrics": {"train": {}},
        "_max_logprob_gap": 1, "accelerator": SimpleNamespace(num_processes=1, process_index=0), **more,
    }  # fmt: skip
    encoded, sampled = [], []

    def tokenize(self, prompts):
        encoded.append([None if change is None else change("media") for change in self._changes])
        return [[1] for _ in prompts], None, {}

    def single_turn(self, prompt_ids, images, fields, num_generations):
        sampled.append(num_generations)
        return [[5, 6] for _ in prompt_ids], [[-1.0, -2.0] for _ in prompt_ids]

    def generate(self, prompts):
        ids, logprobs = self._generate_single_turn(*self._tokenize_prompts(prompts), self.num_generations)
        return [[1]] * len(ids), ids, None, ids, logprobs, {}, "images", []

    def score(self, inputs):
        scored = self._generate([each["prompt"] for each in inputs])
        assert self._changes == ()  # What was sampled on noise is scored on the clean image.
        return {"completion_ids": torch.tensor(scored[1]), "logprobs": scored[4], "images": scored[6]}

    monkeypatch.setattr(ExtendedGRPOTrainer, "_tokenize_prompts", tokenize)
    monkeypatch.setattr(GRPOTrainer, "_generate_single_turn", single_turn)
    monkeypatch.setattr(GRPOTrainer, "_generate", generate)
    monkeypatch.setattr(GRPOTrainer, "_generate_and_score_completions", score)
    return trainer, encoded, sampled


def test_what_is_sampled_with_other_media_is_scored_without_and_compared_with_nothing(monkeypatch):
    trainer, encoded, sampled = noisy_trainer(monkeypatch)
    output = trainer._generate_and_score_completions([{"row": row, "prompt": row} for row in "aabb"])
    assert encoded == [[None, ("a", "media"), None, ("b", "media")]]
    # TRL takes these for unknown: no correction, and no part in the gap that stops a run.
    assert output["logprobs"] == [[-1.0, -2.0], [None, None]] * 2
    assert sampled == [1]  # A server would show all responses of a group what it shows the first.
    assert output["images"] is None
    assert trainer.rollouts == 4
    assert trainer.moment == "0/0"
    trainer._generate_and_score_completions([{"row": row, "prompt": row} for row in "aabb"])
    assert trainer.moment == "0/1"  # A second batch of the same step draws other numbers.


def test_further_responses_are_shown_what_their_places_are_and_what_is_asked_for(monkeypatch):
    trainer, encoded, _ = noisy_trainer(monkeypatch)
    inputs = [{"row": row, "prompt": row} for row in "aab"]
    told = trainer.sample(inputs, [0, 1, 2], [lambda opened: ("shuffled", opened)] * 3)
    assert told == [([1], [5, 6], [None, None])] * 3
    assert encoded == [[("shuffled", "media"), ("shuffled", ("a", "media")), ("shuffled", "media")]]
    assert trainer.rollouts == 3


def test_ranks_share_further_responses_evenly(monkeypatch):
    shares = []
    for rank in (0, 1):
        trainer, *_ = noisy_trainer(
            monkeypatch, accelerator=SimpleNamespace(num_processes=2, process_index=rank), _extensions=[]
        )
        monkeypatch.setattr("trainers.rollouts.gather_object", lambda told: shares.append(told) or told)
        trainer.sample([{"row": row, "prompt": row} for row in "abc"], [0, 1, 2])
        shares[-1] = list(trainer._asked)
        assert trainer.rollouts == 4  # The last one twice, so that all ranks sample as many.
    assert shares == [["a", "b"], ["c", "c"]]
