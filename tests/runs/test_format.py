"""Runs that were written before are read: a change of the format comes with a new number and its own fixture.

`tests/fixtures/runs/format-N` is what `harness eval --model demo --tasks pope,mmvu --limit 8` wrote when that format
was new. Where a format is no longer read, its test says what a user is told to do.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import harness
from harness.core.errors import StoreError
from harness.core.types import SCHEMA_VERSION

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "runs"


def test_the_present_format_has_a_fixture() -> None:
    assert (FIXTURES / f"format-{SCHEMA_VERSION}").is_dir()


def test_a_run_of_the_present_format_is_read_compared_and_on_a_board(tmp_path: Path) -> None:
    folder = FIXTURES / f"format-{SCHEMA_VERSION}"
    run = harness.Run.load(folder)
    assert {record.sample.task for record in run.samples} == set(run.record.tasks) == {"pope", "mmvu"}
    assert len(run.to_pandas()) == sum(result.samples for result in run.record.tasks.values())
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    comparison = harness.compare(folder, copy)
    assert [figure.value for task in comparison.tasks for figure in task.metrics if figure.family] == [0.0, 0.0]
    (group,) = harness.leaderboard([folder]).groups
    assert {column.task for column in group.columns} == {"pope", "mmvu"}


def test_another_format_is_refused_with_what_to_do(tmp_path: Path) -> None:
    folder = tmp_path / "old"
    shutil.copytree(FIXTURES / f"format-{SCHEMA_VERSION}", folder)
    record = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps(record | {"schema_version": SCHEMA_VERSION - 1}))
    with pytest.raises(StoreError, match=r"--engine replay --responses .*old"):
        harness.Run.load(folder)
