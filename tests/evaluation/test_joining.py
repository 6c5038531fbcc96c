"""Which question each response of another harness's log answers."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support_logs import (
    INSPECT_POPE,
    LMMS_MMBENCH,
    LMMS_POPE,
    SCOPE_MMBENCH,
    SCOPE_PREDICTIONS,
    SCOPE_REVIEWS,
    VLM_MMBENCH,
    VLM_MMBENCH_RESULT,
    VLM_POPE,
    logged_rows,
    write_rows,
)

from harness.core.errors import DataError, UsageError
from harness.evaluation.joining import join_log
from harness.evaluation.logs import Entry, read_log
from harness.evaluation.settings import EvalConfig
from harness.evaluation.task_registry import TaskData


def join(
    task: str, source: str, paths: Sequence[Path], rows: Path | None = None, data: str | None = None
) -> tuple[TaskData, dict[str, Entry], list[str]]:
    entries = [entry for path in paths for entry in read_log(source, path)]
    return join_log(EvalConfig(model="m", tasks=(task,), data=data), source, rows, entries)


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    return write_rows(tmp_path / "rows.jsonl", logged_rows())


def ids() -> list[str]:
    return [f"{row['category']}/{row['question_id']}" for row in logged_rows()]


@pytest.mark.parametrize(
    ("source", "paths"),
    [
        ("lmms-eval", [LMMS_POPE]),
        ("evalscope", SCOPE_REVIEWS),
        ("evalscope", SCOPE_PREDICTIONS),
        ("inspect", [INSPECT_POPE]),
    ],
)
def test_to_rows_that_are_given(source: str, paths: Sequence[Path], rows: Path) -> None:
    task, answers, unknown = join("pope", source, paths, rows)
    assert (list(answers), unknown) == (ids(), [])
    assert [sample.id for sample in task.samples] == ids()
    assert {sample.cluster for sample in task.samples} == {row["image_source"] for row in logged_rows()}
    assert task.source == "file:rows.jsonl"


def test_the_order_of_the_rows_does_not_matter_where_ids_are_known(rows: Path) -> None:
    write_rows(rows, logged_rows()[::-1])
    _, answers, _ = join("pope", "inspect", [INSPECT_POPE], rows)
    assert answers["random/1"].text == "Yes"
    # lmms-eval knows the number of the row alone; the question shows that it is another one.
    with pytest.raises(DataError, match=r"_pope\.jsonl:1 answers another question than 'adversarial/56'.*lacks"):
        join("pope", "lmms-eval", [LMMS_POPE], rows)


def test_another_gold_answer_is_another_question(rows: Path) -> None:
    changed = logged_rows()
    changed[4]["answer"] = "no"
    write_rows(rows, changed)
    with pytest.raises(
        DataError, match=r"_pope\.jsonl:5 answers another.*its gold answer is 'yes', not 'no'\. Give the"
    ):
        join("pope", "lmms-eval", [LMMS_POPE], rows)


def test_what_nobody_asked_and_what_nobody_answered(rows: Path) -> None:
    write_rows(rows, logged_rows()[:12])
    _, answers, unknown = join("pope", "lmms-eval", [LMMS_POPE], rows)
    assert (len(answers), len(unknown)) == (12, 6)
    assert unknown[0] == f"{LMMS_POPE}:13"
    _, answers, unknown = join("pope", "evalscope", SCOPE_REVIEWS[:1], rows)
    assert (list(answers), unknown) == (ids()[:6], [])
    with pytest.raises(
        DataError, match=r"none of the 6 responses answers a question of file:rows\.jsonl; the first is"
    ):
        join("pope", "evalscope", SCOPE_REVIEWS[2:], rows)


def test_questions_from_the_log() -> None:
    for source, paths in (("evalscope", SCOPE_REVIEWS), ("inspect", [INSPECT_POPE])):
        task, answers, _ = join("pope", source, paths)
        assert [sample.id for sample in task.samples] == list(answers) == ids()
        assert (task.source, task.samples[3].target) == (f"log:{source}", "no")
    for source, path in (("lmms-eval", LMMS_MMBENCH), ("vlmevalkit", VLM_MMBENCH), ("evalscope", SCOPE_MMBENCH)):
        task, answers, _ = join("mmbench", source, [path])
        assert len(task.samples) == len(answers) == 13
        assert task.samples[1].choices == {"A": "brown", "B": "clear", "C": "dark green", "D": "green"}
        assert task.samples[1].attributes["category"] == "attribute_recognition"


def test_a_row_of_several_splits_is_a_question_in_each() -> None:
    task, answers, _ = join("pope", "vlmevalkit", [VLM_POPE])
    assert len(task.samples) == len(answers) == 26
    assert [sample.id for sample in task.samples[:4]] == ["random/0", "popular/0", "adversarial/0", "random/1"]


def test_a_log_that_says_too_little() -> None:
    with pytest.raises(DataError, match=r"_pope\.jsonl:1: no column 'category'.*says too little.*--data hub"):
        join("pope", "lmms-eval", [LMMS_POPE])


def test_a_score_joins_the_response_that_it_is_of(rows: Path) -> None:
    _, answers, _ = join("pope", "evalscope", [*SCOPE_PREDICTIONS, *SCOPE_REVIEWS], rows)
    third = answers["random/34"]
    assert (third.text, third.finish_reason, third.scores) == ("no", "length", {"acc": 1.0})
    _, answers, _ = join("mmbench", "vlmevalkit", [VLM_MMBENCH_RESULT, VLM_MMBENCH])
    assert [len(entry.scores) for entry in answers.values()].count(1) == 4
    assert (answers["1000000"].text, answers["1000000"].scores) == ("(A)", {})
    with pytest.raises(DataError, match=r"result\.xlsx:2 holds a score and no response.*Give the file of predictions"):
        join("mmbench", "vlmevalkit", [VLM_MMBENCH_RESULT])


def test_two_responses_to_one_question(rows: Path) -> None:
    with pytest.raises(DataError, match=r"_pope\.jsonl:1 answers 'random/1', as .*_pope\.jsonl:1 does"):
        join("pope", "lmms-eval", [LMMS_POPE, LMMS_POPE], rows)
    entries = read_log("evalscope", SCOPE_PREDICTIONS[0])
    config = EvalConfig(model="m", tasks=("pope",))
    with pytest.raises(DataError, match="answers 'random/1', as"):
        join_log(config, "evalscope", rows, [*entries, replace(entries[0], text="No")])


@pytest.mark.parametrize(
    ("cells", "kind", "target"),
    [
        ({"question": "Is it a cat?", "answer": "Yes"}, "yes_no", "yes"),
        ({"question": "Which?", "A": "cat", "B": "dog", "answer": "B"}, "choice", "B"),
        ({"question": "How many?", "answer": "3 cats"}, "open", "3 cats"),
    ],
)
def test_a_task_that_the_harness_does_not_know(tmp_path: Path, cells: dict[str, Any], kind: str, target: str) -> None:
    table = tmp_path / "model_Ours.json"
    table.write_text(json.dumps([{"index": number, **cells, "prediction": "B"} for number in (7, 9)]))
    task, answers, _ = join("ours", "vlmevalkit", [table])
    assert list(answers) == ["7", "9"]
    assert {(sample.answer_kind, sample.target) for sample in task.samples} == {(kind, target)}
    assert task.samples[0].question == cells["question"]
    assert task.samples[0].choices == ({"A": "cat", "B": "dog"} if kind == "choice" else None)
    with pytest.raises(UsageError, match="task 'ours' is no benchmark whose rows are known"):
        join("ours", "vlmevalkit", [table], table)


def test_a_question_without_a_gold_answer(tmp_path: Path) -> None:
    table = tmp_path / "model_Ours.csv"
    table.write_text("index,question,answer,prediction\n1,Which?,,B\n")
    with pytest.raises(DataError, match=r"model_Ours\.csv:2: the log holds no answer of this question"):
        join("ours", "vlmevalkit", [table])


@pytest.mark.parametrize("number", [-1, "3", None])
def test_a_number_that_is_no_row(tmp_path: Path, rows: Path, number: object) -> None:
    first = json.loads(LMMS_POPE.read_text().splitlines()[0])
    log = write_rows(tmp_path / "log.jsonl", [{**first, "doc_id": number}])
    with pytest.raises(DataError, match=r"log\.jsonl:1: the log does not tell which question of pope this is"):
        join("pope", "lmms-eval", [log], rows)
