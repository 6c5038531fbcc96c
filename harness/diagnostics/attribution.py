"""Where it went wrong: every wrong answer is put down to one cause.

In the order in which they are tried:

- truncation: the token budget cut the response off before it held an answer;
- format: the response is whole but holds no answer (missing or empty, or a refusal);
- commitment: the thinking concludes the right answer, the answer says otherwise;
- perception: the caption does not support the right answer: it does not follow from the caption alone;
- reasoning: the caption supports the right answer, the thinking concludes otherwise;
- unattributed: nobody can tell what the caption supports or the thinking concludes, there is no caption or no thinking,
  or no rule reads the answer or settles that it is wrong.

Commitment is tried before perception because it needs the thinking only and is the last step that failed: a thinking
that comes to the right answer from a wrong caption did not lose it there. Responses to direct prompts have no sections:
truncation and format can be told from them, the rest is unattributed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal

from harness.diagnostics.evidence import Evidence, agrees
from harness.diagnostics.figures import EXAMPLES, Amount, DiagnosticSpec, Figure, estimate_figure

Cause = Literal["perception", "reasoning", "commitment", "format", "truncation", "unattributed"]
CAUSES: Final[tuple[Cause, ...]] = ("perception", "reasoning", "commitment", "format", "truncation", "unattributed")

DEFINITIONS: Final[Mapping[Cause, str]] = {
    "perception": "the right answer does not follow from the caption",
    "reasoning": "it follows from the caption, but the thinking concludes otherwise",
    "commitment": "the thinking concludes the right answer, but the answer says otherwise",
    "format": "the response is whole but holds no answer: it is missing, empty or a refusal",
    "truncation": "the token budget cut the response off before it held an answer",
    "unattributed": "what the answer is, the caption supports or the thinking concludes could not be told",
}


def attribute(item: Evidence) -> Cause | None:
    """The cause of one wrong answer; `None` for a right one and for a sample without a response."""
    verdict = item.verdict
    if verdict.status in ("correct", "error"):
        return None
    if verdict.is_unsettled:
        return "unattributed"
    if verdict.answer is None:
        return "truncation" if _was_cut_off(item) else "format"
    concludes_right = None if item.think is None else agrees(item.sample, item.think.answer, item.sample.target)
    if concludes_right:
        return "commitment"
    if item.supports is False:
        return "perception"
    if item.supports and concludes_right is False:
        return "reasoning"
    return "unattributed"


def _was_cut_off(item: Evidence) -> bool:
    """The engine says so; where it does not say, whether the response ends inside a section before the answer."""
    reason = item.record.response.finish_reason
    return item.sections.cut_off if reason is None else reason == "length"


def has_sections(evidence: Iterable[Evidence]) -> bool:
    """Whether any response has a caption or a thinking, so that perception, reasoning and commitment can be told.

    A description that was asked for is a caption.
    """
    return any(
        item.sections.caption or item.sections.think or item.sample.answer_kind == "caption" for item in evidence
    )


def count_causes(evidence: Iterable[Evidence]) -> dict[str, dict[str, Any]]:
    """Wrong answers of one task by cause, with example ids: `{cause: {n, examples}}`.

    Causes that cannot be told because no response has sections are left out, not 0.
    """
    items = list(evidence)
    causes: Iterable[Cause] = CAUSES if has_sections(items) else ("format", "truncation", "unattributed")
    counts: dict[str, dict[str, Any]] = {cause: {"n": 0, "examples": []} for cause in causes}
    for item in items:
        cause = attribute(item)
        if cause is None:
            continue
        counts[cause]["n"] += 1
        if len(counts[cause]["examples"]) < EXAMPLES:
            counts[cause]["examples"].append(item.sample.id)
    return counts


def measure_causes(evidence: Iterable[Evidence], *, part: str) -> list[Figure]:
    """The share of all answers (right ones included) that went wrong for each cause, as figures `PART/wrong_CAUSE`."""
    items = list(evidence)
    answered = [item for item in items if item.record.response.error is None]
    structured = has_sections(answered)
    told: tuple[Cause, ...] = CAUSES if structured else ("format", "truncation", "unattributed")
    found = [(item, attribute(item)) for item in answered]
    figures = []
    for cause in CAUSES:
        spec = DiagnosticSpec(
            name=f"wrong_{cause}",
            title=f"wrong answers by {cause}",
            definition=f"Share of all answers that are wrong for this cause: {DEFINITIONS[cause]}.",
            reason="not applicable: no response has a caption or a thinking; ask with --prompt grounded",
        )
        amounts = [
            Amount.of(item.sample, float(of == cause), example=of == cause)
            for item, of in (found if cause in told else ())
        ]
        figures.append(estimate_figure(spec, part, amounts, n_errors=len(items) - len(answered)))
    return figures


def tabulate_confusion(true: Iterable[Cause | None], found: Iterable[Cause | None]) -> dict[str, dict[str, int]]:
    """How often each true cause was found to be which: `{true: {found: n}}`; `right` stands for no cause."""
    table: dict[str, dict[str, int]] = {}
    for cause, other in zip(true, found, strict=True):
        row = table.setdefault(cause or "right", {})
        row[other or "right"] = row.get(other or "right", 0) + 1
    return table
