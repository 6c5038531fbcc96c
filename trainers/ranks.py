"""This process among those that a launcher (`torchrun`, `accelerate launch`) started."""

from __future__ import annotations

import os

from harness.evaluation.ranks import share_work


def world_size() -> int:
    """How many processes train together; 1 without a launcher."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_main_rank() -> bool:
    """Whether this process writes: the only one, or the first of a launcher's."""
    return int(os.environ.get("RANK", "0")) == 0


def wait_for_main_rank() -> None:
    """Wait until the first process is here, so that what it wrote is there for the others."""
    share_work(lambda ranks: None)
