"""The `api` engine against a server on loopback that fails in every way that servers fail."""

from __future__ import annotations

import base64
import io
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
from hostile_server import Answer, HostileServer, Plan
from PIL import Image

from harness.core.errors import EngineError, MediaError, ModelError, UsageError
from harness.core.types import Media, Response
from harness.engines import Decoding, Request, http_client
from harness.engines.api import ApiEngine
from harness.engines.checkpoints import Checkpoint
from harness.media.videos import Video

GREEDY = Decoding(max_new_tokens=16)
VLLM_MODELS = Answer(body=json.dumps({"data": [{"id": "m", "owned_by": "vllm"}]}).encode())


@pytest.fixture(autouse=True)
def _no_key_and_short_delays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    monkeypatch.setattr(http_client, "_FIRST_DELAY_S", 0.001)
    monkeypatch.setattr(http_client, "_LONGEST_DELAY_S", 0.01)


def make(*servers: HostileServer | str, model: str = "openai:m", **options: object) -> ApiEngine:
    urls = [server if isinstance(server, str) else server.base_url for server in servers]
    return ApiEngine(Checkpoint(name=model, folder=None), base_url=urls, **options)  # type: ignore[arg-type]


def text_request(prompt: str, **changes: object) -> Request:
    fields = {"task": "t", "sample_id": prompt, "prompt": prompt, "media": (), "open_media": list} | changes
    return Request(**fields)  # type: ignore[arg-type]


def image_request(prompt: str, image: Image.Image, source: str = "a.png") -> Request:
    return text_request(prompt, media=(Media(kind="image", source=source),), open_media=lambda: [image])


def run(engine: ApiEngine, requests: list[Request], decoding: Decoding = GREEDY) -> dict[str, Response]:
    try:
        engine.load()
        return {request.sample_id: response for request, response in engine.generate(iter(requests), decoding)}
    finally:
        engine.close()


def always(answer: Answer) -> Plan:
    return lambda prompt, before: answer


def noise(width: int, height: int, seed: int = 0) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8))


@pytest.fixture
def serve() -> Iterator[Callable[..., HostileServer]]:
    servers: list[HostileServer] = []

    def start(plan: Plan, **options: object) -> HostileServer:
        servers.append(HostileServer(plan, **options))  # type: ignore[arg-type]
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


def test_a_good_answer_becomes_a_response(serve: Callable[..., HostileServer]) -> None:
    server = serve(always(Answer(text="  yes \n")))
    (response,) = run(make(server), [text_request("is it?")]).values()
    assert response.text == "yes"
    assert (response.finish_reason, response.prompt_tokens, response.completion_tokens) == ("stop", 7, 3)
    assert response.error is None
    assert response.seconds is not None
    assert response.seconds > 0


def test_what_is_asked_of_sampling_and_of_the_system_is_sent(serve: Callable[..., HostileServer]) -> None:
    hot = Decoding(max_new_tokens=16, temperature=0.7, top_k=5, repetition_penalty=1.1)
    for models in ({}, {"models": VLLM_MODELS}):
        server = serve(always(Answer()), **models)
        found = run(make(server), [text_request("what?", system="Be brief.")], hot)
        assert not found["what?"].error
        body = server.bodies[-1]
        assert (body["top_k"], body["repetition_penalty"]) == (5, 1.1)
        assert body["messages"][0] == {"role": "system", "content": "Be brief."}


def test_the_request_is_greedy_and_its_image_lossless_and_first(serve: Callable[..., HostileServer]) -> None:
    server, image = serve(always(Answer())), noise(33, 21)
    run(make(server), [image_request("what?", image)])
    (body,) = server.bodies
    assert (body["model"], body["temperature"], body["max_tokens"]) == ("m", 0.0, 16)
    assert not {"top_k", "repetition_penalty", "seed"} & body.keys()
    picture, text = body["messages"][0]["content"]
    assert text == {"type": "text", "text": "what?"}
    head, data = picture["image_url"]["url"].split(",")
    assert head == "data:image/png;base64"
    sent = np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))
    assert np.array_equal(sent, np.asarray(image))


