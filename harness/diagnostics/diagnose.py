"""Diagnosing a stored run: from its records to `diagnostics.json` and `findings.jsonl` in its folder."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from harness.answers.sections import SectionName
from harness.core.files import write_atomically
from harness.core.types import SampleRecord, Verdict
from harness.diagnostics import specs
from harness.diagnostics.attribution import attribute, count_causes, measure_causes, tabulate_confusion
from harness.diagnostics.calibration import measure_calibration
from harness.diagnostics.earlier import Given, remember
from harness.diagnostics.evidence import Evidence, Key, gather
from harness.diagnostics.figures import Figure
from harness.diagnostics.findings import Finding, find
from harness.diagnostics.judged import Asked, Judge, JudgeCheck, ask_judge, check_judge
from harness.diagnostics.objects import Annotations
from harness.diagnostics.other_runs import read_blind, read_repeats
from harness.diagnostics.position_bias import option_consistency, position_bias
from harness.diagnostics.repeats import join_repeats, measure_repeats
from harness.diagnostics.run_folder import (
    DIAGNOSTICS,
    FINDINGS,
    OF,
    SCHEMA_VERSION,
    find_annotations,
    latest_records,
    read_run_figures,
    read_settings,
)
from harness.runs.asked import sections_of
from harness.runs.folder import read_run
from harness.runs.records import RUN
from harness.runs.seals import seal

if TYPE_CHECKING:
    from harness.judges.caption import CaptionJudge

ALL: Final = "all"
"""The part of a figure's name that stands for all tasks of a run together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What was found in a run.

    Attributes:
        figures: in the order of the report: per task, then over all tasks if there are several.
        attribution: task to `{cause: {n, examples}}` over its wrong answers.
        confusion: task to `{cause by the world's rules: {cause by the judge: n}}`; empty without both.
        evidence: of each sample.
        findings: of each sample, in the same order.
        judge: identity of the judge, or `None`.
        asked: what the judge contributed, or `None`.
        check: how far the judge can be trusted, or `None`.
        missing: what could not be computed that a user may miss, one line each.
        blind_headlines: headline by task of the run without images or videos; empty without one, or if it has no end.
        given: what was given beside the run: option to paths from the run folder.
    """

    figures: Sequence[Figure]
    attribution: Mapping[str, Mapping[str, Mapping[str, Any]]]
    confusion: Mapping[str, Mapping[str, Mapping[str, int]]]
    evidence: Sequence[Evidence]
    findings: Sequence[Finding]
    judge: str | None
    asked: Asked | None
    check: JudgeCheck | None
    missing: Sequence[str]
    blind_headlines: Mapping[str, float | None] = field(default_factory=dict)
    given: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """What `diagnostics.json` holds."""
        judge: dict[str, Any] | None = None
        if self.judge is not None and self.asked is not None:
            judge = {
                "identity": self.judge,
                "questions": self.asked.questions,
                "failures": self.asked.failures,
                "problem": self.asked.problem,
            }
            if self.check is not None:
                judge["check"] = {figure.metric.name: figure.to_json() for figure in self.check.figures}
        return {
            "schema_version": SCHEMA_VERSION,
            "metrics": {figure.metric.name: figure.to_json() for figure in self.figures},
            "attribution": self.attribution,
            "confusion": self.confusion,
            "judge": judge,
            "missing": list(self.missing),
            "blind_headlines": self.blind_headlines,
            "given": dict(self.given),
        }


def diagnose(
    folder: Path,
    *,
    judge: CaptionJudge | None = None,
    blind: Path | None = None,
    repeats: Sequence[Path] = (),
    annotations: Path | None = None,
) -> Diagnosis:
    """Diagnose a run from its stored records and write what was found into its folder.

    A judge that fails, wholly or in part, leaves its figures out or rests them on fewer samples, and is named in
    `missing`; everything else is computed all the same. What is not given is what the diagnosis before was given.

    Args:
        folder: a run folder, finished or not.
        judge: answers questions from captions; `None`: what only a judge can tell is left out, unless one told before.
        blind: run folder of the same checkpoint and questions, asked without their images or videos.
        repeats: run folders of the same checkpoint and questions, sampled with other seeds.
        annotations: an annotation file, a folder that holds `annotations.jsonl`, or one with such a folder per task;
            `None`: a world's own for a run on its data.

    Raises:
        StoreError: no run, a record of it that is damaged, or the folder cannot be written.
        DataError: the annotations cannot be read.
        ModelError: the judge cannot be loaded.
        UsageError: `blind` or `repeats` do not belong to the run, see `harness.diagnostics.other_runs`.
    """
    figures, records, settings = read_run_figures(folder), latest_records(folder), read_settings(folder)
    given = Given(folder)
    found, left_out = given.read(
        "annotations", [annotations] if annotations else [], lambda paths: find_annotations(folder, paths[0], records)
    ) or find_annotations(folder, None, records)
    unseen, headlines = given.read(
        "blind", [blind] if blind else [], lambda paths: (read_blind(folder, records, paths[0]), _headlines(paths[0]))
    ) or (None, {})
    rest: dict[str, Any] = {
        "expected": {task: sections_of(settings, task) or () for task in {of.sample.task for of in records}},
        "blind": unseen,
        "repeats": given.read("repeats", repeats, lambda paths: read_repeats(folder, records, paths)) or (),
        "annotations": found,
    }
    asked = remember(folder, judge)
    diagnosis = examine(records, judge=asked, **rest)
    if judge is not None and asked is not None and not asked.answered and (before := remember(folder, None)):
        left_out = [*left_out, *diagnosis.missing, f"what {before.identity} had found before is kept."]
        diagnosis = examine(records, judge=before, **rest)
    missing = [*diagnosis.missing, *left_out, *given.left_out]
    diagnosis = replace(diagnosis, missing=missing, blind_headlines=headlines, given=given.kept)
    if asked is not None:
        asked.store()
    lines = (json.dumps(finding.to_json()) + "\n" for finding in diagnosis.findings)
    write_atomically(folder / FINDINGS, "".join(lines))
    found = json.loads(json.dumps(diagnosis.to_json() | {OF: figures}))  # As a reader of the file has it.
    sealed = found | {"seal": seal(found, folder / FINDINGS)}
    write_atomically(folder / DIAGNOSTICS, json.dumps(sealed, indent=2) + "\n")
    return diagnosis


def _headlines(blind: Path) -> dict[str, float | None]:
    """The headline of each task of a finished run."""
    if not (blind / RUN).exists():
        return {}
    return {task: result.metrics[result.headline].value for task, result in read_run(blind).tasks.items()}


def examine(
    records: Sequence[SampleRecord],
    *,
    expected: Mapping[str, tuple[SectionName, ...]],
    judge: Judge | None = None,
    blind: Mapping[Key, Verdict] | None = None,
    repeats: Sequence[Mapping[Key, SampleRecord]] = (),
    annotations: Mapping[str, Annotations] | None = None,
) -> Diagnosis:
    """Diagnose records; nothing is read or written.

    Args:
        records: each sample once.
        expected: sections that the prompts of each task asked for.
        judge: see `diagnose`.
        blind: verdicts on the same questions, asked without their images or videos.
        repeats: records of the same questions, sampled with other seeds.
        annotations: by task.
    """
    annotations = annotations or {}
    evidence = [
        gather(
            record,
            expected=expected[record.sample.task],
            annotations=annotations.get(record.sample.task),
            blind=(blind or {}).get((record.sample.task, record.sample.id)),
        )
        for record in records
    ]
    asked = check = None
    confusion: dict[str, Any] = {}
    if judge is not None:
        true_captions = _true_captions(evidence, annotations)
        check = check_judge(
            judge,
            [item.sample for item in evidence],
            true_captions=true_captions,
            captions={item.key: item.sections.caption for item in evidence if item.sections.caption},
        )
        confusion = _confuse(evidence, judge)
        evidence, asked = ask_judge(evidence, judge)
    parts = _parts(evidence)
    return Diagnosis(
        figures=[
            figure
            for part, items in parts.items()
            for figure in (*measure_all(items, part=part), *_measure_repeats(items, repeats, part=part))
        ],
        attribution={part: count_causes(items) for part, items in parts.items() if part != ALL},
        confusion=confusion,
        evidence=evidence,
        findings=[find(item) for item in evidence],
        judge=judge.identity if judge is not None else None,
        asked=asked,
        check=check,
        missing=_missing(evidence, judge, asked),
    )


def measure_all(evidence: Sequence[Evidence], *, part: str) -> list[Figure]:
    """Every figure over some samples, those of the attribution first."""
    return [
        *measure_causes(evidence, part=part),
        *(specs.measure(of, evidence, part=part) for of in specs.diagnostics()),
        option_consistency(evidence, part=part),
        position_bias(evidence, part=part),
        *measure_calibration(evidence, part=part),
    ]


def _measure_repeats(
    evidence: Sequence[Evidence], repeats: Sequence[Mapping[Key, SampleRecord]], *, part: str
) -> list[Figure]:
    if not repeats:
        return []
    return measure_repeats(join_repeats((item.record for item in evidence), repeats), part=part)


def _parts(evidence: Sequence[Evidence]) -> dict[str, Sequence[Evidence]]:
    parts: dict[str, list[Evidence]] = defaultdict(list)
    for item in evidence:
        parts[item.sample.task].append(item)
    return {**parts, **({ALL: evidence} if len(parts) > 1 else {})}


def _confuse(evidence: Sequence[Evidence], judge: Judge) -> dict[str, Any]:
    """Causes by the rules of a world, where they tell, against the causes that the judge alone would find."""
    known = [item for item in evidence if item.caption is not None and item.caption.by == "world"]
    judged, _ = ask_judge([replace(item, caption=None, think=None) for item in known], judge)
    tables = {}
    for task in dict.fromkeys(item.sample.task for item in known):
        pairs = [(a, b) for a, b in zip(known, judged, strict=True) if a.sample.task == task]
        tables[task] = tabulate_confusion([attribute(a) for a, _ in pairs], [attribute(b) for _, b in pairs])
    return tables


def _true_captions(evidence: Sequence[Evidence], annotations: Mapping[str, Annotations]) -> dict[Key, str]:
    captions: dict[Key, str] = {}
    for item in evidence:
        of_task = annotations.get(item.sample.task)
        annotation = of_task.samples.get(item.sample.id) if of_task is not None else None
        if annotation is None:
            continue
        if annotation.captions:
            captions[item.key] = annotation.captions[0]
        elif annotation.rules is not None:
            captions[item.key] = annotation.rules.true_caption(annotation.row)
    return captions


def _missing(evidence: Sequence[Evidence], judge: Judge | None, asked: Asked | None) -> list[str]:
    lines = []
    unread = sum(
        bool(item.sections.caption) and item.caption is None and not item.leaks and item.sample.answer_kind != "caption"
        for item in evidence
    )
    if judge is None and unread:
        lines.append(
            f"{unread} captions were not judged: caption fidelity, and perception and reasoning errors, rest on the "
            "other samples. Give a judge: harness diagnose RUN --caption-judge MODEL."
        )
    if asked is not None and asked.failures:
        why = f": {asked.problem}" if asked.problem else ""
        lines.append(f"the judge did not answer {asked.failures} of {asked.questions} questions{why}")
    if not any(item.sections.structured for item in evidence):
        lines.append("no response has sections (direct prompts): what is read from them is not applicable.")
    return lines
