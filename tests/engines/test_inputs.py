"""What a model is shown: the prompt's messages, the cap on pixels, and how a family is shown videos."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support_families import build
from transformers import AutoTokenizer

from harness.core.errors import MediaError, ModelError, UsageError
from harness.core.types import Media
from harness.engines import Request, make_engine
from harness.engines.checkpoints import Checkpoint
from harness.engines.inputs import chat_messages, chat_prompt, load_processor, size_limits, takes_videos
from harness.engines.preparation import ConversationRequest, open_media
from harness.media.videos import Video


def opened_request(*kinds: str) -> Request:
    frames = np.zeros((3, 8, 8, 3), dtype=np.uint8)
    video = Video(frames=frames, fps=1.0, indices=(0, 1, 2), total_frames=3, duration_s=3.0)
    media = tuple(Media(kind=kind, source=kind) for kind in kinds)  # type: ignore[arg-type]
    opened = [video if kind == "video" else Image.new("RGB", (8, 8)) for kind in kinds]
    return Request(task="t", sample_id="1", prompt="why?", media=media, open_media=lambda: opened)


def test_media_precede_the_text() -> None:
    request = opened_request("image", "video")
    (turn,) = chat_messages(request, open_media(request))
    assert turn["role"] == "user"
    assert turn["content"] == [{"type": "image"}, {"type": "video"}, {"type": "text", "text": "why?"}]
    (turn,) = chat_messages(request, open_media(request, "frames"))
    assert [part["type"] for part in turn["content"]] == ["image"] * 4 + ["text"]


def test_a_system_turn_comes_first() -> None:
    request = replace(opened_request("image"), system="Be brief.")
    system, user = chat_messages(request, open_media(request))
    assert system == {"role": "system", "content": [{"type": "text", "text": "Be brief."}]}
    assert user["role"] == "user"


def test_frames_stand_where_the_video_stood_in_a_conversation() -> None:
    plain = opened_request("image", "video")
    content = [{"type": "image"}, {"type": "text", "text": "Then:"}, {"type": "video"}]
    request = ConversationRequest(
        **{name: getattr(plain, name) for name in ("task", "sample_id", "prompt", "media", "open_media")},
        messages=({"role": "user", "content": content},),
    )
    (turn,) = chat_messages(request, open_media(request, "frames"))
    assert [part["type"] for part in turn["content"]] == ["image", "text", "image", "image", "image"]


def refuse(*_: Any, **__: Any) -> str:
    raise TypeError("Unrecognized content type!")


@pytest.mark.parametrize(
    ("template", "videos"),
    [
        (lambda *_, **__: "the same", False),
        (refuse, False),
        (lambda turns, **_: str(turns), False),  # One for plain text writes the parts out.
        (lambda turns, **_: str([part["type"] for part in turns[0]["content"]]), True),
    ],
)
def test_a_template_without_a_place_for_videos_takes_none(template: Any, videos: bool) -> None:
    processor = SimpleNamespace(video_processor=object(), apply_chat_template=template)
    assert takes_videos(processor) is videos
    assert takes_videos(SimpleNamespace(video_processor=None, apply_chat_template=template)) is False


def test_a_template_that_drops_a_medium_is_an_error_that_says_so() -> None:
    request = opened_request("image", "image")
    processor = SimpleNamespace(image_token="<image>", apply_chat_template=lambda *_, **__: "<image> why?")
    with pytest.raises(MediaError, match="has a place for 1 of 2 images"):
        chat_prompt(processor, request, open_media(request))
    unnamed = SimpleNamespace(apply_chat_template=lambda *_, **__: "why?")
    with pytest.raises(MediaError, match="has a place for 0 of 2 images"):
        chat_prompt(unnamed, request, open_media(request))
    unnamed.apply_chat_template = lambda turns, **__: str(turns)
    assert "image" in chat_prompt(unnamed, request, open_media(request))
    processor.apply_chat_template = refuse
    with pytest.raises(MediaError, match="refuses the prompt: Unrecognized content type!"):
        chat_prompt(processor, request, open_media(request))


def test_an_unknown_way_to_show_videos_is_refused() -> None:
    with pytest.raises(
        UsageError, match="setting 'video_as' of engine 'hf' is 'mp4': Input should be 'native' or 'frames'"
    ):
        make_engine("hf", Checkpoint(name="x", folder=Path("x")), {"video_as": "mp4"})


def test_a_processor_that_is_none_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"processor of model 'x' in .* cannot be loaded"):
        load_processor(Checkpoint(name="x", folder=tmp_path))
    folder = build("llava", tmp_path / "llava")
    (folder / "chat_template.jinja").unlink()
    with pytest.raises(ModelError, match="model 'x' has no chat template"):
        load_processor(Checkpoint(name="x", folder=folder))
    text_only = tmp_path / "text"
    AutoTokenizer.from_pretrained(folder).save_pretrained(text_only)
    settings = json.loads((text_only / "tokenizer_config.json").read_text())
    del settings["processor_class"]
    (text_only / "tokenizer_config.json").write_text(json.dumps(settings))
    (text_only / "config.json").write_text('{"model_type": "llama"}')
    with pytest.raises(ModelError, match="model 'x' takes no images"):
        load_processor(Checkpoint(name="x", folder=text_only))


@pytest.mark.parametrize("family", ["Qwen2VL", "Qwen3VL", "Glm4v", "Glm46V", "VideoLlama3"])
def test_a_cap_on_pixels_is_that_of_a_frame(family: str) -> None:
    import transformers

    options = {"cap_pixels_per_frame": False} if family.startswith("Qwen") else {}
    member = getattr(transformers, f"{family}VideoProcessor")(**options)
    for count in (2, 8):
        video = np.zeros((count, 640, 640, 3), dtype=np.uint8)
        limits = size_limits(SimpleNamespace(video_processor=member), 256 * 256, count)["videos_kwargs"]
        encoded = member(videos=[video], do_sample_frames=False, return_tensors="pt", **limits)
        side = 256 // (2 * member.patch_size) * 2
        assert encoded["video_grid_thw"].tolist() == [[count // member.temporal_patch_size, side, side]]


@pytest.mark.parametrize("family", ["Qwen2VL", "Glm4v", "Glm46V", "VideoLlama3"])
def test_a_cap_on_pixels_is_that_of_an_image(family: str) -> None:
    import transformers

    member = getattr(transformers, f"{family}ImageProcessor")()
    limits = size_limits(SimpleNamespace(image_processor=member), 256 * 256, 1)["images_kwargs"]
    encoded = member(images=[Image.new("RGB", (640, 640))], return_tensors="pt", **limits)
    side = 256 // (2 * member.patch_size) * 2
    assert encoded["image_grid_thw"].tolist() == [[1, side, side]]


def test_a_cap_on_pixels_is_refused_where_it_has_no_effect() -> None:
    fixed = SimpleNamespace(image_processor=SimpleNamespace(size={"height": 336, "width": 336}))
    assert size_limits(fixed, None, 1) == {}
    with pytest.raises(ModelError, match="--max-pixels"):
        size_limits(fixed, 3136, 1)
