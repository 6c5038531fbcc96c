"""Settings of every test, and which of several processes runs which tests.

What a test costs: importing Transformers takes four seconds of a processor, TRL as many more, an engine of vLLM twelve.
So a cheap test calls `harness.cli.main` in this process. One that is about a process of its own, killed or launched,
starts it by `support_processes`, which forks one that has imported all this already. And before a test makes a
checkpoint, a run, or a training, it looks for one to read, or to copy and change: a fixture of its module, or

    family_checkpoint(NAME)      the tiny checkpoint of a family of models
    demo_cache                   a cache folder of the test's own, which holds the demo data
    support_training.train_tiny  two steps of training
"""

import gc
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tqdm

from harness.core.collecting import collect_again

pytest_plugins = ["support_browser"]

gc.disable()  # Until all is imported, which stays: see `harness.core.collecting`.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # Threads that wait leave the processor to other tests.
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
tqdm.tqdm.monitor_interval = 0  # Where a thread watches bars, vLLM's process is not forked.

_FIRST = (
    "test_vllm_errors",  # Before vLLM has been sent anything, which leaves a thread behind.
    "test_vllm",
    "doctor/test_engines",
    "trainers/test_kills",
    "trainers/test_training",
    "test_ranks",
    "trainers/",
)
"""What takes longest, so that no process is left with it at the end."""


def pytest_configure(config: pytest.Config) -> None:
    # TRL warns of every vLLM that is newer than itself; the tests say whether the two get along.
    config.addinivalue_line("filterwarnings", "ignore:TRL currently supports vLLM versions")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if hasattr(config, "workerinput"):
        places = [*_FIRST, ""]
        items.sort(key=lambda item: next(place for place, part in enumerate(places) if part in item.nodeid))


def pytest_collection_finish() -> None:
    collect_again()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """`-n 2`: one process runs a whole file, so that its fixtures are made once; all tests of a family; and vLLM's."""
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):  # type: ignore[misc]  # pytest-xdist is not typed for subclasses.
        def _split_scope(self, nodeid: str) -> str:
            file, _, test = nodeid.partition("::")
            if family := re.search(r"\[(\w+)", test) if file.endswith("/test_families.py") else None:
                return family[1]
            return "vllm" if file.endswith(("test_vllm.py", "test_vllm_errors.py", "doctor/test_engines.py")) else file

    config.option.loadscopereorder = False
    return ByFile(config, log)


@pytest.fixture(scope="session")
def family_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The tiny checkpoint of a family, by its name; each is built once."""
    from support_families import build

    folder = tmp_path_factory.mktemp("families")

    def checkpoint(name: str) -> Path:
        there = folder / name
        return there if there.is_dir() else build(name, there)

    return checkpoint


@pytest.fixture
def demo_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder of the test's own, which holds the demo data and nothing else."""
    from harness.demo.data import demo_data

    data, folder = demo_data(), tmp_path / "cache"
    (folder / "harness").mkdir(parents=True)
    (folder / "harness" / data.name).symlink_to(data)
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    return folder
