"""The settings of the `vllm` engine in vLLM's terms: checked, and as arguments of its engine."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, get_args

from harness.core.errors import ModelError, UsageError
from harness.engines import check_dtype, check_positive
from harness.engines.checkpoints import Checkpoint, read_object, weight_files

_EXECUTORS: Final = ("mp", "ray")
_NAMES: Final = {
    "max_model_len": "max_model_len",
    "tensor_parallel": "tensor_parallel_size",
    "pipeline_parallel": "pipeline_parallel_size",
    "data_parallel": "data_parallel_size",
    "distributed_executor": "distributed_executor_backend",
    "gpu_memory_utilization": "gpu_memory_utilization",
    "quantization": "quantization",
}
"""Arguments of vLLM's engine by the names of ours; `None` leaves them to vLLM."""
_ELSEWHERE: Final = {"model": "--model", "trust_remote_code": "--trust-remote-code"}
"""Arguments of vLLM's engine that more than vLLM must know."""
_SECRET: Final = re.compile(r"(?i)(?:^|[_.-])(?:token|key|secret|password)$")
"""The name of an argument that is one, as `hf_token`; `max_num_batched_tokens` is none."""
LANGUAGE_MODEL: Final = ".language_model."
"""In the names of what an adapter may change for vLLM to take it."""


def check_settings(dtype: str, settings: Mapping[str, Any], engine_args: Mapping[str, Any]) -> None:
    """Look at settings before vLLM is imported.

    Args:
        dtype: the precision.
        settings: by the names of `VllmEngine`; `None` is not given.
        engine_args: arguments of vLLM's engine by its own names.

    Raises:
        UsageError: one is out of range, or takes a package that is missing.
    """
    check_dtype(dtype)
    counts = ("max_pixels", "max_model_len", "tensor_parallel", "pipeline_parallel", "data_parallel")
    check_positive({f"--{name.replace('_', '-')}": settings[name] for name in counts})
    executor, share = settings["distributed_executor"], settings["gpu_memory_utilization"]
    if executor not in (*_EXECUTORS, None):
        raise UsageError(f"--distributed-executor {executor!r} does not exist. Choose one of: {', '.join(_EXECUTORS)}.")
    if executor == "ray" and find_spec("ray") is None:
        raise UsageError("--distributed-executor ray needs the package 'ray', which is not installed: pip install ray.")
    if share is not None and not 0 < share <= 1:
        raise UsageError(f"--gpu-memory-utilization {share} is out of range: it must be above 0 and at most 1.")
    for name, flag in _ELSEWHERE.items():
        if name in engine_args:
            raise UsageError(f"--engine-arg {name}: vLLM is not alone in needing that. Use {flag}.")
    if secrets := [name for name in engine_args if _SECRET.search(name)]:
        raise UsageError(
            f"--engine-arg {secrets[0]}: engine arguments are stored with the run, and a secret is not to be. Set "
            "HF_TOKEN instead, or log in with 'hf auth login'."
        )


def check_quantization(name: str | None) -> None:
    """Refuse a way to quantise that vLLM does not have, before it is started.

    Raises:
        UsageError: there is none of that name.
    """
    if name is None:
        return
    from vllm.model_executor.layers.quantization import QUANTIZATION_METHODS

    if name not in QUANTIZATION_METHODS:
        raise UsageError(
            f"--quantization {name!r} does not exist for the engine 'vllm'. Choose one of: "
            f"{', '.join(QUANTIZATION_METHODS)}."
        )


def engine_arguments(checkpoint: Checkpoint, settings: Mapping[str, Any], device: str, dtype: str) -> dict[str, Any]:
    """What vLLM's engine is told, its model aside.

    Args:
        checkpoint: the checkpoint.
        settings: see `check_settings`.
        device: device type.
        dtype: resolved precision.

    Raises:
        ModelError: the checkpoint is an adapter that vLLM does not take.
    """
    arguments: dict[str, Any] = {
        "dtype": dtype,
        "trust_remote_code": checkpoint.trust_remote_code,
        "use_tqdm_on_load": False,
        "enable_prefix_caching": True,
        "logprobs_mode": "raw_logprobs",  # At temperature 1, before any cut of the distribution.
        **{of_vllm: settings[name] for name, of_vllm in _NAMES.items() if settings[name] is not None},
    }
    if device == "cpu":
        arguments["enforce_eager"] = True
    if checkpoint.adapter is not None:
        arguments |= lora_arguments(checkpoint.adapter)
    return arguments


def lora_arguments(adapter: Path) -> dict[str, Any]:
    """What vLLM's engine is told, so that it has room for an adapter.

    Raises:
        ModelError: vLLM would leave out a part of it: it adapts language models, and passes over what an adapter
            changes in the vision tower; or its rank is too high.
    """
    from safetensors import safe_open

    merge = f"Make a model of it: 'harness merge {adapter} OUT'; or use --engine hf."
    for path in weight_files(adapter):
        if path.suffix != ".safetensors":
            raise ModelError(f"adapter {path} is not in safetensors, and is not read for vLLM. {merge}")
        with safe_open(path, framework="pt") as file:
            outside = sorted(key for key in file.keys() if LANGUAGE_MODEL not in key)  # noqa: SIM118
        if outside:
            raise ModelError(
                f"adapter {adapter} changes {len(outside)} weights outside of the language model, e.g. {outside[0]}, "
                f"which vLLM would leave as they are. {merge}"
            )
    settings = read_object(adapter / "adapter_config.json")
    rank = max([settings["r"], *(settings.get("rank_pattern") or {}).values()])
    room = lora_room(rank)
    if room is None:
        raise ModelError(f"adapter {adapter} has rank {rank}, which vLLM does not take. {merge}")
    return {"enable_lora": True, "max_loras": 1, "max_lora_rank": room}


def lora_room(rank: int) -> int | None:
    """The lowest rank of vLLM's own list that an adapter of a rank fits in; `None`: there is none as high."""
    from vllm.config.lora import MaxLoRARanks

    return min((room for room in get_args(MaxLoRARanks) if room >= rank), default=None)
