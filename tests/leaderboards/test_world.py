"""The synthetic runs that the other tests of the boards are about."""

from __future__ import annotations

from pathlib import Path

from support_leaderboards import write_run

from harness.runs.folder import read_run


def test_a_synthetic_run_is_read_back(tmp_path: Path) -> None:
    record = read_run(write_run(tmp_path / "run", failures=2))
    assert set(record.tasks) == {"pope", "videohallucer"}
    assert record.tasks["pope"].samples == 60
    assert record.tasks["pope"].errors == 2


def test_skill_decides_the_score(tmp_path: Path) -> None:
    weak = read_run(write_run(tmp_path / "weak", model="weak", skills={"pope": 0.5}))
    strong = read_run(write_run(tmp_path / "strong", model="strong", skills={"pope": 0.95}))
    values = [run.tasks["pope"].metrics["mean/accuracy"].value or 0 for run in (weak, strong)]
    assert values[0] + 0.2 < values[1]
