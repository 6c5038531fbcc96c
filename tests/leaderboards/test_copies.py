"""What a published page has of the runs' reports."""

from __future__ import annotations

from pathlib import Path

import pytest
from support_leaderboards import write_run

from harness.cli import main
from harness.reports.page_data import PARTS
from leaderboards.build import BoardConfig, build_board
from leaderboards.outputs import write_pages

SCRIPT = '<script>"use strict"; const paths = /models/;</script>'


def publish(root: Path, out: Path, *, reports: bool = True) -> None:
    write_pages(build_board(BoardConfig(runs=[root])), out, reports=reports)


def test_a_published_report_tells_no_folder_of_its_machine(tmp_path: Path) -> None:
    folder = write_run(
        tmp_path / "run", model="/srv/of a user/models/m&m/final", counts=20, source="dir:/models/{task}/test"
    )
    assert main(["diagnose", str(folder), "--no-images"]) == 0
    report = folder / "report.html"
    made = report.read_text()
    assert "of a user" in made
    picture = '<img src="data:image/jpeg;base64,/9j/models/pope/AAA=">'
    for path in (report, folder / PARTS / "samples-0.js"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(f'{made}{picture}{SCRIPT}"Broken:\\n/models/pope/1.jpg" in {tmp_path}/x km/models/pope/h')
    publish(tmp_path / "run", tmp_path / "site")
    for name in ("report.html", f"{PARTS}/samples-0.js"):
        copy = (tmp_path / "site" / "runs" / "run" / name).read_text()
        assert "of a user" not in copy
        assert "…/final" in copy
        assert f'{picture}{SCRIPT}"Broken:\\n…/1.jpg" in …/x km/models/pope/h' in copy
        for script in made.split("<script>")[1:]:
            assert script.partition("</script>")[0] in copy


@pytest.mark.parametrize("reports", [False, True])
def test_copies_of_an_earlier_call_are_deleted_and_no_other_file(tmp_path: Path, reports: bool) -> None:
    out = tmp_path / "site"
    for name in ("a", "b"):
        folder = write_run(tmp_path / "runs" / name, model=name, counts=20)
        (folder / "report.html").write_text(name)
        (folder / PARTS).mkdir()
        (folder / PARTS / "samples-0.js").write_text(name)
    mine = [out / "runs" / "mine" / "report.html", out / "runs" / "b" / "notes.txt"]
    publish(tmp_path / "runs", out)
    for path in mine:
        path.parent.mkdir(exist_ok=True)
        path.write_text("mine")
    publish(tmp_path / "runs" / "a", out, reports=reports)
    left = {path for path in (out / "runs").rglob("*") if path.is_file()}
    copies = {out / "runs" / "a" / name for name in ("report.html", f"{PARTS}/samples-0.js")}
    assert left == {*mine, *(copies if reports else ())}
