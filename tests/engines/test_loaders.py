"""Which models are loaded, and by what; code that comes with one is run where it is trusted, and nowhere else."""

from __future__ import annotations

import builtins
import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NoReturn

import pytest
import torch
from safetensors.torch import load_file, save_file
from support_families import build
from support_own_code import change_json, with_own_code

from harness.cli import main
from harness.core.errors import ModelError, UsageError
from harness.core.worlds import shipped_checkpoints
from harness.doctor.cases import make_cases
from harness.engines import Decoding, make_engine
from harness.engines.checkpoints import resolve_checkpoint
from harness.engines.inputs import load_processor
from harness.engines.weights import load_model
from harness.evaluation.plan import make_plan
from harness.evaluation.ranks import Ranks
from harness.evaluation.settings import EvalConfig


@pytest.fixture(autouse=True)
def no_question(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nobody is asked whether to run code, and none is kept outside of the test's folder."""

    def ask(*_: object) -> NoReturn:
        raise AssertionError("a question was asked")

    monkeypatch.setattr(builtins, "input", ask)
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path / "modules"))


@pytest.fixture
def mark(tmp_path: Path) -> Path:
    return tmp_path / "mark"


@pytest.fixture
def own(tmp_path: Path, mark: Path) -> Path:
    """A checkpoint with code of its own."""
    return with_own_code(tmp_path / "own", mark)


def evaluation(folder: Path, *more: str) -> list[str]:
    """A command that asks a checkpoint little."""
    asked = ["--tasks", "pope", "--data", "demo", "--engine", "hf", "--limit", "2", "--max-new-tokens", "4"]
    return ["eval", "--model", str(folder), *asked, "--out", str(folder.parent / "run"), *more]


def refused(*command: str, capsys: pytest.CaptureFixture[str]) -> str:
    """The one line that a command ends with."""
    capsys.readouterr()
    assert main(command) == 2
    *_, line = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    return line


