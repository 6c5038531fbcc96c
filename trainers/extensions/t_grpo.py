"""T-GRPO: right answers to a video earn more where shuffled frames are answered worse (Video-R1, Feng et al., 2025).

For each video, half as many responses again are sampled with its frames in random order. Where the ordered frames are
answered right at least 0.8 times as often as the shuffled ones, right responses get a bonus; nothing is learned from
the shuffled ones. A second bonus, of images too, goes to right responses of a given length. arXiv 2503.21776.
Imported lazily only: torch is imported at the top.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import torch
from accelerate.utils import gather_object  # type: ignore[import-untyped]
from torch import Tensor

from harness.engines.preparation import Opened
from trainers.data.loading import parse_row
from trainers.extensions import Batch, Extension
from trainers.extensions.drawing import generator
from trainers.method_settings import TGrpoSettings

_TEMPORAL, _LENGTH = "temporal", "length_bonus"


def t_grpo(settings: TGrpoSettings) -> Extension:
    """The bonuses, as rewards of their own."""
    return Extension(bonuses=(_TEMPORAL, _LENGTH), rewarded=partial(add_bonuses, settings))


def add_bonuses(settings: TGrpoSettings, trainer: Any, batch: Batch, rewards: Tensor) -> Tensor:
    """Rewards with the bonuses filled in."""
    size, names = trainer.num_generations, trainer.reward_func_names
    accuracy = rewards[:, names.index("accuracy")].view(-1, size)
    lengths = torch.tensor(gather_object([len(ids) for ids in batch.completion_ids]), device=rewards.device)
    shuffled = _accuracy_on_shuffled(trainer, batch).to(rewards)
    rewards = rewards.clone()
    rewards[:, names.index(_TEMPORAL)] = temporal_bonus(settings, accuracy, shuffled).view(-1)
    rewards[:, names.index(_LENGTH)] = length_bonus(settings, accuracy, lengths.view(-1, size)).view(-1)
    for name, values in (("accuracy", accuracy.nanmean(1)), ("accuracy_shuffled", shuffled)):
        if len(videos := values[~shuffled.isnan()]):
            trainer.record(f"t_grpo/{name}", videos.nanmean().item())
    return rewards


def temporal_bonus(settings: TGrpoSettings, accuracy: Tensor, shuffled: Tensor) -> Tensor:
    """The bonus of right responses to videos.

    Args:
        settings: of the bonus.
        accuracy: [groups, responses]; NaN: none.
        shuffled: [groups], mean accuracy on shuffled frames; NaN: not a video.
    """
    # Ordered frames must not be worse by more than the ratio allows; a comparison with NaN is false.
    earns = accuracy.nanmean(1) >= settings.ratio * shuffled
    return settings.bonus * (earns[:, None] & (accuracy > settings.right)).to(accuracy)


def length_bonus(settings: TGrpoSettings, accuracy: Tensor, lengths: Tensor) -> Tensor:
    """The bonus of right responses of a given length, in groups with more than one right response.

    Args:
        settings: of the bonus.
        accuracy: [groups, responses]; NaN: none.
        lengths: [groups, responses], tokens.
    """
    right = accuracy > settings.right
    fits = (lengths >= settings.shortest) & (lengths <= settings.longest)
    return settings.length_bonus * (right & fits & (right.sum(1, keepdim=True) > 1)).to(accuracy)


def shuffle_frames(drawn: tuple[object, ...], opened: Opened) -> Opened:
    """Media with the frames of each video in random order, the times at which they are said to be staying.

    Args:
        drawn: what the random numbers are of.
        opened: the media; frames may be shown as images.
    """
    random = generator(*drawn)
    images: list[Any] = []
    for kinds in opened.shown:
        shown = opened.images[len(images) : len(images) + kinds.count("image")]
        images += [shown[place] for place in random.permutation(len(shown))]
    videos = [replace(each, frames=each.frames[random.permutation(len(each.frames))]) for each in opened.videos]
    return replace(opened, images=images, videos=videos)


def _accuracy_on_shuffled(trainer: Any, batch: Batch) -> Tensor:
    """[groups] of all ranks: mean accuracy of half as many responses to shuffled videos; NaN for other rows."""
    size: int = trainer.num_generations
    inputs = gather_object(batch.inputs)[::size]
    videos = [
        group
        for group, each in enumerate(inputs)
        if any(m.kind == "video" for m in parse_row(each["row"]).sample.media)
    ]
    accuracy = torch.full((len(inputs),), torch.nan)
    if videos:
        places = [group * size + item for group in videos for item in range(0, size, 2)]
        asked = [inputs[place // size] for place in places]
        changes = [
            partial(shuffle_frames, ("shuffle", trainer.args.seed, trainer.moment, each["row"])) for each in asked
        ]
        sampled = trainer.sample(asked, places, changes)
        values = torch.tensor(trainer.accuracy(asked, [ids for _, ids, _ in sampled]))
        accuracy[videos] = values.view(len(videos), -1).nanmean(1)
    return accuracy
