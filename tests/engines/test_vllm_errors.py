"""Why vLLM cannot load a checkpoint is told: what its processes logged, and what to do."""

from __future__ import annotations

import importlib
import logging
import os
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import pytest
from support_families import build

from harness.core.errors import MediaError, ModelError
from harness.engines import vllm_platform
from harness.engines.checkpoints import Checkpoint, resolve_checkpoint
from harness.engines.preparation import Opened
from harness.engines.vllm_errors import ErrorLog, OneLine, advice
from harness.engines.vllm_requests import check_videos

needs_vllm = pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="needs vLLM")
loads = pytest.mark.filterwarnings("ignore")  # vLLM's own, and its leftovers.


def record(error: BaseException | None) -> logging.LogRecord:
    info = None if error is None else (type(error), error, None)
    return logging.LogRecord("vllm", logging.ERROR, "f.py", 1, "EngineCore failed to start.", None, info)


def test_a_logged_error_is_its_first_cause_on_one_line() -> None:
    first = ValueError("To serve at least one request,\n  1 GiB is needed.")
    second = RuntimeError("failed")
    second.__cause__ = first
    assert OneLine().format(record(second)) == "To serve at least one request, 1 GiB is needed. (failed)"
    assert OneLine().format(record(None)) == ""


@pytest.mark.parametrize(
    ("cause", "what"),
    [
        ("No module named 'mamba_ssm'", "pip install mamba_ssm"),
        ("CUDA out of memory. Tried to allocate 2 GiB", "--gpu-memory-utilization"),
        ("To serve at least one request with the models's max seq len (32768), 4 GiB is needed", "--max-model-len"),
        ("Engine core initialization failed. Failed core proc(s): {'EngineCore_DP0': -9}", "--tensor-parallel"),
        ("Model architectures ['Odd'] are not supported for now.", "--engine hf"),
    ],
)
def test_what_to_do_follows_from_the_cause(cause: str, what: str) -> None:
    assert what in advice(cause)


def test_a_user_s_own_logging_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VLLM_CONFIGURE_LOGGING", "0")
    log = ErrorLog()
    with log.start():
        assert "VLLM_LOGGING_CONFIG_PATH" not in os.environ
    assert log.cause(RuntimeError("Engine core initialization failed.")) == "Engine core initialization failed."


@needs_vllm
def test_processes_that_may_be_on_other_machines_are_left_alone() -> None:
    with ErrorLog().start(several_machines=True):
        assert "VLLM_LOGGING_CONFIG_PATH" not in os.environ
    with ErrorLog().start():
        assert Path(os.environ["VLLM_LOGGING_CONFIG_PATH"]).is_file()
    assert "VLLM_LOGGING_CONFIG_PATH" not in os.environ


def small(folder: Path) -> Checkpoint:
    return resolve_checkpoint(str(build("qwen2_vl", folder)))


