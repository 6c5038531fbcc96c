"""`harness data`: the command reaches its functions."""

import json

import pytest
from support_training import parse

from harness.commands import data
from harness.core.errors import DataError
from harness.demo.rows import write_demo_rows


def test_data_reaches_its_functions(tmp_path, capsys):
    file = write_demo_rows(tmp_path, 6, 0)
    assert data.run(parse(data.add_arguments, "validate", file, "--sft", "--media")) == 0
    assert "6 rows" in capsys.readouterr().out


def test_what_stands_behind_an_array_is_not_left_out(tmp_path):
    row = {
        "problem_id": 1, "problem": "Is it red?", "data_type": "image", "problem_type": "multiple choice",
        "options": ["A. yes", "B. no"], "solution": "<answer>A</answer>", "path": "./a.png",
    }  # fmt: skip
    file, out = tmp_path / "rows.json", tmp_path / "out.jsonl"
    convert = parse(data.add_arguments, "convert", file, "--from", "video-r1", "--out", out)
    file.write_text(json.dumps([row]) + "\n" + json.dumps([row]))
    with pytest.raises(DataError, match=r"rows\.json: something stands behind the array of 1 objects"):
        data.run(convert)
    assert not out.exists()
    file.write_text(json.dumps([row]) + " \n")
    assert data.run(convert) == 0
    assert len(out.read_text().splitlines()) == 1
