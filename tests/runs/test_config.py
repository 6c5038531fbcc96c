"""The settings that make a folder one run."""

from pathlib import Path
from typing import Any

import pytest
from support_runs import SETTINGS

from harness.core.errors import StoreError
from harness.runs.config import earlier_sessions, is_run_folder, name_differences, read_json, write_config


@pytest.mark.parametrize(
    ("stored", "asked", "named"),
    [
        ({"seed": 0, "model": {"name": "m"}}, {"model": {"name": "m"}, "seed": 0}, ""),
        ({"seed": 0}, {"seed": 1}, "seed: stored 0, asked 1"),
        ({"model": {"name": "m"}}, {"model": {"name": "n"}}, "model.name: stored 'm', asked 'n'"),
        ({"tasks": {"a": {"n": 1}}}, {"tasks": {"a": {"n": 1}, "b": {"n": 2}}}, "tasks.b.n: stored None, asked 2"),
        (None, {"seed": 1}, "seed: stored None, asked 1"),
        (
            dict.fromkeys("abcdef", 0),
            dict.fromkeys("abcdef", 1),
            "; ".join(f"{key}: stored 0, asked 1" for key in "abcd") + "; and 2 more",
        ),
    ],
)
def test_differences_are_named(stored: Any, asked: Any, named: str) -> None:
    assert name_differences(stored, asked, "stored", "asked") == named


def test_sessions_of_the_same_settings_go_on(tmp_path: Path) -> None:
    assert earlier_sessions(tmp_path, SETTINGS) == []
    sessions = [{"started": "2026-01-01T00:00:00+00:00", "seconds": 1.5}]
    write_config(tmp_path, SETTINGS, sessions)
    assert earlier_sessions(tmp_path, SETTINGS) == sessions
    with pytest.raises(StoreError, match=r"seed: stored 0, asked 1.*--fresh"):
        earlier_sessions(tmp_path, {**SETTINGS, "seed": 1})


def test_questions_that_were_changed_are_named_as_such(tmp_path: Path) -> None:
    asked = {"version": "1", "count": 2, "prompts": "sha256:a"}
    write_config(tmp_path, {**SETTINGS, "tasks": {"mine.csv": asked}}, [])
    others = {"mine.csv": {**asked, "prompts": "sha256:b"}}
    with pytest.raises(StoreError, match=r"^the questions of mine\.csv are .* changed since.* earlier .*--fresh"):
        earlier_sessions(tmp_path, {**SETTINGS, "tasks": others})
    with pytest.raises(StoreError, match=r"other settings \(seed: stored"):  # Which may be why they are.
        earlier_sessions(tmp_path, {**SETTINGS, "tasks": others, "seed": 1})


def test_which_folders_are_runs(tmp_path: Path) -> None:
    assert not is_run_folder(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "qwen2_5_vl"}')
    assert not is_run_folder(tmp_path)
    write_config(tmp_path, SETTINGS, [])
    assert is_run_folder(tmp_path)


@pytest.mark.parametrize("text", ["[]", "{", "\xff"])
def test_what_is_no_json_object_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text, encoding="latin-1")
    with pytest.raises(StoreError, match=r"a\.json"):
        read_json(tmp_path / "a.json")
