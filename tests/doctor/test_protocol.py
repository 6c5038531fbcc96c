"""`harness doctor --protocol`: what a run and reported numbers have in common, what differs, what is not said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support_leaderboards import write_run

from harness.cli import main

LIKE_THE_RUN = """
source: a paper
date: "2026-01-01"
protocol:
  prompt: {value: "<planning> <caption> <think> <answer>", source: section 3}
  instruction: {value: "First plan between <planning>…", source: section 3}
  answer_as: {value: Yes or No, source: section 3}
  media: {value: shown, source: section 3}
  max_pixels: {value: 50000, source: section 3}
  engine: {value: hf, source: section 3}
  dtype: {value: float32, source: section 3}
  temperature: {value: 0, source: section 3}
  top_p: {value: 1, source: section 3}
  top_k: {value: 0, source: section 3}
  repetition_penalty: {value: 1, source: section 3}
  contrast: {value: none, source: section 3}
  max_new_tokens: {value: 64, source: section 3}
  max_model_len: {value: no limit set, source: section 3}
  data: {value: demo, source: section 3}
  reading: {value: official, source: section 3}
  judge: {value: none, source: section 3}
  figure: {pope: {value: mean/accuracy, source: section 3}}
rows:
  - name: Same
    values: {pope: 90}
  - name: Other
    values: {pope: 90, mmvu: 50}
    protocol:
      max_new_tokens: {value: 32, source: appendix A}
      reading: {value: GPT-4o, source: appendix A}
      figure: {value: all/accuracy, source: appendix A}
  - name: Elsewhere
    values: {mmbench: 80}
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "small"
    command = ["eval", "--model", "demo", "--tasks", "pope", "--limit", "6", "--max-new-tokens", "64", "--no-diagnose"]
    assert main([*command, "--engine", "hf", "--max-pixels", "50000", "--out", str(folder)]) == 0
    return folder


@pytest.fixture
def references(tmp_path: Path) -> list[str]:
    path = tmp_path / "reported.yaml"
    path.write_text(LIKE_THE_RUN)
    return ["--reference", str(path)]


def compared(capsys: pytest.CaptureFixture[str], run: Path, *options: str) -> dict[str, Any]:
    capsys.readouterr()
    assert main(["doctor", "--protocol", str(run), "--json", *options]) == 0
    printed: dict[str, Any] = json.loads(capsys.readouterr().out)
    return printed


def verdicts(comparison: dict[str, Any]) -> dict[str, str]:
    return {line["aspect"]: line["verdict"] for line in comparison["lines"]}


def test_a_run_that_was_had_in_the_same_way(
    run: Path, references: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    printed = compared(capsys, run, *references, "--against", "Same")
    (comparison,) = printed["compared"]
    found = verdicts(comparison)
    assert {aspect for aspect, verdict in found.items() if verdict != "same"} == {"questions"}
    assert found["questions"] == "not said"
    assert "num_frames" not in found, "there are no videos"
    assert printed["scores"] == {"Same": {"pope": 0.9}}
    assert printed["made_up_world"] == "demo"
    record = json.loads((run / "run.json").read_text())["tasks"]["pope"]
    assert printed["this_run"]["strict"]["pope"] == record["metrics"]["mean/accuracy"]["value"]
    assert printed["this_run"]["official"]["pope"] == record["official"]["mean/accuracy"]


def test_what_differs_comes_first_with_its_source(
    run: Path, references: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    (comparison,) = compared(capsys, run, *references, "--against", "other")["compared"]
    lines = comparison["lines"]
    assert [line["aspect"] for line in lines if line["verdict"] == "differs"] == ["max_new_tokens", "reading", "figure"]
    assert [line["verdict"] for line in lines[3:]] == ["not said"] * (len(lines) - 3)
    assert lines[0]["run"] == 64
    assert lines[0]["reported"] == {"value": 32, "source": "appendix A"}
    assert lines[2]["run"].startswith("mean/accuracy (all/accuracy is ")
    assert main(["doctor", "--protocol", str(run), *references, "--against", "other"]) == 0
    text = capsys.readouterr().out
    assert "differs  tokens of a response  64" in text
    assert "[1] appendix A" in text
    assert "Not said: sections asked for; instruction;" in text


def test_rows_of_other_benchmarks_are_left_out(
    run: Path, references: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    printed = compared(capsys, run, *references)
    assert [comparison["rows"] for comparison in printed["compared"]] == [["Same"], ["Other"]]
    assert main(["doctor", "--protocol", str(run), *references, "--against", "Elsewhere"]) == 2
    assert "no benchmark in common" in capsys.readouterr().err


def test_the_papers_rows(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    by_row = {name: of for of in compared(capsys, run)["compared"] for name in of["rows"]}
    assert set(verdicts(by_row["GPT-4o"]).values()) == {"not said"}
    base, method = verdicts(by_row["Qwen2.5-VL-7B"]), verdicts(by_row["Qwen2.5-VL-7B + Ground What You See"])
    assert base["prompt"] == "not said"
    assert method["prompt"] == base["temperature"] == base["answer_as"] == base["reading"] == "differs"
    assert base["judge"] == base["media"] == "same"
    assert base["max_pixels"] == base["data"] == base["questions"] == "not said"


def test_of_recorded_responses_only_the_reading_is_known(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_run(tmp_path / "recorded", counts=20, skills={"videohallucer": 0.6})
    (comparison,) = compared(capsys, folder, "--against", "Qwen2.5-VL-7B")["compared"]
    found = verdicts(comparison)
    assert found["temperature"] == found["engine"] == found["media"] == found["video_as"] == "not known"
    assert found["reading"] == "differs"


def test_what_is_no_run_and_what_is_no_row(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, said in (
        (["--protocol", str(tmp_path)], "not a run folder"),
        (["--protocol", str(run), "--against", "LLaVA"], "is none of the reported rows"),
        (["--protocol", str(run), "--against", "Ground What You See,"], "names 2 reported rows"),
        (["--against", "GPT-4o"], "--against goes with --protocol"),
        (["--protocol", str(run), "--engines", "demo"], "one at a time"),
    ):
        assert main(["doctor", *arguments]) == 2
        assert said in capsys.readouterr().err


def test_benchmarks_of_which_nothing_is_reported(tmp_path: Path, run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "reported.yaml"
    path.write_text('source: x\ndate: "2026-01-01"\nrows: []')
    assert main(["doctor", "--protocol", str(run), "--reference", str(path)]) == 0
    assert capsys.readouterr().out == "Nothing is reported of pope.\n"
