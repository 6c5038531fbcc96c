"""Which models are loaded, and by what; code that comes with one is run where it is trusted, and nowhere else."""

from __future__ import annotations

import builtins
import json
from pathlib import Path
from typing import NoReturn

import pytest
from support_own_code import with_own_code

from harness.cli import main
from harness.core.errors import ModelError
from harness.doctor.cases import make_cases
from harness.engines import Decoding, make_engine
from harness.engines.checkpoints import resolve_checkpoint
from harness.engines.inputs import load_processor
from harness.engines.weights import load_model


@pytest.fixture(autouse=True)
def no_question(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nobody is asked whether to run code, and none is kept outside of the test's folder."""

    def ask(*_: object) -> NoReturn:
        raise AssertionError("a question was asked")

    monkeypatch.setattr(builtins, "input", ask)
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path / "modules"))


@pytest.fixture
def mark(tmp_path: Path) -> Path:
    return tmp_path / "mark"


@pytest.fixture
def own(tmp_path: Path, mark: Path) -> Path:
    """A checkpoint with code of its own."""
    return with_own_code(tmp_path / "own", mark)


def evaluation(folder: Path, *more: str) -> list[str]:
    """A command that asks a checkpoint little."""
    asked = ["--tasks", "pope", "--data", "demo", "--engine", "hf", "--limit", "2", "--max-new-tokens", "4"]
    return ["eval", "--model", str(folder), *asked, "--out", str(folder.parent / "run"), *more]


def refused(*command: str, capsys: pytest.CaptureFixture[str]) -> str:
    """The one line that a command ends with."""
    capsys.readouterr()
    assert main(command) == 2
    *_, line = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    return line


# Code that comes with a checkpoint -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command",
    [
        ["eval", "--model", "{}", "--tasks", "pope", "--data", "demo", "--engine", "hf"],
        ["eval", "--model", "{}", "--tasks", "pope", "--data", "demo", "--engine", "vllm"],
        ["eval", "--model", "demo", "--tasks", "pope", "--data", "demo", "--judge", "hf:{}"],
        ["doctor", "--engines", "{}"],
        ["train", "demo/sft", "--dry-run", "model={}"],
    ],
)
def test_code_that_comes_with_a_checkpoint_is_not_run_unasked(
    own: Path, mark: Path, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    line = refused(*(part.format(own) for part in command), capsys=capsys)
    assert "needs Python code of its own" in line
    assert "add --trust-remote-code" in line
    assert not mark.exists()


@pytest.mark.parametrize("auto_class", ["AutoModelForCausalLM", "AutoModel", "AutoModelForImageTextToText"])
def test_code_that_is_trusted_is_run_and_the_run_says_so(
    tmp_path: Path, mark: Path, auto_class: str, capsys: pytest.CaptureFixture[str]
) -> None:
    own = with_own_code(tmp_path / auto_class, mark, auto_class=auto_class)
    assert main(evaluation(own, "--trust-remote-code", "--json")) == 0
    assert mark.read_text() == "own\n"
    run = json.loads(capsys.readouterr().out)
    assert run["tasks"]["pope"]["samples"] >= 2
    assert run["settings"]["engine_settings"]["trust_remote_code"] is True
    folder = tmp_path / "run"
    assert "trust_remote_code True" in (folder / "report.md").read_text().replace("\\", "")
    assert json.loads((folder / "config.json").read_text())["settings"] == run["settings"]
    assert "needs Python code of its own" in refused(*evaluation(own), capsys=capsys)


def test_a_model_of_transformers_with_a_processor_of_its_own(
    tmp_path: Path, mark: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = with_own_code(tmp_path / "own", mark, kind="llava")
    assert "needs Python code of its own" in refused(*evaluation(own), capsys=capsys)
    assert not mark.exists()


def test_what_its_own_code_fails_with_is_told(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (own / "own.py").open("a") as file:
        file.write("\nnot_there()\n")
    line = refused(*evaluation(own, "--trust-remote-code"), capsys=capsys)
    assert "which runs its own code" in line
    assert "name 'not_there' is not defined" in line


def test_a_server_is_not_told_whom_to_trust(capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["--model", "openai:x", "--base-url", "http://127.0.0.1:1/v1", "--tasks", "pope", "--data", "demo"]
    assert "a server decides for itself" in refused("eval", *asked, "--trust-remote-code", capsys=capsys)


def test_the_trained_model_carries_its_code_along(own: Path, mark: Path, tmp_path: Path) -> None:
    checkpoint = resolve_checkpoint(str(own), trust_remote_code=True, sees=True)
    load_model(checkpoint).save_pretrained(tmp_path / "saved")
    load_processor(checkpoint).save_pretrained(tmp_path / "saved")
    again = resolve_checkpoint(str(tmp_path / "saved"), trust_remote_code=True, sees=True)
    engine = make_engine("hf", again, {"device": "cpu"})
    engine.load()
    (case, *_) = make_cases()
    ((_, response),) = engine.generate([case], Decoding(max_new_tokens=3))
    engine.close()
    assert response.error is None
    with pytest.raises(ModelError, match="needs Python code of its own"):
        resolve_checkpoint(str(tmp_path / "saved"))
