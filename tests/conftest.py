"""Settings of every test: no network, one thread a process."""

import os

import pytest

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


def pytest_configure(config: pytest.Config) -> None:
    # TRL warns of every vLLM that is newer than itself; the tests say whether the two get along.
    config.addinivalue_line("filterwarnings", "ignore:TRL currently supports vLLM versions")
