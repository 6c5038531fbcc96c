from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import huggingface_hub
import pytest
from huggingface_hub.errors import LocalEntryNotFoundError
from huggingface_hub.utils import filter_repo_objects
from support_benchmarks import write_all

from harness.benchmarks import fetch
from harness.benchmarks.data import load_data
from harness.benchmarks.layouts import list_files
from harness.benchmarks.registry import get_benchmark
from harness.core.errors import DataError

SHA = "0123456789abcdef0123456789abcdef01234567"


class Hub:
    """The hub's data sets as folders, and a record of what was asked of it."""

    def __init__(self, root: Path, cache: Path) -> None:
        self.root, self.cache = root, cache
        self.asked: list[str] = []
        self.error: Exception | None = None

    def _folder(self, repo: str) -> Path:
        return (
            self.root
            / {"POPE": "pope", "VideoHallucer": "videohallucer", "MMBench": "mmbench", "MMVU": "mmvu"}[
                repo.split("/")[-1]
            ]
        )

    def dataset_info(self, repo: str, **options: Any) -> Any:
        self.asked.append(f"info {repo}@{options['revision']}")
        if self.error is not None:
            raise self.error
        names = list_files(self._folder(repo))
        return SimpleNamespace(sha=SHA, siblings=[SimpleNamespace(rfilename=name) for name in names])

    def hf_hub_download(self, repo: str, name: str, **options: Any) -> str:
        return str(self._folder(repo) / name)

    def snapshot_download(
        self,
        repo: str,
        *,
        repo_type: str,
        revision: str,
        allow_patterns: Sequence[str] = (),
        local_files_only: bool = False,
    ) -> str:
        place = self.cache / repo.replace("/", "--") / SHA
        if local_files_only:
            if not place.is_dir():
                raise LocalEntryNotFoundError("not cached")
            return str(place)
        self.asked.append(f"files of {repo}@{revision}")
        for name in filter_repo_objects(list_files(self._folder(repo)), allow_patterns=list(allow_patterns)):
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(self._folder(repo) / name, place / name)
        return str(place)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_all(tmp_path_factory.mktemp("published"))


@pytest.fixture
def hub(published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hub:
    hub = Hub(published, tmp_path / "cache")
    monkeypatch.setattr(huggingface_hub, "HfApi", lambda: hub)
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", hub.hf_hub_download)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", hub.snapshot_download)
    monkeypatch.setattr(fetch, "hub_unreachable_reason", lambda: None)
    return hub


def load(task: str, data: str = "hub") -> Any:
    return load_data(get_benchmark(task), data)


@pytest.mark.parametrize(("task", "count", "files"), [("pope", 30, 3), ("videohallucer", 30, 20), ("mmvu", 6, 7)])
def test_hub_data_are_fetched_and_named_by_commit(hub: Hub, task: str, count: int, files: int) -> None:
    benchmark = load(task)
    source = get_benchmark(task).source
    assert len(benchmark.samples) == count
    assert benchmark.source == f"hub:{source.hub}@{SHA}"
    assert hub.asked == [f"info {source.hub}@{source.revision}", f"files of {source.hub}@{SHA}"]
    # The rows, their media and the card; no other configuration.
    assert len(list_files(benchmark.folder)) == files
    assert all((benchmark.folder / name).is_file() or "[" in name for name in _media(benchmark))


def _media(benchmark: Any) -> list[str]:
    return [sample.media[0].source for sample in benchmark.samples]


def test_only_the_configuration_is_fetched(hub: Hub) -> None:
    assert list_files(load("mmbench").folder) == ["en/dev-00000-of-00001.parquet"]


def test_cache_serves_when_the_hub_is_away(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    fetched = load("pope")
    monkeypatch.setattr(fetch, "hub_unreachable_reason", lambda: "the hub cannot be reached")
    hub.asked.clear()
    again = load("pope")
    assert (again.source, len(again.samples)) == (fetched.source, 30)
    assert hub.asked == []


def test_cache_serves_when_asking_fails(hub: Hub) -> None:
    load("pope")
    hub.error = ConnectionError("reset by peer")
    assert len(load("pope").samples) == 30


def test_offline_without_a_copy_is_one_error_at_once(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "hub_unreachable_reason", lambda: "the hub cannot be reached (timed out)")
    with pytest.raises(DataError) as caught:
        load("pope")
    message = str(caught.value)
    assert "pope: data set lmms-lab-encoder/POPE is not in the local hub cache" in message
    assert "the hub cannot be reached (timed out)" in message
    assert "hf download --repo-type dataset lmms-lab-encoder/POPE" in message
    assert "--data DIR" in message
    assert hub.asked == []


def test_failed_download_says_why(hub: Hub) -> None:
    hub.error = ConnectionError("reset by peer\nsecond line")
    with pytest.raises(DataError, match=r"fetching it failed \(reset by peer\)\. Fetch it"):
        load("pope")


def test_incomplete_cache_is_not_taken_for_the_data_set(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = load("videohallucer").folder
    (folder / "temporal/temporal.json").unlink()
    monkeypatch.setattr(fetch, "hub_unreachable_reason", lambda: "the hub is away")
    with pytest.raises(DataError, match="not in the local hub cache"):
        load("videohallucer")


def test_hub_data_set_of_another_layout(hub: Hub, published: Path, tmp_path: Path) -> None:
    hub.root = tmp_path / "other"
    shutil.copytree(published / "videohallucer", hub.root / "videohallucer")
    shutil.rmtree(hub.root / "videohallucer/semantic_detail")
    with pytest.raises(DataError, match=r"ColorfulAI/VideoHallucer at 0123.* has no semantic_detail\.json"):
        load("videohallucer")
    (hub.root / "pope").mkdir()
    with pytest.raises(DataError, match=r"has no data/test-\*\.parquet"):
        load("pope")


def test_unknown_data_set(hub: Hub) -> None:
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    hub.error = RepositoryNotFoundError.__new__(RepositoryNotFoundError)
    with pytest.raises(DataError, match="the hub has no data set lmms-lab-encoder/POPE at revision main"):
        load("pope")
    hub.error = GatedRepoError.__new__(GatedRepoError)
    with pytest.raises(DataError, match="is gated"):
        load("pope")


def test_offline_switch_needs_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("socket.create_connection", lambda *arguments, **options: pytest.fail("asked the network"))
    with pytest.raises(DataError, match="HF_HUB_OFFLINE forbids asking the hub"):
        load("mmvu")
