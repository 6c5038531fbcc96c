"""Why a response ended, in the words of several servers."""

from typing import Any

import pytest

from harness.core.endings import read_ending


@pytest.mark.parametrize(
    ("said", "ending"),
    [
        ("stop", "stop"), ("STOP", "stop"), ("end_turn", "stop"), ("length", "length"), ("MAX_TOKENS", "length"),
        ("model_length", "length"), ("content_filter", None), ("", None), (None, None), (["stop"], None), (True, None),
    ],
)  # fmt: skip
def test_words_of_servers(said: Any, ending: str | None) -> None:
    assert read_ending(said) == ending
