"""Shares are shown in percent, sums of points as they are: on a board and in the table of a run."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from support_leaderboards import write_run, write_sealed

from harness.core.types import Metric, Scale
from harness.reports.run_report import baseline_line, headline_rows, headline_table, write_report
from harness.reports.terminal import print_comparison
from harness.reports.text import scale_of
from harness.runs.comparison import LeftOut, TaskComparison
from harness.runs.folder import read_run
from harness.statistics.differences import Difference
from leaderboards.board import Board
from leaderboards.build import BoardConfig, build_board
from leaderboards.markdown import render_markdown


def write_foreign(folder: Path, task: str, **figures: Any) -> Path:
    """A run of one of lmms-eval's own tasks, with a headline of these figures."""
    write_run(folder, model=folder.name, skills={"pope": 0.8}, counts=12)
    record = json.loads((folder / "run.json").read_text())
    metric: dict[str, Any] = {"name": "all/score", "n": 100, **figures}
    result = record["tasks"]["pope"] | {"task": task, "headline": "all/score", "metrics": {"all/score": metric}}
    record["tasks"] = {task: result | {"official": {"all/score": metric["value"]}}}
    record["data"] = {task: record["data"]["pope"]}
    record["benchmarks"] = {task: {"title": task}}
    samples = folder / "samples.jsonl"
    samples.write_text(samples.read_text().replace('"task":"pope"', f'"task":"{task}"'))
    write_sealed(folder, record)
    return folder


def board_of(root: Path) -> Board:
    return build_board(BoardConfig(runs=[root]))


@pytest.mark.parametrize(
    ("values", "scale"),
    [([], 100), ([None, 0.5], 100), ([1.0, -1.0], 100), ([0.5, 1.01], 1), ([-30.0], 1), ([1523.4, None], 1)],
)
def test_where_no_run_tells_the_scale_values_alone_decide_it(values: list[float | None], scale: float) -> None:
    assert scale_of(*(Metric(name="all/score", value=value) for value in values)) == scale
    told = Metric(name="all/score", value=0.5, scale="number")
    assert scale_of(told, *(Metric(name="all/score", value=value) for value in values)) == 1


def test_a_rating_below_1_is_no_percentage(tmp_path: Path) -> None:
    figures: dict[str, Any] = {"value": 0.833, "stderr": 0.1, "low": 0.6, "high": 1.1, "scale": "number"}
    folder = write_foreign(tmp_path / "a", "mmhal_bench", **figures)
    markdown = render_markdown(board_of(tmp_path))
    assert "**0.8** [0.6, 1.1]" in markdown
    assert "not in percent" in markdown
    run = read_run(folder)
    assert re.search(r"all/score +0\.8 +\[0\.6, 1\.1\]", headline_table(run))
    assert re.search(r"\| all/score +\| +0\.8 ", write_report(run, folder).read_text())
    assert "blind 0.9" in baseline_line(run, {"mmhal_bench": 0.9})


@pytest.mark.parametrize(("scale", "shown"), [("number", "0.2 → 0.8, +0.7"), ("share", "16.7 → 83.3, +66.7")])
def test_a_difference_is_shown_by_the_scale_of_its_figure(
    scale: Scale, shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    item = Difference(name="all/rating", a=1 / 6, b=5 / 6, value=2 / 3, low=0.5, high=0.8, scale=scale)
    left_out = LeftOut(only_a=0, only_b=0, errors=0, incomplete=0)
    compared = TaskComparison(
        task="toy", samples=9, left_out=left_out, metrics=[item], fixed=[], broken=[], newly_hallucinated=[]
    )
    print_comparison(compared, full=False)
    assert f"all/rating: {shown}" in capsys.readouterr().out


def test_a_share_whose_interval_reaches_beyond_1_is_a_share(tmp_path: Path) -> None:
    write_foreign(tmp_path / "a", "ai2d", value=0.97, stderr=0.0171, low=0.9364, high=1.0036)
    write_foreign(tmp_path / "b", "ai2d", value=0.9, stderr=0.03, low=0.84, high=0.96)
    board = board_of(tmp_path)
    assert board.groups[0].columns[0].scale == 100
    assert "**97.0** [93.6, 100.4]" in render_markdown(board)
    table = headline_table(read_run(tmp_path / "a")).splitlines()
    assert table[0].split()[2] == "%"
    assert table[2].split()[2:6] == ["97.0", "[93.6,", "100.4]", "97.0"]


def test_sums_of_points_are_no_percentages(tmp_path: Path) -> None:
    folder = write_foreign(tmp_path / "a", "mme", value=1523.4, stderr=12.0, low=1500.0, high=1546.8)
    markdown = render_markdown(board_of(tmp_path))
    assert "**1523.4** [1500.0, 1546.8]" in markdown
    assert "mme<br>all, score (not in percent)" in markdown
    table = headline_table(read_run(folder))
    assert "1523.4  [1500.0, 1546.8]" in table
    assert "% or number" in table.splitlines()[0]
    assert "official %" not in table
    report = write_report(read_run(folder), folder).read_text()
    assert re.search(r"\| all/score +\| +1523\.4 ", report)
    assert "12.0" in report
    assert "152340" not in report


def test_the_table_of_shares_is_in_percent(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "a", counts=20)
    headers, _ = headline_rows(read_run(folder))
    assert headers[2:5] == ["%", "95 % interval", "official %"]
