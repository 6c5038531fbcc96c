"""A wheel holds every file of the packages, and every benchmark's folder."""

import runpy
from pathlib import Path
from typing import Any

import pytest
import setuptools

ROOT = Path(__file__).parents[1]


def test_a_wheel_holds_every_file(monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, Any] = {}
    monkeypatch.setattr(setuptools, "setup", lambda **arguments: given.update(arguments))
    monkeypatch.chdir(ROOT)
    runpy.run_path("setup.py")
    packed: set[Path] = set()
    for package in given["packages"]:
        folder = package.replace(".", "/").replace("harness/_tasks", "tasks")
        for pattern in ("*.py", *given["package_data"].get(package, ())):
            packed.update(path for path in Path(folder).glob(pattern) if path.is_file())
    there = {
        path
        for pattern in ("harness/**/*", "trainers/**/*", "leaderboards/**/*", "tasks/*/*")
        for path in Path().glob(pattern)
        if path.is_file() and "__pycache__" not in path.parts and path.parts[:2] != ("leaderboards", "demo")
    }
    assert there - packed == set()
    assert {Path("tasks/pope/benchmark.py"), Path("harness/answers/reading.py")} <= packed
