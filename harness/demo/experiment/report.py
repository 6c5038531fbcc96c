"""What is reported of what is kept: tables between markers of a document, and a picture beside it.

Imported lazily only.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from harness.core.files import write_atomically
from harness.demo.experiment.blocks import RESULTS, describe
from harness.demo.experiment.claims import Evidence, paragraph
from harness.demo.experiment.curves import draw_rows
from harness.demo.experiment.plan import load_plan
from harness.demo.experiment.results import (
    FIRST,
    SEED_FREE,
    Comparer,
    Results,
    draw_held_out,
    match_seeds,
    read_results,
)
from harness.demo.experiment.second import DOSE, doses, draw_doses, is_whole, sections
from harness.demo.experiment.settings import HEADLINES
from harness.demo.experiment.tables import difference_table, learning, score_tables, signs, similarity
from harness.reports.markdown import code
from harness.reports.splicing import update_document
from harness.statistics.differences import Difference, test_together

TABLES: Final = "tables.md"
MAIN: Final = (SEED_FREE, "sft", "grpo", "method")
"""The rows of the paper's main table."""
AGAINST: Final = ("grpo", "sft", SEED_FREE)
"""Rows against which the first plan tested the method."""
PARTS: Final = (
    *(*MAIN, "no_caption", "no_infonce", "no_selection", "hard_only", "easy_only"),
    *("infonce_0.54", "infonce_q0.5", "infonce_hidden"),
)
"""All rows of the first plan."""


def write_report(out: Path, *, document: Path | None) -> str:
    """Write the tables into the experiment's folder and, where one is given, between the markers of a document.

    The document gets pictures beside it: `NAME.svg`, the training curves of the first plan, and `NAME-doses.svg`, once
    the blocks are whole that it shows. Its first paragraph is that of `claims`.

    Args:
        out: folder of the experiment.
        document: a file with lines `<!-- NAME:start -->` and `<!-- NAME:end -->` for `claims`, `plan` and `experiment`.

    Returns:
        The tables.

    Raises:
        StoreError: nothing is finished.
        UsageError: the document lacks its markers.
    """
    plan, results, first = load_plan(), out / RESULTS, read_first(out)
    with draw_held_out(first) as held_out:
        tables, evidence = _first(first, held_out, results)
    text = "\n\n".join(tables) + "\n"
    planned = "\n\n".join([describe(out), *sections(plan, results)])
    write_atomically(out / TABLES, f"{planned}\n\n{text}")
    if document is not None:
        curves, dose = document.with_suffix(".svg"), document.with_name(f"{document.stem}-doses.svg")
        if all(is_whole(plan, results, name) for name in plan.blocks if name.startswith(DOSE) or name == "confirm"):
            write_atomically(dose, draw_doses(plan, doses(plan, results)))
            planned += f"\n\n![Dose and response, mean over seeds]({dose.name})"
        update_document(document, paragraph(evidence), "claims", "--document")
        update_document(document, planned, "plan", "--document")
        shown = f"![Training curves, mean over seeds, a point for ten updates]({curves.name})"
        update_document(document, f"{text}\n{shown}", "experiment", "--document")
        write_atomically(curves, draw_rows(first))
    return text


def read_first(out: Path) -> Results:
    """The results of the first plan."""
    return read_results(load_plan(), out / RESULTS, [FIRST], PARTS, lambda row: 60)


def main_rows(out: Path) -> Results:
    """The rows of the board."""
    return match_seeds(read_first(out), MAIN)


def _first(results: Results, held_out: Path, folder: Path) -> tuple[list[str], Evidence]:
    main, parts = match_seeds(results, MAIN), match_seeds(results, PARTS)
    comparer, of_parts = Comparer(main, held_out), Comparer(parts, held_out)
    tested = test_method(comparer)
    seeds = ", ".join(map(str, parts["method"]))
    figures = [(task, name) for task, name, _ in HEADLINES if task in ("pope", "videohallucer")]
    without = {
        (row, task): item
        for row in ("no_caption", "no_infonce", "no_selection")
        for (task, _), item in zip(figures, of_parts.compare("method", row, figures), strict=True)
    }
    evidence = Evidence(results=folder, main=main, tested=tested, parts=without)
    return [
        *score_tables(main),
        "**Differences** in points, over questions and seeds together, with 95 % intervals. Tested is `method` against "
        f"{', '.join(map(code, AGAINST))}, the comparisons of the paper's main table: {len(tested)} differences "
        "together, so that their intervals hold all at once in 95 %; bold: a difference is shown. All others are "
        "described only, each interval for itself.",
        *(difference_table(comparer, against, MAIN, tested) for against in AGAINST),
        f"**Parts of the method**, described only, on the seeds that all rows have ({seeds}).",
        *score_tables(parts),
        difference_table(of_parts, "method", [row for row in PARTS if row not in MAIN]),
        difference_table(of_parts, "grpo", [row for row in PARTS if row not in MAIN]),
        signs(parts),
        similarity(parts),
        learning(parts),
    ], evidence


def test_method(comparer: Comparer) -> Mapping[tuple[str, str, str], Difference]:
    """The differences that the first plan tested together, by row, row that it is compared with, and task."""
    figures = [(task, name) for task, name, _ in HEADLINES]
    found = {
        ("method", against, task): item
        for against in AGAINST
        for (task, _), item in zip(figures, comparer.compare(against, "method", figures), strict=False)
    }
    return dict(zip(found, test_together(list(found.values())), strict=True))


test_method.__test__ = False  # type: ignore[attr-defined]  # Not one of pytest's.
