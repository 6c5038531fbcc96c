"""What a model of stock lmms-eval imports and its package does not ask for, so that its own command ends at once."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from functools import cache
from importlib import util
from pathlib import Path
from typing import Final

_PACKAGE: Final = "lmms_eval"
_MODELS: Final = ("qwen2_5_vl", "qwen3_vl", "llava_hf", "vllm", "openai", "huggingface")
"""Those that its own pages show, and that checkpoints of the families here are run with."""
_BRING: Final = {"PIL": "pillow", "cv2": "opencv-python-headless", "yaml": "pyyaml", "sklearn": "scikit-learn"}
"""Packages that are called otherwise than what they bring."""


def missing_imports() -> dict[str, list[str]]:
    """By model of lmms-eval, the packages that it imports first of all and that are not here, as pip knows them.

    Nothing is imported: the files are read, and those of lmms-eval's that they import in turn.
    """
    found = util.find_spec(_PACKAGE)
    if found is None or found.origin is None:
        return {}
    folder = Path(found.origin).parent
    by_model: dict[str, list[str]] = {}
    for model in _MODELS:
        files = [folder / "models" / kind / f"{model}.py" for kind in ("chat", "simple")]
        # The chat model is what lmms-eval takes where it has both.
        seen = _reachable([folder / "__main__.py", *[file for file in files if file.is_file()][:1]], folder.parent)
        names = {name for path in seen for name in _imported(path) if name.partition(".")[0] != _PACKAGE}
        lacking = sorted({top for name in names if util.find_spec(top := name.partition(".")[0]) is None})
        if lacking:
            by_model[model] = [_BRING.get(name, name) for name in lacking]
    return by_model


def _reachable(paths: list[Path], root: Path) -> set[Path]:
    """The files of lmms-eval that importing some of them imports."""
    seen: set[Path] = set()
    while paths:
        path = paths.pop()
        if path in seen:
            continue
        seen.add(path)
        for name in _imported(path):
            if name.partition(".")[0] == _PACKAGE:
                place = root.joinpath(*name.split("."))
                paths += [file for file in (place.with_suffix(".py"), place / "__init__.py") if file.is_file()]
    return seen


@cache
def _imported(path: Path) -> Sequence[str]:
    """Modules that a file imports whatever happens: not under `try` or `if`, nor in functions."""
    names: list[str] = []
    for statement in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(statement, ast.Import):
            names += [alias.name for alias in statement.names]
        elif isinstance(statement, ast.ImportFrom) and statement.module is not None and not statement.level:
            names.append(statement.module)
            if statement.module.partition(".")[0] == _PACKAGE:  # Of a package, perhaps a module.
                names += [f"{statement.module}.{alias.name}" for alias in statement.names]
    return names
