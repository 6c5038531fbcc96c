"""Runs that may be compared share a group, others never do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support_leaderboards import row_of, score_itself, write_diagnostics, write_run, write_sealed

from leaderboards.board import Group
from leaderboards.build import BoardConfig, build_board, find_checkpoint
from leaderboards.grouping import group_runs
from leaderboards.naming import Step
from leaderboards.protocols import protocol_of
from leaderboards.runs import load_runs
from leaderboards.trainings import gather

POPE = {"skills": {"pope": 0.8}, "counts": 12}


def groups_of(root: Path, **options: Any) -> list[Group]:
    runs, problems = load_runs([root])
    assert problems == []
    return group_runs(runs, **options)


def labels(group: Group) -> list[str]:
    return sorted(row.label for row in group.rows)


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ({"prompt": "direct"}, "prompt format direct, not grounded"),
        ({"counts": 6, "limit": 6}, "--limit 6, not all questions"),
        ({"counts": 6, "limit": 0.5}, "--limit 0.5, not all questions"),
        ({"counts": 15}, "POPE: other data (15 questions, digest "),
        ({"versions": {"pope": "2"}}, "POPE: task version 2, not 1"),
    ],
)
def test_other_conditions_are_kept_apart_with_the_reason(tmp_path: Path, other: dict[str, Any], reason: str) -> None:
    write_run(tmp_path / "a", model="a", **POPE)
    write_run(tmp_path / "b", model="b", **POPE)
    write_run(tmp_path / "c", model="c", **(POPE | other))
    groups = groups_of(tmp_path)
    assert [labels(group) for group in groups] == [["a", "b"], ["c"]]
    assert groups[0].reason is None
    assert reason in (groups[1].reason or "")
    assert groups[0].title != groups[1].title


@pytest.mark.parametrize(
    ("task", "other", "apart"),
    [
        ("videohallucer", {"num_frames": 16}, True),
        ("videohallucer", {"num_frames": 16, "video_as": None}, True),
        ("pope", {"num_frames": 16}, False),
        ("videohallucer", {"video_as": "frames"}, True),
        ("pope", {"video_as": "frames"}, False),
        ("mmvu", {"judge": "some judge"}, True),
        ("pope", {"judge": "some judge"}, True),
        ("pope", {"temperature": 1.0}, False),
        ("pope", {"seed": 7}, False),
    ],
)
def test_only_what_decides_the_question_keeps_apart(
    tmp_path: Path, task: str, other: dict[str, Any], apart: bool
) -> None:
    write_run(tmp_path / "a", model="a", skills={task: 0.8}, counts=20)
    write_run(tmp_path / "b", model="b", skills={task: 0.8}, counts=20, **other)
    assert len(groups_of(tmp_path)) == 1 + apart


def test_a_task_with_prompts_of_its_own_is_compared_whatever_format_others_were_asked_in(tmp_path: Path) -> None:
    for name, prompt, judge in (("a", "grounded", None), ("b", "direct", "some judge")):
        both = {"skills": {"pope": 0.8, "mmvu": 0.8}, "counts": 12}
        score_itself(write_run(tmp_path / name, model=name, prompt=prompt, judge=judge, **both), "mmvu")
    groups = groups_of(tmp_path)
    found = {group.title: (labels(group), [column.task for column in group.columns]) for group in groups}
    assert found == {
        "own prompt, all questions": (["a", "b"], ["mmvu"]),
        "grounded prompt, all questions": (["a"], ["pope"]),
        "direct prompt, all questions": (["b"], ["pope"]),
    }


def test_a_headline_that_is_better_when_it_is_lower_orders_rows_so(tmp_path: Path) -> None:
    for name, skill in (("high", 1.01), ("low", 0.0)):
        score_itself(write_run(tmp_path / name, model=name, skills={"pope": skill}, counts=12), "pope", better=-1)
    (group,) = groups_of(tmp_path)
    assert [row.label for row in group.rows] == ["low", "high"]


def test_a_limit_that_leaves_nothing_out_does_not_keep_apart(tmp_path: Path) -> None:
    write_run(tmp_path / "a", model="a", **POPE)
    write_run(tmp_path / "b", model="b", limit=1000, **POPE)
    assert [labels(group) for group in groups_of(tmp_path)] == [["a", "b"]]


def test_tasks_of_several_runs_make_one_row(tmp_path: Path) -> None:
    write_run(tmp_path / "a", model="m", skills={"pope": 0.8}, counts=12)
    write_run(tmp_path / "b", model="m", skills={"videohallucer": 0.8}, counts=20)
    (group,) = groups_of(tmp_path)
    (row,) = group.rows
    assert list(row.cells) == ["pope", "videohallucer"]
    assert [run.record.id for run in row.runs] == ["b", "a"]


def test_the_latest_run_of_a_checkpoint_counts(tmp_path: Path) -> None:
    write_run(tmp_path / "late", model="m", seed=1, started="2026-03-02T00:30:00+02:00", **POPE)
    write_run(tmp_path / "latest", model="m", seed=2, started="2026-03-01T23:00:00+00:00", **POPE)
    write_run(tmp_path / "old", model="m", seed=3, started="2026-02-01T00:00:00+00:00", **POPE)
    (group,) = groups_of(tmp_path)
    assert [row.cells["pope"].run.record.id for row in group.rows] == ["latest"]


def test_a_model_that_only_its_name_tells_is_not_replaced_in_silence(tmp_path: Path) -> None:
    for day in (1, 2, 3):
        write_run(
            tmp_path / f"n{day}", model="gpt-x", weights=None, seed=day, started=f"2026-03-0{day}T10:00:00Z", **POPE
        )
        write_run(tmp_path / f"w{day}", model="known", seed=day, started=f"2026-03-0{day}T10:00:00Z", **POPE)
    board = build_board(BoardConfig(runs=[tmp_path]))
    assert labels(board.groups[0]) == ["gpt-x", "known"]
    (note,) = board.notes
    assert note.startswith("2 older runs of “gpt-x” are not shown in full: only the name says")
    assert not build_board(BoardConfig(runs=[tmp_path], rows_of="runs")).notes


@pytest.mark.parametrize(
    ("decoding", "told"),
    [
        ({"contrast": "vcd:alpha=0.5,beta=0.1,noise_step=500"}, "vcd:alpha=0.5,beta=0.1,noise_step=500"),
        ({"repetition_penalty": 1.1}, "repetition_penalty 1.1"),
        ({"temperature": 1.0, "top_k": 20}, "temperature 1.0, top_k 20"),
    ],
)
def test_a_checkpoint_decoded_otherwise_takes_no_row_of_the_plain_one(
    tmp_path: Path, decoding: dict[str, Any], told: str
) -> None:
    training = {"recipe": "sha256:r", "data": "sha256:d", "seed": 0, "step": 3}
    write_run(tmp_path / "plain", model="out/m/checkpoint-3", training=training, **POPE)
    write_run(
        tmp_path / "other", model="out/m/checkpoint-3", training=training, decoding=decoding,
        started="2026-03-02T00:00:00+00:00", **POPE,
    )  # fmt: skip
    (group,) = groups_of(tmp_path)
    for rows in (group, gather(group)):
        assert labels(rows) == ["m/checkpoint-3", f"m/checkpoint-3, {told}"]
        assert row_of(rows, "m/checkpoint-3").latest.id == "plain"
    assert {row.step for row in group.rows} == {Step("out/m", 3), Step(f"out/m, {told}", 3)}
    assert find_checkpoint([group], "out/m/checkpoint-3", "--baseline").label == "m/checkpoint-3"


def test_top_p_and_top_k_of_greedy_decoding_make_no_row(tmp_path: Path) -> None:
    write_run(tmp_path / "a", model="m", decoding={"top_k": None}, **POPE)
    write_run(tmp_path / "b", model="m", decoding={"top_k": 20, "top_p": 0.9}, seed=1, **POPE)
    (group,) = groups_of(tmp_path)
    assert labels(group) == ["m"]


def test_every_run_can_be_a_row(tmp_path: Path) -> None:
    write_run(tmp_path / "one", model="m", seed=1, **POPE)
    write_run(tmp_path / "two", model="m", seed=2, **POPE)
    (group,) = groups_of(tmp_path, rows_of="runs")
    assert labels(group) == ["m (one)", "m (two)"]


def test_runs_of_one_id_are_told_apart_by_folder(tmp_path: Path) -> None:
    write_run(tmp_path / "x" / "run", model="m", seed=1, **POPE)
    write_run(tmp_path / "y" / "run", model="m", seed=2, **POPE)
    (group,) = groups_of(tmp_path, rows_of="runs")
    assert labels(group) == ["m (x/run)", "m (y/run)"]


def test_one_name_with_other_weights_makes_two_rows(tmp_path: Path) -> None:
    write_run(tmp_path / "a", model="m", weights="sha256:abcdef99", **POPE)
    write_run(tmp_path / "b", model="m", weights="sha256:123456ff", **POPE)
    (group,) = groups_of(tmp_path)
    assert labels(group) == ["m #123456", "m #abcdef"]


def test_one_checkpoint_of_two_names_makes_one_row(tmp_path: Path) -> None:
    write_run(tmp_path / "a", model="/tmp/old-name", weights="sha256:aa", started="2026-01-01T00:00:00+00:00", **POPE)
    write_run(tmp_path / "b", model="new-name", weights="sha256:aa", **POPE)
    (group,) = groups_of(tmp_path)
    assert labels(group) == ["new-name"]
    assert group.rows[0].other_names == ("old-name",)


def test_rows_are_ordered_by_the_hallucination_benchmarks(tmp_path: Path) -> None:
    for name, pope, video in [("low", 0.5, 0.3), ("high", 0.99, 0.99), ("middle", 0.8, 0.7)]:
        write_run(tmp_path / name, model=name, skills={"pope": pope, "videohallucer": video, "mmbench": 1 - pope})
    write_run(tmp_path / "half", model="half", skills={"pope": 1.0})
    write_run(tmp_path / "none", model="none", skills={"mmbench": 1.0})
    (group,) = groups_of(tmp_path)
    assert [row.label for row in group.rows] == ["high", "middle", "low", "half", "none"]
    assert group.ordered_by == ("pope", "videohallucer")
    assert [column.task for column in group.columns] == ["pope", "videohallucer", "mmbench"]


def test_a_column_never_mixes_protocols(tmp_path: Path) -> None:
    """Whatever the runs: in each column of each group all cells have one protocol, and no result is lost."""
    number = 0
    for prompt in ("direct", "grounded"):
        for counts, limit in ((12, None), (15, None), (6, 6)):
            for version in ("1", "2"):
                for skills in ({"pope": 0.8}, {"pope": 0.7, "mmbench": 0.6}):
                    number += 1
                    write_run(
                        tmp_path / f"r{number}",
                        model=f"m{number % 5}",
                        skills=skills,
                        counts=counts,
                        limit=limit,
                        prompt=prompt,
                        versions={"pope": version},
                        seed=number,
                    )
    groups = groups_of(tmp_path)
    shown = 0
    for group in groups:
        for column in group.columns:
            cells = [row.cells[column.task] for row in group.rows if column.task in row.cells]
            assert {protocol_of(cell.run, column.task) for cell in cells} == {column.protocol}
            shown += len(cells)
    runs = load_runs([tmp_path])[0]
    newest = {
        (
            run.record.weights,
            task,
            run.record.prompt_format,
            str(run.record.data[task]),
            str(run.record.settings["tasks"][task]),
        )
        for run in runs
        for task in run.record.tasks
    }
    assert shown == len(newest)
    assert all(group.reason for group in groups[1:])
    assert len({group.title for group in groups}) == len(groups)


def test_groups_over_all_questions_come_first(tmp_path: Path) -> None:
    for number in range(3):
        write_run(tmp_path / f"smoke{number}", model=f"m{number}", skills={"pope": 0.8}, counts=6, limit=6)
    write_run(tmp_path / "whole", model="m0", **POPE)
    assert [group.title for group in groups_of(tmp_path)] == [
        "grounded prompt, all questions",
        "grounded prompt, --limit 6",
    ]


def test_figures_over_all_tasks_compare_where_all_runs_have_the_same_tasks(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_diagnostics(write_run(tmp_path / name, model=name, counts=20), perception=0.1)
    (group,) = groups_of(tmp_path)
    assert group.diagnostics == ["all/caption_fidelity", "all/chair_i", "all/think_words"]
    write_diagnostics(write_run(tmp_path / "c", model="c", counts=20, skills={"pope": 0.8}), perception=0.1)
    (group,) = groups_of(tmp_path)
    assert group.diagnostics == ["pope/looping"]


def test_causes_are_over_tasks_that_every_diagnosed_row_has(tmp_path: Path) -> None:
    for name, tasks in (("a", ("pope", "videohallucer")), ("b", ("pope",)), ("c", ())):
        folder = write_run(tmp_path / name, model=name, counts=20)
        causes = {task: {"perception": {"n": 4}, "format": {"n": 1}} for task in tasks}
        if tasks:
            (folder / "diagnostics.json").write_text(json.dumps({"schema_version": 1, "attribution": causes}))
    (group,) = groups_of(tmp_path)
    assert group.attributed == ["pope"]
    assert row_of(group, "a").attribution(group.attributed) == {"perception": 0.2, "format": 0.05}
    assert row_of(group, "c").attribution(group.attributed) == {}
    assert group.causes == ["perception", "format"]


def test_causes_are_shares_of_the_answers_that_were_given(tmp_path: Path) -> None:
    """A checkpoint whose server failed has fewer wrong answers, but no better ones."""
    for name, failures, wrong in (("sound", 0, 4), ("failing", 10, 2)):
        folder = write_run(tmp_path / name, model=name, skills={"pope": 0.8}, counts=20, failures=failures)
        (folder / "diagnostics.json").write_text(
            json.dumps({"schema_version": 1, "attribution": {"pope": {"perception": {"n": wrong}}}})
        )
    (group,) = groups_of(tmp_path)
    for row in group.rows:
        assert row.attribution(group.attributed) == {"perception": 0.2}


@pytest.mark.parametrize(("failures", "is_thin"), [(2, False), (3, True)])
def test_without_an_interval_a_share_of_failures_makes_a_row_thin(tmp_path: Path, failures: int, is_thin: bool) -> None:
    folder = write_run(tmp_path / "a", skills={"pope": 0.8}, counts=40, failures=failures)
    score_itself(folder, "pope")
    record = json.loads((folder / "run.json").read_text())
    record["tasks"]["pope"]["metrics"]["all/hit"] |= {"low": None, "high": None}
    record["tasks"]["pope"]["means"] = {}
    write_sealed(folder, record)
    (group,) = groups_of(tmp_path)
    assert group.rows[0].cells["pope"].is_thin == is_thin


def test_causes_need_answers(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "a", skills={"pope": 0.8}, counts=20, failures=20)
    (folder / "diagnostics.json").write_text(
        json.dumps({"schema_version": 1, "attribution": {"pope": {"perception": {"n": 0}}}})
    )
    (group,) = groups_of(tmp_path)
    assert group.rows[0].attribution(["pope"]) == {}
