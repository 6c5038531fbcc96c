"""Runs that were asked without their images and videos stand apart and are no results of a benchmark."""

from __future__ import annotations

from pathlib import Path

import pytest
from support_leaderboards import write_run

from leaderboards.build import BoardConfig, build_board
from leaderboards.card import published_results
from leaderboards.markdown import render_markdown

POPE = {"skills": {"pope": 0.8}, "counts": 12}


@pytest.mark.parametrize("blind", ["grey", "withheld"])
def test_blind_runs_have_a_table_of_their_own(tmp_path: Path, blind: str) -> None:
    for name in ("a", "b"):
        write_run(tmp_path / name, model=name, **POPE)
        write_run(tmp_path / f"{name}-blind", model=name, blind=blind, started="2026-03-02T10:00:00+00:00", **POPE)
    board = build_board(BoardConfig(runs=[tmp_path], baseline="a"))
    found = [
        (group.title, group.reason, {run.record.id for row in group.rows for run in row.runs}) for group in board.groups
    ]
    assert found == [
        ("grounded prompt, all questions", None, {"a", "b"}),
        (
            f"grounded prompt, all questions, images and videos {blind}",
            f"images and videos {blind}, not shown",
            {"a-blind", "b-blind"},
        ),
    ]
    seen, unseen = render_markdown(board).split("\n## ")[1:3]
    assert "images and videos" not in seen
    assert f"grounded prompt, images and videos {blind}\n" in unseen


def test_runs_that_were_shown_the_media_come_first(tmp_path: Path) -> None:
    for number in range(3):
        write_run(tmp_path / f"blind{number}", model=f"m{number}", blind="grey", **POPE)
    write_run(tmp_path / "smoke", model="m0", skills={"pope": 0.8}, counts=6, limit=6)
    assert [group.title for group in build_board(BoardConfig(runs=[tmp_path])).groups] == [
        "grounded prompt, --limit 6",
        "grounded prompt, all questions, images and videos grey",
    ]


def test_a_blind_run_is_no_result_of_the_benchmark(tmp_path: Path) -> None:
    write_run(tmp_path / "seen", model="m", **POPE)
    write_run(tmp_path / "blind", model="m", blind="withheld", skills={"pope": 0.8, "mmvu": 0.3}, counts=12)
    results, left_out = published_results(build_board(BoardConfig(runs=[tmp_path])).groups, "m")
    assert [(result.column.task, result.cell.run.record.id) for result in results] == [("pope", "seen")]
    assert len(left_out) == 2
    assert all("asked with --blind, without its images and videos" in reason for reason in left_out)
