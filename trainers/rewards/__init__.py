"""Rewards: what a response earns, by the evaluation's own verdict and the evaluation's own judge."""

from trainers.rewards.functions import (
    Reward,
    accuracy,
    caption_reward,
    format_reward,
    length_penalty,
    repetition_penalty,
)
from trainers.rewards.scoring import Scored, build_rewards, score_rollouts

__all__ = [
    "Reward",
    "Scored",
    "accuracy",
    "build_rewards",
    "caption_reward",
    "format_reward",
    "length_penalty",
    "repetition_penalty",
    "score_rollouts",
]
