"""Files of sample records."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support_runs import make_record

from harness.core.errors import StoreError
from harness.core.types import SampleRecord
from harness.runs.records import Stored, decode_record, encode_record, latest, read_judged, read_records, sort_records


def test_a_record_survives_its_line() -> None:
    record = make_record("random/1", text="line one\nline two \u0085 <answer>")
    record = replace(record, response=replace(record.response, answer_logprobs=(-0.25, -1e-06)))
    line = encode_record(record)
    assert "\n" not in line
    assert decode_record(line.encode()) == record


def test_who_has_answered_is_stored_where_a_server_told_it(tmp_path: Path) -> None:
    record = make_record("a")
    assert '"model"' not in encode_record(record)
    named = replace(record, response=replace(record.response, model="m-2026"))
    assert decode_record(encode_record(named).encode()) == named
    assert latest(write(tmp_path, record, named)).models == {"m-2026"}


def test_a_bad_line_is_named_by_its_number(tmp_path: Path) -> None:
    (tmp_path / "samples.jsonl").write_text(encode_record(make_record("a")) + "\nnonsense\n")
    with pytest.raises(StoreError, match=r"samples\.jsonl:2"):
        list(read_records(tmp_path))


def write(path: Path, *records: SampleRecord) -> Path:
    file = path / "samples.jsonl"
    file.write_text("".join(encode_record(record) + "\n" for record in records))
    return file


def test_the_last_record_of_a_sample_counts(tmp_path: Path) -> None:
    file = write(tmp_path, make_record("a", error="x"), make_record("b"), make_record("a"), make_record("b", error="x"))
    assert latest(file) == Stored(finished={("pope", "a"): (123,)}, failed={("pope", "b")})
    first_two = sum(map(len, file.read_bytes().splitlines(keepends=True)[:2]))
    assert latest(file, first_two) == Stored(finished={("pope", "b"): (123,)}, failed={("pope", "a")})
    sort_records(file, [("pope", "b"), ("pope", "a")])
    assert [(record.sample.id, record.verdict.status) for record in read_records(tmp_path)] == [
        ("b", "error"),
        ("a", "correct"),
    ]


def test_a_sample_without_a_record_cannot_be_sorted(tmp_path: Path) -> None:
    file = write(tmp_path, make_record("a"))
    with pytest.raises(StoreError, match="1 samples have no record"):
        sort_records(file, [("pope", "a"), ("pope", "b")])


def test_judged_records_are_the_same_without_their_responses(tmp_path: Path) -> None:
    known: dict[bytes, Any] = {}
    for text in ("one", "another", "a third"):
        records = [make_record(str(number), text=f"{text} {number}") for number in range(6)]
        file = write(tmp_path, *records, replace(records[0], verdict=replace(records[0].verdict, status="incorrect")))
        judged = list(read_judged(tmp_path, known))
        assert [(of.sample, of.verdict) for of in judged] == [
            (of.sample, of.verdict) for of in read_records(tmp_path)
        ]  # fmt: skip
        assert {of.response.text for of in judged} == {""}
    assert len(known) == 6 + 7
    file.write_text(file.read_text() + '{"sample":{},"response":{},"verdict":{}}\n')
    with pytest.raises(StoreError, match=r"samples\.jsonl:8 is not a sample record"):
        list(read_judged(tmp_path, known))


def test_a_count_that_no_sum_can_hold_is_refused() -> None:
    record = make_record("a")
    for count in (10**400, -1):
        huge = replace(record, response=replace(record.response, prompt_tokens=count))
        with pytest.raises(ValueError, match="beyond 64 bits"):
            decode_record(encode_record(huge).encode())
