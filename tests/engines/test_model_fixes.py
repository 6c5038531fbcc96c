"""Where text starts after a video: at the highest position of the vision tokens before it, plus one."""

from __future__ import annotations

from pathlib import Path

import torch
from support_families import build
from transformers import Cohere2ForCausalLM

from harness.engines.checkpoints import resolve_checkpoint
from harness.engines.model_fixes import fix_logit_scale, fix_positions
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


def test_aya_vision_gives_the_logits_of_its_language_model(tmp_path: Path) -> None:
    model = load_model(resolve_checkpoint(str(build("aya_vision", tmp_path / "model"))), dtype=torch.float32).eval()
    fix_logit_scale(model)
    alone = Cohere2ForCausalLM(model.config.text_config).eval()
    alone.model.load_state_dict(model.model.language_model.state_dict())
    ids = torch.tensor([[5, 6, 7, 8]])
    with torch.inference_mode():
        torch.testing.assert_close(model(input_ids=ids).logits, alone(input_ids=ids).logits)
