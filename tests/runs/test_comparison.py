"""Two runs over the same samples, without a benchmark: what is compared, what is left out, what has changed."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from harness.benchmarks.plain import scored_task
from harness.core.errors import DataError, UsageError
from harness.core.types import Response, Sample, SampleRecord, Verdict
from harness.runs.comparison import LeftOut, TaskComparison, compare_runs
from harness.runs.records import encode_record


def record(name: str, answer: str | None, group: str | None) -> SampleRecord:
    """A question whose gold answer is no; `None` is a sample without a response."""
    sample = Sample(id=name, task="t", target="no", answer_kind="yes_no", question="Is it?", group=group)
    status = "error" if answer is None else "correct" if answer == "no" else "incorrect"
    return SampleRecord(
        sample=sample,
        response=Response(sample_id=name, text=answer or "", error=None if answer else "died"),
        verdict=Verdict(sample_id=name, answer=answer, status=status),  # type: ignore[arg-type]  # of the three
    )


def write(folder: Path, answers: Mapping[str, str | None], groups: Mapping[str, str] | None = None) -> Path:
    folder.mkdir()
    records = [record(name, answer, (groups or {}).get(name)) for name, answer in answers.items()]
    (folder / "samples.jsonl").write_text("".join(encode_record(item) + "\n" for item in records))
    return folder


def compare(a: Path, b: Path, metrics: str = "headline") -> TaskComparison:
    (comparison,) = compare_runs(a, b, scored_task, metrics=metrics)
    return comparison


def test_what_has_changed(tmp_path: Path) -> None:
    a = write(tmp_path / "a", {"1": "no", "2": "yes", "3": "no", "4": "maybe", "5": "yes"})
    b = write(tmp_path / "b", {"1": "yes", "2": "no", "3": "maybe", "4": "yes", "5": "yes"})
    comparison = compare(a, b)
    assert (comparison.fixed, comparison.broken) == (["2"], ["1", "3"])
    assert comparison.newly_hallucinated == ["1"]
    (accuracy,) = comparison.metrics
    assert (accuracy.a, accuracy.b) == (2 / 5, 1 / 5)


def test_what_is_left_out(tmp_path: Path) -> None:
    groups = {"3": "g", "4": "g"}
    a = write(tmp_path / "a", {"1": "no", "2": "no", "3": "no", "4": "no", "5": "no"}, groups)
    b = write(tmp_path / "b", {"1": "no", "3": "no", "4": None, "5": "yes", "6": "no"}, groups)
    comparison = compare(a, b)
    assert comparison.left_out == LeftOut(only_a=1, only_b=1, errors=1, incomplete=1)
    assert comparison.samples == 2
    assert comparison.broken == ["5"]


def test_what_cannot_be_compared(tmp_path: Path) -> None:
    a = write(tmp_path / "a", {"1": "no"})
    with pytest.raises(DataError, match="no sample with a response in both"):
        compare(a, write(tmp_path / "b", {"2": "no"}))
    with pytest.raises(UsageError, match="no figure of t matches --metrics 'x'"):
        compare(a, write(tmp_path / "c", {"1": "no"}), "x")
    other = record("1", "no", None)
    other = replace(other, sample=replace(other.sample, question="Was it?"))
    (tmp_path / "d").mkdir()
    (tmp_path / "d/samples.jsonl").write_text(encode_record(other) + "\n")
    with pytest.raises(DataError, match=r"1 t samples differ, e\.g\. '1' in question: 'Is it\?' against 'Was it\?'"):
        compare(a, tmp_path / "d")


def test_labels_that_only_one_run_has_do_not_keep_runs_apart(tmp_path: Path) -> None:
    """POPE counts each answer a second time under RePOPE's labels, where these had been fetched."""
    runs = {}
    for name, labelled in (("before", False), ("after", True), ("again", True)):
        records = [
            SampleRecord(
                sample=Sample(
                    id=f"random/{place}",
                    task="pope",
                    subset="random",
                    target="no",
                    answer_kind="yes_no",
                    question="Is it?",
                    attributes={"repope": "yes"} if labelled else {},
                ),
                response=Response(sample_id=f"random/{place}", text="no"),
                verdict=Verdict(sample_id=f"random/{place}", answer="no", status="correct"),
            )
            for place in range(8)
        ]
        runs[name] = tmp_path / name
        runs[name].mkdir()
        (runs[name] / "samples.jsonl").write_text("".join(encode_record(item) + "\n" for item in records))
    for one, other, relabelled in (("before", "after", False), ("after", "before", False), ("after", "again", True)):
        comparison = compare(runs[one], runs[other])
        assert comparison.samples == 8
        assert comparison.metrics[0].low is not None
        assert any(item.name.startswith("repope/") for item in comparison.metrics) == relabelled
