"""`harness data`: the command reaches its functions."""

from support_training import parse

from harness.commands import data
from harness.demo.rows import write_demo_rows


def test_data_reaches_its_functions(tmp_path, capsys):
    file = write_demo_rows(tmp_path, 6, 0)
    assert data.run(parse(data.add_arguments, "validate", file, "--sft", "--media")) == 0
    assert "6 rows" in capsys.readouterr().out
