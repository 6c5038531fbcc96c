"""Samples as a table, a row each."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any, Final

from harness.core.types import Sample, SampleRecord, Verdict

if TYPE_CHECKING:
    from pandas import DataFrame

_FIELDS: Final = {"response", "error", *(field.name for of in (Sample, Verdict) for field in fields(of))}


def samples_frame(records: Iterable[SampleRecord]) -> DataFrame:
    """The fields of `Sample`, its attributes, `response`, `error`, the fields of `Verdict`, and its scores.

    An attribute of the name of a field or of any sample's score has the column `attribute_NAME`, a score of the name of
    a field `score_NAME`.
    """
    import pandas

    records = list(records)
    taken = _FIELDS.union(*(of.verdict.scores for of in records))
    return pandas.DataFrame(
        {
            **{name: value for name, value in asdict(of.sample).items() if name not in ("media", "attributes")},
            **_beside(taken, "attribute", of.sample.attributes),
            "media": [media.source for media in of.sample.media],
            "response": of.response.text,
            "error": of.response.error,
            **{name: value for name, value in asdict(of.verdict).items() if name not in ("sample_id", "scores")},
            **_beside(_FIELDS, "score", of.verdict.scores),
        }
        for of in records
    )


def _beside(taken: Collection[str], prefix: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Values under names of their own beside those that are taken."""
    return {f"{prefix}_{name}" if name in taken else name: value for name, value in values.items()}
