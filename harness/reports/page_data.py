"""What the script of the report page is given, as JSON inside the page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from harness.diagnostics.attribution import DEFINITIONS
from harness.reports.explaining import in_words
from harness.reports.thumbnails import Thumbnails

if TYPE_CHECKING:
    from harness.diagnostics.diagnose import Diagnosis
    from harness.diagnostics.evidence import Evidence
    from harness.diagnostics.findings import Finding

_BY: Final = {"rules": "the answer reader", "world": "the world's own rules", "judge": "the judge"}


def page_data(diagnosis: Diagnosis, pictures: Thumbnails) -> dict[str, Any]:
    """What the script of the page is given: all samples, the pictures, and words for what it shows."""
    return {
        "by": _BY,
        "causes": DEFINITIONS,
        "images": pictures.uris,
        "samples": [
            _sample(item, finding, pictures)
            for item, finding in zip(diagnosis.evidence, diagnosis.findings, strict=True)
        ],
    }


def _sample(item: Evidence, finding: Finding, pictures: Thumbnails) -> dict[str, Any]:
    """One sample under short keys; what says nothing is left out."""
    sample, response, verdict = item.sample, item.record.response, item.verdict
    fields: Mapping[str, Any] = {
        "t": sample.task,
        "i": sample.id,
        "u": sample.subset,
        "q": sample.question,
        "c": dict(sample.choices) if sample.choices else None,
        "g": sample.target,
        "x": response.text,
        "e": response.error,
        "f": response.finish_reason,
        "n": response.completion_tokens,
        "a": verdict.answer,
        "w": verdict.rule and in_words(verdict.rule),
        "s": verdict.status,
        "r": verdict.reason,
        "o": verdict.official,
        "oa": verdict.official_answer,
        "k": finding.cause,
        "l": list(finding.flags),
        "th": asdict(finding.think) if finding.think else None,
        "ca": asdict(finding.caption) if finding.caption else None,
        "v": list(finding.invented),
        "d": finding.missed,
        "b": finding.blind,
        "m": pictures.of_sample.get(item.key),
    }
    return {name: value for name, value in fields.items() if value is not None and value != "" and value != []}
