"""Addresses of servers: what is sent, what is shown, and whose key it is."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path

import pytest
from hostile_server import Answer, HostileServer
from misbehaviours import KEY, MISBEHAVIOURS, leaks

from harness.cli import main
from harness.core.errors import UsageError
from harness.engines import http_client
from harness.engines.addresses import goes_with_openai_key, read_addresses, read_key
from harness.evaluation.plan import open_judge
from harness.evaluation.settings import EvalConfig

PASSWORD = "hunter2-4711"
QUERY_KEY = "0c1f6d3e9b2a4857"


@pytest.fixture(autouse=True)
def _no_key_and_short_delays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    monkeypatch.setattr(http_client, "_FIRST_DELAY_S", 0.001)
    monkeypatch.setattr(http_client, "_LONGEST_DELAY_S", 0.01)


def test_an_address_is_taken_apart() -> None:
    (address,) = read_addresses("http://me:p%40ss@[::1]:8000/v1/?api-version=7", "sk-key-0123456789")
    assert address.shown == "http://[::1]:8000/v1"
    assert address.url("/models") == "http://[::1]:8000/v1/models?api-version=7"
    assert address.headers == {"Authorization": "Basic bWU6cEBzcw=="}
    assert address.is_local
    assert "7" not in re.sub("8000|v1", "", repr(address))
    (other,) = read_addresses(["https://host"], "sk-key-0123456789")
    assert (other.url("/models"), other.headers) == (
        "https://host/models", {"Authorization": "Bearer sk-key-0123456789"},
    )  # fmt: skip


def test_a_key_has_to_be_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_key(None) == read_key("") == (None, None)
    monkeypatch.setenv("OPENAI_API_KEY", " sk-0123456789\n")
    assert read_key(None) == ("OPENAI_API_KEY", "sk-0123456789")
    monkeypatch.setenv("OTHER", "sk-\u0434\u0435\u0434-0123456789")
    with pytest.raises(UsageError, match="the key in OTHER holds characters that cannot be sent") as error:
        read_key("OTHER")
    assert "0123456789" not in str(error.value)


@pytest.mark.parametrize(
    "url", ["me:hunter2-4711@host", "ftp://me:hunter2-4711@host", "http://me:hunter2-4711@", "http://me:hunter2/4711@h"]
)
def test_a_wrong_address_is_named_without_its_password(url: str) -> None:
    with pytest.raises(UsageError, match="is not an address") as error:
        read_addresses(url, None)
    assert "4711" not in str(error.value)


def with_credentials(server: HostileServer) -> str:
    return f"{server.base_url.replace('//', f'//me:{PASSWORD}@')}?api_key={QUERY_KEY}"


def test_user_and_query_of_an_address_are_sent_and_in_no_file(
    tmp_path: Path,
    demo_cache: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Whatever two servers give back of what they were sent, in every file, on the terminal, and in the logs."""
    caplog.set_level("DEBUG")
    monkeypatch.setenv("MODEL_KEY", KEY)
    echoes = [one.answer for one in MISBEHAVIOURS if "the key" in one.name and one.outcome != "ended"]
    mine = [Answer(text=f"no: {secret}") for secret in (PASSWORD, QUERY_KEY)]
    answers = iter([*mine, *echoes * 20])
    with (
        HostileServer(lambda prompt, before: next(answers)) as model,
        HostileServer(lambda prompt, before: Answer(text=f"The answer is {PASSWORD}")) as judge,
    ):
        for base_url in (with_credentials(model), model.base_url):
            code = main([
                "eval", "--model", "openai:m", "--base-url", base_url, "--api-key-env", "MODEL_KEY", "--tasks", "pope",
                "--data", "demo", "--limit", "40", "--out", str(tmp_path / "run"), "--judge", "openai:m",
                "--judge-base-url", judge.base_url,
            ])  # fmt: skip
            assert code == 1
        assert {headers.get("Authorization") for headers in judge.headers} == {None}
        basic = {headers.get("Authorization") for headers in model.headers if "?" in headers[":path"]}
        assert {str(value)[:5] for value in basic} == {"Basic"}
        assert {headers["Authorization"] for headers in model.headers} - basic == {f"Bearer {KEY}"}
        assert {headers[":path"].rpartition("?")[2] for headers in model.headers if "?" in headers[":path"]} == {
            f"api_key={QUERY_KEY}"
        }
        printed = "".join(capsys.readouterr())
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {"config.json", "samples.jsonl", "run.json", "report.html", "judge.sqlite3"} <= {path.name for path in files}
    for where, text in {
        "terminal": printed,
        "logs": caplog.text,
        **{str(path): path.read_bytes().decode("latin-1") for path in files},
    }.items():
        assert leaks(text) == [], where
        assert PASSWORD not in text, where
        assert QUERY_KEY not in text, where
        assert base64.b64encode(f"me:{PASSWORD}".encode()).decode()[2:-2] not in text, where
    assert "***" in (tmp_path / "run" / "samples.jsonl").read_text()
    assert json.loads((tmp_path / "run" / "run.json").read_text())["tasks"]["pope"]["samples"] == 40


@pytest.mark.parametrize(
    ("arguments", "ambiguous"),
    [
        ([], True),
        (["--api-key-env", ""], False),
        (["--api-key-env", "MODEL_KEY"], False),
        (["--judge-api-key-env", "MODEL_KEY"], False),
        (["--judge-base-url", "http://127.0.0.1:9/v1"], False),
    ],
)
def test_one_key_for_two_servers_has_to_be_said(
    arguments: list[str],
    ambiguous: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("MODEL_KEY", "sk-another-0123456789")
    code = main([
        "eval", "--model", "openai:m", "--base-url", "http://127.0.0.1:9/v1", "--tasks", "pope", "--data", "demo",
        "--limit", "4", "--out", str(tmp_path / "run"), "--judge", "openai:m", *arguments,
    ])  # fmt: skip
    assert code == 2
    said = capsys.readouterr().err
    assert ("both the server of --base-url and the judge's would be sent OPENAI_API_KEY" in said) == ambiguous
    assert ambiguous or "no server answers at http://127.0.0.1:9/v1/models" in said


def test_one_key_goes_with_addresses_however_they_are_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://a/v1")
    for address in ("http://a/v1", "https://api.openai.com/v1"):
        assert goes_with_openai_key(address)
        assert goes_with_openai_key([address])
    for address in ("http://b/v1", "http://b/v1,https://api.openai.com/v1"):
        assert not goes_with_openai_key(address)
        assert not goes_with_openai_key(["http://a/v1", address])
    assert goes_with_openai_key(None)
    config = EvalConfig(
        model="openai:m",
        tasks=("pope",),
        engine_options={"base_url": "https://api.openai.com/v1"},
        judge="openai:m",
    )
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    assert open_judge(config) is not None


@pytest.mark.parametrize(("option", "told"), [("--baseurl", "did you mean --base-url"), ("--base-url", "127.0.0.1:9")])
def test_a_mistake_on_the_command_line_does_not_show_the_password(
    option: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"http://me:{PASSWORD}@127.0.0.1:9/v1?api_key={QUERY_KEY}"
    assert main(["eval", "--model", "openai:m", "--tasks", "pope", "--data", "demo", option, url]) == 2
    said = capsys.readouterr().err
    assert told in said
    assert PASSWORD not in said
    assert QUERY_KEY not in said
