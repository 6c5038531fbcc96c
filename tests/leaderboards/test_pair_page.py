"""The page of two runs: what `harness compare` says, and every changed sample with both responses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from support_browser import LOOKS, Visit, check_look
from support_leaderboards import HOSTILE, write_run, write_sealed

from harness.benchmarks.plain import scored_task
from harness.cli import main
from harness.core.errors import UsageError
from harness.core.types import Sample
from harness.runs.comparison import compare_runs
from leaderboards.pair_page import write_pair_page


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    root = tmp_path_factory.mktemp("runs")
    skills = {"before": {"pope": 0.6, "mmvu": 0.7}, "after": {"pope": 0.9, "mmvu": 0.6}}
    a, b = (write_run(root / name, model=HOSTILE[0], skills=of, counts=150) for name, of in skills.items())
    path = b / "samples.jsonl"
    text = json.dumps(HOSTILE[3])[1:-1]
    path.write_text(path.read_text().replace('"text":"Yes."', f'"text":"{text} Yes."'))
    write_sealed(b, json.loads((b / "run.json").read_text()))
    return a, b


def open_media(sample: Sample) -> list[Any]:
    return [Image.new("RGB", (8, 8), "red")]


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_it_says_what_compare_says(
    runs: tuple[Path, Path], tmp_path: Path, visit: Visit, width: int, scheme: str
) -> None:
    comparisons = compare_runs(*runs, scored_task)
    write_pair_page(tmp_path / "pair.html", runs, comparisons, open_media=open_media)
    page = visit(tmp_path / "pair.html", width, scheme)
    page.locator("[data-ready]").wait_for(state="attached")
    assert page.locator("h1").inner_text() == "before → after"
    told = page.locator("[data-differences]").inner_text()
    assert all(verdict in told for verdict in {of.metrics[0].verdict for of in comparisons})
    assert "2 are tested together" in told
    tasks, lists = page.get_by_role("group", name="task"), page.get_by_role("group", name="list")
    for of, title in zip(comparisons, ("POPE", "MMVU"), strict=True):
        tasks.get_by_text(title).click()
        for ids, name in (
            (of.fixed, "Fixed"),
            (of.broken, "Broken"),
            (of.newly_hallucinated, "Newly hallucinated"),
        ):
            lists.get_by_text(f"{name} ({len(ids)})", exact=True).click()
            assert sorted(page.locator("[data-samples] small").all_inner_texts()) == sorted(ids)
    tasks.get_by_text("POPE").click()
    page.locator("[data-samples] button").first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.locator(".both").wait_for()
    assert page.locator("[data-sample] img").evaluate("(image) => image.decode().then(() => image.naturalWidth)") == 8
    assert page.locator(".both section").count() == 2
    check_look(page)
    again = visit(page.url, width, scheme)
    again.locator(".both").wait_for()
    assert again.locator("[data-sample]").inner_text() == page.locator("[data-sample]").inner_text()


def test_responses_are_text(runs: tuple[Path, Path], tmp_path: Path, visit: Visit) -> None:
    assert main(["compare", *map(str, runs), "--html", str(tmp_path / "pair.html")]) == 0
    page = visit(tmp_path / "pair.html")
    page.get_by_text("Fixed").click()
    shown = []
    for button in page.locator("[data-samples] button").all():
        button.click()
        page.locator(".both .part").first.wait_for()
        shown.append(page.locator("[data-sample]").inner_text())
    assert any("onerror=alert(2)" in text for text in shown)
    assert page.locator("main img").count() == 0


def test_an_unfinished_run_has_a_page_too(runs: tuple[Path, Path], tmp_path: Path, visit: Visit) -> None:
    folder = tmp_path / "unfinished"
    folder.mkdir()
    for name in ("config.json", "samples.jsonl"):
        (folder / name).write_bytes((runs[1] / name).read_bytes())
    assert main(["compare", str(runs[0]), str(folder), "--html", str(tmp_path / "pair.html")]) == 0
    page = visit(tmp_path / "pair.html")
    assert "unfinished run" in page.locator("main").inner_text()
    page.locator("[data-samples] button").first.wait_for()


def test_a_file_of_another_kind_is_not_overwritten(runs: tuple[Path, Path], tmp_path: Path) -> None:
    path = tmp_path / "notes.html"
    path.write_text("mine")
    comparisons = compare_runs(*runs, scored_task)
    with pytest.raises(UsageError, match=r"notes\.html was not written by 'harness compare'"):
        write_pair_page(path, runs, comparisons, open_media=None)
    assert path.read_text() == "mine"
    for _ in range(2):  # Its own page is written again.
        write_pair_page(tmp_path / "pair.html", runs, comparisons, open_media=None)
