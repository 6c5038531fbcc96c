"""In what two protocols differ, in words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from leaderboards.protocols import Protocol, differences

ONE = Protocol(
    headline="all/accuracy", digest="sha256:aa", count=4, source=None, version="1", prompt="direct", num_frames=8,
    video_as="native", judge=None,
)  # fmt: skip


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"headline": "mean/accuracy"}, "headline mean/accuracy, not all/accuracy"),
        ({"digest": "sha256:bb"}, "other data"),
        ({"version": None}, "task version unknown, not 1"),
        ({"num_frames": 16}, "16 frames per video, not 8"),
        ({"video_as": "frames"}, "videos shown as images, not as videos"),
        ({"judge": "openai:m"}, "judge openai:m, not none"),
        ({"system": "Be brief."}, "system prompt 'Be brief.', not 'none'"),
        ({"prompt": "think"}, None),
    ],
)
def test_each_difference_is_named(change: dict[str, object], said: str | None) -> None:
    found = differences(replace(ONE, **change), ONE)  # type: ignore[arg-type]
    assert len(found) == (said is not None)
    assert said is None or said in found[0]
