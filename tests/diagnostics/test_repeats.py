"""Exploration over runs of the same questions with other seeds, by hand-computed values."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support_diagnostics import make_record

from harness.core.types import SampleRecord
from harness.diagnostics.diagnose import diagnose
from harness.diagnostics.repeats import join_repeats, measure_repeats
from harness.runs.records import encode_record


def run_of(*texts: str, error_at: int | None = None) -> list[SampleRecord]:
    return [
        make_record(text, target="yes", sample_id=str(n), cluster=f"i{n}", error="gone" if n == error_at else None)
        for n, text in enumerate(texts)
    ]


def keyed(records: list[SampleRecord]) -> dict[tuple[str, str], SampleRecord]:
    return {(record.sample.task, record.sample.id): record for record in records}


def test_figures_over_four_samples_by_hand() -> None:
    first = run_of("yes", "yes", "no", "yes")
    others = [run_of("yes", "no", "no", "yes"), run_of("yes", "no", "no", "hm"), run_of("yes", "no", "no", "yes", "x")]
    joined = join_repeats(first, [keyed(run) for run in others])
    assert [item.right for item in joined] == [
        (True,) * 4,
        (True, False, False, False),
        (False,) * 4,
        (True, True, False, True),
    ]
    figures = {figure.metric.name: figure.metric for figure in measure_repeats(joined, part="pope")}
    found = {name: metric.value for name, metric in figures.items()}
    assert found["pope/distinct_answers"] == pytest.approx((1 + 2 + 1 + 1) / 4)
    assert found["pope/reward_variance"] == pytest.approx((3 / 16 + 3 / 16) / 4)
    assert found["pope/unanimous"] == 0.5
    assert (found["pope/easy"], found["pope/medium"], found["pope/hard"]) == (0.25, 0.5, 0.25)
    assert found["pope/pass_at_1"] == pytest.approx(8 / 16)
    assert found["pope/pass_at_k"] == 0.75
    assert found["pope/majority_right"] == 0.5
    assert found["pope/majority_share"] == pytest.approx((1 + 0.75 + 1 + 0.75) / 4)
    assert found["pope/majority_brier"] == pytest.approx((0 + 0.75**2 + 1 + 0.25**2) / 4)
    # Confidence .75: one of two right; confidence 1: one of two right.
    assert found["pope/majority_ece"] == pytest.approx(0.5 * 0.25 + 0.5 * 0.5)
    # Its mean is that of 0, .75, 1 and -.25, of four clusters.
    assert figures["pope/majority_ece"].stderr == pytest.approx((1.0625 / 3 / 4) ** 0.5)
    assert all(metric.low is not None and metric.high is not None for metric in figures.values())


@pytest.mark.parametrize(("right", "kind"), [(1, "medium"), (9, "medium"), (0, "hard"), (10, "easy")])
def test_one_of_ten_is_not_settled(right: int, kind: str) -> None:
    runs = [run_of("yes" if place < right else "no") for place in range(10)]
    figures = measure_repeats(join_repeats(runs[0], [keyed(run) for run in runs[1:]]), part="pope")
    assert {
        name for figure in figures if (name := figure.spec.name) in ("easy", "medium", "hard") and figure.metric.value
    } == {kind}


def test_questions_that_one_run_lacks_or_failed_on_are_left_out() -> None:
    joined = join_repeats(run_of("yes", "no", "yes"), [keyed(run_of("yes", "no", "yes", error_at=1)[:2])])
    assert [item.record.sample.id for item in joined] == ["0"]
    assert all(figure.metric.value is None and figure.reason for figure in measure_repeats([], part="pope"))


def test_repeats_are_read_from_run_folders(tmp_path: Path) -> None:
    for name, records in (("a", run_of("yes", "no")), ("b", run_of("no", "no"))):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text(json.dumps({"settings": {"prompt": "direct"}}), encoding="utf-8")
        lines = "".join(encode_record(record) + "\n" for record in records)
        (tmp_path / name / "samples.jsonl").write_text(lines, encoding="utf-8")
    assert "pope/pass_at_k" not in {figure.metric.name for figure in diagnose(tmp_path / "a").figures}
    with_repeats = diagnose(tmp_path / "a", repeats=[tmp_path / "b"])
    found = {figure.metric.name: figure.metric.value for figure in with_repeats.figures}
    assert found["pope/pass_at_k"] == 0.5
