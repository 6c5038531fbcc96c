"""Servers that misbehave in every way of the table cost a sample or end the run, and nothing else."""

from __future__ import annotations

import itertools
import json
import math
import re
import resource
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hostile_server import Answer, HostileServer
from misbehaviours import KEY, MISBEHAVIOURS, Misbehaviour, leaks
from support_runs import make_record

from harness.cli import main
from harness.core.errors import EngineError
from harness.core.types import Response
from harness.engines import Decoding, Request, http_client
from harness.engines.api import ApiEngine
from harness.engines.checkpoints import Checkpoint
from harness.runs.records import decode_record, encode_record, read_records

_LONGEST_S = 15.0
_MEMORY_KIB = 400 * 1024


@pytest.fixture(autouse=True)
def _a_key_and_short_delays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    monkeypatch.setattr(http_client, "_FIRST_DELAY_S", 0.001)
    monkeypatch.setattr(http_client, "_LONGEST_DELAY_S", 0.01)
    monkeypatch.setattr(http_client, "_LONGEST_WAIT_S", 0.3)


def ask(server: HostileServer, *prompts: str) -> Iterator[Response]:
    engine = ApiEngine(
        Checkpoint(name="openai:m", folder=None), base_url=server.base_url, timeout_s=1.5, attempts=2, in_flight=1
    )
    try:
        engine.load()
        requests = [Request(task="t", sample_id=p, prompt=p, media=(), open_media=list) for p in prompts]
        for _, response in engine.generate(requests, Decoding(max_new_tokens=16)):
            yield response
    finally:
        engine.close()


def refuse(constant: str) -> Any:
    raise AssertionError(f"{constant} is no JSON")


@pytest.mark.parametrize("misbehaviour", MISBEHAVIOURS, ids=lambda one: one.name)
def test_a_server_that_misbehaves(misbehaviour: Misbehaviour, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    start, memory = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    responses: dict[str, Response] = {}
    ended: list[EngineError] = []
    with HostileServer(lambda prompt, before: misbehaviour.answer if prompt == "bad" else Answer()) as server:
        try:
            for response in ask(server, "bad", "good"):
                responses[response.sample_id] = response
        except EngineError as error:
            ended.append(error)
        assert server.headers
        assert not any("Cookie" in headers for headers in server.headers)
    assert time.monotonic() - start < _LONGEST_S
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < _MEMORY_KIB
    assert [(error.exit_code, "run the same command again" in str(error)) for error in ended] == [(2, True)] * len(
        ended
    )
    assert leaks("".join(map(str, ended)) + caplog.text) == []
    lines = []
    for response in responses.values():
        record = replace(make_record("a"), response=response)
        line = encode_record(record)
        line.encode()
        assert json.loads(line, parse_constant=refuse)["response"]["text"] == response.text
        assert decode_record(line.encode()) == record
        for count in (response.prompt_tokens, response.completion_tokens):
            assert count is None or (type(count) is int and 0 <= count < 2**31)
        assert all(type(x) is float and math.isfinite(x) and x <= 0 for x in response.answer_logprobs or ())
        assert len(response.error or "") < 1000
        lines.append(line)
    assert leaks("\n".join(lines)) == []
    bad = responses.get("bad")
    if misbehaviour.outcome == "ended":
        assert ended
        return
    assert not ended
    assert responses["good"].text == "yes"
    assert bad is not None
    if misbehaviour.outcome == "read":
        assert bad.error is None
        assert misbehaviour.text in (None, bad.text)
    elif misbehaviour.outcome == "failed":
        assert bad.error
        assert not re.match(r"\w+(Error|Exception):", bad.error), "an exception of the program's own"


def test_a_run_of_all_replies_can_be_read_and_its_page_is_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(http_client, "_HOPELESS", 10**9)
    kept = [one for one in MISBEHAVIOURS if one.outcome == "read" and one.text is not None]
    failing = [one for one in MISBEHAVIOURS if one.outcome == "failed" and one.name.startswith("gives")]
    answers = itertools.cycle([one.answer for one in kept] + [one.answer for one in failing])
    with HostileServer(lambda prompt, before: next(answers)) as server:
        code = main([
            "eval", "--model", "openai:m", "--base-url", server.base_url, "--tasks", "pope", "--data", "demo",
            "--limit", "120", "--out", str(tmp_path / "run"), "--json",
        ])  # fmt: skip
    assert code == 1
    record = json.loads(capsys.readouterr().out, parse_constant=refuse)
    assert record["tasks"]["pope"]["samples"] == 120
    records = list(read_records(tmp_path / "run"))
    assert len(records) == 120
    assert 0 < sum(record.response.error is not None for record in records) < 60
    for file in (tmp_path / "run").glob("*.json*"):
        for line in file.read_text().splitlines() if file.suffix == ".jsonl" else [file.read_text()]:
            json.loads(line, parse_constant=refuse)
    page = (tmp_path / "run" / "report.html").read_text()
    blocks = re.findall(r'<script[^>]*type="application/json"[^>]*>(.*?)</script>', page, re.DOTALL)
    assert blocks
    for block in blocks:
        json.loads(block, parse_constant=refuse)


def test_a_server_that_is_busy_for_long_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(http_client, "_LONGEST_WAIT_S", 60.0)
    monkeypatch.setattr(http_client, "_TELL_EVERY_S", 0.4)
    monkeypatch.setattr(http_client, "_LONGEST_DELAY_S", 30.0)
    monkeypatch.setattr(http_client, "_FIRST_DELAY_S", 0.5)
    start = time.monotonic()

    def plan(prompt: str, before: int) -> Answer:
        return Answer(status=429, text="slow down") if time.monotonic() - start < 2 else Answer()

    with HostileServer(plan) as server:
        assert [response.text for response in ask(server, "a", "b")] == ["yes", "yes"]
        took = time.monotonic() - start
        lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("waiting: ")]
    assert took / 0.4 / 2 <= len(lines) <= took / 0.4
    assert f"{server.base_url} has answered 'too many requests' (status 429) for " in lines[0]
    assert lines[0].endswith("; 1 requests wait.")


def test_no_more_choices_are_read_than_were_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    from harness.core import secrets

    seen, redact = [], secrets.redact
    monkeypatch.setattr(secrets, "redact", lambda text: seen.append(text) or redact(text))
    many = Answer(choices=[f"answer {number}" for number in range(10_000)])
    with HostileServer(lambda prompt, before: many) as server:
        (response,) = ask(server, "one")
    assert response.text == "answer 0"
    assert sum(text.startswith("answer") for text in seen) < 10  # Of each, the other requests would have to wait.