def test_sampling_sends_a_seed_that_depends_on_sample_and_run(serve: Callable[..., HostileServer]) -> None:
    server = serve(always(Answer()))
    requests = [text_request("a"), text_request("b", max_new_tokens=5)]
    run(make(server), requests, Decoding(max_new_tokens=16, temperature=0.7, top_p=0.9, seed=3))
    run(make(server), requests[:1], Decoding(max_new_tokens=16, temperature=0.7, top_p=0.9, seed=4))
    run(make(server), requests[:1], Decoding(max_new_tokens=16, temperature=0.7, top_p=0.9, seed=3))
    first = {body["messages"][0]["content"][0]["text"]: body for body in server.bodies[:2]}
    assert (first["a"]["temperature"], first["a"]["top_p"], first["b"]["max_tokens"]) == (0.7, 0.9, 5)
    seeds = [first["a"]["seed"], first["b"]["seed"], server.bodies[2]["seed"]]
    assert len(set(seeds)) == 3
    assert server.bodies[3]["seed"] == first["a"]["seed"]


HOT = Decoding(max_new_tokens=16, temperature=1.0, seed=3)


def run_several(engine: ApiEngine, *requests: Request) -> dict[str, list[Response]]:
    responses: dict[str, list[Response]] = {}
    try:
        engine.load()
        for request, response in engine.generate(requests, HOT):
            responses.setdefault(request.sample_id, []).append(response)
    finally:
        engine.close()
    return responses


def test_several_responses_are_one_request(serve: Callable[..., HostileServer]) -> None:
    server = serve(always(Answer(choices=["yes", "no", "perhaps"])))
    responses = run_several(make(server), text_request("a", n=3))["a"]
    assert [(response.text, response.completion_tokens) for response in responses] == [
        ("yes", None), ("no", None), ("perhaps", None),
    ]  # fmt: skip
    (body,) = server.bodies
    assert body["n"] == 3


def test_a_server_that_gives_fewer_is_asked_for_the_rest(serve: Callable[..., HostileServer]) -> None:
    server = serve(lambda prompt, before: Answer(choices=[f"{before}.0", f"{before}.1"]))
    responses = run_several(make(server, in_flight=1), text_request("a", n=5), text_request("b", n=3))
    assert {sample_id: len(of_one) for sample_id, of_one in responses.items()} == {"a": 5, "b": 3}
    assert [response.text for response in responses["a"][:2]] == ["0.0", "0.1"]
    asked: dict[str, list[tuple[int, int]]] = {"a": [], "b": []}
    for body in server.bodies:
        asked[body["messages"][0]["content"][0]["text"]].append((body.get("n", 1), body["seed"]))
    first = asked["a"][0][1]
    # What is missing is asked for in twos, each with the seed of its place; the next prompt in twos at once.
    assert asked["a"][0] == (5, first)
    assert sorted(asked["a"][1:]) == [(1, first + 4), (2, first + 2)]
    assert sorted(n for n, _ in asked["b"]) == [1, 2]


def test_a_server_that_refuses_several_is_asked_one_by_one(serve: Callable[..., HostileServer]) -> None:
    def plan(prompt: str, before: int) -> Answer:
        several = server.bodies[-1].get("n", 1) > 1
        return Answer(status=400, text="only one completion is supported") if several else Answer(text="yes")

    server = serve(plan)
    responses = run_several(make(server, in_flight=1), text_request("a", n=3), text_request("b", n=2))
    assert [response.text for of_one in responses.values() for response in of_one] == ["yes"] * 5
    seeds = [body["seed"] for body in server.bodies if body["messages"][0]["content"][0]["text"] == "a"]
    assert sorted(seed - seeds[0] for seed in seeds) == [0, 0, 1, 2]
    # It is not asked for several again.
    assert sum("n" in body for body in server.bodies) == 1


def test_a_prompt_that_is_refused_fails_all_of_its_responses(serve: Callable[..., HostileServer]) -> None:
    server = serve(always(Answer(status=400, text="too long")))
    responses = run_several(make(server), text_request("a", n=4))["a"]
    assert [response.error for response in responses] == ["status 400: too long"] * 4
    assert len(server.bodies) == 2


