"""Multiple choice: does the model mind where an option stands?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from string import ascii_uppercase
from typing import Final

from harness.diagnostics.evidence import Evidence
from harness.diagnostics.figures import Amount, DiagnosticSpec, Figure, estimate_figure, estimate_spread

CONSISTENCY: Final = DiagnosticSpec(
    name="option_consistency",
    title="same choice in every order of options",
    definition="Share of questions asked under several orders of their options (rotations) on which the same "
    "option is chosen under every order, right or wrong; an unanswered one counts as not the same.",
    reason="not applicable: no question was asked under several orders of its options",
    better=1,
    plotted=True,
)
POSITION_BIAS: Final = DiagnosticSpec(
    name="position_bias",
    title="bias to option letters",
    definition="Standard deviation over the letters of the share of right answers where that letter is the gold answer "
    "(RStd: Zheng et al., ICLR 2024): 0 for a model that does not mind positions.",
    reason="not applicable: fewer than two letters are gold answers",
    plotted=True,
)


def option_consistency(evidence: Sequence[Evidence], *, part: str) -> Figure:
    """Agreement of the chosen options over the rotations of a question, over the questions with at least two."""
    groups: dict[tuple[str, str], list[Evidence]] = defaultdict(list)
    for item in evidence:
        if item.sample.answer_kind == "choice" and item.sample.group is not None:
            groups[item.sample.task, item.sample.group].append(item)
    amounts = []
    errors = 0
    for (task, group), items in groups.items():
        if len(items) < 2:
            continue
        if any(item.record.response.error is not None for item in items):
            errors += 1
            continue
        chosen = {_chosen_text(item) for item in items}
        same = len(chosen) == 1 and None not in chosen
        amounts.append(Amount(task, group, group, float(same), example=not same))
    return estimate_figure(CONSISTENCY, part, amounts, n_errors=errors)


def _chosen_text(item: Evidence) -> str | None:
    answer, choices = item.verdict.answer, item.sample.choices
    return choices.get(answer) if answer is not None and choices else None


def position_bias(evidence: Sequence[Evidence], *, part: str) -> Figure:
    """Spread of the recall between the letters, over the multiple-choice questions."""
    asked = [item for item in evidence if item.sample.answer_kind == "choice"]
    scored = [item for item in asked if item.record.response.error is None]
    rows = ((item.sample.target, Amount.of(item.sample, float(item.is_right))) for item in scored)
    return estimate_spread(POSITION_BIAS, part, ascii_uppercase, rows, n_errors=len(asked) - len(scored))
