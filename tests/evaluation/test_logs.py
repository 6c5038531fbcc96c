"""What the logs of other harnesses hold, as those wrote them."""

import json
import shutil
from pathlib import Path

import pytest
from support_logs import (
    INSPECT_MMBENCH,
    INSPECT_POPE,
    LMMS_MMBENCH,
    LMMS_POPE,
    SCOPE_MMBENCH,
    SCOPE_PREDICTIONS,
    SCOPE_REVIEWS,
    VLM_MMBENCH,
    VLM_MMBENCH_RESULT,
    VLM_MMBENCH_TSV,
    VLM_POPE,
    write_rows,
)

from harness.core.errors import DataError
from harness.evaluation.logs import read_log


@pytest.mark.parametrize(
    ("source", "path", "count", "texts", "scores"),
    [
        (
            "lmms-eval",
            LMMS_POPE,
            18,
            ["Yes", "No.", "Yes, there is."],
            [{"pope_accuracy": 1.0}, {"pope_accuracy": 0.0}],
        ),
        ("lmms-eval", LMMS_MMBENCH, 13, ["B", "(A)", "The answer is D."], [{}, {}]),
        ("vlmevalkit", VLM_POPE, 18, ["Yes", "No.", "Yes, there is."], [{"score": 1.0}, {"score": 1.0}]),
        ("vlmevalkit", VLM_MMBENCH, 13, ["B", "(A)", "The answer is D."], [{}, {}]),
        ("vlmevalkit", VLM_MMBENCH_TSV, 13, ["B", "(A)", "The answer is D."], [{}, {}]),
        ("vlmevalkit", VLM_MMBENCH_RESULT, 4, [None, None, None], [{"hit": 1.0}, {"hit": 0.0}]),
        ("evalscope", SCOPE_REVIEWS[0], 6, ["Yes", "No.", "Yes, there is."], [{"acc": 1.0}, {"acc": 1.0}]),
        ("evalscope", SCOPE_PREDICTIONS[0], 6, ["Yes", "No.", "Yes, there is."], [{}, {}]),
        ("evalscope", SCOPE_MMBENCH, 13, ["B", "(A)", "The answer is D."], [{"accuracy": 1.0}, {"accuracy": 1.0}]),
        ("inspect", INSPECT_POPE, 18, ["Yes", "No.", "Yes, there is."], [{"match": 1.0}, {"match": 1.0}]),
        ("inspect", INSPECT_MMBENCH, 4, ["ANSWER: B", "(A)", "ANSWER: D"], [{"choice": 1.0}, {"choice": 0.0}]),
    ],
)
def test_what_they_wrote(
    source: str, path: Path, count: int, texts: list[str | None], scores: list[dict[str, float]]
) -> None:
    entries = read_log(source, path)
    assert len(entries) == count
    assert [entry.text for entry in entries[:3]] == texts
    assert [entry.scores for entry in entries[:2]] == scores
    assert all(str(path) in entry.where for entry in entries)


def test_responses_are_read_whole() -> None:
    # lmms-eval takes the reasoning out before it scores, and keeps the response beside.
    assert read_log("lmms-eval", LMMS_POPE)[3].text == "<think>I look closely.</think>no"
    # EvalScope and Inspect keep it apart from the response: here it is no part of it.
    assert read_log("evalscope", SCOPE_PREDICTIONS[0])[3].text == "no"


def test_what_is_known_beside_the_response() -> None:
    entry = read_log("lmms-eval", LMMS_POPE)[3]
    assert (entry.position, entry.model, entry.finish_reason) == (3, None, None)
    assert entry.asked == "Is there a teddy bear in the image?\nAnswer the question using a single word or phrase."
    for source, path in (("evalscope", SCOPE_PREDICTIONS[0]), ("inspect", INSPECT_POPE)):
        assert [entry.finish_reason for entry in read_log(source, path)[2:5]] == ["stop", "length", "stop"]
    assert {entry.model for entry in read_log("evalscope", SCOPE_PREDICTIONS[0])} == {"seer-1"}
    assert {entry.model for entry in read_log("inspect", INSPECT_POPE)} == {"mockllm/seer-1"}


def test_a_failure_is_no_response_and_an_empty_cell_an_empty_one() -> None:
    failed = read_log("vlmevalkit", VLM_POPE)[7]
    assert (failed.text, failed.error) == (None, "Failed to obtain answer via API")
    assert read_log("vlmevalkit", VLM_MMBENCH)[11].text == ""


