"""The settings of `harness eval`."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.cli import main
from harness.commands.eval import expand
from harness.core.errors import UsageError


def test_settings_of_a_yaml_are_overridden_by_options(tmp_path: Path) -> None:
    path = tmp_path / "eval.yaml"
    path.write_text(
        "model: demo\ntasks: [pope, mmvu]\nmax_new_tokens: 8\nfresh: true\nconflict: false\nengine_arg: {a: [1]}\n"
        "judge: null\nallow_outside: [a, b]\n"
    )
    assert expand([str(path), "--limit", "4"]) == [
        "--model=demo", "--tasks", "pope,mmvu", "--max-new-tokens=8", "--fresh", "--engine-arg", "a=[1]",
        "--allow-outside", "a", "--allow-outside", "b", "--limit", "4",
    ]  # fmt: skip
    assert expand(["--model", "x"]) == ["--model", "x"]
    path.write_text("base_url: [http://a, http://b]\nallow-outside: a\nengine_arg: {a: 1}\n")
    outside, key = ["--allow-outside=a"], ["--engine-arg", "a=1"]
    for named in ("--base-url", "--base-u"):  # argparse takes what an option begins with.
        assert expand([str(path), named, "http://c"]) == [*outside, *key, named, "http://c"]
        assert expand([str(path), f"{named}=http://c"]) == [*outside, *key, f"{named}=http://c"]
    options = ["--base-url", "http://a", "--base-url", "http://b"]
    assert expand([str(path), "--engine", "api", "--allow-outside=b"]) == [
        *options, *key, "--engine", "api", "--allow-outside=b",
    ]  # fmt: skip
    assert expand([str(path), "--engine-arg", "b=2"]) == [*options, *outside, *key, "--engine-arg", "b=2"]
    for text, said in (
        ("- 1", "holds no settings"),
        ("a: [", "cannot be read"),
        ("model: demo\nmodel: demo-base", "'model' is there twice"),
        ("model: [demo, demo-base]", "model is a list, and takes one value"),
        ("limit: [6, 9]", "limit is a list"),
    ):
        path.write_text(text)
        with pytest.raises(UsageError, match=said):
            expand([str(path)])
    with pytest.raises(UsageError, match="cannot be read"):
        expand([str(tmp_path / "none.yml")])


def test_a_wrong_name_in_a_yaml_is_answered(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "eval.yaml"
    path.write_text("model: demo\ntasks: pope\noutput_path: x\n")
    assert main(["eval", str(path)]) == 2
    assert f"error: {path}: --output-path: here --out DIR" in capsys.readouterr().err
    path.write_text("model: demo\ntasks: pope\nlimit: many\n")
    assert main(["eval", str(path)]) == 2
    assert f"error: {path}: argument --limit: 'many' is neither" in capsys.readouterr().err


def test_a_file_of_settings_stands_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["eval", "--limit", "1", "cfg.yaml"]) == 2
    assert "error: cfg.yaml: a file of settings stands first: 'harness eval cfg.yaml" in capsys.readouterr().err
    asked = ["--model", "demo", "--tasks", "pope", "--prompt", "mine.yaml"]
    assert expand(asked) == asked


@pytest.mark.parametrize("name", ["questions.parquet", "gone.json"])
def test_a_file_that_is_no_table_is_said(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "questions.parquet").touch()
    path = str(tmp_path / name)
    for command in (["eval", "--model", "demo", "--tasks", path], ["score", "--task", path, "--responses", "r.jsonl"]):
        assert main([*command, *(["--samples", "s.jsonl"] if command[0] == "score" else [])]) == 2
        assert f"{path} is no table: tables are .csv, .tsv or .jsonl files" in capsys.readouterr().err
