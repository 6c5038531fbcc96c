"""Evaluation and hallucination benchmarks for multimodal LLMs, with the trainer included."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.answers.reading import Reading, match_answer, read_answer

__all__ = ["Reading", "__version__", "match_answer", "read_answer"]

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:  # Loaded when it is asked for: the command line starts without the reader.
    if name in ("Reading", "match_answer", "read_answer"):
        from harness.answers import reading

        return getattr(reading, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
