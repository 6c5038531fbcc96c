"""Where text starts after a video (at the highest position of the vision tokens before it, plus one), and logits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from support_families import build
from transformers import (
    Cohere2Config,
    Cohere2ForCausalLM,
    Cohere2VisionConfig,
    Cohere2VisionForConditionalGeneration,
    SiglipVisionConfig,
)

from harness.engines.checkpoints import Checkpoint
from harness.engines.model_fixes import fix_positions
from harness.engines.weights import load_model


def test_text_after_a_long_video_is_moved_behind_it() -> None:
    # Two words, a video of 2 moments 5 apart with a grid of 1 x 2, two words; Transformers starts the last at 2 + 2.
    kinds = torch.tensor([[0, 0, 2, 2, 2, 2, 0, 0]])
    positions = torch.tensor([[0, 1, 2, 2, 7, 7, 4, 5], [0, 1, 2, 2, 2, 2, 4, 5], [0, 1, 2, 3, 2, 3, 4, 5]])
    fixed, deltas = fix_positions(positions.unsqueeze(1), kinds, None)
    assert fixed[:, 0].tolist() == [[0, 1, 2, 2, 7, 7, 8, 9], [0, 1, 2, 2, 2, 2, 8, 9], [0, 1, 2, 3, 2, 3, 8, 9]]
    assert deltas.tolist() == [[10 - 8]]


def test_what_follows_the_text_moves_with_it() -> None:
    # A video, a word, an image of 1 x 2, a word.
    kinds = torch.tensor([[2, 2, 0, 1, 1, 0]])
    positions = torch.tensor([[0, 6, 1, 2, 2, 4], [0, 0, 1, 2, 2, 4], [0, 0, 1, 2, 3, 4]])
    fixed, deltas = fix_positions(positions.unsqueeze(1), kinds, None)
    assert fixed[:, 0].tolist() == [[0, 6, 7, 8, 8, 10], [0, 0, 7, 8, 8, 10], [0, 0, 7, 8, 9, 10]]
    assert deltas.tolist() == [[11 - 6]]


def test_images_short_videos_and_padding_stay_as_they_are() -> None:
    kinds = torch.tensor([[0, 0, 0, 1, 1, 0], [0, 2, 2, 2, 2, 0]])
    mask = torch.tensor([[0, 0, 1, 1, 1, 1], [1, 1, 1, 1, 1, 1]])
    positions = torch.tensor(
        [
            [[0, 0, 0, 1, 1, 3], [0, 1, 1, 2, 2, 3]],
            [[0, 0, 0, 1, 1, 3], [0, 1, 1, 1, 1, 3]],
            [[0, 0, 0, 1, 2, 3], [0, 1, 2, 1, 2, 3]],
        ]
    )
    fixed, deltas = fix_positions(positions, kinds, mask)
    assert torch.equal(fixed, positions)
    assert deltas.tolist() == [[4 - 4], [4 - 6]]


def _command_a_vision() -> Any:
    text = Cohere2Config(
        vocab_size=64,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        layer_types=["sliding_attention", "full_attention"],
        logit_scale=0.25,
    )
    vision = SiglipVisionConfig(
        hidden_size=32, intermediate_size=64, num_hidden_layers=1, num_attention_heads=2, image_size=28, patch_size=14
    )
    config = Cohere2VisionConfig(vision_config=vision, text_config=text)
    return Cohere2VisionForConditionalGeneration(config)


@pytest.mark.parametrize("name", ["aya_vision", "cohere2_vision"])
def test_multimodal_models_of_cohere_give_the_logits_of_their_language_model(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    if name == "aya_vision":
        build(name, folder)
    else:
        _command_a_vision().save_pretrained(folder)
    model = load_model(Checkpoint(name=name, folder=folder, weights=None), dtype=torch.float32).eval()
    alone = Cohere2ForCausalLM(model.config.text_config).eval()
    alone.model.load_state_dict(model.model.language_model.state_dict())
    ids = torch.tensor([[5, 6, 7, 8]])
    with torch.inference_mode():
        wanted = alone(input_ids=ids).logits
        torch.testing.assert_close(model(input_ids=ids).logits, wanted)
        states = model.base_model(input_ids=ids).last_hidden_state  # As trainers and kernels read them.
        torch.testing.assert_close(states @ model.get_output_embeddings().weight.T, wanted)
