"""The commands of the first tutorial run as they stand there, one after another, on fewer questions."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from harness.cli import main

PAGE = Path(__file__).resolve().parents[2] / "docs" / "getting-started.md"
SLOW = ("doctor", "train demo/sft", "eval --model trained")
"""Tested elsewhere: what they do depends on the machine, takes minutes, or is of a training."""


def test_the_commands_of_the_tutorial_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    commands = re.findall(r"^harness (.*?)(?:\s+#.*)?$", PAGE.read_text(), re.MULTILINE)
    assert len(commands) >= 7
    for command in commands:
        if command.startswith(SLOW):
            continue
        assert main(shlex.split(command.replace("--limit 60", "--limit 12"))) == 0, command
    assert (tmp_path / "board" / "index.html").exists()
    assert (tmp_path / "runs" / "after" / "report.html").exists()
