"""Tables of rows, and single cells of them."""

from pathlib import Path

from support_benchmarks import write_parquet

from harness.benchmarks.tables import Cell, cell_reference, parse_reference, read_cell, read_table


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
