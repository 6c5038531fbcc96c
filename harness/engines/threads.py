"""The threads that torch computes with, set where it matters and restored: they are the whole process's.

Several threads round otherwise than one, so that what runs later would depend on what ran before in the process.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Final

_ONE_THREAD_PARAMETERS: Final = 20_000_000
"""Below this, products are so small that threads cost more than they give: on a busy machine ten times as much."""


def threads_for(model: Any, device: str) -> Callable[[], AbstractContextManager[None]]:
    """What to enter around a model's work: one thread for a small model on CPU, unless the user has said how many."""
    if device != "cpu" or "OMP_NUM_THREADS" in os.environ:
        return nullcontext
    small = sum(parameter.numel() for parameter in model.parameters()) < _ONE_THREAD_PARAMETERS
    return one_thread if small else nullcontext


@contextmanager
def one_thread() -> Iterator[None]:
    """Torch computes with the calling thread alone, and starts no others."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
