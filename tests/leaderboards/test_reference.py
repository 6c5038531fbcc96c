"""Reported numbers: the ones that come with the harness, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from support_leaderboards import write_run

from harness.core.errors import DataError
from leaderboards.build import BoardConfig, build_board
from leaderboards.markdown import render_markdown
from leaderboards.page import render_page
from leaderboards.page_data import report_link
from leaderboards.reference import ReportedRow, Said, read_reported, reference_files, told_of

PAPER = {
    # name: (MMVU, VideoHallucer, POPE, MMBench)
    "Qwen2.5-VL-7B": (57.6, 46.5, 84.4, 86.3),
    "Qwen2.5-VL-7B + SFT": (62.7, 43.5, 82.2, 83.9),
    "Qwen2.5-VL-7B + GRPO": (62.1, 42.3, 83.6, 86.8),
    "Qwen2.5-VL-7B + Ground What You See": (65.6, 50.8, 88.7, 88.6),
    "GPT-4o": (75.4, 53.3, 86.9, 83.4),
}

EMPTY = "rows: []\nsource: x\ndate: '2026-01-01'\n"


def test_the_papers_numbers() -> None:
    rows = {row.name: row for row in read_reported(reference_files())}
    for name, figures in PAPER.items():
        found = [rows[name].values[task] for task in ("mmvu", "videohallucer", "pope", "mmbench")]
        assert found == pytest.approx([figure / 100 for figure in figures])
    ablations = {
        name.rpartition(", no ")[2]: (row.values["mmvu"], row.values["pope"])
        for name, row in rows.items()
        if ", no " in name
    }
    assert ablations["caption"] == pytest.approx((0.626, 0.852))
    assert ablations["InfoNCE"] == pytest.approx((0.638, 0.868))
    assert all(row.source == "arXiv 2601.06224" and row.date == "2026-01-09" for row in rows.values())


def test_what_is_said_of_how_figures_were_had_is_that_of_the_row_or_the_files(tmp_path: Path) -> None:
    path = tmp_path / "reported.yaml"
    path.write_text(
        EMPTY.replace("[]", "[{name: a, values: {pope: 88}}, {name: b, values: {pope: 88}, protocol: {}}]")
        + "protocol: {temperature: {value: 0, source: page 4}, figure: {pope: {value: all/f1, source: table 2}}}"
    )
    a, b = read_reported([path])
    assert a.said("temperature", "pope") == a.said("temperature", "mmvu") == Said(value=0, source="page 4")
    assert a.said("figure", "pope") == Said(value="all/f1", source="table 2")
    assert a.said("figure", "mmvu") is a.said("top_p", "pope") is b.said("temperature", "pope") is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rows: [", "cannot be read"),
        ("- a", "no list 'rows'"),
        ("rows: []\ndate: '2026-01-01'", "no 'source'"),
        ("rows: []\nsource: x\ndate: January", "not of the form"),
        ("rows: [{name: a}]\nsource: x\ndate: '2026-01-01'", "row 1 has no 'values'"),
        ("rows: [{name: a, values: {pope: high}}]\nsource: x\ndate: '2026-01-01'", "pope is 'high'"),
        ("rows: [{name: a, values: {pope: 884}}]\nsource: x\ndate: '2026-01-01'", "pope is 884"),
        ("rows: [{values: {pope: 88}}]\nsource: x\ndate: '2026-01-01'", "no 'name'"),
        ("rows: []\nsource: x\ndate: '2026-01-01'\nurl: 'javascript:alert(1)'", "not a web address"),
        (f"{EMPTY}protocol: greedy", "protocol is no table"),
        (f"{EMPTY}protocol: {{temprature: {{value: 0, source: x}}}}", "temprature is no aspect"),
        (f"{EMPTY}protocol: {{temperature: 0}}", "temperature has no 'value'"),
        (f"{EMPTY}protocol: {{temperature: {{value: 0}}}}", "temperature has no 'source'"),
        (f"{EMPTY}protocol: {{judge: {{value: [a], source: x}}}}", "judge has no 'value' that is a text or a number"),
        (f"{EMPTY}protocol: {{figure: {{pope: {{value: f1}}}}}}", "figure pope has no 'source'"),
    ],
)
def test_malformed_files_are_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "reported.yaml"
    path.write_text(text)
    with pytest.raises(DataError, match=said):
        read_reported([path])


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere\.yaml cannot be read"):
        read_reported([tmp_path / "nowhere.yaml"])


def test_the_demo_world_is_not_put_beside_the_papers(tmp_path: Path) -> None:
    write_run(tmp_path / "a", counts=20, source="demo")
    assert build_board(BoardConfig(runs=[tmp_path])).reported == []
    assert build_board(BoardConfig(runs=[tmp_path], references=reference_files())).reported != []


def test_only_rows_of_tasks_that_are_shown(tmp_path: Path) -> None:
    write_run(tmp_path / "a", counts=20, skills={"videohallucer": 0.6})
    names = [row.name for row in build_board(BoardConfig(runs=[tmp_path])).reported]
    assert sorted(names) == sorted(PAPER)


def test_reported_rows_say_how_they_were_had_and_where_ours_differ(tmp_path: Path) -> None:
    for prompt in ("grounded", "think-letters"):
        write_run(tmp_path / prompt, counts=20, prompt=prompt, skills={"pope": 0.8}, engine="hf")
    board = build_board(BoardConfig(runs=[tmp_path]))
    likeness = dict(zip([row.name for row in board.reported], board.likeness, strict=True))
    grpo, method = likeness["Qwen2.5-VL-7B + GRPO"], likeness["Qwen2.5-VL-7B + Ground What You See"]
    assert grpo is not None
    assert method is not None
    assert grpo.table == "think-letters prompt, all questions"
    assert not any(text.startswith("sections asked for") for text in grpo.differs)
    (sections,) = [text for text in method.differs if text.startswith("sections asked for")]
    assert sections.startswith("sections asked for: <prethink> <caption> <think> <answer>, here <")
    gpt = likeness["GPT-4o"]
    assert gpt is not None
    assert (gpt.is_told, gpt.differs) == (False, [])
    markdown, page = render_markdown(board), render_page(board, report_link(str(tmp_path)))
    for shown in (markdown, page):
        assert "frames of a video: not said; pixels of a picture: not said; judge: none" in shown
        assert "against “think-letters prompt, all questions”, the table most like it" in shown
        assert "not known: the source does not say how it was had" in shown


def test_each_benchmark_is_compared_by_the_run_that_the_table_shows_of_it(tmp_path: Path) -> None:
    """The newest run is of another benchmark than the reported row, of which the source says much."""
    for day, task in ((1, "pope"), (2, "mmbench")):
        write_run(tmp_path / task, counts=20, skills={task: 0.8}, engine="hf", started=f"2026-03-0{day}T10:00:00+00:00")
    path = tmp_path / "reported.yaml"
    said = "protocol: {temperature: {value: 1, source: x}}"
    rows = "[{name: a, values: {pope: 88}}, {name: b, values: {pope: 88, mmbench: 80}}]"
    path.write_text(EMPTY.replace("[]", rows) + said)
    of = build_board(BoardConfig(runs=[tmp_path], references=[path])).likeness
    assert [row and (row.is_told, row.differs) for row in of] == [(True, ["temperature: 1, here 0.0"])] * 2


def test_what_is_not_said_of_one_task_is_said_so() -> None:
    said = {"answer_as": {"pope": Said(value="a letter", source="x")}, "prompt": {"": Said(value="none", source="x")}}
    row = ReportedRow(name="m", values={"pope": 0.9, "mmvu": 0.5}, source="x", date="2026-01-01", protocol=said)
    told = told_of(row, {"pope": "POPE"})
    assert told.startswith(
        "sections asked for: none; answer asked for as: a letter (POPE); frames of a video: not said"
    )
