"""The tables of the page, those of the hypotheses first. Imported lazily only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from harness.demo.experiment.doses import dose_table
from harness.demo.experiment.evidence import ELSEWHERE, Evidence
from harness.demo.experiment.exploration import chosen_table, combined_table
from harness.demo.experiment.hypotheses import hypothesis_table
from harness.demo.experiment.paragraphs import rows_in_words
from harness.demo.experiment.plan import Plan
from harness.demo.experiment.results import (
    SEED_FREE,
    Comparer,
    Results,
    read_results,
    score_of,
)
from harness.demo.experiment.settings import titles_of
from harness.demo.experiment.tables import (
    by_row,
    cost_table,
    difference_table,
    learning,
    levels,
    score_tables,
    signs,
    similarity,
)
from harness.reports.differences import change
from harness.reports.markdown import code, table

BESIDE: Final = (
    ("placebo", "grpo", "what a second reward does that is not about the picture"),
    ("caption", "rft_captions", "fine-tuning that has the judge, too, which `rft` lacks"),
    ("caption", "sft", "the oracle"),
    ("combination", "caption", "what PAPO adds to the caption reward"),
    ("combination", "rft_captions", "fine-tuning that has the judge, too"),
    ("method", "grpo", "the paper's own comparison"),
    ("method", "rft_captions", "fine-tuning that has the judge, too"),
)
"""Differences that no hypothesis has and that a reader asks for, and why."""

PAPER: Final = (
    ("grpo", "base", "plain GRPO against its start", "a little up", "46.5 to 42.3"),
    ("sft", "base", "fine-tuning against its start", "", "46.5 to 43.5"),
    ("method", "base", "the method against its start", "up", "up"),
    ("method", "grpo", "the method against plain GRPO", "+5.1", "+8.5"),
    ("method", "sft", "the method against fine-tuning", "+6.5", "+7.3"),
    ("no_caption", "method", "without the caption reward, on other prompts", "-3.5", ""),
    ("no_contrast", "method", "without the contrastive term", "-1.9", ""),
    ("no_selection", "method", "on all prompts, with `caption`'s setting", "down", ""),
)
"""What the paper says: a row, what it is held against, in words, and its changes of both outcomes where it has them."""


def sections(plan: Plan, results: Path, evidence: Evidence) -> list[str]:
    """All tables of the blocks that are whole."""
    confirmed = evidence.confirmed
    kinds = {row: of for row in confirmed.results if (of := plan.rows[row].kind)}
    most = max(plan.rollouts(row, plan.kinds[of].updates[-1]) for row, of in kinds.items())
    capped = f"at the chosen numbers of updates: no row may spend more than {most:,} rollouts; the cost is below."
    told = [
        hypothesis_table(plan, evidence.tested),
        beside_table(evidence),
        f"**What is confirmed**, {capped}",
        *_told(confirmed, list(confirmed.results), ("base", "grpo", "caption", "method"), evidence),
        seeds_table(plan, confirmed.results),
        updates_table(plan, results),
        ahead_table(evidence),
        *_equal_cpu(evidence.cheap, list(confirmed.results)),
    ]
    for block, comparer in evidence.described.items():
        told.append(f"**{block.capitalize()}**, {capped} {rows_in_words(plan, plan.blocks[block].rows)}")
        told += _told(comparer, plan.blocks[block].rows, ("grpo", "caption", "method"), None)
    told += [dose_table(plan, evidence.doses)] if evidence.doses else []
    told += _other_world(evidence.elsewhere, plan.blocks[ELSEWHERE].rows) if evidence.elsewhere else []
    told.append(paper_table(evidence))
    return [part for part in [*told, chosen_table(plan, results), combined_table(plan, results)] if part]


def _told(comparer: Comparer, rows: Sequence[str], against: Sequence[str], evidence: Evidence | None) -> list[str]:
    """What is said of some rows: scores, cost, differences from others, and all that was measured beside."""
    tested = evidence.tested_differences if evidence else {}
    found = comparer.results
    return [
        *score_tables(found),
        cost_table(found),
        *(difference_table(comparer, one, rows, tested) for one in against),
        signs(found),
        similarity(found),
        learning(found),
    ]


def beside_table(evidence: Evidence) -> str:
    """What stands beside the hypotheses."""
    rows = [
        [f"{code(after)} over {code(before)}", *map(change, evidence.compare(after, before)), why]
        for after, before, why in BESIDE
    ]
    heads = ["difference", *titles_of(evidence.plan), "why it is here"]
    return "**Beside them**, described: each interval 95 % for itself.\n\n" + table(
        heads, rows, align=["left", "right", "right", "left"]
    )


def paper_table(evidence: Evidence) -> str:
    """What the paper says and what came out here, of the rows that are there."""
    places = [evidence.confirmed, *evidence.described.values()]
    rows = []
    for after, before, words, *said in PAPER:
        found = next((of for of in places if {after, before} <= {*of.results}), None)
        if found is not None:
            here = map(change, evidence.compare(after, before, among=found))
            rows.append([words, *(cell for pair in zip(said, here, strict=True) for cell in pair)])
    titles = titles_of(evidence.plan)
    heads = ["", *(head for title in titles for head in (f"{title}: the paper", "here"))]
    return (
        "**Against the paper**, whose figures are of a model of 7 billion parameters on the benchmarks themselves; "
        "here each interval is 95 % for itself.\n\n" + table(heads, rows, align=["left"] + 2 * ["left", "right"])
    )


def seeds_table(plan: Plan, results: Results) -> str:
    """Both outcomes of every seed: where training goes one of two ways, a mean over seeds is neither."""

    def cell(result: Mapping[str, Any]) -> str:
        return " / ".join(f"{100 * float(result['scores'][of.task][of.measure]):.1f}" for of in plan.outcomes)

    titles = " / ".join(titles_of(plan))
    rows = {row: [cell(of) for of in seeds.values()] for row, seeds in results.items() if row != SEED_FREE}
    heads = [f"seed {seed}" for seed in plan.blocks["confirm"].seeds]
    return by_row(f"**Every seed**, {titles}.", heads, rows)


def updates_table(plan: Plan, results: Path) -> str:
    """The outcomes of what is confirmed after every number of updates at which it was asked."""
    rows = {}
    for run in plan.runs("confirm", score_of(plan, results)):
        for at in (at for at in run.updates if f"{run.row}, {at}" not in rows):
            found = read_results(plan, results, ["confirm"], [run.row], {run.row: at}.__getitem__)
            rows[f"{run.row}, {at}"] = levels(found[run.row], plan.figures)
    heads = [*titles_of(plan), "yes/no at a glance"]
    return by_row("**After every number of updates** at which they were asked, mean over seeds.", heads, rows)


def ahead_table(evidence: Evidence) -> str:
    """How far rows are ahead of plain GRPO after every number of updates, which are as many rollouts."""
    rows = {
        f"{row}, {evidence.plan.rollouts(row, at):,}": list(map(change, evidence.compare(row, "grpo", among=comparer)))
        for row in next(iter(evidence.by_updates.values())).results
        for at, comparer in evidence.by_updates.items()
        if row != "grpo"
    }
    return by_row(
        "**Ahead of `grpo` with as many rollouts**, in points, described: each interval 95 % for itself. Settings are "
        "those of the chosen numbers of updates.",
        titles_of(evidence.plan),
        rows,
    )


def _equal_cpu(cheap: Comparer, main: Sequence[str]) -> list[str]:
    uneven = ", ".join(code(row) for row in main if row not in cheap.results)
    left_out = f" Left out is what takes other seconds an update than its kind: {uneven}." if uneven else ""
    return [
        "**At about equal CPU seconds**, by the plan's seconds an update; those that were spent are below. Settings "
        "are those of the chosen numbers of updates, and `rft` is charged for the judging of its rollouts, which it "
        f"does not need.{left_out}",
        *score_tables(cheap.results),
        cost_table(cheap.results),
        difference_table(cheap, "grpo", list(cheap.results)),
    ]


def _other_world(comparer: Comparer, rows: Sequence[str]) -> list[str]:
    return [
        "**One other world**, with other shapes, partners, common objects, checkpoint and judge: one build, settings "
        "tuned in the first, three seeds, nothing tested.",
        *_told(comparer, rows, ("base", "grpo", "caption"), None),
    ]
