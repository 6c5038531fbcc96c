"""What the script of the report page is given: all samples, in the page or, of many, in files beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from harness.core.types import JUDGE, RunRecord, SampleRecord
from harness.diagnostics.attribution import DEFINITIONS
from harness.diagnostics.calibration import confidences
from harness.diagnostics.findings import WORDS
from harness.reports.explaining import in_words, reading_of
from harness.reports.html import script_json
from harness.reports.text import number
from harness.reports.thumbnails import Thumbnails

if TYPE_CHECKING:
    from harness.diagnostics.diagnose import Diagnosis
    from harness.diagnostics.evidence import Evidence, Key
    from harness.diagnostics.findings import Finding

PARTS: Final = "report-samples"
"""Folder beside the page with the samples of a large run."""
MOST_INSIDE: Final = 2000
"""Samples that the page itself holds; of more it holds a list, and loads what is looked at."""
STATES: Final[Mapping[str, str]] = {
    "correct": "right",
    "incorrect": "wrong",
    "unanswered": "no answer",
    "not_understood": "not understood",
    "error": "not scored",
}
"""Verdicts for people."""
_SIZES: Final = {"samples": 500, "images": 200}
"""Samples and pictures a file: one to two megabytes."""
_LISTED: Final = frozenset("tiqusklgao")
"""Fields of a sample that its row and the filters need."""
_LISTED_CHARACTERS: Final = 160
"""Of a question in the list."""
_BY: Final = {"rules": "the answer reader", "world": "the world's own rules", "judge": "the judge"}


def page_data(
    diagnosis: Diagnosis, pictures: Thumbnails, run: RunRecord | None = None, *, most_inside: int = MOST_INSIDE
) -> tuple[dict[str, Any], dict[str, str]]:
    """What the page holds, and the texts of the files that it loads when they are looked at, by name; wrong ones first.

    Args:
        diagnosis: what was found.
        pictures: thumbnails.
        run: the run's record; `None`: there is none.
        most_inside: samples that the page may hold.
    """
    audit = run.audit.disagreements if run is not None and run.audit is not None else ()
    judged = {(one.task, one.sample_id): f"reads it as {one.judge}" for one in audit}
    samples = [_sample(item, finding, pictures, judged) for item, finding in wrong_first(diagnosis)]
    images = list(zip(pictures.uris, pictures.words, strict=True))
    data: dict[str, Any] = {
        "by": _BY,
        "causes": DEFINITIONS,
        "flags": WORDS,
        "states": STATES,
        "titles": {task: facts.title for task, facts in run.benchmarks.items()} if run is not None else {},
        "limit": _limit(run),
    }
    if len(samples) <= most_inside:
        return {**data, "samples": samples, "images": images}, {}
    details = [{name: value for name, value in one.items() if name == "q" or name not in _LISTED} for one in samples]
    listed = [{name: value for name, value in one.items() if name in _LISTED} for one in samples]
    listed = [{**one, "q": one["q"][:_LISTED_CHARACTERS]} if "q" in one else one for one in listed]
    files = dict(part for name, of in (("samples", details), ("images", images)) for part in _parts(name, of))
    return {**data, "samples": listed, "images": [], "parts": {"folder": PARTS, **_SIZES}}, files


def wrong_first(diagnosis: Diagnosis) -> list[tuple[Evidence, Finding]]:
    """The samples with what was found in them, those that are not right first."""
    found = zip(diagnosis.evidence, diagnosis.findings, strict=True)
    return sorted(found, key=lambda pair: (pair[0].is_right, pair[0].record.response.error is not None))


def files_of(page: Path) -> list[Path]:
    """A report and the files beside it that it loads."""
    return [page, *sorted((page.parent / PARTS).glob("*.js"))]


def _parts(name: str, of: Sequence[Any]) -> Iterator[tuple[str, str]]:
    size = _SIZES[name]
    for place, start in enumerate(range(0, len(of), size)):
        text = f"part({script_json(name)},{start},{script_json(of[start : start + size])})\n"
        yield f"{name}-{place}.js", text.encode("utf-8", "replace").decode("utf-8")


def _limit(run: RunRecord | None) -> str:
    """What the media went through before the model saw them."""
    settings = run.settings if run is not None else {}
    if settings.get("blind"):
        return f"not shown to the model: {settings['blind']}"
    most = (settings.get("engine_settings") or {}).get("max_pixels")
    return f"scaled to at most {most} pixels each for the model" if most else ""


def _sample(item: Evidence, finding: Finding, pictures: Thumbnails, judged: Mapping[Key, str]) -> dict[str, Any]:
    """One sample under short keys; what says nothing is left out."""
    sample, response, verdict = item.sample, item.record.response, item.verdict
    by_judge = verdict.rule == JUDGE
    sure = confidences([item])
    fields: Mapping[str, Any] = {
        "t": sample.task,
        "i": sample.id,
        "u": sample.subset,
        "q": sample.question,
        "p": sample.prompt,
        "c": dict(sample.choices) if sample.choices else None,
        "g": sample.target,
        "h": (sample.answer_kind == "caption") or None,
        "x": response.text,
        "e": response.error,
        "f": response.finish_reason,
        "n": response.completion_tokens,
        "np": response.prompt_tokens,
        "nv": response.visual_tokens,
        "a": verdict.answer,
        "w": verdict.rule and in_words(verdict.rule),
        "sp": None if by_judge else span_of(item.record),
        "s": verdict.status,
        "r": verdict.reason,
        "j": verdict.reason if by_judge else judged.get(item.key),
        "o": verdict.official,
        "oa": verdict.official_answer,
        "sc": {name: round(score, 4) for name, score in verdict.scores.items()} or None,
        "y": f"{number(sure[0].confidence)} %" if sure else None,
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


def span_of(record: SampleRecord) -> list[int] | None:
    """Where the words that the reading rests on stand in the response, counted as JavaScript counts letters."""
    if record.verdict.rule is None:
        return None
    reading = reading_of(record)
    if reading.span is None or reading.answer != record.verdict.answer:
        return None
    text = record.response.text
    return [len(text[:end].encode("utf-16-le", "surrogatepass")) // 2 for end in reading.span]
