"""The machine that a training is planned for, and how its launcher divides the weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any, Final, Literal

import yaml

from harness.core.errors import UsageError
from harness.core.reading import read_text
from harness.runs.config import read_json
from trainers.ranks import world_size
from trainers.settings import Recipe

Sharding = Literal["none", "zero1", "zero2", "zero3", "fsdp"]
LAUNCHES: Final = Path(__file__).parents[1] / "recipes" / "accelerate"
"""Folder of the launch files that come with the harness."""
_STAGES: Final[Mapping[int, Sharding]] = {1: "zero1", 2: "zero2", 3: "zero3"}
"""By the number that DeepSpeed gives them."""
_DEFAULT: Final = "zero3"
"""Of several GPUs, where no launch file is named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """GPUs of one kind and what a launcher makes of them.

    Attributes:
        gpus: all of them, one process each.
        nodes: machines that they are in.
        memory: bytes of each; `None`: not known, so that nothing can be said to be too much.
        sharding: how weights, gradients and optimiser are divided (ZeRO's stages, FSDP 2).
        offloads: the optimiser's state is in the memory of the host.
        on_gpu: whether it has GPUs at all.
        launch: the launch file, for people; `None`: one process without a launcher.
    """

    gpus: int = 1
    nodes: int = 1
    memory: int | None = None
    sharding: Sharding = "none"
    offloads: bool = False
    on_gpu: bool = True
    launch: str | None = None


def plan_machine(gpus: int | None, gpu_memory: float | None, launch: str | None) -> Machine:
    """The machine that is named on the command line, or the one that this process runs on.

    Args:
        gpus: number of GPUs; `None`: as many as the launch file starts processes.
        gpu_memory: GiB of each; `None`: this machine's, if it has any.
        launch: a configuration of `accelerate launch`, by path or by the name of one that comes with the harness.

    Raises:
        UsageError: there is no such file, it is none of a launcher, or a number is not above 0.
        StoreError: a configuration of DeepSpeed that it names cannot be read.
    """
    import torch

    check_above_zero("--gpus", gpus)
    check_above_zero("--gpu-memory", gpu_memory)
    here = torch.cuda.is_available()
    if gpu_memory is None and here:
        gpu_memory = torch.cuda.get_device_properties(0).total_memory / 2**30
    memory = None if gpu_memory is None else int(gpu_memory * 2**30)
    on_gpu = here or gpus is not None or memory is not None or launch is not None
    if launch is None and (gpus or world_size()) > 1:
        launch = _DEFAULT
    if launch is None:
        return Machine(memory=memory, on_gpu=on_gpu)
    path = _find(launch)
    settings = _read(path)
    sharding, offloads = _sharding(settings, path)
    return Machine(
        gpus=gpus or _whole(settings, "num_processes", 1, path),
        nodes=_whole(settings, "num_machines", 1, path),
        memory=memory,
        sharding=sharding,
        offloads=offloads,
        launch=str(path),
    )


def check_above_zero(option: str, value: float | None) -> None:
    """Refuse a number of the command line that is not above 0, or not finite; `None` is one that was not given.

    Raises:
        UsageError: it is.
    """
    if value is not None and not 0 < value < inf:
        raise UsageError(f"{option} {value}: give more than 0.")


def sharding_of(recipe: Recipe, config: Any) -> Sharding:
    """How the recipe, or the launcher of this process, divides the weights.

    Args:
        recipe: resolved.
        config: TRL's, which knows DeepSpeed from both, and FSDP from the recipe alone.
    """
    from trainers.models import uses_fsdp

    if config.deepspeed_plugin is not None:
        return _STAGES.get(int(config.deepspeed_plugin.zero_stage), "none")
    return "fsdp" if uses_fsdp(recipe) else "none"


def _find(name: str) -> Path:
    known = sorted(path.stem for path in LAUNCHES.glob("*.yaml"))
    for path in (Path(name), LAUNCHES / f"{name}.yaml"):
        if path.is_file():
            return path
    raise UsageError(f"--launch {name}: no such file. Those that come with the harness: {', '.join(known)}.")


def _read(path: Path) -> Mapping[str, Any]:
    try:
        settings = yaml.safe_load(read_text(path))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise UsageError(f"--launch {path} cannot be read: {' '.join(str(error).split())}") from error
    if not isinstance(settings, dict) or "distributed_type" not in settings:
        raise UsageError(f"--launch {path} is no configuration of 'accelerate launch': it has no distributed_type.")
    return settings


def _sharding(settings: Mapping[str, Any], path: Path) -> tuple[Sharding, bool]:
    kind = str(settings["distributed_type"])
    if kind == "FSDP":
        fsdp = _part(settings, "fsdp_config", path)
        if _whole(fsdp, "fsdp_version", 1, path) != 2:
            raise UsageError(f"--launch {path}: FSDP 1 is not planned for. Set fsdp_version: 2.")
        return "fsdp", bool(fsdp.get("fsdp_offload_params"))
    if kind == "DEEPSPEED":
        zero = _part(settings, "deepspeed_config", path)
        own = str(zero.get("deepspeed_config_file") or "none")
        if own == "none":  # Else Accelerate takes nothing from here.
            return _stage(zero, "zero_stage", 2, path), _offloads(zero.get("offload_optimizer_device"))
        path = Path(own).expanduser()
        zero = _part(read_json(path), "zero_optimization", path)
        if zero.get("stage") == "auto":  # Left to Accelerate, which is told nothing.
            zero = {**zero, "stage": 2}
        return _stage(zero, "stage", 0, path), _offloads(_part(zero, "offload_optimizer", path).get("device"))
    return "none", False


def _offloads(device: Any) -> bool:
    return str(device or "none").lower() not in ("none", "auto")


def _stage(settings: Mapping[str, Any], name: str, default: int, path: Path) -> Sharding:
    return _STAGES.get(_whole(settings, name, default, path, least=0), "none")


def _part(settings: Mapping[str, Any], name: str, path: Path) -> Mapping[str, Any]:
    part = settings.get(name) or {}
    if not isinstance(part, Mapping):
        raise UsageError(f"--launch {path}: {name} is {part!r}, and should hold settings.")
    return part


def _whole(settings: Mapping[str, Any], name: str, default: int, path: Path, *, least: int = 1) -> int:
    value = settings.get(name)
    value = default if value is None else value
    if isinstance(value, bool) or not str(value).isdecimal() or int(value) < least:  # Accelerate takes texts, too.
        raise UsageError(f"--launch {path}: {name} is {value!r}, and should be a whole number of at least {least}.")
    return int(value)
