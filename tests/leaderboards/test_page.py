"""The HTML page: self-contained, small, and every name in it is text."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from support_leaderboards import HOSTILE, write_diagnostics, write_run, write_world

from harness.reports.html import script_json
from leaderboards.board import Board
from leaderboards.build import BoardConfig, build_board
from leaderboards.outputs import write_board
from leaderboards.page import MOST_BYTES, render_page
from leaderboards.page_data import pack_outcomes, page_data, report_link
from leaderboards.plots import plot_attribution, plot_scores


class Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self._in_script = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._in_script = tag == "script"

    def handle_data(self, data: str) -> None:
        if self._in_script:
            self.scripts.append(data)
            self._in_script = False

    @property
    def data(self) -> Any:
        return json.loads(self.scripts[0])


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Board:
    root = write_world(tmp_path_factory.mktemp("world"), counts=120, steps=(100, 200))
    (root / "base" / "report.html").write_text("x")
    return build_board(BoardConfig(runs=[root], baseline="base"))


@pytest.fixture(scope="module")
def page(board: Board) -> Page:
    return Page(render_page(board, lambda run: run.report, ["leaderboard.csv"]))


def test_it_fetches_nothing(page: Page) -> None:
    for tag, attributes in page.tags:
        assert tag not in ("link", "iframe", "img", "object", "embed", "base")
        assert "src" not in attributes
        assert not any(name.startswith("on") for name in attributes)
        assert tag != "a" or str(attributes["href"]).startswith(("#", "leaderboard.", "https://arxiv.org/"))
    assert len(page.scripts) == 5


def test_ids_are_unique(page: Page) -> None:
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(set(ids)) == len(ids)


def test_rows_carry_scores_and_links(board: Board, page: Page) -> None:
    (group,) = page.data["groups"]
    row = board.groups[0].rows[0]
    shown = group["rows"][0]
    metric = row.cells["pope"].metric
    assert shown["name"] == row.label
    assert shown["cells"][0][:2] == pytest.approx([metric.value, metric.low], abs=1e-6)
    base = group["rows"][group["baseline"]]
    assert base["links"] == [["base", "report.html"]]
    names = [page.data["texts"][place] for place in (entry[0] for entry in shown["more"][0][2])]
    assert names == list(row.cells["pope"].result.metrics)


def test_hostile_names_are_text(tmp_path: Path) -> None:
    for number, name in enumerate(HOSTILE):
        folder = write_run(tmp_path / f"r{number}", model=f"t/{name}/checkpoint-{number}", counts=20)
        write_diagnostics(folder, perception=0.1, **{name: 0.05})
    board = build_board(BoardConfig(runs=[tmp_path], baseline="r0", title=HOSTILE[3]))
    text = render_page(board, lambda run: HOSTILE[3], [HOSTILE[3]])
    found = Page(text)
    assert "alert(1)" in text
    assert len(found.scripts) == 5
    assert sum(tag == "script" for tag, _ in found.tags) == 5
    assert not any(tag == "img" for tag, _ in found.tags)
    assert not any(name.startswith("on") for _, attributes in found.tags for name in attributes)
    assert found.data["groups"][0]["rows"]


def test_large_boards_leave_details_out_rather_than_grow(board: Board) -> None:
    whole = page_data(board, lambda run: None, 10**9)
    (group,) = whole["groups"]
    details = sum(len(script_json(row["more"]).encode()) for row in group["rows"])
    room = len(script_json(whole).encode()) - details // 2
    cut = page_data(board, lambda run: None, room)
    assert len(script_json(cut).encode()) <= room * 1.05
    assert cut["groups"][0]["pairs"] == group["pairs"]
    assert "more" in cut["groups"][0]["rows"][0]
    assert "more" not in cut["groups"][0]["rows"][-1]
    least = page_data(board, lambda run: None, room - details)
    assert all("more" not in row for row in least["groups"][0]["rows"])
    assert page_data(board, lambda run: None, 0)["groups"][0]["pairs"] is None


def test_outcomes_that_do_not_fit_are_of_fewer_rows(board: Board) -> None:
    (group,) = board.groups
    sizes = [10**9]
    for _ in range(4):
        sizes.append(len(pack_outcomes(group, lambda run: None, sizes[-1] - 1) or ""))
    assert sizes[1] > sizes[2] > sizes[3] > sizes[4] == 0  # Whole, without questions, of two rows, nothing.


def test_a_page_stays_under_its_limit(board: Board) -> None:
    assert len(render_page(board, lambda run: None).encode()) < MOST_BYTES < 3_000_000


def test_a_page_of_fifty_rows_that_can_all_be_compared_is_under_a_megabyte(tmp_path: Path) -> None:
    for number in range(50):
        write_run(tmp_path / f"run-{number}", model=f"models/{number}", counts={"pope": 180, "videohallucer": 100})
    board = build_board(BoardConfig(runs=[tmp_path], baseline="run-0"))
    page = Page(text := render_page(board, lambda run: run.report))
    assert len(text.encode()) < 1_000_000
    assert all("more" in row for row in page.data["groups"][0]["rows"])
    assert all(len(outcomes.rows) == 50 for outcomes in board.groups[0].outcomes.values())
    assert page.data["groups"][0]["pairs"]


def test_report_links_are_relative_to_the_page(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "runs" / "a b", counts=20)
    (folder / "report.md").write_text("x")
    board = build_board(BoardConfig(runs=[tmp_path / "runs"]))
    (row,) = board.groups[0].rows
    assert report_link(str(tmp_path / "board"))(row.runs[0]) == "../runs/a%20b/report.md"


def test_names_in_plots_are_shown_as_they_are(tmp_path: Path) -> None:
    names = ("$x{", "a$b$c", "模型", "<b>&x")
    for number, name in enumerate(names):
        write_run(tmp_path / str(number), model=name, counts=20)
    group = build_board(BoardConfig(runs=[tmp_path])).groups[0]
    plot = plot_scores(group, group.columns[0])
    assert plot is not None
    assert {text.text for text in plot.iter("text")} >= set(names)


def test_a_cause_has_one_colour_in_plots_stacks_and_legend(board: Board, page: Page) -> None:
    tones = ["series-1", "series-2", "series-3"]
    assert page.data["groups"][0]["causes"] == ["perception", "reasoning", "commitment"]
    plot = plot_attribution(board.groups[0])
    assert plot is not None
    assert {bar.attrib["class"] for bar in plot.iter("rect")} == set(tones)
    squares = [str(attributes["class"]) for tag, attributes in page.tags if tag == "i" and "title" in attributes]
    assert squares[:3] == tones
    keys = [str(attributes["class"]) for tag, attributes in page.tags if tag == "i" and list(attributes) == ["class"]]
    assert keys[:3] == tones


def test_unchanged_files_are_left_alone(board: Board, tmp_path: Path) -> None:
    paths = write_board(board, tmp_path / "out")
    before = {path: path.stat().st_mtime_ns for path in paths}
    assert write_board(board, tmp_path / "out") == paths
    assert {path: path.stat().st_mtime_ns for path in paths} == before
