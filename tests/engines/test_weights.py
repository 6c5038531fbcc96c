"""Weights that are not whole are refused with their names, and adapters are merged, on a tiny checkpoint."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from support_families import FAMILIES, build
from transformers import AutoModelForImageTextToText

from harness.cli import main
from harness.core.errors import ModelError
from harness.engines import make_engine
from harness.engines.checkpoints import resolve_checkpoint
from harness.engines.weights import check_files, load_model

pytestmark = pytest.mark.filterwarnings("ignore:.*will be removed in v6:FutureWarning")  # PEFT asks Transformers.


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("qwen2_vl", tmp_path_factory.mktemp("whole") / "qwen2_vl")


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "model"))


def change(folder: Path, edit: Callable[[dict[str, torch.Tensor]], object]) -> None:
    weights = load_file(folder / "model.safetensors")
    edit(weights)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def load(folder: Path) -> Any:
    return load_model(resolve_checkpoint(str(folder)), dtype=torch.float32)


def refusal(folder: Path) -> str:
    with pytest.raises(ModelError) as caught:
        load(folder)
    return str(caught.value)


NAME = "model.layers.1.mlp.down_proj.weight"


def test_whole_weights_are_loaded_as_they_are(whole: Path) -> None:
    stored, loaded = load_file(whole / "model.safetensors"), load(whole).state_dict()
    assert len(loaded) >= len(stored)
    assert torch.equal(loaded["lm_head.weight"], stored["lm_head.weight"])


def test_a_missing_weight_is_named_and_nothing_is_asked(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change(folder, lambda weights: weights.pop(NAME))
    error = refusal(folder)
    assert "1 of the weights" in error
    assert "are missing, and would be random numbers" in error
    assert "layers.1.mlp.down_proj.weight" in error
    out = folder.parent / "run"
    asked = ["--tasks", "pope", "--data", "demo", "--engine", "hf", "--limit", "2", "--out", str(out)]
    assert main(["eval", "--model", str(folder), *asked]) == 2
    assert "layers.1.mlp.down_proj.weight" in capsys.readouterr().err
    assert not (out / "samples.jsonl").exists() or not (out / "samples.jsonl").read_text()


def test_a_head_that_would_not_be_used_is_named(folder: Path) -> None:
    change(folder, lambda weights: weights.update({"score.weight": torch.ones(2, 64)}))
    assert "have no place in it" in refusal(folder)
    assert "score.weight" in refusal(folder)


def test_what_models_compute_today_may_stand_in_old_files(folder: Path) -> None:
    change(folder, lambda weights: weights.update({"model.layers.0.rotary_emb.inv_freq": torch.ones(8)}))
    load(folder)


def test_weights_of_another_shape_are_named(folder: Path) -> None:
    change(folder, lambda weights: weights.update({NAME: torch.ones(64, 80)}))
    error = refusal(folder)
    assert "another shape" in error
    assert "down_proj.weight ([64, 80] for [64, 96])" in error


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_weight_that_is_no_number_is_named(folder: Path, value: float) -> None:
    def spoil(weights: dict[str, torch.Tensor]) -> None:
        weights[NAME][3, 5] = value

    change(folder, spoil)
    assert f"not finite numbers (NaN or infinite): {NAME}" in refusal(folder)


def test_8_bit_floats_are_looked_at_too(folder: Path) -> None:
    eight = torch.ones(4, 4).to(torch.float8_e4m3fn)
    change(folder, lambda weights: weights.update(eight=eight))
    check_files(resolve_checkpoint(str(folder)))
    eight.view(torch.uint8)[1, 1] = 0x7F
    change(folder, lambda weights: weights.update(eight=eight))
    with pytest.raises(ModelError, match=r"not finite.*eight"):
        check_files(resolve_checkpoint(str(folder)))


@pytest.mark.parametrize("kept", [0, 4, 3000, -10])
def test_a_file_that_is_cut_off_is_named(folder: Path, kept: int) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:kept])
    assert f"{path} cannot be read" in refusal(folder)


def shard(folder: Path) -> list[Path]:
    """Save the checkpoint again, in several files."""
    model = AutoModelForImageTextToText.from_pretrained(folder)
    (folder / "model.safetensors").unlink()
    model.save_pretrained(folder, max_shard_size="300KB")
    shards = sorted(folder.glob("model-*.safetensors"))
    assert len(shards) > 1
    return shards


def test_shards_are_loaded_together(folder: Path) -> None:
    before = load(folder).state_dict()
    shard(folder)
    after = load(folder).state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_a_shard_of_another_saving_is_found(folder: Path) -> None:
    first, second, *_ = shard(folder)
    weights = load_file(second)
    moved = sorted(weights)[0]
    save_file({name: value for name, value in weights.items() if name != moved}, second, metadata={"format": "pt"})
    assert f"{moved} (not in {second.name})" in refusal(folder)
    shutil.copy(first, second)
    assert "are not where model.safetensors.index.json says" in refusal(folder)


def test_weights_of_the_older_format_are_loaded_and_looked_at(folder: Path) -> None:
    before = load(folder).state_dict()
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    path = folder / "pytorch_model.bin"
    torch.save(weights, path)
    after = load(folder).state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    weights[NAME][0, 0] = float("nan")
    torch.save(weights, path)
    assert NAME in refusal(folder)
    path.write_bytes(path.read_bytes()[:-2000])
    assert f"{path} cannot be read" in refusal(folder)


# Adapters ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def adapter(whole: Path, tmp_path: Path) -> tuple[Path, torch.Tensor]:
    """An adapter's folder, and a weight as it is with the adapter."""
    torch.manual_seed(0)
    settings = LoraConfig(r=4, lora_alpha=8, target_modules=r".*language_model.*(q_proj|down_proj)|.*visual.*qkv")
    settings.init_lora_weights = False
    adapted = get_peft_model(load(whole), settings)
    adapted.save_pretrained(tmp_path / "adapter")
    return tmp_path / "adapter", adapted.merge_and_unload().state_dict()[f"model.language_{NAME}"].clone()


