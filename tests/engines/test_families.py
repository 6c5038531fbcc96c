"""Every family sees what it is asked about: on tiny checkpoints with random weights, whose logits every pixel moves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from PIL import Image
from support_families import FAMILIES, Family

from harness.core.errors import MediaError, UsageError
from harness.core.types import Media
from harness.doctor.cases import make_cases
from harness.engines import Decoding, Request, make_engine
from harness.engines.checkpoints import Checkpoint
from harness.engines.hf_batches import prepare
from harness.engines.inputs import chat_prompt, encode
from harness.engines.preparation import Opened, open_media
from harness.engines.processed import Processed
from harness.media.videos import Video

# Transformers 5.23 makes an array of a tensor in a way that NumPy 2 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

CASES = {case.sample_id: case for case in make_cases()}
MIXED = ("90x120", "448x448", "two images", "a video of 2 s", "a video of 8 s", "a video of one frame", "text alone")


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A family and an engine that holds its checkpoint."""

    family: Family
    engine: Any

    @torch.inference_mode()
    def logits(self, *requests: Request) -> torch.Tensor:
        """[B, V], of the first token of each response, all of them in one batch."""
        logits: torch.Tensor = self.engine._model(**self.inputs(*requests)).logits[:, -1].float()
        return logits

    def inputs(self, *requests: Request) -> Any:
        """What the model is given."""
        return self.engine._encode([item for request in requests for item in prepare([request], self.engine.video_as)])


@pytest.fixture(scope="module", params=FAMILIES)
def loaded(request: pytest.FixtureRequest, family_checkpoint: Callable[[str], Path]) -> Iterator[Loaded]:
    folder = family_checkpoint(request.param)
    engine = make_engine("hf", Checkpoint(name=request.param, folder=folder), {"batch_size": 8, "device": "cpu"})
    engine.load()
    yield Loaded(family=FAMILIES[request.param], engine=engine)
    engine.close()


def greyed(request: Request, place: int) -> Request:
    """The request with one of its pictures grey, counted through images and frames."""

    def open_grey() -> list[Image.Image | Video]:
        (medium, *_) = media = list(request.open_media())
        if isinstance(medium, Video):
            frames = medium.frames.copy()
            frames[place] = 127
            return [replace(medium, frames=frames)]
        media[place] = Image.new("RGB", medium.size, (127, 127, 127))
        return media

    return replace(request, open_media=open_grey)


def visual_tokens(loaded: Loaded, *kinds: str) -> set[int]:
    """The tokens that the model puts pixels in the place of."""
    config = loaded.engine._model.config
    names = [f"{kind}_token_{suffix}" for kind in kinds for suffix in ("id", "index")]
    return {getattr(part, name, None) for part in (config, config.vision_config) for name in names} - {None}


def pictures_of(loaded: Loaded, ids: Sequence[int]) -> int:
    """Visual tokens of a prompt."""
    return sum(token in visual_tokens(loaded, "image", "video") for token in ids)


def test_images_and_videos_become_as_many_visual_tokens_as_their_sizes_say(loaded: Loaded) -> None:
    def count(case: str) -> int:
        return pictures_of(loaded, loaded.inputs(CASES[case])["input_ids"][0].tolist())

    assert count("90x120") == loaded.family.image_tokens
    assert count("a video of 2 s") == loaded.family.video_tokens
    assert count("text alone") == 0


@pytest.mark.parametrize("case", ["90x120", "two images", "a video of 2 s", "a video of one frame"])
def test_every_image_and_frame_moves_the_logits(loaded: Loaded, case: str) -> None:
    request = CASES[case]
    count = {"two images": 2, "a video of 2 s": 4}.get(case, 1)
    shown = loaded.logits(request)
    for place in range(count):
        assert (loaded.logits(greyed(request, place)) - shown).abs().max() > 1e-3


def test_the_prompt_begins_with_one_first_token(loaded: Loaded) -> None:
    first = loaded.engine._processor.tokenizer.bos_token_id
    for case in MIXED:
        ids = loaded.inputs(CASES[case])["input_ids"][0].tolist()
        assert first is None or ids.count(first) == 1


@pytest.mark.parametrize(
    "cases", [("90x120", "448x448", "56x28"), ("two images",) * 2, ("a video of 8 s", "a video of 30 s")]
)
def test_a_batch_computes_what_single_requests_do(loaded: Loaded, cases: tuple[str, ...]) -> None:
    together = loaded.logits(*(CASES[case] for case in cases))
    alone = torch.cat([loaded.logits(CASES[case]) for case in cases])
    assert (together - alone).abs().max() < 1e-4


