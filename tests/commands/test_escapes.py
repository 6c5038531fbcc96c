"""Escape sequences in names, questions and responses reach neither the terminal nor Markdown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support_leaderboards import write_run, write_sealed

from harness.cli import main

EVIL = "\x1b[31m\x1b]0;owned\x07\u202egnp\u2066\x9b2J\rx"


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    for name, skill in (("one", 0.4), (f"two {EVIL}", 0.8)):
        folder = write_run(tmp_path / "runs" / name, model=f"{name} {EVIL}", skills={"pope": skill}, counts=18)
        path = folder / "samples.jsonl"
        lines = []
        for record in map(json.loads, path.read_text(encoding="utf-8").splitlines()):
            name = f"{EVIL}{record['sample']['id']}"
            record["sample"] |= {
                "id": name,
                "question": f"{EVIL} dog?",
                "cluster": f"{EVIL}{record['sample']['cluster']}",
            }
            record["response"] |= {"sample_id": name, "text": f"{record['response']['text']} {EVIL}"}
            record["verdict"] |= {"sample_id": name, "answer": EVIL}
            lines.append(json.dumps(record))
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        write_sealed(folder, json.loads((folder / "run.json").read_text(encoding="utf-8")))
    return tmp_path / "runs"


def test_no_escape_reaches_terminal_or_markdown(runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, two = sorted(runs.iterdir())
    some_id = json.loads((one / "samples.jsonl").read_text(encoding="utf-8").splitlines()[0])["sample"]["id"]
    commands: list[list[str]] = [
        ["score", "--run", str(one), "--explain", some_id],
        ["score", "--run", str(one), "--explain", some_id, "--json"],
        ["score", "--run", str(one), "--explain", EVIL],
        ["compare", str(one), str(two)],
        ["compare", str(one), str(two), "--json"],
        ["diagnose", str(two), "--no-images"],
        ["diagnose", str(one), "--no-images", "--json"],
        ["leaderboard", "build", "--runs", str(runs), "--out", str(tmp_path / f"board {EVIL}")],
        ["doctor", "--protocol", str(two)],
        ["eval", "--model", EVIL, "--tasks", EVIL],
        ["tasks", EVIL],
    ]
    for command in commands:
        assert main(command) in (0, 1, 2), command
        told = capsys.readouterr()
        assert is_clean(told.out + told.err), command
        if "--json" in command:
            json.loads(told.out)
    written = [*runs.rglob("*.md"), *tmp_path.glob("board*/*.md")]
    assert len(written) >= 2
    for path in written:
        assert is_clean(path.read_text(encoding="utf-8")), path


def is_clean(text: str) -> bool:
    return all(letter == "\n" or letter.isprintable() or letter in "\xa0\u202f" for letter in text)
