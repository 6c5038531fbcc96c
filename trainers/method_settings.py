"""What a recipe can say of the methods that extend GRPO; all are off where it says nothing."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from trainers.part import Count, Part


class DynamicSamplingSettings(Part):
    """Sampling again where the responses to a prompt are all right or all wrong (DAPO).

    Attributes:
        enabled: sample again.
        rounds: how often, at most, each time with other prompts.
    """

    enabled: bool = False
    rounds: Count = 3


class PapoSettings(Part):
    """A policy that depends on what it sees (PAPO): the KL between it and itself with the image masked.

    Attributes:
        enabled: add the terms.
        weight: gamma, of the KL, which is made large.
        masked_entropy: eta 1, of the entropy with the image masked; as in the authors' code it has no gradient.
        entropy: eta 2, of the policy's entropy.
        masked: share of patches that are black.
        patch: pixels of a patch's side, in the image as the model is shown it.
    """

    enabled: bool = False
    weight: float = Field(default=0.02, ge=0)
    masked_entropy: float = Field(default=0.03, ge=0)
    entropy: float = Field(default=0.03, ge=0)
    masked: float = Field(default=0.6, gt=0, le=1)
    patch: Count = 14


class TGrpoSettings(Part):
    """A bonus for right answers to videos that are right because of the order of frames (T-GRPO of Video-R1).

    Attributes:
        enabled: sample shuffled videos, and give the bonuses.
        ratio: the accuracy must be at least this share of the accuracy on shuffled frames.
        bonus: for right responses to a video.
        right: accuracy above which a response is right.
        length_bonus: for right responses of `shortest` to `longest` tokens, where more than one is right.
        shortest: tokens.
        longest: tokens.
    """

    enabled: bool = False
    ratio: float = Field(default=0.8, ge=0)
    bonus: float = 0.3
    right: float = 0.1
    length_bonus: float = 0.2
    shortest: Count = 320
    longest: Count = 512

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.shortest > self.longest:
            raise ValueError(f"t_grpo.shortest {self.shortest} is above t_grpo.longest {self.longest}")
        return self


class NoisyRolloutSettings(Part):
    """Half of a group sampled on noised images, all of it trained on clean ones (NoisyRollout).

    Attributes:
        enabled: add noise.
        step: t0, the diffusion step of the noise at the start, of 1,000.
        steepness: lambda, of the sigmoid by which it falls.
        middle: the training step at which it is half of t0; `None`: two thirds of the run.
    """

    enabled: bool = False
    step: int = Field(default=500, ge=1, le=1000)
    steepness: float = Field(default=30.0, gt=0)
    middle: float | None = Field(default=None, ge=0)
