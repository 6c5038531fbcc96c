"""Tables and figures of the plan, block by block as they are whole. Imported lazily only."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Final

from harness.core.errors import StoreError
from harness.demo.experiment.plan import Hypothesis, Outcome, Plan
from harness.demo.experiment.results import (
    SEED_FREE,
    Comparer,
    Results,
    draw_held_out,
    match_seeds,
    read_results,
    score_of,
)
from harness.demo.experiment.tables import by_row, difference_table, score_tables, signs
from harness.reports.differences import change
from harness.reports.markdown import code, table
from harness.reports.plots import SERIES, Line, lines
from harness.reports.svg import picture
from harness.statistics.differences import Difference, test_together

DOSE: Final = "dose-"
"""Of the names of blocks whose pools differ in what a bypass earns."""


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


def is_whole(plan: Plan, results: Path, name: str) -> bool:
    """Whether all of a block is there; of one that is exploration, all that can be trained."""
    if plan.blocks[name].what != "exploration" and plan.pending(name):
        return False
    try:
        return not any(run.missing(results) for run in plan.runs(name, score_of(plan, results)))
    except StoreError:
        return False


def sections(plan: Plan, results: Path) -> list[str]:
    """What is to be said of the blocks that are whole."""
    whole = [name for name in plan.blocks if is_whole(plan, results, name)]
    told = [chosen_table(plan, results)] if "tune" in whole else []
    if "confirm" in whole:
        told += _confirmed(plan, results, [name for name in ("confirm", "parts", "rivals") if name in whole])
    if "confirm" in whole and all(name in whole for name in plan.blocks if name.startswith(DOSE)):
        told.append(_dose_table(plan, results))
    if "world-2" in whole:
        found = read_results(plan, results, ["world-2"], plan.blocks["world-2"].rows, _chosen(plan, results))
        with draw_held_out(found) as questions:
            told += [
                "**Another world**, with other shapes, partners, common objects, checkpoint and judge.",
                *score_tables(found),
                difference_table(Comparer(found, questions), "grpo", list(found)),
            ]
    return [part for part in told if part]


def _chosen(plan: Plan, results: Path) -> Callable[[str], int]:
    score = score_of(plan, results)
    return lambda row: 0 if plan.rows[row].kind is None else plan.choose(row, score)[1]


def _equal_cpu(plan: Plan) -> Callable[[str], int]:
    kinds = {row: plan.kinds[of.kind].equal_cpu if of.kind else 0 for row, of in plan.rows.items()}
    return kinds.__getitem__


def chosen_table(plan: Plan, results: Path) -> str:
    """The setting that was chosen for each row, of how many, and what it came to in the exploration."""
    score = score_of(plan, results)
    rows = {}
    for row in plan.blocks["tune"].rows:
        if plan.rows[row].pending:
            continue
        tries = [score(run, at) for run in plan.runs("tune", None) if run.row == row for at in run.updates]
        setting, updates = plan.choose(row, score)
        words = ", ".join(text.removeprefix("train.") for text in plan.grid[plan.rows[row].kind or ""][setting])
        rows[row] = [words, str(updates), f"{100 * max(tries):.1f}", f"{100 * min(tries):.1f}", str(len(tries))]
    title = "**Tuning** on the demo's own data: the setting of each row, and the mean of both outcomes, best and worst."
    return by_row(title, ["chosen", "updates", "best", "worst", "tries"], rows)


def _confirmed(plan: Plan, results: Path, blocks: Sequence[str]) -> list[str]:
    main = plan.blocks["confirm"].rows
    equal = read_results(plan, results, ["confirm"], main, _chosen(plan, results))
    even = [row for row in main if plan.rows[row].seconds is None]
    cheap = read_results(plan, results, ["confirm"], even, _equal_cpu(plan))
    uneven = ", ".join(code(row) for row in main if row not in even)
    left_out = f" Left out is what takes other seconds an update than its kind: {uneven}." if uneven else ""
    most = max(plan.rollouts(row, plan.kinds[of].updates[-1]) for row in main if (of := plan.rows[row].kind))
    capped = f"no row may spend more than {most:,} rollouts; the cost is below."
    with draw_held_out(equal) as questions:
        comparer = Comparer(equal, questions)
        parts = [
            f"**At the chosen numbers of updates**: {capped}",
            *score_tables(equal),
            cost_table(equal),
            *(hypothesis_table(plan, test_in_order(plan, comparer)),),
            *(difference_table(comparer, against, list(equal)) for against in ("grpo", "method")),
            f"**At equal CPU seconds**, by the plan's seconds an update; those that were spent are below.{left_out}",
            *score_tables(cheap),
            cost_table(cheap),
            difference_table(Comparer(cheap, questions), "grpo", list(cheap)),
        ]
        for block in blocks[1:]:
            rows = [*main[:4], *plan.blocks[block].rows]
            both = match_seeds(read_results(plan, results, ["confirm", block], rows, _chosen(plan, results)), rows)
            compared = Comparer(both, questions)
            parts += [
                f"**{block.capitalize()}**, at the chosen numbers of updates: {capped}",
                *score_tables(both),
                cost_table(both),
                *(difference_table(compared, against, list(both)) for against in ("grpo", "caption")),
            ]
    return [*parts, signs(equal)]


def cost_table(results: Results) -> str:
    """What each row spent, mean over seeds: rollouts, updates, and CPU seconds with those of its selection."""

    def mean(row: str, of: Callable[[Mapping[str, object]], float]) -> str:
        return f"{fmean(of(item) for item in results[row].values()):,.0f}"

    return by_row(
        "**Cost**, mean over seeds.",
        ["rollouts", "updates", "CPU seconds"],
        {
            row: [
                mean(row, lambda item: float(str(item["rollouts"]))),
                mean(row, lambda item: float(str(item["steps"]))),
                mean(row, spent),
            ]
            for row in results
            if row != SEED_FREE
        },
    )


def spent(result: Mapping[str, object]) -> float:
    """CPU seconds of a training: what was sampled before it, and its steps."""
    seconds = result["cpu_seconds"]
    assert isinstance(seconds, dict)
    return float(seconds["before"] + seconds["training"])


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
        if len(items) < len(keys):  # A row has no result.
            found.append(Tested(hypothesis=hypothesis, differences={}, verdict="not run"))
            going_on = False
            continue
        items = test_together(items) if going_on else items
        holds = [_holds(hypothesis, outcome, item) for (_, _, outcome), item in zip(keys, items, strict=True)]
        verdict = ("shown" if all(holds) else "not shown") if going_on else "described"
        going_on = going_on and all(holds)
        told = {(after, before, outcome.task): item for (after, before, outcome), item in zip(keys, items, strict=True)}
        found.append(Tested(hypothesis=hypothesis, differences=told, verdict=verdict))
    return found


test_in_order.__test__ = False  # type: ignore[attr-defined]  # Not one of pytest's.


def _holds(hypothesis: Hypothesis, outcome: Outcome, item: Difference) -> bool:
    if item.low is None or item.high is None:
        return False
    return item.low > 0 if hypothesis.claim == "better" else 100 * item.high < outcome.margin


def hypothesis_table(plan: Plan, tested: Sequence[Tested]) -> str:
    """The hypotheses in their order, and what came out."""
    rows = [
        [
            item.hypothesis.says,
            "; ".join(
                f"{code(after)} over {code(before)}: "
                + ", ".join(
                    change(item.differences[after, before, outcome.task])
                    for outcome in plan.outcomes
                    if (after, before, outcome.task) in item.differences
                )
                for after, before in item.hypothesis.pairs
            ),
            item.verdict,
        ]
        for item in tested
    ]
    outcomes = " and ".join(outcome.task for outcome in plan.outcomes)
    heads = ["hypothesis", f"points of {outcomes}", "verdict"]
    return f"**Hypotheses**, each tested while all before it were shown.\n\n{table(heads, rows, align=['left'] * 3)}"


def doses(plan: Plan, results: Path) -> dict[tuple[int, int], Results]:
    """The rows of the dose blocks by share, at equal CPU seconds, with the pool of `confirm` among them."""
    names = [name for name in plan.blocks if name.startswith(DOSE)]
    rows = plan.blocks[names[0]].rows
    shares = {plan.blocks[name].share: name for name in ["confirm", *names]}
    seeds = plan.blocks[names[0]].seeds
    found: dict[tuple[int, int], Results] = {}
    for share in sorted(shares):
        read = read_results(
            plan, results, [shares[share]], rows, lambda row: plan.kinds[plan.rows[row].kind or ""].equal_cpu
        )
        found[share] = {row: {seed: of for seed, of in by.items() if seed in seeds} for row, by in read.items()}
    return found


def _dose_table(plan: Plan, results: Path) -> str:
    found, rows = doses(plan, results), {}
    figures = [(outcome.task, outcome.measure) for outcome in plan.outcomes]
    with draw_held_out(next(iter(found.values()))) as questions:
        for (fails, pays), of in found.items():
            comparer = Comparer(of, questions)
            for row in (row for row in of if row != "grpo"):
                told = [change(item) for item in comparer.compare("grpo", row, figures)]
                rows[f"{fails}:{pays}, `{row}`"] = told
    title = (
        "**Dose and response**: against `grpo` in points, by how many of seven conflicting kinds of training questions "
        "an answer at a glance gets wrong and right; at equal CPU seconds, three seeds, each interval for itself."
    )
    return by_row(title, [outcome.task for outcome in plan.outcomes], rows)


def draw_doses(plan: Plan, found: Mapping[tuple[int, int], Results]) -> str:
    """A plot for each outcome with a line a row over the shares: the mean over seeds between the least and greatest."""
    plots = []
    for outcome in plan.outcomes:
        series = []
        for row, tone in zip(next(iter(found.values())), SERIES, strict=False):
            points, band = [], []
            for share, of in found.items():
                values = [float(item["scores"][outcome.task][outcome.measure]) for item in of[row].values()]
                points.append((float(share[0]), fmean(values)))
                band.append((float(share[0]), min(values), max(values)))
            series.append(Line(row, tone, points, band=band, dots=True))
        of_seven = "of seven kinds, those that a glance gets wrong"
        plots.append(lines(series, title=outcome.task, scale=100.0, across_is=of_seven))
    return picture(plots, columns=len(plots))
