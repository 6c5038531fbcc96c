"""A run as a data set of the hub: `datasets` loads it, boards are built of it, and what must not leave stays."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import huggingface_hub
import pytest
from huggingface_hub.errors import RepositoryNotFoundError
from support_leaderboards import write_diagnostics, write_run

from harness.cli import main
from harness.core.types import Media
from harness.diagnostics.diagnose import diagnose
from harness.runs.folder import RunFolder, read_run
from harness.runs.records import read_records
from leaderboards.runs import load_runs

KEY = "hf_" + "Ab1" * 12
PASSWORD = "correct-horse-7-battery"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A diagnosed run with what a machine has of its own in every text of it."""
    monkeypatch.setenv("MY_API_KEY", PASSWORD)
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.chdir(tmp_path)
    folder = write_run(tmp_path / "runs" / "a", model=str(tmp_path / "checkpoints" / "base"), counts=60)
    records, finished = list(read_records(folder)), read_run(folder)
    first = records[0]
    records[0] = replace(
        first,
        sample=replace(
            first.sample,
            media=(Media(kind="image", source=f"{tmp_path}/gated/1.png"),),
            attributes={"image": "/srv/x/1.png"},
        ),
        response=replace(first.response, text=f"No. {PASSWORD} {KEY} </think> square/root /usr/bin/env /home/me/x"),
        verdict=replace(first.verdict, reason=f"missing:/srv/videos/1.mp4, file:///srv/a/b, {tmp_path}/x"),
    )
    settings = {
        **finished.settings,
        "engine_settings": {"responses": f"{tmp_path}/r.jsonl", "url": "http://me:pw@host/v1"},
    }
    again = RunFolder(folder, settings, fresh=True)
    for record in records:
        again.append(record)
    again.complete(replace(finished, settings=settings))
    again.close()
    write_diagnostics(folder, perception=0.1)
    (folder / "report.md").write_text(f"# {finished.model}\n")
    (folder / "report.html").write_text("<img src='data:image/png;base64,AAAA'>")
    return folder


