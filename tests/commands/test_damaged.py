"""Damaged runs are the user's to mend: commands exit with 0, 1 or 2 whatever a file of one holds, and name it."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest
from damage import damage
from support_leaderboards import write_run

from harness.cli import main

COMMANDS = {
    "explain": "score --run {run} --explain {id}",
    "compare": "compare {run} {other}",
    "diagnose": "diagnose {run} --no-images",
    "diagnose_json": "diagnose {run} --no-images --json",
    "leaderboard": "leaderboard build --runs {runs} --out {out}",
    "protocol": "doctor --protocol {run}",
}
FILES = ("run.json", "config.json", "samples.jsonl", "diagnostics.json", "findings.jsonl")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    for name, skill in (("one", 0.6), ("two", 0.8)):
        skills = {"pope": skill, "mmbench": skill}
        write_run(folder / name, model=name, skills=skills, counts={"pope": 18, "mmbench": 8})
        assert main(["diagnose", str(folder / name), "--no-images"]) == 0
    return folder


def try_damage(runs: Path, place: Path, seed: int) -> tuple[str, int, str]:
    """Damage a copy of the runs and run a command over it: what was done, the exit code, and the run's folder."""
    rng = random.Random(seed)
    shutil.copytree(runs, place / "runs")
    run = place / "runs/one"
    files = [run / name for name in FILES if (run / name).exists()]
    done = [damage(rng.choice(files), rng)]
    name = rng.choice(list(COMMANDS))
    command = COMMANDS[name].format(
        run=run, other=place / "runs/two", id="random/0", runs=place / "runs", out=place / "out"
    )
    return f"{name}: {'; '.join(done)}", main(command.split()), str(run)


@pytest.mark.parametrize("seed", range(60))
def test_a_damaged_run_is_the_users_to_mend(
    seed: int, runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    what, code, run = try_damage(runs, tmp_path, seed)
    told = capsys.readouterr()
    assert code in (0, 1, 2), f"{what}\n{told.err}"
    assert "Traceback" not in told.err, what
    assert "\x1b" not in told.out + told.err, what
    if code == 2:
        assert run in told.err, f"{what}\n{told.err}"
