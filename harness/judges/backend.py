"""What a judge's model runs on: `harness.judges.local` on this machine, `harness.judges.served` behind a server."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from harness.core.types import JudgePrompt


class Backend(Protocol):
    """A model that replies to prompts.

    Attributes:
        problem: why it could not be used in the last call, such as a server that is down; `None` where it could.
    """

    problem: str | None

    def complete(self, prompts: Sequence[JudgePrompt]) -> Iterator[tuple[int, str | None]]:
        """Yield the place of each prompt with the model's text, in any order; leave out or `None` what failed."""
        ...

    def close(self) -> None:
        """Free what it holds."""
        ...
