"""NoisyRollout: half of a group is sampled on noised images, all of it is trained on the clean ones.

The noise is that of a diffusion, falls to nothing within the run, and is the same for all responses to a row. Liu et
al., arXiv 2504.13055. Imported lazily only: numpy is imported below.
"""

from __future__ import annotations

from functools import partial
from math import exp
from typing import Any

from harness.engines.preparation import Opened
from trainers.extensions import Extension
from trainers.extensions.drawing import generator
from trainers.extensions.pixels import add_noise, each_picture
from trainers.method_settings import NoisyRolloutSettings
from trainers.showing import Change


def noisy_rollout(settings: NoisyRolloutSettings) -> Extension:
    """Noise for the second half of each group."""
    return Extension(shown=partial(noised, settings))


def noised(settings: NoisyRolloutSettings, trainer: Any, place: int, row: str) -> Change | None:
    """What becomes of the media that a response is sampled on; `None`: nothing."""
    if place % trainer.num_generations < trainer.num_generations // 2:
        return None
    step = noise_step(settings, trainer.state.global_step, trainer.state.max_steps)
    if step < 1:
        return None
    return partial(_add_noise, step, ("noise", trainer.args.seed, trainer.moment, row))


def _add_noise(step: int, drawn: tuple[object, ...], opened: Opened) -> Opened:
    random = generator(*drawn)
    return each_picture(opened, lambda pixels: add_noise(pixels, step, random))


def noise_step(settings: NoisyRolloutSettings, step: int, steps: int) -> int:
    """The diffusion step of the noise at a step of training: t0 (1 - sigmoid(lambda (step - middle) / steps)).

    Args:
        settings: t0, lambda and the middle.
        step: of training, from 0.
        steps: of the whole run.
    """
    middle = steps * 2 / 3 if settings.middle is None else settings.middle
    exponent = settings.steepness * (step - middle) / steps
    return round(settings.step / (1 + exp(min(exponent, 700.0))))
