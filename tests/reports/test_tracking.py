"""The results of a run reach trackers, by the trackers' own libraries without a network."""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support_leaderboards import write_diagnostics, write_run

from harness.cli import main
from harness.core.errors import UsageError
from harness.reports.tracking import check_trackers, track_run
from harness.runs.folder import RunFolder, read_run
from harness.runs.records import read_records

pytestmark = pytest.mark.filterwarnings("ignore")  # Those of other libraries, of which some end with a program.


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A diagnosed run of a checkpoint on this machine; trackers write below its folder, and ask no server."""
    for name, value in (
        ("WANDB_MODE", "offline"),
        ("WANDB_DIR", str(tmp_path)),
        ("WANDB_SILENT", "true"),
        ("MLFLOW_TRACKING_URI", f"file://{tmp_path / 'mlruns'}"),
        ("MLFLOW_ALLOW_FILE_STORE", "true"),
        ("TRACKIO_DIR", str(tmp_path / "trackio")),
        # A launcher's: the other process would never come.
        ("WORLD_SIZE", "2"),
        ("RANK", "0"),
        ("LOCAL_RANK", "0"),
        ("MASTER_ADDR", "127.0.0.1"),
        ("MASTER_PORT", "1"),
    ):
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    folder = write_run(tmp_path / "run-a", model=str(tmp_path / "checkpoints" / "base"), counts=60)
    write_diagnostics(folder, perception=0.1)
    return folder


def expected(run: Path) -> dict[str, float]:
    metric = read_run(run).tasks["pope"].metrics["mean/accuracy"]
    assert metric.value is not None
    assert metric.stderr is not None
    return {
        "pope/mean/accuracy": metric.value,
        "pope/mean/accuracy_stderr": metric.stderr,
        "counts/pope/samples": 60,
        "diagnosis/all/caption_fidelity": 0.9,
        "diagnosis/all/caption_fidelity_stderr": 0.02,
    }


def test_a_diagnosis_of_older_samples_is_not_sent(run: Path) -> None:
    stored = json.loads((run / "diagnostics.json").read_text())
    (run / "diagnostics.json").write_text(json.dumps(stored | {"of": "sha256:0"}))
    problem, *_ = track_run(run, ["no such tracker"])
    assert "was diagnosed before the run ended" in problem


def test_tensorboard(run: Path) -> None:
    from accelerate import PartialState

    before = dict(PartialState._shared_state)
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator").EventAccumulator
    assert main(["publish", str(run), "--track", "tensorboard"]) == 0
    events = accumulator(str(run / "tensorboard"))
    events.Reload()
    for name, value in expected(run).items():
        assert events.Scalars(name)[0].value == pytest.approx(value, abs=1e-6)
    (report,) = events.Tensors("report/text_summary")
    assert b"pope/mean/accuracy" in report.tensor_proto.string_val[0]
    (stored,) = (run / "tensorboard").glob("*/hparams.yml")
    assert "prompt_format: grounded" in stored.read_text()
    assert str(run.parent) not in stored.read_text()
    assert before == PartialState._shared_state  # A training that follows asks for the processes itself.


def test_wandb(run: Path) -> None:
    pytest.importorskip("wandb")
    from wandb.proto.wandb_internal_pb2 import Record
    from wandb.sdk.internal.datastore import DataStore

    assert track_run(run, ["wandb"], label="mine") == []
    (file,) = run.parent.glob("wandb/offline-run-*/*.wandb")
    found: dict[str, str] = {}
    config: dict[str, str] = {}
    deadline = time.monotonic() + 60  # The file is written by another process, after `finish` has returned.
    while "pope/mean/accuracy" not in found and time.monotonic() < deadline:
        store = DataStore()
        store.open_for_scan(str(file))
        while (data := store.scan_data()) is not None:
            record = Record()
            record.ParseFromString(data)
            found |= {"/".join(of.nested_key) or of.key: of.value_json for of in record.history.item}
            for of in (*record.config.update, *record.run.config.update):
                config[of.key] = of.value_json
    for name, value in expected(run).items():
        assert json.loads(found[name]) == pytest.approx(value)
    assert json.loads(config["prompt_format"]) == "grounded"
    assert str(run.parent) not in json.dumps(config)
    (table,) = run.parent.glob("wandb/offline-run-*/files/media/table/*.json")
    written = json.loads(table.read_text())
    assert len(written["data"]) == 120
    assert written["columns"][:4] == ["task", "id", "question", "target"]


def test_mlflow(run: Path) -> None:
    pytest.importorskip("mlflow")
    from mlflow import MlflowClient

    assert track_run(run, ["mlflow"]) == []
    client = MlflowClient()
    experiment = client.get_experiment_by_name("harness")
    (found,) = client.search_runs([experiment.experiment_id])
    assert {name: found.data.metrics[name] for name in expected(run)} == pytest.approx(expected(run))
    assert found.data.params["prompt_format"] == "grounded"
    assert found.info.run_name == "run-a"
    (table,) = run.parent.glob("mlruns/*/*/artifacts/samples.json")
    assert len(json.loads(table.read_text())["data"]) == 120


def test_trackio(run: Path) -> None:
    pytest.importorskip("trackio")
    import sqlite3

    assert track_run(run, ["trackio"]) == []
    with sqlite3.connect(run.parent / "trackio" / "harness.db") as connection:
        scores, table = (
            json.loads(text) for (text,) in connection.execute("select metrics from metrics order by step")
        )
    assert {name: scores[name] for name in expected(run)} == pytest.approx(expected(run))
    assert len(table["samples"]["_value"]) == 120


def test_what_must_not_leave_stays(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key, finished = "hf_" + "Ab1" * 12, read_run(run)
    first, *others = read_records(run)
    response = replace(first.response, text=f"No. {key}", error=f"media: image missing: /home/u/secret/1.png {key}")
    args = {"speculative_config": "{'model': '/home/u/private/draft'}", "other": key}
    settings = {**finished.settings, "system_prompt": "/no_think Look.", "engine_settings": {"engine_args": args}}
    again = RunFolder(run, settings, fresh=True)
    for record in (replace(first, sample=replace(first.sample, question=f"Is {key} red?"), response=response), *others):
        again.append(record)
    again.complete(replace(finished, settings=settings))
    again.close()
    sent: list[Any] = []
    monkeypatch.setattr("harness.reports.tracking._send", lambda *given: sent.extend(given[3:]))
    assert track_run(run, ["wandb"]) == []
    config, _, table = sent
    assert config["settings.system_prompt"] == "/no_think Look."
    assert config["settings.engine_settings.engine_args.speculative_config"] == "{'model': '…/draft'}"
    row = table[table["id"] == first.sample.id].iloc[0]
    assert (row["question"], row["response"]) == ("Is *** red?", "No. ***")
    assert row["error"] == "media: image missing: …/1.png ***"
    assert key not in f"{config} {table.to_json()}"


def test_what_is_missing_is_said_before_anything_is_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("accelerate.tracking.get_available_trackers", list)
    assert main(["eval", "--model", "/nowhere", "--tasks", "none", "--track", "wandb"]) == 2
    assert "--track wandb: it is not installed. Type: pip install wandb" in capsys.readouterr().err
    with pytest.raises(UsageError, match="no such tracker"):
        check_trackers(["comet"])
    assert check_trackers([]) == ()


def test_a_tracker_that_fails_costs_nothing_but_itself(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: Any) -> None:
        raise ConnectionError("https://me:secret@host is away")

    monkeypatch.setattr("accelerate.tracking.WandBTracker.start", fail)
    before = {path: path.read_bytes() for path in run.iterdir() if path.is_file()}
    assert main(["publish", str(run), "--track", "wandb,tensorboard"]) == 1
    told = capsys.readouterr()
    assert "wandb was not sent the results: https://***@host is away. Nothing is lost" in told.err
    assert "tensorboard has the results" in told.out
    assert {path: path.read_bytes() for path in before} == before


def test_an_evaluation_sends_its_results(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("WORLD_SIZE", "RANK", "LOCAL_RANK"):
        monkeypatch.delenv(name)
    recorded = run.parent / "responses.jsonl"
    names = [f"{split}/{n}" for split in ("random", "popular", "adversarial") for n in range(300)]
    recorded.write_text("".join(json.dumps({"id": name, "response": "yes"}) + "\n" for name in names))
    shutil.rmtree(run)
    command = ["eval", "--model", "recorded", "--tasks", "pope", "--data", "demo", "--engine", "replay", "--json"]
    command += ["--responses", str(recorded), "--limit", "24", "--out", str(run), "--track", "tensorboard"]
    command += ["--no-diagnose", "--repeats", "2", "--temperature", "1"]
    assert main(command) == 0
    assert json.loads(capsys.readouterr().out)["id"] == "run-a"
    assert list((run / "tensorboard").glob("events*"))
    assert list((run / "repeats" / "seed-1" / "tensorboard").glob("events*"))
    sent = set(run.rglob("events*"))
    assert main(command) == 0
    assert set(run.rglob("events*")) == sent
    told = capsys.readouterr().err
    assert f"{run} was finished before, and is not sent again: 'harness publish {run} --track tensorboard'" in told
    assert main(["publish", str(run), "--track", "tensorboard"]) == 0
    for folder in (run, run / "repeats" / "seed-1"):
        assert set((folder / "tensorboard").rglob("events*")) - sent
