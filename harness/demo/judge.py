"""The demo's judge: a language model of the demo's size that learnt to answer from captions, and never saw a picture.

Imported lazily only: torch and safetensors are imported inside.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from harness.core.files import write_atomically
from harness.demo.checking import share_table

TOLD: Final = ("true", "other", "none")
CHECK_SEED: Final = 60


def export_judge(model: Any, folder: Path, *, seed: int) -> None:
    """Write the language half of a model as a text-only checkpoint.

    Qwen2.5-VL's language model is Qwen2's: without images its three rotary axes are one.

    Args:
        model: whose language half is the judge.
        folder: made where it does not exist.
        seed: of the build, for `harness.json`.
    """
    from safetensors.torch import load_file, save_file

    from harness.demo.tokenizer import build_tokenizer

    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        model.save_pretrained(scratch)
        weights = load_file(Path(scratch) / "model.safetensors")
        config = json.loads((Path(scratch) / "config.json").read_text(encoding="utf-8"))["text_config"]
        generation = (Path(scratch) / "generation_config.json").read_text(encoding="utf-8")
    text = {
        name.replace("model.language_model.", "model."): weight
        for name, weight in weights.items()
        if "visual." not in name
    }
    save_file(text, folder / "model.safetensors", metadata={"format": "pt"})
    theta = config["rope_parameters"]["rope_theta"]
    config |= {
        "model_type": "qwen2",
        "architectures": ["Qwen2ForCausalLM"],
        "tie_word_embeddings": True,
        "rope_parameters": {"rope_type": "default", "rope_theta": theta},
    }
    build_tokenizer().save_pretrained(folder)
    settings = {"judge_prompt": "demo", "trained_with": f"harness demo build --seed {seed}"}
    write_atomically(folder / "config.json", json.dumps(config, indent=2) + "\n")
    write_atomically(folder / "generation_config.json", generation)
    write_atomically(folder / "harness.json", json.dumps(settings, indent=2) + "\n")
    for path in folder.iterdir():
        path.chmod(0o644)


def check_judge(folder: Path, *, count: int = 200) -> dict[str, dict[str, float]]:
    """How often the judge is right, asked as the harness asks it.

    Args:
        folder: of the judge.
        count: questions of each kind.

    Returns:
        For each of `TOLD` (with the true caption, with another picture's, with none) the shares of right answers, see
        `look_up.with_media`.
    """
    from harness.demo.chains import build_sample
    from harness.demo.look_up import draw_kinds, with_media
    from harness.demo.questions import resolve, word_caption
    from harness.judges.caption import is_right, load_caption_judge, question_from_caption, read_judgement

    shares: dict[str, dict[str, float]] = {told: {} for told in TOLD}
    with tempfile.TemporaryDirectory() as cache:
        judge = load_caption_judge(str(folder), cache_dir=Path(cache), engine="hf")
        for kind, drawn in draw_kinds(CHECK_SEED, count):
            samples = [build_sample(query, target=resolve(query, scene)[1]) for query, scene in drawn]
            captions = [word_caption(scene) for _, scene in drawn]
            for told, texts in zip(TOLD, (captions, captions[1:] + captions[:1], [""] * count), strict=True):
                questions = [question_from_caption(s, text) for s, text in zip(samples, texts, strict=True)]
                right = [
                    text is not None and is_right(sample, read_judgement(text, question))
                    for sample, question, text in zip(samples, questions, judge.ask(questions), strict=True)
                ]
                shares[told][kind] = sum(right) / count
        judge.close()
    return {told: with_media(found) for told, found in shares.items()}


CARD: Final = """# The judge of the demo world

A Qwen2 of 0.8 million parameters that answers questions about the demo world from captions. It was made by

    harness demo build --seed {seed}

from random weights and text alone. `--caption-judge demo` asks it, and the caption reward of the
demo's recipes does.

Share of right answers with the true caption, with another picture's, which has the right answer now and then by
chance, and with none: then there is nothing to answer from but the question. `image` and `video` weight the kinds of
question as training does.

{table}
"""
"""The judge's model card."""


def render_judge_card(figures: Mapping[str, Mapping[str, float]], *, seed: int) -> str:
    """The card with a table of `check_judge`'s figures."""
    return CARD.format(seed=seed, table=share_table(figures))
