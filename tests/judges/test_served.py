"""Judges behind a server that fails in the usual ways."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hostile_server import Answer, HostileServer

from harness.core.errors import UsageError
from harness.core.types import JudgeQuestion
from harness.engines import http_client
from harness.judges.caption import load_caption_judge

GONE = "http://127.0.0.1:9/v1"


@pytest.fixture(autouse=True)
def _no_key_and_short_delays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    monkeypatch.setattr(http_client, "_FIRST_DELAY_S", 0.001)
    monkeypatch.setattr(http_client, "_LONGEST_DELAY_S", 0.01)


def questions(count: int) -> list[JudgeQuestion]:
    return [JudgeQuestion(question="Is it odd?", caption=f"number {n}", answer_kind="yes_no") for n in range(count)]


def odd(prompt: str, before: int) -> Answer:
    number = int(prompt.split("number ")[1].split()[0])
    return Answer(text="yes" if number % 2 else "no")


def test_answers_fit_their_questions_under_concurrency(tmp_path: Path) -> None:
    with HostileServer(lambda prompt, before: Answer(text=odd(prompt, before).text, delay_s=0.01)) as server:
        judge = load_caption_judge("openai:m", base_url=server.base_url, cache_dir=tmp_path)
        assert judge.ask(questions(60)) == ["no", "yes"] * 30
        judge.close()
        assert 1 < server.most_at_once <= 32
        assert all(body["temperature"] == 0 for body in server.bodies)


def test_what_fails_now_and_then_is_tried_again(tmp_path: Path) -> None:
    def plan(prompt: str, before: int) -> Answer:
        return odd(prompt, before) if before else Answer(status=503, text="busy")

    with HostileServer(plan) as server:
        judge = load_caption_judge("openai:m", base_url=server.base_url, cache_dir=tmp_path)
        assert judge.ask(questions(6)) == ["no", "yes"] * 3
        judge.close()


def test_a_refused_question_costs_itself_alone(tmp_path: Path) -> None:
    def plan(prompt: str, before: int) -> Answer:
        return Answer(status=400, text="too long") if "number 2\n" in prompt else odd(prompt, before)

    with HostileServer(plan) as server:
        judge = load_caption_judge("openai:m", base_url=server.base_url, cache_dir=tmp_path)
        assert judge.ask(questions(4)) == ["no", "yes", None, "yes"]
        assert judge.failures == 1
        judge.close()


def test_an_answer_that_was_cut_off_is_none(tmp_path: Path) -> None:
    with HostileServer(lambda prompt, before: Answer(text="Let me think", finish_reason="length")) as server:
        judge = load_caption_judge("openai:m", base_url=server.base_url, cache_dir=tmp_path)
        assert judge.ask(questions(1)) == [None]
        judge.close()


def test_a_server_that_is_down_costs_one_request_and_is_named(tmp_path: Path) -> None:
    judge = load_caption_judge("openai:m", base_url=GONE, cache_dir=tmp_path)
    assert judge.ask(questions(500)) == [None] * 500
    assert judge.failures == 500
    assert judge.problem is not None
    assert GONE in judge.problem
    assert judge.ask(questions(1)) == [None]
    judge.close()


def test_a_server_that_comes_back_is_asked_again(tmp_path: Path) -> None:
    listing = Answer(status=503, text="starting")
    down = False

    def plan(prompt: str, before: int) -> Answer:
        return Answer(status=401, text="key expired") if down else odd(prompt, before)

    with HostileServer(plan, models=listing) as server:
        judge = load_caption_judge("openai:m", base_url=server.base_url, cache_dir=tmp_path)
        assert judge.ask(questions(2)) == [None, None]  # Before the server has started.
        assert "status 503" in (judge.problem or "")
        listing.status, listing.body = 200, b'{"data": [{"id": "m"}]}'
        assert judge.ask(questions(2)) == ["no", "yes"]
        assert judge.problem is None
        down = True
        for _ in range(2):
            assert judge.ask(questions(4)) == ["no", "yes", None, None]
            assert "needs a key" in (judge.problem or "")
        down = False
        assert judge.ask(questions(4)) == ["no", "yes", "no", "yes"]
        assert judge.problem is None
        judge.close()


def test_a_server_that_stays_down_is_given_up(tmp_path: Path) -> None:
    with HostileServer(lambda *_: Answer(status=401, text="key expired")) as server:
        judge = load_caption_judge("openai:m", base_url=server.base_url, cache_dir=tmp_path)
        for _ in range(5):
            assert judge.ask(questions(1)) == [None]
            assert "needs a key" in (judge.problem or "")
        assert len(server.bodies) == 3  # An evaluation may have many questions left.
        judge.close()


REFUSAL = {
    "message": "Unsupported value: 'temperature' does not support 0 with this model.",
    "code": "unsupported_value",
}


def test_a_server_that_refuses_the_temperature_is_asked_without(tmp_path: Path) -> None:
    def plan(prompt: str, before: int) -> Answer:
        if "temperature" in server.bodies[-1]:
            return Answer(status=400, body=json.dumps({"error": REFUSAL}).encode())
        return odd(prompt, before)

    with HostileServer(plan) as server:
        judge = load_caption_judge("openai:m", base_url=server.base_url, cache_dir=tmp_path)
        assert judge.ask(questions(1)) == ["no"]
        assert judge.ask(questions(2)) == ["no", "yes"]
        assert judge.problem is None
        assert ["temperature" in body for body in server.bodies] == [True, False, False]
        judge.close()


def test_an_address_that_is_none_is_the_users_mistake(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"^--caption-judge-base-url 'ftp://x' is not an address"):
        load_caption_judge("openai:m", base_url="ftp://x", cache_dir=tmp_path)


@pytest.mark.parametrize("named_by", ["setting", "environment"])
def test_models_of_one_name_at_two_addresses_are_told_apart(
    named_by: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with HostileServer(lambda *_: Answer(text="yes")) as one, HostileServer(lambda *_: Answer(text="no")) as two:
        answers = []
        for server in (one, two, one):
            monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
            base_url = server.base_url if named_by == "setting" else None
            judge = load_caption_judge("openai:m", base_url=base_url, cache_dir=tmp_path)
            answers += judge.ask(questions(1))
            judge.close()
        assert answers == ["yes", "no", "yes"]
        assert len(one.bodies) == len(two.bodies) == 1


def test_a_judge_has_a_key_of_its_own_or_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-model-0123456789")
    monkeypatch.setenv("JUDGE_KEY", "sk-of-the-judge-0123456789")

    def sent(base_url: str | None, variable: str | None) -> set[str | None]:
        judge = load_caption_judge(
            "openai:m", base_url=base_url, api_key_env=variable, cache_dir=tmp_path / str(variable)
        )
        assert judge.ask(questions(2)) == ["no", "yes"]
        judge.close()
        keys, server.keys = set(server.keys), []
        return keys

    with HostileServer(odd) as server:
        assert sent(server.base_url, None) == {None}
        assert sent(server.base_url, "JUDGE_KEY") == {"Bearer sk-of-the-judge-0123456789"}
        assert sent(server.base_url, "OPENAI_API_KEY") == {"Bearer sk-of-the-model-0123456789"}
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)  # The key that goes with it.
        assert sent(None, "") == {None}
        (tmp_path / "None" / "judge.sqlite3").unlink()
        assert sent(None, None) == {"Bearer sk-of-the-model-0123456789"}
    with pytest.raises(UsageError, match="NO_SUCH_KEY, which should hold the key of a server, is not set"):
        load_caption_judge("openai:m", base_url=GONE, api_key_env="NO_SUCH_KEY", cache_dir=tmp_path)
