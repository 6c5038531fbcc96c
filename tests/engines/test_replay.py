"""The replay engine gives what was recorded, and says what was not."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support_runs import make_record

from harness.core.errors import DataError, UsageError
from harness.core.types import Media
from harness.engines import Decoding, Request, make_engine
from harness.engines.checkpoints import Checkpoint
from harness.engines.replay import ReplayEngine
from harness.runs.records import encode_record

CHECKPOINT = Checkpoint(name="recorded", folder=None)
DECODING = Decoding(max_new_tokens=8)


def request(sample_id: str, *, task: str = "pope", finished: bool = False) -> Request:
    return Request(task=task, sample_id=sample_id, prompt="?", media=(), open_media=list, finished=finished)


def write(path: Path, *rows: object) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_recorded_responses_come_back_and_missing_ones_are_errors(tmp_path: Path) -> None:
    path = write(tmp_path / "r.jsonl", {"id": "a", "response": "yes"}, {"id": "b", "response": None})
    engine = make_engine("replay", CHECKPOINT, {"responses": path})
    pairs = list(engine.generate([request("a"), request("b"), request("c"), request("a", finished=True)], DECODING))
    assert [(item.sample_id, response.text, response.error) for item, response in pairs] == [
        ("a", "yes", None),
        ("b", "", "recorded without a response"),
        ("c", "", "no recorded response in r.jsonl"),
    ]


def test_several_recorded_responses_of_a_sample(tmp_path: Path) -> None:
    path = write(tmp_path / "r.jsonl", {"id": "a", "response": ["yes", None, "no"]}, {"id": "b", "response": "yes"})
    engine = make_engine("replay", CHECKPOINT, {"responses": path})
    hot = Decoding(max_new_tokens=8, temperature=1.0)
    wanted = [replace(request(sample_id), n=n) for sample_id, n in (("a", 2), ("a", 1), ("b", 3), ("c", 2))]
    assert [(item.sample_id, response.text, response.error) for item, response in engine.generate(wanted, hot)] == [
        ("a", "yes", None),
        ("a", "", "recorded without a response"),
        ("a", "yes", None),
        ("b", "yes", None),
        ("b", "", "1 of 3 responses are recorded in r.jsonl"),
        ("b", "", "1 of 3 responses are recorded in r.jsonl"),
        ("c", "", "no recorded response in r.jsonl"),
        ("c", "", "no recorded response in r.jsonl"),
    ]
    with pytest.raises(UsageError, match="temperature"):
        list(engine.generate(wanted, DECODING))


def test_ids_that_repeat_between_tasks_are_told_apart(tmp_path: Path) -> None:
    path = write(
        tmp_path / "r.jsonl",
        {"task": "pope", "id": "1", "response": "yes"},
        {"task": "mmbench", "id": "1", "response": "B"},
    )
    engine = make_engine("replay", CHECKPOINT, {"responses": path})
    pairs = list(engine.generate([request("1", task="mmbench"), request("1", task="pope")], DECODING))
    assert [response.text for _, response in pairs] == ["B", "yes"]


@pytest.mark.parametrize(
    ("row", "error"),
    [
        ({"response": None, "error": "filtered", "finish_reason": "content_filter"}, "filtered"),
        ({"error": "filtered"}, "filtered"),
        ({"response": "I", "error": "filtered", "finish_reason": "length"}, "filtered"),
        ({"response": None, "error": "", "finish_reason": "content_filter"}, "recorded without a response"),
        ({"response": "yes", "error": ""}, None),
    ],
)
def test_what_failed_has_no_end_that_is_to_be_known(tmp_path: Path, row: dict[str, object], error: str | None) -> None:
    engine = make_engine("replay", CHECKPOINT, {"responses": write(tmp_path / "r.jsonl", {"id": "1", **row})})
    [(_, response)] = engine.generate([request("1")], DECODING)
    assert (response.error, response.finish_reason) == (error, None)


def test_a_run_folder_is_a_recording(tmp_path: Path) -> None:
    (tmp_path / "samples.jsonl").write_text(encode_record(make_record("a", text="no")) + "\n")
    engine = make_engine("replay", CHECKPOINT, {"responses": tmp_path})
    [(_, response)] = engine.generate([request("a")], DECODING)
    assert response == make_record("a", text="no").response


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "is empty"),
        (
            [{"id": "a", "response": "x", "finish_reason": "aborted"}],
            r":1 is not a recorded .+ 'aborted', .+, say so in 'error', else leave it out\)",
        ),
        ([{"id": "a", "response": [None, "x"], "finish_reason": "aborted"}], "holds 'aborted'"),
        ([{"id": "a"}], r":1 is not a recorded response \(no 'response'\)"),
        ([{"id": "a", "response": "x"}, {"response": "x"}], r":2 is not a recorded response \(no 'id'\)"),
        ([{"id": "a", "response": 3}], "not a text"),
        ([{"id": "a", "response": "x", "task": ["pope"]}], r":1 is not a recorded response \('task' is not a text\)"),
        ([{"id": "a", "response": []}], "not a text"),
        ([{"id": "a", "response": ["yes", 3]}], "not a text"),
        (["text"], ":1 is not a recorded response"),
        ([{"id": "a", "response": "x"}, {"id": "a", "response": "y"}], ":2: sample 'a' is recorded twice"),
    ],
)
def test_a_bad_recording_is_refused_by_line(tmp_path: Path, rows: list[object], message: str) -> None:
    path = write(tmp_path / "r.jsonl", *rows)
    with pytest.raises(DataError, match=message):
        make_engine("replay", CHECKPOINT, {"responses": path})


def test_no_recording_and_a_missing_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--responses"):
        make_engine("replay", CHECKPOINT, {})
    with pytest.raises(DataError, match="not found"):
        make_engine("replay", CHECKPOINT, {"responses": tmp_path / "none.jsonl"})


def test_an_unknown_setting_and_an_unknown_engine() -> None:
    with pytest.raises(UsageError, match="engine 'replay' has no setting 'batch_size'"):
        make_engine("replay", CHECKPOINT, {"batch_size": 3})
    with pytest.raises(UsageError, match="does not exist"):
        make_engine("steam", CHECKPOINT, {})


def test_what_a_run_has_asked_again_counts_as_it_was_answered_last(tmp_path: Path) -> None:
    """In a run that was killed in the middle of a line, while two processes shared it."""
    (tmp_path / "config.json").write_text("{}")
    first = [make_record("a", error="media: gone"), make_record("b", text="no")]
    samples = "".join(encode_record(record) + "\n" for record in first)
    (tmp_path / "samples.jsonl").write_text(samples + encode_record(make_record("a"))[:-300])
    (tmp_path / "samples.rank-1.jsonl").write_text(encode_record(make_record("a", text="yes")) + "\n")
    engine = make_engine("replay", CHECKPOINT, {"responses": tmp_path})
    pairs = list(engine.generate([request("a"), request("b")], DECODING))
    assert [(response.text, response.error) for _, response in pairs] == [("yes", None), ("no", None)]
    (tmp_path / "run.json").write_text("{}")
    with pytest.raises(DataError, match=r"samples\.jsonl:3 is not a recorded response"):
        make_engine("replay", CHECKPOINT, {"responses": tmp_path})


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"question": "Is there a cat?"}, "question of pope 'a' recorded as 'Is there a «dog»"),
        ({"choices": {"A": "yes", "B": "no"}}, "options of pope 'a' recorded as None"),
        ({"media": (Media(kind="image", source="y", size_bytes=124),)}, r"media of pope 'a' recorded as \[123\]"),
        ({"media": ()}, r"media of pope 'a' recorded as \[123\], asked as \[\]"),
    ],
)
def test_the_responses_of_a_run_answer_no_other_questions(tmp_path: Path, change: Any, told: str) -> None:
    sample = make_record("a").sample
    (tmp_path / "samples.jsonl").write_text(encode_record(make_record("a")) + "\n")
    engine = ReplayEngine(CHECKPOINT, responses=tmp_path)
    unknown = replace(sample.media[0], source="elsewhere", size_bytes=None)
    engine.refuse_others([sample, replace(sample, media=(unknown,)), replace(sample, id="b")])
    with pytest.raises(DataError, match=told):
        engine.refuse_others([replace(sample, **change)])


def test_another_wording_of_the_prompt_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = make_record("a")
    asked = replace(record, sample=replace(record.sample, prompt="Is there? Yes or no."))
    (tmp_path / "samples.jsonl").write_text(encode_record(asked) + "\n")
    engine = ReplayEngine(CHECKPOINT, responses=tmp_path)
    engine.refuse_others([asked.sample])
    assert not capsys.readouterr().err
    engine.refuse_others([replace(asked.sample, prompt="Think. Is there?")])
    assert "warning: 1 of the recorded responses are to another wording" in capsys.readouterr().err
