"""The examples of docs/python.md run as they stand there, one after another."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "python.md"


def test_the_examples_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for example in re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL):
        exec(example, names)
    shown = capsys.readouterr().out
    assert "mean/accuracy" in shown
    assert "no statement" in shown or "no " in shown.splitlines()[-1]
    assert (tmp_path / "board" / "index.html").exists()