# Code that comes with a checkpoint -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command",
    [
        ["eval", "--model", "{}", "--tasks", "pope", "--data", "demo", "--engine", "hf"],
        ["eval", "--model", "{}", "--tasks", "pope", "--data", "demo", "--engine", "vllm"],
        ["eval", "--model", "demo", "--tasks", "pope", "--data", "demo", "--judge", "hf:{}"],
        ["doctor", "--engines", "{}"],
        ["train", "demo/sft", "--dry-run", "model={}"],
    ],
)
def test_code_that_comes_with_a_checkpoint_is_not_run_unasked(
    own: Path, mark: Path, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    line = refused(*(part.format(own) for part in command), capsys=capsys)
    assert "needs Python code of its own" in line
    assert "add --trust-remote-code" in line
    assert not mark.exists()


@pytest.mark.parametrize("auto_class", ["AutoModelForCausalLM", "AutoModel", "AutoModelForImageTextToText"])
def test_code_that_is_trusted_is_run_and_the_run_says_so(
    tmp_path: Path, mark: Path, auto_class: str, capsys: pytest.CaptureFixture[str]
) -> None:
    own = with_own_code(tmp_path / auto_class, mark, auto_class=auto_class)
    assert main(evaluation(own, "--trust-remote-code", "--json")) == 0
    assert mark.read_text() == "own\n"
    run = json.loads(capsys.readouterr().out)
    assert run["tasks"]["pope"]["samples"] >= 2
    assert run["settings"]["engine_settings"]["trust_remote_code"] is True
    folder = tmp_path / "run"
    assert "trust_remote_code True" in (folder / "report.md").read_text().replace("\\", "")
    assert json.loads((folder / "config.json").read_text())["settings"] == run["settings"]
    assert "needs Python code of its own" in refused(*evaluation(own), capsys=capsys)


def test_a_model_of_transformers_with_a_processor_of_its_own(
    tmp_path: Path, mark: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = with_own_code(tmp_path / "own", mark, kind="llava")
    assert "needs Python code of its own" in refused(*evaluation(own), capsys=capsys)
    assert not mark.exists()


def test_what_its_own_code_fails_with_is_told(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (own / "own.py").open("a") as file:
        file.write("\nnot_there()\n")
    line = refused(*evaluation(own, "--trust-remote-code"), capsys=capsys)
    assert "which runs its own code" in line
    assert "name 'not_there' is not defined" in line


def test_a_server_is_not_told_whom_to_trust(capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["--model", "openai:x", "--base-url", "http://127.0.0.1:1/v1", "--tasks", "pope", "--data", "demo"]
    assert "a server decides for itself" in refused("eval", *asked, "--trust-remote-code", capsys=capsys)


def test_the_trained_model_carries_its_code_along(own: Path, mark: Path, tmp_path: Path) -> None:
    checkpoint = resolve_checkpoint(str(own), trust_remote_code=True, sees=True)
    load_model(checkpoint).save_pretrained(tmp_path / "saved")
    load_processor(checkpoint).save_pretrained(tmp_path / "saved")
    again = resolve_checkpoint(str(tmp_path / "saved"), trust_remote_code=True, sees=True)
    engine = make_engine("hf", again, {"device": "cpu"})
    engine.load()
    (case, *_) = make_cases()
    ((_, response),) = engine.generate([case], Decoding(max_new_tokens=3))
    engine.close()
    assert response.error is None
    with pytest.raises(ModelError, match="needs Python code of its own"):
        resolve_checkpoint(str(tmp_path / "saved"))


# What cannot be asked ------------------------------------------------------------------------------------------------


@pytest.fixture
def llava(tmp_path: Path) -> Path:
    return build("llava", tmp_path / "llava")


@pytest.fixture
def unread(monkeypatch: pytest.MonkeyPatch) -> None:
    """No file of weights may be read."""

    def read(*_: object) -> NoReturn:
        raise AssertionError("weights were read")

    monkeypatch.setattr("harness.engines.checkpoints._digest", read)
    monkeypatch.setattr("harness.engines.weights.check_files", read)


def without(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).unlink()


@pytest.mark.usefixtures("unread")
def test_a_text_only_model_can_be_a_judge_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    judge = shipped_checkpoints()["demo-judge"]
    line = refused(*evaluation(judge)[:-2], "--out", str(tmp_path / "run"), capsys=capsys)
    assert "is a text-only model, which cannot be asked about images" in line
    assert f"--judge hf:{judge}" in line
    assert "text-only model" in refused("doctor", "--engines", str(judge), capsys=capsys)


def test_a_text_only_model_is_still_a_judge() -> None:
    checkpoint = resolve_checkpoint("demo-judge")
    assert type(load_model(checkpoint, text_only=True)).__name__ == "Qwen2ForCausalLM"


@pytest.mark.usefixtures("unread")
def test_a_model_without_processor_files_says_which_to_fetch(llava: Path, capsys: pytest.CaptureFixture[str]) -> None:
    without(llava, "processor_config.json")
    line = refused(*evaluation(llava), capsys=capsys)
    assert "has no processor: neither processor_config.json nor preprocessor_config.json" in line


@pytest.mark.usefixtures("unread")
def test_a_model_without_chat_template_says_what_to_put_there(llava: Path, capsys: pytest.CaptureFixture[str]) -> None:
    without(llava, "chat_template.jinja")
    assert "has no chat template" in refused(*evaluation(llava), capsys=capsys)


def test_a_template_beside_the_tokenizer_is_found(llava: Path) -> None:
    template = (llava / "chat_template.jinja").read_text()
    without(llava, "chat_template.jinja")
    change_json(llava / "tokenizer_config.json", chat_template=template)
    assert load_processor(resolve_checkpoint(str(llava), sees=True)).chat_template == template


@pytest.mark.parametrize(
    "template", ["{{ messages[0]['content'] }}", "{% for message in messages %}{{ message['role'] }}{% endfor %}"]
)
def test_prompts_that_are_made_in_a_way_of_their_own_are_for_vllm(
    llava: Path, template: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (llava / "chat_template.jinja").write_text(template)
    line = refused(*evaluation(llava), capsys=capsys)
    assert "has no place for images" in line
    assert "vllm serve" in line


def test_own_code_without_a_processor_is_for_vllm(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("processor_config.json", "tokenizer_config.json"):
        change_json(own / name, processor_class=None, auto_map={})
    without(own, "processor_config.json")
    line = refused(*evaluation(own, "--trust-remote-code"), capsys=capsys)
    assert "without an image processor" in line
    assert "vllm serve" in line


# Models that speak ---------------------------------------------------------------------------------------------------


def test_of_a_model_that_speaks_the_part_that_writes_is_loaded(tmp_path: Path) -> None:
    folder = build("qwen2_5_omni", tmp_path / "omni")
    change_json(folder / "config.json", enable_audio_output=True)
    weights = {f"thinker.{name}": weight for name, weight in load_file(folder / "model.safetensors").items()}
    spoken = {"talker.codec_head.weight": torch.ones(3, 3), "token2wav.x.weight": torch.ones(3)}
    save_file(weights | spoken, folder / "model.safetensors", metadata={"format": "pt"})
    model = load_model(resolve_checkpoint(str(folder), sees=True))
    assert type(model).__name__ == "Qwen2_5OmniThinkerForConditionalGeneration"
    save_file(weights | {"thinker.x.weight": torch.ones(3)}, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"have no place in it.*x\.weight"):
        load_model(resolve_checkpoint(str(folder), sees=True))


# Quantised weights, and models that are spread -----------------------------------------------------------------------


def texts(folder: Path, **options: Any) -> list[str]:
    """What a checkpoint says to two questions."""
    device = {} if "device_map" in options else {"device": "cpu"}
    engine = make_engine("hf", resolve_checkpoint(str(folder), sees=True), {**device, **options})
    engine.load()
    told = dict(engine.generate(make_cases()[:2], Decoding(max_new_tokens=4)))
    engine.close()
    assert [response.error for response in told.values()] == [None, None]
    return [response.text for response in told.values()]


@pytest.fixture
def qwen(tmp_path: Path) -> Path:
    return build("qwen2_5_vl", tmp_path / "qwen")


def rounded(folder: Path, method: str) -> None:
    """Store the language model's matrices in 8 bits: FP8 in blocks of 32 x 32, or integers, a scale a row."""
    stored: dict[str, torch.Tensor] = {}
    for name, weight in load_file(folder / "model.safetensors").items():
        if weight.dim() != 2 or "model.layers" not in name:
            stored[name] = weight
        elif method == "fp8":
            blocks = weight.reshape(weight.shape[0] // 32, 32, weight.shape[1] // 32, 32)
            scales = blocks.abs().amax((1, 3)) / 448
            small = (blocks / scales[:, None, :, None]).reshape(weight.shape)
            stored |= {name: small.to(torch.float8_e4m3fn), f"{name}_scale_inv": scales}
        else:
            scales = weight.abs().amax(1, keepdim=True) / 127
            stored |= {name: (weight / scales).round().to(torch.int8), f"{name}_scale": scales}
    save_file(stored, folder / "model.safetensors", metadata={"format": "pt"})
    eight = {"num_bits": 8, "type": "int", "symmetric": True}
    scheme = {
        "targets": ["Linear"],
        "weights": {**eight, "strategy": "channel", "dynamic": False},
        "input_activations": {**eight, "strategy": "token", "dynamic": True},
        "format": "int-quantized",
    }
    methods = {
        "fp8": {
            "activation_scheme": "dynamic",
            "weight_block_size": [32, 32],
            "modules_to_not_convert": ["visual", "lm_head"],
        },
        "compressed-tensors": {
            "config_groups": {"group_0": scheme},
            "format": "int-quantized",
            "ignore": ["lm_head", "re:.*visual.*"],
            "quantization_status": "compressed",
        },
    }
    change_json(folder / "config.json", quantization_config={"quant_method": method, **methods[method]})


@pytest.mark.parametrize(("method", "scale"), [("fp8", "weight_scale_inv"), ("compressed-tensors", "weight_scale")])
def test_a_quantised_checkpoint_is_loaded_and_must_be_whole(qwen: Path, method: str, scale: str) -> None:
    if method == "compressed-tensors":
        pytest.importorskip("compressed_tensors", reason="compressed-tensors is not installed")
    whole = texts(qwen)
    rounded(qwen, method)
    assert [text[:1] for text in texts(qwen)] == [text[:1] for text in whole]
    weights = load_file(qwen / "model.safetensors")
    lost = next(name for name in sorted(weights) if name.endswith(f"mlp.up_proj.{scale}"))
    save_file({name: value for name, value in weights.items() if name != lost}, qwen / "model.safetensors",
              metadata={"format": "pt"})  # fmt: skip
    with pytest.raises(ModelError, match=r"mlp\.up_proj|CONVERSION"):
        texts(qwen)


@pytest.mark.parametrize(
    ("method", "package"),
    [
        ({"quant_method": "awq", "bits": 4, "group_size": 32, "zero_point": True}, "gptqmodel"),
        ({"quant_method": "gptq", "bits": 4, "group_size": 32}, "optimum"),
        ({"quant_method": "torchao", "quant_type": "int8wo"}, "torchao"),
        ({"quant_method": "bitsandbytes", "load_in_4bit": True}, "bitsandbytes"),
    ],
)
def test_a_package_that_quantised_weights_need_is_named_before_they_are_read(
    qwen: Path, method: dict[str, Any], package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if find_spec(package) is not None:
        pytest.skip(f"{package} is installed")
    change_json(qwen / "config.json", quantization_config=method)
    checkpoint = resolve_checkpoint(str(qwen), sees=True)
    monkeypatch.setattr("harness.engines.weights.check_files", lambda _: pytest.fail("weights were read"))
    with pytest.raises(ModelError, match=f"cannot be loaded: .*{package}"):
        load_model(checkpoint)


def test_a_quantisation_that_cannot_be_had_is_refused(qwen: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="--quantization 'int3' does not exist for the engine 'hf'"):
        texts(qwen, quantization="int3")
    monkeypatch.setattr("harness.engines.hf_device.find_spec", lambda _: None)
    with pytest.raises(UsageError, match=r"needs the package 'bitsandbytes'.*pip install bitsandbytes"):
        texts(qwen, quantization="bnb-4bit")
    rounded(qwen, "fp8")
    with pytest.raises(UsageError, match="is quantised already"):
        texts(qwen, quantization="bnb-8bit")


@pytest.mark.parametrize("bits", [4, 8])
def test_weights_are_rounded_on_loading(qwen: Path, bits: int) -> None:
    pytest.importorskip("bitsandbytes", reason="bitsandbytes is not installed")
    engine = make_engine("hf", resolve_checkpoint(str(qwen)), {"quantization": f"bnb-{bits}bit", "device": "cpu"})
    engine.load()
    assert engine.describe()["quantization"] == f"bnb-{bits}bit"
    assert engine._model.is_quantized  # type: ignore[attr-defined]
    engine.close()
    assert [text[:1] for text in texts(qwen, quantization=f"bnb-{bits}bit")] == [text[:1] for text in texts(qwen)]


def test_a_model_that_does_not_fit_is_spread_over_memory_and_disk(qwen: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = texts(qwen)
    assert texts(qwen, device_map="auto") == whole
    memory = "transformers.integrations.accelerate.get_balanced_memory"
    monkeypatch.setattr(memory, lambda *_, **__: {"cpu": 500_000})  # The model takes 0.8 MB.
    engine = make_engine("hf", resolve_checkpoint(str(qwen)), {"device_map": "auto"})
    engine.load()
    assert set(engine._model.hf_device_map.values()) == {"cpu", "disk"}  # type: ignore[attr-defined]
    assert engine.describe()["device_map"] == "auto"
    engine.close()
    assert texts(qwen, device_map="auto") == whole


def test_a_map_chooses_the_devices_alone(qwen: Path) -> None:
    with pytest.raises(UsageError, match="--device and --device-map exclude each other"):
        make_engine("hf", resolve_checkpoint(str(qwen)), {"device_map": "auto", "device": "cpu"})
    config = EvalConfig(model="demo", tasks=("pope",), engine="hf", engine_options={"device_map": "auto"})
    with pytest.raises(UsageError, match="run one process, not 2"):
        make_plan(config, Ranks(size=2))
