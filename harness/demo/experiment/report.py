"""What is reported of what is kept: tables between markers of a document, and pictures beside it.

Imported lazily only.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from harness.core.files import write_atomically
from harness.demo.experiment.blocks import RESULTS, describe
from harness.demo.experiment.curves import draw_rows
from harness.demo.experiment.doses import draw_doses
from harness.demo.experiment.evidence import gather, read_confirmed
from harness.demo.experiment.paragraphs import paragraphs
from harness.demo.experiment.plan import load_plan
from harness.demo.experiment.results import Results, match_seeds
from harness.demo.experiment.sections import sections
from harness.reports.splicing import update_document

TABLES: Final = "tables.md"
BOARD: Final = ("base", "sft", "rft", "grpo", "caption", "method", "combination")
"""The confirmed rows that stand on the board: without the control, and without the second way to imitate."""


def write_report(out: Path, *, document: Path | None) -> str:
    """Write the tables into the experiment's folder and, where one is given, between the markers of a document.

    The document gets pictures beside it: `NAME.svg`, the training curves, and `NAME-doses.svg`. Its first paragraphs
    are those of `paragraphs`.

    Args:
        out: folder of the experiment.
        document: a file with lines `<!-- NAME:start -->` and `<!-- NAME:end -->` for `claims`, `plan` and `experiment`.

    Returns:
        The tables.

    Raises:
        StoreError: what is confirmed is not whole, or for a document anything else is not, or what is kept does not say
            what the first paragraphs say.
        UsageError: the document lacks its markers.
    """
    plan, results = load_plan(), out / RESULTS
    with gather(plan, results) as evidence:
        text = "\n\n".join(sections(plan, results, evidence)) + "\n"
        write_atomically(out / TABLES, f"{describe(out)}\n\n{text}")
        if document is None:
            return text
        first = paragraphs(evidence)  # Or neither it nor a picture is written.
        curves, dose = document.with_suffix(".svg"), document.with_name(f"{document.stem}-doses.svg")
        write_atomically(curves, draw_rows(evidence.confirmed.results))
        write_atomically(dose, draw_doses(plan, {share: of.results for share, of in evidence.doses.items()}))
        shown = (
            f"![Training curves, mean over seeds, a point for ten updates]({curves.name})",
            f"![Dose and response, mean over seeds]({dose.name})",
        )
        update_document(document, first, "claims", "--document")
        update_document(document, describe(out), "plan", "--document")
        update_document(document, "\n\n".join([text, *shown]), "experiment", "--document")
    return text


def board_rows(out: Path) -> Results:
    """The rows of the board."""
    return match_seeds(read_confirmed(load_plan(), out / RESULTS), BOARD)