def test_log_probabilities_of_the_answer(serve: Callable[..., HostileServer]) -> None:
    tokens = [("<answer>", -0.1), ("\u00fc", -0.2), ("ber", -0.3), ("</answer>", -0.4), ("<|end|>", -0.5)]
    server = serve(always(Answer(text="<answer>\u00fcber</answer>", logprobs=tokens)))
    (response,) = run(make(server), [text_request("a")]).values()
    assert server.bodies[0]["logprobs"] is True
    assert response.answer_logprobs == (-0.2, -0.3)
    run(make(server), [text_request("b")], replace(GREEDY, logprobs=False))
    assert "logprobs" not in server.bodies[1]


def test_tokens_that_are_not_those_of_the_text_tell_nothing(serve: Callable[..., HostileServer]) -> None:
    server = serve(always(Answer(text="yes", logprobs=[("thinking", -1.0), ("yes", -0.1)])))
    (response,) = run(make(server), [text_request("a")]).values()
    assert (response.text, response.answer_logprobs) == ("yes", None)


@pytest.mark.parametrize("status", [400, 403, 422])
def test_a_server_without_log_probabilities_is_not_asked_again(
    serve: Callable[..., HostileServer], status: int
) -> None:
    def plan(prompt: str, before: int) -> Answer:
        asked = "logprobs" in server.bodies[-1]
        return Answer(status=status, text="Logprobs are not supported.") if asked else Answer(text="yes")

    server = serve(plan)
    responses = run(make(server, in_flight=1), [text_request("a"), text_request("b")])
    assert [(response.text, response.answer_logprobs) for response in responses.values()] == [("yes", None)] * 2
    assert ["logprobs" in body for body in server.bodies] == [True, False, False]


@pytest.mark.parametrize(
    "trouble",
    [
        Answer(status=500, text="oh no"),
        Answer(status=502, body=b"<html>bad gateway</html>"),
        Answer(status=429, text="slow down"),
        Answer(status=408, text="too slow"),
        Answer(status=409, text="conflict"),
        Answer(disconnect=True),
        Answer(cut=True),
        Answer(body=b"{not json"),
        Answer(body=b"\xff\xfe\x00"),
        Answer(body=b"{}"),
        Answer(body=b'{"choices": []}'),
        Answer(body=b'{"choices": [{"message": null}]}'),
        Answer(body=b"null"),
    ],
    ids=lambda answer: f"{answer.status}-{(answer.body or b'')[:12]!r}-{answer.cut}-{answer.disconnect}",
)
def test_trouble_that_passes_is_outlived(serve: Callable[..., HostileServer], trouble: Answer) -> None:
    server = serve(lambda prompt, before: trouble if before < 2 else Answer(text="no"))
    (response,) = run(make(server), [text_request("a")]).values()
    assert (response.text, response.error) == ("no", None)
    assert len(server.bodies) == 3


@pytest.mark.parametrize(
    ("trouble", "expected"),
    [
        (Answer(status=500, text="oh no"), "status 500: oh no"),
        (Answer(body=b"{not json"), "not a chat completion"),
        (Answer(cut=True), "the connection broke"),
    ],
)
def test_trouble_that_stays_costs_its_sample_only(
    serve: Callable[..., HostileServer], trouble: Answer, expected: str
) -> None:
    server = serve(lambda prompt, before: trouble if prompt == "bad" else Answer())
    responses = run(make(server, attempts=3), [text_request("a"), text_request("bad"), text_request("b")])
    assert responses["a"].text == responses["b"].text == "yes"
    error = responses["bad"].error
    assert error is not None
    assert expected in error
    assert responses["bad"].text == ""
    assert [body["messages"][0]["content"][0]["text"] for body in server.bodies].count("bad") == 3


def test_a_request_that_hangs_times_out_without_holding_the_rest(serve: Callable[..., HostileServer]) -> None:
    server = serve(lambda prompt, before: Answer(delay_s=30 if prompt == "hang" else 0))
    start = time.monotonic()
    responses = run(make(server, timeout_s=0.2, attempts=4), [text_request("hang"), text_request("a")])
    assert time.monotonic() - start < 5
    assert responses["a"].text == "yes"
    assert "no answer within 0.2 s" in str(responses["hang"].error)
    assert [body["messages"][0]["content"][0]["text"] for body in server.bodies].count("hang") == 2


