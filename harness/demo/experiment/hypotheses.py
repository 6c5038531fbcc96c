"""The hypotheses of the plan, tested in their order. Imported lazily only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.demo.experiment.plan import Hypothesis, Outcome, Plan
from harness.demo.experiment.results import Comparer
from harness.demo.experiment.settings import TITLES
from harness.reports.differences import change
from harness.reports.markdown import code, table
from harness.statistics.differences import Difference, test_together
from harness.statistics.intervals import LEVEL


@dataclass(frozen=True, slots=True, kw_only=True)
class Tested:
    """A hypothesis and what came out.

    Attributes:
        hypothesis: of the plan.
        differences: by pair and task.
        verdict: `shown`, `not shown`, or `described`: one before it was not shown, so that it is not tested.
    """

    hypothesis: Hypothesis
    differences: Mapping[tuple[str, str, str], Difference]
    verdict: str

    @property
    def is_tested(self) -> bool:
        """Whether all before it were shown."""
        return self.verdict != "described"

    @property
    def level(self) -> float:
        """Of each of its intervals."""
        return LEVEL if not self.is_tested else 1 - (1 - LEVEL) / len(self.differences)


def test_in_order(plan: Plan, comparer: Comparer) -> list[Tested]:
    """The hypotheses one after the other, each while all before it were shown."""
    found, going_on = [], True
    for hypothesis in plan.hypotheses:
        keys = [(*pair, outcome) for pair in hypothesis.pairs for outcome in plan.outcomes]
        items = [
            item
            for after, before, outcome in keys
            for item in comparer.compare(before, after, [(outcome.task, outcome.measure)])
        ]
        items = test_together(items) if going_on else items
        holds = [_holds(hypothesis, outcome, item) for (_, _, outcome), item in zip(keys, items, strict=True)]
        verdict = ("shown" if all(holds) else "not shown") if going_on else "described"
        going_on = going_on and all(holds)
        told = {(after, before, outcome.task): item for (after, before, outcome), item in zip(keys, items, strict=True)}
        found.append(Tested(hypothesis=hypothesis, differences=told, verdict=verdict))
    return found


test_in_order.__test__ = False  # type: ignore[attr-defined]  # Not one of pytest's.


def _holds(hypothesis: Hypothesis, outcome: Outcome, item: Difference) -> bool:
    if hypothesis.claim == "better":
        return is_gain(item)
    return item.high is not None and 100 * item.high < outcome.margin


def is_gain(item: Difference) -> bool:
    """Whether its interval is above 0."""
    return item.low is not None and item.low > 0


def is_loss(item: Difference) -> bool:
    """Whether its interval is below 0."""
    return item.high is not None and item.high < 0


def hypothesis_table(plan: Plan, tested: Sequence[Tested]) -> str:
    """The hypotheses in their order, and what came out."""
    rows = [
        [_says(plan, item.hypothesis), in_words(plan, item), f"{100 * item.level:.2f} % each", item.verdict]
        for item in tested
    ]
    heads = ["hypothesis", "in points", "intervals", "verdict"]
    return "**Hypotheses**, each tested while all before it were shown; what is described is not tested.\n\n" + table(
        heads, rows, align=["left"] * len(heads)
    )


def _says(plan: Plan, hypothesis: Hypothesis) -> str:
    if hypothesis.claim == "better":
        return hypothesis.says
    gains = " and ".join(f"{outcome.margin:g} points of {TITLES[outcome.task]}" for outcome in plan.outcomes)
    return f"{hypothesis.says} (It is shown where gains of {gains} are excluded, smaller ones or not.)"


def in_words(plan: Plan, item: Tested) -> str:
    """What came out of each pair of a hypothesis."""
    return "; ".join(
        f"{code(after)} over {code(before)} "
        + " and ".join(
            f"{change(item.differences[after, before, outcome.task])} of {TITLES[outcome.task]}"
            for outcome in plan.outcomes
        )
        for after, before in item.hypothesis.pairs
    )
