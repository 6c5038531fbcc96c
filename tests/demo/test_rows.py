"""Training rows of the demo world."""

import pytest

from harness.core.errors import UsageError
from harness.demo.rows import remove_demo_rows, write_demo_rows


def test_demo_rows_that_were_cut_off_are_drawn_again(tmp_path):
    file = write_demo_rows(tmp_path / "data", 3, 0)
    rows = file.read_bytes()
    file.unlink()
    (tmp_path / "data" / "made.json").write_text("{}")
    assert write_demo_rows(tmp_path / "data", 3, 0).read_bytes() == rows
    remove_demo_rows(tmp_path / "data")
    assert not (tmp_path / "data").exists()
    (tmp_path / "other" / "images").mkdir(parents=True)
    (tmp_path / "other" / "images" / "000000.png").write_text("mine")
    with pytest.raises(UsageError, match=r"000000\.png is there and was not drawn"):
        write_demo_rows(tmp_path / "other", 3, 0)
    remove_demo_rows(tmp_path / "other")
    assert (tmp_path / "other" / "images" / "000000.png").read_text() == "mine"
