"""The demo's judge: the language half of the demo checkpoint, which learned to read captions alone.

Imported lazily only: safetensors is imported inside.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Final

from harness.checkpoints import resolve_checkpoint
from harness.demo.data import cache_folder
from harness.errors import StoreError

_COPIED: Final = ("tokenizer.json", "chat_template.jinja", "generation_config.json")


def demo_judge(cache: Path | None = None) -> Path:
    """The folder of a text-only checkpoint, made from the demo checkpoint on first use.

    The demo's language model was trained on questions with a caption and no image too; alone, it answers from captions
    and nothing else. Qwen2.5-VL's language model is Qwen2's: without images its three rotary axes are one.

    Args:
        cache: folder of generated files; `None`: the harness's own.

    Raises:
        ModelError: the demo checkpoint is missing.
        StoreError: the folder cannot be written.
    """
    checkpoint = resolve_checkpoint("demo")
    assert checkpoint.folder is not None, "the demo checkpoint is a folder"
    assert checkpoint.weights is not None, "with weights"
    place = (cache or cache_folder()) / f"demo-judge-{checkpoint.weights.removeprefix('sha256:')[:12]}"
    if place.is_dir():
        return place
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f".{place.name}-", dir=place.parent))
    except OSError as error:
        raise StoreError(
            f"cannot write {place.parent}: {error.strerror}. Set XDG_CACHE_HOME to a writable folder."
        ) from error
    try:
        write_judge(checkpoint.folder, scratch)
        try:
            scratch.rename(place)
        except OSError:
            if not place.is_dir():  # Another process was first.
                raise
    except OSError as error:
        raise StoreError(f"cannot write {place}: {error.strerror}. Free some space or set XDG_CACHE_HOME.") from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return place


def write_judge(source: Path, folder: Path) -> None:
    """Write the text-only checkpoint of a demo checkpoint.

    Args:
        source: the demo checkpoint.
        folder: of the judge; it exists.
    """
    from safetensors.torch import load_file, save_file

    weights = load_file(source / "model.safetensors")
    text = {
        name.replace("model.language_model.", "model."): weight
        for name, weight in weights.items()
        if "visual." not in name
    }
    save_file(text, folder / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((source / "config.json").read_text(encoding="utf-8"))["text_config"]
    theta = config["rope_parameters"]["rope_theta"]
    config |= {
        "model_type": "qwen2",
        "architectures": ["Qwen2ForCausalLM"],
        "tie_word_embeddings": True,
        "rope_parameters": {"rope_type": "default", "rope_theta": theta},
    }
    _write_json(folder / "config.json", config)
    tokenizer = json.loads((source / "tokenizer_config.json").read_text(encoding="utf-8"))
    tokenizer.pop("processor_class", None)
    _write_json(folder / "tokenizer_config.json", tokenizer)
    for name in _COPIED:
        shutil.copyfile(source / name, folder / name)
    _write_json(folder / "harness.json", {"judge_prompt": "demo", "made_from": "the demo checkpoint's language model"})


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
