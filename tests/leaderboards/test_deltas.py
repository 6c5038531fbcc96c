"""Differences to the baseline: paired on the same questions, corrected over the table."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support_leaderboards import row_of, score_itself, write_diagnostics, write_run, write_sealed, write_world

from harness.benchmarks.plain import scored_task
from harness.runs.comparison import compare_runs
from leaderboards.board import Group
from leaderboards.build import BoardConfig, build_board, find_checkpoint
from leaderboards.deltas import compare_group
from leaderboards.grouping import group_runs
from leaderboards.runs import load_runs


def compared(root: Path, baseline: str = "base") -> tuple[Group, list[str]]:
    groups = group_runs(load_runs([root])[0])
    return compare_group(groups[0], find_checkpoint(groups, baseline, "--baseline").key)


def test_deltas_are_those_of_the_paired_comparison_command(tmp_path: Path) -> None:
    write_world(tmp_path, counts=120, steps=(100,))
    skills = {"pope": 0.7, "videohallucer": 0.5, "mmbench": 0.7, "mmvu": 0.7}
    write_run(tmp_path / "failing", model="failing", skills=skills, counts=120, failures=5)
    group, problems = compared(tmp_path)
    assert problems == []
    assert group.baseline == "base"
    for row in group.rows:
        if row.is_baseline:
            assert all(cell.delta is None for cell in row.cells.values())
            continue
        for task, cell in row.cells.items():
            expected = next(
                found.metrics[0]
                for found in compare_runs(tmp_path / "base", cell.run.folder, scored_task, metrics="headline")
                if found.task == task
            )
            assert cell.delta is not None
            assert cell.delta.value == pytest.approx(expected.value, abs=1e-9)
            assert cell.delta.stderr == pytest.approx(expected.stderr, abs=1e-9)
            assert cell.delta.freedom == pytest.approx(expected.freedom, rel=1e-9)
            assert cell.delta.n == expected.n
            assert (cell.delta.family, expected.family) == (4 * 4, 4)


def test_all_differences_of_a_table_are_a_family(tmp_path: Path) -> None:
    write_world(tmp_path, counts=120, steps=(100, 200))
    group, _ = compared(tmp_path)
    deltas = [cell.delta for row in group.rows for cell in row.cells.values() if cell.delta is not None]
    assert group.tests == 5 * 4
    assert {delta.family for delta in deltas} == {5 * 4}


def test_answers_that_are_judged_twice_count_once(tmp_path: Path) -> None:
    skills = {"base": (0.5, 0.5), "b": (0.9, 0.6), "c": (0.7, 0.99)}
    for name, (pope, repope) in skills.items():
        write_run(tmp_path / name, model=name, skills={"pope": pope, "repope": repope}, counts=240)
    write_run(tmp_path / "d", model="d", skills={"repope": 0.95}, counts=240)
    group, _ = compared(tmp_path)
    assert group.ordered_by == ("pope",)
    assert [row.label for row in group.rows] == ["b", "c", "base", "d"]
    twice = row_of(group, "c").cells["repope"].delta
    assert twice is not None
    assert (twice.verdict, twice.note) == ("not tested", "of the answers to POPE, which are tested")
    assert (twice.value or 0) > 0
    # Where the other one is not there, it is tested.
    alone = row_of(group, "d").cells["repope"].delta
    assert alone is not None
    assert alone.verdict == "better"
    assert group.tests == 3
    assert group.reasons is not None
    assert not [reason for reason in group.reasons.found if "RePOPE" in reason.what]


def test_equal_answers_give_no_difference(tmp_path: Path) -> None:
    for name in ("base", "twin"):
        write_run(tmp_path / name, model=name, skills={"pope": 1.01}, counts=120)
    group, _ = compared(tmp_path)
    delta = row_of(group, "twin").cells["pope"].delta
    assert delta is not None
    assert delta.value == 0.0
    assert (delta.p, delta.verdict, delta.stars) == (1.0, "no difference shown", "")


def test_samples_without_a_response_are_left_out_on_both_sides(tmp_path: Path) -> None:
    write_run(tmp_path / "base", model="base", skills={"pope": 1.01, "videohallucer": 1.01}, counts=60)
    write_run(tmp_path / "b", model="b", skills={"pope": 1.01, "videohallucer": 1.01}, counts=60, failures=3)
    group, _ = compared(tmp_path)
    pope, video = (row_of(group, "b").cells[task].delta for task in ("pope", "videohallucer"))
    assert pope is not None
    assert video is not None
    assert (pope.value, pope.n) == (0.0, 57)
    assert "3 samples without a response" in (pope.note or "")
    # Three failed questions tear two pairs.
    assert (video.value, video.n) == (0.0, 28)


def change_sample(folder: Path, task: str, **fields: object) -> None:
    """Give the first sample of a task other fields."""
    path = folder / "samples.jsonl"
    records = [json.loads(line) for line in path.read_text().splitlines()]
    next(record for record in records if record["sample"]["task"] == task)["sample"].update(fields)
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    write_sealed(folder, json.loads((folder / "run.json").read_text()))


def test_questions_that_are_paired_otherwise_are_not_the_same(tmp_path: Path) -> None:
    for name in ("base", "b"):
        write_run(tmp_path / name, model=name, skills={"videohallucer": 0.5}, counts=20)
    change_sample(tmp_path / "b", "videohallucer", group="another pair")
    delta = row_of(compared(tmp_path)[0], "b").cells["videohallucer"].delta
    assert delta is not None
    assert (delta.value, delta.note) == (None, "not the same questions")


@pytest.mark.parametrize("labelled", ["base", "b"])
def test_labels_that_only_one_run_has_do_not_keep_runs_apart(tmp_path: Path, labelled: str) -> None:
    for name, skill in (("base", 0.5), ("b", 0.95)):
        write_run(tmp_path / name, model=name, skills={"pope": skill}, counts=240)
    path = tmp_path / labelled / "samples.jsonl"
    records = [json.loads(line) for line in path.read_text().splitlines()]
    for record in records:
        record["sample"]["attributes"]["repope"] = record["sample"]["target"]
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    write_sealed(tmp_path / labelled, json.loads((tmp_path / labelled / "run.json").read_text()))
    group, problems = compared(tmp_path)
    assert problems == []
    delta = row_of(group, "b").cells["pope"].delta
    assert delta is not None
    assert (delta.verdict, delta.note) == ("better", None)
    assert group.reasons is not None
    assert [reason for reason in group.reasons.found if "POPE" in reason.what]


def test_a_foreign_task_has_a_difference_but_no_test(tmp_path: Path) -> None:
    for name, skill in (("base", 0.6), ("b", 0.9)):
        folder = write_run(tmp_path / name, model=name, skills={"pope": skill}, counts=60)
        record = json.loads((folder / "run.json").read_text())
        samples = folder / "samples.jsonl"
        samples.write_text(samples.read_text().replace('"task":"pope"', '"task":"mme"'))
        for part in ("data", "tasks", "benchmarks"):
            record[part] = {"mme": record[part]["pope"]}
        record["tasks"]["mme"] |= {"task": "mme", "means": {}}  # As a task of points has it: none is a mean.
        for metric in record["tasks"]["mme"]["metrics"].values():
            metric["scale"] = None
            for name_ in ("value", "low", "high"):
                metric[name_] = metric[name_] and 2000 * metric[name_]
        write_sealed(folder, record)
    group, problems = compared(tmp_path)
    assert problems == []
    delta = row_of(group, "b").cells["mme"].delta
    assert delta is not None
    assert delta.value is not None
    assert delta.value > 100
    assert (delta.p, delta.verdict, delta.note) == (None, "not tested", "no paired test for this figure")
    assert group.columns[0].scale == 1.0


@pytest.mark.parametrize(("better", "verdict"), [(1, "better"), (-1, "worse")])
def test_a_task_that_scores_itself_is_tested_on_its_own_headline(tmp_path: Path, better: int, verdict: str) -> None:
    for name, skill in (("base", 0.3), ("b", 1.01)):
        score_itself(write_run(tmp_path / name, model=name, skills={"pope": skill}, counts=180), "pope", better=better)
    group, problems = compared(tmp_path)
    assert problems == []
    delta = row_of(group, "b").cells["pope"].delta
    assert delta is not None
    assert delta.value == pytest.approx(
        row_of(group, "b").cells["pope"].metric.value - row_of(group, "base").cells["pope"].metric.value
    )
    assert (delta.note, delta.verdict) == (None, verdict)


def test_a_group_without_the_baseline_is_not_compared(tmp_path: Path) -> None:
    write_run(tmp_path / "base", model="base", counts=20)
    write_run(tmp_path / "b", model="b", counts=20)
    write_run(tmp_path / "c", model="c", counts=20, prompt="direct")
    board = build_board(BoardConfig(runs=[tmp_path], baseline="base"))
    assert [group.baseline for group in board.groups] == ["base", None]
    assert any("nothing is compared there" in note for note in board.notes)


def test_reported_rows_are_never_compared(tmp_path: Path) -> None:
    write_run(tmp_path / "base", model="base", counts=20)
    write_run(tmp_path / "b", model="b", counts=20)
    with_reported = build_board(BoardConfig(runs=[tmp_path], baseline="base"))
    without = build_board(BoardConfig(runs=[tmp_path], baseline="base", references=[]))
    assert with_reported.reported
    assert with_reported.groups == without.groups


def test_diagnostics_of_different_judges_are_said_not_to_compare(tmp_path: Path) -> None:
    for name, judge in (("a", "judge one"), ("b", "judge two")):
        folder = write_run(tmp_path / name, model=name, counts=20)
        write_diagnostics(folder, perception=0.1)
        stored = json.loads((folder / "diagnostics.json").read_text())
        (folder / "diagnostics.json").write_text(json.dumps({**stored, "judge": {"identity": judge}}))
    (note,) = build_board(BoardConfig(runs=[tmp_path])).notes
    assert "different judges (judge one, judge two)" in note


def test_a_task_whose_folder_is_not_given_is_named_with_the_option(tmp_path: Path) -> None:
    for name, skill in (("base", 0.5), ("b", 0.9)):
        folder = write_run(tmp_path / name, model=name, skills={"pope": skill})
        for file in ("run.json", "samples.jsonl"):
            text = (folder / file).read_text()
            (folder / file).write_text(text.replace('"pope"', '"mine"'))
        write_sealed(folder, json.loads((folder / "run.json").read_text()))
    group, problems = compared(tmp_path)
    delta = row_of(group, "b").cells["mine"].delta
    assert problems == []
    assert delta is not None
    assert delta.note == "no paired test: there is no task 'mine' here; give --tasks-dir the folder that holds it"
