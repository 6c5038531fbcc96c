"""Evaluation and hallucination benchmarks for multimodal LLMs, with the trainer included."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.answers.reading import Reading, match_answer, read_answer
    from harness.api import Comparison, Run, Scores, compare, evaluate, leaderboard, score

__all__ = [
    "Comparison",
    "Reading",
    "Run",
    "Scores",
    "__version__",
    "compare",
    "evaluate",
    "leaderboard",
    "match_answer",
    "read_answer",
    "score",
]

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:  # Loaded when it is asked for: the command line starts without any of it.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    reads = name in ("Reading", "match_answer", "read_answer")
    return getattr(import_module("harness.answers.reading" if reads else "harness.api"), name)


def __dir__() -> list[str]:
    return [*globals(), *__all__]
