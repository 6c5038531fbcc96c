"""`harness doctor --engines`: engines that agree are said to, and one that deviates is reported with where and how."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from harness.cli import main
from harness.core.errors import AGAIN, EngineError
from harness.core.types import Response
from harness.doctor import engines as doctor_engines
from harness.doctor.cases import make_cases
from harness.doctor.comparing import Told, compare
from harness.doctor.engines import Answered, Runner, ask_all
from harness.doctor.seeing import greyed_cases
from harness.engines import model_fixes
from harness.engines.checkpoints import resolve_checkpoint
from harness.media.videos import Video

HF = Runner(label="hf", engine="hf", options={"device": "cpu", "dtype": "float32", "batch_size": 8})


@pytest.fixture(scope="module")
def told() -> Mapping[str, Told]:
    """The demo checkpoint's answers by `hf` in float32."""
    return ask_all(resolve_checkpoint("demo"), [HF], make_cases())[0]["hf"].told


def test_the_cases_are_the_same_every_time_and_of_many_kinds() -> None:
    first, second = make_cases(), make_cases()
    names = [case.sample_id for case in first]
    assert len(set(names)) == len(names)
    assert {"20x20", "1280x720", "a turned photo", "two images", "text alone", "a video of 100 s"} <= set(names)
    for one, other in zip(first, second, strict=True):
        opened = one.open_media()
        assert len(opened) == len(one.media)
        for mine, its in zip(opened, other.open_media(), strict=True):
            pixels = [item.frames if isinstance(item, Video) else np.asarray(item) for item in (mine, its)]
            assert np.array_equal(*pixels)
    # Stored 300 wide and 120 high, lying on its side.
    turned = first[names.index("a turned photo")].open_media()[0]
    assert not isinstance(turned, Video)
    assert turned.size == (120, 300)


def test_positions_after_videos_that_are_not_corrected_are_found(
    told: Mapping[str, Told], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_fixes, "fix_mrope", lambda model: None)
    others = ask_all(resolve_checkpoint("demo"), [HF], make_cases())[0]["hf"].told
    found = compare(("right", "wrong"), told, others, tolerance=1e-3)
    assert not found.equal
    assert {item.case for item in found.differences} <= {name for name in told if "video" in name}
    assert "a video of 100 s" in {item.case for item in found.differences}


def test_another_precision_is_found(told: Mapping[str, Told]) -> None:
    coarse = Runner(label="coarse", engine="hf", options={**HF.options, "dtype": "bfloat16"})
    others = ask_all(resolve_checkpoint("demo"), [coarse], make_cases())[0]["coarse"].told
    found = compare(("fine", "coarse"), told, others, tolerance=1e-3)
    assert not found.equal
    assert found.logprob_difference is not None
    assert found.logprob_difference > 1e-3


def test_the_command_on_the_demo_without_vllm(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(doctor_engines, "find_spec", lambda name: None)
    assert main(["doctor", "--engines", "demo", "--device", "cpu", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["equal"]
    assert found["distinct_texts"] > 20
    (comparison,) = found["comparisons"]
    assert comparison["engines"] == ["hf", "hf one by one"]
    assert comparison["equal_texts"] == comparison["cases"] == len(make_cases())
    assert comparison["logprob_difference"] < 1e-3
    assert found["seen"].keys() == {"hf", "hf one by one"}
    for seen in found["seen"].values():
        assert (seen["media"], seen["moved"], seen["unseen"], seen["video_as"]) == (27, 27, {}, "native")


def test_a_difference_is_shown_and_the_exit_code_is_1(
    told: Mapping[str, Told], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    case = "a turned photo"
    text = told[case].response.text.replace("answer", "no", 1)
    changed = {**told, case: Told(response=Response(sample_id=case, text=text), tokens=None)}
    greyed = {item.request.sample_id: Told(response=Response(sample_id="x", text="?"), tokens=None)
              for item in greyed_cases(make_cases())}  # fmt: skip
    answers = {name: Answered({**of_one, **greyed}, None) for name, of_one in (("hf", told), ("api", changed))}
    unusable = {"vllm": "it is not known to vLLM."}
    monkeypatch.setattr(doctor_engines, "ask_all", lambda *_: (answers, unusable))
    assert main(["doctor", "--engines", "demo", "--device", "cpu"]) == 1
    out = capsys.readouterr().out
    assert f"{len(told) - 1} of {len(told)}" in out
    assert "NO" in out
    assert case in out
    assert "vllm left out: it is not known to vLLM." in out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--tolerance", "0.1"], "--tolerance goes with --engines"),
        (["--engines", "demo", "--tolerance", "-1"], "below 0"),
        (["--engines", "demo", "--dtype", "int3"], "dtype 'int3'"),
        (["--engines", "no/such/folder"], "no/such/folder"),
    ],
)
def test_mistakes(
    arguments: list[str], says: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(doctor_engines, "find_spec", lambda name: None)
    assert main(["doctor", *arguments]) == 2
    assert says in capsys.readouterr().err


def test_an_engine_that_dies_is_not_said_to_have_stored_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    def die(*_: object) -> None:
        raise EngineError(f"vLLM died: no kernel. {AGAIN} If memory was short, lower --max-pixels.")

    dying = SimpleNamespace(load=die, close=lambda: None)
    monkeypatch.setattr(doctor_engines, "make_engine", lambda *_: dying)
    unusable = ask_all(resolve_checkpoint("demo"), [HF], make_cases())[1]
    assert unusable == {HF.label: "vLLM died: no kernel. If memory was short, lower --max-pixels."}
    with pytest.raises(EngineError, match=r"^vLLM died: no kernel\. If memory"):
        ask_all(resolve_checkpoint("demo"), [replace(HF, model="openai:m")], make_cases())


def test_a_server_that_is_not_there_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(doctor_engines, "find_spec", lambda name: None)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    assert main(["doctor", "--engines", "demo", "--device", "cpu", "--base-url", "http://127.0.0.1:9/v1"]) == 2
    assert "http://127.0.0.1:9/v1" in capsys.readouterr().err


@pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="vllm is not installed")
def test_vllm_and_hf_agree_on_the_demo() -> None:
    # In a process of its own, whose end takes vLLM's with it.
    done = subprocess.run(
        [sys.executable, "-m", "harness", "doctor", "--engines", "demo", "--json"],
        env={**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout)
    assert [comparison["engines"] for comparison in found["comparisons"]][:2] == [
        ["vllm", "hf"], ["vllm", "hf one by one"],
    ]  # fmt: skip
    assert found["equal"]
