"""One evaluation's settings are the same however they are written: on the command line, in YAML or in Python."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from harness.cli import make_parser
from harness.commands.eval import expand, read_config
from harness.core.errors import UsageError
from harness.evaluation.settings import EvalConfig


def asked(*argv: str) -> EvalConfig:
    argv = ("eval", *expand(argv))
    return read_config(make_parser(argv).parse_args(argv))


def test_numbers_are_written_in_one_way_so_that_the_run_is_found_again() -> None:
    written = asked("--model", "m", "--tasks", "pope", "--limit", "20", "--temperature", "1")
    config = EvalConfig(model="m", tasks=("pope",), limit=20.0, temperature=1, top_p=1, repetition_penalty=1)
    for name in ("limit", "temperature", "top_p", "repetition_penalty"):  # Of the digest in the folder's name.
        assert json.dumps(getattr(config, name)) == json.dumps(getattr(written, name))
    assert EvalConfig(model="m", tasks=("pope",), limit=0.5).limit == 0.5


def test_the_home_folder_is_found_in_every_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "eval.yaml").write_text(
        "model: m\ntasks: pope\nout: ~/run\ntasks_dir: ~/tasks\nallow_outside: [~/a, b]\nresponses: ~/r.jsonl\n"
    )
    config = EvalConfig(
        model="m",
        tasks=("pope",),
        out=Path("~/run"),
        tasks_dir=Path("~/tasks"),
        allow_outside=(Path("~/a"), Path("b")),
        engine_options={"responses": "~/r.jsonl"},
    )
    assert asdict(asked(str(tmp_path / "eval.yaml"))) == asdict(config)
    assert (config.out, config.tasks_dir) == (tmp_path / "run", tmp_path / "tasks")
    assert config.allow_outside == (tmp_path / "a", Path("b"))
    assert config.engine_options == {"responses": tmp_path / "r.jsonl"}
    with pytest.raises(UsageError, match="~nobody-here/run: there is no such home folder"):
        EvalConfig(model="m", tasks=("pope",), out=Path("~nobody-here/run"))
