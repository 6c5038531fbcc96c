"""Samples as a table, a row each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING

from harness.core.types import SampleRecord

if TYPE_CHECKING:
    from pandas import DataFrame


def samples_frame(records: Iterable[SampleRecord]) -> DataFrame:
    """The fields of `Sample`, its attributes, `response`, `error`, and the fields of `Verdict`."""
    import pandas

    return pandas.DataFrame(
        {
            **{name: value for name, value in asdict(of.sample).items() if name not in ("media", "attributes")},
            **of.sample.attributes,
            "media": [media.source for media in of.sample.media],
            "response": of.response.text,
            "error": of.response.error,
            **{name: value for name, value in asdict(of.verdict).items() if name not in ("sample_id", "scores")},
            **of.verdict.scores,
        }
        for of in records
    )
