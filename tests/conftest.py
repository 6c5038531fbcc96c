"""Settings of every test: no network, one thread a process."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

pytest_plugins = ["support_browser"]

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


def pytest_configure(config: pytest.Config) -> None:
    # TRL warns of every vLLM that is newer than itself; the tests say whether the two get along.
    config.addinivalue_line("filterwarnings", "ignore:TRL currently supports vLLM versions")


@pytest.fixture(scope="session")
def family_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The tiny checkpoint of a family, by its name; each is built once."""
    from support_families import build

    folder = tmp_path_factory.mktemp("families")

    def checkpoint(name: str) -> Path:
        there = folder / name
        return there if there.is_dir() else build(name, there)

    return checkpoint
