"""The board in a browser: a plain table without its script, and with it sorted, filtered and compared by keyboard."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from support_browser import LOOKS, Visit, check_look
from support_leaderboards import row_of, write_run, write_world

from harness.cli import main
from leaderboards.board import Board
from leaderboards.build import BoardConfig, build_board
from leaderboards.outputs import write_board
from leaderboards.page import render_page

NAMES = ".rows tbody:not([hidden]) .name"
DELTAS = ".rows > tbody > tr:first-child .delta"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_world(tmp_path_factory.mktemp("world"), counts=120, steps=(100, 200))


@pytest.fixture(scope="module")
def board(world: Path) -> Board:
    return build_board(BoardConfig(runs=[world], baseline="base"))


@pytest.fixture(scope="module")
def path(board: Board, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("board") / "index.html"
    path.write_text(render_page(board, lambda run: None), encoding="utf-8")
    return path


def ready(page: Any) -> Any:
    page.locator("[data-ready]").wait_for(state="attached")
    return page


def names(page: Any) -> list[str]:
    return [str(name) for name in page.locator(NAMES).all_text_contents()]


def in_order(board: Board, task: str, *, down: bool) -> list[str]:
    rows = board.groups[0].rows
    return [row.label for row in sorted(rows, key=lambda row: (row.cells[task].metric.value or 0) * (-1) ** down)]


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_it_looks_right_and_is_read_by_keyboard(
    board: Board, path: Path, visit: Visit, width: int, scheme: str
) -> None:
    page = ready(visit(path, width, scheme))
    check_look(page)
    labels = [row.label for row in board.groups[0].rows]
    assert names(page) == labels

    heading = page.locator(".rows th").filter(has_text="MMVU")
    heading.get_by_role("button").focus()
    page.keyboard.press("Enter")
    assert heading.get_attribute("aria-sort") == "descending"
    assert names(page) == in_order(board, "mmvu", down=True)
    page.keyboard.press("Enter")
    assert names(page) == in_order(board, "mmvu", down=False)

    page.get_by_label("Find").focus()
    page.keyboard.type("grpo")
    assert all("grpo" in name for name in names(page))
    assert "of" in page.locator("[data-count]").inner_text()
    page.get_by_label("Find").fill("")

    page.get_by_label("Before").focus()
    page.keyboard.type("base")
    page.get_by_label("After").focus()
    page.keyboard.type("grpo")
    lists = page.get_by_role("group", name="list")
    lists.get_by_role("radio", checked=True).focus()
    page.keyboard.press("ArrowRight")
    assert lists.get_by_role("radio", checked=True).evaluate("(node) => node === document.activeElement")
    page.locator("[data-samples] button").first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    chosen = page.locator("[data-samples] [aria-pressed=true]")
    page.locator(".both").wait_for()
    assert "'harness diagnose RUN'" in page.locator("[data-sample]").inner_text()
    assert page.locator("[data-sample] > h4").inner_text() == chosen.locator("small").inner_text()
    check_look(page)

    again = ready(visit(page.url, width, scheme))
    again.locator(".both").wait_for()
    for what in ("[data-sample] > h4", "[data-samples] [aria-pressed=true]", "[data-differences]"):
        assert again.locator(what).inner_text() == page.locator(what).inner_text()
    assert names(again) == names(page)


@pytest.mark.parametrize("width", [1440, 390])
def test_names_of_any_length_stay_in_their_places(tmp_path: Path, visit: Visit, width: int) -> None:
    long = ("qwen2_5_vl_7b_grpo_lr3e6_beta004_caption1_infonce001_seed0_step300", "m" * 240)
    for name, skill in zip(("base", *long), (0.5, 0.9, 0.8), strict=True):
        write_run(tmp_path / name[:9], model=name, counts=120, skills={"pope": skill})
    board = build_board(BoardConfig(runs=[tmp_path], baseline=long[1]))
    (tmp_path / "index.html").write_text(render_page(board, lambda run: None))
    page = ready(visit(tmp_path / "index.html", width))
    check_look(page)
    for name in page.locator(f"{NAMES}, .answers div").all():
        assert name.evaluate("(node) => node.scrollWidth <= node.clientWidth")


def test_without_its_script_it_is_a_plain_table(board: Board, path: Path, visit: Visit) -> None:
    page = visit(path, java_script_enabled=False)
    assert page.locator(".rows .name").all_text_contents() == [row.label for row in board.groups[0].rows]
    assert not page.get_by_label("Find").is_visible()
    assert "needs JavaScript" in page.locator("noscript").first.inner_text()
    members = page.locator(".member")
    assert not members.first.is_visible()
    page.get_by_text("2 checkpoints").first.click()
    assert members.first.is_visible()
    page.get_by_text("Diagnostics", exact=True).first.click()
    assert page.locator("td.diagnostics").first.is_visible()
    assert not page.locator("td.scores").first.is_visible()


@pytest.mark.parametrize("number", range(4))
def test_a_baseline_that_is_chosen_says_what_a_board_built_with_it_says(
    world: Path, board: Board, path: Path, tmp_path: Path, visit: Visit, number: int
) -> None:
    label = board.groups[0].rows[number].label
    other = tmp_path / "other.html"
    built = build_board(BoardConfig(runs=[world], baseline=label))
    other.write_text(render_page(built, lambda run: None), encoding="utf-8")
    page, wanted = ready(visit(path)), ready(visit(other))
    page.get_by_role("combobox", name="Baseline").select_option(label)

    def told(of: Any) -> list[tuple[str, str]]:
        links = of.locator(DELTAS).all()
        return [(" ".join(link.inner_text().split()), link.get_attribute("title") or "") for link in links]

    assert told(page) == told(wanted)
    assert (label in page.locator(".chosen").inner_text()) == (label != board.groups[0].baseline)
    again = ready(visit(page.url))
    assert told(again) == told(wanted)


def test_a_board_without_a_baseline_gets_one_from_its_reader(world: Path, tmp_path: Path, visit: Visit) -> None:
    (tmp_path / "index.html").write_text(render_page(build_board(BoardConfig(runs=[world])), lambda run: None))
    page = ready(visit(tmp_path / "index.html"))
    assert "▲" not in page.locator(".rows").inner_text()
    assert "No baseline was named" in page.locator(".answers").inner_text()
    page.get_by_role("combobox", name="Baseline").select_option("base")
    deltas = [text for text in page.locator(DELTAS).all_inner_texts() if text]
    assert deltas.count("baseline") == 4
    assert "differences are tested together" in page.locator(".chosen").inner_text()


def test_a_difference_opens_its_pair_and_a_name_its_details(board: Board, path: Path, visit: Visit) -> None:
    page = ready(visit(path))
    row = row_of(board.groups[0], "method/checkpoint-200")
    delta = page.locator("tbody").filter(has_text=row.label).locator(".delta").nth(1)
    said = re.search(r"[+−][\d.]+ \[[^]]*\]", delta.inner_text())
    delta.click()
    assert said is not None
    assert said[0] in page.locator("[data-differences]").inner_text()
    assert (
        page.locator("[data-lists] fieldset").first.locator(":checked").evaluate("(node) => node.parentNode.innerText")
        == "VideoHallucer"
    )
    heads = page.locator("[data-differences] th[scope=col]").all_inner_texts()
    assert heads[1:3] == ["base\nbefore", f"{row.label}\nafter"]
    page.get_by_role("button", name=row.label).first.click()
    details = page.locator("#details").inner_text()
    assert "Where it comes from" in details
    assert "replay" in details
    page.keyboard.press("Escape")
    assert not page.locator("#details").is_visible()


def test_seeds_are_compared_as_rows(tmp_path: Path, visit: Visit) -> None:
    write_run(tmp_path / "base", model="base", counts=120)
    skills = {"pope": 0.7, "videohallucer": 0.8}
    for seed in range(3):
        training = {"recipe": "sha256:r", "data": "sha256:d", "seed": seed, "step": 10}
        name = f"grpo-seed-{seed}"
        write_run(tmp_path / name, model=name, counts=120, training=training, skills=skills)
    board = build_board(BoardConfig(runs=[tmp_path], baseline="base"))
    (tmp_path / "index.html").write_text(render_page(board, lambda run: None))
    page = ready(visit(tmp_path / "index.html"))
    page.get_by_text("3 seeds").click()
    assert page.locator(".member:visible").count() == 3
    assert "Of several seeds, fixed is right in more of them" in page.locator(".pair").inner_text()
    page.get_by_role("combobox", name="Baseline").select_option("grpo")
    told = page.locator("tbody").filter(has_text="base").locator(".delta").all_inner_texts()
    assert all(text.strip()[0] in "▲▼=" for text in told[-2:])


def test_responses_come_from_the_reports_side_by_side(tmp_path: Path, visit: Visit) -> None:
    for name, skill in (("base", 0.6), ("other", 0.9)):
        folder = write_run(tmp_path / name, model=name, counts=60, skills={"pope": skill})
        assert main(["diagnose", str(folder), "--no-images"]) == 0
    write_board(build_board(BoardConfig(runs=[tmp_path], baseline="base")), tmp_path / "board", ["html"])
    page = ready(visit(tmp_path / "board" / "index.html"))
    page.locator("[data-samples] button").first.click()
    page.locator(".both .part").first.wait_for()
    sides = page.locator(".both section")
    assert [side.locator("small").first.inner_text() for side in sides.all()] in (
        ["wrong", "right"],
        ["a wrong yes", "right"],
    )
    assert all(side.locator(".part").inner_text() for side in sides.all())
    key = page.locator("[data-sample] > h4").inner_text()
    with page.expect_navigation():
        sides.first.get_by_role("link").click()
    assert key in page.locator("#detail").inner_text()
    with page.expect_navigation():
        page.locator("#board").click()
    assert page.locator("[data-sample] > h4").inner_text() == key
