"""Runs of the responses of another run: what its judge said of open answers and descriptions."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import support_leaderboards
from support_leaderboards import write_run
from support_scoring import record_of, samples_of, task_module

from harness.benchmarks.labels import Labels
from harness.core.types import NEEDS_JUDGE, Sample, SampleRecord, Verdict
from harness.evaluation import rescoring
from harness.evaluation.plan import Plan
from harness.evaluation.settings import EvalConfig

JUDGE_NAME = "openai:x"


def videos() -> list[SampleRecord]:
    """A judge has called an open answer right and left another one as it was."""
    row = {"question_type": "open-ended", "question": "What is it?", "answer": "a car", "video": "a.mp4"}
    right, failed = (
        record_of(sample, "an automobile") for sample in samples_of("mmvu", [{"id": n, **row} for n in (0, 1)])
    )
    said = replace(right.verdict, status="correct", rule="judge", reason="judge: correct")
    return [replace(right, verdict=said), failed]


def descriptions() -> list[SampleRecord]:
    """A judge has listed what is in a description and failed on another one."""
    rows = [{"question_id": n, "question": "What is there?", "gt_object": ["dog"]} for n in (0, 1)]
    listed, failed = (record_of(sample, "It is told.") for sample in samples_of("object_halbench", rows))
    settle = task_module("object_halbench").settle
    return [
        replace(listed, verdict=settle(listed, "It is told.", ["dog"])),
        replace(failed, verdict=settle(failed, "It is told.", None)),
    ]


def planned(records: list[SampleRecord], folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Plan, list[Verdict]]:
    """A run of judged records that is scored again, and the verdicts that it will have."""
    (task,) = {record.sample.task for record in records}
    monkeypatch.setattr(support_leaderboards, "questions", lambda task, count: [record.sample for record in records])
    monkeypatch.setattr(support_leaderboards, "respond", lambda *asked: records[0].response.text)
    write_run(folder, skills={task: 1.0}, judge=JUDGE_NAME)
    (folder / "samples.jsonl").write_text("".join(f"{json.dumps(asdict(record))}\n" for record in records))
    plan = rescoring.plan_rescored(EvalConfig(model="", tasks=(task,)), folder)
    (scored,) = plan.tasks
    return plan, [scored.judge(record.sample, record.response) for record in records]


@pytest.mark.parametrize("judged", [videos, descriptions])
def test_what_a_judge_said_stays(judged: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    records = judged()
    plan, verdicts = planned(records, tmp_path / "run", monkeypatch)
    assert verdicts == [record.verdict for record in records]
    assert [verdict.rule == "judge" for verdict in verdicts] == [True, False]
    assert verdicts[1].reason == NEEDS_JUDGE
    assert plan.settings["judge"] == JUDGE_NAME


@pytest.mark.parametrize("judged", [videos, descriptions])
def test_what_a_judge_said_of_another_target_is_given_up_aloud(
    judged: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def label(self: Labels, sample: Sample) -> Sample:
        return replace(sample, target="dog; cat")

    monkeypatch.setattr(Labels, "label", label)
    plan, verdicts = planned(judged(), tmp_path / "run", monkeypatch)
    assert [(verdict.rule == "judge", verdict.is_unsettled) for verdict in verdicts] == [(False, True)] * 2
    assert plan.settings["judge"] is None
    assert "of other questions or targets than now" in capsys.readouterr().err
