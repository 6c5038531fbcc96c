"""`harness tasks new` writes a benchmark that runs at once."""

import json
from pathlib import Path

import pytest

from harness.benchmarks.data import load_data
from harness.benchmarks.registry import get_benchmark
from harness.cli import main


@pytest.mark.parametrize("kind", ["yes_no", "choice", "open", "caption"])
def test_a_new_benchmark_has_three_questions(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tasks", "new", "shapes", "--kind", kind, "--tasks-dir", str(tmp_path)]) == 0
    assert f"harness eval --model demo --tasks shapes --tasks-dir {tmp_path}" in capsys.readouterr().out
    data = load_data(get_benchmark("shapes", tmp_path), "hub")
    assert [sample.answer_kind for sample in data.samples] == [kind] * 3
    assert len({sample.media[0].source for sample in data.samples}) == 3
    assert data.benchmark.facts.hallucination == (kind in ("yes_no", "caption"))
    assert main(["tasks", "--tasks-dir", str(tmp_path), "--json"]) == 0
    assert ("shapes", "rows.csv") in [(task["name"], task["data"]) for task in json.loads(capsys.readouterr().out)]


@pytest.mark.parametrize(("kind", "headline"), [("yes_no", "all/accuracy"), ("caption", "all/f1")])
def test_the_demo_answers_a_new_benchmark(kind: str, headline: str, tmp_path: Path) -> None:
    assert main(["tasks", "new", "shapes", "--kind", kind, "--tasks-dir", str(tmp_path)]) == 0
    out = tmp_path / "run"
    command = ["eval", "--model", "demo", "--engine", "hf", "--tasks", "shapes", "--tasks-dir", str(tmp_path)]
    assert main([*command, "--out", str(out)]) == 0
    record = json.loads((out / "run.json").read_text(encoding="utf-8"))
    result = record["tasks"]["shapes"]
    assert (result["samples"], result["errors"], result["unanswered"]) == (3, 0, 0)
    assert record["data"]["shapes"]["source"] == "own:rows.csv"
    # Plain objects in plain view: the demo's checkpoint sees them.
    assert result["headline"] == headline
    assert result["metrics"][headline]["value"] == 1


@pytest.mark.parametrize(
    ("name", "told"),
    [("pope", "there is a benchmark 'pope' already"), ("mmmu_val", "already"), ("My-set", "no name of a benchmark")],
)
def test_a_name_that_is_taken_or_none_is_refused(
    name: str, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["tasks", "new", name, "--kind", "open", "--tasks-dir", str(tmp_path)]) == 2
    assert told in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "shapes").mkdir()
    assert main(["tasks", "new", "shapes", "--kind", "open", "--tasks-dir", str(tmp_path)]) == 2
    assert "is there already" in capsys.readouterr().err
