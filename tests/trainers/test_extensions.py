"""What methods add to GRPO, without a model: values computed by hand, and combinations that are refused."""

import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from harness.core.errors import UsageError
from harness.core.types import Media, Sample
from harness.engines.preparation import Opened
from harness.media.videos import Video
from trainers.data.schema import Example
from trainers.extensions import Batch, Forward
from trainers.extensions.chosen import check_data
from trainers.extensions.drawing import generator
from trainers.extensions.dynamic_sampling import other_prompts, sample_again, without_signal
from trainers.extensions.noisy_rollout import noise_step, noised
from trainers.extensions.papo import k3, mask_media, perception_term
from trainers.extensions.pixels import add_noise, mask_patches
from trainers.extensions.t_grpo import length_bonus, shuffle_frames, temporal_bonus
from trainers.method_settings import NoisyRolloutSettings, PapoSettings, TGrpoSettings
from trainers.recipe import load_recipe
from trainers.trl_config import build_config

NAN = math.nan


def opened(*images, video=None, shown=(("image",),)):
    return Opened(images=[Image.fromarray(image) for image in images], videos=[video] if video else [], shown=shown)


def pixels(opened):
    return [np.asarray(image) for image in opened.images]


# Dynamic sampling.


def test_groups_of_one_accuracy_have_no_signal():
    accuracy = [1, 1, 0, 0, 1, 0, 0.5, 0.5, 1, NAN, NAN, NAN, 1, NAN]
    assert without_signal(accuracy, 2) == [0, 1, 3, 4, 5, 6]
    assert without_signal([1, NAN, 0, 1, 1, NAN], 3) == [1]


def test_other_prompts_are_none_that_were_taken():
    dataset = [{"row": name} for name in "abcdef"]
    found = [each["row"] for each in other_prompts(dataset, 3, {"a", "c"}, generator(0))]
    assert len(set(found)) == 3
    assert not {"a", "c"} & set(found)
    assert sorted(each["row"] for each in other_prompts(dataset, 9, {"a", "c"}, generator(0))) == list("bdef")


class Sampler:
    """A trainer of groups of two, whose responses to rows are right as often as the rows say."""

    num_generations = 2
    moment = "3/0"
    args = SimpleNamespace(seed=0)

    def __init__(self, dataset):
        self.train_dataset = [{"row": name, "prompt": name} for name in dataset]
        self.logged, self.rounds = {}, []

    def accuracy(self, inputs, completion_ids):
        return [float(ids[0]) for ids in completion_ids]

    def sample(self, inputs, places):
        self.rounds.append([each["row"] for each in inputs])
        # Rows with capital letters are told apart: one right, one wrong.
        right = [each["row"].isupper() and place % 2 for each, place in zip(inputs, places, strict=True)]
        return [([7], [int(value)], [-1.0]) for value in right]

    def record(self, name, value):
        self.logged[name] = value


def batch_of(*rows, right):
    inputs = [{"row": row, "prompt": row} for row in rows for _ in range(2)]
    return Batch(
        first=0, inputs=inputs, prompt_ids=[[1] for _ in inputs], completion_ids=[[value] for value in right],
        logprobs=[[0.0] for _ in inputs],
    )  # fmt: skip


def test_groups_that_are_all_right_or_all_wrong_are_sampled_again_with_other_prompts():
    trainer = Sampler(["a", "b", "c", "D", "E", "F", "G"])
    batch = batch_of("a", "b", "c", right=[1, 1, 0, 1, 0, 0])
    sample_again(3, trainer, batch)
    rows = [each["row"] for each in batch.inputs]
    assert rows[2:4] == ["b", "b"]  # It had a signal.
    assert rows[0] == rows[1] != rows[4] == rows[5]
    assert {rows[0], rows[4]} <= set("DEFG")
    assert batch.completion_ids == [[0], [1], [0], [1], [0], [1]]
    assert batch.prompt_ids == [[7], [7], [1], [1], [7], [7]]
    assert batch.logprobs[0] == [-1.0]
    assert trainer.rounds == [[rows[0], rows[0], rows[4], rows[4]]]
    assert trainer.logged == {"dynamic_sampling/groups_sampled_again": 2, "dynamic_sampling/without_signal": 0}
    same = batch_of("a", "b", "c", right=[1, 1, 0, 1, 0, 0])
    sample_again(3, Sampler(["a", "b", "c", "D", "E", "F", "G"]), same)
    assert [each["row"] for each in same.inputs] == rows  # What is drawn depends on seed and step alone.