def test_a_request_that_the_server_refuses_is_not_sent_again(serve: Callable[..., HostileServer]) -> None:
    server = serve(lambda prompt, before: Answer(status=400, text="prompt too long") if prompt == "x" else Answer())
    responses = run(make(server), [text_request("x"), text_request("a")])
    assert responses["x"].error == "status 400: prompt too long"
    assert len(server.bodies) == 2


@pytest.mark.parametrize("headers", [{"Retry-After": "0.4"}, {"retry-after-ms": "400"}])
def test_retry_after_is_honoured_by_every_request(serve: Callable[..., HostileServer], headers: dict[str, str]) -> None:
    server = serve(
        lambda prompt, before: Answer(status=429, headers=headers) if prompt == "first" and not before else Answer()
    )
    engine = make(server, in_flight=1)
    responses = run(engine, [text_request("first"), text_request("second")])
    assert all(response.error is None for response in responses.values())
    assert server.times[1] - server.times[0] >= 0.4


def test_a_used_up_rate_limit_holds_the_next_request_back(serve: Callable[..., HostileServer]) -> None:
    limits = {"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "300ms"}
    server = serve(lambda prompt, before: Answer(headers=limits if prompt == "a" else {}))
    run(make(server, in_flight=1), [text_request("a"), text_request("b")])
    assert server.times[1] - server.times[0] >= 0.3


def test_a_queue_at_a_rate_limit_uses_up_no_attempts(serve: Callable[..., HostileServer]) -> None:
    server = serve(lambda prompt, before: Answer(status=429) if before < 12 else Answer())
    (response,) = run(make(server, attempts=2), [text_request("a")]).values()
    assert response.text == "yes"


def test_a_wait_that_is_too_long_ends_the_run(serve: Callable[..., HostileServer]) -> None:
    server = serve(always(Answer(status=429, headers={"Retry-After": "7200"})))
    with pytest.raises(EngineError, match="asks to wait 7200 s"):
        run(make(server), [text_request("a")])


def test_a_used_up_quota_ends_the_run_at_once(serve: Callable[..., HostileServer]) -> None:
    body = json.dumps({"error": {"message": "pay", "code": "insufficient_quota"}}).encode()
    server = serve(always(Answer(status=429, body=body)))
    with pytest.raises(EngineError, match="quota"):
        run(make(server, in_flight=1), [text_request("a"), text_request("b")])
    assert len(server.bodies) == 1


def test_a_server_that_fails_every_request_ends_the_run(serve: Callable[..., HostileServer]) -> None:
    server = serve(always(Answer(status=500, text="down")))
    engine = make(server, attempts=2, in_flight=2)
    with pytest.raises(EngineError, match="8 requests in a row failed after 2 attempts each; the last: status 500"):
        run(engine, [text_request(str(number)) for number in range(50)])


def test_a_server_that_dies_ends_the_run_after_what_was_finished(serve: Callable[..., HostileServer]) -> None:
    server = serve(always(Answer()))
    engine = make(server, in_flight=1, attempts=3)
    engine.load()
    stream = engine.generate([text_request(str(number)) for number in range(9)], GREEDY)
    finished = [next(stream) for _ in range(3)]
    server.stop()
    with pytest.raises(EngineError, match=f"{server.base_url} cannot be reached"):
        finished += list(stream)
    engine.close()
    assert all(response.error is None for _, response in finished)


def test_a_wrong_address_fails_at_once_with_the_address() -> None:
    start = time.monotonic()
    with pytest.raises(UsageError, match=r"no server answers at http://127\.0\.0\.1:9/v1/models"):
        run(make("http://127.0.0.1:9/v1"), [])
    assert time.monotonic() - start < 5


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "ftp://a/v1", "http://"])
def test_what_is_no_address_is_refused_before_loading(url: str) -> None:
    with pytest.raises(UsageError, match="is not an address"):
        make(url)


