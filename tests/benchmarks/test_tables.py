"""Tables of rows, and single cells of them."""

import re
from pathlib import Path

import pytest
from support_benchmarks import write_parquet

from harness.benchmarks.tables import Cell, cell_reference, parse_reference, read_cell, read_table
from harness.core.errors import DataError


def test_references() -> None:
    folder = Path("/data")
    reference = cell_reference("data/test-0.parquet", 12, "image")
    assert reference == "data/test-0.parquet[12].image"
    assert parse_reference(reference, folder) == Cell(path=folder / "data/test-0.parquet", row=12, column="image")
    assert parse_reference("videos/a[1].mp4", folder) == folder / "videos/a[1].mp4"


def test_plain_binary_column(tmp_path: Path) -> None:
    write_parquet(tmp_path / "a.parquet", [{"n": index, "image": bytes([index]) * 3} for index in range(9)])
    table = read_table(tmp_path / "a.parquet")
    assert table.media_columns == ("image",)
    assert [row["n"] for row in table.rows] == list(range(9))
    assert read_cell(Cell(path=tmp_path / "a.parquet", row=8, column="image")) == b"\x08\x08\x08"


def test_rewritten_table_is_read_anew(tmp_path: Path) -> None:
    cell = Cell(path=tmp_path / "a.parquet", row=0, column="image")
    write_parquet(cell.path, [{"image": b"one"}])
    assert read_cell(cell) == b"one"
    write_parquet(cell.path, [{"image": b"two"}] * 2)
    assert read_cell(cell) == b"two"


def test_endings_in_capitals_are_endings(tmp_path: Path) -> None:
    write_parquet(tmp_path / "a.parquet", [{"image": b"one"}])
    path = (tmp_path / "a.parquet").rename(tmp_path / "A.PARQUET")
    assert read_table(path).media_columns == ("image",)
    cell = parse_reference(cell_reference(path.name, 0, "image"), tmp_path)
    assert isinstance(cell, Cell)
    assert read_cell(cell) == b"one"


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("a.jsonl", '{"a": 1}\n\n{"a": \n', "line 3 is not JSON: Expecting value at column "),
        ("a.jsonl", '{"a": 1}\n[2]\n', "line 2 is not a JSON object but list: expected one row a line"),
        ("a.csv", 'a,b\n1,x\n2,"y\n3,z\n', "row 3: a quote opens there and is not closed, or one inside it is not"),
        ("a.csv", 'a,b\n1,"x\n2,"y"\n', "row 2: a quote opens there and is not closed, or one inside it is not"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_place(tmp_path: Path, name: str, text: str, told: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=f"^{re.escape(str(tmp_path / name))} cannot be read: {told}.* Mend it, or "):
        read_table(tmp_path / name)


def test_a_cell_may_be_long_and_a_first_line_may_say_what_separates_cells(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"sep=;\r\na;b\r\n1,5;{'x' * 200_000}\r\n", encoding="utf-8")
    assert read_table(path).rows == [{"a": "1,5", "b": "x" * 200_000}]


def test_lines_of_another_encoding_are_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"a": 1}\n', encoding="utf-16")
    with pytest.raises(
        DataError, match=r"a\.jsonl cannot be read: it is not UTF-8 \(byte 0\): write it again as UTF-8"
    ):
        read_table(path)
