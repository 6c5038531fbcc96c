"""The two commands, as the command line calls them."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

import pytest
from support_leaderboards import write_run, write_world

from harness.commands.leaderboard import add_arguments, run
from harness.core.errors import UsageError


def call(*arguments: object) -> int:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return run(parser.parse_args([str(argument) for argument in arguments]))


def test_build_writes_all_formats(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    world = write_world(tmp_path / "runs", counts=60, steps=(100, 200, 300))
    assert len(list(world.iterdir())) == 8
    assert call("build", "--runs", world, "--baseline", "base", "--out", tmp_path / "out") == 0
    written = capsys.readouterr().out.split()
    assert [Path(path).name for path in written] == [
        *("leaderboard.md", "index.html", "leaderboard.csv", "leaderboard.json", "leaderboard.tex"),
        *("leaderboard-light.svg", "leaderboard-dark.svg"),
    ]
    assert all(Path(path).stat().st_size > 500 for path in written)


@pytest.mark.parametrize("name", ["index.html", "leaderboard.md", "leaderboard.csv"])
def test_a_file_that_is_not_a_boards_is_left_alone(name: str, tmp_path: Path) -> None:
    write_run(tmp_path / "a", counts=20)
    for _ in range(2):  # A board's own are brought up to date.
        assert call("build", "--runs", tmp_path / "a", "--out", tmp_path / "out") == 0
    (tmp_path / "out" / name).write_text("mine, beside harness-leaderboard")
    with pytest.raises(UsageError, match=rf"{name} was not written by 'harness leaderboard'"):
        call("build", "--runs", tmp_path / "a", "--out", tmp_path / "out")
    with pytest.raises(UsageError, match=rf"{name} was not written by 'harness leaderboard'"):
        call("publish", "--runs", tmp_path / "a", "--pages", tmp_path / "out")
    assert (tmp_path / "out" / name).read_text() == "mine, beside harness-leaderboard"


def test_formats_can_be_chosen(tmp_path: Path) -> None:
    write_run(tmp_path / "a", counts=20)
    assert call("build", "--runs", tmp_path / "a", "--out", tmp_path / "out", "--formats", "csv,md") == 0
    assert {path.suffix for path in (tmp_path / "out").iterdir()} == {".csv", ".md", ".svg"}
    with pytest.raises(UsageError, match="'pdf' does not exist"):
        call("build", "--runs", tmp_path / "a", "--out", tmp_path / "out", "--formats", "pdf")


def test_a_folder_that_was_left_out_is_named_and_makes_the_exit_code_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_run(tmp_path / "runs" / "a", counts=20)
    (write_run(tmp_path / "runs" / "b", counts=20) / "run.json").write_text("{")
    (tmp_path / "runs" / "notes").mkdir()
    assert call("build", "--runs", tmp_path / "runs", "--out", tmp_path / "out") == 1
    said = capsys.readouterr().err
    assert "left out: " in said
    assert str(tmp_path / "runs" / "b") in said
    assert str(tmp_path / "runs" / "notes") in said
    assert "index.html" in {path.name for path in (tmp_path / "out").iterdir()}


def test_json_is_for_scripts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_run(tmp_path / "a", counts=20)
    call("build", "--runs", tmp_path / "a", "--out", tmp_path / "out", "--formats", "csv", "--json")
    said = json.loads(capsys.readouterr().out)
    assert said["done"][0] == str(tmp_path / "out" / "leaderboard.csv")
    assert said["problems"] == []


def test_no_run_at_all_is_the_users_mistake(tmp_path: Path) -> None:
    (write_run(tmp_path / "a", counts=20) / "run.json").unlink()
    with pytest.raises(UsageError, match=r"no finished run in .*not finished"):
        call("build", "--runs", tmp_path, "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("name", "said"),
    [("bas", "Did you mean 'base'"), ("checkpoint-1", "names 2 checkpoints: 'a/checkpoint-1', 'b/checkpoint-1'")],
)
def test_a_baseline_must_be_one_checkpoint(tmp_path: Path, name: str, said: str) -> None:
    for model in ("base", "x/a/checkpoint-1", "x/b/checkpoint-1"):
        write_run(tmp_path / model.replace("/", "-"), model=model, counts=20)
    with pytest.raises(UsageError, match=said):
        call("build", "--runs", tmp_path, "--baseline", name, "--out", tmp_path / "out")


def test_a_baseline_is_found_by_label_run_model_or_weights(tmp_path: Path) -> None:
    write_run(tmp_path / "run-1", model="/models/base", weights="sha256:0123456789abcdef", counts=20)
    write_run(tmp_path / "run-2", model="other", counts=20)
    for name in ("base", "run-1", "/models/base", "0123", "sha256:0123456789"):
        out = tmp_path / "out"
        assert call("build", "--runs", tmp_path, "--baseline", name, "--out", out, "--formats", "json") == 0
        data = json.loads((out / "leaderboard.json").read_text())
        assert data["groups"][0]["baseline"] == "base"


def test_a_run_of_any_table_names_its_checkpoint(tmp_path: Path) -> None:
    for prompt in ("direct", "grounded"):
        for model in ("base", "other"):
            write_run(tmp_path / f"{model}-{prompt}", model=model, counts=20, prompt=prompt)
    for run_id in ("base-direct", "base-grounded"):
        out = tmp_path / "out"
        assert call("build", "--runs", tmp_path, "--baseline", run_id, "--out", out, "--formats", "json") == 0
        data = json.loads((out / "leaderboard.json").read_text())
        assert [group["baseline"] for group in data["groups"]] == ["base", "base"]


def test_an_odd_value_makes_the_exit_code_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_run(tmp_path / "runs" / "a", counts=20)
    path = write_run(tmp_path / "runs" / "b", counts=20) / "run.json"
    record = json.loads(path.read_text())
    record["tasks"]["pope"]["samples"] = None
    path.write_text(json.dumps(record))
    assert call("build", "--runs", tmp_path / "runs", "--out", tmp_path / "out") == 1
    assert f"left out: {path}" in capsys.readouterr().err


def test_publish_checks_its_options_before_it_reads_runs(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing to publish to"):
        call("publish", "--runs", tmp_path / "nowhere")
    with pytest.raises(UsageError, match="TASK=ID"):
        call("publish", "--runs", tmp_path / "nowhere", "--readme", "r", "--task-id", "pope")
    with pytest.raises(UsageError, match="pope already has the id 'a'"):
        call("publish", "--runs", tmp_path / "nowhere", "--card", "m", "--task-id", "pope=a", "--task-id", "pope=b")


def test_publish_end_to_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    world = write_world(tmp_path / "runs", counts=60, steps=(100, 200, 300))
    readme = tmp_path / "README.md"
    readme.write_text("<!-- leaderboard:start -->\n<!-- leaderboard:end -->\n")
    arguments = ("publish", "--runs", world, "--baseline", "base", "--readme", readme, "--pages", tmp_path / "docs")
    card = ("--card", "method/checkpoint-300", "--card-dir", tmp_path / "card", "--push", "me/model")
    assert call(*arguments, *card) == 0
    assert "dry run" in capsys.readouterr().out
    assert "Fewest hallucinations measured" in readme.read_text()
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert call(*arguments, *card) == 0
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_board_among_the_runs_is_no_problem(tmp_path: Path) -> None:
    write_run(tmp_path / "a", counts=20)
    assert call("build", "--runs", tmp_path, "--out", tmp_path / "leaderboard") == 0
    assert call("build", "--runs", tmp_path, "--out", tmp_path / "leaderboard") == 0


def test_asking_for_arguments_imports_nothing_heavy() -> None:
    code = (
        "import sys, argparse; from harness.commands.leaderboard import add_arguments; "
        "add_arguments(argparse.ArgumentParser()); "
        "print([m for m in ('numpy', 'yaml', 'jinja2', 'huggingface_hub', 'tabulate') if m in sys.modules])"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout.strip() == "[]"
