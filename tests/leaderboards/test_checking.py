"""A board shows what runs say only where their samples say the same."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from support_leaderboards import score_itself, write_run, write_sealed

from harness.benchmarks.registry import get_benchmark
from harness.commands.leaderboard import add_arguments, run
from leaderboards import checking
from leaderboards.build import BoardConfig, build_board


@pytest.fixture(autouse=True)
def _cache_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


VERSIONS = {task: get_benchmark(task).version for task in ("pope", "videohallucer")}


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    for name in ("a", "b"):
        write_run(tmp_path / "runs" / name, model=name, counts=20, versions=VERSIONS)
    return tmp_path / "runs"


def record_of(folder: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((folder / "run.json").read_text())
    return found


def raise_headline(folder: Path, by: float = 0.1) -> dict[str, object]:
    record = json.loads((folder / "run.json").read_text())
    record["tasks"]["pope"]["metrics"]["mean/accuracy"]["value"] += by
    (folder / "run.json").write_text(json.dumps(record))
    return record_of(folder)


def seal_again(folder: Path) -> None:
    write_sealed(folder, record_of(folder))


def unseal(folder: Path) -> None:
    (folder / "run.json").write_text(json.dumps(record_of(folder) | {"seal": None}))


def change_lines(folder: Path, change: Callable[[list[str]], list[str]]) -> None:
    path = folder / "samples.jsonl"
    path.write_text("".join(change(path.read_text().splitlines(keepends=True))))


def to_right(lines: list[str]) -> list[str]:
    return [line.replace('"status":"incorrect"', '"status":"correct"') for line in lines]


FIGURE = "mean/accuracy of pope is"
CHANGED = "was changed after the run had ended"


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (raise_headline, FIGURE),
        (lambda folder: (raise_headline(folder), seal_again(folder)), FIGURE),
        (lambda folder: (raise_headline(folder), unseal(folder)), FIGURE),
        (
            lambda folder: change_lines(folder, lambda lines: lines[:-1]),
            "samples of videohallucer is 20",
        ),
        (lambda folder: change_lines(folder, lambda lines: lines[:20]), "holds no samples of videohallucer"),
        (lambda folder: change_lines(folder, lambda lines: [*lines, lines[0]]), "holds samples of pope that run.json"),
        (lambda folder: change_lines(folder, to_right), "mean/both of videohallucer is"),
        (lambda folder: (change_lines(folder, to_right), seal_again(folder)), "mean/both of videohallucer is"),
        (
            lambda folder: change_lines(folder, lambda lines: [lines[0].replace("Is there", "Was there"), *lines[1:]]),
            CHANGED,
        ),
        (lambda folder: (folder / "run.json").write_text(json.dumps(record_of(folder) | {"model": "mine"})), CHANGED),
        (lambda folder: (folder / "samples.jsonl").write_bytes(b"\xff\xfe\n"), "is not a sample record"),
        (lambda folder: (folder / "samples.jsonl").write_text(""), "holds no samples of pope"),
        (lambda folder: (folder / "samples.jsonl").unlink(), "cannot be read: No such file"),
        (lambda folder: (folder / "run.json").unlink(), "the run is not finished"),
    ],
)
def test_an_edited_or_incomplete_run_is_left_out_by_name(
    runs: Path, damage: Callable[[Path], object], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import argparse

    assert build_board(BoardConfig(runs=[runs])).problems == []  # What is known of a run is not of an edited one.
    damage(runs / "b")
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    assert run(parser.parse_args(["build", "--runs", str(runs), "--out", str(tmp_path / "out")])) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("warning: left out: ")
    assert str(runs / "b") in line
    assert said in line
    board = json.loads((tmp_path / "out" / "leaderboard.json").read_text())
    assert [row["checkpoint"] for group in board["groups"] for row in group["rows"]] == ["a"]


def test_samples_are_counted_once_in_a_runs_life(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert build_board(BoardConfig(runs=[runs])).problems == []
    monkeypatch.setattr(checking, "read_records", lambda _: pytest.fail("samples were read again"))
    shutil.copytree(runs / "a", runs / "copy")
    assert build_board(BoardConfig(runs=[runs])).problems == []


def test_a_run_without_a_seal_is_known_by_its_samples(runs: Path) -> None:
    unseal(runs / "a")
    assert build_board(BoardConfig(runs=[runs])).problems == []


def test_a_headline_of_another_version_or_of_a_tasks_own_code_is_not_held_against_it(runs: Path) -> None:
    write_run(runs / "old", model="old", counts=20, versions={"pope": "0"})
    raise_headline(runs / "old")
    seal_again(runs / "old")
    score_itself(write_run(runs / "own", model="own", counts=60), "pope")
    assert build_board(BoardConfig(runs=[runs])).problems == []
    change_lines(runs / "own", lambda lines: [line.replace('"hit": 1.0', '"hit": 0.0') for line in lines])
    seal_again(runs / "own")
    assert "all/hit of pope is" in build_board(BoardConfig(runs=[runs])).problems[0]


def test_a_cache_that_cannot_be_written_costs_time_only(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert build_board(BoardConfig(runs=[runs])).problems == []
