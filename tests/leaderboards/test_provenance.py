"""In what a row was asked otherwise than the baseline, and where its figures come from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support_leaderboards import row_of, write_run, write_sealed

from leaderboards.grouping import group_runs
from leaderboards.provenance import unlike_baseline
from leaderboards.runs import load_runs


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({}, []),
        ({"engine_settings": {"max_pixels": 9}}, ["max_pixels 9, not 4"]),
        ({"engine_settings": {}}, []),  # It does not tell.
        ({"tasks": {"pope": {"version": "1", "max_new_tokens": 16}}}, ["max_new_tokens 16, not 128"]),
    ],
)
def test_what_differs_of_how_a_row_was_asked_is_told(tmp_path: Path, changed: dict[str, Any], told: list[str]) -> None:
    for name, more in (("a", {}), ("b", changed)):
        folder = write_run(tmp_path / name, model=name, skills={"pope": 0.8}, counts=12)
        record = json.loads((folder / "run.json").read_text())
        record["settings"] |= {"engine_settings": {"max_pixels": 4}, **more}
        write_sealed(folder, record)
    (group,) = group_runs(load_runs([tmp_path])[0])
    assert unlike_baseline(row_of(group, "b"), row_of(group, "a")) == told
