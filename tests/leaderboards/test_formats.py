"""The same board as Markdown, CSV, JSON and LaTeX; hostile names stay text in all of them."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from support_leaderboards import HOSTILE, row_of, write_diagnostics, write_run, write_world

from harness.reports.text import number
from leaderboards.answers import answer
from leaderboards.board import Board
from leaderboards.build import BoardConfig, build_board
from leaderboards.data import csv_text, render_csv, render_json
from leaderboards.latex import render_latex
from leaderboards.markdown import render_markdown
from leaderboards.outputs import write_board


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_world(tmp_path_factory.mktemp("world"), counts=240)


@pytest.fixture(scope="module")
def board(world: Path) -> Board:
    return build_board(BoardConfig(runs=[world], baseline="base", title="Trained & tried"))


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Board:
    root = tmp_path_factory.mktemp("hostile")
    for place, name in enumerate(HOSTILE):
        folder = write_run(root / f"r{place}", model=f"x{name}" if name.startswith("=") else name, counts=20)
        write_diagnostics(folder, perception=0.1, **{name: 0.05})
    write_run(root / "formula", model="=1+2", counts=20)
    return build_board(BoardConfig(runs=[root], baseline="r0", title=HOSTILE[3]))


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@x", "\t=1", " =1"])
def test_formulas_are_disarmed(cell: str) -> None:
    assert csv_text(cell)[0] == "'"


def table_rows(markdown: str) -> list[list[str]]:
    lines = [line for line in markdown.splitlines() if line.startswith("|")]
    return [re.split(r"(?<!\\)\|", line)[1:-1] for line in lines]


def test_markdown_answers_first(board: Board) -> None:
    lines = render_markdown(board).splitlines()
    assert lines[0] == "# Trained &amp; tried"
    assert lines[4].startswith("- **Fewest hallucinations measured:** method/checkpoint-400, POPE ")
    assert lines[5].startswith("- **Is it real?** ")
    assert lines[6].startswith("- **Why (method/checkpoint-400 against base):** More right ")


def test_markdown_cells_show_score_interval_and_delta(board: Board) -> None:
    row = row_of(board.groups[0], "grpo/checkpoint-400")
    metric, delta = row.cells["videohallucer"].metric, row.cells["videohallucer"].delta
    assert delta is not None
    assert delta.is_shown
    line = next(line for line in render_markdown(board).splitlines() if line.startswith("| grpo/checkpoint-400"))
    assert f"**{number(metric.value)}** [{number(metric.low)}, {number(metric.high)}]<br>▼ −" in line
    assert delta.stars.replace("*", "\\*") in line


def test_markdown_tells_where_hallucination_rises(board: Board) -> None:
    assert "- outputs/grpo, VideoHallucer: hallucination rises after step 100, beyond chance from step " in (
        render_markdown(board)
    )


def test_markdown_keeps_reported_rows_apart(board: Board) -> None:
    markdown = render_markdown(board)
    measured, _, reported = markdown.partition("## Reported elsewhere")
    assert "Ground What You See" not in measured
    assert reported.count("*(reported)*") == len(board.reported)
    assert "[arXiv 2601.06224](https://arxiv.org/abs/2601.06224)" in reported


def test_hostile_names_stay_cells_in_markdown(hostile: Board) -> None:
    markdown = render_markdown(hostile)
    bare = re.sub(r"</?(br|details|summary)>", "", markdown)
    assert not re.search(r"<(?!!-- harness-leaderboard -->$)\S", bare)
    assert "**bold**" not in bare
    assert "](http://e.vil)" not in re.sub(r"\\\]", "", bare)
    widths = {len(row) for row in table_rows(markdown.partition("<details>")[0])}
    assert len(widths) == 1


def test_csv_is_read_back(board: Board) -> None:
    rows = list(csv.DictReader(io.StringIO(render_csv(board))))
    assert len(rows[0]) == 32
    group = board.groups[0]
    measured = [row for row in rows if row["kind"] != "reported"]
    assert len(measured) == sum(len(row.cells) for row in group.rows)
    first = measured[0]
    cell = group.rows[0].cells["pope"]
    assert (first["checkpoint"], first["task"]) == (group.rows[0].label, "pope")
    assert float(first["value"]) == cell.metric.value
    assert cell.delta is not None
    assert (float(first["p"]), first["verdict"]) == (cell.delta.p, cell.delta.verdict)
    assert first["data_digest"].startswith("sha256:")
    assert all(row["p"] == "" for row in rows if row["kind"] in ("reported", "baseline"))


def test_csv_cells_are_no_formulas(hostile: Board) -> None:
    for row in csv.DictReader(io.StringIO(render_csv(hostile))):
        for name, value in row.items():
            assert not value.startswith(("=", "@", "\t")), (name, value)
            if value.startswith(("+", "-")):
                float(value)


def test_json_holds_everything(board: Board) -> None:
    data = json.loads(render_json(board))
    assert data["format"] == "harness-leaderboard"
    (group,) = data["groups"]
    assert group["baseline"] == "base"
    assert group["columns"]["pope"]["version"] == "1"
    row = next(row for row in group["rows"] if row["checkpoint"] == "method/checkpoint-400")
    assert row["training_step"] == 400
    assert row["cells"]["pope"]["metrics"]["adversarial/accuracy"]["n"] == 80
    assert row["cells"]["pope"]["run"]["data"]["count"] == 240
    assert set(row["wrong_because"]) == {"perception", "reasoning", "commitment"}
    assert len(data["reported"]) == 7
    assert any(curve["hallucination_rises_after_step"] == 100 for curve in group["curves"])


def test_latex_is_balanced_and_bold_marks_the_best(board: Board) -> None:
    latex = render_latex(board)
    for command in ("toprule", "bottomrule"):
        assert latex.count(f"\\{command}") == 2
    best = max(row.cells["pope"].metric.value or 0 for row in board.groups[0].rows)
    assert f"\\textbf{{{number(best)}}}" in latex
    body = re.findall(r"begin\{tabular\}\{l(r+)\}(.*?)\\end\{tabular\}", latex, flags=re.S)
    for columns, table in body:
        for line in table.splitlines():
            if line.endswith(r"\\") and "multicolumn" not in line:
                assert len(re.findall(r"(?<!\\)&", line)) == len(columns), line


def test_hostile_names_are_no_latex(hostile: Board) -> None:
    latex = render_latex(hostile)
    assert "\\input{" not in latex
    assert latex.count("{") - latex.count("\\{") == latex.count("}") - latex.count("\\}")
    assert "100\\% \\& \\{b\\}" in latex


def test_the_answer_without_a_baseline_claims_nothing(world: Path) -> None:
    said = answer(build_board(BoardConfig(runs=[world])).groups[0])
    assert said is not None
    assert (said.verdict, list(said.real)) == ("", [])
    assert said.leader == "method/checkpoint-400"


def test_the_answer_when_the_baseline_is_best(world: Path) -> None:
    said = answer(build_board(BoardConfig(runs=[world], baseline="method/checkpoint-400")).groups[0])
    assert said is not None
    assert said.verdict == "The baseline scores best"
    assert re.fullmatch(r"Worse on at least one benchmark: \d of 3 others\.", said.real[0])


def test_the_answer_names_what_is_beyond_chance(board: Board) -> None:
    said = answer(board.groups[0])
    assert said is not None
    cells = board.groups[0].rows[0].cells
    verdicts = {task: delta.verdict for task in ("pope", "videohallucer") if (delta := cells[task].delta)}
    assert verdicts["videohallucer"] == "better"
    assert said.verdict.startswith(
        "Better on POPE and" if verdicts["pope"] == "better" else "Better on VideoHallucer, no"
    )
    assert len(said.why) <= 3
    assert said.why[0].startswith(("More right about what is not: ", "More right on adversarial POPE: "))


def test_another_decoding_than_the_baselines_is_said(tmp_path: Path) -> None:
    write_run(tmp_path / "base", model="base", counts=20)
    write_run(tmp_path / "hot", model="hot", counts=20, temperature=1.0)
    markdown = render_markdown(build_board(BoardConfig(runs=[tmp_path], baseline="base")))
    assert "| hot, temperature 1.0 †" in markdown
    assert "temperature 1.0, not 0.0" in markdown


SCRIPT = """
import sys
from pathlib import Path
from leaderboards.build import BoardConfig, build_board
from leaderboards.outputs import write_board
write_board(build_board(BoardConfig(runs=[Path(sys.argv[1])], baseline="base")), Path(sys.argv[2]))
"""


def test_bytes_are_the_same_in_every_process(tmp_path: Path) -> None:
    world = write_world(tmp_path / "runs", counts=60, steps=(100, 200))
    here, there = tmp_path / "a" / "out", tmp_path / "b" / "out"
    write_board(build_board(BoardConfig(runs=[world], baseline="base")), here)
    # Another order of sets and dictionaries keyed by text, and another start of the clock.
    environment = os.environ | {"PYTHONHASHSEED": "4711", "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", SCRIPT, str(world), str(there)], check=True, env=environment)
    files = sorted(path.name for path in here.iterdir())
    assert len(files) == 7
    for name in files:
        assert (here / name).read_bytes() == (there / name).read_bytes(), name
