"""The longest row, and a colocated vLLM that keeps memory for it and for no more."""

import json
from types import SimpleNamespace

import pytest
from PIL import Image
from trl.generation import vllm_generation

from harness.core.errors import DataError, UsageError
from harness.core.worlds import shipped_checkpoints
from harness.engines.checkpoints import resolve_checkpoint
from trainers.assembly import show_rows
from trainers.data.loading import read_training
from trainers.image_pads import vllm_cap
from trainers.lengths import Longest, fit_context, longest
from trainers.models import load_processor
from trainers.recipe import load_recipe
from trainers.trl_vllm import starting_vllm

needs_demo = pytest.mark.skipif(
    not (shipped_checkpoints()["demo"] / "model.safetensors").is_file(),
    reason="the demo checkpoint is not part of this checkout",
)
ROW = Longest(row="a", prompt=700, visual=512, response=0)


def colocated(length=None, mode="colocate"):
    return SimpleNamespace(use_vllm=True, vllm_mode=mode, vllm_max_model_length=length, max_completion_length=68)


def test_vllm_is_given_the_context_of_the_longest_row_and_no_less():
    config = colocated()
    fit_context(config, ROW)
    assert config.vllm_max_model_length == 768
    fit_context(config := colocated(1000), ROW)
    assert config.vllm_max_model_length == 1000
    fit_context(config := colocated(mode="server"), ROW)
    assert config.vllm_max_model_length is None
    with pytest.raises(UsageError, match=r"vllm_max_model_length=767: row 'a' takes 768 tokens"):
        fit_context(colocated(767), ROW)


def test_vllm_is_started_for_images_below_the_cap(monkeypatch):
    monkeypatch.setattr(vllm_generation, "LLM", lambda **arguments: arguments, raising=False)
    images = SimpleNamespace(size={"shortest_edge": 3136, "longest_edge": 12845056}, merge_size=2)
    processor = SimpleNamespace(image_processor=images)
    plain = vllm_generation.LLM
    with starting_vllm(colocated(), vllm_cap(SimpleNamespace(processor=processor, max_pixels=401408))):
        started = vllm_generation.LLM(model="m")
    size = {"shortest_edge": 3136, "longest_edge": 401408}
    assert started == {"model": "m", "mm_processor_kwargs": {"size": size}}
    assert vllm_generation.LLM is plain
    assert vllm_cap(SimpleNamespace(processor=processor, max_pixels=None)) == {}


@needs_demo
def test_the_longest_row_is_found_by_pictures_as_well_as_by_text(tmp_path):
    rows = []
    for number, (side, words) in enumerate([(84, 1), (84, 6), (280, 1), (140, 6), (84, 7), (56, 8)]):
        Image.new("RGB", (side, side)).save(tmp_path / f"{number}.png")
        question = "Is there a red circle ?" + " top" * words
        rows.append({"id": str(number), "media": [f"{number}.png"], "question": question, "answer": "yes",
                     "answer_kind": "yes_no"})  # fmt: skip
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    examples = read_training(file, tmp_path, limit=None, require_response=False)
    checkpoint = resolve_checkpoint("demo")
    # Of patches of 14 pixels, 2 x 2 become a token.
    for side, row, visual in ((280, "2", 100), (84, "4", 9)):
        recipe = load_recipe("demo/grpo", [f"data.max_pixels={side**2}"])
        shown = show_rows(recipe, checkpoint, load_processor(checkpoint, side**2), tmp_path)
        found = longest(examples, shown, tmp_path)
        assert (found.row, found.visual) == (row, visual)
    (tmp_path / "3.png").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"training row '3': .*3\.png cannot be opened"):
        longest(examples, shown, tmp_path)
