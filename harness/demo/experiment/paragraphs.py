"""What the evidence page says first: what came out of every hypothesis, for whom it is, and what is described.

The verdicts are written from what is kept, so that none can be left out. A sentence after them is written only while
what is kept says so. Imported lazily only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain

from harness.core.errors import StoreError
from harness.demo.experiment.claims import DESCRIBED, JUDGED, Claim
from harness.demo.experiment.evidence import Evidence
from harness.demo.experiment.hypotheses import Tested, in_words
from harness.demo.experiment.plan import Plan
from harness.reports.markdown import code


def paragraphs(evidence: Evidence) -> str:
    """A paragraph of verdicts and for whom it is, the rows in words, and a list of what is described.

    Raises:
        StoreError: a block is not whole, or what is kept does not say what a sentence says: it has to be written anew.
    """
    if evidence.missing:
        raise StoreError(
            f"{', '.join(evidence.missing)} not whole: the page's sentences are about all blocks. Run 'harness demo "
            "experiment --plan' first, or leave out --document for the tables of what is there."
        )
    plan, tested = evidence.plan, [item for item in evidence.tested if item.is_tested]
    told = [f"{item.verdict.capitalize()}: that {_clause(item)} ({in_words(plan, item)})." for item in tested]
    untested = [in_words(plan, item) for item in evidence.tested if not item.is_tested]
    if untested:
        told.append("The hypotheses after it were therefore not tested.")
    first = " ".join([*told, *_checked(JUDGED, evidence)])
    beside = [f"*{title}.* {' '.join(_checked(claims, evidence))}" for title, claims in DESCRIBED.items()]
    if untested:
        beside.append(f"*The hypotheses that were not tested.* {'; '.join(untested)}.")
    lead = (
        "Described, and picked after it was seen: each interval is 95 % for itself, and *ahead* and *behind* say that "
        "it leaves out 0, as one of twenty does by chance."
    )
    listed = "\n".join(f"- {item}" for item in beside)
    return "\n\n".join([first, rows_in_words(plan, evidence.confirmed.results), lead, listed])


def rows_in_words(plan: Plan, rows: Iterable[str]) -> str:
    """What rows are."""
    return f"The rows: {'; '.join(f'{code(row)}, {plan.rows[row].what}' for row in rows)}."


def _clause(item: Tested) -> str:
    says = item.hypothesis.says.rstrip(".")
    return says[0].lower() + says[1:]


def _checked(claims: Sequence[Claim], evidence: Evidence) -> list[str]:
    said = [claim(evidence) for claim in claims]
    for sentence, holds in said:
        if not holds:
            raise StoreError(f"What is kept does not say: {sentence!r} Write harness/demo/experiment/claims.py anew.")
    return [sentence for sentence, _ in said]


def every_claim() -> list[Claim]:
    """All that is checked."""
    return [*JUDGED, *chain.from_iterable(DESCRIBED.values())]
