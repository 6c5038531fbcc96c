"""The scripts for Slurm, with stand-ins for what a cluster has."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from harness.cli import make_parser
from harness.commands.eval import read_config
from harness.engines import ENGINES
from harness.runs.folder import read_run
from trainers.recipe import as_yaml, load_recipe

SCRIPTS = sorted((Path(__file__).parents[2] / "examples" / "slurm").glob("*.sbatch"))
STAND_INS = {
    # Starts as many tasks as there are to be, with the variables that Slurm gives them.
    "srun": """
        while [[ "$1" == -* ]]; do shift; done
        if [ "$1" != bash ] || [[ "$*" != *SLURM_PROCID* ]]; then exec "$@"; fi
        for ((task = 0; task < SLURM_NTASKS; task++)); do
            SLURM_PROCID=$task SLURM_LOCALID=$task "$@" & tasks+=($!)
        done
        for task in "${tasks[@]}"; do wait "$task" || exit; done""",
    "scontrol": """
        if [ "$1" = show ]; then echo localhost; else echo "$@" >> "$RECORDED/scontrol"; fi""",
    "vllm": "echo $@ >> $RECORDED/vllm; sleep 60 & trap 'kill $!' EXIT TERM; wait",
    "ray": """
        if [ "$1" = status ]; then echo node_1; echo node_2; fi
        echo "$@" >> "$RECORDED/ray" """,
    "curl": """
        for _ in {1..100}; do  # The server answers once it runs.
            if [ -f "$RECORDED/vllm" ]; then exit 0; fi; sleep 0.1
        done; exit 1""",
    "harness": """
        printf '%s\\n' "$@" > "$RECORDED/harness.${RANK:-0}"
        if [ -n "${ENDED:-}" ]; then exit 0; fi
        mkdir -p "$OUT/runs/final"; touch "$OUT/report.md" "$OUT/runs/final/report.md" """,
}


def submit(script: Path, folder: Path, stand_ins: Mapping[str, str] = STAND_INS, **variables: str) -> Path:
    """Run a script as a job of two tasks on two nodes; gives the folder in which the stand-ins wrote."""
    programs = folder / "bin"
    programs.mkdir()
    for name, text in stand_ins.items():
        (programs / name).write_text(f"#!/bin/bash\n{text}\n")
        (programs / name).chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if name not in ("RANK", "WORLD_SIZE", "LOCAL_RANK")}
    job = {"SLURM_JOB_ID": "7", "SLURM_JOB_NODELIST": "n[1-2]", "SLURM_JOB_NUM_NODES": "2", "SLURM_NTASKS": "2"}
    ours = {"PATH": f"{programs}:{os.environ['PATH']}", "RECORDED": str(folder), "OUT": str(folder / "out")}
    done = subprocess.run(
        ["bash", script], env=kept | job | ours | variables, capture_output=True, text=True, timeout=180, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_the_commands_of_a_script_exist_and_a_finished_job_is_not_queued_again(script: Path, tmp_path: Path) -> None:
    folder = submit(script, tmp_path, DATA="train.jsonl")
    words = (folder / "harness.0").read_text().splitlines()
    arguments = make_parser(words).parse_args(words)
    assert arguments.requeue
    if words[0] == "eval":
        config = read_config(arguments)
        assert config.engine in (*ENGINES, "auto")
        assert str(config.out) == str(tmp_path / "out")
    else:
        assert load_recipe(arguments.recipe, arguments.overrides).data.train == "train.jsonl"
    assert not (folder / "scontrol").exists()
    if script.stem == "eval-servers":
        assert arguments.base_url == ["http://localhost:8000/v1"]
        assert "--tensor-parallel-size 8" in (folder / "vllm").read_text()
    if "processes" in script.stem or script.stem == "train":
        assert (folder / "harness.1").read_text() == (folder / "harness.0").read_text()


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_a_job_that_was_ended_is_queued_again(script: Path, tmp_path: Path) -> None:
    folder = submit(script, tmp_path, DATA="train.jsonl", ENDED="yes")
    assert (folder / "scontrol").read_text() == "requeue 7\n"


@pytest.mark.parametrize(("tasks", "ends"), [("[]", True), ("[pope]", False)])
def test_a_training_without_an_evaluation_is_finished_with_its_model(tasks: str, ends: bool, tmp_path: Path) -> None:
    (script,) = (script for script in SCRIPTS if script.stem == "train")
    (tmp_path / "out" / "final").mkdir(parents=True)
    (tmp_path / "out" / "final" / "harness.json").touch()
    recipe = load_recipe("demo/grpo", [f"eval.tasks={tasks}"])
    (tmp_path / "out" / "recipe.yaml").write_text(f"# Written\n{as_yaml(recipe)}", encoding="utf-8")
    folder = submit(script, tmp_path, DATA="train.jsonl", ENDED="yes")
    assert (folder / "scontrol").exists() != ends


def test_processes_that_srun_starts_share_a_run(tmp_path: Path) -> None:
    (script,) = (script for script in SCRIPTS if script.stem == "eval-processes")
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = str(free.getsockname()[1])
    real = STAND_INS | {"harness": f'exec {sys.executable} -m harness "$@" --limit 6 --no-diagnose'}
    submit(script, tmp_path, real, MODEL="demo", TASKS="pope,mmvu", MASTER_PORT=port)
    run = read_run(tmp_path / "out")
    assert {task: result.samples for task, result in run.tasks.items()} == {
        task: data["count"] for task, data in run.data.items()
    }
    assert run.engine == "hf"
    assert json.loads((tmp_path / "out" / "config.json").read_text())["settings"]["limit"] == 6
    assert not (tmp_path / "scontrol").exists()
