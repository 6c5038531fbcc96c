"""A tiny checkpoint with Python code of its own, which leaves a mark where it is run."""

from __future__ import annotations

import json
from pathlib import Path

from safetensors.torch import save_file
from support_families import build
from transformers import LlavaForConditionalGeneration

_CODE = """
from pathlib import Path
from transformers import LlavaConfig, LlavaForConditionalGeneration, LlavaProcessor

with Path({mark!r}).open("a") as file:
    file.write(__name__.rpartition(".")[2] + "\\n")


class OwnConfig(LlavaConfig):
    model_type = "{kind}"


class OwnModel(LlavaForConditionalGeneration):
    config_class = OwnConfig


class OwnProcessor(LlavaProcessor):
    pass
"""


def with_own_code(
    folder: Path, mark: Path, *, auto_class: str = "AutoModelForCausalLM", kind: str = "own_llava"
) -> Path:
    """A LLaVA whose configuration, model and processor are classes of its own.

    Args:
        folder: of the checkpoint.
        mark: a file to which the code writes where it is run.
        auto_class: what its model is filed under.
        kind: its `model_type`.
    """
    build("llava", folder)
    model = LlavaForConditionalGeneration.from_pretrained(folder)
    # Transformers knows LLaVA's names in files, which differ from those in the model, by the name of its class.
    save_file(model.state_dict(), folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "own.py").write_text(_CODE.format(mark=str(mark), kind=kind), encoding="utf-8")
    change_json(
        folder / "config.json", model_type=kind, auto_map={"AutoConfig": "own.OwnConfig", auto_class: "own.OwnModel"}
    )
    for name in ("processor_config.json", "tokenizer_config.json"):
        change_json(folder / name, processor_class="OwnProcessor", auto_map={"AutoProcessor": "own.OwnProcessor"})
    return folder


def change_json(path: Path, **changes: object) -> None:
    """Set keys of a JSON file."""
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | changes), encoding="utf-8")
