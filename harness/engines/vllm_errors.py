"""Why vLLM failed: its processes log the cause, and the error that reaches this one says only that there was one."""

from __future__ import annotations

import json
import logging
import logging.config
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from harness.engines.preparation import one_line

_CONFIGURED_BY_USER: Final = ("VLLM_LOGGING_CONFIG_PATH", "VLLM_CONFIGURE_LOGGING")
_SECOND_HAND: Final = "root cause"
"""vLLM's own words for an error that another process has had."""
_ADVICE: Final = {
    r"No module named '([\w.-]+)'": r"Install the package that has it, often: pip install \1.",
    r"memory|max seq len|KV cache|\bOOM\b|signal 9|: -9\b": (
        "Lower --max-model-len or --max-pixels, or make room: --gpu-memory-utilization, --tensor-parallel, on CPU "
        "VLLM_CPU_KVCACHE_SPACE (GiB)."
    ),
}
_ELSE: Final = "The engine 'hf' loads what Transformers loads: try --engine hf."


class OneLine(logging.Formatter):
    """Of a logged record, its exception on one line, or nothing."""

    def format(self, record: logging.LogRecord) -> str:
        """The first cause of the exception that was logged; empty where there was none."""
        error = record.exc_info[1] if record.exc_info else None
        return "" if error is None else _told(error)


class ErrorLog:
    """What vLLM's processes of this machine have logged: while they start, and then since they started."""

    def __init__(self) -> None:
        self._seen = _file().stat().st_size

    @contextmanager
    def start(self, *, several_machines: bool = False) -> Iterator[None]:
        """Have processes that vLLM starts meanwhile, and this one, write here, too; a user's own settings stay.

        Args:
            several_machines: processes may start where this machine's files are not, and are left alone.
        """
        if several_machines or any(name in os.environ for name in _CONFIGURED_BY_USER):
            yield
            return
        config = _configuration()
        logging.config.dictConfig(json.loads(config.read_text(encoding="utf-8")))  # A fork reads no environment.
        os.environ["VLLM_LOGGING_CONFIG_PATH"] = str(config)
        try:
            yield
        finally:
            del os.environ["VLLM_LOGGING_CONFIG_PATH"]
        self._seen = _file().stat().st_size

    def cause(self, error: BaseException) -> str:
        """Why vLLM failed, on one line: what was logged first, or else what the error says."""
        with _file().open(encoding="utf-8", errors="replace") as file:
            file.seek(self._seen)
            lines = [line.strip() for line in file]
        return next((line for line in lines if line and _SECOND_HAND not in line), _told(error))


def _told(error: BaseException) -> str:
    """An error's text, with its kind where that is one word (the key of a `KeyError`)."""
    text = one_line(error)
    return text if " " in text else f"{type(error).__name__}: {text}"


def advice(cause: str) -> str:
    """What to do about a cause."""
    for pattern, what in _ADVICE.items():
        found = re.search(pattern, cause, re.IGNORECASE)
        if found:
            return found.expand(what)
    return _ELSE


@cache
def _folder() -> TemporaryDirectory[str]:
    """One for all engines of this process: vLLM may keep the path of the first."""
    return TemporaryDirectory(prefix="harness-vllm-")


def _file() -> Path:
    path = Path(_folder().name) / "errors.log"
    path.touch()
    return path


def _configuration() -> Path:
    """A file for vLLM's processes: its own logging, with one more place that errors go to."""
    from vllm import logger

    config: dict[str, Any] = json.loads(json.dumps(logger.DEFAULT_LOGGING_CONFIG))
    config["formatters"]["harness"] = {"()": f"{__name__}.{OneLine.__name__}"}
    config["handlers"]["harness"] = {
        "class": "logging.FileHandler",
        "filename": str(_file()),
        "formatter": "harness",
        "level": "ERROR",
    }
    config["loggers"]["vllm"]["handlers"].append("harness")
    path = Path(_folder().name) / "logging.json"
    path.write_text(json.dumps(config), encoding="utf-8")
    return path
