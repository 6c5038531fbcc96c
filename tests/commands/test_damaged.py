"""Damaged runs are the user's to mend: commands exit with 0, 1 or 2 whatever a file of one holds, and name it."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path

import pytest
from damage import DEEP, damage
from PIL import Image
from support_leaderboards import write_run, write_sealed

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


@pytest.mark.parametrize("value", [None, [], "words", 7])
def test_settings_of_an_engine_that_are_none_are_named(
    value: object, runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(runs, tmp_path / "runs")
    run, other = tmp_path / "runs/one", tmp_path / "runs/two"
    record = json.loads((run / "run.json").read_text())
    record["settings"]["engine_settings"] = value
    record["engine"] = "hf"
    write_sealed(run, record)
    for command in (f"doctor --protocol {run}", f"compare {run} {other}", f"diagnose {other} --repeats {run}"):
        code = main(command.split())
        told = capsys.readouterr().err
        if value is None:
            assert "engine_settings" not in told, command
        else:
            assert code == 2, f"{command}\n{told}"
            assert str(run) in told, f"{command}\n{told}"
            assert "engine_settings" in told, f"{command}\n{told}"


CONTENTS: dict[str, bytes] = {
    "empty": b"",
    "nul": bytes(32),
    "noise": random.Random(0).randbytes(300),
    "latin": b'{"id": "caf\xe9"}\n',
    "deep": DEEP.encode(),
    "deep object": b'{"id": "a", "x": ' + DEEP.encode() + b"}\n",
    "digits": b'{"id": "a", "response": ' + b"9" * 5000 + b"}\n",
    "infinite": b'{"id": 1e400, "response": NaN, "task": Infinity}\n',
    "list": b"[1, 2]\n",
    "number": b"7\n",
    "wrong": b'{"id": ["a"], "response": {"a": 1}, "question": [], "sample_id": {}, "rows": 5, "task": [1]}\n',
    "sample": b'{"sample": {"task": [], "id": "a"}, "response": {"text": 1}}\n',
    "cut": b'{"id": "a", "response": "y',
    "itself": b"a: &a [*a]\n",
    "aliases": "\n".join(
        ["a0: &a0 [x, x]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12))]
    ).encode(),
    "tag": b"task: !!python/object/apply:os.system [ls]\n",
    "keys": b"? [a]\n: b\n",
    "date": b"task: 2026-99-99\n",
    "extends": b"extends: damaged.yaml\nalgorithm: grpo\n",
    "include": b"include: damaged.yaml\ntask: x\n",
    "types": b"task: [1]\ngroup: {a: 1}\ntag: 7\ninclude: 5\nalgorithm: {}\ndata: []\nrows: [7]\n",
    "names": b"task: x\ngroup: 7\ndataset_path: [1]\nmetric_list: 5\nalgorithm: grpo\ndata: {train: [1]}\n",
    "escape": b'{"id": "\\u001b[31m\\u202e", "response": "yes"}\n',
}
READERS = {
    "responses.jsonl": "score --task pope --samples {good} --responses {file}",
    "samples.jsonl": "score --task pope --samples {file} --responses {good}",
    "log.json": "score --task pope --from inspect {file} --out {out}",
    "log.jsonl": "score --task pope --from lmms-eval {file} --out {out}",
    "recorded.jsonl": "eval --model m --engine replay --responses {file} --tasks pope --data {data} --out {out}",
    "rows.jsonl": "data validate {file}",
    "source.json": "data convert {file} --from trl --out {out}",
    "recipe.yaml": "select {file}",
    "damaged.yaml": "tasks --tasks-dir {folder}",
    "reported.yaml": "doctor --protocol {run} --reference {file}",
    "annotations.jsonl": "diagnose {run} --no-images --annotations {file}",
    "test.jsonl": "eval --model m --engine replay --responses {good} --tasks pope --data {folder} --out {out}",
    "test.parquet": "eval --model m --engine replay --responses {good} --tasks pope --data {folder} --out {out}",
    "test.arrow": "eval --model m --engine replay --responses {good} --tasks pope --data {folder} --out {out}",
}


@pytest.mark.parametrize("content", CONTENTS)
@pytest.mark.parametrize("name", READERS)
def test_any_other_file_is_the_users_to_mend(
    name: str, content: str, runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    shutil.copytree(runs / "one", run)
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / name).write_bytes(CONTENTS[content])
    good = tmp_path / "good.jsonl"
    good.write_text('{"id": "a", "response": "yes"}\n')
    code = main(
        READERS[name]
        .format(file=folder / name, folder=folder, good=good, out=tmp_path / "out", run=run, data=write_data(tmp_path))
        .split()
    )
    told = capsys.readouterr()
    assert code in (0, 1, 2), told.err
    assert "Traceback" not in told.err
    assert "\x1b" not in told.out + told.err
    if code == 2:
        assert name in told.err or "good.jsonl" in told.err, told.err
        assert len(told.err) < 2000


def write_data(place: Path) -> Path:
    """One row of POPE with its image."""
    data = place / "data"
    data.mkdir()
    Image.new("RGB", (8, 8)).save(data / "a.png")
    row = {"question_id": "1", "question": "Is it?", "answer": "yes", "image_source": "a", "category": "random"}
    (data / "test.jsonl").write_text(json.dumps(row | {"id": "0", "image": "a.png"}) + "\n")
    return data
