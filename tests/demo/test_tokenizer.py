"""The demo checkpoint's tokenizer and processor, and the training path that goes round them."""

import numpy as np
import pytest
import torch
from PIL import Image

from harness.core.prompts import FORMATS, build_prompt, instruction
from harness.demo.batches import Example, collate, fast_vision, hidden_states, rotary_positions, token_losses
from harness.demo.chains import END, build_sample, word_prompt, word_response
from harness.demo.curriculum import IMAGE_FAMILIES, VIDEO_FAMILIES, draw_query
from harness.demo.drills import draw_choice_drill, draw_comparison_drill, draw_look_up_drill, draw_option_drill
from harness.demo.model import build_model
from harness.demo.tokenizer import INSTRUCTIONS, VOCABULARY, build_processor
from harness.demo.videos import render_image, render_states
from harness.demo.world import OBJECTS

UNKNOWN = VOCABULARY.index("<unk>")


@pytest.fixture(scope="module")
def processor():
    return build_processor()


@pytest.fixture(scope="module")
def model():
    return build_model(0).eval()


def test_instructions_and_objects_are_one_token(processor):
    tokenizer = processor.tokenizer
    assert len(INSTRUCTIONS) == 9
    for form in FORMATS:
        for kind in ("yes_no", "choice", "open"):
            last = instruction(form, kind)
            text = f"Is there a red circle in the image?\nA. top-left\n{last}"
            words = tokenizer.convert_ids_to_tokens(tokenizer(text)["input_ids"])
            assert words == ["Is", "there", "a", "red circle", "in", "the", "image", "?", "A.", "top-left", last]
    assert all(len(tokenizer(name)["input_ids"]) == 1 for name in OBJECTS)


def test_every_training_text_is_known_and_survives_decoding(processor):
    tokenizer = processor.tokenizer
    rng = np.random.default_rng(0)
    for video, families in ((False, IMAGE_FAMILIES), (True, VIDEO_FAMILIES)):
        for family in families:
            for _ in range(20):
                query, scene = draw_query(rng, family, video=video, uniform=True, negatives=(0.4, 0.3, 0.3))
                for form in FORMATS:
                    assert UNKNOWN not in tokenizer(word_prompt(query, form))["input_ids"]
                response = word_response(query, scene, "grounded")
                ids = tokenizer(response)["input_ids"]
                assert UNKNOWN not in ids
                assert tokenizer.decode(ids) == response
    for _ in range(50):
        drills = [draw(rng, most=8) for draw in (draw_look_up_drill, draw_choice_drill, draw_comparison_drill)]
        for drill in (*drills, draw_option_drill(rng)):
            assert UNKNOWN not in tokenizer(drill.prompt + drill.response)["input_ids"]


def _examples(video):
    """Queries with frames, for both paths."""
    rng = np.random.default_rng(int(video))
    cases = []
    for family in ("object", "where") if not video else ("event", "who"):
        query, scene = draw_query(rng, family, video=video, uniform=False, negatives=(0.4, 0.3, 0.3))
        frames = render_states(scene, rng)[0] if video else render_image(scene, rng)[0][None]
        cases.append((query, scene, frames))
    return cases


def _processed(processor, query, frames):
    """What the real processor makes of a question."""
    kind = "video" if query.video else "image"
    text = build_prompt(build_sample(query), "grounded")
    messages = [{"role": "user", "content": [{"type": kind}, {"type": "text", "text": text}]}]
    prompt = processor.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    if not query.video:
        return processor(text=[prompt], images=[[Image.fromarray(frames[0])]], return_tensors="pt")
    stamps = {"fps": 4.0, "total_num_frames": 20, "duration": 5.0, "frames_indices": [0, 3, 5, 8, 11, 14, 16, 19]}
    return processor(
        text=[prompt],
        videos=[[np.repeat(frames, 2, axis=0)]],
        video_metadata=[[stamps]],
        do_sample_frames=False,
        return_tensors="pt",
    )


@pytest.mark.parametrize("video", [False, True])
def test_training_batches_equal_the_processor(processor, model, video):
    for query, scene, frames in _examples(video):
        inputs = _processed(processor, query, frames)
        response = word_response(query, scene, "grounded") + END
        example = Example(frames=frames, prompt=word_prompt(query, "grounded"), response=response)
        batch = collate(processor.tokenizer, [example])
        length = inputs["input_ids"].shape[1]
        assert batch.ids[0, :length].tolist() == inputs["input_ids"][0].tolist()
        suffix = "_videos" if video else ""
        assert torch.allclose(batch.pixels, inputs[f"pixel_values{suffix}"], atol=2e-6)
        assert batch.grid.tolist() == inputs["video_grid_thw" if video else "image_grid_thw"].tolist()
        positions, _ = model.model.get_rope_index(
            inputs["input_ids"],
            inputs["mm_token_type_ids"],
            inputs.get("image_grid_thw"),
            inputs.get("video_grid_thw"),
            inputs.get("second_per_grid_ts"),
            inputs["attention_mask"],
        )
        assert batch.positions[:, 0, :length].tolist() == positions[:, 0].tolist()
        with torch.no_grad():
            expected = model.model(**inputs).last_hidden_state[0]
            with fast_vision():
                fast = hidden_states(model, batch)[0, :length]
        assert torch.allclose(fast, expected, atol=1e-4)


def test_late_text_starts_after_the_last_moment(processor):
    query, _, _ = _examples(True)[0]
    ids = processor.tokenizer(word_prompt(query, "grounded"))["input_ids"]
    usual, late = rotary_positions(ids), rotary_positions(ids, late=True)
    first, last = ids.index(VOCABULARY.index("<|video_pad|>")), len(ids) - 1
    assert (usual[:, : first + 36] == late[:, : first + 36]).all()
    assert usual[0, first : first + 36 : 9].tolist() == [first, first + 1, first + 2, first + 3]
    assert (late[:, first + 36 :] - usual[:, first + 36 :] == 1).all()
    assert usual[0, last] == last - 36 + 3


def test_losses_leave_out_prompts_captions_and_keys(processor, model):
    response = f"<caption> blue star left </caption> <think> left blue star </think>{END}"
    example = Example(frames=None, prompt="red circle top", response=response, skip_caption=True, skip_keys=True)
    batch = collate(processor.tokenizer, [example])
    words = processor.tokenizer.convert_ids_to_tokens(batch.ids[0][batch.labels[0] != -100])
    assert words == ["<caption>", "<think>", "blue star", "</think>", END]
    assert token_losses(model, batch).shape == (5,)
