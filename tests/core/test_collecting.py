"""Garbage is not looked for while an evaluation starts, and is from then on."""

import gc
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import cli
from harness.core.collecting import collect_again, do_not_collect_yet
from harness.evaluation.plan import make_plan


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    yield
    gc.enable()


def test_it_begins_again_once_and_leaves_out_what_is_there() -> None:
    before = gc.get_freeze_count()
    do_not_collect_yet("train")
    do_not_collect_yet()
    assert gc.isenabled()
    collect_again()
    assert gc.get_freeze_count() == before
    do_not_collect_yet("eval")
    assert not gc.isenabled()
    collect_again()
    assert gc.isenabled()
    assert gc.get_freeze_count() > before


def test_an_evaluation_plans_without_and_ends_with_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recording = tmp_path / "recording.jsonl"
    recording.write_text('{"id": "x", "response": "yes"}\n')
    collecting: list[bool] = []

    def plan(*arguments: object, **options: object) -> object:
        collecting.append(gc.isenabled())
        return make_plan(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr("harness.evaluation.plan.make_plan", plan)
    asked = ["--tasks", "pope", "--data", "demo", "--limit", "2", "--no-diagnose", "--out", str(tmp_path / "run")]
    command = ["eval", "--model", "m", "--engine", "replay", "--responses", str(recording), *asked]
    monkeypatch.setattr(sys, "argv", ["harness", *command])
    monkeypatch.setattr(cli, "end_on_ctrl_c", lambda: None)
    with pytest.raises(SystemExit):
        cli.run()
    assert collecting == [False]
    assert gc.isenabled()
