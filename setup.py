"""Packages of the distribution; everything else is in pyproject.toml.

`tasks/` is data at the top of the repository, where lmms-eval's `--include_path` finds it; a wheel carries it as
`harness/_tasks`.
"""

from pathlib import Path

from setuptools import find_packages, setup

TASKS = sorted(path.name for path in Path("tasks").iterdir() if path.is_dir() and not path.name.startswith("_"))

setup(
    packages=[
        *find_packages(include=["harness*", "trainers*", "leaderboards*"]),
        "harness._tasks",
        *(f"harness._tasks.{name}" for name in TASKS),
    ],
    package_dir={"harness._tasks": "tasks"},
    package_data={
        "harness._tasks": ["*.yaml", "*/*.yaml", "*/*.py"],
        "harness.demo": ["checkpoints/*/*", "experiment/plan.yaml"],
        "harness.reports": ["templates/*"],
        "leaderboards": ["templates/*", "reference/*.yaml"],
        "trainers": ["recipes/**/*.yaml"],
    },
)
