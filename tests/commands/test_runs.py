"""`harness runs` on folders of runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support_leaderboards import write_run
from support_runs import make_record

from harness.cli import main
from harness.core.files import hold_lock
from harness.runs.config import LOCK
from harness.runs.folder import RunFolder


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """A finished run, and one that was begun."""
    write_run(tmp_path / "runs" / "done")
    begun = RunFolder(tmp_path / "runs" / "begun", {"seed": 0})
    for _ in range(2):  # A sample that is stored twice is one.
        begun.append(make_record("a"))
    begun.close()
    return tmp_path / "runs"


def test_runs_are_listed(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs", "list", str(runs), "--json"]) == 0
    begun, done = json.loads(capsys.readouterr().out)
    assert (begun["run"], begun["samples"], begun["started"]) == (str(runs / "begun"), 1, "not finished")
    record = json.loads((runs / "done" / "run.json").read_text())
    assert done["model"] == record["model"]
    assert done["headlines"].startswith(next(iter(record["tasks"])))
    (runs / "done" / "run.json").write_text("{")
    assert main(["runs", "list", str(runs)]) == 0
    assert "cannot be used" in capsys.readouterr().out
    (runs / "done" / "run.json").write_text(json.dumps(record))
    for text, why in (("", "was changed after the run had ended"), (None, "samples.jsonl cannot be read")):
        samples = runs / "done" / "samples.jsonl"
        samples.unlink() if text is None else samples.write_text(text)
        assert main(["runs", "list", str(runs)]) == 0
        assert f"cannot be used: {runs / 'done'}" in (told := capsys.readouterr().out)
        assert why in told


def test_a_folder_without_runs_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs", "list", str(tmp_path)]) == 0
    assert "no run in" in capsys.readouterr().out
    assert main(["runs", "list", str(tmp_path / "nowhere")]) == 2


def test_a_run_is_shown(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs", "show", str(runs / "done")]) == 0
    shown = capsys.readouterr().out
    assert "95 % interval" in shown
    assert '"seed"' in shown
    assert main(["runs", "show", str(runs / "begun")]) == 2


def test_runs_and_nothing_else_are_deleted(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done, begun = runs / "done", runs / "begun"
    assert main(["runs", "rm", str(done), str(runs)]) == 2
    assert f"{runs} is no run folder" in capsys.readouterr().err
    assert main(["runs", "rm", str(done)]) == 0
    assert done.is_dir()
    assert "--yes" in capsys.readouterr().out
    with hold_lock(begun / LOCK):
        assert main(["runs", "rm", "--yes", str(begun)]) == 2
    assert "another process is writing" in capsys.readouterr().err
    assert main(["runs", "rm", "--yes", str(done), str(begun)]) == 0
    assert not done.exists()
    assert not begun.exists()
    (runs / "link").symlink_to(runs)
    assert main(["runs", "rm", "--yes", str(runs / "link")]) == 2


def test_a_run_inside_another_is_not_deleted_unnamed(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    inner = runs / "done" / "kept"
    write_run(inner)
    assert main(["runs", "rm", "--yes", str(runs / "done")]) == 2
    assert f"is not deleted: {inner}." in capsys.readouterr().err
    assert main(["runs", "rm", "--yes", str(inner), str(runs / "done")]) == 2
    assert main(["runs", "rm", "--yes", str(inner)]) == 0
    assert main(["runs", "rm", "--yes", str(runs / "done")]) == 0


def test_what_no_run_wrote_is_named_and_not_deleted(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done = runs / "done"
    write_run(done / "repeats" / "seed-1")
    theirs = (done / "checkpoint-2" / "weights", done / "notes.md", done / "repeats" / "seed-1" / "config.json.old")
    theirs[0].parent.mkdir()
    for file in theirs:
        file.touch()
    before = sorted(done.rglob("*"))
    for yes in ([], ["--yes"]):
        assert main(["runs", "rm", *yes, str(runs / "begun"), str(done)]) == 2
        assert ", ".join(map(str, (theirs[0].parent, *theirs[1:]))) in capsys.readouterr().err
    assert sorted(done.rglob("*")) == before
    assert (runs / "begun").is_dir()
    for file in theirs:
        file.unlink()
    theirs[0].parent.rmdir()
    assert main(["runs", "rm", "--yes", str(done)]) == 0
    assert not done.exists()