def test_words_that_tables_take_for_nothing_are_options(tmp_path: Path) -> None:
    table = tmp_path / "model_Ours.csv"
    table.write_text('index,question,A,B,answer,prediction\n07,"Which?",None,NA,B,3.0\n')
    (entry,) = read_log("vlmevalkit", table)
    assert (entry.row["A"], entry.row["B"], entry.row["index"], entry.text) == ("None", "NA", "07", "3.0")


@pytest.mark.parametrize(
    ("value", "score"),
    [("C", 1.0), ("I", 0.0), ("P", 0.5), ("N", 0.0), (True, 1.0), (0.25, 0.25), ("B", None), ({"a": 1}, None)],
)
def test_values_of_inspects_scorers(tmp_path: Path, value: object, score: float | None) -> None:
    log = json.loads(INSPECT_MMBENCH.read_text(encoding="utf-8"))
    log["samples"][0]["scores"]["choice"]["value"] = value
    path = tmp_path / "log.json"
    path.write_text(json.dumps(log))
    assert read_log("inspect", path)[0].scores == ({} if score is None else {"choice": score})


def test_a_sample_that_failed_in_inspect(tmp_path: Path) -> None:
    log = json.loads(INSPECT_MMBENCH.read_text(encoding="utf-8"))
    log["samples"][0] |= {"error": {"message": "rate limit", "traceback": "", "traceback_ansi": ""}, "output": {}}
    path = tmp_path / "log.json"
    path.write_text(json.dumps(log))
    assert (read_log("inspect", path)[0].text, read_log("inspect", path)[0].error) == (None, "rate limit")


@pytest.mark.parametrize(
    ("source", "name", "content", "message"),
    [
        ("lmms-eval", "a.jsonl", '{"doc_id": 0}\n', "a.jsonl:1: no 'filtered_resps'. Give lmms-eval's --log_samples"),
        ("lmms-eval", "a.jsonl", '{"resps": ["a", "b"]}\n', "a.jsonl:1 holds 2 responses to one question"),
        ("lmms-eval", "a.jsonl", '{"resps": [3]}\n', "a.jsonl:1: the response is int, not text"),
        ("lmms-eval", "a.jsonl", "", "holds no responses. Give a log of lmms-eval"),
        ("lmms-eval", "a.jsonl", "x\n", "a.jsonl:1 is not JSON"),
        ("vlmevalkit", "a.csv", "index,answer\n1,A\n", "a.csv:2: no 'prediction'. Give a result table of VLMEvalKit"),
        ("vlmevalkit", "a.pkl", "x", "a.pkl: tables are read from .xlsx, .tsv, .csv and .json"),
        ("vlmevalkit", "a.xlsx", "x", "a.xlsx is not what vlmevalkit writes"),
        ("vlmevalkit", "a.json", "{", "a.json is not what vlmevalkit writes"),
        ("evalscope", "a.jsonl", '{"index": 0}\n', "a.jsonl:1: no 'model_output'. Give EvalScope's predictions or"),
        ("evalscope", "a.jsonl", '{"sample_score": {}}\n', "a.jsonl is not what evalscope writes: it has no 'score'"),
        ("inspect", "a.json", "{}", "a.json is not what inspect writes: it has no 'samples'"),
        ("inspect", "a.eval", "x", "a.eval is not what inspect writes"),
    ],
)
def test_bad_logs_are_named(tmp_path: Path, source: str, name: str, content: str, message: str) -> None:
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(DataError) as error:
        read_log(source, path)
    assert message in str(error.value)


def test_an_error_names_the_last_line_that_was_read(tmp_path: Path) -> None:
    first = json.loads(SCOPE_REVIEWS[0].read_text().splitlines()[0])
    path = write_rows(tmp_path / "a.jsonl", [first, {"index": 1, "sample_score": None}])
    with pytest.raises(DataError, match=r"a\.jsonl, behind .*a\.jsonl:1, is not what evalscope writes"):
        read_log("evalscope", path)
    with pytest.raises(DataError, match=r"cannot read .*gone\.eval: No such file"):
        read_log("inspect", tmp_path / "gone.eval")


def test_a_damaged_archive(tmp_path: Path) -> None:
    path = tmp_path / "half.eval"
    shutil.copy(INSPECT_POPE, path)
    whole = path.read_bytes()
    path.write_bytes(whole[:20_000])
    with pytest.raises(DataError, match=r"half\.eval is not what inspect writes"):
        read_log("inspect", path)
    path.write_bytes(whole[:2000] + bytes(20_000) + whole[22_000:])
    with pytest.raises(DataError, match=r"half\.eval.* is not what inspect writes"):
        read_log("inspect", path)
