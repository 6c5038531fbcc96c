"""The answer says of a benchmark only what was compared there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from support_leaderboards import write_run, write_sealed

from harness.statistics.differences import Difference
from leaderboards.answers import Answer, answer
from leaderboards.board import Reason, Reasons
from leaderboards.build import BoardConfig, build_board
from leaderboards.latex import render_latex
from leaderboards.markdown import rate, readme_block, render_markdown
from leaderboards.page import render_page

STRONG = {"pope": 0.99, "videohallucer": 0.99, "mmbench": 0.99}


def answer_of(root: Path, baseline: str = "base") -> Answer:
    said = answer(build_board(BoardConfig(runs=[root], baseline=baseline)).groups[0])
    assert said is not None
    return said


@pytest.mark.parametrize(
    ("skills", "verdict"),
    [
        ({"mmbench": 0.6}, "Not compared on POPE and VideoHallucer"),
        ({"pope": 0.3, "mmbench": 0.6}, "Better on POPE, not compared on VideoHallucer"),
        ({"pope": 0.99}, "No difference shown on POPE, not compared on VideoHallucer"),
        ({"pope": 0.3, "videohallucer": 0.2}, "Better on POPE and VideoHallucer"),
    ],
)
def test_a_benchmark_that_the_baseline_lacks_was_not_compared(
    tmp_path: Path, skills: Mapping[str, float], verdict: str
) -> None:
    write_run(tmp_path / "base", model="base", skills=skills, counts=120)
    write_run(tmp_path / "best", model="best", skills=STRONG, counts=120)
    assert answer_of(tmp_path).verdict == verdict


def test_a_difference_without_a_test_is_not_called_chance(tmp_path: Path) -> None:
    for name, skill in (("base", 0.6), ("best", 0.99)):
        folder = write_run(tmp_path / name, model=name, skills={"pope": skill}, counts=60)
        samples, record = folder / "samples.jsonl", json.loads((folder / "run.json").read_text())
        samples.write_text(samples.read_text().replace('"task":"pope"', '"task":"mme"'))
        parts = {part: {"mme": record[part]["pope"]} for part in ("data", "tasks", "benchmarks")}
        parts["tasks"]["mme"]["task"] = "mme"
        write_sealed(folder, record | parts)
    assert answer_of(tmp_path).verdict == "Not tested on POPE"


def test_others_that_were_not_compared_are_not_counted_as_no_worse(tmp_path: Path) -> None:
    write_run(tmp_path / "base", model="base", skills=STRONG, counts=120)
    write_run(tmp_path / "worse", model="worse", skills={"pope": 0.3}, counts=120)
    write_run(tmp_path / "other", model="other", skills={"mmbench": 0.8}, counts=120)
    assert list(answer_of(tmp_path).real) == [
        "Worse on at least one benchmark: 1 of 1 other.",
        "1 more could not be compared.",
    ]


@pytest.mark.parametrize("counts", [60, 120])
def test_a_shared_best_score_is_no_lead_on_board_block_and_page(tmp_path: Path, counts: int) -> None:
    for name in ("base", "twin"):
        write_run(tmp_path / name, model=name, skills={"pope": 1.0}, counts=counts)
    board = build_board(BoardConfig(runs=[tmp_path], baseline="base"))
    said = answer(board.groups[0])
    assert said is not None
    assert said.ahead == f"no row is ahead (level: {said.leader}, {said.level[0]})"
    assert said.verdict == f"The baseline is level with {said.level[0]}"
    assert not said.rivals
    for shown in (render_markdown(board), readme_block(board, most=3), render_page(board, lambda run: None)):
        assert said.ahead in shown.replace("\\", "")
        assert "scores best" not in shown
        assert "1 differences" not in shown
        assert "0 differences" not in shown
    told = " ".join(said.real)
    if counts == 60:
        assert "1 other could not be compared (4 clusters of questions, fewer than 6: too few for an interval)." in told
    else:
        assert "No difference shown to any of 1 other." in told


def test_a_row_most_of_whose_samples_failed_leads_no_table(tmp_path: Path) -> None:
    """It answered 6 of 120, all of them right; one sample of another row does not matter."""
    write_run(tmp_path / "base", model="base", skills={"pope": 0.6}, counts=120, failures=1)
    write_run(tmp_path / "failing", model="failing", skills={"pope": 1.1}, counts=120, failures=114)
    write_run(tmp_path / "other", model="other", skills={"pope": 0.4}, counts=120)
    board = build_board(BoardConfig(runs=[tmp_path], baseline="base"))
    group = board.groups[0]
    assert [row.label for row in group.rows] == ["base", "other", "failing"]
    assert group.rows[-1].cells["pope"].metric.value == 1.0
    said = answer(group)
    assert said is not None
    assert (said.leader, "failing" in said.rivals) == ("base", False)
    block = readme_block(board, most=10).replace("\N{NO-BREAK SPACE}", " ")
    assert ("114 of 120 failed" in block, "1 of 120 failed" in block) == (True, True)
    for text in (render_markdown(board), render_page(board, lambda run: None)):
        assert "could move a score further than its interval reaches" in text
    latex = render_latex(board)
    assert r"100.0 {\footnotesize" in latex
    assert r"\textbf{100.0}" not in latex
    assert "(114 of 120 failed)" in latex


def test_a_reason_that_is_no_share_is_not_in_percent(tmp_path: Path) -> None:
    for name, skill in (("base", 0.5), ("best", 0.99)):
        write_run(tmp_path / name, model=name, skills={"videohallucer": skill}, counts=120)
    board = build_board(BoardConfig(runs=[tmp_path], baseline="base"))
    rating = Difference(name="all/rating", a=2.24, b=5.3, value=3.06, low=2.5, high=3.6, p=0.001, scale="number")
    reasons = Reasons(row="best", family=1, found=[Reason(what="rating points of 6", difference=rating)])
    board = replace(board, groups=[replace(board.groups[0], reasons=reasons)])
    said = answer(board.groups[0])
    assert said is not None
    assert said.why == ["More rating points of 6: 2.2 → 5.3, +3.1 [2.5, 3.6]."]
    assert "more rating points of 6 (2.2 → 5.3)." in readme_block(board, most=3).replace("\\", "")


def test_why_says_of_which_row_it_is_and_where_nothing_could_be_tested(tmp_path: Path) -> None:
    for name, skill in (("base", 0.99), ("good", 0.6), ("third", 0.3)):
        write_run(tmp_path / name, model=name, skills={"pope": skill}, counts=60)
    board = build_board(BoardConfig(runs=[tmp_path], baseline="base"))
    assert "- **Why (good against base):** No change that was looked at could be tested.\n" in render_markdown(board)


def test_one_failed_sample_of_thousands_is_not_shown_as_none() -> None:
    assert [rate(share) for share in (None, 0.0, 1 / 9000, 0.0005, 0.05)] == ["–", "0.0", "<0.1", "0.1", "5.0"]
