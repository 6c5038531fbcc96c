"""The page about a benchmark of one's own is followed to the letter, in an empty folder."""

import csv
import json
import re
import shlex
from pathlib import Path

import pytest

from harness.cli import main

PAGE = (Path(__file__).parents[2] / "docs/own-benchmark.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^harness (.+)$", PAGE, re.MULTILINE)


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which every command of the page was given, in its order."""
    folder = tmp_path_factory.mktemp("followed")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for command in COMMANDS:
            assert main(shlex.split(command)) == 0, command
    return folder


def test_every_command_works_and_writes_what_the_page_says(followed: Path) -> None:
    assert len(COMMANDS) == 7
    for name in re.findall(r"^(mine/\S+) ", PAGE, re.MULTILINE):
        assert (followed / name).exists(), name
    for name in ("runs/demo/report.md", "runs/demo/report.html", "board/index.html"):
        assert f"`{name}`" in PAGE
        assert (followed / name).is_file()
    runs = {path.parent.name: json.loads(path.read_text()) for path in followed.glob("runs/*/run.json")}
    assert runs.keys() == {"demo", "table", "base"}
    # The table alone is the same questions under the name of the file.
    assert runs["table"]["tasks"].keys() == {"rows.csv"}
    assert runs["table"]["data"]["rows.csv"]["digest"] == runs["demo"]["data"]["shapes"]["digest"]
    board = (followed / "board/leaderboard.md").read_text(encoding="utf-8")
    assert "shapes" in board
    assert "rows.csv" in board


@pytest.mark.parametrize(
    ("column", "row", "value", "told"),
    [("answer", 4, "yess", r"rows\.csv, row 4: column 'answer' holds 'yess', expected yes or no"),
     ("image", 3, "images/ktchen.jpg", r"row 3: column 'image' holds 'images/ktchen\.jpg', and there is no such file")],
)  # fmt: skip
def test_its_errors_are_those_that_are_told(
    followed: Path, column: str, row: int, value: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert re.search(told.replace("row 3", r"row \d+"), PAGE)
    table = followed / "mine/shapes/rows.csv"
    with table.open(newline="") as file:
        cells = list(csv.reader(file))
    cells[row - 1][cells[0].index(column)] = value
    saved = table.read_text()
    try:
        with table.open("w", newline="") as file:
            csv.writer(file).writerows(cells)
        assert main(["eval", "--model", "demo", "--tasks", str(table)]) == 2
        assert re.search(told, capsys.readouterr().err)
    finally:
        table.write_text(saved)
