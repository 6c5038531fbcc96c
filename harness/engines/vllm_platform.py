"""What vLLM needs of the machine: its environment, its device, and how its process is started."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import metadata
from typing import Any, Final, cast

from harness.core.errors import ModelError

_CPU_ENVIRONMENT: Final = {
    # Without these vLLM on CPU takes a share of the whole machine's memory, starts a second process for its worker,
    # and pins threads to cores that may be taken.
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
}
_QUIET_ENVIRONMENT: Final = {
    # Standard output belongs to the harness (`--json`); vLLM's warnings are about its own defaults.
    "VLLM_LOGGING_LEVEL": "ERROR",
    "VLLM_LOGGING_STREAM": "ext://sys.stderr",
    "VLLM_NO_USAGE_STATS": "1",
}

_NO_COMPILER: Final = "TORCHDYNAMO_DISABLE"


def set_environment() -> None:
    """Set what vLLM and OpenMP read when they are imported, unless the user has."""
    environment = _QUIET_ENVIRONMENT
    if _is_cpu_build():
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        # One core is left to preparation: threads that wait for a core in every step slow the model down tenfold.
        environment = environment | _CPU_ENVIRONMENT | {"OMP_NUM_THREADS": str(max(1, cores - 1))}
    for name, value in environment.items():
        os.environ.setdefault(name, value)


def _distribution() -> metadata.Distribution | None:
    for name in ("vllm-cpu", "vllm"):
        try:
            return metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue
    return None


def _is_cpu_build() -> bool:
    vllm = _distribution()
    return vllm is not None and (vllm.name == "vllm-cpu" or "cpu" in vllm.version)


def unpaired() -> tuple[str, str] | None:
    """What the installed vLLM asks of Transformers and does not find, and the command that mends it; `None`: nothing.

    Each vLLM says itself which releases of Transformers it was made for. With others it starts, and goes wrong on some
    families. What else it asks for is left alone: its pins of torch are narrower than what it works with.
    """
    from packaging.requirements import Requirement

    vllm = _distribution()
    if vllm is None:
        return None
    found = metadata.version("transformers")
    wanted = (Requirement(line) for line in vllm.requires or ())
    of_transformers = (one for one in wanted if one.name == "transformers")
    for one in of_transformers:
        applies = one.marker is None or one.marker.evaluate({"extra": ""})
        if applies and not one.specifier.contains(found, prereleases=True):
            what = f"{vllm.name} {vllm.version} wants transformers {one.specifier}, and {found} is installed"
            return what, f"pip install 'transformers{one.specifier}'"
    return None


def device_and_dtype(dtype: str) -> tuple[str, str]:
    """Device type and precision, without touching the device.

    Args:
        dtype: a precision, or `auto`: bfloat16 where the device has it, else float16; float32 on CPU.
    """
    import torch
    from vllm.platforms import current_platform

    device = cast("str", current_platform.device_type)
    if dtype != "auto":
        return device, dtype
    if device == "cpu":
        return device, "float32"
    return device, "bfloat16" if torch.bfloat16 in current_platform.supported_dtypes else "float16"


def check_attention(name: str, model_config: Any) -> None:
    """Refuse a family whose visual tokens see each other (Gemma 3) where vLLM has no attention of that kind.

    Args:
        name: of the checkpoint.
        model_config: vLLM's.

    Raises:
        ModelError: vLLM's attention on CPU would let each see those before it alone, and say nothing.
    """
    from vllm.platforms import current_platform

    if current_platform.is_cpu() and getattr(model_config, "is_mm_prefix_lm", False):
        raise ModelError(
            f"model {name!r} has all visual tokens of an image see each other, which vLLM does not compute on CPU: it "
            "would answer otherwise than the model. Use --engine hf."
        )


@contextmanager
def uncompiled(device: str, engine_args: Mapping[str, Any]) -> Iterator[None]:
    """What is started here compiles nothing on CPU, unless the user wants the model compiled.

    Two small functions of its sampler vLLM compiles all the same, which takes ten seconds once and three each time.
    """
    if device != "cpu" or engine_args.get("enforce_eager") is False or _NO_COMPILER in os.environ:
        yield
        return
    os.environ[_NO_COMPILER] = "1"
    try:
        yield
    finally:
        del os.environ[_NO_COMPILER]


def may_fork(*, torch_was_there: bool) -> bool:
    """Whether vLLM's process on CPU can be a fork of this one, which saves it seconds of imports.

    vLLM starts a fresh interpreter on CPU, because a fork does not survive in OpenMP regions when its parent has been
    in one with several threads. It also needs that no other thread holds a lock at that moment.

    Args:
        torch_was_there: torch had been imported, and perhaps used, before the engine was made.
    """
    import torch

    never_parallel = not torch_was_there or torch.get_num_threads() == 1
    alone = threading.active_count() == 1 and threading.current_thread() is threading.main_thread()
    return sys.platform.startswith("linux") and never_parallel and alone
