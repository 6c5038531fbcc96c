"""What a task's scoring does beside scoring: asking a judge, and reading the sections of a response itself."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import FunctionType
from typing import Any, Final

from harness.core.errors import UnavailableError

_JUDGES: Final = "lmms_eval.llm_judge"
_TAG: Final = "<answer>"


@contextmanager
def no_failed_judge() -> Iterator[None]:
    """Notice that the judge could not be asked that lmms-eval's tasks ask while they score a sample.

    Tasks catch that and score the sample all the same: wrong, or by a guess. A call that succeeds after others that
    failed is one that was tried again.

    Raises:
        UnavailableError: the last call failed.
    """
    problems: list[str | None] = []
    asking = {provider: provider.evaluate for provider in _providers()}
    try:
        for provider, evaluate in asking.items():
            provider.evaluate = _watched(evaluate, problems)
        yield
    finally:
        for provider, evaluate in asking.items():
            provider.evaluate = evaluate
    if problems and problems[-1] is not None:
        raise UnavailableError(f"its judge could not be asked: {problems[-1]}")


def _providers() -> Iterator[Any]:
    """The classes that ask judges; none where no task that was loaded does."""
    if _JUDGES not in sys.modules:
        return
    from lmms_eval.llm_judge.base import ServerInterface

    below = [ServerInterface]
    while below:
        provider = below.pop()
        below += provider.__subclasses__()
        if "evaluate" in vars(provider) and provider is not ServerInterface:
            yield provider


def _watched(evaluate: Callable[..., Any], problems: list[str | None]) -> Callable[..., Any]:
    def watched(self: Any, request: Any) -> Any:
        try:
            response = evaluate(self, request)
        except Exception as error:
            problems.append(f"{type(error).__name__}: {error}")
            raise
        problems.append(None if response.success else str(response.error_message))
        return response

    return watched


def reads_answer_tags(scoring: Any, folder: Path) -> bool:
    """Whether a task's scoring looks for `<answer>` in a response, as far as its code tells.

    Args:
        scoring: its function.
        folder: of its YAML; code elsewhere counts where it is lmms-eval's.
    """
    import lmms_eval

    if isinstance(scoring, partial):
        scoring = scoring.func
    if not isinstance(scoring, FunctionType):
        return False
    ours = (folder.resolve(), Path(str(lmms_eval.__file__)).resolve().parent)
    used = (scoring, *(value for value in scoring.__globals__.values() if isinstance(value, FunctionType)))
    files = {Path(function.__code__.co_filename).resolve() for function in used}
    return any(
        _TAG in file.read_text(encoding="utf-8", errors="replace")
        for file in files
        if file.is_file() and any(file.is_relative_to(place) for place in ours)
    )
