"""What is reported of what is kept: tables between markers of a document, and pictures beside it.

Imported lazily only.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from harness.core.errors import StoreError
from harness.core.files import write_atomically
from harness.demo.experiment.blocks import RESULTS, describe
from harness.demo.experiment.claims import Evidence, paragraphs
from harness.demo.experiment.curves import draw_rows
from harness.demo.experiment.doses import DOSE, compare_doses, draw_doses
from harness.demo.experiment.exploration import tries, untold_score
from harness.demo.experiment.hypotheses import test_in_order
from harness.demo.experiment.plan import Plan, load_plan
from harness.demo.experiment.results import (
    Comparer,
    Results,
    chosen_updates,
    draw_held_out,
    is_whole,
    match_seeds,
    read_results,
)
from harness.demo.experiment.sections import sections
from harness.reports.splicing import update_document

TABLES: Final = "tables.md"
BOARD: Final = ("base", "sft", "rft", "grpo", "caption", "method", "combination")
"""The confirmed rows that stand on the board: without the control, and without the second way to imitate."""
WHOLE: Final = "whole"
"""The kind of rows that are trained on the whole pool, so that equal updates are equal rollouts."""
MAIN: Final = ("base", "grpo", "caption", "method")
"""The confirmed rows that every other table has as well."""


def write_report(out: Path, *, document: Path | None) -> str:
    """Write the tables into the experiment's folder and, where one is given, between the markers of a document.

    The document gets pictures beside it: `NAME.svg`, the training curves, and `NAME-doses.svg`, once the blocks are
    whole that it shows. Its first paragraphs are those of `claims`.

    Args:
        out: folder of the experiment.
        document: a file with lines `<!-- NAME:start -->` and `<!-- NAME:end -->` for `claims`, `plan` and `experiment`.

    Returns:
        The tables.

    Raises:
        StoreError: what is confirmed is not whole, or what is kept does not say what the first paragraphs say.
        UsageError: the document lacks its markers.
    """
    plan, results = load_plan(), out / RESULTS
    confirmed = read_confirmed(plan, results)
    with draw_held_out(confirmed) as questions:
        evidence = gather(plan, results, confirmed, questions)
        text = "\n\n".join(sections(plan, results, evidence)) + "\n"
        write_atomically(out / TABLES, f"{describe(out)}\n\n{text}")
        if document is None:
            return text
        curves, dose = document.with_suffix(".svg"), document.with_name(f"{document.stem}-doses.svg")
        shown = [f"![Training curves, mean over seeds, a point for ten updates]({curves.name})"]
        write_atomically(curves, draw_rows(confirmed))
        if evidence.doses:
            write_atomically(dose, draw_doses(plan, {share: of.results for share, of in evidence.doses.items()}))
            shown.append(f"![Dose and response, mean over seeds]({dose.name})")
        update_document(document, paragraphs(evidence), "claims", "--document")
        update_document(document, describe(out), "plan", "--document")
        update_document(document, "\n\n".join([text, *shown]), "experiment", "--document")
    return text


def read_confirmed(plan: Plan, results: Path) -> Results:
    """What is confirmed, at the chosen numbers of updates.

    Raises:
        StoreError: it is not whole.
    """
    if not is_whole(plan, results, "confirm"):
        raise StoreError(f"'confirm' is not whole in {results}. Run 'harness demo experiment --plan' first.")
    return read_results(plan, results, ["confirm"], plan.blocks["confirm"].rows, chosen_updates(plan, results))


def board_rows(out: Path) -> Results:
    """The rows of the board."""
    return match_seeds(read_confirmed(load_plan(), out / RESULTS), BOARD)


def gather(plan: Plan, results: Path, confirmed: Results, questions: Path) -> Evidence:
    """All that sentences and tables are made of, of the blocks that are whole.

    Args:
        plan: that it was made by.
        results: folder of all results.
        confirmed: what is confirmed.
        questions: folder of the held-out questions, which is read as long as the evidence is used.
    """
    at, comparer = chosen_updates(plan, results), Comparer(confirmed, questions)
    described = {}
    for block in ("parts", "rivals"):
        if is_whole(plan, results, block):
            rows = [*MAIN, *plan.blocks[block].rows]
            found = match_seeds(read_results(plan, results, ["confirm", block], rows, at), rows)
            described[block] = Comparer(found, questions)
    whole = all(is_whole(plan, results, name) for name in plan.blocks if name.startswith(DOSE))
    return Evidence(
        plan=plan,
        confirmed=comparer,
        tested=test_in_order(plan, comparer),
        by_updates=_by_updates(plan, results, questions),
        cheap=_cheap(plan, results, questions),
        tuned=tries(plan, results),
        untold=untold_score(plan, results),
        described=described,
        doses=compare_doses(plan, results, questions) if whole else {},
    )


def _by_updates(plan: Plan, results: Path, questions: Path) -> dict[int, Comparer]:
    rows = [row for row in plan.blocks["confirm"].rows if plan.rows[row].kind == WHOLE]
    return {
        at: Comparer(read_results(plan, results, ["confirm"], rows, {row: at for row in rows}.__getitem__), questions)
        for at in plan.kinds[WHOLE].updates
    }


def _cheap(plan: Plan, results: Path, questions: Path) -> Comparer:
    even = [row for row in plan.blocks["confirm"].rows if plan.rows[row].seconds is None]
    at = {row: plan.kinds[of.kind].equal_cpu if of.kind else 0 for row, of in plan.rows.items()}
    return Comparer(read_results(plan, results, ["confirm"], even, at.__getitem__), questions)
