"""Runs from other harnesses' logs: both verdicts of ours, and what theirs would have said beside them."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from support_logs import (
    INSPECT_MMBENCH,
    INSPECT_POPE,
    LMMS_MMBENCH,
    LMMS_POPE,
    SCOPE_MMBENCH,
    SCOPE_REVIEWS,
    VLM_MMBENCH,
    VLM_MMBENCH_RESULT,
    VLM_POPE,
    logged_rows,
    write_rows,
)

from harness.core.errors import StoreError
from harness.core.types import RunRecord
from harness.evaluation.imports import plan_recorded
from harness.evaluation.run import run_plan
from harness.evaluation.settings import EvalConfig
from harness.runs.records import read_records


def run(task: str, source: str, paths: Sequence[Path], out: Path, rows: Path | None = None, **more: bool) -> RunRecord:
    config = EvalConfig(model="", tasks=(task,), out=out)
    plan, _ = plan_recorded(config, source, paths, rows=rows, **more)
    return run_plan(plan, config).run


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    return write_rows(tmp_path / "rows.jsonl", logged_rows())


# Of each split's six responses the last is wrong; one more follows a thinking in tags, which POPE's evaluator is not
# given. What the other harnesses say of the same responses was printed by themselves when the logs were written.
@pytest.mark.parametrize(
    ("source", "paths", "name", "theirs"),
    [
        ("lmms-eval", [LMMS_POPE], "lmms-eval/pope_accuracy", 2 / 6),
        ("evalscope", SCOPE_REVIEWS, "evalscope/acc", 4 / 6),
        ("inspect", [INSPECT_POPE], "inspect/match", 5 / 6),
    ],
)
def test_pope(source: str, paths: Sequence[Path], name: str, theirs: float, rows: Path, tmp_path: Path) -> None:
    record = run("pope", source, paths, tmp_path / "run", rows)
    result = record.tasks["pope"]
    assert result.metrics["mean/accuracy"].value == pytest.approx(5 / 6)
    assert result.official["mean/accuracy"] == pytest.approx(5 / 6)
    assert result.metrics[name].value == pytest.approx(theirs)
    assert (result.metrics[name].n, result.official[name]) == (18, None)
    assert result.metrics[name].stderr is not None
    assert (record.engine, record.prompt_format, record.decoding, record.weights) == (source, "own", {}, None)
    assert record.data["pope"]["source"] == "file:rows.jsonl"
    assert result.baselines == {"always yes": 0.5, "always no": 0.5}
    assert [record.sample.prompt != "" for record in read_records(tmp_path / "run")] == [True] * 18


@pytest.mark.parametrize(
    ("source", "paths", "questions", "name", "theirs"),
    [
        ("lmms-eval", [LMMS_MMBENCH], 4, None, None),
        ("vlmevalkit", [VLM_MMBENCH, VLM_MMBENCH_RESULT], 4, "vlmevalkit/hit", 1 / 4),
        ("evalscope", [SCOPE_MMBENCH], 4, "evalscope/accuracy", 10 / 13),
        ("inspect", [INSPECT_MMBENCH], 1, "inspect/choice", 2 / 4),
    ],
)
def test_mmbench(
    source: str, paths: Sequence[Path], questions: int, name: str | None, theirs: float | None, tmp_path: Path
) -> None:
    result = run("mmbench", source, paths, tmp_path / "run").tasks["mmbench"]
    assert result.metrics["all/circular"].n == questions
    if questions == 4:
        # What lmms-eval's and VLMEvalKit's exact matching printed for the same responses.
        assert result.official["all/circular"] == 1 / 4
    assert [key for key in result.metrics if key.startswith(f"{source}/")] == ([] if name is None else [name])
    if name is not None:
        assert result.metrics[name].value == pytest.approx(theirs)


def test_a_table_of_theirs_counts_what_failed_and_ours_does_not(tmp_path: Path) -> None:
    # 26 questions, as four rows stand for three each; VLMEvalKit printed an accuracy of 76.923 %.
    result = run("pope", "vlmevalkit", [VLM_POPE], tmp_path / "run").tasks["pope"]
    assert (result.samples, result.errors, result.metrics["all/accuracy"].n) == (26, 1, 25)
    assert result.metrics["vlmevalkit/score"].value == pytest.approx(0.76923, abs=1e-5)
    assert result.metrics["vlmevalkit/score"].n == 26


def test_questions_without_a_response_are_counted(rows: Path, tmp_path: Path) -> None:
    result = run("pope", "evalscope", SCOPE_REVIEWS[1:], tmp_path / "a", rows).tasks["pope"]
    assert (result.samples, result.errors, result.metrics["all/accuracy"].n) == (18, 6, 12)
    errors = {record.response.error for record in read_records(tmp_path / "a")} - {None}
    assert errors == {"no response in the log of evalscope"}
    result = run("pope", "evalscope", SCOPE_REVIEWS[1:], tmp_path / "b", rows, allow_missing=True).tasks["pope"]
    assert (result.errors, result.unanswered, result.metrics["all/accuracy"].value) == (0, 6, pytest.approx(10 / 18))


def test_many_missing_ones_at_the_start_stop_nothing(tmp_path: Path) -> None:
    fillers = [{**row, "question_id": f"{copy}-{row['question_id']}"} for copy in "abc" for row in logged_rows()]
    rows = write_rows(tmp_path / "rows.jsonl", [*fillers, *logged_rows()])
    result = run("pope", "inspect", [INSPECT_POPE], tmp_path / "run", rows).tasks["pope"]
    assert (result.samples, result.errors) == (72, 54)


def test_what_its_user_is_told(rows: Path) -> None:
    config = EvalConfig(model="", tasks=("pope",))
    plan, warnings = plan_recorded(config, "inspect", [INSPECT_POPE])
    assert (plan.checkpoint.name, warnings) == ("mockllm/seer-1", [])
    _, (warning,) = plan_recorded(config, "evalscope", SCOPE_REVIEWS)
    assert warning.startswith("nothing tells which questions share an image")
    write_rows(rows, logged_rows()[:12])
    plan, (warning,) = plan_recorded(config, "lmms-eval", [LMMS_POPE], rows=rows)
    assert warning.startswith("6 responses answer no question of file:rows.jsonl")
    assert plan.settings["engine_settings"]["responses_without_question"] == 6
    assert plan.checkpoint.name == LMMS_POPE.stem


def test_questions_in_a_file_are_held_against_the_published_ones(rows: Path, tmp_path: Path) -> None:
    facts = run("pope", "inspect", [INSPECT_POPE], tmp_path / "run", rows).benchmarks["pope"]
    assert (facts.title, facts.own_data) == ("rows.jsonl (own data, asked as POPE)", True)
    # Of a log of which nothing tells how much of the data it is of, the name is believed.
    assert not run("pope", "inspect", [INSPECT_POPE], tmp_path / "log").benchmarks["pope"].own_data


def test_another_log_does_not_continue_a_run(rows: Path, tmp_path: Path) -> None:
    first = run("pope", "inspect", [INSPECT_POPE], tmp_path / "run", rows)
    assert run("pope", "inspect", [INSPECT_POPE], tmp_path / "run", rows) == first
    with pytest.raises(StoreError, match="holds a run of other settings"):
        run("pope", "evalscope", SCOPE_REVIEWS, tmp_path / "run", rows)
