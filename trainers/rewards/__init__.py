"""Rewards: what a response earns, by the evaluation's own verdict and the evaluation's own judge."""

from collections.abc import Callable, Sequence

from harness.core.types import Response, Sample

Score = Callable[[Sequence[Sample], Sequence[Response]], list[float | None]]
"""A reward: samples and their responses to a number each, or `None` where there is no signal."""
