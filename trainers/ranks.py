"""This process among those that a launcher (`torchrun`, `accelerate launch`) started."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from harness.evaluation.ranks import Ranks

Result = TypeVar("Result")


def world_size() -> int:
    """How many processes train together; 1 without a launcher."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_main_rank() -> bool:
    """Whether this process writes: the only one, or the first of a launcher's."""
    return int(os.environ.get("RANK", "0")) == 0


def wait_for_main_rank() -> None:
    """Wait until all processes are here, so that what the first one wrote is there for the others."""
    if world_size() > 1:
        from accelerate import PartialState  # type: ignore[import-untyped]

        PartialState().wait_for_everyone()


def share_work(work: Callable[[Ranks], Result]) -> Result:
    """Do a stage between trainings, such as an evaluation, together: every process has to call this.

    They wait for each other in the launcher's store, without the timeouts of collective operations.

    Args:
        work: does this process's part.

    Raises:
        SystemExit: another process has ended the run, and says why.
    """
    from harness.evaluation.ranks import run_together

    results: list[Result] = []

    def keep(ranks: Ranks) -> int:
        results.append(work(ranks))
        return 0

    # Where SIGTERM raises, a scheduler will start the same command again.
    run_together(keep, requeue=callable(signal.getsignal(signal.SIGTERM)), goes_on=True)
    return results[0]