@loads
@needs_vllm
def test_a_length_that_the_model_has_not_and_a_transformers_that_vllm_does_not_know(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from harness.engines import vllm

    monkeypatch.setattr(
        vllm, "unpaired", lambda: ("vllm 1 wants transformers <5.20", "pip install 'transformers<5.20'")
    )
    with pytest.raises(ModelError, match=r"engine 'vllm': .*max_model_len \(99999\).*32768"):
        vllm.VllmEngine(small(tmp_path / "model"), max_model_len=99999).load()
    (warning,) = [line for line in capfd.readouterr().err.splitlines() if line.startswith("warning: vllm 1 wants")]
    assert warning.endswith("pip install 'transformers<5.20'")


@loads
@needs_vllm
def test_a_family_whose_attention_vllm_has_not_on_cpu_is_refused(tmp_path: Path) -> None:
    from vllm.platforms import current_platform

    from harness.engines.vllm import VllmEngine

    if not current_platform.is_cpu():
        pytest.skip("vLLM has this attention on GPUs")
    checkpoint = resolve_checkpoint(str(build("gemma3", tmp_path / "model")))
    with pytest.raises(ModelError, match=r"see each other, which vLLM does not compute on CPU.*--engine hf"):
        VllmEngine(checkpoint, max_model_len=768).load()


@loads
@needs_vllm
def test_weights_under_names_that_vllm_does_not_know(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    from harness.engines.vllm import VllmEngine

    checkpoint = small(tmp_path / "model")
    assert checkpoint.folder is not None
    file = checkpoint.folder / "model.safetensors"
    weights = load_file(file)
    weights["visual.odd.weight"] = weights.pop("visual.patch_embed.proj.weight")
    save_file(weights, file, metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"engine 'vllm': .*odd.* --engine hf"):
        VllmEngine(checkpoint, max_model_len=768).load()


@loads
@needs_vllm
def test_a_checkpoint_without_processor_is_refused_before_vllm_starts(tmp_path: Path) -> None:
    from harness.engines.vllm import VllmEngine

    checkpoint = small(tmp_path / "model")
    assert checkpoint.folder is not None
    for name in ("processor_config.json", "preprocessor_config.json"):
        (checkpoint.folder / name).unlink(missing_ok=True)
    with pytest.raises(ModelError, match=r"the processor of model .* cannot be loaded"):
        VllmEngine(checkpoint, max_model_len=768).load()


@loads
@needs_vllm
def test_an_adapter_that_does_not_fit_is_refused_before_anything_is_asked(tmp_path: Path) -> None:
    import torch
    from peft import LoraConfig, get_peft_model

    from harness.engines.vllm import VllmEngine
    from harness.engines.weights import load_model

    checkpoint = small(tmp_path / "model")
    settings = LoraConfig(r=4, lora_alpha=8, target_modules=r".*language_model.*q_proj")
    adapter = tmp_path / "adapter"
    get_peft_model(load_model(checkpoint, dtype=torch.float32), settings).save_pretrained(adapter)
    from safetensors.torch import load_file, save_file

    file = adapter / "adapter_model.safetensors"
    save_file({name.replace("q_proj", "odd_proj"): value for name, value in load_file(file).items()}, file)
    with pytest.raises(ModelError, match=r"vLLM does not take the adapter .*expected target modules.*harness merge"):
        VllmEngine(resolve_checkpoint(str(adapter)), max_model_len=768).load()


def installed(monkeypatch: pytest.MonkeyPatch, *requires: str, transformers: str) -> None:
    vllm = SimpleNamespace(name="vllm", version="0.99", requires=list(requires))
    monkeypatch.setattr(vllm_platform, "_distribution", lambda: vllm)
    monkeypatch.setattr(metadata, "version", lambda _: transformers)


def test_a_transformers_that_vllm_was_not_made_for_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    wants = ("torch==2.13.0", "transformers<5.20.0,>=5.16.1", 'transformers<5; extra == "old"')
    installed(monkeypatch, *wants, transformers="5.23.0")
    assert vllm_platform.unpaired() == (
        "vllm 0.99 wants transformers <5.20.0,>=5.16.1, and 5.23.0 is installed",
        "pip install 'transformers<5.20.0,>=5.16.1'",
    )
    installed(monkeypatch, *wants, transformers="5.19.0")
    assert vllm_platform.unpaired() is None
    installed(monkeypatch, "torch==2.13.0", transformers="5.23.0")
    assert vllm_platform.unpaired() is None


def test_on_cpu_what_vllm_starts_compiles_nothing_unless_it_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    def told(*given: object) -> str | None:
        with vllm_platform.uncompiled(*given):  # type: ignore[arg-type]
            return os.environ.get("TORCHDYNAMO_DISABLE")

    monkeypatch.delenv("TORCHDYNAMO_DISABLE", raising=False)
    assert [told("cpu", {}), told("cpu", {"enforce_eager": False}), told("cuda", {})] == ["1", None, None]
    assert "TORCHDYNAMO_DISABLE" not in os.environ
    monkeypatch.setenv("TORCHDYNAMO_DISABLE", "0")
    assert told("cpu", {}) == "0"


def test_videos_of_which_vllm_computes_something_else_are_an_error_of_their_samples() -> None:
    videos, images = (Opened(images=[], videos=[None] * count, shown=()) for count in (1, 0))
    with pytest.raises(MediaError, match=r"video_llama_3 does\. Use --video-as frames"):
        check_videos("video_llama_3", videos)
    check_videos("video_llama_3", images)
    check_videos("qwen2_5_vl", videos)