def test_what_has_no_signal_after_three_rounds_stays():
    trainer = Sampler("abcdefghijkl")
    batch = batch_of("a", "b", right=[1, 1, 0, 0])
    sample_again(3, trainer, batch)
    assert [len(rows) for rows in trainer.rounds] == [4, 4, 4]
    asked = [row for rows in trainer.rounds for row in rows[::2]]
    assert len(set(asked) | {"a", "b"}) == 8
    assert [each["row"] for each in batch.inputs][::2] == asked[-2:]
    assert trainer.logged == {"dynamic_sampling/groups_sampled_again": 6, "dynamic_sampling/without_signal": 1.0}


def test_sampling_again_ends_where_no_prompts_are_left():
    trainer = Sampler("abc")
    batch = batch_of("a", "b", right=[1, 1, 0, 0])
    sample_again(3, trainer, batch)
    assert trainer.rounds == [["c", "c"]]
    assert [each["row"] for each in batch.inputs] == ["c", "c", "b", "b"]


# PAPO.


def test_k3_by_hand():
    values = k3(torch.tensor([0.0, math.log(0.5), -50.0, 50.0], dtype=torch.float64))
    assert values.tolist() == pytest.approx([0.0, 0.5 + math.log(2) - 1, 10.0, 10.0], abs=1e-6)


def perceived(settings, logprobs, masked, mask):
    logged = {}
    trainer = SimpleNamespace(record=lambda name, value: logged.update({name: value}))
    inputs = {"completion_mask": torch.tensor(mask), "masked_logprobs": torch.tensor(masked)}
    forward = Forward(states=torch.zeros(0), logprobs=logprobs)
    return perception_term(settings, trainer, inputs, forward), logged


def test_the_terms_of_papo_by_hand():
    settings = PapoSettings(enabled=True, weight=0.02, masked_entropy=0.05, entropy=0.03)
    logprobs = torch.tensor([[-1.0, -2.0], [-3.0, -9.0]], requires_grad=True)  # The last one is padding.
    half = math.log(0.5)
    term, logged = perceived(settings, logprobs, [[-1.0 + half, -2.0], [-3.0, -5.0]], [[1, 1], [1, 0]])
    kl = (0.5 - half - 1) / 3
    assert logged["papo/kl"] == pytest.approx(kl, rel=1e-5)
    assert logged["papo/entropy"] == pytest.approx(2.0)
    assert logged["papo/masked_entropy"] == pytest.approx(2.0 - half / 3)
    assert term.item() == pytest.approx(-0.02 * kl + 0.05 * (2 - half / 3) + 0.03 * 2, rel=1e-5)
    term.backward()
    # d k3 / d log p = 1 - e^d, and -1 of the entropy; nothing of the masked policy's.
    expected = [[(-0.02 * (1 - 0.5) - 0.03) / 3, -0.03 / 3], [-0.03 / 3, 0.0]]
    torch.testing.assert_close(logprobs.grad, torch.tensor(expected))


def test_a_policy_that_does_not_look_has_no_kl():
    settings = PapoSettings(enabled=True, masked_entropy=0.0, entropy=0.0)
    term, _ = perceived(settings, torch.tensor([[-1.0, -2.0]]), [[-1.0, -2.0]], [[1, 1]])
    assert term.item() == 0


def test_patches_are_black_with_their_probability():
    white = np.full((280, 420, 3), 255, np.uint8)
    masked = mask_patches(white, 14, 0.6, np.random.default_rng(0))
    patches = masked.reshape(20, 14, 30, 14, 3).transpose(0, 2, 1, 3, 4).reshape(600, -1)
    assert set(patches.min(1)) == set(patches.max(1)) == {0, 255}  # Whole patches.
    assert np.array_equal(patches.min(1), patches.max(1))
    assert (patches.max(1) == 0).mean() == pytest.approx(0.6, abs=0.05)
    assert (mask_patches(white, 14, 1.0, np.random.default_rng(0)) == 0).all()