@pytest.mark.parametrize("cases", [("90x120", "448x448"), ("two images",), ("a video of 8 s",)])
def test_what_several_prompts_show_is_processed_once_and_to_the_same_bytes(
    loaded: Loaded, cases: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    apart = loaded.inputs(*(CASES[case] for case in cases for _ in range(3)))
    parts = [getattr(loaded.engine._processor, f"{kind}_processor", None) for kind in ("image", "video")]
    processed = []
    for part in {type(part): part for part in parts if part is not None}.values():
        original = type(part).preprocess

        def count(*arguments: Any, original: Any = original, **options: Any) -> Any:
            processed.append(arguments)
            return original(*arguments, **options)

        monkeypatch.setattr(type(part), "preprocess", count)
    monkeypatch.setattr(loaded.engine, "_processed", Processed())
    rows = [item for case in cases for item in prepare([CASES[case]] * 3, loaded.engine.video_as)]
    for _ in range(2):
        together = loaded.engine._encode(rows)
        assert together.keys() == apart.keys()
        for name, value in apart.items():
            same = torch.equal(value, together[name]) if isinstance(value, torch.Tensor) else value == together[name]
            assert same, name
    # Of a family that pads pictures to the largest of a batch, all are processed together, again each time.
    padded = loaded.engine._processed._separable is False
    assert len(processed) == len(cases) + 2 * padded
    assert not padded or len(cases) > 1


def test_requests_of_all_kinds_are_answered_in_batches_as_one_by_one(loaded: Loaded) -> None:
    requests = [CASES[case] for case in MIXED]
    decoding = Decoding(max_new_tokens=6)
    told = {request.sample_id: response for request, response in loaded.engine.generate(requests, decoding)}
    assert {case: told[case].error for case in MIXED} == dict.fromkeys(MIXED)
    for request in requests:
        ((_, alone),) = loaded.engine.generate([request], decoding)
        assert alone.text == told[request.sample_id].text


def test_videos_are_shown_as_videos_where_the_family_takes_them(loaded: Loaded) -> None:
    assert loaded.engine.video_as == ("native" if loaded.family.takes_videos else "frames")
    as_videos = make_engine("hf", loaded.engine._checkpoint, {"video_as": "native", "device": "cpu"})
    if loaded.family.takes_videos:
        assert as_videos.video_as == "native"
    else:
        with pytest.raises(UsageError, match=r"takes no videos.*Use --video-as frames"):
            _ = as_videos.video_as


def test_a_video_that_the_family_leaves_out_is_an_error_of_its_sample(loaded: Loaded) -> None:
    video = CASES["a video of 2 s"]
    if loaded.family.takes_videos:
        frames = open_media(video, "frames")
        shown = loaded.engine._encode([replace(prepare([video])[0], opened=frames)])
        assert pictures_of(loaded, shown["input_ids"][0].tolist()) > 0
        return
    with pytest.raises(
        MediaError, match=r"place for 0 of 1 videos|refuses the prompt|no pixels of 1 videos|became 0 visual"
    ):
        loaded.engine._encode(prepare([video], "native"))


def test_pixels_without_a_place_are_an_error(loaded: Loaded, monkeypatch: pytest.MonkeyPatch) -> None:
    processor, case = loaded.engine._processor, CASES["90x120"]
    opened = open_media(case)
    without = chat_prompt(processor, replace(case, media=(), open_media=list), Opened(images=[], videos=[], shown=()))
    monkeypatch.setattr(processor, "validate_inputs", lambda **_: None)  # What Transformers' own checks let through.
    # Phi-4's processor of Transformers 5.19 counts places itself.
    with pytest.raises((MediaError, ValueError), match=r"became 0 visual tokens|contains 0 tokens"):
        encode(processor, [without], [opened], max_pixels=None)


def test_a_lost_visual_token_is_an_error_of_the_model(loaded: Loaded) -> None:
    if loaded.family.image_tokens == 1:
        pytest.skip("cross attention: a place is not filled with pixels, and the engine's own check is all there is")
    if loaded.engine._model.config.model_type == "idefics3" and transformers.__version__.startswith("5.19"):
        pytest.skip("Transformers 5.19 counts the visual tokens of all of these families but this one")
    inputs = loaded.inputs(CASES["90x120"])
    visual = visual_tokens(loaded, "image")
    place = next(place for place, token in enumerate(inputs["input_ids"][0].tolist()) if token in visual)
    inputs["input_ids"][0, place] = 3
    with pytest.raises((ValueError, RuntimeError)), torch.inference_mode():
        loaded.engine._model(**inputs)


def test_a_question_that_holds_a_placeholder_is_an_error_of_its_sample(loaded: Loaded) -> None:
    place = loaded.engine._processor.image_token
    request = replace(CASES["90x120"], prompt=f"What does {place} stand for?")
    ((_, response),) = loaded.engine.generate([request], Decoding(max_new_tokens=4))
    assert response.error is not None
    assert response.error.startswith(f"media: the question holds {place!r}")


def test_frames_of_several_videos_stand_where_the_videos_stood() -> None:
    media = tuple(Media(kind=kind, source=kind) for kind in ("video", "image", "video"))  # type: ignore[arg-type]

    def video(count: int) -> Video:
        frames = np.full((count, 4, 4, 3), count, dtype=np.uint8)
        return Video(frames=frames, fps=1.0, indices=tuple(range(count)), total_frames=count, duration_s=1.0)

    middle = Image.new("RGB", (4, 4), (9, 9, 9))
    request = replace(CASES["text alone"], media=media, open_media=lambda: [video(2), middle, video(3)])
    opened = open_media(request, "frames")
    assert opened.shown == (("image", "image"), ("image",), ("image", "image", "image"))
    assert [image.getpixel((0, 0)) for image in opened.images] == [(n, n, n) for n in (2, 2, 9, 3, 3, 3)]
    assert opened.videos == []