@pytest.mark.parametrize("base_url", ["", " ", ",", [], [""], ["", " "]])
def test_no_address_at_all_is_refused_before_loading(
    base_url: str | list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    with pytest.raises(UsageError, match="--base-url names no server"):
        ApiEngine(Checkpoint(name="openai:m", folder=None), base_url=base_url)
    monkeypatch.setenv("OPENAI_BASE_URL", " , ")
    with pytest.raises(UsageError, match="OPENAI_BASE_URL names no server"):
        ApiEngine(Checkpoint(name="openai:m", folder=None))


def test_a_forgotten_v1_is_pointed_out(serve: Callable[..., HostileServer]) -> None:
    server = serve(always(Answer()))
    with pytest.raises(UsageError, match=f"Did you mean --base-url {server.origin}/v1"):
        run(make(server.origin), [])


def test_a_web_page_is_not_taken_for_an_api(serve: Callable[..., HostileServer]) -> None:
    server = serve(always(Answer()), models=Answer(body=b"<html></html>"))
    with pytest.raises(UsageError, match="is not an OpenAI-compatible API"):
        run(make(server), [])


def test_a_model_that_a_vllm_server_does_not_have_is_named(serve: Callable[..., HostileServer]) -> None:
    server = serve(always(Answer()), models=VLLM_MODELS)
    with pytest.raises(ModelError, match="has no model 'other'; it serves: m"):
        run(make(server, model="openai:other"), [])


def test_a_model_that_another_server_does_not_have_ends_the_run(serve: Callable[..., HostileServer]) -> None:
    server = serve(always(Answer(status=404, text="model not found")))
    with pytest.raises(EngineError, match=r"does not serve model 'm' .*model not found"):
        run(make(server), [text_request("a")])


def test_a_model_that_is_not_in_a_server_s_list_is_told(
    serve: Callable[..., HostileServer], capsys: pytest.CaptureFixture[str]
) -> None:
    server = serve(always(Answer(model="m")))
    (response,) = run(make(server, model="openai:n"), [text_request("a")]).values()
    assert response.model == "m"
    assert "has no model 'n'; it serves: m. Whatever it answers counts as of 'n'." in capsys.readouterr().err
    run(make(server), [])
    assert not capsys.readouterr().err


def test_who_has_answered_is_told_by_the_checkpoint_of_a_vllm_server(
    serve: Callable[..., HostileServer], capsys: pytest.CaptureFixture[str]
) -> None:
    def loaded(root: object) -> Answer:
        return Answer(body=json.dumps({"data": [{"id": "m", "owned_by": "vllm", "root": root}]}).encode())

    servers = [serve(always(Answer(model="m")), models=loaded(root)) for root in ("/ckpt/100", "/ckpt/200", None)]
    for server, name in zip(servers, ("/ckpt/100", "/ckpt/200", "m"), strict=True):
        (response,) = run(make(server), [text_request("a")]).values()
        assert response.model == name
    assert not capsys.readouterr().err
    run(make(*servers), [])
    assert "the servers have loaded /ckpt/100, /ckpt/200, and are taken for one model 'm'" in capsys.readouterr().err


def test_another_model_behind_the_name_ends_the_run(serve: Callable[..., HostileServer]) -> None:
    server = serve(lambda prompt, before: Answer(model="m-old" if prompt < "3" else "m-new"))
    engine, found = make(server, in_flight=1), []
    engine.load()
    with pytest.raises(EngineError, match=r"answers as 'm-new' now, and as 'm-old' before"):
        found.extend(engine.generate([text_request(str(number)) for number in range(6)], GREEDY))
    engine.close()


def test_the_key_is_sent_and_never_told(
    serve: Callable[..., HostileServer], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    caplog.set_level("DEBUG")
    server = serve(
        lambda prompt, before: Answer(status=400, text="key sk-secret is odd") if prompt == "x" else Answer()
    )
    engine = make(server)
    responses = run(engine, [text_request("a"), text_request("x")])
    assert set(server.keys) == {"Bearer sk-secret"}
    assert responses["x"].error == "status 400: key *** is odd"
    assert "sk-secret" not in str(engine.describe()) + caplog.text + json.dumps(server.bodies)


def test_a_refused_key_is_named_by_its_variable(
    serve: Callable[..., HostileServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(always(Answer()), models=Answer(status=401, text="who?"))
    with pytest.raises(UsageError, match="needs a key: set OPENAI_API_KEY"):
        run(make(server), [])
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    with pytest.raises(UsageError, match="refuses the key in OPENAI_API_KEY") as error:
        run(make(server), [])
    assert "sk-secret" not in str(error.value)


def test_no_key_is_sent_where_there_is_none(serve: Callable[..., HostileServer]) -> None:
    server = serve(always(Answer()))
    run(make(server), [text_request("a")])
    assert server.keys == [None]


def test_openai_itself_needs_a_key() -> None:
    with pytest.raises(UsageError, match="set OPENAI_API_KEY"):
        ApiEngine(Checkpoint(name="openai:gpt-4o", folder=None))


def test_servers_take_turns_and_one_image_stays_with_one_server(serve: Callable[..., HostileServer]) -> None:
    servers = [serve(always(Answer())) for _ in range(2)]
    requests = [
        image_request(f"{source} {question}", noise(8, 8, seed), source)
        for seed, source in enumerate("abcd")
        for question in range(3)
    ]
    responses = run(make(*servers), requests)
    assert len(responses) == 12
    seen = [{body["messages"][0]["content"][-1]["text"][0] for body in server.bodies} for server in servers]
    assert [len(letters) for letters in seen] == [2, 2]
    assert not seen[0] & seen[1]


def test_another_server_takes_over(serve: Callable[..., HostileServer]) -> None:
    down, up = serve(always(Answer(status=503, text="restarting"))), serve(always(Answer()))
    responses = run(make(down, up), [text_request(str(number)) for number in range(6)])
    assert [response.text for response in responses.values()] == ["yes"] * 6


def test_a_server_that_dies_is_left_alone_while_others_answer_all(serve: Callable[..., HostileServer]) -> None:
    dying, living = serve(always(Answer())), serve(always(Answer()))
    engine = make(dying, living, in_flight=2)
    engine.load()
    stream = engine.generate([text_request(str(number)) for number in range(60)], GREEDY)
    responses = [next(stream)[1] for _ in range(6)]
    dying.stop()
    responses += [response for _, response in stream]
    assert [response.text for response in responses] == ["yes"] * 60
    asked, away = len(living.bodies), engine._client.servers[0]
    assert 60 - len(dying.bodies) <= asked
    assert away.resume_at > time.monotonic() + http_client._AWAY_S / 2
    assert engine._client.servers[1].resume_at <= time.monotonic()
    engine.close()


def test_in_flight_bounds_what_is_under_way(serve: Callable[..., HostileServer]) -> None:
    server = serve(always(Answer(delay_s=0.02)))
    responses = run(make(server, in_flight=3), [text_request(str(number)) for number in range(20)])
    assert len(responses) == 20
    assert server.most_at_once == 3


def test_a_token_limit_is_renamed_for_a_server_that_wants_it(serve: Callable[..., HostileServer]) -> None:
    refusal = Answer(status=400, text="Unsupported parameter: use 'max_completion_tokens' instead.")
    server: HostileServer

    def plan(prompt: str, before: int) -> Answer:
        return refusal if any("max_tokens" in body for body in server.bodies[-1:]) else Answer()

    server = serve(plan)
    responses = run(make(server, in_flight=1), [text_request("a"), text_request("b")])
    assert all(response.error is None for response in responses.values())
    assert [body.get("max_completion_tokens") for body in server.bodies] == [None, 16, 16]


@pytest.mark.parametrize(
    ("answer", "text", "reason", "error"),
    [
        (Answer(text="yes and", finish_reason="length"), "yes and", "length", None),
        (Answer(message={"content": None}, finish_reason="length"), "", "length", None),
        (Answer(message={"content": None, "refusal": "I cannot."}), "I cannot.", "stop", None),
        (Answer(message={"content": "no", "reasoning_content": "dark"}), "<think>dark</think>\nno", "stop", None),
        (Answer(message={"content": [{"type": "text", "text": "a"}, {"text": "b"}]}), "ab", "stop", None),
        (Answer(finish_reason="content_filter"), "", None, "the server's content filter withheld the response"),
        (Answer(text="a", finish_reason="eos_token"), "a", "stop", None),
        (Answer(text="a", finish_reason="STOP"), "a", "stop", None),
        (Answer(text="a", finish_reason="tool_calls"), "a", "stop", None),
        (Answer(text="a", finish_reason=""), "a", "stop", None),
        (Answer(text="a", finish_reason="model_length"), "a", "length", None),
        (Answer(text="a", finish_reason="abort"), "", None, "the server ended the response with 'abort'"),
        (Answer(text="a", finish_reason="error"), "", None, "the server ended the response with 'error'"),
        (
            Answer(text="a", finish_reason="insufficient_system_resource"),
            "",
            None,
            "the server ended the response with 'insufficient_system_resource'",
        ),
    ],
)
def test_what_a_message_holds_is_read(
    serve: Callable[..., HostileServer], answer: Answer, text: str, reason: str | None, error: str | None
) -> None:
    (response,) = run(make(serve(always(answer))), [text_request("a")]).values()
    assert (response.text, response.finish_reason, response.error) == (text, reason, error)


def test_finished_requests_are_skipped_and_bad_media_cost_their_sample(serve: Callable[..., HostileServer]) -> None:
    def broken() -> list[Image.Image | Video]:
        raise MediaError("image b.png is truncated.")

    media = (Media(kind="image", source="b.png"),)
    server = serve(always(Answer()))
    responses = run(
        make(server),
        [
            text_request("done", finished=True),
            text_request("bad", media=media, open_media=broken),
            text_request("a"),
        ],
    )
    assert responses.keys() == {"bad", "a"}
    assert responses["bad"].error == "media: image b.png is truncated."
    assert len(server.bodies) == 1


def test_an_unexpected_error_at_opening_costs_its_sample_only(serve: Callable[..., HostileServer]) -> None:
    def broken() -> list[Image.Image | Video]:
        raise AttributeError("no extradata")

    bad = text_request("bad", media=(Media(kind="video", source="b.mp4"),), open_media=broken)
    responses = run(make(serve(always(Answer()))), [bad, text_request("a")])
    assert (responses["bad"].error, responses["a"].error) == ("AttributeError: no extradata", None)


def make_video() -> Video:
    frames = np.stack([np.asarray(noise(16, 12, seed)) for seed in range(3)])
    return Video(frames=frames, fps=25.0, indices=(0, 5, 9), total_frames=10, duration_s=0.4)


def video_request(*videos: Video) -> Request:
    media = tuple(Media(kind="video", source=f"{number}.mp4") for number in range(len(videos)))
    return text_request("what happens?", media=media, open_media=lambda: list(videos))


def test_a_vllm_server_is_sent_a_video_with_its_time_stamps(serve: Callable[..., HostileServer]) -> None:
    server, video = serve(always(Answer()), models=VLLM_MODELS), make_video()
    run(make(server), [video_request(video)])
    (body,) = server.bodies
    head, *frames = body["messages"][0]["content"][0]["video_url"]["url"].split(",")
    assert head == "data:video/jpeg;base64"
    sent = np.stack([np.asarray(Image.open(io.BytesIO(base64.b64decode(frame)))) for frame in frames])
    assert np.array_equal(sent, video.frames)
    assert body["media_io_kwargs"] == {
        "video": {
            "total_num_frames": 10, "fps": 25.0, "duration": 0.4, "frames_indices": [0, 5, 9], "num_frames": -1,
        }
    }  # fmt: skip
    assert (body["repetition_penalty"], body["top_k"], body["min_p"], body["top_p"]) == (1.0, -1, 0.0, 1.0)


@pytest.mark.parametrize(
    ("models", "videos", "options"), [(None, 1, {}), (None, 2, {}), (VLLM_MODELS, 2, {"video_as": "frames"})]
)
def test_frames_are_sent_as_images_where_a_video_cannot_be(
    serve: Callable[..., HostileServer], models: Answer | None, videos: int, options: dict[str, str]
) -> None:
    server = serve(always(Answer()), models=models)
    engine = make(server, **options)
    run(engine, [video_request(*[make_video()] * videos)])
    assert engine.video_as == "frames"
    kinds = [part["type"] for part in server.bodies[0]["messages"][0]["content"]]
    assert kinds == ["image_url"] * 3 * videos + ["text"]
    assert "media_io_kwargs" not in server.bodies[0]


def test_how_videos_are_shown_is_known_before_anything_is_asked(serve: Callable[..., HostileServer]) -> None:
    asked, plain = serve(always(Answer()), models=VLLM_MODELS), serve(always(Answer()))
    for server, expected in ((asked, "native"), (plain, "frames")):
        engine = make(server)
        assert engine.video_as == expected
        engine.close()
    with pytest.raises(UsageError, match="only vLLM servers take videos"):
        make(plain, video_as="native").load()
    assert asked.bodies == plain.bodies == []


def test_two_videos_that_a_vllm_server_would_mix_up_are_an_error(serve: Callable[..., HostileServer]) -> None:
    server = serve(always(Answer()), models=VLLM_MODELS)
    (response,) = run(make(server), [video_request(make_video(), make_video())]).values()
    assert "time stamps of one video a request. Use --video-as frames" in str(response.error)


def test_a_budget_beyond_a_vllm_server_s_context_is_cut(serve: Callable[..., HostileServer]) -> None:
    entry = {"id": "m", "owned_by": "vllm", "max_model_len": 9}
    server = serve(always(Answer()), models=Answer(body=json.dumps({"data": [entry]}).encode()))
    run(make(server), [text_request("a"), text_request("b", max_new_tokens=5)])
    assert sorted(body["max_tokens"] for body in server.bodies) == [5, 9]


def test_a_vllm_server_that_refuses_time_stamps_ends_the_run_with_advice(serve: Callable[..., HostileServer]) -> None:
    server = serve(always(Answer(status=400, text="media_io_kwargs are disabled")), models=VLLM_MODELS)
    with pytest.raises(EngineError, match="--trust-request-mm-kwargs"):
        run(make(server), [video_request(make_video())])
    run(make(server, video_as="frames"), [video_request(make_video())])
    assert "media_io_kwargs" not in server.bodies[-1]


def test_max_pixels_and_jpeg_shrink_what_is_sent(serve: Callable[..., HostileServer]) -> None:
    server = serve(always(Answer()))
    run(make(server, max_pixels=600, image_format="jpeg"), [image_request("a", noise(60, 40))])
    head, data = server.bodies[0]["messages"][0]["content"][0]["image_url"]["url"].split(",")
    assert head == "data:image/jpeg;base64"
    sent = Image.open(io.BytesIO(base64.b64decode(data)))
    assert (sent.format, sent.size) == ("JPEG", (30, 20))


def test_stopping_in_the_middle_leaves_no_thread(serve: Callable[..., HostileServer]) -> None:
    server = serve(lambda prompt, before: Answer(delay_s=0 if prompt == "0" else 5))
    before = set(threading.enumerate())
    engine = make(server)
    engine.load()
    stream = engine.generate([text_request(str(number)) for number in range(5)], GREEDY)
    assert next(iter(stream))[0].sample_id == "0"
    start = time.monotonic()
    stream.close()  # type: ignore[attr-defined]
    engine.close()
    engine.close()
    assert time.monotonic() - start < 3
    assert not [thread for thread in set(threading.enumerate()) - before if thread.name == "api-loop"]


@pytest.mark.parametrize(
    "options",
    [
        {"image_format": "bmp"},
        {"timeout_s": 0},
        {"attempts": 0},
        {"max_pixels": -1},
        {"in_flight": 0.0},
    ],
)
def test_settings_out_of_range_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        make("http://127.0.0.1:9/v1", **options)


def test_an_engine_that_is_not_loaded_says_so() -> None:
    with pytest.raises(EngineError, match="not loaded"):
        next(iter(make("http://127.0.0.1:9/v1").generate([], GREEDY)))