def test_patches_are_of_the_image_as_it_is_shown():
    white = np.full((112, 112, 3), 255, np.uint8)
    settings = PapoSettings(enabled=True)
    shown = opened(white)
    (masked,) = pixels(mask_media(settings, 56 * 56, ("mask", 0), shown))  # Scaled down to a half.
    patches = masked.reshape(4, 28, 4, 28, 3).transpose(0, 2, 1, 3, 4).reshape(16, -1)
    assert np.array_equal(patches.min(1), patches.max(1))
    assert np.array_equal(pixels(mask_media(settings, 56 * 56, ("mask", 0), shown))[0], masked)
    assert not np.array_equal(pixels(mask_media(settings, 56 * 56, ("mask", 1), shown))[0], masked)


# T-GRPO.


@pytest.mark.parametrize(
    ("accuracy", "shuffled", "bonus"),
    [
        ([1.0, 1.0, 0.0, 0.0], 1.0, [0.0, 0.0, 0.0, 0.0]),  # 0.5 < 0.8
        ([1.0, 1.0, 0.0, 0.0], 0.5, [0.3, 0.3, 0.0, 0.0]),  # 0.5 >= 0.4
        ([1.0, 0.1, 0.2, NAN], 0.0, [0.3, 0.0, 0.3, 0.0]),  # More than 0.1 is right.
        ([1.0, 1.0, 1.0, 1.0], NAN, [0.0, 0.0, 0.0, 0.0]),  # An image.
    ],
)
def test_the_temporal_bonus_by_hand(accuracy, shuffled, bonus):
    given = temporal_bonus(TGrpoSettings(), torch.tensor([accuracy]), torch.tensor([shuffled]))
    torch.testing.assert_close(given, torch.tensor([bonus]))


def test_the_length_bonus_by_hand():
    accuracy = torch.tensor([[1.0, 1.0, 1.0, 0.0], [1.0, 0.0, 0.0, 0.0]])
    lengths = torch.tensor([[319, 320, 512, 400], [400, 400, 400, 400]])
    given = length_bonus(TGrpoSettings(), accuracy, lengths)
    # One right response alone gets none.
    torch.testing.assert_close(given, torch.tensor([[0.0, 0.2, 0.2, 0.0], [0.0, 0.0, 0.0, 0.0]]))


def test_frames_are_shuffled_within_their_video():
    frames = np.arange(8, dtype=np.uint8)[:, None, None, None].repeat(3, 3)
    video = Video(frames=frames, fps=1.0, indices=tuple(range(8)), total_frames=8, duration_s=8.0)
    native = shuffle_frames(("a",), opened(video=video, shown=(("video",),))).videos[0]
    order = native.frames[:, 0, 0, 0].tolist()
    assert sorted(order) == list(range(8)) != order
    assert native.indices == video.indices
    images = [np.full((2, 2, 3), place, np.uint8) for place in range(9)]
    shown = shuffle_frames(("a",), opened(*images, shown=(("image",), ("image",) * 8)))
    order = [int(image[0, 0, 0]) for image in pixels(shown)]
    assert order[0] == 0
    assert sorted(order) == list(range(9)) != order


# NoisyRollout.


def test_the_noise_falls_by_a_sigmoid():
    settings = NoisyRolloutSettings(step=500, steepness=30.0, middle=40.0)
    assert noise_step(settings, 0, 60) == 500
    assert noise_step(settings, 40, 60) == 250
    assert noise_step(settings, 44, 60) == round(500 * (1 - 1 / (1 + math.exp(-2))))
    assert noise_step(settings, 60, 60) == 0
    assert noise_step(NoisyRolloutSettings(), 40, 60) == 250