def test_a_dry_run_writes_what_loads_and_asks_nobody(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(huggingface_hub, "HfApi", None)
    for _ in range(2):  # The folder may be written again.
        assert main(["publish", str(run)]) == 0
    out = tmp_path / "published" / "a"
    told = capsys.readouterr().out
    assert "README.md (" in told
    assert "dry run" in told
    from datasets import get_dataset_config_names, load_dataset

    assert get_dataset_config_names(str(out)) == ["pope", "videohallucer"]
    table = load_dataset(str(out), "pope", split="test", cache_dir=str(tmp_path / "cache"))
    assert len(table) == 60
    stored = [record for record in read_records(run) if record.sample.task == "pope"]
    assert table["id"] == [record.sample.id for record in stored]
    assert table["status"] == [record.verdict.status for record in stored]
    card = huggingface_hub.DatasetCard.load(out / "README.md")
    result = read_run(run).tasks["pope"]
    scores = card.data.scores["pope"]
    assert scores["value"] == result.metrics[result.headline].value
    assert card.data.protocol["prompt"] == "grounded"
    assert "Licence" in card.text
    assert main(["leaderboard", "build", "--runs", str(out / "run"), "--out", str(tmp_path / "board")]) == 0
    assert read_run(out / "run").tasks == read_run(run).tasks


def test_a_published_diagnosis_is_of_the_published_run(run: Path) -> None:
    diagnose(run)
    assert main(["publish", str(run), "--out", "out"]) == 0
    (found,), problems = load_runs([Path("out/run")])
    assert (found.diagnostics is not None, problems) == (True, [])


def test_what_must_not_leave_stays(run: Path, tmp_path: Path) -> None:
    assert main(["publish", str(run), "--out", "out"]) == 0
    import pandas

    files = sorted(path for path in Path("out").rglob("*") if path.is_file())
    assert {path.name for path in files} == {
        *("README.md", "pope.parquet", "videohallucer.parquet", "samples.jsonl", "config.json", "run.json"),
        *("diagnostics.json", "report.md", ".harness-published.json"),
    }
    texts = [pandas.read_parquet(path).to_json() if path.suffix == ".parquet" else path.read_text() for path in files]
    for text in texts:
        for secret in (str(tmp_path), str(tmp_path).replace("/", "\\/"), PASSWORD, KEY, "me:pw", "/srv", "\\/srv"):
            assert secret not in text
    sample = json.loads((Path("out") / "run" / "samples.jsonl").read_text().splitlines()[0])
    assert sample["sample"]["media"][0]["source"] == "…/1.png"
    assert sample["verdict"]["reason"] == "missing:…/1.mp4, file://…/b, …/x"
    assert sample["response"]["text"] == "No. *** *** </think> square/root /usr/bin/env …/x"


def test_a_folder_of_others_is_not_touched(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine = {"README.md": "pip install groundcheck-harness", "data/train.csv": "a", ".env": KEY}
    for name, text in mine.items():
        (tmp_path / "mine" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "mine" / name).write_text(text)
    assert main(["publish", str(run), "--out", str(tmp_path / "mine")]) == 2
    assert "holds something else" in capsys.readouterr().err
    assert {name: (tmp_path / "mine" / name).read_text() for name in mine} == mine
    assert main(["publish", str(tmp_path / "mine")]) == 2


class Hub:
    """The hub's data set `me/run`: its files, or that it is not there."""

    def __init__(self, folder: Path | None = None, *, private: bool = True) -> None:
        self.folder, self.private = folder, private
        self.made: dict[str, Any] | None = None
        self.uploaded: dict[str, Any] = {}

    def __call__(self) -> Hub:
        return self

    def whoami(self) -> dict[str, str]:
        return {"name": "me"}

    def dataset_info(self, repo: str) -> Any:
        if self.folder is None:
            raise RepositoryNotFoundError(
                "none", response=httpx.Response(404, request=httpx.Request("GET", "http://x"))
            )
        names = [path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*") if path.is_file()]
        return SimpleNamespace(private=self.private, siblings=[SimpleNamespace(rfilename=name) for name in names])

    def hf_hub_download(self, repo: str, name: str, *, repo_type: str) -> str:
        return f"{self.folder}/{name}"

    def create_repo(self, repo: str, **options: Any) -> None:
        self.made = options

    def upload_folder(self, **options: Any) -> Any:
        self.uploaded = options
        return SimpleNamespace(commit_url="https://huggingface.co/datasets/me/run/commit/1")


def test_a_push_commits_the_runs_files_and_no_others(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    hub = Hub()
    monkeypatch.setattr(huggingface_hub, "HfApi", hub)
    command = ["publish", str(run), "--push", "me/run", "--private"]
    assert main(command) == 0
    assert hub.made == {"repo_type": "dataset", "private": True}
    assert "committed as me: https://huggingface.co/datasets/me/run/commit/1" in capsys.readouterr().out
    out = tmp_path / "published" / "a"
    ours = sorted(path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file())
    (out / "data" / "train.csv").write_text("a")
    (out / ".env").write_text(KEY)
    hub.folder = out
    assert main(command) == 0
    assert (out / "data" / "train.csv").read_text() == "a"
    assert sorted(hub.uploaded["allow_patterns"]) == ours
    assert set(ours) - {".harness-published.json"} <= set(hub.uploaded["delete_patterns"])
    assert not {"data/train.csv", ".env"} & set(hub.uploaded["delete_patterns"])
    assert main(["publish", str(run), "--private"]) == 2


def test_a_data_set_that_is_public_or_of_something_else_is_not_pushed_to(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    hub = Hub(other, private=False)
    monkeypatch.setattr(huggingface_hub, "HfApi", hub)
    assert main(["publish", str(run), "--push", "me/run", "--private"]) == 2
    assert "this data set is public" in capsys.readouterr().err
    (other / "train.csv").write_text("a")
    assert main(["publish", str(run), "--push", "me/run"]) == 2
    assert "holds something else than a published run" in capsys.readouterr().err
    assert not hub.uploaded
