"""Whether a model sees: a medium that changes nothing when it is grey is told, and so is one that cannot be shown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from harness.cli import main
from harness.core.types import Response
from harness.doctor import engines as doctor_engines
from harness.doctor.cases import make_cases
from harness.doctor.comparing import Told
from harness.doctor.seeing import greyed_cases, look, seen_lines
from harness.engines import Tokens, hf
from harness.media.videos import Video


def test_every_medium_is_grey_once() -> None:
    greyed = {item.request.sample_id: item for item in greyed_cases(make_cases())}
    assert len(greyed) == sum(len(case.media) for case in make_cases()) == 27
    first, second = greyed["two images, image 2 grey"].request.open_media()
    assert not isinstance(first, Video)
    assert not isinstance(second, Video)
    assert first.getextrema() != second.getextrema() == ((128, 128),) * 3
    (video,) = greyed["a video of 2 s, the video grey"].request.open_media()
    assert isinstance(video, Video)
    assert np.unique(video.frames).tolist() == [128]


def say(text: str, logprobs: tuple[float, ...] | None = (-0.5,), error: str | None = None) -> Told:
    tokens = None if logprobs is None else Tokens(ids=tuple(range(len(logprobs))), logprobs=logprobs)
    return Told(response=Response(sample_id="x", text=text, error=error), tokens=tokens)


@pytest.mark.parametrize(
    ("shown", "hidden", "counts"),
    [
        (say("yes"), say("no"), (1, 0, 0)),
        (say("yes"), say("yes", (-0.6,)), (1, 0, 0)),
        (say("yes"), say("yes", (-0.5001,)), (0, 1, 0)),
        (say("yes", None), say("yes", None), (0, 0, 1)),
        (say("", error="media: no place"), say("yes"), (0, 1, 0)),
    ],
)
def test_what_moves_the_answer_is_seen(shown: Told, hidden: Told, counts: tuple[int, int, int]) -> None:
    (case, *_) = greyed_cases(make_cases())
    seen = look({case.case: shown, case.request.sample_id: hidden}, [case], tolerance=1e-3)
    assert (seen.moved, len(seen.unseen), seen.not_known) == counts
    lines = list(seen_lines({"hf": seen}))
    assert f"hf sees {counts[0]} of 1 media" in lines[1]
    assert ("NOT SEEN" in "".join(lines)) == bool(counts[1])


@pytest.fixture
def without_vllm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor_engines, "find_spec", lambda name: None)
    monkeypatch.setattr(doctor_engines, "MAX_NEW_TOKENS", 4)  # Random weights end no response of themselves.


@pytest.mark.usefixtures("without_vllm")
def test_frames_of_a_family_without_videos_are_seen(
    family_checkpoint: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor", "--engines", str(family_checkpoint("gemma3")), "--device", "cpu"]) == 0
    out = capsys.readouterr().out
    assert "hf sees 27 of 27 media; videos are shown as images." in out


@pytest.mark.usefixtures("without_vllm")
def test_pixels_that_are_lost_on_the_way_are_found(
    family_checkpoint: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given = hf.encode

    def lose(*arguments: Any, **options: Any) -> Any:
        inputs = given(*arguments, **options)
        if "pixel_values_videos" in inputs:
            inputs["pixel_values_videos"] = torch.zeros_like(inputs["pixel_values_videos"])
        return inputs

    monkeypatch.setattr(hf, "encode", lose)
    assert main(["doctor", "--engines", str(family_checkpoint("qwen2_vl")), "--device", "cpu"]) == 1
    out = capsys.readouterr().out
    assert "hf sees 22 of 27 media; videos are shown as videos." in out
    assert "NOT SEEN: a video of 2 s, the video grey: log-probabilities at most" in out