@pytest.mark.parametrize("beside", ["", "config.json", "[cpt]*"])
def test_an_adapter_is_merged_with_and_without_files_of_its_base(
    whole: Path, adapter: tuple[Path, torch.Tensor], beside: str
) -> None:
    folder, merged = adapter
    for path in whole.glob(beside) if beside else ():
        shutil.copy(path, folder)
    checkpoint, base = resolve_checkpoint(str(folder)), resolve_checkpoint(str(whole))
    assert checkpoint.adapter == folder
    assert checkpoint.folder == whole
    assert checkpoint.processor_folder == (folder if beside == "[cpt]*" else whole)
    assert checkpoint.weights != base.weights
    assert checkpoint.files != base.files
    weight = load(folder).state_dict()[f"model.language_{NAME}"]
    assert torch.allclose(weight, merged)
    assert not torch.allclose(weight, load(whole).state_dict()[f"model.language_{NAME}"])
    engine = make_engine("hf", checkpoint, {"device": "cpu"})
    engine.load()
    engine.close()


def test_merge_makes_a_model_of_it(
    adapter: tuple[Path, torch.Tensor], whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, merged = adapter
    (folder / "harness.json").write_text('{"prompt_format": "grounded"}')
    assert main(["merge", str(folder), str(tmp_path / "out")]) == 0
    checkpoint = resolve_checkpoint(str(tmp_path / "out"))
    assert checkpoint.adapter is None
    assert checkpoint.prompt_format == "grounded"
    assert torch.allclose(load(tmp_path / "out").state_dict()[f"model.language_{NAME}"], merged)
    capsys.readouterr()
    assert main(["merge", str(folder), str(tmp_path / "out")]) == 2
    assert "not empty" in capsys.readouterr().err
    assert main(["merge", str(whole), str(tmp_path / "other")]) == 2
    assert "no adapter" in capsys.readouterr().err


def test_an_adapter_that_does_not_fit_is_refused(adapter: tuple[Path, torch.Tensor]) -> None:
    folder, _ = adapter
    file = folder / "adapter_model.safetensors"
    weights = load_file(file)
    name = next(name for name in sorted(weights) if "down_proj" in name)
    save_file({**weights, name.replace("down_proj", "no_such_proj"): weights[name].clone()}, file)
    assert "have no place in the base model" in refusal(folder)
    save_file({other: value for other, value in weights.items() if other != name}, file)
    assert "are missing, and would be random numbers or nothing" in refusal(folder)
    save_file({**weights, name: weights[name] * float("nan")}, file)
    assert "not finite numbers" in refusal(folder)


def test_an_adapter_whose_base_is_not_there_says_where_to_name_it(adapter: tuple[Path, torch.Tensor]) -> None:
    folder, _ = adapter
    path = folder / "adapter_config.json"
    settings = json.loads(path.read_text())
    path.write_text(json.dumps({**settings, "base_model_name_or_path": "/no/such/model"}))
    with pytest.raises(ModelError, match=r"its base model cannot be had.*Set base_model_name_or_path"):
        resolve_checkpoint(str(folder))
    path.write_text("{}")
    with pytest.raises(ModelError, match="names no base model"):
        resolve_checkpoint(str(folder))


def test_vllm_takes_no_adapter_of_which_it_would_leave_out_a_part(adapter: tuple[Path, torch.Tensor]) -> None:
    pytest.importorskip("vllm", reason="vllm is not installed")
    from harness.engines.vllm_arguments import lora_arguments, lora_room

    folder, _ = adapter
    with pytest.raises(ModelError, match=r"outside of the language model, e\.g\. .*visual.*harness merge"):
        lora_arguments(folder)
    file = folder / "adapter_model.safetensors"
    save_file({name: value for name, value in load_file(file).items() if "language_model" in name}, file)
    assert lora_arguments(folder) == {"enable_lora": True, "max_loras": 1, "max_lora_rank": 8}
    assert [lora_room(rank) for rank in (200, 512, 513)] == [256, 512, None]


ON_THE_HUB = {
    "qwen2_vl": "model.layers.0.mlp.up_proj.weight",
    "qwen2_5_vl": "visual.blocks.0.attn.qkv.weight",
    "qwen3_vl": "model.language_model.layers.0.mlp.up_proj.weight",
    "qwen3_5": "model.language_model.layers.0.mlp.up_proj.weight",
    "glm4v": "model.language_model.embed_tokens.weight",
    "video_llama_3": "model.language_model.embed_tokens.weight",
    "llava": "vision_tower.vision_model.embeddings.class_embedding",
    "llava_next": "language_model.model.layers.0.mlp.up_proj.weight",
    "llava_next_video": "vision_tower.vision_model.embeddings.class_embedding",
    "video_llava": "image_tower.vision_model.embeddings.class_embedding",
    "llava_onevision": "vision_tower.vision_model.embeddings.patch_embedding.weight",
    "internvl": "language_model.model.embed_tokens.weight",
    "gemma3": "vision_tower.vision_model.embeddings.patch_embedding.weight",
    "pixtral": "language_model.lm_head.weight",
    "mistral3": "language_model.model.embed_tokens.weight",
    "mllama": "language_model.model.embed_tokens.weight",
    "aya_vision": "vision_tower.vision_model.embeddings.patch_embedding.weight",
    "smolvlm": "model.text_model.embed_tokens.weight",
    "idefics3": "model.text_model.embed_tokens.weight",
}
"""A weight of each family's checkpoints on the hub, by the name that vLLM's loader looks for."""


@pytest.mark.parametrize("name", ON_THE_HUB)
def test_a_model_is_saved_under_the_names_of_the_hub(name: str, tmp_path: Path) -> None:
    def names(folder: Path) -> set[str]:
        with safe_open(folder / "model.safetensors", framework="pt") as file:
            return set(file.keys())

    on_the_hub = names(build(name, tmp_path / "hub"))
    assert ON_THE_HUB[name] in on_the_hub
    model, processor = FAMILIES[name].make()
    for folder in (tmp_path / "of-transformers", tmp_path / "saved"):
        model.save_pretrained(folder)
        processor.save_pretrained(folder)
        model = load_model(resolve_checkpoint(str(folder)), dtype=torch.float32)
    assert names(tmp_path / "saved") == on_the_hub
    assert names(tmp_path / "of-transformers") == on_the_hub or name in SAVED_OTHERWISE


SAVED_OTHERWISE = (
    "llava", "llava_next", "llava_next_video", "video_llava", "llava_onevision", "gemma3", "aya_vision",
)  # fmt: skip
"""Families whose tower (CLIP, SigLIP) Transformers saves without `vision_model.`, if made from a configuration."""


class Evil:
    """Runs a program when it is unpickled without care."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        import os

        return os.system, ("touch /tmp/harness-test-evil",)


def _pickled(value: object) -> bytes:
    import io

    stream = io.BytesIO()
    torch.save(value, stream)
    return stream.getvalue()


def _safetensors(header: bytes, data: bytes = b"") -> bytes:
    return len(header).to_bytes(8, "little") + header + data


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("model.safetensors", b""),
        ("model.safetensors", b"\x08"),
        ("model.safetensors", _safetensors(b"{}")[:9]),
        ("model.safetensors", b"\xff" * 64),
        ("model.safetensors", _safetensors(b"[" * 10_000)),
        ("model.safetensors", _safetensors(b'{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}', b"1234")),
        ("model.safetensors", _safetensors(b'{"a":{"dtype":"X99","shape":[1],"data_offsets":[0,4]}}', b"1234")),
        ("model.safetensors", _safetensors(b'{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}', b"1234")),
        ("model.safetensors", b"<html>404</html>"),
        ("pytorch_model.bin", b""),
        ("pytorch_model.bin", b"words"),
        ("pytorch_model.bin", _pickled({"a": torch.zeros(99)})[:-60]),
        ("pytorch_model.bin", _pickled([torch.zeros(3)])),
        ("pytorch_model.bin", _pickled(torch.zeros(3))),
        ("pytorch_model.bin", _pickled(7)),
        ("pytorch_model.bin", _pickled({"a": Evil()})),
        ("pytorch_model.bin", __import__("pickle").dumps(Evil())),
        ("pytorch_model.bin", __import__("pickle").dumps({"a": 1})),
        ("pytorch_model.bin", b"\x80\x02]q\x00." + b"x" * 50),
    ],
)
def test_a_damaged_file_of_weights_is_named_and_runs_nothing(name: str, data: bytes, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / name).write_bytes(data)
    Path("/tmp/harness-test-evil").unlink(missing_ok=True)
    checkpoint = resolve_checkpoint(str(tmp_path))
    with pytest.raises(ModelError) as caught:
        check_files(checkpoint)
    assert str(tmp_path / name) in str(caught.value)
    assert not Path("/tmp/harness-test-evil").exists()
