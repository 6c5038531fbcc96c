"""What sentences of the evidence page are checked on, and its tables made of. Imported lazily only."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.core.errors import StoreError
from harness.demo.experiment.doses import DOSE, Share, compare_doses
from harness.demo.experiment.exploration import tries, untold_score
from harness.demo.experiment.hypotheses import Tested, test_in_order
from harness.demo.experiment.plan import Plan
from harness.demo.experiment.results import (
    Comparer,
    Results,
    chosen_updates,
    draw_held_out,
    is_whole,
    match_seeds,
    read_results,
)
from harness.statistics.differences import Difference

BESIDE_MAIN: Final = ("parts", "rivals")
"""Blocks whose rows stand in one table with the main ones."""
ELSEWHERE: Final = "world-2"
"""The block of the other world."""
WHOLE: Final = "whole"
"""The kind of rows that are trained on the whole pool, so that equal updates are equal rollouts."""
MAIN: Final = ("base", "grpo", "caption", "method")
"""The confirmed rows that every other table has as well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What sentences are checked on, and tables made of: of the blocks that are whole.

    Attributes:
        plan: that it was made by.
        confirmed: the rows that are confirmed, at the chosen numbers of updates.
        tested: the hypotheses and what came out.
        by_updates: the confirmed rows that are trained on the whole pool, after each number of updates.
        cheap: the confirmed rows at about equal CPU seconds.
        tuned: means of both outcomes of a row's tries in the exploration, by row.
        untold: that mean of plain GRPO with the setting of `caption`, which its placebo has, too.
        described: the rows of `parts` and `rivals`, each with the main rows.
        doses: the rows at each share, at about equal CPU seconds; none where one of them is not whole.
        elsewhere: the rows in the other world; `None` where they are not whole.
    """

    plan: Plan
    confirmed: Comparer
    tested: Sequence[Tested]
    by_updates: Mapping[int, Comparer]
    cheap: Comparer
    tuned: Mapping[str, Sequence[float]]
    untold: float
    described: Mapping[str, Comparer]
    doses: Mapping[Share, Comparer]
    elsewhere: Comparer | None

    @property
    def tested_differences(self) -> dict[tuple[str, str, str], Difference]:
        """By row, row that it is compared with, and task."""
        return {key: of for item in self.tested if item.is_tested for key, of in item.differences.items()}

    @property
    def missing(self) -> list[str]:
        """Blocks that are not whole; of the pools what their names begin with."""
        there = {*self.described, *([DOSE] if self.doses else []), *([ELSEWHERE] if self.elsewhere else [])}
        return [name for name in (*BESIDE_MAIN, DOSE, ELSEWHERE) if name not in there]

    def compare(self, after: str, before: str, *, among: Comparer | None = None) -> list[Difference]:
        """Both outcomes of a row against another's, of the confirmed rows or others."""
        return (among or self.confirmed).compare(before, after, self.plan.figures)


@contextmanager
def gather(plan: Plan, results: Path) -> Iterator[Evidence]:
    """Read what is kept; the questions that were asked are drawn anew and are there as long as this is open.

    Args:
        plan: by which it was made.
        results: folder of all results.

    Raises:
        StoreError: what is confirmed is not whole, or was made otherwise than the plan has it by now.
    """
    confirmed, at = read_confirmed(plan, results), chosen_updates(plan, results)
    with ExitStack() as drawn:
        questions = drawn.enter_context(draw_held_out(confirmed))
        described = {}
        for block in (block for block in BESIDE_MAIN if is_whole(plan, results, block)):
            rows = [*MAIN, *plan.blocks[block].rows]
            found = match_seeds(read_results(plan, results, ["confirm", block], rows, at), rows)
            described[block] = Comparer(found, questions)
        elsewhere = None
        if is_whole(plan, results, ELSEWHERE):
            there = read_results(plan, results, [ELSEWHERE], plan.blocks[ELSEWHERE].rows, at)
            elsewhere = Comparer(there, drawn.enter_context(draw_held_out(there)))
        pools = all(is_whole(plan, results, name) for name in plan.blocks if name.startswith(DOSE))
        comparer = Comparer(confirmed, questions)
        yield Evidence(
            plan=plan,
            confirmed=comparer,
            tested=test_in_order(plan, comparer),
            by_updates=_by_updates(plan, results, questions),
            cheap=_cheap(plan, results, questions),
            tuned=tries(plan, results),
            untold=untold_score(plan, results),
            described=described,
            doses=compare_doses(plan, results, questions) if pools else {},
            elsewhere=elsewhere,
        )


def read_confirmed(plan: Plan, results: Path) -> Results:
    """What is confirmed, at the chosen numbers of updates.

    Raises:
        StoreError: it is not whole.
    """
    if not is_whole(plan, results, "confirm"):
        raise StoreError(f"'confirm' is not whole in {results}. Run 'harness demo experiment --plan' first.")
    return read_results(plan, results, ["confirm"], plan.blocks["confirm"].rows, chosen_updates(plan, results))


def _by_updates(plan: Plan, results: Path, questions: Path) -> dict[int, Comparer]:
    rows = [row for row in plan.blocks["confirm"].rows if plan.rows[row].kind == WHOLE]

    def read(at: Callable[[str], int]) -> Comparer:
        return Comparer(read_results(plan, results, ["confirm"], rows, at), questions)

    return {at: read({row: at for row in rows}.__getitem__) for at in plan.kinds[WHOLE].updates}


def _cheap(plan: Plan, results: Path, questions: Path) -> Comparer:
    even = [row for row in plan.blocks["confirm"].rows if plan.rows[row].seconds is None]
    at = {row: plan.kinds[of.kind].equal_cpu if of.kind else 0 for row, of in plan.rows.items()}
    return Comparer(read_results(plan, results, ["confirm"], even, at.__getitem__), questions)
