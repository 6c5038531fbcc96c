"""The `vllm` engine, and that `hf`, `vllm` and `api` tell the same story; one vLLM for all tests of the module."""

from __future__ import annotations

import gc
import io
import json
import multiprocessing
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from harness.core.errors import EngineError, MediaError, ModelError, UsageError
from harness.core.prompts import instruction
from harness.core.types import Media, Response
from harness.engines import Decoding, Request, Tokens
from harness.engines.checkpoints import Checkpoint, resolve_checkpoint
from harness.engines.preparation import request_seed
from harness.media.images import open_image
from harness.media.videos import Video

pytest.importorskip("vllm", reason="vllm is not installed")

pytestmark = [
    # Raised by the packages' own code, at import or while they build their caches.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore:.*:UserWarning:torch"),
    pytest.mark.filterwarnings("ignore:.*:UserWarning:peft"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

GREEDY = Decoding(max_new_tokens=48)
_COLOURS = ("red", "blue", "green", "yellow", "purple", "orange")
_SHAPES = ("circle", "square", "triangle")
_INSTRUCTION = instruction("grounded", "yes_no")
_SIZES = (
    (28, 28), (29, 57), (84, 84), (100, 84), (300, 40), (40, 300), (640, 480), (481, 641), (1000, 200), (333, 777),
    (56, 28), (448, 448), (120, 90), (90, 120), (31, 31), (20, 20), (1280, 720), (720, 1280), (500, 499), (199, 201),
)  # fmt: skip
_VIDEOS = (
    (4, 84, 84, 2.0, 8),
    (8, 56, 56, 25.0, 200),
    (3, 84, 56, 25.0, 75),
    (8, 112, 84, 24.0, 2400),
    (1, 84, 84, 24.0, 1),
)
"""Frames, width, height, frames per second, frames in all; from short clips to minutes."""


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    """The demo checkpoint, allowed images of up to 256 tokens instead of 9, so that sizes make a difference."""
    source = resolve_checkpoint("demo").folder
    assert source is not None
    folder = tmp_path_factory.mktemp("model") / "large-images"
    shutil.copytree(source, folder)
    path = folder / "processor_config.json"
    settings = json.loads(path.read_text())
    settings["image_processor"]["size"]["longest_edge"] = 448 * 448
    settings["video_processor"]["size"] = {"shortest_edge": 56 * 56, "longest_edge": 224 * 224}
    path.write_text(json.dumps(settings))
    return resolve_checkpoint(str(folder))


@pytest.fixture(scope="module")
def engine(checkpoint: Checkpoint) -> Iterator[Any]:
    from harness.engines.vllm import VllmEngine

    engine = VllmEngine(checkpoint, max_model_len=768)
    engine.load()
    yield engine
    engine.close()
    gc.collect()  # vLLM's own leftovers are to warn here, where their warnings are ignored.


def mosaic(width: int, height: int, seed: int) -> Image.Image:
    """Coloured blocks of the size of a visual token."""
    blocks = np.random.default_rng(seed).integers(
        0, 256, (max(1, height // 28), max(1, width // 28), 3), dtype=np.uint8
    )
    return Image.fromarray(blocks).resize((width, height), Image.Resampling.NEAREST)


def rotated_jpeg(seed: int) -> bytes:
    """A camera's portrait: stored lying, with an EXIF orientation that turns it upright."""
    exif = Image.Exif()
    exif[0x0112] = 6
    buffer = io.BytesIO()
    mosaic(300, 120, seed).save(buffer, "JPEG", exif=exif, quality=95)
    return buffer.getvalue()


def make_request(sample_id: str, opened: Sequence[Image.Image | Video], number: int = 0, **changes: Any) -> Request:
    media = tuple(
        Media(kind="video" if isinstance(item, Video) else "image", source=f"{sample_id}[{index}]")
        for index, item in enumerate(opened)
    )
    fields: dict[str, Any] = {
        "task": "t",
        "sample_id": sample_id,
        "prompt": f"Is there a {_COLOURS[number % 6]} {_SHAPES[number % 3]} in the image?\n{_INSTRUCTION}",
        "media": media,
        "open_media": lambda: list(opened),
    }
    return Request(**(fields | changes))


@pytest.fixture(scope="module")
def requests() -> list[Request]:
    requests = [
        make_request(f"{width}x{height}", [mosaic(width, height, number)], number)
        for number, (width, height) in enumerate(_SIZES)
    ]
    requests.append(make_request("exif", [open_image(rotated_jpeg(50))], 3))
    requests.append(make_request("text", [], 4))
    requests.append(make_request("two images", [mosaic(90, 60, 51), mosaic(60, 90, 52)], 5))
    for number, (frames, width, height, fps, total) in enumerate(_VIDEOS):
        video = Video(
            frames=np.stack([np.asarray(mosaic(width, height, 60 + 10 * number + index)) for index in range(frames)]),
            fps=fps,
            indices=tuple(int(index) for index in np.linspace(0, total - 1, frames).round()),
            total_frames=total,
            duration_s=total / fps,
        )
        requests.append(make_request(f"video of {total / fps:.0f} s", [video], number))
    return requests


def run(
    engine: Any,
    requests: Sequence[Request],
    decoding: Decoding = GREEDY,
    tokens: dict[str, Tokens] | None = None,
) -> dict[str, Response]:
    if tokens is not None:
        requests = [replace(request, observe=partial(tokens.__setitem__, request.sample_id)) for request in requests]
    return {request.sample_id: response for request, response in engine.generate(iter(requests), decoding)}


@pytest.fixture(scope="module")
def tokens() -> dict[str, Tokens]:
    """Of each of `responses`."""
    return {}


@pytest.fixture(scope="module")
def responses(engine: Any, requests: list[Request], tokens: dict[str, Tokens]) -> dict[str, Response]:
    return run(engine, requests, tokens=tokens)


def story(responses: dict[str, Response]) -> dict[str, tuple[Any, ...]]:
    """What must not depend on the engine."""
    return {
        sample_id: (
            response.text, response.finish_reason, response.error,
            response.prompt_tokens, response.visual_tokens, response.completion_tokens,
        )
        for sample_id, response in responses.items()
    }  # fmt: skip


def test_an_adapter_gives_what_the_merged_model_gives(
    tmp_path: Path, checkpoint: Checkpoint, requests: list[Request], request: pytest.FixtureRequest
) -> None:
    """First of all: vLLM's process is forked only where there is no other thread, such as those of another engine."""
    import torch
    from peft import LoraConfig, get_peft_model

    from harness.engines.hf import HfEngine
    from harness.engines.vllm import VllmEngine
    from harness.engines.weights import load_model

    settings = LoraConfig(r=4, lora_alpha=8, target_modules=r".*language_model.*(q_proj|v_proj|down_proj)")
    settings.init_lora_weights = False
    torch.manual_seed(0)
    get_peft_model(load_model(checkpoint, dtype=torch.float32), settings).save_pretrained(tmp_path / "adapter")
    adapter = resolve_checkpoint(str(tmp_path / "adapter"))
    told: list[dict[str, Response]] = []
    tokens: list[dict[str, Tokens]] = [{}, {}]
    for make, of_engine in zip((partial(VllmEngine, max_model_len=768), HfEngine), tokens, strict=True):
        engine = make(adapter)
        engine.load()
        try:
            told.append(run(engine, requests[:6], tokens=of_engine))
        finally:
            engine.close()
    assert story(told[0]) == story(told[1])
    responses = request.getfixturevalue("responses")
    assert story(told[0]) != story({of.sample_id: responses[of.sample_id] for of in requests[:6]})
    assert_same_tokens(*tokens)


def test_the_answers_vary(responses: dict[str, Response]) -> None:
    assert all(response.error is None for response in responses.values())
    assert len({response.text for response in responses.values()}) > 0.8 * len(responses)
    assert {response.finish_reason for response in responses.values()} <= {"stop", "length"}
    assert all(response.text == response.text.strip() for response in responses.values())


def several(engine: Any, requests: Sequence[Request], decoding: Decoding) -> dict[str, list[str]]:
    texts: dict[str, list[str]] = {}
    for request, response in engine.generate(iter(requests), decoding):
        assert response.error is None
        texts.setdefault(request.sample_id, []).append(response.text)
    return texts


def test_several_responses_of_a_prompt_are_drawn_with_seeds_that_follow(engine: Any, requests: list[Request]) -> None:
    hot = Decoding(max_new_tokens=16, temperature=1.5, seed=1)
    asked = [replace(request, n=5) for request in requests[:3]]
    texts = several(engine, asked, hot)
    assert [len(of_one) for of_one in texts.values()] == [5, 5, 5]
    assert all(len(set(of_one)) > 1 for of_one in texts.values())
    assert several(engine, asked, hot) == texts
    third = request_seed(requests[0], hot, 2)
    # A run whose seed makes that of this request the third one's.
    run_seed = third ^ request_seed(requests[0], replace(hot, seed=0))
    alone = several(engine, requests[:1], replace(hot, seed=run_seed))
    assert alone[requests[0].sample_id] == [texts[requests[0].sample_id][2]]


def test_log_probabilities_that_are_not_wanted_are_not_told(
    engine: Any, requests: list[Request], responses: dict[str, Response]
) -> None:
    seen: list[Tokens] = []
    untold = run(engine, [replace(requests[0], observe=seen.append)], replace(GREEDY, logprobs=False))
    assert story(untold) == story({requests[0].sample_id: responses[requests[0].sample_id]})
    assert [response.answer_logprobs for response in untold.values()] == [None]
    assert not seen


def test_several_responses_of_a_bad_image_all_fail_and_greedy_ones_are_a_mistake(engine: Any) -> None:
    def unreadable() -> list[Any]:
        raise MediaError("it is cut off.")

    bad = make_request("bad", [mosaic(28, 28, 0)], open_media=unreadable, n=3)
    hot = Decoding(max_new_tokens=4, temperature=1.0)
    assert [response.error for _, response in engine.generate([bad], hot)] == ["media: it is cut off."] * 3
    with pytest.raises(UsageError, match="temperature"):
        list(engine.generate([bad], GREEDY))


def test_hf_and_vllm_agree_on_every_size_and_video(
    checkpoint: Checkpoint, requests: list[Request], responses: dict[str, Response], tokens: dict[str, Tokens]
) -> None:
    from harness.engines.hf import HfEngine

    hf = HfEngine(checkpoint, batch_size=8)
    hf.load()
    of_hf: dict[str, Tokens] = {}
    try:
        by_hf = run(hf, requests, tokens=of_hf)
    finally:
        hf.close()
    assert story(by_hf) == story(responses)
    assert_same_tokens(of_hf, tokens)
    for sample_id, response in responses.items():
        assert response.answer_logprobs == pytest.approx(by_hf[sample_id].answer_logprobs, abs=3e-4)
    assert sum(response.answer_logprobs is not None for response in responses.values()) > 20


def assert_same_tokens(some: dict[str, Tokens], others: dict[str, Tokens]) -> None:
    assert some.keys() == others.keys()
    for sample_id, tokens in some.items():
        assert tokens.ids == others[sample_id].ids
        assert tokens.logprobs == pytest.approx(others[sample_id].logprobs, abs=3e-4)


def test_a_vllm_server_behind_the_api_engine_agrees(
    engine: Any,
    checkpoint: Checkpoint,
    requests: list[Request],
    responses: dict[str, Response],
    tokens: dict[str, Tokens],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from harness.engines.api import ApiEngine

    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", str(checkpoint.folder),
        "--host", "127.0.0.1", "--port", str(port), "--served-model-name", "small",
        "--dtype", "float32", "--enforce-eager", "--max-model-len", "768", "--trust-request-mm-kwargs",
    ]  # fmt: skip
    environment = os.environ | {
        "VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_ENABLE_V1_MULTIPROCESSING": "0", "VLLM_CPU_OMP_THREADS_BIND": "nobind",
        "VLLM_NO_USAGE_STATS": "1", "OMP_NUM_THREADS": "1", "TORCHDYNAMO_DISABLE": "1",
    }  # fmt: skip
    server = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        wait_for_server(f"http://127.0.0.1:{port}/health", server)
        api = ApiEngine(Checkpoint(name="openai:small", folder=None), base_url=f"http://127.0.0.1:{port}/v1")
        api.load()
        try:
            of_api: dict[str, Tokens] = {}
            by_api = run(api, requests, tokens=of_api)
            untold = {name: replace(response, visual_tokens=None) for name, response in responses.items()}
            assert story(by_api) == story(untold)  # A server does not say how many tokens stand for pixels.
            assert_same_tokens(of_api, tokens)
            for sample_id, response in responses.items():
                assert response.answer_logprobs == pytest.approx(by_api[sample_id].answer_logprobs, abs=3e-4)
            hot = Decoding(max_new_tokens=16, temperature=1.5, seed=1)
            asked = [replace(request, n=4) for request in requests[:3]]
            assert several(api, asked, hot) == several(engine, asked, hot)
            too_long = make_request("long", [], prompt="Is there a red circle in the image? " * 200)
            assert "768" in str(run(api, [too_long])["long"].error)
        finally:
            api.close()
    finally:
        server.terminate()
        server.communicate(timeout=30)


def wait_for_server(url: str, server: subprocess.Popen[str], timeout_s: float = 240.0) -> None:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise AssertionError(f"vllm serve ended: {server.stderr.read()[-2000:] if server.stderr else ''}")
        try:
            if httpx.get(url, timeout=2, trust_env=False).is_success:
                return
        except httpx.HTTPError:
            time.sleep(0.5)
    raise AssertionError(f"vllm serve did not answer within {timeout_s} s")


def test_one_image_asked_several_times_is_opened_and_read_once_and_answered_as_if_alone(
    engine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vllm.multimodal.hasher import MultiModalHasher

    def refuse(*arguments: Any, **options: Any) -> str:
        raise AssertionError("vLLM reads all pixels of an image for each question about it")

    monkeypatch.setattr(MultiModalHasher, "hash_kwargs", refuse)
    opened = []

    def open_once() -> list[Image.Image | Video]:
        opened.append(1)
        return [mosaic(140, 112, 7)]

    shared = (Media(kind="image", source="shared.png"),)
    together = [make_request(str(number), [], number, media=shared, open_media=open_once) for number in range(6)]
    alone = [make_request(str(number), [mosaic(140, 112, 7)], number) for number in range(6)]
    assert story(run(engine, together)) == story(run(engine, alone))
    assert len(opened) == 1


def test_a_bad_sample_costs_itself(engine: Any) -> None:
    def truncated() -> list[Image.Image | Video]:
        raise MediaError("image b.png is truncated.")

    def faulty() -> list[Image.Image | Video]:
        raise ZeroDivisionError("a fault of the program")

    def picture(name: str) -> tuple[Media, ...]:
        return (Media(kind="image", source=name),)

    video = Video(frames=np.zeros((0, 28, 28, 3), dtype=np.uint8), fps=1.0, indices=(), total_frames=1, duration_s=1.0)
    responses = run(
        engine,
        [
            make_request("truncated", [], media=picture("truncated.png"), open_media=truncated),
            make_request("faulty", [], media=picture("faulty.png"), open_media=faulty),
            make_request("missing", [], media=picture("missing.png")),
            make_request("long", [], prompt="Is there a red circle in the image? " * 200),
            make_request("thin", [mosaic(4, 3000, 1)]),
            make_request("no frames", [video]),
            make_request("done", [], finished=True),
            make_request("good", [mosaic(84, 84, 1)]),
        ],
    )
    errors = {sample_id: response.error for sample_id, response in responses.items()}
    assert errors.pop("good") is None
    assert errors.keys() == {"truncated", "faulty", "missing", "long", "thin", "no frames"}
    assert errors["truncated"] == "media: image b.png is truncated."
    assert errors["faulty"] == "ZeroDivisionError: a fault of the program"
    assert errors["missing"] == "media: sample 'missing' names 1 media, 0 were opened."
    assert "768" in str(errors["long"])
    assert "200" in str(errors["thin"])
    assert errors["no frames"]
    assert all(responses[sample_id].text == "" for sample_id in errors)


def test_the_budget_is_the_request_s_own_where_it_has_one(engine: Any) -> None:
    picture = mosaic(84, 84, 2)
    responses = run(engine, [make_request("short", [picture], max_new_tokens=3), make_request("full", [picture])])
    assert (responses["short"].completion_tokens, responses["short"].finish_reason) == (3, "length")
    assert responses["full"].text.startswith(responses["short"].text)
    assert (responses["full"].completion_tokens or 0) > 3


def test_samples_drawn_depend_on_the_seed_and_not_on_the_order(engine: Any) -> None:
    requests = [make_request(str(number), [mosaic(84, 84, number)], number) for number in range(8)]
    hot = Decoding(max_new_tokens=24, temperature=1.5, top_p=0.95, seed=1)
    first = story(run(engine, requests, hot))
    assert story(run(engine, requests[::-1], hot)) == first
    other = Decoding(max_new_tokens=24, temperature=1.5, top_p=0.95, seed=2)
    assert story(run(engine, requests, other)) != first


def test_a_run_that_is_left_early_leaves_nothing_under_way(engine: Any) -> None:
    requests = [make_request(str(number), [mosaic(84, 84, number)], number) for number in range(40)]
    stream = engine.generate(iter(requests), GREEDY)
    next(stream)
    stream.close()
    assert len(run(engine, requests[:3])) == 3


def test_max_pixels_is_a_setting_of_the_run(checkpoint: Checkpoint) -> None:
    from harness.engines.vllm import VllmEngine

    small = VllmEngine(checkpoint, max_pixels=84 * 84)
    assert small.describe()["max_pixels"] == 84 * 84
    assert small.describe() != VllmEngine(checkpoint).describe()


@pytest.mark.parametrize("max_pixels", [112 * 112, 28 * 28])
def test_max_pixels_caps_as_in_hf_also_below_the_smallest_size_of_the_processor(
    engine: Any, checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch, max_pixels: int
) -> None:
    from harness.engines.hf import HfEngine

    frames = np.stack([np.asarray(mosaic(40, 30, number)) for number in range(4)])
    video = Video(frames=frames, fps=2.0, indices=(0, 1, 2, 3), total_frames=4, duration_s=2.0)
    photo = mosaic(640, 480, 1)
    asked = [make_request("photo", [photo]), make_request("video", [video]), make_request("both", [photo, video])]
    free = run(engine, asked)
    monkeypatch.setattr(engine, "_max_pixels", max_pixels)
    capped = run(engine, asked)
    assert all(free[key].prompt_tokens > capped[key].prompt_tokens for key in ("photo", "both"))
    assert (free["video"].prompt_tokens > capped["video"].prompt_tokens) is (max_pixels < 56 * 56)
    hf = HfEngine(checkpoint, batch_size=1, max_pixels=max_pixels)
    hf.load()
    assert story(run(hf, asked)) == story(capped)
    hf.close()


def test_memory_is_kept_for_the_cap_where_it_does_not_depend_on_the_frames(
    engine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers import Qwen3VLVideoProcessor

    assert "mm_processor_kwargs" not in engine._arguments("cpu", "float32")
    monkeypatch.setattr(engine, "_max_pixels", 3136)
    assert engine._arguments("cpu", "float32")["mm_processor_kwargs"] == {"max_pixels": 3136}
    whole = SimpleNamespace(video_processor=Qwen3VLVideoProcessor(cap_pixels_per_frame=False))
    monkeypatch.setattr(engine, "_processor", whole)
    assert "mm_processor_kwargs" not in engine._arguments("cpu", "float32")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dtype": "int8"}, "dtype 'int8' does not exist"),
        ({"max_model_len": 0}, "--max-model-len 0"),
        ({"tensor_parallel": -1}, "--tensor-parallel -1"),
        ({"pipeline_parallel": 0}, "--pipeline-parallel 0"),
        ({"distributed_executor": "slurm"}, "--distributed-executor 'slurm' does not exist"),
        ({"gpu_memory_utilization": 1.5}, "--gpu-memory-utilization 1.5"),
        ({"quantization": "int3"}, "--quantization 'int3' does not exist for the engine 'vllm'. Choose one of: .*fp8"),
        ({"engine_args": {"trust_remote_code": True}}, "--engine-arg trust_remote_code: .*Use --trust-remote-code"),
        ({"engine_args": {"max_num_batched_tokens": 1, "hf_token": "x"}}, "--engine-arg hf_token: .*Set HF_TOKEN"),
    ],
)
def test_settings_out_of_range_are_refused(checkpoint: Checkpoint, options: dict[str, Any], message: str) -> None:
    from harness.engines.vllm import VllmEngine

    with pytest.raises(UsageError, match=message):
        VllmEngine(checkpoint, **options)


def test_how_a_copy_is_divided_is_told_to_vllm_and_recorded(
    checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    from harness.engines import vllm, vllm_arguments

    monkeypatch.setattr(vllm_arguments, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match="needs the package 'ray'"):
        vllm.VllmEngine(checkpoint, distributed_executor="ray")
    monkeypatch.setattr(vllm_arguments, "find_spec", lambda name: object())
    divided = vllm.VllmEngine(checkpoint, tensor_parallel=4, pipeline_parallel=2, distributed_executor="ray")
    told = divided._arguments("cuda", "bfloat16")
    assert (told["tensor_parallel_size"], told["pipeline_parallel_size"]) == (4, 2)
    assert told["distributed_executor_backend"] == "ray"
    from vllm.engine.arg_utils import AsyncEngineArgs

    AsyncEngineArgs(model=str(checkpoint.folder), **told)  # It knows all of these names.
    assert divided.describe() == vllm.VllmEngine(checkpoint).describe() | {"tensor_parallel": 4, "pipeline_parallel": 2}


def test_an_argument_that_vllm_does_not_know_is_named(checkpoint: Checkpoint) -> None:
    from harness.engines.vllm import VllmEngine

    with pytest.raises(UsageError, match="no_such_argument"):
        VllmEngine(checkpoint, engine_args={"no_such_argument": 1}).load()


def test_a_model_that_vllm_does_not_support_names_the_engine_that_might(tmp_path: Path, checkpoint: Checkpoint) -> None:
    from harness.engines.vllm import VllmEngine

    folder = tmp_path / "odd"
    shutil.copytree(str(checkpoint.folder), folder)
    config = json.loads((folder / "config.json").read_text())
    config["architectures"] = ["NobodyKnowsForConditionalGeneration"]
    config["model_type"] = "nobody_knows"
    (folder / "config.json").write_text(json.dumps(config))
    odd = VllmEngine(Checkpoint(name="odd", folder=folder))
    with pytest.raises(ModelError, match=r"'odd' cannot be loaded by the engine 'vllm': .* --engine hf"):
        odd.load()
    assert not [thread for thread in threading.enumerate() if thread.name == "vllm-loop" and thread.is_alive()][1:]


def test_a_checkpoint_without_files_is_refused() -> None:
    from harness.engines.vllm import VllmEngine

    with pytest.raises(ModelError, match="has no files"):
        VllmEngine(Checkpoint(name="openai:gpt", folder=None))


def test_the_lmms_eval_model_answers_as_the_engine_does(engine: Any) -> None:
    from lmms_eval.models.registry_v2 import ModelRegistryV2

    from harness.lmms.manifests import MANIFESTS
    from harness.lmms.model import HarnessVllm, answer

    registry = ModelRegistryV2()
    registry.register_manifest(MANIFESTS[0])
    assert registry.get_model_class("harness_vllm") is HarnessVllm

    pictures = [mosaic(140, 112, number) for number in range(4)]
    question = make_request("0", []).prompt

    def to_messages(document: dict[str, Any]) -> list[dict[str, Any]]:
        content = [{"type": "image", "url": document["picture"]}, {"type": "text", "text": question}]
        return [{"role": "user", "content": content}]

    documents = {"bench": {"test": [{"picture": picture} for picture in [*pictures, b"no picture"]]}}
    settings = {"max_new_tokens": 48, "temperature": 0, "do_sample": False, "until": []}
    instances = [
        SimpleNamespace(arguments=("", to_messages, settings, number, "bench", "test")) for number in (4, 3, 2, 1, 0)
    ]
    results = answer(engine, instances, documents, 8)
    alone = run(engine, [make_request(str(number), [picture]) for number, picture in enumerate(pictures)])
    assert [result.text for result in results] == ["", *(alone[str(number)].text for number in (3, 2, 1, 0))]
    assert results[1].token_counts.output_tokens == alone["3"].completion_tokens


def test_media_stand_where_a_conversation_puts_them(engine: Any) -> None:
    from harness.core.prompts import instruction
    from harness.lmms.model import answer

    parts = ("Is there", " a red circle", f" in the image?\n{instruction('grounded', 'yes_no')}")

    def to_messages(document: dict[str, Any]) -> list[dict[str, Any]]:
        text = [{"type": "text", "text": part} for part in parts]
        image = {"type": "image", "url": mosaic(84, 84, 3)}
        return [{"role": "user", "content": [text[0], image, text[1], image, text[2]]}]

    instance = SimpleNamespace(arguments=("", to_messages, None, 0, "bench", "test"))
    (result,) = answer(engine, [instance], {"bench": {"test": [{}]}}, 8)
    both = run(engine, [make_request("both", [mosaic(84, 84, 3)] * 2, prompt="".join(parts))])["both"]
    assert result.token_counts.input_tokens == both.prompt_tokens
    assert result.text != both.text


def test_a_killed_engine_ends_the_run_after_what_was_finished(engine: Any) -> None:
    """Last of the tests that use the module's engine, which it kills."""
    requests = [make_request(str(number), [mosaic(84, 84, number)], number) for number in range(400)]
    stream = engine.generate(iter(requests), GREEDY)
    finished = [next(stream) for _ in range(5)]
    (core,) = multiprocessing.active_children()
    os.kill(core.pid or 0, signal.SIGKILL)
    start = time.monotonic()
    with pytest.raises(EngineError, match=r"vLLM died: .*Finished samples are stored"):
        finished += list(stream)
    assert time.monotonic() - start < 20
    assert all(response.error is None for _, response in finished)
    engine.close()
    engine.close()
    assert not multiprocessing.active_children()
    assert not [thread for thread in threading.enumerate() if thread.name == "vllm-loop"]
    with pytest.raises(EngineError, match="not loaded"):
        next(engine.generate([], GREEDY))


def test_sampling_parameters_are_those_of_the_decoding() -> None:
    from harness.engines.vllm_requests import sampling_parameters

    request = make_request("a", [], 0)
    hot = sampling_parameters(request, Decoding(max_new_tokens=4, temperature=0.5, top_k=7, repetition_penalty=1.2))
    assert (hot.top_k, hot.repetition_penalty) == (7, 1.2)
    greedy = sampling_parameters(request, Decoding(max_new_tokens=4, top_k=7))
    assert (greedy.top_k, greedy.repetition_penalty) == (0, 1.0)