def test_noise_is_that_of_a_diffusion():
    grey = np.full((64, 64, 3), 191, np.uint8)  # 0.498 of -1 .. 1
    betas = [1 / (1 + math.exp(6 - 12 * step / 999)) * (0.5e-2 - 1e-5) + 1e-5 for step in range(300)]
    kept = math.prod(1 - beta for beta in betas)
    given = add_noise(grey, 300, np.random.default_rng(0)) / 127.5 - 1
    assert given.mean() == pytest.approx(math.sqrt(kept) * (191 / 127.5 - 1), abs=0.01)
    assert given.std() == pytest.approx(math.sqrt(1 - kept), abs=0.01)
    assert np.abs(add_noise(grey, 1, np.random.default_rng(0)).astype(int) - 191).max() < 3


def test_the_second_half_of_a_group_sees_noise_the_same_for_all_of_it():
    trainer = SimpleNamespace(
        num_generations=4, moment="0/0", args=SimpleNamespace(seed=0), state=SimpleNamespace(global_step=0, max_steps=9)
    )
    changes = [noised(NoisyRolloutSettings(), trainer, place, "row") for place in range(8)]
    assert [change is None for change in changes] == [True, True, False, False] * 2
    shown = opened(np.full((8, 8, 3), 100, np.uint8))
    one, other = (pixels(changes[place](shown))[0] for place in (2, 7))
    assert np.array_equal(one, other)
    assert not np.array_equal(one, pixels(shown)[0])
    trainer.state.global_step = 9
    assert noised(NoisyRolloutSettings(), trainer, 2, "row") is None


# What cannot be.


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (("dynamic_sampling.enabled=true", "rewards.accuracy=0"), "dynamic_sampling: it goes by the accuracy"),
        (("t_grpo.enabled=true", "rewards.accuracy=0"), "t_grpo: it goes by the accuracy"),
        (("noisy_rollout.enabled=true", "train.num_generations=3", "train.per_device_train_batch_size=6"), "is odd"),
        (("t_grpo.enabled=true", "train.multi_objective_aggregation=normalize_then_sum"), "scales each of them to 1"),
        (("t_grpo.enabled=true", "data.num_frames=1"), "no order of frames"),
        (("kl_schedule=cosine", "train.beta=0"), "kl_schedule: there is no KL term"),
        (
            ("noisy_rollout.enabled=true", "train.use_vllm=true", "train.off_policy_mask_threshold=0.5"),
            "differs here on purpose",
        ),
    ],
)
def test_combinations_that_cannot_be_are_refused(settings, message, tmp_path):
    with pytest.raises(UsageError, match=message):
        build_config(load_recipe("demo/grpo", list(settings)), tmp_path)


def test_supervised_fine_tuning_has_no_rollouts_to_change(tmp_path):
    with pytest.raises(UsageError, match=r"papo: it is a part of grpo, and algorithm=sft samples nothing"):
        build_config(load_recipe("demo/sft", ["methods/papo"]), tmp_path)
    with pytest.raises(UsageError, match="max_rollouts: algorithm=sft samples nothing"):
        build_config(load_recipe("demo/sft", ["max_rollouts=9"]), tmp_path)


def example(kind):
    media = (Media(kind=kind, source="a"),) if kind else ()
    return Example(sample=Sample(id="a", task="train", target="yes", answer_kind="yes_no", question="?", media=media))


@pytest.mark.parametrize(
    ("method", "kinds", "message"),
    [
        ("t_grpo", ["image"], "t_grpo: it shuffles the frames of videos, and no row has one"),
        ("papo", [None], "papo: it changes images, and no row has one"),
        ("noisy_rollout", [None], "noisy_rollout: it changes images, and no row has one"),
        ("dynamic_sampling", ["image", "image"], "a batch holds all 2 prompts"),
        ("step_grpo", ["image"], r"rewards\.key_steps: no row has 'key_steps'"),
        ("perception_r1", ["image"], r"rewards\.visual_facts: no row has 'facts'"),
    ],
)
def test_methods_that_would_do_nothing_on_the_data_are_refused(method, kinds, message):
    recipe = load_recipe("demo/grpo", [f"methods/{method}"])
    with pytest.raises(UsageError, match=message):
        check_data(recipe, [example(kind) for kind in kinds], len(kinds), 2)
    annotated = replace(example("image").sample, attributes={"key_steps": '[["red"]]', "facts": '["A star."]'})
    check_data(recipe, [example("video"), Example(sample=annotated), example(None)], 3, 2)
